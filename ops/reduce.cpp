#include <algorithm>
#include <cmath>
#include <limits>
#include "../core/op.h"
#include "checks.h"
#include "kernels/map.h"
#include "kernels/order.h"
#include "kernels/rows.h"
#include "ops.h"

namespace heed {
namespace {

// y has x's shape but for the last dimension, which is 1: row(x, y, n) per row of x.
template <class Y = void, class F>
Array reduce_rows(const Array& x, F&& row) {
  const Array in = x.contiguous();
  return visit_floating(x.dtype(), [&]<class T>(T) {
    using R = std::conditional_t<std::is_void_v<Y>, T, Y>;
    Array y(x.shape().with(-1, 1), dtype_of<R>);
    const T* p = in.data<T>();
    R* q = y.template mutable_data<R>();
    const int64_t n = x.shape()[-1];
    parallel_for(n ? x.numel() / n : y.numel(), kernels::rows_per_task(n), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) row(p + i * n, q + i, n);
    });
    return y;
  });
}

// f over the last dimension of x, dim moved there and back; f keeps that dimension with size 1.
template <class F>
Tensor over_dim(const char* op, const In& x, int dim, bool keepdim, F&& f) {
  const Where at = line_of(x);
  check_floating(op, at, x);
  const int d = checked_dim(at, op, dim, x->dim());
  Scope here{x};
  const bool last = d == x->dim() - 1;
  const Tensor y = f(at, last ? x.tensor() : transpose(x, d, -1));
  if (keepdim) return last ? y : transpose(y, d, -1);
  return reshape(last ? y : transpose(y, d, -1), x->shape().without(d));
}

void check_not_empty(const char* op, Where at, const Tensor& x) {
  if (x.size(-1) == 0) fail<IndexError>(at, op, "there is no " + std::string(op) + " of nothing: " + x.shape().str());
}

}  // namespace

Tensor sum(In x) {
  Scope here{x};
  return sum_to(x->dtype() == boolean ? cast(x, i64) : x.tensor(), {});
}

Tensor sum(In x, Dims dims, bool keepdim) {
  const Where at = line_of(x);
  check_defined("sum", at, x);
  Scope here{x};
  const auto summed = named_dims("sum", at, dims, x->dim());
  Shape kept = x->shape();
  for (int d = 0; d < x->dim(); ++d)
    if (summed[std::size_t(d)]) kept[d] = 1;
  Tensor y = sum_to(x->dtype() == boolean ? cast(x, i64) : x.tensor(), kept);
  if (keepdim) return y;
  Shape dropped;
  for (int d = 0; d < x->dim(); ++d)
    if (!summed[std::size_t(d)]) dropped.push_back(kept[d]);
  return reshape(y, dropped);
}

struct Max {  // over the last dimension; those that tie share the gradient evenly
  static constexpr auto name = "max";
  Array forward(const Array& x) const {
    return reduce_rows(x, [](auto* p, auto* y, int64_t n) { *y = kernels::rows::max(p, n); });
  }
  Tensor d0(Grad g, Input<0> x, Output y) const {
    const Tensor top = cast(x == y, x.dtype());
    return g * top / sum(top, -1, keepdim);
  }
};
Tensor max(In x, int dim, bool keepdim) {
  return over_dim(Max::name, x, dim, keepdim, [](Where at, const Tensor& t) {
    check_not_empty(Max::name, at, t);
    return apply(at, Max{}, t);
  });
}
Tensor max(In x) {
  Scope here{x};
  return max(reshape(x, {-1}), 0);
}

struct ArgMax {
  static constexpr auto name = "argmax";
  static constexpr bool differentiable = false;
  Array forward(const Array& x) const {
    return reduce_rows<int64_t>(x, [](auto* p, int64_t* y, int64_t n) {
      *y = std::max_element(p, p + n, [](auto a, auto b) { return kernels::above(b, a); }) - p;
    });
  }
};
Tensor argmax(In x, int dim, bool keepdim) {
  return over_dim(ArgMax::name, x, dim, keepdim, [](Where at, const Tensor& t) {
    check_not_empty(ArgMax::name, at, t);
    return apply(at, ArgMax{}, t);
  });
}

struct LogSumExp {  // over the last dimension
  static constexpr auto name = "logsumexp";
  static constexpr double nothing = -std::numeric_limits<double>::infinity();  // of no terms, and of terms e^-inf
  static Tensor finite(const Tensor& y) { return where(y == nothing, 0, y); }
  Tensor definition(const Tensor& x) const {
    if (x.size(-1) == 0) return sum(x, -1, keepdim) + nothing;
    const Tensor top = finite(stop_gradient(max(x, -1, keepdim)));
    return log(sum(exp(x - top), -1, keepdim)) + top;
  }
  Array forward(const Array& x) const {
    return reduce_rows(x, [](auto* p, auto* y, int64_t n) { *y = kernels::rows::logsumexp(p, n); });
  }
  Tensor d0(Grad g, Input<0> x, Output y) const { return g * exp(x - finite(y)); }
};
Tensor logsumexp(In x, int dim, bool keepdim) {
  return over_dim(LogSumExp::name, x, dim, keepdim,
                  [](Where at, const Tensor& t) { return apply(at, LogSumExp{}, t); });
}

}  // namespace heed
