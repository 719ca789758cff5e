#pragma once
#include "../core/mode.h"
#include "../ops/ops.h"

namespace heed {

// Training: x with elements set to 0 with probability rate, the others divided by 1 - rate   (Srivastava et al. 2014)
struct Dropout {
  double rate = 0.5;

  Tensor operator()(In x, Rng* training = nullptr) const {
    Scope here{*this, x};
    return dropout(x, rate, training);
  }
};

}  // namespace heed
