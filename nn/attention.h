#pragma once
#include "dropout.h"
#include "linear.h"

namespace heed {

struct MultiHeadOptions {
  Tensor mask = {};      // boolean, true = may attend: broadcasts to [B, heads, T, S]
  Tensor key_mask = {};  // boolean [B, S], false where a key is padding
  Tensor bias = {};      // added to the scores: broadcasts to [B, heads, T, S]
  Causal causal = Causal::off;
};

// concat(head_1, .., head_h) W^O, head_i = Attention(q W^Q_i, k W^K_i, v W^V_i)      (Vaswani et al. 2017,
// section 3.2.2) query [B, T, width], key and value [B, S, width] -> [B, T, width]. Names and layouts as
// torch.nn.MultiheadAttention.
struct MultiHeadAttention {
  int64_t width, heads;
  double dropout = 0;                                                              // of the attention weights
  Parameter in_proj_weight = parameter(init::xavier_uniform({3 * width, width}));  // W^Q, W^K, W^V on top of each other
  Parameter in_proj_bias = parameter(zeros({3 * width}));
  Linear out_proj{.in = width, .out = width, .bias = parameter(zeros({width}))};

  struct Result {
    Tensor y;        // [B, T, width]
    Tensor weights;  // [B, heads, T, S]
  };
  Tensor operator()(In x, Rng* training = nullptr) const { return (*this)(x, x, x, {}, training); }
  Tensor operator()(In query, In key, In value, const MultiHeadOptions& options = {}, Rng* training = nullptr) const;
  Result with_weights(In query, In key, In value, const MultiHeadOptions& options = {}, Rng* training = nullptr) const;
};

}  // namespace heed
