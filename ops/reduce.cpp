#include <algorithm>
#include <cmath>
#include <limits>
#include "../core/op.h"
#include "checks.h"
#include "kernels/map.h"
#include "kernels/rows.h"
#include "ops.h"

namespace heed {
namespace {

// y has x's shape but for the last dimension, which is 1 (or `last`): row(x, y, n) per row of x.
template <class Y = void, class F>
Array reduce_rows(const Array& x, F&& row, int64_t last = 1) {
  const Array in = x.contiguous();
  return visit_floating(x.dtype(), [&]<class T>(T) {
    using R = std::conditional_t<std::is_void_v<Y>, T, Y>;
    Array y(x.shape().with(-1, last), dtype_of<R>);
    const T* p = in.data<T>();
    R* q = y.template mutable_data<R>();
    const int64_t n = x.shape()[-1];
    parallel_for(n ? x.numel() / n : y.numel(), kernels::rows_per_task(n), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) row(p + i * n, q + i * last, n);
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

// NaN is above everything, as in max.
template <class T>
bool above(T a, T b) {
  return a > b || (std::isnan(a) && !std::isnan(b));
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
  Shape kept = x->shape();
  std::array<bool, max_rank> summed{};
  for (int dim : dims.get()) {
    const int d = checked_dim(at, "sum", dim, x->dim());
    if (summed[std::size_t(d)]) fail<ShapeError>(at, "sum", "dimension " + std::to_string(dim) + " is named twice");
    summed[std::size_t(d)] = true;
    kept[d] = 1;
  }
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
      *y = std::max_element(p, p + n, [](auto a, auto b) { return above(b, a); }) - p;
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

struct TopKOp {  // of the last dimension; indices carry no history
  static constexpr auto name = "topk";
  int64_t k;
  Shape from;
  std::array<Array, 2> forward(const Array& x) const {
    Array indices = reduce_rows<int64_t>(
        x,
        [this](auto* p, int64_t* y, int64_t n) {
          std::vector<int64_t> order(static_cast<std::size_t>(n));
          for (int64_t i = 0; i < n; ++i) order[std::size_t(i)] = i;
          std::partial_sort(order.begin(), order.begin() + k, order.end(),
                            [p](int64_t a, int64_t b) { return above(p[a], p[b]) || (!above(p[b], p[a]) && a < b); });
          std::copy_n(order.begin(), k, y);
        },
        k);
    const Array in = x.contiguous();
    Array values(indices.shape(), x.dtype());
    visit_floating(x.dtype(), [&]<class T>(T) {
      const int64_t *at = indices.data<int64_t>(), n = x.shape()[-1];
      for (int64_t i = 0; i < indices.numel(); ++i) values.mutable_data<T>()[i] = in.data<T>()[i / k * n + at[i]];
    });
    return {values, indices};
  }
  Tensor d0(Grad g, OutputOf<1> indices) const { return scatter_add(zeros(from, g.dtype()), -1, indices, g); }
};
TopK topk(In x, int64_t k, int dim) {
  const Where at = line_of(x);
  check_floating(TopKOp::name, at, x);
  const int d = checked_dim(at, TopKOp::name, dim, x->dim());
  if (k < 0 || k > x->size(d))
    fail<IndexError>(at, TopKOp::name,
                     "cannot take " + std::to_string(k) + " of the " + std::to_string(x->size(d)) +
                         " elements of dimension " + std::to_string(dim) + " of " + x->shape().str());
  Scope here{x};
  const Tensor last = transpose(x, d, -1);
  auto [values, indices] = apply(at, TopKOp{k, last.shape()}, last);
  return {transpose(values, d, -1), transpose(indices, d, -1)};
}

}  // namespace heed
