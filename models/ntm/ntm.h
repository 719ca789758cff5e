#pragma once
// Nets that copy strings of bits: what says the bits is a Neural Turing Machine or a Differentiable Neural Computer as
// they stand in nn/, or this one, which has nothing but its state.
#include "../../nn/linear.h"
#include "../../nn/recurrent.h"

namespace heed {

// Layers of LSTM      x [B, T, in]
struct LstmCopier {
  int64_t in, out, hidden, layers;
  Lstm lstm{.in = in, .hidden = hidden, .layers = layers};
  Linear output{hidden, out};

  struct Result {
    Tensor y;  // [B, T, out]
  };
  // In the form of the others
  Result operator()(In x, Rng* = nullptr) const { return {output(lstm(x).y)}; }
};

}  // namespace heed
