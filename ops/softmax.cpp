#include "../core/op.h"
#include "checks.h"
#include "kernels/map.h"
#include "kernels/rows.h"
#include "ops.h"

namespace heed {
namespace {

namespace rows = kernels::rows;

// Op over the last dimension, dim moved there and back.
template <class Op>
Tensor over_dim(const In& x, int dim) {
  const Where at = line_of(x);
  check_floating(Op::name, at, x);
  const int d = checked_dim(at, Op::name, dim, x->dim());
  if (d == x->dim() - 1) return apply(at, Op{}, x.tensor());
  Scope here{x};
  return transpose(apply(at, Op{}, transpose(x, d, -1)), d, -1);
}

}  // namespace

struct Softmax {
  static constexpr auto name = "softmax";
  Tensor definition(const Tensor& x) const {
    if (x.numel() == 0) return x;
    const Tensor e = exp(x - stop_gradient(max(x, -1, keepdim)));
    return e / sum(e, -1, keepdim);
  }
  Array forward(const Array& x) const {
    return kernels::map_whole_rows(x, [](auto* p, auto* y, int64_t n) { rows::softmax(p, y, n); });
  }
  Tensor d0(Grad g, Output y) const { return y * (g - sum(g * y, -1, keepdim)); }  // dL/dx = y (g - <g, y>)
  Array backward(Grad g, Output y) const {
    return kernels::map_whole_rows_gradient(
        y, g, [](auto* p, auto* q, auto* dx, int64_t n) { rows::softmax_grad(p, q, dx, n); });
  }
};
Tensor softmax(In x, int dim) { return over_dim<Softmax>(x, dim); }

struct LogSoftmax {
  static constexpr auto name = "log_softmax";
  Tensor definition(const Tensor& x) const { return x - logsumexp(x, -1, keepdim); }
  Array forward(const Array& x) const {
    return kernels::map_whole_rows(x, [](auto* p, auto* y, int64_t n) { rows::log_softmax(p, y, n); });
  }
  Tensor d0(Grad g, Output y) const { return g - exp(y) * sum(g, -1, keepdim); }
  Array backward(Grad g, Output y) const {
    return kernels::map_whole_rows_gradient(
        y, g, [](auto* p, auto* q, auto* dx, int64_t n) { rows::log_softmax_grad(p, q, dx, n); });
  }
};
Tensor log_softmax(In x, int dim) { return over_dim<LogSoftmax>(x, dim); }

}  // namespace heed
