#include "lion.h"
#include "update.h"

namespace heed {

void Lion::step(const Trained& model, const Gradients& gradients, double factor, Where at) {
  detail::check_options("Lion", at, {{"beta1", beta1, 1}, {"beta2", beta2, 1}});
  detail::each_value(
      {"Lion", model, gradients, lr * factor, weight_decay, groups, at},
      [&]<class T>(const detail::Rate& rate, int64_t n, T* p, const T* g, T* m) {
        const T by = T(rate.lr), keep = T(1 - rate.lr * rate.weight_decay);
        const T keep1 = T(beta1), rest1 = T(1 - beta1), keep2 = T(beta2), rest2 = T(1 - beta2);
        for (int64_t i = 0; i < n; ++i) {
          const T move = keep1 * m[i] + rest1 * g[i];
          p[i] = keep * p[i] - by * T((move > 0) - (move < 0));
          m[i] = keep2 * m[i] + rest2 * g[i];
        }
      },
      &exp_avg);
}

}  // namespace heed
