#pragma once
// Activations as modules, for Sequential.
#include "../core/mode.h"
#include "../ops/ops.h"

namespace heed {

struct Relu {
  Tensor operator()(In x, Rng* = nullptr) const {
    Scope here{*this, x};
    return relu(x);
  }
};
struct Gelu {
  Approximate approximate = Approximate::none;
  Tensor operator()(In x, Rng* = nullptr) const {
    Scope here{*this, x};
    return gelu(x, approximate);
  }
};
struct Silu {
  Tensor operator()(In x, Rng* = nullptr) const {
    Scope here{*this, x};
    return silu(x);
  }
};
struct Tanh {
  Tensor operator()(In x, Rng* = nullptr) const {
    Scope here{*this, x};
    return tanh(x);
  }
};
struct Sigmoid {
  Tensor operator()(In x, Rng* = nullptr) const {
    Scope here{*this, x};
    return sigmoid(x);
  }
};

}  // namespace heed
