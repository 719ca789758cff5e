#pragma once
#include "../core/grad.h"

namespace heed {

// g min(1, max_norm / (norm + 1e-6)), by the norm of all gradients together   (Pascanu et al. 2013; as
// torch.nn.utils.clip_grad_norm_)
inline Gradients clip(const Gradients& g, double max_norm) {
  const double norm = g.norm();
  return norm + 1e-6 > max_norm ? g * (max_norm / (norm + 1e-6)) : g;
}

}  // namespace heed
