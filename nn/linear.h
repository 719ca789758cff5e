#pragma once
#include "../core/mode.h"
#include "../ops/ops.h"
#include "init.h"

namespace heed {

// y = x weight^T + bias      x [.., in] -> [.., out]
// Linear{.in = a, .out = b, .bias = {}} has no bias.
struct Linear {
  int64_t in, out;
  Parameter weight = parameter(init::kaiming_uniform({out, in}, std::sqrt(1.0 / 3)));                       // [out, in]
  Parameter bias = parameter(init::uniform({out}, -1 / std::sqrt(double(in)), 1 / std::sqrt(double(in))));  // [out]

  Tensor operator()(In x, Rng* = nullptr) const {
    Scope here{*this, x};
    return linear(x, weight, bias);
  }
};

}  // namespace heed
