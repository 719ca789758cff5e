// Repeats what stood three places before, among random words. What to look at follows from the place alone: scores that
// are numbers for places learn it, and show it as a band; scores of what stands there cannot, and only count the words.
#include <heed/heed.h>
#include <heed/models/draw/svg.h>
#include <heed/models/draw/tensor.h>
#include <heed/models/positions/distance_reader.h>
#include <heed/models/run/fit.h>
#include <cstdio>
using namespace heed;

namespace {

void train(Options& options) {
  options.group("Model");
  const std::string kind = options.choice("--attention", {"positional", "factorized", "general", "dot"},
                                          "its scores: of places, of places by factors, or of words");
  const int64_t width = options.integer("--width", 16, "of the embeddings", at_least(1));
  const int64_t rank = options.integer("--rank", 4, "of the factors", at_least(1));
  if (kind != "factorized") options.no_part("--rank", "--attention " + kind);
  options.group("Task");
  const int64_t distance = options.integer("--distance", 3, "how many places back the answer stands", at_least(1));
  const int64_t length = options.integer("--length", 32, "words in a sequence", at_least(double(distance + 1)));
  const int64_t vocab = options.integer("--vocab", 16, "how many words there are", at_least(2));
  const Fit how = fit_options(options, {.steps = 600, .lr = 0.3, .out = "runs/distance", .title = "Distance: " + kind});
  options.done();

  seed(uint64_t(how.seed));
  const ScoreSizes sizes{.query_width = width, .key_width = width, .length = length, .rank = rank};
  DistanceReader model{.vocab = vocab, .width = width, .attention = {.score = make_score(kind, sizes)}};
  const Range asked{distance}, answers{.to = length - distance};
  const RunFolder run = fit(model, how, options, [&](Rng& rng) {
    const Tensor x = randint(0, vocab, {how.batch, length}, rng);
    return cross_entropy(model(x)(_, asked), x(_, answers));
  });
  if (interrupted()) return;

  Unrecorded off;
  Rng unseen{uint64_t(how.seed) + 1000};
  const Tensor x = randint(0, vocab, {1000, length}, unseen), weights = model.weights(x);
  auto share = [](const Tensor& truths) { return 100 * mean(cast(truths, f64)).item(); };
  const Tensor words = one_hot(x, vocab), before = cumsum(words, 1) - words;  // of each word, how often before
  const Tensor commonest = cast(max(before(_, asked), -1), f64) / cast(unsqueeze(arange(length)(asked), 0), f64);
  std::printf("\n1000 new sequences of %lld words\n", static_cast<long long>(length));
  std::printf("answers right %.2f%%, at best %.2f%% if blind to the order\n",
              share(argmax(model(x)(_, asked)) == x(_, answers)), 100 * mean(commonest).item());
  const Tensor band = diagonal(weights, -distance, 1, 2);  // [B, length - distance]
  std::printf("largest weight %lld places back in %.2f%%, weight there %.3f\n", static_cast<long long>(distance),
              share(argmax(weights)(_, asked) == arange(length - distance)), mean(band).item());
  std::printf("scores of %lld numbers\n", static_cast<long long>(parameters(model.attention).numel()));

  draw::save_svg(run.path("weights.svg"),
                 draw::heat_maps(draw::cropped({draw::matrix_of(
                     mean(weights, 0),
                     {.title = "Where each place looks: " + kind, .row_name = "place", .col_name = "looks at"})})));
  draw::save_svg(run.path("scores.svg"), draw::heat_maps(draw::cropped({draw::matrix_of(
                                             reshape(model.scores(x(range(0, 1))), {length, length}),
                                             {.title = "Scores: " + kind, .row_name = "place", .col_name = "of"})})));
  std::printf("wrote %s and weights.svg, loss.svg beside it\n", run.path("scores.svg").c_str());
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(argc, argv,
                     {.what = "Learns to repeat what stood three places before, by the place alone.",
                      .example = "--attention factorized --rank 2"},
                     train);
}
