#pragma once
#include "optim.h"

namespace heed {

// m = beta1 m + (1 - beta1) g,   v = beta2 v + (1 - beta2) g^2
// p = (1 - lr weight_decay) p - lr (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)
// (Loshchilov and Hutter 2019, algorithm 2; as torch.optim.AdamW)
struct AdamW {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0.01;
  int64_t steps = 0;
  Slots first = {};   // m
  Slots second = {};  // v

  // One step by factor x lr; factor is what a schedule returns.
  template <Module M>
  void step(const M& model, const Gradients& g, double factor = 1, Where at = Where::here()) {
    step(parameters(model), g, factor, at);
  }
  void step(const Parameters& p, const Gradients& g, double factor, Where at);
};

}  // namespace heed
