#pragma once
// Pools as modules, for Sequential: of each window of x [.., H, W]; {height, width} or one number for both, a stride of
// 0 is the kernel's size. Sizes as at max_pool2d.
#include "../core/mode.h"
#include "../ops/ops.h"

namespace heed {

struct MaxPool2d {  // the largest value
  Pair kernel;
  Pair stride = 0, padding = 0, dilation = 1;
  bool ceil_mode = false;

  Tensor operator()(In x, Rng* = nullptr) const {
    Scope here{*this, x};
    return max_pool2d(x, kernel, {stride, padding, dilation, ceil_mode});
  }
};

struct AvgPool2d {  // the mean
  Pair kernel;
  Pair stride = 0, padding = 0;
  bool ceil_mode = false, count_include_pad = true;

  Tensor operator()(In x, Rng* = nullptr) const {
    Scope here{*this, x};
    return avg_pool2d(x, kernel, {stride, padding, ceil_mode, count_include_pad});
  }
};

struct AdaptiveAvgPool2d {  // the mean, of as many windows as the result has places: [.., H, W] -> [.., size]
  Pair size;

  Tensor operator()(In x, Rng* = nullptr) const {
    Scope here{*this, x};
    return adaptive_avg_pool2d(x, size);
  }
};

}  // namespace heed
