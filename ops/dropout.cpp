#include "../core/op.h"
#include "checks.h"
#include "kernels/map.h"
#include "kernels/rows.h"
#include "ops.h"

namespace heed {

struct DropoutOp {  // the mask is a function of the key: nothing is remembered
  static constexpr auto name = "dropout";
  DropoutKey key;
  Array forward(const Array& x) const {
    const Array in = x.contiguous();
    Array y(x.shape(), x.dtype());
    visit_floating(x.dtype(), [&]<class T>(T) {
      const T* p = in.data<T>();
      T* q = y.mutable_data<T>();
      parallel_for(x.numel(), kernels::grain, [&](int64_t begin, int64_t end) {
        kernels::rows::drop(p + begin, begin, key, q + begin, end - begin);
      });
    });
    return y;
  }
  Tensor d0(Grad g) const { return dropout(g, key); }
};
Tensor dropout(In x, DropoutKey key) {
  const Where at = line_of(x);
  check_floating(DropoutOp::name, at, x);
  check_rate(DropoutOp::name, at, key);
  return key ? apply(at, DropoutOp{key}, x.tensor()) : x.tensor();
}

}  // namespace heed
