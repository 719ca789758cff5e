#pragma once
#include <optional>
#include "../core/mode.h"
#include "../ops/ops.h"

namespace heed {

// (x - mean) / sqrt(variance + eps) weight + bias over the last dimension      x [.., width]
// (Ba, Kiros and Hinton 2016)
struct LayerNorm {
  int64_t width;
  double eps = 1e-5;
  Parameter weight = parameter(ones({width}));
  Parameter bias = parameter(zeros({width}));

  Tensor operator()(In x, Rng* = nullptr) const {
    Scope here{*this, x};
    return layer_norm(x, widened(weight), widened(bias), eps);
  }
};

// x / sqrt(mean(x^2) + eps) weight over the last dimension      x [.., width]   (Zhang and Sennrich 2019)
struct RmsNorm {
  int64_t width;
  std::optional<double> eps = std::nullopt;  // absent: the machine epsilon of x's type
  Parameter weight = parameter(ones({width}));

  Tensor operator()(In x, Rng* = nullptr) const {
    Scope here{*this, x};
    return rms_norm(x, widened(weight), eps);
  }
};

// LayerNorm of each of the groups that the channels fall into      x [N, channels, ..]   (Wu and He 2018)
struct GroupNorm {
  int64_t groups, channels;
  double eps = 1e-5;
  Parameter weight = parameter(ones({channels}));
  Parameter bias = parameter(zeros({channels}));

  Tensor operator()(In x, Rng* = nullptr) const {
    Scope here{*this, x};
    return group_norm(x, groups, widened(weight), widened(bias), eps);
  }
};

// LayerNorm per channel, over all else   (Ioffe and Szegedy 2015)
// Training uses the batch's own statistics and moves the running ones towards them; evaluation uses the running ones.
template <int spatial>
struct BatchNorm {
  int64_t channels;
  double eps = 1e-5;
  double momentum = 0.1;  // of the new value, as in PyTorch
  Parameter weight = parameter(ones({channels}));
  Parameter bias = parameter(zeros({channels}));
  Tensor running_mean = zeros({channels});
  Tensor running_var = ones({channels});  // unbiased

  Tensor operator()(In x, Rng* training = nullptr) const;
};
using BatchNorm1d = BatchNorm<1>;  // x [N, channels] or [N, channels, L]
using BatchNorm2d = BatchNorm<2>;  // x [N, channels, H, W]

}  // namespace heed
