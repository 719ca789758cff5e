#pragma once
// Attention with products of features in the place of softmax: keys and values seen so far are one matrix of a fixed
// size, the fast weights. How it is written stands at linear_attention in ops.h.
#include <optional>
#include "../core/tree.h"
#include "linear.h"

namespace heed {

// A slow net programs a fast one: W_t = squash(W_{t-1} + v_t k_t^T), y_t = W_t q_t, with q, k and v linear in x
// (Schmidhuber 1992, Learning to control fast-weight memories; as in Schlag, Irie and Schmidhuber 2021, section 2,
// whose q is x itself)
struct FastWeights {
  enum Squash { none, tanh, sigmoid };
  int64_t in, key_width, out;
  Squash squash = tanh;
  Linear query{.in = in, .out = key_width, .bias = {}};
  Linear key{.in = in, .out = key_width, .bias = {}};
  Linear value{.in = in, .out = out, .bias = {}};

  struct Result {
    Tensor y;        // [B, T, out]
    Tensor weights;  // [B, out, key_width]: W_T
  };
  // x [B, T, in], weights [B, out, key_width]: W_0, undefined: zeros
  Result operator()(In x, const Tensor& weights = {}) const;
};

// phi, what queries and keys are mapped to      x [.., D] -> [.., width(D)]
struct FeatureMap {
  enum Kind {
    identity,
    elu,   // elu(x) + 1   (Katharopoulos et al. 2020, eq. 7)
    dpfp,  // r_i r_{i+j} for i = 1 .. 2D, j = 1 .. nu, where r = relu([x, -x])   (Schlag et al. 2021, section 5.3)
  };
  Kind kind = elu;
  int64_t nu = 1;
  bool sum_normalised = false;  // divided by its sum, 0 where that is 0   (Schlag et al. 2021, section 4.2)

  // How many features D values have.
  int64_t width(int64_t D) const { return kind == dpfp ? 2 * nu * D : D; }
  Tensor operator()(In x, Rng* = nullptr) const;
};

// concat(head_1, .., head_h) W^O      x [B, T, width] -> [B, T, width], a head being linear_attention of phi(W^Q x),
// phi(W^K x) and W^V x, with the sum rule (Katharopoulos et al. 2020), or the delta rule, where beta = sigmoid(w x)
// (Schlag et al. 2021, section 4.2)
struct LinearAttention {
  enum Rule { sum, delta };
  int64_t width, heads;
  Rule rule = sum;
  FeatureMap phi = {.sum_normalised = rule == delta};
  bool normalised = rule == sum;  // y_t divided by z_t . phi(q_t), z_t the sum of phi(k_s); 0 where that is 0
  bool causal = true;             // else every query sees every key
  bool bias = true;
  Linear q_proj = linear_of(width, width, bias);
  Linear k_proj = linear_of(width, width, bias);
  Linear v_proj = linear_of(width, width, bias);
  Linear out_proj = linear_of(width, width, bias);
  std::optional<Linear> beta = make_if<Linear>(rule == delta, width, heads);  // a rate for each head

  struct Result {
    Tensor y;      // [B, T, width]
    Tensor state;  // [B, heads, phi.width(D), D], D = width / heads; where normalised, z is one more column
  };
  Tensor operator()(In x, Rng* = nullptr) const { return (*this)(x, x, x); }
  // query [B, T, width], key and value [B, S, width], S = T if causal; key_mask [B, S] boolean, false where a key is
  // padding
  Tensor operator()(In query, In key, In value, const Tensor& key_mask = {}) const;
  // Of a causal one: what follows on x [B, T, width] that left this state. The state does not grow with T.
  Result steps(In x, const Tensor& state = {}) const;
};

}  // namespace heed
