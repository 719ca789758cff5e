#include "muon.h"
#include <algorithm>
#include <cmath>
#include "../core/plus.h"
#include "../core/text.h"
#include "../ops/kernels/matmul.h"
#include "update.h"

namespace heed {

namespace {

Tensor product(const Tensor& a, const Tensor& b) { return Tensor(kernels::matmul(a.array(), b.array())); }
Tensor transposed(const Tensor& x) { return Tensor(x.array().transposed(0, 1)); }

// With x's singular vectors, and singular values of about 1.
Tensor orthogonalized(const Tensor& u, const Muon& how) {
  if (u.size(0) > u.size(1)) return transposed(orthogonalized(transposed(u), how));
  const auto [a, b, c] = how.ns_coefficients;
  Tensor x = scale(u, 1 / std::max(Gradients{{}, {u}}.norm(), how.eps));
  for (int64_t i = 0; i < how.ns_steps; ++i) {
    const Tensor gram = product(x, transposed(x));
    x = scale(x, a) + product(scale(gram, b) + scale(product(gram, gram), c), x);
  }
  return x;
}

double adjustment(Muon::AdjustLr how, double rows, double columns) {
  if (how == Muon::match_rms_adamw) return 0.2 * std::sqrt(std::max(rows, columns));
  return std::sqrt(how == Muon::original ? std::max(1.0, rows / columns) : rows / columns);
}

struct Share {  // of the parameters: one optimizer's
  Trained model;
  Gradients gradients = {};
  explicit Share(const Trained& all) : model(all) { model.active = {}; }
  void take(const std::string& path, const Tensor& parameter, const Tensor& gradient) {
    model.active.paths.push_back(path);
    model.active.values.push_back(parameter);
    gradients.paths.push_back(path);
    gradients.values.push_back(gradient);
  }
};

}  // namespace

void Muon::step(const Trained& model, const Gradients& gradients, double factor, Where at) {
  detail::check_options("Muon", at, {{"momentum", momentum, 1}, {"eps", eps}});
  detail::check_gradients("Muon", model.active, gradients, at);
  detail::check_groups("Muon", others.groups, model, at);
  Share matrices(model), rest(model);
  for (std::size_t i = 0; i < gradients.paths.size(); ++i) {
    const std::string& path = gradients.paths[i];
    const Tensor& p = model.active.values[i];
    const bool named = std::any_of(others.groups.begin(), others.groups.end(),
                                   [&](const Group& group) { return matches(group.pattern, path); });
    (p.dim() == 2 && !named ? matrices : rest).take(path, p, gradients.values[i].detach());
  }

  const detail::Update u{"Muon", matrices.model, matrices.gradients, lr * factor, weight_decay, groups, at};
  const std::vector<detail::Rate> rates = detail::rates(u);
  detail::prepare(u, momentum_buffer);
  others.step(rest.model, rest.gradients, factor, at);
  for (std::size_t i = 0; i < rates.size(); ++i) {
    const Tensor p = matrices.model.active.values[i].detach(), g = scale(matrices.gradients.values[i], 1 - momentum);
    const Tensor& buffer = momentum_buffer.values[i];
    assign(buffer, scale(buffer, momentum) + g, at);
    const Tensor move = orthogonalized(nesterov ? g + scale(buffer, momentum) : buffer, *this);
    const double by = rates[i].lr * adjustment(adjust_lr_fn, double(p.size(0)), double(p.size(1)));
    assign(p, scale(p, 1 - rates[i].lr * rates[i].weight_decay) + scale(move, -by), at);
  }
}

}  // namespace heed
