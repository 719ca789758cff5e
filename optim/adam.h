#pragma once
#include "optim.h"

namespace heed {

// g' = g + weight_decay p,   m = beta1 m + (1 - beta1) g',   v = beta2 v + (1 - beta2) g'^2
// p -= lr (m / (1 - beta1^t)) / (sqrt(w / (1 - beta2^t)) + eps), where w is v, or with amsgrad the largest v so far
// (Kingma and Ba 2015, algorithm 1; Reddi et al. 2018; as torch.optim.Adam)
struct Adam {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
  bool amsgrad = false;
  std::vector<Group> groups = {};
  Slots steps = {};           // t
  Slots exp_avg = {};         // m
  Slots exp_avg_sq = {};      // v
  Slots max_exp_avg_sq = {};  // the largest v

  void step(const Trained& model, const Gradients& g, double factor = 1, Where at = Where::here());
};

// The same, but the decay does not go through the gradient: g' = g, and first p = (1 - lr weight_decay) p
// (Loshchilov and Hutter 2019, algorithm 2; as torch.optim.AdamW)
struct AdamW {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0.01;
  bool amsgrad = false;
  std::vector<Group> groups = {};
  Slots steps = {};           // t
  Slots exp_avg = {};         // m
  Slots exp_avg_sq = {};      // v
  Slots max_exp_avg_sq = {};  // the largest v

  void step(const Trained& model, const Gradients& g, double factor = 1, Where at = Where::here());
};

// g' = g + weight_decay p,   m = beta1 m + (1 - beta1) g',   u = max(beta2 u, |g'| + eps)
// p -= lr / (1 - beta1^t) m / u   (Kingma and Ba 2015, algorithm 2; as torch.optim.Adamax)
struct Adamax {
  double lr = 2e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
  std::vector<Group> groups = {};
  Slots steps = {};    // t
  Slots exp_avg = {};  // m
  Slots exp_inf = {};  // u

  void step(const Trained& model, const Gradients& g, double factor = 1, Where at = Where::here());
};

}  // namespace heed
