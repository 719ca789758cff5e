#pragma once
// Attention over sets, to which order means nothing (Lee et al. 2019, Set Transformer): x [B, n, width], mask [B, n]
// boolean, true where an element is real and no padding, or undefined. As in the authors' code, scores are divided by
// the root of the whole width, not of a head's, and rFF(x) is relu(W x + b); as in the paper and not in the code, heads
// are joined by W^O, and it is x that attention is added to, not its projection.
#include "../core/tree.h"
#include "attention.h"
#include "norm.h"

namespace heed {

// LayerNorm(h + rFF(h)), h = LayerNorm(x + MultiHead(x, y, y))      x [B, n, width], y [B, m, width] -> [B, n, width];
// mask is y's   (eq. 6 and 7)
struct Mab {
  int64_t width, heads;
  MultiHeadAttention attention{.width = width, .heads = heads, .scale = 1 / std::sqrt(double(width))};
  LayerNorm norm1{width}, norm2{width};
  Linear feed_forward{width, width};

  Tensor operator()(In x, In y, const Tensor& mask = {}, Rng* training = nullptr) const;
  // The same and the weights [B, heads, n, m], which the fused kernel never has: slower.
  Attended with_weights(In x, In y, const Tensor& mask = {}) const;
};

// MAB(x, x)      x [B, n, width] -> [B, n, width], with work that grows with n^2   (eq. 8)
struct Sab {
  int64_t width, heads;
  Mab block{width, heads};

  Tensor operator()(In x, const Tensor& mask = {}, Rng* training = nullptr) const;
};

// MAB(x, MAB(I, x)), I learned points      x [B, n, width] -> [B, n, width], with work that grows with n   (eq. 9, 10)
struct Isab {
  int64_t width, heads, points;
  Parameter inducing = parameter(init::xavier_uniform({points, width}));  // I
  Mab gather{width, heads}, spread{width, heads};

  Tensor operator()(In x, const Tensor& mask = {}, Rng* training = nullptr) const;
  // The same and the weights [B, heads, points, n] by which the points gather: slower.
  Attended with_weights(In x, const Tensor& mask = {}) const;
};

// MAB(S, rFF(x)), S learned seeds, one for each answer      x [B, n, width] -> [B, seeds, width]   (eq. 11)
struct Pma {
  int64_t width, heads, seeds = 1;
  Parameter seed = parameter(init::xavier_uniform({seeds, width}));  // S
  Linear feed_forward{width, width};
  Mab block{width, heads};

  Tensor operator()(In x, const Tensor& mask = {}, Rng* training = nullptr) const;
  // The same and the weights [B, heads, seeds, n]: slower.
  Attended with_weights(In x, const Tensor& mask = {}) const;
};

}  // namespace heed
