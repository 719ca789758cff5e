#include <cmath>
#include <functional>
#include <numbers>
#include "../core/op.h"
#include "checks.h"
#include "kernels/map.h"
#include "kernels/rows.h"
#include "ops.h"

namespace heed {
namespace {

namespace rows = kernels::rows;

// f for one row of two operands: contiguous, or one of them a number; else value by value.
template <class T, class Fast, class Slow>
auto row_of(Fast fast, Slow slow) {
  return [=](T* y, const T* a, int64_t sa, const T* b, int64_t sb, int64_t n) {
    if (sa == 1 && sb == 1) fast(a, b, y, n);
    else if (sa == 1 && sb == 0) fast(a, *b, y, n);
    else if (sa == 0 && sb == 1) fast(*a, b, y, n);
    else
      for (int64_t i = 0; i < n; ++i) y[i] = slow(a[i * sa], b[i * sb]);
  };
}
template <class Fast, class Slow>
Array binary(const Array& a, const Array& b, Fast fast, Slow slow) {
  if (a.dtype() == i64)
    return map_rows<int64_t, int64_t>(
        a, b, [&](int64_t* y, const int64_t* p, int64_t sp, const int64_t* q, int64_t sq, int64_t n) {
          for (int64_t i = 0; i < n; ++i) y[i] = slow(p[i * sp], q[i * sq]);
        });
  return visit_floating(a.dtype(), [&]<class T>(T) { return map_rows<T, T>(a, b, row_of<T>(fast, slow)); });
}

template <class F>
Array compare(const Array& a, const Array& b, F f) {
  return visit_dtype(a.dtype(), [&]<class T>(T) {
    return map_rows<T, bool>(a, b, [f](bool* y, const T* p, int64_t sp, const T* q, int64_t sq, int64_t n) {
      for (int64_t i = 0; i < n; ++i) {
        if constexpr (std::is_same_v<T, BFloat16>) y[i] = f(float(p[i * sp]), float(q[i * sq]));
        else y[i] = f(p[i * sp], q[i * sq]);
      }
    });
  });
}

// Makes two arguments fit and applies the op to them. Integers only where the op is defined on them.
template <class Op>
Tensor apply_binary(const In& x, const In& y, bool integers) {
  const Where at = line_of(x);
  const Operands o(Op::name, at, x, y);
  if (!(integers && o.dtype() == i64)) check_computed(Op::name, at, o.dtype());
  return apply(at, Op{}, o.a(), o.b());
}
template <class Op>
Tensor apply_compare(const In& x, const In& y) {
  const Where at = line_of(x);
  const Operands o(Op::name, at, x, y);
  return apply(at, Op{}, o.a(), o.b());
}
template <class Op>
Tensor apply_unary(const In& x) {
  const Where at = line_of(x);
  check_floating(Op::name, at, x);
  return apply(at, Op{}, x.tensor());
}

}  // namespace

// ---- arithmetic; plus is in core
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
    return visit_floating(a.dtype(), [&]<class T>(T) {
      return map_rows<T, T>(a, b, [](T* y, const T* p, int64_t sp, const T* q, int64_t sq, int64_t n) {
        for (int64_t i = 0; i < n; ++i) y[i] = std::pow(p[i * sp], q[i * sq]);
      });
    });
  }
  Tensor d0(Grad g, Input<0> a, Input<1> b) const { return g * b * pow(a, where(b == 0, 1, b - 1)); }
  Tensor d1(Grad g, Input<0> a, Output y) const { return g * y * log(where(a > 0, a, 1)); }  // 0^b: nothing flows to b
};
Tensor pow(In a, In b) { return apply_binary<Pow>(a, b, false); }

// ---- functions of one tensor
struct Exp {
  static constexpr auto name = "exp";
  Array forward(const Array& x) const {
    return kernels::map(x, [](auto* p, auto* y, int64_t n) { rows::exp(p, y, n); });
  }
  Tensor d0(Grad g, Output y) const { return g * y; }
};
Tensor exp(In x) { return apply_unary<Exp>(x); }

struct Log {
  static constexpr auto name = "log";
  Array forward(const Array& x) const {
    return kernels::map(x, [](auto* p, auto* y, int64_t n) { rows::log(p, y, n); });
  }
  Tensor d0(Grad g, Input<0> x) const { return g / x; }
};
Tensor log(In x) { return apply_unary<Log>(x); }

struct Sqrt {
  static constexpr auto name = "sqrt";
  Array forward(const Array& x) const {
    return kernels::map(x, [](auto* p, auto* y, int64_t n) { rows::sqrt(p, y, n); });
  }
  Tensor d0(Grad g, Output y) const { return g / (2 * y); }
};
Tensor sqrt(In x) { return apply_unary<Sqrt>(x); }

struct TanhOp {
  static constexpr auto name = "tanh";
  Array forward(const Array& x) const {
    return kernels::map(x, [](auto* p, auto* y, int64_t n) { rows::tanh(p, y, n); });
  }
  Tensor d0(Grad g, Output y) const { return g * (1 - y * y); }
  Array backward(Grad g, Output y) const {
    return kernels::map_gradient(y, g, [](auto* p, auto* q, auto* dx, int64_t n) { rows::tanh_grad(p, q, dx, n); });
  }
};
Tensor tanh(In x) { return apply_unary<TanhOp>(x); }

