#include "adam.h"
#include <cmath>
#include "../core/parallel.h"
#include "../ops/kernels/rows.h"

namespace heed {

void AdamW::step(const Parameters& p, const Gradients& g, double factor, Where at) {
  check_gradients("AdamW", p, g, at);
  first.prepare("AdamW", p, at);
  second.prepare("AdamW", p, at);
  ++steps;
  const kernels::rows::AdamwStep how{.lr = lr * factor,
                                     .beta1 = beta1,
                                     .beta2 = beta2,
                                     .eps = eps,
                                     .weight_decay = weight_decay,
                                     .correction1 = 1 - std::pow(beta1, double(steps)),
                                     .correction2 = 1 - std::pow(beta2, double(steps))};
  for (std::size_t i = 0; i < p.values.size(); ++i) {
    Array to = open_for_writing(p.values[i], at), m = open_for_writing(first.values[i], at),
          v = open_for_writing(second.values[i], at);
    const Array by = g.values[i].array().contiguous();
    visit_floating(to.dtype(), [&]<class T>(T) {
      parallel_for(to.numel(), 1 << 15, [&](int64_t begin, int64_t end) {
        kernels::rows::adamw(to.mutable_data<T>() + begin, by.data<T>() + begin, m.mutable_data<T>() + begin,
                             v.mutable_data<T>() + begin, end - begin, how);
      });
    });
  }
}

}  // namespace heed
