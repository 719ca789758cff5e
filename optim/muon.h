#pragma once
#include <array>
#include "adam.h"

namespace heed {

// For a matrix W [m, n] with gradient G:
// M = momentum M + (1 - momentum) G,   U = M, or (1 - momentum) G + momentum M with nesterov
// W = (1 - lr weight_decay) W - lr r O(U), where O(U) takes the singular values of U to about 1: X = U / max(|U|, eps),
// then ns_steps times X = a X + (b X X' + c (X X')^2) X, with the coefficients a, b, c (Newton and Schulz), and r is
// sqrt(max(1, m / n)), or 0.2 sqrt(max(m, n)) to match_rms_adamw (Liu et al. 2025), or sqrt(m / n), spectral_unclamped.
// (Jordan et al. 2024; as torch.optim.Muon, which iterates in bf16: here, in the parameter's type)
//
// What is no matrix is stepped by `others`, and so is what a group of `others` names: embeddings and the last layer.
//   Muon optimizer{.lr = 0.02, .others = {.lr = 3e-4, .groups = {{.pattern = "token.*"}, {.pattern = "head.*"}}}};
struct Muon {
  enum AdjustLr { original, match_rms_adamw, spectral_unclamped };

  double lr = 1e-3;
  double weight_decay = 0.1;
  double momentum = 0.95;
  bool nesterov = true;
  std::array<double, 3> ns_coefficients = {3.4445, -4.7750, 2.0315};
  double eps = 1e-7;
  int64_t ns_steps = 5;
  AdjustLr adjust_lr_fn = original;
  std::vector<Group> groups = {};  // of the matrices
  AdamW others = {};
  Slots momentum_buffer = {};  // M

  void step(const Trained& model, const Gradients& g, double factor = 1, Where at = Where::here());
};

}  // namespace heed
