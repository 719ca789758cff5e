#include <cmath>
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
#define HEED_LOOPS(X, T)                                                                         \
  X(void, exp, exp, (const T* x, T* y, int64_t n), (x, y, n))                                    \
  X(void, log, log, (const T* x, T* y, int64_t n), (x, y, n))                                    \
  X(void, sqrt, sqrt, (const T* x, T* y, int64_t n), (x, y, n))                                  \
  X(void, tanh, tanh, (const T* x, T* y, int64_t n), (x, y, n))                                  \
  X(void, sigmoid, sigmoid, (const T* x, T* y, int64_t n), (x, y, n))                            \
  X(void, relu, relu, (const T* x, T* y, int64_t n), (x, y, n))                                  \
  X(void, gelu, gelu, (const T* x, T* y, int64_t n), (x, y, n))                                  \
  X(void, tanh_grad, tanh_grad, (const T* y, const T* g, T* dx, int64_t n), (y, g, dx, n))       \
  X(void, sigmoid_grad, sigmoid_grad, (const T* y, const T* g, T* dx, int64_t n), (y, g, dx, n)) \
  X(void, relu_grad, relu_grad, (const T* y, const T* g, T* dx, int64_t n), (y, g, dx, n))       \
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

HEED_LOOPS(HEED_INSTANTIATE, float)
HEED_LOOPS(HEED_INSTANTIATE, double)
HEED_LOOPS(HEED_INSTANTIATE, long double)

}  // namespace heed::kernels::rows::reference
#endif

HWY_BEFORE_NAMESPACE();
namespace heed::kernels::rows::HWY_NAMESPACE {

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
