#pragma once
#include "optim.h"

namespace heed {

// g' = g + weight_decay p,   v = momentum v + g',   p -= lr v, or lr (g' + momentum v) with nesterov
// (Sutskever et al. 2013; as torch.optim.SGD, dampening 0)
struct Sgd {
  double lr = 1e-3;
  double momentum = 0;
  double weight_decay = 0;
  bool nesterov = false;
  Slots velocity = {};

  // One step by factor x lr; factor is what a schedule returns.
  template <Module M>
  void step(const M& model, const Gradients& g, double factor = 1, Where at = Where::here()) {
    step(parameters(model), g, factor, at);
  }
  void step(const Parameters& p, const Gradients& g, double factor, Where at);
};

}  // namespace heed
