// Functions of one tensor, value by value.
#include <algorithm>
#include <cmath>
#include <numbers>
#include "../core/op.h"
#include "checks.h"
#include "kernels/map.h"
#include "kernels/rows.h"
#include "ops.h"

namespace heed {
namespace {

namespace rows = kernels::rows;

// f of every value.
template <class F>
Array each(const Array& x, F f) {
  return kernels::map(x, [f](const auto* p, auto* y, int64_t n) { std::transform(p, p + n, y, f); });
}

template <class Op>
Tensor apply_unary(const In& x) {
  const Where at = line_of(x);
  check_floating(Op::name, at, x);
  return apply(at, Op{}, x.tensor());
}

}  // namespace

struct Abs {
  static constexpr auto name = "abs";
  Array forward(const Array& x) const {
    return each(x, [](auto v) { return std::abs(v); });
  }
  Tensor d0(Grad g, Input<0> x) const { return g * sign(x); }
};
Tensor abs(In x) {
  if (x->dtype() == i64) return maximum(x, -x);
  return apply_unary<Abs>(x);
}

struct Sign {
  static constexpr auto name = "sign";
  Array forward(const Array& x) const {
    return each(x, []<class T>(T v) { return T((v > 0) - (v < 0)); });
  }
  Tensor d0(Grad g) const { return zeros_like(g); }
};
Tensor sign(In x) {
  if (x->dtype() == i64) return clamp(x, -1, 1);
  return apply_unary<Sign>(x);
}

struct Floor {
  static constexpr auto name = "floor";
  Array forward(const Array& x) const {
    return kernels::map(x, [](auto* p, auto* y, int64_t n) { rows::floor(p, y, n); });
  }
  Tensor d0(Grad g) const { return zeros_like(g); }
};
Tensor floor(In x) {
  if (x->dtype() == i64) return x;
  return apply_unary<Floor>(x);
}

struct Round {
  static constexpr auto name = "round";
  Array forward(const Array& x) const {
    return kernels::map(x, [](auto* p, auto* y, int64_t n) { rows::round(p, y, n); });
  }
  Tensor d0(Grad g) const { return zeros_like(g); }
};
Tensor round(In x) {
  if (x->dtype() == i64) return x;
  return apply_unary<Round>(x);
}

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

struct Expm1 {
  static constexpr auto name = "expm1";
  Array forward(const Array& x) const {
    return kernels::map(x, [](auto* p, auto* y, int64_t n) { rows::expm1(p, y, n); });
  }
  Tensor d0(Grad g, Output y) const { return g * (y + 1); }
};
Tensor expm1(In x) { return apply_unary<Expm1>(x); }

struct Log1p {
  static constexpr auto name = "log1p";
  Array forward(const Array& x) const {
    return kernels::map(x, [](auto* p, auto* y, int64_t n) { rows::log1p(p, y, n); });
  }
  Tensor d0(Grad g, Input<0> x) const { return g / (1 + x); }
};
Tensor log1p(In x) { return apply_unary<Log1p>(x); }

struct Sqrt {
  static constexpr auto name = "sqrt";
  Array forward(const Array& x) const {
    return kernels::map(x, [](auto* p, auto* y, int64_t n) { rows::sqrt(p, y, n); });
  }
  Tensor d0(Grad g, Output y) const { return g / (2 * y); }
};
Tensor sqrt(In x) { return apply_unary<Sqrt>(x); }

struct Sin {
  static constexpr auto name = "sin";
  Array forward(const Array& x) const {
    return kernels::map(x, [](auto* p, auto* y, int64_t n) { rows::sin(p, y, n); });
  }
  Tensor d0(Grad g, Input<0> x) const { return g * cos(x); }
};
Tensor sin(In x) { return apply_unary<Sin>(x); }

struct Cos {
  static constexpr auto name = "cos";
  Array forward(const Array& x) const {
    return kernels::map(x, [](auto* p, auto* y, int64_t n) { rows::cos(p, y, n); });
  }
  Tensor d0(Grad g, Input<0> x) const { return -(g * sin(x)); }
};
Tensor cos(In x) { return apply_unary<Cos>(x); }

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
  Tensor d0(Grad g, Output y) const { return where(y <= 0, 0, g); }  // NaN lets it through, as in the kernel
  Array backward(Grad g, Output y) const {
    return kernels::map_gradient(y, g, [](auto* p, auto* q, auto* dx, int64_t n) { rows::relu_grad(p, q, dx, n); });
  }
};
Tensor relu(In x) { return apply_unary<ReluOp>(x); }

struct Softplus {
  static constexpr auto name = "softplus";
  double beta, threshold;
  Array forward(const Array& x) const {
    return kernels::map(
        x, [this]<class T>(const T* p, T* y, int64_t n) { rows::softplus(p, T(beta), T(threshold), y, n); });
  }
  Tensor d0(Grad g, Input<0> x) const {
    const Tensor s = beta * x;
    return g * where(s > threshold, 1, sigmoid(s));
  }
  Array backward(Grad g, Input<0> x) const {
    return kernels::map_gradient(x, g, [this]<class T>(const T* p, const T* q, T* dx, int64_t n) {
      rows::softplus_grad(p, q, T(beta), T(threshold), dx, n);
    });
  }
};
Tensor softplus(In x, double beta, double threshold) {
  const Where at = line_of(x);
  check_floating(Softplus::name, at, x);
  return apply(at, Softplus{beta, threshold}, x.tensor());
}

