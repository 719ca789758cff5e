#include <cmath>
#include <limits>
#include "rows.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "heed/ops/kernels/rows_softmax.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include <hwy/cache_control.h>
#include <hwy/contrib/math/math-inl.h>
#include "vector.inl"
#include "math.inl"
// clang-format on

#undef HEED_LOOPS
#define HEED_LOOPS(X, T)                                                                               \
  X(T, sum_exp, sum_exp, (const T* x, T shift, int64_t n), (x, shift, n))                              \
  X(T, sum_above, sum_above, (const T* x, T shift, int64_t n), (x, shift, n))                          \
  X(void, shifted_exp, shifted_exp, (const T* x, T shift, T rest, T scale, T offset, T* y, int64_t n), \
    (x, shift, rest, scale, offset, y, n))                                                             \
  X(T, logsumexp, logsumexp, (const T* x, int64_t n), (x, n))                                          \
  X(void, softmax, softmax, (const T* x, T* y, int64_t n), (x, y, n))                                  \
  X(void, softmax_grad, softmax_grad, (const T* y, const T* g, T* dx, int64_t n), (y, g, dx, n))       \
  X(void, log_softmax, log_softmax, (const T* x, T* y, int64_t n), (x, y, n))                          \
  X(void, log_softmax_grad, log_softmax_grad, (const T* y, const T* g, T* dx, int64_t n), (y, g, dx, n))

#if HWY_ONCE
namespace heed::kernels::rows::reference {

template <class T>
T sum_exp(const T* x, T shift, int64_t n) {
  T sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += std::exp(x[i] - shift);
  return sum;
}

template <class T>
T sum_above(const T* x, T shift, int64_t n) {
  T sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += x[i] - shift;
  return sum;
}

template <class T>
void shifted_exp(const T* x, T shift, T rest, T scale, T offset, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = scale * std::exp((x[i] - shift) - rest) + offset;
}

template <class T>
T logsumexp(const T* x, int64_t n) {
  const T m = max(x, n);
  return std::isinf(m) ? m : m + std::log(sum_exp(x, m, n));
}

template <class T>
void softmax(const T* x, T* y, int64_t n) {
  const T m = max(x, n);
  T sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += y[i] = std::exp(x[i] - m);
  for (int64_t i = 0; i < n; ++i) y[i] /= sum;
}

template <class T>
void softmax_grad(const T* y, const T* g, T* dx, int64_t n) {
  const T mean = dot(g, y, n);
  for (int64_t i = 0; i < n; ++i) dx[i] = y[i] * (g[i] - mean);
}

template <class T>
void log_softmax(const T* x, T* y, int64_t n) {
  const T m = max(x, n), rest = std::log(sum_exp(x, m, n));
  for (int64_t i = 0; i < n; ++i) y[i] = (x[i] - m) - rest;
}

template <class T>
void log_softmax_grad(const T* y, const T* g, T* dx, int64_t n) {
  const T total = sum(g, n);
  for (int64_t i = 0; i < n; ++i) dx[i] = g[i] - std::exp(y[i]) * total;
}

HEED_LOOPS(HEED_INSTANTIATE, float)
HEED_LOOPS(HEED_INSTANTIATE, double)
HEED_LOOPS(HEED_INSTANTIATE, long double)

}  // namespace heed::kernels::rows::reference
#endif

HWY_BEFORE_NAMESPACE();
namespace heed::kernels::rows::HWY_NAMESPACE {

template <class T>
T sum_exp(const T* x, T shift, int64_t n) {
  if (!std::isfinite(shift)) return std::numeric_limits<T>::quiet_NaN();
  const ScalableTag<T> d;
  const auto m = Set(d, shift);
  const T* behind = x + n;  // most likely what comes next, and read faster than this adds
  const auto add_exp = [=, &behind](auto s, auto v) HWY_ATTR {
    hwy::Prefetch(behind);
    behind += Lanes(d);
    return Add(s, exp_below(d, Sub(v, m)));
  };
  return sum_of(n, -std::numeric_limits<T>::infinity(), add_exp, x);
}

template <class T>
T sum_above(const T* x, T shift, int64_t n) {
  const auto m = Set(ScalableTag<T>(), shift);
  return sum_of(
      n, shift, [=](auto s, auto v) HWY_ATTR { return Add(s, Sub(v, m)); }, x);
}

template <class T>
void shifted_exp(const T* x, T shift, T rest, T scale, T offset, T* y, int64_t n) {
  const ScalableTag<T> d;
  const auto m = Set(d, shift), r = Set(d, rest), factor = Set(d, scale), start = Set(d, offset);
  map(
      y, n, [=](auto v) HWY_ATTR { return MulAdd(factor, exp_of(d, Sub(Sub(v, m), r)), start); }, x);
}

template <class T>
T logsumexp(const T* x, int64_t n) {
  const T m = max(x, n);
  return std::isinf(m) ? m : m + std::log(sum_exp(x, m, n));
}

template <class T>
void softmax(const T* x, T* y, int64_t n) {
  const ScalableTag<T> d;
  const auto m = Set(d, max(x, n));
  map(
      y, n, [=](auto v) HWY_ATTR { return exp_of(d, Sub(v, m)); }, x);
  const auto scale = Set(d, 1 / sum(y, n));
  map(
      y, n, [=](auto v) HWY_ATTR { return Mul(v, scale); }, y);
}

template <class T>
void softmax_grad(const T* y, const T* g, T* dx, int64_t n) {
  const auto mean = Set(ScalableTag<T>(), dot(g, y, n));
  map(
      dx, n, [=](auto v, auto w) HWY_ATTR { return Mul(v, Sub(w, mean)); }, y, g);
}

// x - m first: exact where x is near m, and logits may be large
template <class T>
void log_softmax(const T* x, T* y, int64_t n) {
  const ScalableTag<T> d;
  const T m = max(x, n);
  const auto shift = Set(d, m), rest = Set(d, std::log(sum_exp(x, m, n)));
  map(
      y, n, [=](auto v) HWY_ATTR { return Sub(Sub(v, shift), rest); }, x);
}

template <class T>
void log_softmax_grad(const T* y, const T* g, T* dx, int64_t n) {
  const ScalableTag<T> d;
  const auto total = Set(d, sum(g, n));
  map(
      dx, n, [=](auto v, auto w) HWY_ATTR { return NegMulAdd(exp_of(d, v), total, w); }, y, g);
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