struct SigmoidOp {
  static constexpr auto name = "sigmoid";
  Array forward(const Array& x) const {
    return kernels::map(x, [](auto* p, auto* y, int64_t n) { rows::sigmoid(p, y, n); });
  }
  Tensor d0(Grad g, Output y) const { return g * y * (1 - y); }
  Array backward(Grad g, Output y) const {
    return kernels::map_gradient(y, g, [](auto* p, auto* q, auto* dx, int64_t n) { rows::sigmoid_grad(p, q, dx, n); });
  }
};
Tensor sigmoid(In x) { return apply_unary<SigmoidOp>(x); }

struct ReluOp {
  static constexpr auto name = "relu";
  Array forward(const Array& x) const {
    return kernels::map(x, [](auto* p, auto* y, int64_t n) { rows::relu(p, y, n); });
  }
  Tensor d0(Grad g, Output y) const { return where(y > 0, g, 0); }
  Array backward(Grad g, Output y) const {
    return kernels::map_gradient(y, g, [](auto* p, auto* q, auto* dx, int64_t n) { rows::relu_grad(p, q, dx, n); });
  }
};
Tensor relu(In x) { return apply_unary<ReluOp>(x); }

struct Erf {
  static constexpr auto name = "erf";
  Array forward(const Array& x) const {
    return kernels::map(x, []<class T>(const T* p, T* y, int64_t n) {
      for (int64_t i = 0; i < n; ++i) y[i] = std::erf(p[i]);
    });
  }
  Tensor d0(Grad g, Input<0> x) const { return g * exp(-(x * x)) * (2 * std::numbers::inv_sqrtpi); }
};
Tensor erf(In x) { return apply_unary<Erf>(x); }

struct GeluOp {
  static constexpr auto name = "gelu";
  static Tensor normal_cdf(const Tensor& x) { return (1 + erf(x * (1 / std::numbers::sqrt2))) * 0.5; }
  Tensor definition(const Tensor& x) const { return x * normal_cdf(x); }
  Array forward(const Array& x) const {
    return kernels::map(x, [](auto* p, auto* y, int64_t n) { rows::gelu(p, y, n); });
  }
  Tensor d0(Grad g, Input<0> x) const {  // the density is the derivative of the distribution
    const Tensor density = exp(x * x * -0.5) * (std::numbers::inv_sqrtpi / std::numbers::sqrt2);
    return g * (normal_cdf(x) + x * density);
  }
  Array backward(Grad g, Input<0> x) const {
    return kernels::map_gradient(x, g, [](auto* p, auto* q, auto* dx, int64_t n) { rows::gelu_grad(p, q, dx, n); });
  }
};
Tensor gelu(In x) { return apply_unary<GeluOp>(x); }

// ---- choosing and comparing
struct Select {
  static constexpr auto name = "where";
  static constexpr auto constant = inputs<0>;
  Array forward(const Array& condition, const Array& a, const Array& b) const {
    const Shape shape = broadcast({}, name, condition.shape(), broadcast({}, name, a.shape(), b.shape()));
    Array y(shape, a.dtype());
    const Rows<4> all(shape, {&y, &condition, &a, &b});
    visit_dtype(a.dtype(), [&]<class T>(T) {
      T* r = y.mutable_data<T>();
      const bool* c = condition.data<bool>();
      const T *p = a.data<T>(), *q = b.data<T>();
      for_each_piece(all, [&](const std::array<int64_t, 4>& at, int64_t n) {
        for (int64_t i = 0; i < n; ++i)
          r[at[0] + i] = c[at[1] + i * all.step(1)] ? p[at[2] + i * all.step(2)] : q[at[3] + i * all.step(3)];
      });
    });
    return y;
  }
  Tensor d1(Grad g, Input<0> condition) const { return where(condition, g, 0); }
  Tensor d2(Grad g, Input<0> condition) const { return where(condition, 0, g); }
};
Tensor where(In condition, In a, In b) {
  const Where at = line_of(condition);
  check_defined(Select::name, at, condition);
  if (condition->dtype() != boolean)
    fail<DtypeError>(at, Select::name, std::string("the condition must be boolean, not ") + name(condition->dtype()));
  const Operands o(Select::name, at, a, b);
  broadcast(at, Select::name, condition->shape(), broadcast(at, Select::name, o.a().shape(), o.b().shape()));
  return apply(at, Select{}, condition.tensor(), o.a(), o.b());
}

template <class F>
struct Compare {
  static constexpr auto name = "compare";
  static constexpr bool differentiable = false;
  Array forward(const Array& a, const Array& b) const { return compare(a, b, F()); }
};
Tensor operator<(In a, In b) { return apply_compare<Compare<std::less<>>>(a, b); }
Tensor operator<=(In a, In b) { return apply_compare<Compare<std::less_equal<>>>(a, b); }
Tensor operator>(In a, In b) { return apply_compare<Compare<std::greater<>>>(a, b); }
Tensor operator>=(In a, In b) { return apply_compare<Compare<std::greater_equal<>>>(a, b); }
Tensor operator==(In a, In b) { return apply_compare<Compare<std::equal_to<>>>(a, b); }
Tensor operator!=(In a, In b) { return apply_compare<Compare<std::not_equal_to<>>>(a, b); }

}  // namespace heed
