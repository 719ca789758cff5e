// Attention inside a recurrent net: some symbols of a string bear marks, and its last place asks which one bore one of
// them. An LSTMN looks back over all its states; an LSTM must have kept all that could be asked in its last one.
#include <heed/heed.h>
#include <heed/models/data/recall.h>
#include <heed/models/draw/svg.h>
#include <heed/models/draw/tensor.h>
#include <heed/models/lstmn/lstmn.h>
#include <heed/models/run/fit.h>
#include <cstdio>
using namespace heed;

namespace {

std::vector<std::string> labels(const Tensor& ids, const RecallTask& task) {  // a, a1 with the first mark, 1?
  std::vector<std::string> r;
  for (int64_t id : ids.to_vector<int64_t>())
    r.push_back(id >= task.question(0) ? std::to_string(id - task.question(0) + 1) + "?"
                : id >= task.symbols ? std::string(1, char('a' + id % task.symbols)) + std::to_string(id / task.symbols)
                                     : std::string(1, char('a' + id)));
  return r;
}

void train(Options& options) {
  options.group("Model");
  const bool attends =
      options.choice("--memory", {"lstmn", "lstm"}, "a tape of all states, or the last one") == "lstmn";
  const int64_t hidden = options.integer("--hidden", attends ? 64 : 79, "size of a state", at_least(1));
  options.group("Task");
  const int64_t marks = options.integer("--marks", 8, "in a string, each on a symbol", at_least(1));
  const int64_t length = options.integer("--length", 24, "of a string, with its question", at_least(1));
  const Fit how = fit_options(options, {.steps = 1000,
                                        .lr = 1e-2,
                                        .out = "runs/recall",
                                        .title = std::string("Recall: ") + (attends ? "LSTMN" : "LSTM")});
  options.done();

  seed(uint64_t(how.seed));
  const RecallTask task{.marks = marks, .length = length};
  Reader model{.vocab = task.vocab(),
               .answers = task.symbols,
               .width = 32,
               .hidden = hidden,
               .memory = attends ? Reader::lstmn : Reader::lstm};
  std::printf("%lld parameters\n", static_cast<long long>(parameters(model).numel()));
  const RunFolder run = fit(model, how, options, [&](Rng& rng) {
    const Recalls r = sample_recalls(task, how.batch, rng);
    return cross_entropy(model(r.ids), r.answer);
  });
  if (interrupted()) return;

  Unrecorded off;
  Rng unseen{uint64_t(how.seed) + 1000};
  constexpr int64_t n = 1000;
  const Recalls r = sample_recalls(task, n, unseen);
  Tensor weights;
  const Tensor right = cast(argmax(model(r.ids, &weights)) == r.answer, f64);
  std::printf("\n%lld new strings of %lld places\n", static_cast<long long>(n), static_cast<long long>(length));
  std::printf("recalled %.1f%%\n", 100 * mean(right).item());
  if (!attends) {
    std::printf("wrote %s\n", run.path("loss.svg").c_str());
    return;
  }
  const Tensor last = weights(_, -1);  // [n, length]
  std::printf("the question looks at its place with weight %.3f\n",
              mean(gather(last, 1, unsqueeze(r.place, 1))).item());
  draw::save_svg(run.path("attention.svg"),
                 draw::heat_maps(draw::cropped({draw::matrix_of(weights(0), {.row_labels = labels(r.ids(0), task),
                                                                             .col_labels = labels(r.ids(0), task),
                                                                             .title = "What each place looks back at",
                                                                             .row_name = "reads",
                                                                             .col_name = "state of"})})));
  std::printf("wrote %s and loss.svg beside it\n", run.path("attention.svg").c_str());
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(
      argc, argv,
      {.what = "Recalls which symbol bore a mark, by attention over its own states.", .example = "--memory lstm"},
      train);
}
