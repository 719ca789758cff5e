#include "adam.h"
#include <algorithm>
#include <cmath>
#include "../ops/kernels/rows.h"
#include "update.h"

namespace heed {

namespace {

template <class A>  // Adam or AdamW
void step_adam(const char* optimizer, A& a, bool decoupled, const Trained& model, const Gradients& gradients,
               double factor, Where at) {
  detail::check_options(optimizer, at, {{"beta1", a.beta1, 1}, {"beta2", a.beta2, 1}, {"eps", a.eps}});
  detail::each_value(
      {optimizer, model, gradients, a.lr * factor, a.weight_decay, a.groups, at, &a.steps},
      [&]<class T>(const detail::Rate& rate, int64_t n, T* p, const T* g, T* m, T* v, T* largest) {
        kernels::rows::adam(p, g, m, v, largest, n,
                            {.lr = rate.lr,
                             .beta1 = a.beta1,
                             .beta2 = a.beta2,
                             .eps = a.eps,
                             .weight_decay = rate.weight_decay,
                             .decoupled = decoupled,
                             .correction1 = 1 - std::pow(a.beta1, double(rate.step)),
                             .correction2 = 1 - std::pow(a.beta2, double(rate.step))});
      },
      &a.exp_avg, &a.exp_avg_sq, a.amsgrad ? &a.max_exp_avg_sq : nullptr);
}

}  // namespace

void Adam::step(const Trained& model, const Gradients& g, double factor, Where at) {
  step_adam("Adam", *this, false, model, g, factor, at);
}

void AdamW::step(const Trained& model, const Gradients& g, double factor, Where at) {
  step_adam("AdamW", *this, true, model, g, factor, at);
}

void Adamax::step(const Trained& model, const Gradients& gradients, double factor, Where at) {
  detail::check_options("Adamax", at, {{"beta1", beta1, 1}, {"beta2", beta2, 1}, {"eps", eps}});
  detail::each_value(
      {"Adamax", model, gradients, lr * factor, weight_decay, groups, at, &steps},
      [&]<class T>(const detail::Rate& rate, int64_t n, T* p, const T* g, T* m, T* u) {
        const T by = T(rate.lr / (1 - std::pow(beta1, double(rate.step)))), decay = T(rate.weight_decay);
        const T keep = T(beta1), rest = T(1 - beta1), shrink = T(beta2), small = T(eps);
        for (int64_t i = 0; i < n; ++i) {
          const T slope = g[i] + decay * p[i];
          m[i] = keep * m[i] + rest * slope;
          u[i] = std::max(std::abs(slope) + small, shrink * u[i]);
          p[i] -= by * m[i] / u[i];
        }
      },
      &exp_avg, &exp_inf);
}

}  // namespace heed
