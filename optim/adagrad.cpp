#include "adagrad.h"
#include <cmath>
#include "update.h"

namespace heed {

void Adagrad::step(const Trained& model, const Gradients& gradients, double factor, Where at) {
  detail::check_options(
      "Adagrad", at, {{"lr_decay", lr_decay}, {"initial_accumulator_value", initial_accumulator_value}, {"eps", eps}});
  detail::each_value(
      {"Adagrad", model, gradients, lr * factor, weight_decay, groups, at, &steps, initial_accumulator_value},
      [&]<class T>(const detail::Rate& rate, int64_t n, T* p, const T* g, T* s) {
        const T by = T(rate.lr / (1 + double(rate.step - 1) * lr_decay)), decay = T(rate.weight_decay), small = T(eps);
        for (int64_t i = 0; i < n; ++i) {
          const T slope = g[i] + decay * p[i];
          s[i] += slope * slope;
          p[i] -= by * slope / (std::sqrt(s[i]) + small);
        }
      },
      &sum);
}

}  // namespace heed
