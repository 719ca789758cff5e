#pragma once
// Activations as modules, for Sequential.
#include "../core/mode.h"
#include "../ops/ops.h"

namespace heed {

struct Relu {  // max(x, 0)
  Tensor operator()(In x, Rng* = nullptr) const {
    Scope here{*this, x};
    return relu(x);
  }
};
struct Gelu {  // x P(X < x), X standard normal, or what is near it
  Approximate approximate = Approximate::none;
  Tensor operator()(In x, Rng* = nullptr) const {
    Scope here{*this, x};
    return gelu(x, approximate);
  }
};
struct Silu {  // x sigmoid(x)
  Tensor operator()(In x, Rng* = nullptr) const {
    Scope here{*this, x};
    return silu(x);
  }
};
struct Tanh {  // the hyperbolic tangent
  Tensor operator()(In x, Rng* = nullptr) const {
    Scope here{*this, x};
    return tanh(x);
  }
};
struct Sigmoid {  // 1 / (1 + e^-x)
  Tensor operator()(In x, Rng* = nullptr) const {
    Scope here{*this, x};
    return sigmoid(x);
  }
};

}  // namespace heed
