#pragma once
// An associative memory: keys are written with values, then a key alone asks for its value. One layer of attention does
// all of it. With softmax the memory is the list of all writes; with linear attention it is a matrix of a fixed size,
// the fast weights, to which the sum rule adds and which the delta rule corrects (Schlag, Irie and Schmidhuber 2021).
// There are no positions, so the order of the writes shows in the matrix or not at all.
#include "../../nn/attention.h"
#include "../../nn/embedding.h"
#include "../../nn/linear_attention.h"

namespace heed {

struct AssociativeMemory {
  enum Kind { softmax, sum, delta };
  int64_t keys, values, width;
  Kind kind = delta;

  Embedding key{keys, width};
  Embedding value{values + 1, width};  // the last one stands beside a key that asks
  std::optional<MultiHeadAttention> list = make_if<MultiHeadAttention>(kind == softmax, 2 * width, 1);
  std::optional<LinearAttention> matrix = matrix_of(kind, 2 * width);
  Linear output{2 * width, values};

  // Keys and values [B, T] that are written and the keys [B] asked for, i64, to logits [B, values]
  Tensor operator()(const Tensor& k, const Tensor& v, const Tensor& asked) const {
    const Tensor x = concat({writes(k, v), question(asked)}, 1);                  // [B, T + 1, 2 width]
    const Tensor y = matrix ? (*matrix)(x) : (*list)(x, {.causal = Causal::on});  // likewise
    return output(y(_, -1));
  }

  // ---- the same in steps
  // The matrix [B, 1, features, 2 width] that these writes leave, after those that left `before`
  Tensor write(const Tensor& k, const Tensor& v, const Tensor& before = {}) const {
    return matrix->steps(writes(k, v), before).state;
  }
  // Logits [B, values]
  Tensor read(const Tensor& weights, const Tensor& asked) const {
    return output(matrix->steps(question(asked), weights).y(_, 0));
  }

  // What the layer is given: writes [B, T, 2 width], and the key that asks as one more [B, 1, 2 width]
  Tensor writes(const Tensor& k, const Tensor& v) const { return concat({key(k), value(v)}, -1); }
  Tensor question(const Tensor& asked) const {  // likewise
    return unsqueeze(writes(asked, full(asked.shape(), double(values), i64)), 1);
  }

  // Of the rule of this kind; none for softmax.
  static std::optional<LinearAttention> matrix_of(Kind kind, int64_t width) {
    if (kind == softmax) return std::nullopt;
    return LinearAttention{.width = width,
                           .heads = 1,
                           .rule = kind == sum ? LinearAttention::sum : LinearAttention::delta,
                           .phi = {.kind = FeatureMap::dpfp, .sum_normalised = kind == delta}};
  }
};

}  // namespace heed
