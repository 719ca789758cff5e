#pragma once
// A symbol, a long silence, and then the question what it was: it takes a gradient that reaches back all the way.
// Through a recurrent net it is multiplied by a Jacobian in each step (Hochreiter 1991; Bengio, Simard and Frasconi
// 1994); attention has one step from the question to any place.
#include <optional>
#include "../../nn/any_recurrent.h"
#include "../../nn/attention.h"
#include "../../nn/embedding.h"

namespace heed {

// An LSTM whose gates begin with memories of all lengths up to `longest` steps   (Tallec and Ollivier 2018, eq. 16)
inline AnyRecurrent remembering_lstm(int64_t in, int64_t hidden, int64_t longest) {
  AnyRecurrent r = any_recurrent(Cell::lstm, {.in = in, .hidden = hidden});
  const Tensor forget = log(rand({hidden}, default_rng()) * double(longest - 1) + 1);
  assign(std::get<Lstm>(r.held).cells[0].bias_ih, concat({-forget, forget, zeros({2 * hidden})}));
  return r;
}

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
    if (memory == lstm) return remembering_lstm(width, width, length - 1);
    return any_recurrent(Cell::rnn, {.in = width, .hidden = width});
  }
};

// The sum of two of the numbers of a sequence, each with a mark (Hochreiter and Schmidhuber 1997, section 5.4)
struct Adder {
  enum Memory { lstm, rnn };
  int64_t hidden, length;
  Memory memory = lstm;

  AnyRecurrent state =
      memory == lstm ? remembering_lstm(2, hidden, length) : any_recurrent(Cell::rnn, {.in = 2, .hidden = hidden});
  Linear output{hidden, 1};

  // x [B, T, 2], a number and 1 where it is marked -> [B]
  Tensor operator()(In x, Rng* = nullptr) const { return select(output(state(x).y(_, -1)), -1, 0); }
};

}  // namespace heed
