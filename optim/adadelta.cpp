#include "adadelta.h"
#include <cmath>
#include "update.h"

namespace heed {

void Adadelta::step(const Trained& model, const Gradients& gradients, double factor, Where at) {
  detail::check_options("Adadelta", at, {{"rho", rho, 1}, {"eps", eps}});
  detail::each_value(
      {"Adadelta", model, gradients, lr * factor, weight_decay, groups, at},
      [&]<class T>(const detail::Rate& rate, int64_t n, T* p, const T* g, T* s, T* d) {
        const T by = T(rate.lr), decay = T(rate.weight_decay), keep = T(rho), rest = T(1 - rho), small = T(eps);
        for (int64_t i = 0; i < n; ++i) {
          const T slope = g[i] + decay * p[i];
          s[i] = keep * s[i] + rest * slope * slope;
          const T move = std::sqrt(d[i] + small) / std::sqrt(s[i] + small) * slope;
          d[i] = keep * d[i] + rest * move * move;
          p[i] -= by * move;
        }
      },
      &square_avg, &acc_delta);
}

}  // namespace heed
