#include "norm.h"

namespace heed {

template <int spatial>
Tensor BatchNorm<spatial>::operator()(In x, Rng* training) const {
  Scope here{*this, x};
  const Where at = line_of(x);
  constexpr const char* name = spatial == 1 ? "BatchNorm1d" : "BatchNorm2d";
  const bool fits = x->dim() == 2 + spatial || (spatial == 1 && x->dim() == 2);
  if (!fits || x->size(1) != channels) {
    const std::string start = "[N, " + std::to_string(channels);
    fail<ShapeError>(at, name,
                     "the input must be " + start + (spatial == 1 ? "] or " + start + ", L]" : ", H, W]") + ", not " +
                         x->shape().str());
  }
  if (training) {
    if (x->numel() <= channels)
      fail<ShapeError>(at, name, "one value per channel has no variance to train on: the input is " + x->shape().str());
    auto [y, mean, variance] = batch_norm(x, widened(weight), widened(bias), eps);
    Unrecorded off;
    const double n = double(x->numel()) / double(channels);
    auto move = [&](const Tensor& running, const Tensor& now, double by) {
      assign(running, cast(widened(running) * (1 - momentum) + now.detach() * by, running.dtype()));
    };
    move(running_mean, mean, momentum), move(running_var, variance, momentum * n / (n - 1));
    return y;
  }
  Shape per_channel;
  for (int i = 0; i < x->dim(); ++i) per_channel.push_back(i == 1 ? channels : 1);
  auto along = [&](const Tensor& t) { return reshape(widened(t), per_channel); };
  Tensor y = (x - along(running_mean)) / along(sqrt(widened(running_var) + eps));
  if (weight.defined()) y = y * along(weight);
  if (bias.defined()) y = y + along(bias);
  return y;
}
template struct BatchNorm<1>;
template struct BatchNorm<2>;

}  // namespace heed
