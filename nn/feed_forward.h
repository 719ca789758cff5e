#pragma once
#include <optional>
#include "../core/tree.h"
#include "dropout.h"
#include "linear.h"

namespace heed {

// down(act(up(x)))      x [.., width] -> [.., width]   (Vaswani et al. 2017, eq. 2, with relu)
// swiglu: down(silu(gate(x)) up(x))   (Shazeer 2020, eq. 6; LLaMA's, with bias = false)
struct FeedForward {
  enum Activation { relu, gelu, gelu_tanh, swiglu };
  int64_t width, hidden;
  double dropout = 0;  // of the hidden values
  Activation activation = gelu;
  bool bias = true;
  std::optional<Linear> gate = gate_of(*this);  // of swiglu
  Linear up = linear_of(width, hidden, bias);
  Linear down = linear_of(hidden, width, bias);

  Tensor operator()(In x, Rng* training = nullptr) const {
    Scope here{*this, x};
    const Tensor h = up(x);  // [.., hidden]
    const Tensor a = gate                      ? heed::swiglu((*gate)(x), h)
                     : activation == relu      ? heed::relu(h)
                     : activation == gelu_tanh ? heed::gelu(h, Approximate::tanh)
                                               : heed::gelu(h);
    return down(heed::dropout(a, dropout, training));
  }

  // What `gate` begins as: a layer for swiglu, else none.
  static std::optional<Linear> gate_of(const FeedForward& m) {
    if (m.activation != swiglu) return std::nullopt;
    return linear_of(m.width, m.hidden, m.bias);
  }
};

}  // namespace heed
