#include "sgd.h"
#include "../core/parallel.h"
#include "../ops/kernels/rows.h"

namespace heed {

void Sgd::step(const Parameters& p, const Gradients& g, double factor, Where at) {
  check_gradients("Sgd", p, g, at);
  if (momentum != 0) velocity.prepare("Sgd", p, at);
  const kernels::rows::SgdStep how{lr * factor, momentum, weight_decay, nesterov};
  for (std::size_t i = 0; i < p.values.size(); ++i) {
    Array to = open_for_writing(p.values[i], at),
          v = momentum != 0 ? open_for_writing(velocity.values[i], at) : Array();
    const Array by = g.values[i].array().contiguous();
    visit_floating(to.dtype(), [&]<class T>(T) {
      T *x = to.mutable_data<T>(), *m = v.defined() ? v.mutable_data<T>() : nullptr;
      parallel_for(to.numel(), 1 << 15, [&](int64_t begin, int64_t end) {
        kernels::rows::sgd(x + begin, by.data<T>() + begin, m ? m + begin : nullptr, end - begin, how);
      });
    });
  }
}

}  // namespace heed
