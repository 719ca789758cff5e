#pragma once
// Scaled dot-product attention without the T x S matrix: blocks of queries see all their keys at once, and the backward
// pass computes the weights of a block again from the log-sum-exp of its rows (Dao et al. 2022, section 3.1).
#include "../../core/array.h"
#include "../../core/rng.h"

namespace heed::kernels {

// The block of scores, rows by keys, that is in the cache at a time. Keys are packed if `keys` is a multiple of 64.
struct AttentionTile {
  int64_t rows = 42, keys = 384;
  // From row to row: so far apart that they do not fall on the same lines of the cache.
  int64_t row_step() const { return keys + 16; }
};
struct AttentionSetting {
  double scale;
  bool causal;
  int64_t offset;  // causal: query t sees key s if s <= t + offset
  DropoutKey dropout;
  AttentionTile tile = {};
};

// q [.., T, D], k [.., S, D], v [.., S, E] with equal batch dimensions; bias and mask broadcast to [.., T, S] or are
// undefined. Returns y [.., T, E] and lse [.., T].
std::pair<Array, Array> attention(const AttentionSetting& how, const Array& q, const Array& k, const Array& v,
                                  const Array& bias, const Array& mask);

struct AttentionGradients {
  Array q, k, v;
  Array scores;  // [.., T, S]: of the scores before softmax, where the gradient of the bias is wanted
};
AttentionGradients attention_grad(const AttentionSetting& how, const Array& g, const Array& q, const Array& k,
                                  const Array& v, const Array& bias, const Array& mask, const Array& y,
                                  const Array& lse, bool bias_wanted);

}  // namespace heed::kernels
