#pragma once
// Activations, and what else has no weights, as modules for Sequential.
#include "../core/mode.h"
#include "../ops/ops.h"

namespace heed {

struct Relu {  // max(x, 0)
  Tensor operator()(In x, Rng* = nullptr) const {
    Scope here{*this, x};
    return relu(x);
  }
};
struct LeakyRelu {  // x where x > 0, else negative_slope x
  double negative_slope = 0.01;
  Tensor operator()(In x, Rng* = nullptr) const {
    Scope here{*this, x};
    return leaky_relu(x, negative_slope);
  }
};
struct Elu {  // x where x > 0, else alpha (e^x - 1)
  double alpha = 1;
  Tensor operator()(In x, Rng* = nullptr) const {
    Scope here{*this, x};
    return elu(x, alpha);
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
struct Softmax {  // e^x / sum e^x over a dimension
  int dim = -1;
  Tensor operator()(In x, Rng* = nullptr) const {
    Scope here{*this, x};
    return softmax(x, dim);
  }
};
struct Flatten {  // dimensions from .. to as one: [N, C, H, W] -> [N, C H W]
  int from = 1, to = -1;
  Tensor operator()(In x, Rng* = nullptr) const {
    Scope here{*this, x};
    return flatten(x, from, to);
  }
};

}  // namespace heed
