#pragma once
#include "../core/grad.h"

namespace heed {

// g min(1, max_norm / (norm + 1e-6)), by the norm of all gradients together (Pascanu et al. 2013; as
// torch.nn.utils.clip_grad_norm_). Gradients with a history keep it, the norm's too. Error: max_norm < 0.
[[nodiscard]] Gradients clip(Gradients g, double max_norm, Where at = Where::here());

// Each element moved into [-limit, limit] (as torch.nn.utils.clip_grad_value_). Error: limit < 0.
[[nodiscard]] Gradients clip_value(Gradients g, double limit, Where at = Where::here());

}  // namespace heed
