#include "ema.h"
#include <algorithm>
#include "../core/plus.h"
#include "update.h"

namespace heed {

namespace {

Tensor copy_of(const Tensor& x) { return Tensor(x.array().cast(x.dtype())); }

// Of the model's parameters, in their order.
std::vector<Tensor> of(const Parameters& p, const Slots& averages, Where at) {
  Slots found{p.paths, {}};
  for (const std::string& path : p.paths) {
    const auto known = std::find(averages.paths.begin(), averages.paths.end(), path);
    if (known == averages.paths.end()) fail<GradError>(at, "Ema", "there is no average of " + path);
    found.values.push_back(averages.values[std::size_t(known - averages.paths.begin())]);
  }
  detail::check_state("Ema", found, p, at);
  return found.values;
}

}  // namespace

void Ema::update(const Trained& model, Where at) {
  detail::check_options("Ema", at, {{"decay", decay, 1}});
  for (const Tensor& p : model.active.values) check_computed("Ema", at, p.dtype());
  averages.align(model.active, [](const Tensor& p) { return copy_of(p); });
  detail::check_state("Ema", averages, model.active, at);
  const double n = double(updates++), keep = warmup ? std::min(decay, (1 + n) / (10 + n)) : decay;
  for (std::size_t i = 0; i < model.active.values.size(); ++i) {
    const Tensor &e = averages.values[i], p = model.active.values[i].detach();
    assign(e, e + scale(p + scale(e, -1), 1 - keep), at);
  }
}

void Ema::copy_to(const Trained& model, Where at) const {
  const std::vector<Tensor> means = of(model.active, averages, at);
  for (std::size_t i = 0; i < model.active.values.size(); ++i) assign(model.active.values[i], means[i], at);
}

void Ema::exchange(const Trained& model, Where at) {
  const std::vector<Tensor> means = of(model.active, averages, at);
  for (std::size_t i = 0; i < model.active.values.size(); ++i) {
    const Tensor value = copy_of(model.active.values[i]);
    assign(model.active.values[i], means[i], at);
    assign(means[i], value, at);
  }
}

}  // namespace heed
