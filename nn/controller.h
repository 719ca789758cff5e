#pragma once
#include <optional>
#include "../core/tree.h"
#include "linear.h"
#include "recurrent.h"

namespace heed {

// The type of a state: what is computed with a weight in bf16 is f32.
inline Dtype type_of_state(const Linear& m) { return m.weight.dtype() == bf16 ? f32 : m.weight.dtype(); }

// What steers an external memory: a layer of tanh, which itself remembers nothing, or an LSTM cell.
// x [B, in], state [B, hidden] -> state, whose h is what it says; c is undefined without a cell.
struct Controller {
  enum Kind { feed_forward, lstm };
  int64_t in, hidden;
  Kind kind = feed_forward;
  std::optional<Linear> layer = make_if<Linear>(kind == feed_forward, in, hidden);
  std::optional<LstmCell> cell = make_if<LstmCell>(kind == lstm, in, hidden);

  LstmState operator()(In x, const LstmState& state = {}, Rng* = nullptr) const {
    Scope here{*this, x};
    return cell ? (*cell)(x, state) : LstmState{tanh((*layer)(x)), {}};
  }
};

}  // namespace heed
