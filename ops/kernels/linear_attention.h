#pragma once
// Causal linear attention in time and memory linear in T: y_t = S_t^T q_t with S_t = S_{t-1} + k_t v_t^T. Rows go in
// chunks: earlier chunks are seen through the state S they leave, queries and keys are multiplied only within a chunk
// (Yang et al. 2024, Gated Linear Attention Transformers).
#include "../../core/array.h"

namespace heed::kernels {

// q, k [.., T, D], v [.., T, E] with equal batch dimensions; state [.., D, E]: S before the first row, undefined:
// zeros. Returns y [.., T, E] and S after the last row.
std::array<Array, 2> linear_attention(int64_t chunk, const Array& q, const Array& k, const Array& v,
                                      const Array& state);
// Gradients of q, k, v and state, from those of y and of the last S; either may be undefined: zeros.
std::array<Array, 4> linear_attention_grad(int64_t chunk, const Array& g, const Array& g_state, const Array& q,
                                           const Array& k, const Array& v, const Array& state);

}  // namespace heed::kernels
