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
  std::vector<Group> groups = {};
  Slots momentum_buffer = {};  // v

  // One step by factor x lr; factor is what a schedule returns. The gradients are those of all parameters of the model,
  // else GradError; Error: an option out of range. The same for all optimizers.
  void step(const Trained& model, const Gradients& g, double factor = 1, Where at = Where::here());
};

}  // namespace heed
