#pragma once
#include "dropout.h"
#include "linear.h"

namespace heed {

// down(act(up(x)))      x [.., width] -> [.., width]   (Vaswani et al. 2017, eq. 2, with relu)
struct FeedForward {
  enum Activation { relu, gelu };
  int64_t width, hidden;
  double dropout = 0;  // of the hidden values
  Activation activation = gelu;
  Linear up{width, hidden};
  Linear down{hidden, width};

  Tensor operator()(In x, Rng* training = nullptr) const {
    Scope here{*this, x};
    const Tensor h = up(x);  // [.., hidden]
    return down(heed::dropout(activation == relu ? heed::relu(h) : heed::gelu(h), dropout, training));
  }
};

}  // namespace heed
