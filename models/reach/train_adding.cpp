// The adding problem (Hochreiter and Schmidhuber 1997, section 5.4): two numbers of a long sequence are marked, one in
// each half, and their sum is asked for at the end. Who knows neither says 1, with a mean squared error of 1/6.
#include <heed/heed.h>
#include <heed/models/draw/svg.h>
#include <heed/models/draw/tensor.h>
#include <heed/models/reach/reach.h>
#include <heed/models/run/fit.h>
#include <cstdio>
using namespace heed;

namespace {

struct Sums {
  Tensor x;    // [B, T, 2]: numbers from 0 to 1, and 1 where they are marked
  Tensor sum;  // [B]
};
Sums sample(int64_t B, int64_t T, Rng& rng) {
  const Tensor number = rand({B, T}, rng), place = arange(T);
  const Tensor marked = (place == randint(0, T / 2, {B, 1}, rng)) | (place == randint(T / 2, T, {B, 1}, rng));
  return {stack({number, cast(marked, f32)}, -1), sum(where(marked, number, 0), 1)};
}

void train(Options& options) {
  options.group("Model");
  const auto [kind, memory] =
      options.choice<Adder::Memory>("--memory", {{"lstm", Adder::lstm}, {"rnn", Adder::rnn}}, "what remembers");
  const int64_t hidden = options.integer("--hidden", 32, "size of a state", at_least(1));
  options.group("Task");
  const int64_t length = options.integer("--length", 100, "numbers in a sequence", at_least(2));
  const Fit how = fit_options(options, {.steps = 2000, .lr = 1e-2, .out = "runs/adding", .title = "Adding: " + kind});
  options.done();

  seed(uint64_t(how.seed));
  Adder model{.hidden = hidden, .length = length, .memory = memory};
  const RunFolder run = fit(model, how, options, [&](Rng& rng) {
    const Sums s = sample(how.batch, length, rng);
    return mse_loss(model(s.x), s.sum);
  });
  if (interrupted()) return;

  Rng unseen{uint64_t(how.seed) + 1000};
  const Sums s = sample(1000, length, unseen);
  std::printf("\n1000 new sequences of %lld numbers\n", static_cast<long long>(length));
  std::printf("mean squared error %.4f, of who says 1 %.4f\n", mse_loss(model(s.x), s.sum).item(),
              mse_loss(ones_like(s.sum), s.sum).item());
  // Which numbers the answers depend on: the slope is 1 at those that are marked
  const Tensor x = s.x(range(0, 8)).requires_grad();
  const Tensor slope = grad(sum(model(x)), {x})[0](_, _, 0), marked = s.x(range(0, 8), _, 1) > 0;
  std::printf("slope of the answer by a marked number %.3f", mean(slope(marked)).item());
  if (length > 2) std::printf(", by any other %.3f", mean(abs(slope(~marked))).item());
  std::printf("\n");
  draw::save_svg(
      run.path("slopes.svg"),
      draw::heat_maps(draw::cropped({draw::matrix_of(
          slope, {.title = "What the answer depends on: " + kind, .row_name = "sequence", .col_name = "step"})})));
  std::printf("wrote %s and loss.svg beside it\n", run.path("slopes.svg").c_str());
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(
      argc, argv,
      {.what = "Adds two marked numbers of a long sequence, which a net must have kept.", .example = "--memory rnn"},
      train);
}
