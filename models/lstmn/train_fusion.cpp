// What it takes to write from memory: a string of letters is read, and written backwards. An LSTMN that writes may look
// at what another has read, which comes in beside its input (shallow fusion) or into its memory (deep fusion); without,
// the whole string must pass through the reader's last state.
#include <heed/heed.h>
#include <heed/models/data/reversed.h>
#include <heed/models/draw/svg.h>
#include <heed/models/draw/tensor.h>
#include <heed/models/lstmn/translator.h>
#include <heed/models/run/fit.h>
#include <cstdio>
using namespace heed;

namespace {

const Vocabulary letters(reversed_characters);

struct Strings {  // all of one length
  std::vector<ReversedPair> pairs;
  Tensor source;  // [B, length + 1] i64, with the end
  Tensor target;  // [B, length]
};
Strings sample(int64_t n, int64_t length, Rng& rng) {
  Strings r;
  std::vector<int64_t> source, target;
  for (int64_t i = 0; i < n; ++i) {
    const ReversedPair& p = r.pairs.emplace_back(sample_reversed(length, length, rng));
    for (int64_t id : letters.encode(p.source)) source.push_back(id);
    for (int64_t id : letters.encode(p.target)) target.push_back(id);
    source.push_back(Vocabulary::end);
  }
  r.source = tensor(source, {n, length + 1}), r.target = tensor(target, {n, length});
  return r;
}

void train(Options& options) {
  options.group("Model");
  using Fusion = std::optional<LstmnDecoder::Fusion>;
  const auto [kind, fusion] = options.choice<Fusion>(
      "--fusion", {{"deep", LstmnDecoder::deep}, {"shallow", LstmnDecoder::shallow}, {"none", std::nullopt}},
      "how what it has read comes in");
  const int64_t hidden = options.integer("--hidden", 64, "size of a state", at_least(1));
  options.group("Task");
  const int64_t longest = options.integer("--longest", 12, "letters of a string in training", at_least(1));
  const Fit how =
      fit_options(options, {.steps = 2000, .lr = 5e-3, .out = "runs/fusion", .title = "Backwards: " + kind});
  options.done();

  seed(uint64_t(how.seed));
  LstmnTranslator model{.vocab = letters.size(), .width = 32, .hidden = hidden, .fusion = fusion};
  const RunFolder run = fit(model, how, options, [&](Rng& rng) {
    const Strings s = sample(how.batch, 1 + rng.below(longest), rng);
    return cross_entropy(model(s.source, s.target).logits, s.target);
  });
  if (interrupted()) return;

  Unrecorded off;
  Rng unseen{uint64_t(how.seed) + 1000};
  const Strings s = sample(500, longest, unseen);
  const auto [logits, weights] = model(s.source, s.target, false);
  const Tensor right = argmax(logits) == s.target;
  std::printf("\n500 new strings of %lld letters, written without help\n", static_cast<long long>(longest));
  std::printf("strings right %.1f%%, letters %.1f%%\n", 100 * mean(cast(all(right, 1), f64)).item(),
              100 * mean(cast(right, f64)).item());
  if (!fusion) {
    std::printf("wrote %s\n", run.path("loss.svg").c_str());
    return;
  }
  AlignmentScore looks;
  for (int64_t i = 0; i < 500; ++i) looks.add(weights(i), s.pairs[std::size_t(i)].alignment, 1);
  std::printf("weight within a place of the letter %.3f\n", looks.mass());
  const ReversedPair& shown = s.pairs[0];
  draw::Matrix m{.title = "Where it looks: " + kind, .row_name = "written", .col_name = "read"};
  for (char c : shown.target) m.row_labels.emplace_back(1, c);
  for (char c : shown.source + ".") m.col_labels.emplace_back(1, c);
  draw::save_svg(run.path("attention.svg"), draw::heat_maps(draw::cropped({draw::matrix_of(weights(0), m)})));
  std::printf("wrote %s and loss.svg beside it\n", run.path("attention.svg").c_str());
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(argc, argv,
                     {.what = "Writes strings backwards, by attention over its own states and over what it has read.",
                      .example = "--fusion shallow"},
                     train);
}
