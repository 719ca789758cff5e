#pragma once
#include "optim.h"

namespace heed {

// g' = g + weight_decay p,   s = s + g'^2,   p -= lr / (1 + (t - 1) lr_decay) g' / (sqrt(s) + eps)
// (Duchi et al. 2011; as torch.optim.Adagrad)
struct Adagrad {
  double lr = 1e-2;
  double lr_decay = 0;
  double weight_decay = 0;
  double initial_accumulator_value = 0;  // of s
  double eps = 1e-10;
  std::vector<Group> groups = {};
  Slots steps = {};  // t
  Slots sum = {};    // s

  void step(const Trained& model, const Gradients& g, double factor = 1, Where at = Where::here());
};

}  // namespace heed
