#pragma once
#include "optim.h"

namespace heed {

// g' = g + weight_decay p,   s = alpha s + (1 - alpha) g'^2,   u = g' / (sqrt(s) + eps)
// centered (Graves 2013): a = alpha a + (1 - alpha) g', and s - a^2 under the root
// b = momentum b + u,   p -= lr b   (Tieleman and Hinton 2012; as torch.optim.RMSprop)
struct RmsProp {
  double lr = 1e-2;
  double alpha = 0.99;
  double eps = 1e-8;
  double weight_decay = 0;
  double momentum = 0;
  bool centered = false;
  std::vector<Group> groups = {};
  Slots square_avg = {};       // s
  Slots grad_avg = {};         // a
  Slots momentum_buffer = {};  // b

  void step(const Trained& model, const Gradients& g, double factor = 1, Where at = Where::here());
};

}  // namespace heed
