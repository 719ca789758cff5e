#pragma once
#include "../core/mode.h"
#include "../ops/ops.h"
#include "init.h"

namespace heed {

// out filters of `kernel` values per input channel of their group, slid over x [N, in, L] -> [N, out, ..]; sizes as at
// conv1d   (LeCun et al. 1989)
struct Conv1d {
  int64_t in, out, kernel;
  int64_t stride = 1, padding = 0, dilation = 1, groups = 1;
  Parameter weight = parameter(init::kaiming_uniform({out, of_group(), kernel}, std::sqrt(1.0 / 3)));
  Parameter bias = parameter(init::uniform({out}, -bound(), bound()));  // Conv1d{.., .bias = {}} has none

  Tensor operator()(In x, Rng* = nullptr) const {
    Scope here{*this, x};
    return conv1d(x, widened(weight), widened(bias), {stride, padding, dilation, groups});
  }
  int64_t of_group() const { return groups > 0 ? in / groups : 0; }  // channels
  // Of the first weights of a bias.
  double bound() const { return init::bias_bound(of_group() * kernel); }
};

// The same over x [N, in, H, W]; {height, width} or one number for both
struct Conv2d {
  int64_t in, out;
  Pair kernel;
  Pair stride = 1, padding = 0, dilation = 1;
  int64_t groups = 1;
  Parameter weight = parameter(init::kaiming_uniform({out, of_group(), kernel[0], kernel[1]}, std::sqrt(1.0 / 3)));
  Parameter bias = parameter(init::uniform({out}, -bound(), bound()));

  Tensor operator()(In x, Rng* = nullptr) const {
    Scope here{*this, x};
    return conv2d(x, widened(weight), widened(bias), {stride, padding, dilation, groups});
  }
  int64_t of_group() const { return groups > 0 ? in / groups : 0; }  // channels
  // Of the first weights of a bias.
  double bound() const { return init::bias_bound(of_group() * kernel[0] * kernel[1]); }
};

}  // namespace heed
