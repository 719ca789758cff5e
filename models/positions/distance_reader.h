#pragma once
// One layer of attention between words and answers, so that nothing tells places apart but its scores.
#include "../../nn/attention.h"
#include "../../nn/embedding.h"

namespace heed {

struct DistanceReader {
  int64_t vocab, width;
  Attention attention;  // {.score = PositionalScore{.heads = 1, .length = 32}}, or another one
  Embedding token{vocab, width};
  Linear output{width, vocab};

  // Ids [B, T] i64 to logits [B, T, vocab]
  Tensor operator()(In ids, Rng* = nullptr) const {
    const Tensor x = token(ids);
    return output(attention(x, x, x, {.causal = Causal::on}));
  }
  Tensor weights(In ids) const {  // [B, T, T]
    const Tensor x = token(ids);
    return attention.with_weights(x, x, x, {.causal = Causal::on}).weights;
  }
  Tensor scores(In ids) const {  // [B, T, T], or [T, T] if they are the same whatever stands there
    const Tensor x = token(ids);
    return attention.score(x, x);
  }
};

}  // namespace heed
