#include "norm.h"

namespace heed {

Tensor BatchNorm::operator()(In x, Rng* training) const {
  Scope here{*this, x};
  if (training) {
    auto [y, mean, variance] = batch_norm(x, weight, bias, eps);
    Unrecorded off;
    const double n = double(x->numel()) / double(channels);
    assign(running_mean, running_mean * (1 - momentum) + mean.detach() * momentum);
    assign(running_var, running_var * (1 - momentum) + variance.detach() * (momentum * n / (n - 1)));
    return y;
  }
  Shape per_channel;
  for (int i = 0; i < x->dim(); ++i) per_channel.push_back(i == 1 ? channels : 1);
  const Tensor factor = weight / sqrt(running_var + eps);
  return (x - reshape(running_mean, per_channel)) * reshape(factor, per_channel) + reshape(bias, per_channel);
}

}  // namespace heed
