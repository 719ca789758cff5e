#pragma once
#include "optim.h"

namespace heed {

// g' = g + weight_decay p,   s = rho s + (1 - rho) g'^2,   u = sqrt(d + eps) / sqrt(s + eps) g'
// d = rho d + (1 - rho) u^2,   p -= lr u   (Zeiler 2012, algorithm 1; as torch.optim.Adadelta)
struct Adadelta {
  double lr = 1;
  double rho = 0.9;
  double eps = 1e-6;
  double weight_decay = 0;
  std::vector<Group> groups = {};
  Slots square_avg = {};  // s
  Slots acc_delta = {};   // d

  void step(const Trained& model, const Gradients& g, double factor = 1, Where at = Where::here());
};

}  // namespace heed
