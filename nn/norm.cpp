#include "norm.h"

namespace heed {

Tensor BatchNorm::operator()(In x, Rng* training) const {
  Scope here{*this, x};
  if (training) {
    if (x->dim() >= 2 && x->numel() == x->size(1))
      fail<ShapeError>(line_of(x), "BatchNorm",
                       "one value per channel has no variance to train on: the input is " + x->shape().str());
    auto [y, mean, variance] = batch_norm(x, weight, bias, eps);
    Unrecorded off;
    const double n = double(x->numel()) / double(channels);
    assign(running_mean, running_mean * (1 - momentum) + mean.detach() * momentum);
    assign(running_var, running_var * (1 - momentum) + variance.detach() * (momentum * n / (n - 1)));
    return y;
  }
  Shape per_channel;
  for (int i = 0; i < x->dim(); ++i) per_channel.push_back(i == 1 ? channels : 1);
  auto along = [&](const Tensor& t) { return reshape(t, per_channel); };
  Tensor y = (x - along(running_mean)) / along(sqrt(running_var + eps));
  if (weight.defined()) y = y * along(weight);
  if (bias.defined()) y = y + along(bias);
  return y;
}

}  // namespace heed
