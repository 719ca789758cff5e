#pragma once
#include <optional>
#include "../core/tree.h"
#include "linear.h"
#include "recurrent.h"

namespace heed {

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

// Which slots hold something like the key: softmax over slots of strength cos(key, slot)   (Graves, Wayne and
// Danihelka 2014, eq. 5 and 6; Graves et al. 2016, Methods, content-based addressing)
// key [B, H, width], strength [B, H, 1], memory [B, slots, width] -> [B, H, slots]
// A slot that is all but empty has no direction, and the gradient of one would be as large as it is small: lengths
// below 1e-3 count as 1e-3.
Tensor content_weights(In key, In strength, In memory);

}  // namespace heed
