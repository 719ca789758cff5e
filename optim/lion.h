#pragma once
#include "optim.h"

namespace heed {

// p -= lr (sign(beta1 m + (1 - beta1) g) + weight_decay p),   then m = beta2 m + (1 - beta2) g
// (Chen et al. 2023, algorithm 2) Its lr is 3 to 10 times smaller than AdamW's, its weight_decay as much larger.
struct Lion {
  double lr = 1e-4;
  double beta1 = 0.9;
  double beta2 = 0.99;
  double weight_decay = 0;
  std::vector<Group> groups = {};
  Slots exp_avg = {};  // m

  void step(const Trained& model, const Gradients& g, double factor = 1, Where at = Where::here());
};

}  // namespace heed
