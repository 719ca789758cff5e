#pragma once
#include <optional>
#include "recurrent.h"
#include "score.h"

namespace heed {

// What an LSTMN remembers: not its last state but all of them. Empty: undefined.
struct Tape {
  Tensor states;     // [B, t, 2 hidden]: h_i and c_i beside each other
  Tensor projected;  // [B, t, width]: W_h h_i
  Tensor seen;       // [B, hidden]: h~_t
};

// An LSTM whose state before each step is a mean of all states so far, weighted by attention over them
// (Cheng, Dong and Lapata 2016, section 3.2):
//   a_i = v^T tanh(W_h h_i + W_x x_t + W_h~ h~_{t-1}),  s = softmax(a) over i < t,
//   [h~_t, c~_t] = sum_i s_i [h_i, c_i],
// and h_t and c_t are what an LSTM makes of x_t, h~_t and c~_t.
struct Lstmn {
  int64_t in, hidden, width = hidden;
  LstmCell cell{in, hidden};
  AdditiveScore score{in + hidden, hidden, width};  // of queries [x_t, h~_{t-1}]

  // ---- a step      x [B, in]
  Tensor weights(In x, const Tape& tape) const;              // s [B, t]; of an empty tape undefined
  Tape step(In x, const Tape& tape, const Tensor& s) const;  // one state more, by these weights or any others
  // h~, c~ [B, hidden]; of an empty tape undefined
  static LstmState summary(const Tape& tape, const Tensor& s, Where at = Where::here());
  // one state more, by that summary
  Tape longer(const Tape& tape, const LstmState& summary, const LstmState& next, Where at = Where::here()) const;

  struct Result {
    Tensor y;        // [B, T, hidden]
    Tensor weights;  // [B, T, T]: s of each step, 0 from its own place on
    Tape tape;
  };
  Result operator()(In x, Rng* = nullptr) const;  // x [B, T, in], from an empty tape on
};

// An LSTMN that writes, looking at the tape of one that has read a source (the same, section 4):
//   b_j = u^T tanh(W_g g_j + W_x x_t + W_g~ g~_{t-1}),  p = softmax(b),  [g~_t, a~_t] = sum_j p_j [g_j, a_j]
// Shallow fusion: g~_t is one more input. Deep fusion: a~_t goes into the memory itself, through a gate of its own,
//   r_t = sigmoid(W_r [g~_t, x_t]),  c_t = r_t a~_t + f_t c~_t + i_t c^_t,  h_t = o_t tanh(c_t).
struct LstmnDecoder {
  enum Fusion { shallow, deep };
  int64_t in, hidden, width = hidden;
  Fusion fusion = deep;
  Lstmn target{fusion == shallow ? in + hidden : in, hidden, width};
  AdditiveScore inter{in + hidden, hidden, width};  // of queries [x_t, g~_{t-1}]
  std::optional<Linear> gate = make_if<Linear>(fusion == deep, hidden + in, hidden);

  struct Source {
    Tensor states;     // [B, S, 2 hidden]: g_j and a_j
    Tensor projected;  // [B, S, width]: W_g g_j
    Tensor mask;       // [B, S] boolean, true where a real token stands; undefined: everywhere
  };
  // Once, before the first step
  Source look_at(const Tape& source, const Tensor& mask = {}, Where at = Where::here()) const;

  struct State {
    Tape tape;
    Tensor seen;     // g~_t [B, hidden]; undefined: zeros
    Tensor weights;  // p [B, S]
  };
  State step(In x, const State& before, const Source& source) const;  // x [B, in]

  struct Result {
    Tensor y;        // [B, T, hidden]
    Tensor weights;  // [B, T, S]: p of each step
    State state;
  };
  Result operator()(In x, const Source& source) const;  // x [B, T, in], from an empty tape on
};

}  // namespace heed
