#pragma once
#include <heed/ops/ops.h>

namespace heed {

// linear_attention as its equations have it, one step after the other; batches are equal.
inline LinearAttentionSteps step_by_step(In q, In k, In v, const LinearAttentionOptions& o = {}) {
  Tensor S = matmul(transpose(slice(k, -2, 0, 0)), slice(v, -2, 0, 0));  // zeros
  if (o.state.defined()) S = S + o.state;
  auto at = [](const Tensor& x, int64_t t) { return unsqueeze(unsqueeze(select(x, -1, t), -1), -1); };
  Tensor y = slice(v, -2, 0, 0);
  for (int64_t t = 0; t < q->size(-2); ++t) {
    const Tensor k_t = transpose(slice(k, -2, t, t + 1)), v_t = slice(v, -2, t, t + 1);  // [.., D, 1], [.., 1, E]
    if (o.log_decay.defined()) S = exp(at(o.log_decay, t)) * S;
    S = S + matmul(k_t, o.beta.defined() ? at(o.beta, t) * (v_t - matmul(transpose(k_t), S)) : v_t);
    y = concat({y, matmul(slice(q, -2, t, t + 1), S)}, -2);
  }
  return {y, S};
}

}  // namespace heed
