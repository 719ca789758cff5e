#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include "rows.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "heed/ops/kernels/rows_math.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include <hwy/contrib/math/math-inl.h>
#include "vector.inl"
#include "math.inl"
// clang-format on

#undef HEED_LOOPS
#define HEED_LOOPS(X, T)                                                                                      \
  X(void, exp, exp, (const T* x, T* y, int64_t n), (x, y, n))                                                 \
  X(void, log, log, (const T* x, T* y, int64_t n), (x, y, n))                                                 \
  X(void, sqrt, sqrt, (const T* x, T* y, int64_t n), (x, y, n))                                               \
  X(void, tanh, tanh, (const T* x, T* y, int64_t n), (x, y, n))                                               \
  X(void, sigmoid, sigmoid, (const T* x, T* y, int64_t n), (x, y, n))                                         \
  X(void, relu, relu, (const T* x, T* y, int64_t n), (x, y, n))                                               \
  X(void, gelu, gelu, (const T* x, T* y, int64_t n), (x, y, n))                                               \
  X(void, tanh_grad, tanh_grad, (const T* y, const T* g, T* dx, int64_t n), (y, g, dx, n))                    \
  X(void, sigmoid_grad, sigmoid_grad, (const T* y, const T* g, T* dx, int64_t n), (y, g, dx, n))              \
  X(void, relu_grad, relu_grad, (const T* y, const T* g, T* dx, int64_t n), (y, g, dx, n))                    \
  X(void, expm1, expm1, (const T* x, T* y, int64_t n), (x, y, n))                                             \
  X(void, log1p, log1p, (const T* x, T* y, int64_t n), (x, y, n))                                             \
  X(void, sin, sin, (const T* x, T* y, int64_t n), (x, y, n))                                                 \
  X(void, cos, cos, (const T* x, T* y, int64_t n), (x, y, n))                                                 \
  X(void, erf, erf, (const T* x, T* y, int64_t n), (x, y, n))                                                 \
  X(void, floor, floor, (const T* x, T* y, int64_t n), (x, y, n))                                             \
  X(void, round, round, (const T* x, T* y, int64_t n), (x, y, n))                                             \
  X(void, pow, pow, (const T* x, T exponent, T* y, int64_t n), (x, exponent, y, n))                           \
  X(void, gelu_tanh, gelu_tanh, (const T* x, T* y, int64_t n), (x, y, n))                                     \
  X(void, silu, silu, (const T* x, T* y, int64_t n), (x, y, n))                                               \
  X(void, swiglu, swiglu, (const T* gate, const T* x, T* y, int64_t n), (gate, x, y, n))                      \
  X(void, softplus, softplus, (const T* x, T beta, T threshold, T* y, int64_t n), (x, beta, threshold, y, n)) \
  X(void, gelu_tanh_grad, gelu_tanh_grad, (const T* x, const T* g, T* dx, int64_t n), (x, g, dx, n))          \
  X(void, silu_grad, silu_grad, (const T* x, const T* g, T* dx, int64_t n), (x, g, dx, n))                    \
  X(void, swiglu_grad, swiglu_grad, (const T* gate, const T* x, const T* g, T* dgate, T* dx, int64_t n),      \
    (gate, x, g, dgate, dx, n))                                                                               \
  X(void, softplus_grad, softplus_grad, (const T* x, const T* g, T beta, T threshold, T* dx, int64_t n),      \
    (x, g, beta, threshold, dx, n))                                                                           \
  X(void, gelu_grad, gelu_grad, (const T* x, const T* g, T* dx, int64_t n), (x, g, dx, n))

#if HWY_ONCE
namespace heed::kernels::rows::reference {

template <class T>
void exp(const T* x, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = std::exp(x[i]);
}

template <class T>
void log(const T* x, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = std::log(x[i]);
}

template <class T>
void sqrt(const T* x, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = std::sqrt(x[i]);
}

template <class T>
void tanh(const T* x, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = std::tanh(x[i]);
}

template <class T>
void sigmoid(const T* x, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = 1 / (1 + std::exp(-x[i]));
}

template <class T>
void relu(const T* x, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = x[i] <= 0 ? 0 : x[i];
}

// P(X < x), X standard normal: (1 + erf(x / sqrt 2)) / 2, without its cancellation for negative x
template <class T>
T below(T x) {
  return std::erfc(-x / std::numbers::sqrt2_v<T>) / 2;
}

template <class T>
void gelu(const T* x, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = x[i] * below(x[i]);
}

template <class T>
void tanh_grad(const T* y, const T* g, T* dx, int64_t n) {
  for (int64_t i = 0; i < n; ++i) dx[i] = g[i] * (1 - y[i] * y[i]);
}

template <class T>
void sigmoid_grad(const T* y, const T* g, T* dx, int64_t n) {
  for (int64_t i = 0; i < n; ++i) dx[i] = g[i] * y[i] * (1 - y[i]);
}

template <class T>
void relu_grad(const T* y, const T* g, T* dx, int64_t n) {
  for (int64_t i = 0; i < n; ++i) dx[i] = y[i] <= 0 ? 0 : g[i];
}

template <class T>
void gelu_grad(const T* x, const T* g, T* dx, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const T density = std::exp(-x[i] * x[i] / 2) * std::numbers::inv_sqrtpi_v<T> / std::numbers::sqrt2_v<T>;
    dx[i] = g[i] * (below(x[i]) + x[i] * density);
  }
}

