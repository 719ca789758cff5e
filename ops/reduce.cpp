#include <algorithm>
#include <concepts>
#include <limits>
#include "../core/op.h"
#include "../core/rows.h"
#include "checks.h"
#include "kernels/map.h"
#include "kernels/rows.h"
#include "ops.h"

namespace heed {
namespace {

// The dimensions of a reduction to shape `to`: those that are kept, then those that are reduced.
struct Order {
  std::array<int, max_rank> dims{}, inverse{};
  std::size_t n = 0;
  Order(const Shape& from, const Shape& to) {
    for (bool reduced : {false, true})
      for (int d = 0; d < to.rank(); ++d)
        if ((from[d] != to[d]) == reduced) {
          inverse[std::size_t(d)] = int(n);
          dims[n++] = d;
        }
  }
  Array there(const Array& x) const { return x.permuted(std::span(dims.data(), n)); }
  Array back(const Array& x) const { return x.permuted(std::span(inverse.data(), n)); }
};

// x as rows, each of what is reduced to one element of a result of shape `to`.
Array rows_for(const Array& x, const Shape& to) {
  return Order(x.shape(), to).there(x).reshaped({to.numel(), to.numel() ? x.numel() / to.numel() : 0}).contiguous();
}

// What is reduced to shape `to` as the middle of [outer, n, inner], if it lies together.
struct Middle {
  int64_t outer = 1, n = 1, inner = 1;
  bool together = true;
  Middle(const Shape& from, const Shape& to) {
    for (int d = 0; d < to.rank(); ++d) {
      if (from[d] == to[d]) (n > 1 ? inner : outer) *= from[d];
      else together = together && inner == 1, n *= from[d];
    }
  }
};

// row(p, y, n) for each element of a result of shape `to`, of the n values at p. Integers if row takes them.
template <class Y = void, class F>
Array reduce_rows(const Array& x, const Shape& to, F&& row) {
  const Array in = rows_for(x, to);
  return visit_numeric(x.dtype(), [&]<class T>(T) -> Array {
    using R = std::conditional_t<std::is_void_v<Y>, T, Y>;
    if constexpr (!std::is_invocable_v<F, const T*, R*, int64_t>) {
      return {};  // refused by the public function
    } else {
      Array y(to, dtype_of<R>);
      const T* p = in.data<T>();
      R* q = y.template mutable_data<R>();
      const int64_t n = in.shape()[-1];
      parallel_for(y.numel(), kernels::rows_per_task(n), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) row(p + i * n, q + i, n);
      });
      return y;
    }
  });
}

// Op over dims of x.
template <class Op>
Tensor reduce(const char* op, const In& x, Dims dims, bool keepdim) {
  const Where at = line_of(x);
  check_defined(op, at, x);
  (Op::integers ? check_numeric : check_computed)(op, at, x->dtype());
  const Reduced to(op, at, x, dims);
  if (Op::of_something && x->numel() == 0 && to.kept.numel() > 0)
    fail<IndexError>(at, op, "there is no " + std::string(op) + " of nothing: " + x->shape().str());
  Scope here{x};
  const Tensor y = apply(at, Op{to.kept}, x.tensor());
  return keepdim ? y : reshape(y, to.dropped);
}

Tensor counted(const In& x) { return x->dtype() == boolean ? cast(x, i64) : x.tensor(); }

// The place of the largest (or the smallest) value, the first of equals; NaN is both.
template <bool largest, class T>
int64_t first(const T* x, int64_t n) {
  if constexpr (std::is_floating_point_v<T>) {
    const T top = largest ? kernels::rows::max(x, n) : kernels::rows::min(x, n);
    return std::find_if(x, x + n, [top](T v) { return v == top || (top != top && v != v); }) - x;
  } else {
    return std::min_element(x, x + n, [](T a, T b) { return largest ? a > b : a < b; }) - x;
  }
}

}  // namespace

Tensor sum(In x, Dims dims, bool keepdim) {
  const Where at = line_of(x);
  check_defined("sum", at, x);
  const Reduced to("sum", at, x, dims);
  Scope here{x};
  if (to.dropped.rank() == 0 && !keepdim) return sum_to(counted(x), {});
  const Tensor y = sum_to(counted(x), to.kept);
  return keepdim ? y : reshape(y, to.dropped);
}

