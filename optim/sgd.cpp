#include "sgd.h"
#include "../ops/kernels/rows.h"
#include "update.h"

namespace heed {

void Sgd::step(const Trained& model, const Gradients& gradients, double factor, Where at) {
  detail::check_options("Sgd", at, {{"momentum", momentum}});
  if (nesterov && momentum == 0) fail<Error>(at, "Sgd", "nesterov needs a momentum");
  detail::each_value(
      {"Sgd", model, gradients, lr * factor, weight_decay, groups, at},
      [&]<class T>(const detail::Rate& rate, int64_t n, T* p, const T* g, T* v) {
        kernels::rows::sgd(p, g, v, n, {rate.lr, momentum, rate.weight_decay, nesterov});
      },
      momentum != 0 ? &momentum_buffer : nullptr);
}

}  // namespace heed
