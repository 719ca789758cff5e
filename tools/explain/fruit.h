#pragma once
// The smallest task that needs attention: facts about fruits, then questions which only the facts can answer.
#include "../../heed.h"

namespace heed::explain {

// x = fruit + number, y = x + attention(x), logits = output(y)      the places of a sequence are not known
struct Fruit {
  int64_t fruits, numbers, width, heads;
  bool causal = false;

  Embedding fruit{fruits, width};
  Embedding number{numbers + 1, width};  // the last row is the question
  MultiHeadAttention attention{.width = width, .heads = heads};
  Linear output{width, numbers};

  struct Read {
    Tensor x, y, logits;  // [B, T, width] twice and [B, T, numbers]
    Tensor weights;       // [B, heads, T, T]
  };
  // Of both [B, T] i64. Every step is an op by itself: the weights are looked at.
  Read operator()(const Tensor& fruit_ids, const Tensor& number_ids) const {
    const Tensor x = fruit(fruit_ids) + number(number_ids);
    const auto [seen, weights] = attention.with_weights(x, x, x, options());
    const Tensor y = x + seen;
    return {x, y, output(y), weights};
  }
  MultiHeadOptions options() const { return {.causal = causal ? Causal::on : Causal::off}; }
};

}  // namespace heed::explain
