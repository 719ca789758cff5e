// What a memory beside the net is good for: strings of bits are shown and must be said again, also such as are longer
// than any seen in training. A Neural Turing Machine writes them down slot by slot and walks along them again; a
// Differentiable Neural Computer finds free slots, and follows the order of writing; an LSTM has nothing but its state.
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
  double perfect = 0;     // examples without a wrong bit
  double wrong_bits = 0;  // of an example, on the average
};
template <class M>
Score score(const M& model, const CopyTask& task, Rng& rng) {
  const Copies c = sample_copies(task, 500, rng);
  const Tensor said = index_select(model(c.x).y, 1, c.asked) > 0;
  const Tensor wrong = cast(count_nonzero(said != (c.target > 0.5), {1, 2}), f64);  // [500]
  return {mean(cast(wrong == 0, f64)).item(), mean(wrong).item()};
}

CopyTask of_length(CopyTask task, int64_t length) {
  task.shortest = task.longest = length;
  return task;
}

double share(const Tensor& x) { return mean(cast(x, f64)).item(); }

// How the read head goes while it says a string: the share of its steps that move its largest weight by one slot,
// always in the same direction; and of those in which it stands where this was written, or, always, a step before.
struct Walk {
  double by_one = 0, where_written = 0;
};
Walk walk_of(const Tensor& weights, const Copies& c) {  // weights [B, T, 2, slots]
  const int64_t length = c.asked.size(0), slots = weights.size(-1);
  const Tensor at = argmax(weights), read = index_select(at(_, _, 0), 1, c.asked);  // [B, length]
  const Tensor moved = remainder(slice(read, 1, 1) - slice(read, 1, 0, -1), slots);
  const Tensor wrote = index_select(at(_, _, 1), 1, c.asked - (length + 1));
  const Tensor before = index_select(at(_, _, 0), 1, c.asked - 1);
  return {std::max(share(moved == 1), share(moved == slots - 1)),
          std::max(share(read == wrote), share(before == wrote))};
}

// The heads over time, what is in the memory in the end, and what was said.
template <class Result>
void draw_run(const RunFolder& run, const Result& r, const Copies& c, const std::string& memory) {
  const Tensor said = sigmoid(index_select(r.y, 1, c.asked))(0);
  draw::save_svg(run.path("bits.svg"),
                 draw::heat_maps({draw::matrix_of(transpose(c.target(0)), {.title = "to be said", .row_name = "bit"}),
                                  draw::matrix_of(transpose(said), {.title = "said", .row_name = "bit"})},
                                 {.title = "A string of bits: " + memory, .across = 1}));
  if constexpr (requires { r.weights; }) {
    auto head = [&](int64_t i, const char* title) {
      return draw::matrix_of(transpose(r.weights(0, _, i)), {.title = title, .row_name = "slot", .col_name = "step"});
    };
    draw::save_svg(run.path("heads.svg"), draw::heat_maps({head(1, "write head"), head(0, "read head")},
                                                          {.title = "Where the heads stand: " + memory, .across = 1}));
    draw::save_svg(run.path("memory.svg"),
                   draw::heat_map(draw::matrix_of(
                       transpose(r.state.memory(0)),
                       {.title = "The memory in the end: " + memory, .row_name = "column", .col_name = "slot"})));
  }
}

template <class M>
void train(M model, const std::string& memory, int64_t slots, const CopyTask& task, const Fit& how,
           const Options& options) {
  const RunFolder run = fit(model, how, options, [&](Rng& rng) {
    const Copies c = sample_copies(task, how.batch, rng);
    return binary_cross_entropy_with_logits(index_select(model(c.x).y, 1, c.asked), c.target);
  });
  if (interrupted()) return;

  Unrecorded off;
  Rng unseen{uint64_t(how.seed) + 1000};
  std::printf("\n500 new examples of each length\n");
  for (int64_t length : {task.longest, 2 * task.longest, 4 * task.longest}) {
    if (length > slots) break;
    const Score s = score(model, of_length(task, length), unseen);
    const int64_t bits = length * task.strings * task.bits;
    std::printf("length %lld: %.1f%% without an error, %.2f wrong bits of %lld\n", static_cast<long long>(length),
                100 * s.perfect, s.wrong_bits, static_cast<long long>(bits));
  }
  const int64_t length = std::min(2 * task.longest, slots);
  const Copies shown = sample_copies(of_length(task, length), 100, unseen);
  const auto r = model(shown.x);
  draw_run(run, r, shown, memory);
  if constexpr (requires { r.weights; })
    if (task.strings == 1) {
      const Walk w = walk_of(r.weights, shown);
      std::printf(
          "at length %lld the read head moves by one slot in %.3f of its steps, and stands where the bits were "
          "written in %.3f\n",
          static_cast<long long>(length), w.by_one, w.where_written);
    }
  std::printf(
      "wrote %s and loss.svg%s beside it\n", run.path("bits.svg").c_str(),
      requires { r.weights; } ? ", heads.svg, memory.svg" : "");
}

void train(Options& options) {
  options.group("Model");
  const std::string memory =
      options.choice("--memory", {"ntm", "dnc", "dnc_without_freeing", "lstm"}, "what remembers the strings");
  const auto controller = options.choice("--controller", {"feed_forward", "lstm"}, "what steers it") == "lstm"
                              ? Controller::lstm
                              : Controller::feed_forward;
  const int64_t slots = options.integer("--slots", 48, "of the memory; longer strings are not tried", at_least(3));
  options.group("Task");
  const int64_t strings = options.integer("--strings", 1, "shown and said one after the other", at_least(1));
  const int64_t longest = options.integer("--longest", 10, "bytes of a string in training", at_least(1));
  const Fit how = fit_options(
      options, {.steps = 1500, .lr = 4e-3, .out = "runs/copy", .title = "Copying: " + memory, .batch = 24, .clip = 5});
  options.done();

  seed(uint64_t(how.seed));
  const CopyTask task{.longest = longest, .strings = strings};
  const int64_t in = task.bits + 1, out = task.bits;
  auto trained = [&](auto model) { train(std::move(model), memory, slots, task, how, options); };
  if (memory == "ntm")
    trained(NeuralTuringMachine{.in = in, .out = out, .hidden = 96, .slots = slots, .width = 16, .kind = controller});
  else if (memory.starts_with("dnc"))
    trained(DifferentiableNeuralComputer{
        .in = in, .out = out, .hidden = 96, .slots = slots, .width = 16, .kind = controller, .frees = memory == "dnc"});
  else trained(LstmCopier{.in = in, .out = out, .hidden = 128, .layers = 2});
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(
      argc, argv, {.what = "Copies strings of bits with a memory beside the net.", .example = "--memory lstm"}, train);
}
