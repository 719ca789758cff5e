// What an attention remembers: keys are written with values, the same key more than once, and the latest value is asked
// for. Softmax over a list of writes and a matrix they are summed up in know all that was written with a key, but not
// what came last; the delta rule takes the former value out before it writes the new one.
#include <heed/heed.h>
#include <heed/models/data/associations.h>
#include <heed/models/draw/svg.h>
#include <heed/models/draw/tensor.h>
#include <heed/models/fast_weights/fast_weights.h>
#include <heed/models/run/fit.h>
#include <algorithm>
#include <cstdio>
using namespace heed;

namespace {

// One memory, asked for every key at once: probabilities [keys, values] after the first `count` writes of example i.
Tensor answers(const AssociativeMemory& m, const Associations& a, int64_t i, int64_t count) {
  auto each = [&](const Tensor& x) { return expand(x(i, range(0, count)), {m.keys, count}); };
  return softmax(m(each(a.keys), each(a.values), arange(m.keys)));
}

struct Score {
  double right = 0, blind = 0;         // answers, and those of the best reader that is blind to the order of the writes
  double last = 0;                     // is the last write what its key reads?
  int64_t rewritten = 0;               // keys with values before their latest
  double latest = 0, overwritten = 0;  // probability that they read that, and those before
};
Score score(const AssociativeMemory& m, const AssociationTask& task, Rng& rng) {
  constexpr int64_t n = 2000, looked_into = 200;
  const Associations a = sample_associations(task, n, rng);
  Score r{.right = mean(cast(argmax(m(a.keys, a.values, a.asked)) == a.answer, f64)).item(),
          .blind = mean(a.blind_to_order).item()};
  for (int64_t i = 0; i < looked_into; ++i) {
    const Tensor p = answers(m, a, i, task.writes);
    const auto k = a.keys(i).to_vector<int64_t>(), v = a.values(i).to_vector<int64_t>();
    r.last += argmax(p(k.back())).item() == double(v.back());
    std::vector<std::vector<int64_t>> of_key(static_cast<std::size_t>(task.keys));  // their values, in order
    for (std::size_t t = 0; t < k.size(); ++t) of_key[std::size_t(k[t])].push_back(v[t]);
    for (int64_t key = 0; key < task.keys; ++key) {
      std::vector<int64_t>& written = of_key[std::size_t(key)];
      if (written.size() < 2) continue;
      const std::vector<double> read = p(key).to_vector();
      const int64_t latest = written.back();
      std::sort(written.begin(), written.end());
      written.erase(std::unique(written.begin(), written.end()), written.end());
      ++r.rewritten, r.latest += read[std::size_t(latest)];
      for (int64_t former : written)
        if (former != latest) r.overwritten += read[std::size_t(former)];
    }
  }
  r.last /= looked_into, r.latest /= double(r.rewritten), r.overwritten /= double(r.rewritten);
  return r;
}

void train(Options& options) {
  options.group("Model");
  using Memory = AssociativeMemory;
  const auto [kind, memory] = options.choice<Memory::Kind>(
      "--attention", {{"delta", Memory::delta}, {"sum", Memory::sum}, {"softmax", Memory::softmax}},
      "what the memory is");
  const int64_t width = options.integer("--width", 32, "of the embeddings of keys and values", at_least(1));
  options.group("Task");
  const bool overwriting =
      options.choice("--task", {"overwriting", "distinct"}, "may a key be written more than once?") == "overwriting";
  const int64_t keys = options.integer("--keys", 32, "how many there are", at_least(1));
  const int64_t values = options.integer("--values", 32, "how many there are", at_least(1));
  const int64_t writes = options.integer("--writes", overwriting ? 32 : 16, "before a key is asked for", at_least(1));
  const Fit how =
      fit_options(options, {.steps = 400, .lr = 1e-2, .out = "runs/retrieval", .title = "Retrieval: " + kind});
  options.done();

  seed(uint64_t(how.seed));
  const AssociationTask task{.keys = keys, .values = values, .writes = writes, .overwriting = overwriting};
  AssociativeMemory model{.keys = keys, .values = values, .width = width, .kind = memory};
  const RunFolder run = fit(model, how, options, [&](Rng& rng) {
    const Associations a = sample_associations(task, how.batch, rng);
    return cross_entropy(model(a.keys, a.values, a.asked), a.answer);
  });
  if (interrupted()) return;

  Unrecorded off;
  Rng unseen{uint64_t(how.seed) + 1000};
  const Associations shown = sample_associations(task, 1, unseen);
  const Score s = score(model, task, unseen);
  std::printf("\n2000 new memories of %lld writes\n", static_cast<long long>(writes));
  std::printf("answers right %.1f%%, at best %.1f%% if blind to the order\n", 100 * s.right, 100 * s.blind);
  std::printf("the key written last reads its value in %.1f%%\n", 100 * s.last);
  if (s.rewritten)
    std::printf("keys written again read the latest value with probability %.3f, those before with %.3f\n", s.latest,
                s.overwritten);

  std::vector<draw::Matrix> read;
  for (int64_t count : {writes / 4, writes / 2, writes})
    read.push_back(draw::matrix_of(
        answers(model, shown, 0, count),
        {.title = "after " + std::to_string(count) + " writes", .row_name = "key asked for", .col_name = "value"}));
  draw::save_svg(run.path("answers.svg"),
                 draw::heat_maps(draw::cropped(read), {.title = "What each key reads: " + kind, .across = 3}));
  if (model.matrix)
    draw::save_svg(run.path("fast_weights.svg"),
                   draw::heat_maps(draw::cropped(
                       {draw::matrix_of(model.write(shown.keys, shown.values)(0, 0),
                                        {.title = "Fast weights after " + std::to_string(writes) + " writes: " + kind,
                                         .row_name = "feature of a key",
                                         .col_name = "what is written with it"})})));
  std::printf("wrote %s and %s beside it\n", run.path("answers.svg").c_str(),
              model.matrix ? "fast_weights.svg, loss.svg" : "loss.svg");
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(argc, argv,
                     {.what = "Writes keys with values into an attention's memory and asks for the latest value.",
                      .example = "--attention sum"},
                     train);
}