template <bool largest>
struct Extreme {  // those that tie share the gradient evenly
  static constexpr auto name = largest ? "max" : "min";
  static constexpr bool integers = true, of_something = true;
  Shape to;
  Array forward(const Array& x) const {
    const Middle m(x.shape(), to);
    const Array in = m.together ? x.contiguous() : rows_for(x, to);
    if (to.numel() == 0) return Array(to, x.dtype());
    return visit_numeric(x.dtype(), [&]<class T>(T) {
      const auto row = [](const T* p, int64_t n) {
        if constexpr (!std::is_floating_point_v<T>) return p[first<largest>(p, n)];
        else return largest ? kernels::rows::max(p, n) : kernels::rows::min(p, n);
      };
      const auto join = [](T* top, const T* p, int64_t n) {
        for (int64_t i = 0; i < n; ++i) {
          const T v = p[i], most = top[i];
          top[i] = (largest ? v > most : v < most) || v != v ? v : most;
        }
      };
      return (m.together ? reduce_middle<T>(in, m.outer, m.n, m.inner, row, join)
                         : reduce_middle<T>(in, to.numel(), x.numel() / to.numel(), 1, row, join))
          .reshaped(to);
    });
  }
  Tensor d0(Grad g, Input<0> x, Output y) const {
    const Tensor top = cast(x == y, x.dtype());
    return g * top / sum_to(top, to);
  }
  Array backward(Grad g, Input<0> x, Output y) const {
    if (x.numel() == 0) return Array(x.shape(), x.dtype());
    const Middle m(x.shape(), to);
    const Array tops = y.array().contiguous(), up = g.array().contiguous();
    if (m.together) return spread(x.array().contiguous(), tops, up, m.outer, m.n, m.inner);
    const Order order(x.shape(), to);
    const Array in = order.there(x.array());
    const Array dx = spread(in.contiguous(), tops, up, to.numel(), x.numel() / to.numel(), 1);
    return order.back(dx.reshaped(in.shape()));
  }

 private:
  // dx [outer, n, inner]: g where x is the extreme, shared among as many as are
  static Array spread(const Array& x, const Array& tops, const Array& g, int64_t outer, int64_t n, int64_t inner) {
    constexpr int64_t stripe = 64;
    const int64_t stripes = ceil_div(inner, stripe), work = n * std::min(inner, stripe);
    Array dx(x.shape(), x.dtype());
    visit_floating(x.dtype(), [&]<class T>(T) {
      const T *p = x.data<T>(), *top = tops.data<T>(), *up = g.data<T>();
      T* q = dx.mutable_data<T>();
      parallel_for(outer * stripes, std::max<int64_t>(1, kernels::grain / std::max<int64_t>(work, 1)),
                   [&](int64_t begin, int64_t end) {
                     for (int64_t t = begin; t < end; ++t) {
                       const int64_t o = t / stripes, column = t % stripes * stripe;
                       const int64_t at = o * n * inner + column, width = std::min(stripe, inner - column);
                       share(p + at, top + o * inner + column, up + o * inner + column, q + at, n, inner, width);
                     }
                   });
    });
    return dx;
  }
  template <class T>
  static void share(const T* x, const T* top, const T* g, T* dx, int64_t n, int64_t step, int64_t width) {
    if (step == 1) {
      const T each = *g / T(std::count(x, x + n, *top));
      for (int64_t i = 0; i < n; ++i) dx[i] = T(x[i] == *top) * each;
      return;
    }
    T part[64] = {};
    for (int64_t i = 0; i < n; ++i)
      for (int64_t k = 0; k < width; ++k) part[k] += T(x[i * step + k] == top[k]);
    for (int64_t k = 0; k < width; ++k) part[k] = g[k] / part[k];
    for (int64_t i = 0; i < n; ++i)
      for (int64_t k = 0; k < width; ++k) dx[i * step + k] = T(x[i * step + k] == top[k]) * part[k];
  }
};
Tensor max(In x) { return reduce<Extreme<true>>("max", x, {}, false); }
Tensor max(In x, int dim, bool keepdim) { return reduce<Extreme<true>>("max", x, dim, keepdim); }
Tensor min(In x) { return reduce<Extreme<false>>("min", x, {}, false); }
Tensor min(In x, int dim, bool keepdim) { return reduce<Extreme<false>>("min", x, dim, keepdim); }
Tensor amax(In x, Dims dims, bool keepdim) { return reduce<Extreme<true>>("amax", x, dims, keepdim); }
Tensor amin(In x, Dims dims, bool keepdim) { return reduce<Extreme<false>>("amin", x, dims, keepdim); }

