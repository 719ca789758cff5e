#include <algorithm>
#include <cmath>
#include <functional>
#include "../core/op.h"
#include "checks.h"
#include "kernels/map.h"
#include "kernels/rows.h"
#include "ops.h"

namespace heed {
namespace {

namespace rows = kernels::rows;

// f of every pair of values; integers only where the public function lets them through.
template <class F>
Array binary(const Array& a, const Array& b, F f) {
  return visit_numeric(a.dtype(), [&]<class T>(T) {
    return map_rows<T, T>(a, b, [f](T* y, const T* p, int64_t sp, const T* q, int64_t sq, int64_t n) {
      for (int64_t i = 0; i < n; ++i) y[i] = T(f(p[i * sp], q[i * sq]));
    });
  });
}

// f for one row of two operands: contiguous, or one of them a number, or both.
template <class T, class Fast, class Slow>
auto row_of(Fast fast, Slow slow) {
  return [=](T* y, const T* a, int64_t sa, const T* b, int64_t sb, int64_t n) {
    if (sa && sb) fast(a, b, y, n);
    else if (sa) fast(a, *b, y, n);
    else if (sb) fast(*a, b, y, n);
    else std::fill_n(y, n, slow(*a, *b));
  };
}
template <class Fast, class Slow>
Array binary(const Array& a, const Array& b, Fast fast, Slow slow) {
  if (a.dtype() == i64) return binary(a, b, slow);
  return visit_floating(a.dtype(), [&]<class T>(T) { return map_rows<T, T>(a, b, row_of<T>(fast, slow)); });
}

// Makes two arguments fit and applies the op to them. Integers only where the op is defined on them.
template <class Op>
Tensor apply_binary(const In& x, const In& y, bool integers) {
  const Where at = line_of(x);
  const Operands o(Op::name, at, x, y);
  (integers ? check_numeric : check_computed)(Op::name, at, o.dtype());
  return apply(at, Op{}, o.a(), o.b());
}
}  // namespace

// plus is in core
struct Sub {
  static constexpr auto name = "sub";
  Array forward(const Array& a, const Array& b) const {
    return binary(
        a, b, [](auto p, auto q, auto* y, int64_t n) { rows::sub(p, q, y, n); }, std::minus<>());
  }
  Tensor d0(Grad g) const { return g; }
  Tensor d1(Grad g) const { return -g; }
};
Tensor operator-(In a, In b) { return apply_binary<Sub>(a, b, true); }
Tensor operator-(In x) { return scale(x, -1); }

struct Mul {
  static constexpr auto name = "mul";
  Array forward(const Array& a, const Array& b) const {
    return binary(
        a, b, [](auto p, auto q, auto* y, int64_t n) { rows::mul(p, q, y, n); }, std::multiplies<>());
  }
  Tensor d0(Grad g, Input<1> b) const { return g * b; }
  Tensor d1(Grad g, Input<0> a) const { return g * a; }
};
Tensor operator*(In a, In b) {
  if (a.is_number() && !b.is_number() && floating(b->dtype())) return b * a;
  if (b.is_number() && !a.is_number() && floating(a->dtype())) return scale(a, b.value());
  return apply_binary<Mul>(a, b, true);
}

struct Div {
  static constexpr auto name = "div";
  Array forward(const Array& a, const Array& b) const {
    return binary(
        a, b, [](auto p, auto q, auto* y, int64_t n) { rows::div(p, q, y, n); }, std::divides<>());
  }
  Tensor d0(Grad g, Input<1> b) const { return g / b; }
  Tensor d1(Grad g, Output y, Input<1> b) const { return -(g * y / b); }
};
Tensor operator/(In a, In b) { return apply_binary<Div>(a, b, false); }

struct Pow {
  static constexpr auto name = "pow";
  Array forward(const Array& a, const Array& b) const {
    if (b.numel() == 1 && b.shape().rank() <= a.shape().rank())
      return kernels::map(a, [&]<class T>(const T* x, T* y, int64_t n) { rows::pow(x, *b.data<T>(), y, n); });
    return binary(a, b, [](auto p, auto q) { return std::pow(p, q); });
  }
  Tensor d0(Grad g, Input<0> a, Input<1> b) const {  // 0^0: nothing flows to a
    return g * b * pow(a, where((a == 0) & (b == 0), 1, b - 1));
  }
  Tensor d1(Grad g, Input<0> a, Output y) const { return g * y * log(where(a > 0, a, 1)); }  // 0^b: nothing flows to b
};
Tensor pow(In a, In b) { return apply_binary<Pow>(a, b, false); }

// The larger (or the smaller) of two; where they tie, they share the gradient evenly.
template <bool larger>
struct OneOf {
  static constexpr auto name = larger ? "maximum" : "minimum";
  Array forward(const Array& a, const Array& b) const {
    return binary(a, b, [](auto p, auto q) { return p != p || (larger ? p > q : p < q) ? p : q; });  // NaN wins
  }
  Tensor d0(Grad g, Input<0> a, Input<1> b) const { return share(g, a, b); }
  Tensor d1(Grad g, Input<0> a, Input<1> b) const { return share(g, b, a); }
  static Tensor share(const Tensor& g, const Tensor& x, const Tensor& other) {
    return where(x == other, 0.5 * g, where(larger ? x > other : x < other, g, 0));
  }
};
Tensor maximum(In a, In b) { return apply_binary<OneOf<true>>(a, b, true); }
Tensor minimum(In a, In b) { return apply_binary<OneOf<false>>(a, b, true); }

struct Remainder {  // a - b floor(a / b)
  static constexpr auto name = "remainder";
  template <class T>
  static T of(T a, T b) {
    T r;                                                           // of the sign of a
    if constexpr (std::is_integral_v<T>) r = b == -1 ? 0 : a % b;  // the lowest by -1 overflows
    else r = std::fmod(a, b);
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
  }
  Array forward(const Array& a, const Array& b) const {
    return binary(a, b, [](auto p, auto q) { return of(p, q); });
  }
  Tensor d0(Grad g) const { return g; }
  Tensor d1(Grad g, Input<0> a, Input<1> b, Output y) const { return -(g * round((a - y) / b)); }
};
Tensor remainder(In a, In b) {
  const Where at = line_of(a);
  if (Operands(Remainder::name, at, a, b).dtype() == i64 && any(b == 0).item() != 0)
    fail<Error>(at, Remainder::name, "there is no remainder of integers divided by 0");
  return apply_binary<Remainder>(a, b, true);
}

struct Atan2 {
  static constexpr auto name = "atan2";
  Array forward(const Array& y, const Array& x) const {
    return binary(y, x, [](auto p, auto q) { return std::atan2(p, q); });
  }
  Tensor d0(Grad g, Input<0> y, Input<1> x) const { return g * x / squared_radius(y, x); }
  Tensor d1(Grad g, Input<0> y, Input<1> x) const { return -(g * y / squared_radius(y, x)); }
  static Tensor squared_radius(const Tensor& y, const Tensor& x) {  // 1 at the origin: the gradient there is 0
    const Tensor r = y * y + x * x;
    return where(r == 0, 1, r);
  }
};
Tensor atan2(In y, In x) { return apply_binary<Atan2>(y, x, false); }

}  // namespace heed
