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

double share(const Tensor& x) { return mean(cast(x, f64)).item(); }
Tensor at(const Tensor& x, const Tensor& steps) { return index_select(x, 1, steps); }

struct Score {
  double perfect = 0;     // examples without a wrong bit
  double wrong_bits = 0;  // of an example, on the average
};
template <class M>
Score score(const M& model, const CopyTask& task, Rng& rng) {
  const Copies c = sample_copies(task, 500, rng);
  const Tensor said = at(model(c.x).y, c.asked) > 0;
  const Tensor wrong = cast(count_nonzero(said != (c.target > 0.5), {1, 2}), f64);  // [500]
  return {mean(cast(wrong == 0, f64)).item(), mean(wrong).item()};
}

CopyTask of_length(CopyTask task, int64_t length) {
  task.shortest = task.longest = length;
  return task;
}
// Longer strings than in training or, of several, more of them: twice and four times.
CopyTask grown(CopyTask task, int64_t times) {
  (task.strings == 1 ? task.longest : task.strings) *= times;
  return of_length(task, task.longest);
}

// Where the heads have their largest weights: [B, T]
struct Heads {
  Tensor read, write;
  explicit Heads(const Tensor& weights) : read(argmax(weights(_, _, 0))), write(argmax(weights(_, _, 1))) {}

  // Of the bytes that are said, how many are read where they were written, in these steps?
  double found(const Copies& c, const Tensor& steps) const { return share(at(read, steps) == at(write, c.shown)); }
  // Those of saying them, or, always, a step before.
  Tensor reading(const Copies& c) const {
    const Tensor before = c.asked - 1;
    return found(c, c.asked) > found(c, before) ? c.asked : before;
  }
};

// How the read head goes while it says a string: the share of its steps that move it by one slot, always in the same
// direction; and of those in which it stands where the byte was written.
struct Walk {
  double by_one = 0, where_written = 0;
};
Walk walk_of(const Tensor& weights, const Copies& c) {  // weights [B, T, 2, slots]
  const Heads heads(weights);
  const int64_t slots = weights.size(-1);
  const Tensor read = at(heads.read, c.asked), moved = remainder(slice(read, 1, 1) - slice(read, 1, 0, -1), slots);
  return {std::max(share(moved == 1), share(moved == slots - 1)), heads.found(c, heads.reading(c))};
}

// How slots come and go: how used a slot is when it is read and a step later, the free gate then, the allocation gate
// while strings are shown, and how many bytes of later strings go where one has been said already.
struct Turnover {
  double read = 0, then = 0, free = 0, allocation = 0, again = 0;
};
Turnover turnover_of(const DifferentiableNeuralComputer::Result& r, const Copies& c) {
  const Heads heads(r.weights);
  const Tensor read = heads.reading(c)(range(0, -1)), slot = unsqueeze(at(heads.read, read), 2);
  auto used = [&](const Tensor& steps) { return mean(gather(at(r.usage, steps), 2, slot)).item(); };
  auto gate = [&](int64_t i, const Tensor& steps) { return mean(at(r.gates(_, _, i), steps)).item(); };
  const Tensor wrote = at(heads.write, c.shown), said = c.asked < unsqueeze(c.shown, 1);  // by then
  const Tensor again = any((unsqueeze(wrote, 1) == unsqueeze(wrote, 2)) & said, -1);
  return {used(read), used(read + 1), gate(0, read + 1), gate(1, c.shown), share(again) / share(any(said, -1))};
}

