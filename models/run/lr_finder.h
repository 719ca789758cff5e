#pragma once
// Which learning rate? The range test of Smith 2017, section 3.3: one step at each of many growing rates, and a look at
// where the loss falls and where it bursts.
#include "../../optim/optim.h"

namespace heed {

struct LrFinderOptions {
  double low = 1e-7, high = 10;  // rates, each the one before times a constant
  int64_t steps = 100;
  double burst = 4;  // the end: the mean of recent losses is more than this many times the least such mean so far
};

struct LrCurve {
  std::vector<double> lr, loss;  // [n], n <= steps: the loss before the step at each rate
  std::vector<double> smooth;    // mean of the losses around each, a tenth of the steps wide
  double steepest = 0;           // the rate at which the loss falls fastest (least squares over the same stretch)
  double minimum = 0;            // the rate of the least smooth loss: training wants a tenth of it
  std::string str() const;       // one line
  std::string svg() const;       // loss over rate, and the two suggestions
};

// step(rate) takes a training step at that rate and returns the loss before it: what it changes stays changed. Error:
// the loss never falls, or is not finite at the lowest rate.
LrCurve find_lr(FunctionRef<double(double rate)> step, const LrFinderOptions& options = {}, Where at = Where::here());

// On copies: the model and the optimizer stay as they are. loss(copy of model) is a tensor of one element; generators
// that it draws from move on. The optimizer steps with factors that make its lr the rate.
//
//   LrCurve found = find_lr(model, optimizer, [&](const Gpt& m) {
//     auto [x, y] = text.batch(64, 256, rng);
//     return cross_entropy(m(x, &rng), y);
//   });
template <Module M, class Optimizer, class Loss>
requires std::is_invocable_v<Loss&, const M&> LrCurve find_lr(const M& model, const Optimizer& optimizer, Loss loss,
                                                              const LrFinderOptions& options = {},
                                                              Where at = Where::here()) {
  if (!(optimizer.lr > 0)) fail<Error>(at, "find_lr", "the optimizer's lr must be positive: rates are multiples of it");
  const M m = clone(model);
  Optimizer o = clone(optimizer);
  return find_lr(
      [&](double rate) {
        Tensor l = loss(m);
        const double value = l.item(at);
        o.step(m, grad(consume(l), m, at), rate / o.lr);
        return value;
      },
      options, at);
}

}  // namespace heed