template <class T>
void expm1(const T* x, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = std::expm1(x[i]);
}

template <class T>
void log1p(const T* x, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = std::log1p(x[i]);
}

template <class T>
void sin(const T* x, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = std::sin(x[i]);
}

template <class T>
void cos(const T* x, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = std::cos(x[i]);
}

template <class T>
void erf(const T* x, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = std::erf(x[i]);
}

template <class T>
void floor(const T* x, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = std::floor(x[i]);
}

template <class T>
void round(const T* x, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = std::nearbyint(x[i]);
}

template <class T>
void pow(const T* x, T exponent, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = std::pow(x[i], exponent);
}

template <class T>
void gelu_tanh(const T* x, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const T u = std::sqrt(2 / std::numbers::pi_v<T>) * (x[i] + T(0.044715L) * x[i] * x[i] * x[i]);
    y[i] = x[i] / (1 + std::exp(-2 * u));
  }
}

template <class T>
void silu(const T* x, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = x[i] / (1 + std::exp(-x[i]));
}

template <class T>
void swiglu(const T* gate, const T* x, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = gate[i] / (1 + std::exp(-gate[i])) * x[i];
}

template <class T>
void softplus(const T* x, T beta, T threshold, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const T s = beta * x[i];
    y[i] = s > threshold ? x[i] : (std::max(s, T(0)) + std::log1p(std::exp(-std::abs(s)))) / beta;
  }
}

template <class T>
void gelu_tanh_grad(const T* x, const T* g, T* dx, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const T slope = 2 * std::sqrt(2 / std::numbers::pi_v<T>), cube = T(0.044715L), square = x[i] * x[i];
    const T s = 1 / (1 + std::exp(-slope * x[i] * (1 + cube * square)));
    dx[i] = g[i] * (s + x[i] * s * (1 - s) * slope * (1 + 3 * cube * square));
  }
}

template <class T>
void silu_grad(const T* x, const T* g, T* dx, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const T s = 1 / (1 + std::exp(-x[i]));
    dx[i] = g[i] * (s + x[i] * s * (1 - s));
  }
}

template <class T>
void swiglu_grad(const T* gate, const T* x, const T* g, T* dgate, T* dx, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const T s = 1 / (1 + std::exp(-gate[i]));
    dgate[i] = g[i] * x[i] * (s + gate[i] * s * (1 - s));
    dx[i] = g[i] * gate[i] * s;
  }
}

template <class T>
void softplus_grad(const T* x, const T* g, T beta, T threshold, T* dx, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const T s = beta * x[i];
    dx[i] = s > threshold ? g[i] : g[i] / (1 + std::exp(-s));
  }
}

HEED_LOOPS(HEED_INSTANTIATE, float)
HEED_LOOPS(HEED_INSTANTIATE, double)
HEED_LOOPS(HEED_INSTANTIATE, long double)

}  // namespace heed::kernels::rows::reference
#endif