// The heads over time, what is in the memory in the end, and what was said.
template <class Result>
void draw_run(const RunFolder& run, const Result& r, const Copies& c, const std::string& memory) {
  const Tensor said = sigmoid(at(r.y, c.asked))(0);
  draw::save_svg(run.path("bits.svg"),
                 draw::heat_maps(
                     draw::cropped({draw::matrix_of(transpose(c.target(0)), {.title = "to be said", .row_name = "bit"}),
                                    draw::matrix_of(transpose(said), {.title = "said", .row_name = "bit"})}),
                     {.title = "A string of bits: " + memory, .across = 1}));
  if constexpr (requires { r.weights; }) {
    auto over_time = [&](const Tensor& x, draw::Matrix m) {
      m.col_name = "step";
      return draw::matrix_of(transpose(x(0)), m);
    };
    std::vector<draw::Matrix> shown{over_time(r.weights(_, _, 1), {.title = "write head", .row_name = "slot"}),
                                    over_time(r.weights(_, _, 0), {.title = "read head", .row_name = "slot"})};
    if constexpr (requires { r.usage; }) {
      shown.push_back(over_time(r.usage, {.title = "usage", .row_name = "slot"}));
      shown.push_back(over_time(r.gates, {.row_labels = {"free", "allocate", "write"}, .title = "gates"}));
    }
    draw::save_svg(run.path("heads.svg"),
                   draw::heat_maps(draw::cropped(shown), {.title = "Where the heads stand: " + memory, .across = 1}));
    draw::save_svg(run.path("memory.svg"),
                   draw::heat_maps(draw::cropped({draw::matrix_of(
                       transpose(r.state.memory(0)),
                       {.title = "The memory in the end: " + memory, .row_name = "column", .col_name = "slot"})})));
  }
}

template <class M>
void train(M model, const std::string& memory, int64_t slots, const CopyTask& task, const Fit& how,
           const Options& options) {
  const RunFolder run = fit(model, how, options, [&](Rng& rng) {
    const Copies c = sample_copies(task, how.batch, rng);
    return binary_cross_entropy_with_logits(at(model(c.x).y, c.asked), c.target);
  });
  if (interrupted()) return;

  Unrecorded off;
  Rng unseen{uint64_t(how.seed) + 1000};
  std::printf("\n500 new examples of each kind\n");
  for (int64_t times : {1, 2, 4}) {
    const CopyTask longer = grown(task, times);
    if (longer.longest > slots) break;
    const Score s = score(model, longer, unseen);
    std::printf("%lld of length %lld: %.1f%% without an error, %.2f wrong bits of %lld\n",
                static_cast<long long>(longer.strings), static_cast<long long>(longer.longest), 100 * s.perfect,
                s.wrong_bits, static_cast<long long>(longer.longest * longer.strings * longer.bits));
  }
  const int64_t length = task.strings == 1 ? std::min(2 * task.longest, slots) : task.longest;
  const Copies shown = sample_copies(of_length(task, length), 100, unseen);
  const auto r = model(shown.x);
  if constexpr (requires { r.weights; })
    if (task.strings == 1) {
      const Walk w = walk_of(r.weights, shown);
      std::printf(
          "at length %lld the read head moves by one slot in %.3f of its steps, and stands where the bits were "
          "written in %.3f\n",
          static_cast<long long>(length), w.by_one, w.where_written);
    }
  if constexpr (requires { r.usage; })
    if (task.strings > 1) {
      const Copies most = sample_copies(grown(task, 4), 100, unseen);
      const Turnover t = turnover_of(model(most.x), most);
      std::printf("usage of a slot %.3f when it is read, %.3f a step later, by a free gate of %.3f\n", t.read, t.then,
                  t.free);
      std::printf("allocation gate %.3f while strings are shown; %.3f of later bytes go where one has been said\n",
                  t.allocation, t.again);
    }
  draw_run(run, r, shown, memory);
  std::printf(
      "wrote %s and loss.svg%s beside it\n", run.path("bits.svg").c_str(),
      requires { r.weights; } ? ", heads.svg, memory.svg" : "");
}

void train(Options& options) {
  options.group("Model");
  const std::string memory =
      options.choice("--memory", {"ntm", "dnc", "dnc_without_freeing", "lstm"}, "what remembers the strings");
  const Controller::Kind controller =
      options
          .choice<Controller::Kind>("--controller",
                                    {{"feed_forward", Controller::feed_forward}, {"lstm", Controller::lstm}},
                                    "what steers it")
          .value;
  if (memory == "lstm") options.no_part("--controller", "--memory lstm");
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
