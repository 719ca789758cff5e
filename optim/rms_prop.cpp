#include "rms_prop.h"
#include <algorithm>
#include <cmath>
#include "update.h"

namespace heed {

void RmsProp::step(const Trained& model, const Gradients& gradients, double factor, Where at) {
  detail::check_options("RmsProp", at, {{"alpha", alpha, 1}, {"eps", eps}, {"momentum", momentum}});
  detail::each_value(
      {"RmsProp", model, gradients, lr * factor, weight_decay, groups, at},
      [&]<class T>(const detail::Rate& rate, int64_t n, T* p, const T* g, T* s, T* a, T* b) {
        const T by = T(rate.lr), decay = T(rate.weight_decay), keep = T(alpha), rest = T(1 - alpha), small = T(eps),
                inertia = T(momentum);
        for (int64_t i = 0; i < n; ++i) {
          const T slope = g[i] + decay * p[i];
          T square = s[i] = keep * s[i] + rest * slope * slope;
          if (a) {
            a[i] = keep * a[i] + rest * slope;
            square = std::max(square - a[i] * a[i], T(0));  // rounding may take it below
          }
          T move = slope / (std::sqrt(square) + small);
          if (b) move = b[i] = inertia * b[i] + move;
          p[i] -= by * move;
        }
      },
      &square_avg, centered ? &grad_avg : nullptr, momentum != 0 ? &momentum_buffer : nullptr);
}

}  // namespace heed