struct Erf {
  static constexpr auto name = "erf";
  Array forward(const Array& x) const {
    return kernels::map(x, [](auto* p, auto* y, int64_t n) { rows::erf(p, y, n); });
  }
  Tensor d0(Grad g, Input<0> x) const { return g * exp(-(x * x)) * (2 * std::numbers::inv_sqrtpi); }
};
Tensor erf(In x) { return apply_unary<Erf>(x); }

struct GeluOp {
  static constexpr auto name = "gelu";
  static constexpr bool cheap = true;
  static Tensor normal_cdf(const Tensor& x) { return (1 + erf(x * (1 / std::numbers::sqrt2))) * 0.5; }
  Tensor definition(const Tensor& x) const { return x * normal_cdf(x); }
  Array forward(const Array& x) const {
    return kernels::map(x, [](auto* p, auto* y, int64_t n) { rows::gelu(p, y, n); });
  }
  Tensor d0(Grad g, Input<0> x) const {  // the density is the derivative of the distribution; it is 0 from 39 on
    const Tensor near = clamp(x, -40, 40);
    const Tensor density = exp(near * near * -0.5) * (std::numbers::inv_sqrtpi / std::numbers::sqrt2);
    return g * (normal_cdf(x) + near * density);
  }
  Array backward(Grad g, Input<0> x) const {
    return kernels::map_gradient(x, g, [](auto* p, auto* q, auto* dx, int64_t n) { rows::gelu_grad(p, q, dx, n); });
  }
};
struct GeluTanh {
  static constexpr auto name = "gelu";
  static constexpr bool cheap = true;
  Tensor definition(const Tensor& x) const {
    constexpr double slope = 2 * std::numbers::sqrt2 * std::numbers::inv_sqrtpi;  // (1 + tanh u) / 2 is sigmoid(2 u)
    const Tensor near = clamp(x, -30, 30);  // the sigmoid is 0 or 1 from 22 on, and no square overflows
    return x * sigmoid(near * (1 + 0.044715 * (near * near)) * slope);
  }
  Array forward(const Array& x) const {
    return kernels::map(x, [](auto* p, auto* y, int64_t n) { rows::gelu_tanh(p, y, n); });
  }
  Array backward(Grad g, Input<0> x) const {
    return kernels::map_gradient(x, g,
                                 [](auto* p, auto* q, auto* dx, int64_t n) { rows::gelu_tanh_grad(p, q, dx, n); });
  }
};
Tensor gelu(In x, Approximate approximate) {
  return approximate == Approximate::none ? apply_unary<GeluOp>(x) : apply_unary<GeluTanh>(x);
}

struct Silu {
  static constexpr auto name = "silu";
  static constexpr bool cheap = true;
  Tensor definition(const Tensor& x) const { return x * sigmoid(x); }
  Array forward(const Array& x) const {
    return kernels::map(x, [](auto* p, auto* y, int64_t n) { rows::silu(p, y, n); });
  }
  Array backward(Grad g, Input<0> x) const {
    return kernels::map_gradient(x, g, [](auto* p, auto* q, auto* dx, int64_t n) { rows::silu_grad(p, q, dx, n); });
  }
};
Tensor silu(In x) { return apply_unary<Silu>(x); }

struct Swiglu {  // of one shape
  static constexpr auto name = "swiglu";
  static constexpr bool cheap = true;
  Tensor definition(const Tensor& gate, const Tensor& x) const { return silu(gate) * x; }
  Array forward(const Array& gate, const Array& x) const {
    return kernels::map_gradient(gate, x, [](auto* p, auto* q, auto* y, int64_t n) { rows::swiglu(p, q, y, n); });
  }
  std::array<Array, 2> backward(Grad g, Input<0> gate, Input<1> x) const {
    const Array a = gate.array().contiguous(), b = x.array().contiguous(), up = g.array().contiguous();
    Array da(a.shape(), a.dtype()), db(a.shape(), a.dtype());
    visit_floating(a.dtype(), [&]<class T>(T) {
      const T *p = a.data<T>(), *q = b.data<T>(), *u = up.data<T>();
      T *dp = da.mutable_data<T>(), *dq = db.mutable_data<T>();
      parallel_for(a.numel(), kernels::grain,
                   [&](int64_t i, int64_t end) { rows::swiglu_grad(p + i, q + i, u + i, dp + i, dq + i, end - i); });
    });
    return {da, db};
  }
};
Tensor swiglu(In gate, In x) {
  const Where at = line_of(gate);
  check_floating(Swiglu::name, at, gate);
  check_defined(Swiglu::name, at, x);
  if (gate->shape() == x->shape() && gate->dtype() == x->dtype()) return apply(at, Swiglu{}, gate.tensor(), x.tensor());
  Scope here{gate};
  return silu(gate) * x;
}

}  // namespace heed
