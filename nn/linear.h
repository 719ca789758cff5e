#pragma once
#include "../core/mode.h"
#include "../ops/ops.h"
#include "init.h"

namespace heed {

// y = x weight^T + bias      x [.., in] -> [.., out]
// Linear{.in = a, .out = b, .bias = {}} has no bias.
struct Linear {
  int64_t in, out;
  Parameter weight = parameter(init::kaiming_uniform({out, in}, std::sqrt(1.0 / 3)));             // [out, in]
  Parameter bias = parameter(init::uniform({out}, -init::bias_bound(in), init::bias_bound(in)));  // [out]

  Tensor operator()(In x, Rng* = nullptr) const {
    Scope here{*this, x};
    return linear(x, weight, bias);
  }
};

// Linear{in, out}, with a bias or without
inline Linear linear_of(int64_t in, int64_t out, bool bias) {
  return bias ? Linear{in, out} : Linear{.in = in, .out = out, .bias = {}};
}

// y_k = x1^T weight_k x2 + bias_k      x1 [.., in1], x2 [.., in2] -> [.., out]; leading dimensions broadcast
struct Bilinear {
  int64_t in1, in2, out;
  Parameter weight = parameter(init::uniform({out, in1, in2}, -init::bias_bound(in1), init::bias_bound(in1)));
  Parameter bias = parameter(init::uniform({out}, -init::bias_bound(in1), init::bias_bound(in1)));

  Tensor operator()(In x1, In x2) const;
};

}  // namespace heed
