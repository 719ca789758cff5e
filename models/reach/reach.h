#pragma once
// A symbol, a long silence, and then the question what it was: it takes a gradient that reaches back all the way.
// Through a recurrent net it is multiplied by a Jacobian in each step (Hochreiter 1991; Bengio, Simard and Frasconi
// 1994); attention has one step from the question to any place.
#include <optional>
#include "../../nn/any_recurrent.h"
#include "../../nn/attention.h"
#include "../../nn/embedding.h"

namespace heed {

struct FirstSymbol {
  enum Memory { attention, lstm, rnn };
  int64_t symbols, width, length;  // of the sequence, at least 2
  Memory memory = attention;

  Embedding token{symbols + 1, width};  // the last one is silence
  std::optional<MultiHeadAttention> list = make_if<MultiHeadAttention>(memory == attention, width, 1);
  std::optional<AnyRecurrent> state = state_of(memory, width, length);
  Linear output{width, symbols};

  // x [B, T] i64 -> logits [B, symbols], at the last place
  Tensor operator()(const Tensor& x) const { return output(read(token(x))); }
  // x [B, T, width] -> [B, width]
  Tensor read(const Tensor& x) const {
    if (list) return (*list)(x, {.causal = Causal::on})(_, -1);
    return (*state)(x).y(_, -1);
  }

  // Of a recurrent memory, else none.
  static std::optional<AnyRecurrent> state_of(Memory memory, int64_t width, int64_t length) {
    if (memory == attention) return std::nullopt;
    AnyRecurrent r = any_recurrent(memory == lstm ? Cell::lstm : Cell::rnn, {.in = width, .hidden = width});
    if (memory == lstm) {
      // Gates that begin with memories of all lengths up to it   (Tallec and Ollivier 2018, eq. 16)
      const Tensor forget = log(rand({width}, default_rng()) * double(length - 2) + 1);
      assign(std::get<Lstm>(r.held).cells[0].bias_ih, concat({-forget, forget, zeros({2 * width})}));
    }
    return r;
  }
};

}  // namespace heed