HWY_BEFORE_NAMESPACE();
namespace heed::kernels::rows::HWY_NAMESPACE {

// 2 u and 2 u', u = sqrt(2 / pi) (x + 0.044715 x^3), as far as sigmoid(2 u) is neither 0 nor 1
template <class T>
struct GeluTanh {
  Values<T> u2, slope;
  HWY_INLINE explicit GeluTanh(Values<T> x) {
    const ScalableTag<T> d;
    const auto factor = Set(d, T(1.5957691216057307117597842397375)), cube = Set(d, T(0.044715));
    const auto near = Max(Min(x, Set(d, T(30))), Set(d, T(-30))), square = Mul(near, near);
    u2 = Mul(Mul(factor, near), MulAdd(cube, square, Set(d, T(1))));
    slope = Mul(factor, MulAdd(Mul(cube, Set(d, T(3))), square, Set(d, T(1))));
  }
};

template <class T>
void exp(const T* x, T* y, int64_t n) {
  map(
      y, n, [](auto v) HWY_ATTR { return exp_of(ScalableTag<T>(), v); }, x);
}

template <class T>
void log(const T* x, T* y, int64_t n) {
  map(
      y, n, [](auto v) HWY_ATTR { return log_of(ScalableTag<T>(), v); }, x);
}

template <class T>
void sqrt(const T* x, T* y, int64_t n) {
  map(
      y, n, [](auto v) HWY_ATTR { return Sqrt(v); }, x);
}

template <class T>
void tanh(const T* x, T* y, int64_t n) {
  map(
      y, n, [](auto v) HWY_ATTR { return tanh_of(ScalableTag<T>(), v); }, x);
}

template <class T>
void sigmoid(const T* x, T* y, int64_t n) {
  map(
      y, n, [](auto v) HWY_ATTR { return sigmoid_of(ScalableTag<T>(), v); }, x);
}

template <class T>
void relu(const T* x, T* y, int64_t n) {
  const auto zero = Zero(ScalableTag<T>());
  map(
      y, n, [=](auto v) HWY_ATTR { return IfThenZeroElse(Le(v, zero), v); }, x);
}

// x P(X < x) = max(x, 0) - |x| P(X > |x|)
template <class T>
void gelu(const T* x, T* y, int64_t n) {
  map(
      y, n,
      [](auto v) HWY_ATTR {
        const ScalableTag<T> d;
        const auto tail = normal_tail(d, v);
        return NegMulAdd(Mul(tail.t, tail.ratio), tail.e, IfThenZeroElse(Lt(v, Zero(d)), v));
      },
      x);
}

template <class T>
void tanh_grad(const T* y, const T* g, T* dx, int64_t n) {
  const auto one = Set(ScalableTag<T>(), T(1));
  map(
      dx, n, [=](auto v, auto w) HWY_ATTR { return Mul(w, NegMulAdd(v, v, one)); }, y, g);
}

template <class T>
void sigmoid_grad(const T* y, const T* g, T* dx, int64_t n) {
  const auto one = Set(ScalableTag<T>(), T(1));
  map(
      dx, n, [=](auto v, auto w) HWY_ATTR { return Mul(Mul(w, v), Sub(one, v)); }, y, g);
}

template <class T>
void relu_grad(const T* y, const T* g, T* dx, int64_t n) {
  const auto zero = Zero(ScalableTag<T>());
  map(
      dx, n, [=](auto v, auto w) HWY_ATTR { return IfThenZeroElse(Le(v, zero), w); }, y, g);
}

// P(X < x) + x f(x), with f(x) = e^(-x^2 / 2) / sqrt(2 pi) the density: P(X > |x|) - |x| f(x), or 1 minus that
template <class T>
void gelu_grad(const T* x, const T* g, T* dx, int64_t n) {
  map(
      dx, n,
      [](auto v, auto w) HWY_ATTR {
        const ScalableTag<T> d;
        const auto tail = normal_tail(d, v);
        const auto lower = Mul(tail.e, NegMulAdd(tail.t, Set(d, T(0.3989422804014326779)), tail.ratio));
        return Mul(w, IfThenElse(Lt(v, Zero(d)), lower, Sub(Set(d, T(1)), lower)));
      },
      x, g);
}

template <class T>
void expm1(const T* x, T* y, int64_t n) {
  map(
      y, n, [](auto v) HWY_ATTR { return expm1_of(ScalableTag<T>(), v); }, x);
}

template <class T>
void log1p(const T* x, T* y, int64_t n) {
  map(
      y, n, [](auto v) HWY_ATTR { return log1p_of(ScalableTag<T>(), v); }, x);
}

template <class T>
void sin(const T* x, T* y, int64_t n) {
  map(
      y, n, [](auto v) HWY_ATTR { return sin_of(ScalableTag<T>(), v); }, x);
}

template <class T>
void cos(const T* x, T* y, int64_t n) {
  map(
      y, n, [](auto v) HWY_ATTR { return cos_of(ScalableTag<T>(), v); }, x);
}

template <class T>
void erf(const T* x, T* y, int64_t n) {
  map(
      y, n, [](auto v) HWY_ATTR { return erf_of(ScalableTag<T>(), v); }, x);
}

// Below SSE4, Highway makes a 0 of -0.
template <class T>
void floor(const T* x, T* y, int64_t n) {
  map(
      y, n, [](auto v) HWY_ATTR { return CopySign(Floor(v), v); }, x);
}

template <class T>
void round(const T* x, T* y, int64_t n) {
  map(
      y, n, [](auto v) HWY_ATTR { return CopySign(Round(v), v); }, x);
}

// The exponents that people write have a formula of their own.
template <class T>
void pow(const T* x, T exponent, T* y, int64_t n) {
  const ScalableTag<T> d;
  const auto one = Set(d, T(1)), infinity = Set(d, std::numeric_limits<T>::infinity());
  const auto root = [=](auto v) HWY_ATTR {  // (-inf)^(1/2) is inf, (-0)^(1/2) is 0
    return Sqrt(IfThenElse(Eq(v, Neg(infinity)), infinity, Add(v, Zero(d))));
  };
  if (exponent == T(1)) std::copy_n(x, n, y);
  else if (exponent == T(2))
    map(
        y, n, [](auto v) HWY_ATTR { return Mul(v, v); }, x);
  else if (exponent == T(3))
    map(
        y, n, [](auto v) HWY_ATTR { return Mul(Mul(v, v), v); }, x);
  else if (exponent == T(-1))
    map(
        y, n, [=](auto v) HWY_ATTR { return Div(one, v); }, x);
  else if (exponent == T(0.5)) map(y, n, root, x);
  else if (exponent == T(-0.5))
    map(
        y, n, [=](auto v) HWY_ATTR { return Div(one, root(v)); }, x);
  else reference::pow(x, exponent, y, n);
}

template <class T>
void gelu_tanh(const T* x, T* y, int64_t n) {
  map(
      y, n, [](auto v) HWY_ATTR { return Mul(v, sigmoid_of(ScalableTag<T>(), GeluTanh<T>(v).u2)); }, x);
}

template <class T>
void silu(const T* x, T* y, int64_t n) {
  map(
      y, n, [](auto v) HWY_ATTR { return Mul(v, sigmoid_of(ScalableTag<T>(), v)); }, x);
}

template <class T>
void swiglu(const T* gate, const T* x, T* y, int64_t n) {
  map(
      y, n, [](auto v, auto w) HWY_ATTR { return Mul(Mul(v, sigmoid_of(ScalableTag<T>(), v)), w); }, gate, x);
}

// log(1 + e^s) = max(s, 0) + log(1 + e^-|s|)
template <class T>
void softplus(const T* x, T beta, T threshold, T* y, int64_t n) {
  const ScalableTag<T> d;
  const auto slope = Set(d, beta), limit = Set(d, threshold);
  map(
      y, n,
      [=](auto v) HWY_ATTR {
        const auto s = Mul(slope, v), above = IfThenZeroElse(Lt(s, Zero(d)), s);
        const auto near = Div(Add(above, log1p_of(d, exp_of(d, Neg(Abs(s))))), slope);
        return IfThenElse(Gt(s, limit), v, near);
      },
      x);
}

// With s = sigmoid(2 u): s + x s (1 - s) 2 u'
template <class T>
void gelu_tanh_grad(const T* x, const T* g, T* dx, int64_t n) {
  map(
      dx, n,
      [](auto v, auto w) HWY_ATTR {
        const ScalableTag<T> d;
        const GeluTanh<T> gelu(v);
        const auto s = sigmoid_and_slope(d, gelu.u2);
        return Mul(w, MulAdd(Mul(v, s.slope), gelu.slope, s.value));
      },
      x, g);
}

// With s = sigmoid(x): s + x s (1 - s)
template <class T>
void silu_grad(const T* x, const T* g, T* dx, int64_t n) {
  map(
      dx, n,
      [](auto v, auto w) HWY_ATTR {
        const auto s = sigmoid_and_slope(ScalableTag<T>(), v);
        return Mul(w, MulAdd(v, s.slope, s.value));
      },
      x, g);
}

template <class T>
void swiglu_grad(const T* gate, const T* x, const T* g, T* dgate, T* dx, int64_t n) {
  each_vector<T>(n, [&](auto part, int64_t i) HWY_ATTR {
    const auto v = part.load(gate + i), w = part.load(x + i), up = part.load(g + i);
    const auto s = sigmoid_and_slope(ScalableTag<T>(), v);
    part.store(Mul(Mul(up, w), MulAdd(v, s.slope, s.value)), dgate + i);
    part.store(Mul(up, Mul(v, s.value)), dx + i);
  });
}

template <class T>
void softplus_grad(const T* x, const T* g, T beta, T threshold, T* dx, int64_t n) {
  const ScalableTag<T> d;
  const auto slope = Set(d, beta), limit = Set(d, threshold);
  map(
      dx, n,
      [=](auto v, auto w) HWY_ATTR {
        const auto s = Mul(slope, v);
        return IfThenElse(Gt(s, limit), w, Mul(w, sigmoid_of(d, s)));
      },
      x, g);
}

HEED_LOOPS(HEED_FOR_FLOAT, float)
HEED_LOOPS(HEED_FOR_DOUBLE, double)

}  // namespace heed::kernels::rows::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace heed::kernels::rows {

HEED_LOOPS(HEED_DISPATCH, T)
HEED_LOOPS(HEED_INSTANTIATE, float)
HEED_LOOPS(HEED_INSTANTIATE, double)

}  // namespace heed::kernels::rows
#endif
