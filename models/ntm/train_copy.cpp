// What a memory beside the net is good for: strings of bits are shown and must be said again, also such as are longer
// than any seen in training. A Neural Turing Machine writes them down slot by slot and walks along them; an LSTM has
// its state.
#include <heed/heed.h>
#include <heed/models/data/copy.h>
#include <heed/models/draw/svg.h>
#include <heed/models/draw/tensor.h>
#include <heed/models/ntm/ntm.h>
#include <heed/models/run/fit.h>
#include <cstdio>
using namespace heed;

namespace {

struct Score {
  double perfect = 0;     // strings without a wrong bit
  double wrong_bits = 0;  // of a string, on the average
};
template <class M>
Score score(const M& model, CopyTask task, int64_t length, Rng& rng) {
  constexpr int64_t n = 500;
  task.shortest = task.longest = length;
  const Copies c = sample_copies(task, n, rng);
  const Tensor said = index_select(model(c.x).y, 1, c.asked);
  const Tensor wrong = sum(cast((said > 0) != (c.target > 0.5), f64), {1, 2});  // [n]
  return {mean(cast(wrong == 0, f64)).item(), mean(wrong).item()};
}

// How the read head goes while it says the strings: the share of its steps that move its largest weight by one slot,
// always in the same direction, and of those in which it stands where this was written.
struct Walk {
  double by_one = 0, to_written = 0;
};
Walk walk_of(const Tensor& weights, const Copies& c) {  // weights [B, T, 2, slots]
  const int64_t length = c.target.size(1), slots = weights.size(-1);
  const Tensor at = argmax(weights), reads = index_select(at(_, _, 0), 1, c.asked);
  const Tensor wrote = index_select(at(_, _, 1), 1, c.asked - length - 1);
  const Tensor moved = remainder(reads(_, range(1, length)) - reads(_, range(0, length - 1)), slots);
  auto share = [](const Tensor& x) { return mean(cast(x, f64)).item(); };
  return {std::max(share(moved == 1), share(moved == slots - 1)), share(reads == wrote)};
}

template <class M>
void train(M model, const CopyTask& task, const Fit& how, const Options& options) {
  const RunFolder run = fit(model, how, options, [&](Rng& rng) {
    const Copies c = sample_copies(task, how.batch, rng);
    return binary_cross_entropy_with_logits(index_select(model(c.x).y, 1, c.asked), c.target);
  });
  if (interrupted()) return;

  Unrecorded off;
  Rng unseen{uint64_t(how.seed) + 1000};
  std::printf("\n500 new strings of each length\n");
  for (int64_t length : {task.longest, 2 * task.longest, 4 * task.longest}) {
    const Score s = score(model, task, length, unseen);
    std::printf("length %lld: %.1f%% without an error, %.2f wrong bits of %lld\n", static_cast<long long>(length),
                100 * s.perfect, s.wrong_bits, static_cast<long long>(length * task.bits));
  }
  CopyTask longer = task;
  longer.shortest = longer.longest = 2 * task.longest;
  const Copies shown = sample_copies(longer, 100, unseen);
  const auto result = model(shown.x);
  if constexpr (requires { result.weights; }) {
    const Walk w = walk_of(result.weights, shown);
    std::printf("walk %.3f written %.3f\n", w.by_one, w.to_written);
  }
}

void train(Options& options) {
  options.group("Model");
  const std::string memory = options.choice("--memory", {"ntm", "lstm"}, "what remembers the strings");
  const Fit how = fit_options(
      options, {.steps = 1000, .lr = 2e-3, .out = "runs/copy", .title = "Copying: " + memory, .batch = 24, .clip = 5});
  options.done();

  seed(uint64_t(how.seed));
  const CopyTask task;
  if (memory == "ntm") train(NeuralTuringMachine{.in = 9, .out = 8, .hidden = 96, .slots = 48, .width = 16}, task, how, options);
  else train(LstmCopier{.in = 9, .out = 8, .hidden = 128, .layers = 2}, task, how, options);
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(argc, argv,
                     {.what = "Copies strings of bits with a memory beside the net.", .example = "--memory lstm"},
                     train);
}