template <bool largest>
struct Place {
  static constexpr auto name = largest ? "argmax" : "argmin";
  static constexpr bool differentiable = false, integers = true, of_something = true;
  Shape to;
  Array forward(const Array& x) const {
    const auto row = [](const auto* p, int64_t* y, int64_t n) { *y = first<largest>(p, n); };
    return reduce_rows<int64_t>(x, to, row);
  }
};
Tensor argmax(In x, int dim, bool keepdim) { return reduce<Place<true>>("argmax", x, dim, keepdim); }
Tensor argmin(In x, int dim, bool keepdim) { return reduce<Place<false>>("argmin", x, dim, keepdim); }

struct LogSumExp {
  static constexpr auto name = "logsumexp";
  static constexpr bool integers = false, of_something = false;
  static constexpr double nothing = -std::numeric_limits<double>::infinity();  // of no terms, and of terms e^-inf
  Shape to;
  Tensor definition(const Tensor& x) const {
    if (x.numel() == 0) return sum_to(x, to) + nothing;
    const Tensor highest = stop_gradient(apply({}, Extreme<true>{to}, x));
    const Tensor top = where(abs(highest) == -nothing, 0, highest);
    return log(sum_to(exp(x - top), to)) + top;
  }
  Array forward(const Array& x) const {
    const auto row = []<std::floating_point T>(const T* p, T* y, int64_t n) { *y = kernels::rows::logsumexp(p, n); };
    return reduce_rows(x, to, row);
  }
  Tensor d0(Grad g, Input<0> x, Output y) const { return g * exp(x - where(y == nothing, 0, y)); }
};
Tensor logsumexp(In x, int dim, bool keepdim) { return reduce<LogSumExp>(LogSumExp::name, x, dim, keepdim); }

// y_t = a_t y_{t-1} + b_t along the last dimension, from y_{-1} = start; or back, y_t = a_{t+1} y_{t+1} + b_t, from 0.
// An absent a is 1, an absent b 0. What runs is kept in double.
struct Scan {
  static constexpr auto name = "scan";
  double start = 0;
  bool back = false;
  Array forward(const Array& a, const Array& b) const {
    const Array factors = a.contiguous(), terms = b.contiguous();
    const Array& like = b.defined() ? b : a;
    Array y(like.shape(), like.dtype());
    visit_numeric(like.dtype(), [&]<class T>(T) {
      using Running = std::conditional_t<std::is_integral_v<T>, T, double>;
      const T *p = a.defined() ? factors.data<T>() : nullptr, *q = b.defined() ? terms.data<T>() : nullptr;
      T* r = y.mutable_data<T>();
      const int64_t n = y.shape()[-1];
      parallel_for(n ? y.numel() / n : 0, kernels::rows_per_task(n), [&](int64_t begin, int64_t end) {
        for (int64_t row = begin * n; row < end * n; row += n) {
          auto s = Running(start);
          for (int64_t k = 0; k < n; ++k) {
            const int64_t t = row + (back ? n - 1 - k : k);
            if (p && (k > 0 || start != 0)) s *= Running(p[back ? t + 1 : t]);
            if (q) s += Running(q[t]);
            r[t] = T(s);
          }
        }
      });
    });
    return y;
  }
  // The gradient s runs the other way. It is that of b; that of a_t is s_t y_{t-1}, or back: s_{t-1} y_t.
  Tensor d0(Grad g, Input<0> a, Output y) const {
    const Tensor s = d1(g, a);
    return back ? delayed(s) * y : s * delayed(y);
  }
  Tensor d1(Grad g, Input<0> a) const { return apply({}, Scan{0, !back}, a, g); }
  Tensor delayed(const Tensor& x) const {  // start, then all but the last
    return concat({full(x.shape().with(-1, 1), start, x.dtype()), slice(x, -1, 0, -1)}, -1);
  }
};

namespace {
template <class F>
Tensor running(const char* op, const In& x, int dim, F scan) {
  const Where at = line_of(x);
  check_defined(op, at, x);
  if (x->dtype() != boolean) check_numeric(op, at, x->dtype());
  const int d = checked_dim(at, op, dim, x->dim());
  Scope here{x};
  return transpose(scan(transpose(counted(x), d, -1)), d, -1);
}
}  // namespace
Tensor cumsum(In x, int dim) {
  return running("cumsum", x, dim, [](const Tensor& t) { return apply({}, Scan{}, Tensor(), t); });
}
Tensor cumprod(In x, int dim) {
  return running("cumprod", x, dim, [](const Tensor& t) { return apply({}, Scan{1}, t, Tensor()); });
}

}  // namespace heed
