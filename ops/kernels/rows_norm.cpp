#include <cmath>
#include "rows.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "heed/ops/kernels/rows_norm.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include "vector.inl"
// clang-format on

#undef HEED_LOOPS
#define HEED_LOOPS(X, T)                                                                                            \
  X(void, layer_norm, layer_norm,                                                                                   \
    (const T* x, const T* weight, const T* bias, T eps, T* y, int64_t n, T& mean, T& rstd),                         \
    (x, weight, bias, eps, y, n, mean, rstd))                                                                       \
  X(void, layer_norm_grad, layer_norm_grad,                                                                         \
    (const T* x, const T* weight, const T* g, T mean, T rstd, T* dx, int64_t n), (x, weight, g, mean, rstd, dx, n)) \
  X(void, layer_norm_param_grad, layer_norm_param_grad,                                                             \
    (const T* x, const T* g, T mean, T rstd, T* dweight, T* dbias, int64_t n), (x, g, mean, rstd, dweight, dbias, n))

#if HWY_ONCE
namespace heed::kernels::rows::reference {

template <class T>
void layer_norm(const T* x, const T* weight, const T* bias, T eps, T* y, int64_t n, T& mean, T& rstd) {
  mean = sum(x, n) / static_cast<T>(n);
  T variance = 0;
  for (int64_t i = 0; i < n; ++i) variance += (x[i] - mean) * (x[i] - mean) / static_cast<T>(n);
  rstd = 1 / std::sqrt(variance + eps);
  for (int64_t i = 0; i < n; ++i) y[i] = (x[i] - mean) * rstd * (weight ? weight[i] : 1) + (bias ? bias[i] : 0);
}

template <class T>
void layer_norm_grad(const T* x, const T* weight, const T* g, T mean, T rstd, T* dx, int64_t n) {
  const auto h = [=](int64_t i) { return (x[i] - mean) * rstd; };
  const auto p = [=](int64_t i) { return g[i] * (weight ? weight[i] : 1); };
  T p_mean = 0, ph_mean = 0;
  for (int64_t i = 0; i < n; ++i) {
    p_mean += p(i) / static_cast<T>(n);
    ph_mean += p(i) * h(i) / static_cast<T>(n);
  }
  for (int64_t i = 0; i < n; ++i) dx[i] = rstd * (p(i) - p_mean - h(i) * ph_mean);
}

template <class T>
void layer_norm_param_grad(const T* x, const T* g, T mean, T rstd, T* dweight, T* dbias, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    if (dweight) dweight[i] += g[i] * (x[i] - mean) * rstd;
    if (dbias) dbias[i] += g[i];
  }
}

HEED_LOOPS(HEED_INSTANTIATE, float)
HEED_LOOPS(HEED_INSTANTIATE, double)
HEED_LOOPS(HEED_INSTANTIATE, long double)

}  // namespace heed::kernels::rows::reference
#endif

HWY_BEFORE_NAMESPACE();
namespace heed::kernels::rows::HWY_NAMESPACE {

// The mean first and then the squares about it: those of the values themselves would cancel.
template <class T>
void layer_norm(const T* x, const T* weight, const T* bias, T eps, T* y, int64_t n, T& mean, T& rstd) {
  const ScalableTag<T> d;
  mean = sum(x, n) / static_cast<T>(n);
  const auto shift = Set(d, mean);
  const auto add_square = [=](auto s, auto v) HWY_ATTR { return MulAdd(Sub(v, shift), Sub(v, shift), s); };
  rstd = 1 / std::sqrt(sum_of(n, mean, add_square, x) / static_cast<T>(n) + eps);
  const auto scale = Set(d, rstd);
  const auto h = [=](auto v) HWY_ATTR { return Mul(Sub(v, shift), scale); };
  if (weight && bias)
    map(
        y, n, [=](auto v, auto w, auto b) HWY_ATTR { return MulAdd(h(v), w, b); }, x, weight, bias);
  else if (weight)
    map(
        y, n, [=](auto v, auto w) HWY_ATTR { return Mul(h(v), w); }, x, weight);
  else if (bias)
    map(
        y, n, [=](auto v, auto b) HWY_ATTR { return Add(h(v), b); }, x, bias);
  else map(y, n, h, x);
}

// With p(g, w) = g w or g
template <class T, class P, class... W>
void layer_norm_grad_of(P p, const T* x, const T* g, T mean, T rstd, T* dx, int64_t n, const W*... weight) {
  const ScalableTag<T> d;
  const auto shift = Set(d, mean), scale = Set(d, rstd);
  const auto h = [=](auto v) HWY_ATTR { return Mul(Sub(v, shift), scale); };
  const auto add_p = [=](auto s, auto u, auto... w) HWY_ATTR { return Add(s, p(u, w...)); };
  const auto add_ph = [=](auto s, auto v, auto u, auto... w) HWY_ATTR { return MulAdd(p(u, w...), h(v), s); };
  const auto p_mean = Set(d, sum_of(n, T(0), add_p, g, weight...) / static_cast<T>(n));
  const auto ph_mean = Set(d, sum_of(n, T(0), add_ph, x, g, weight...) / static_cast<T>(n));
  map(
      dx, n,
      [=](auto v, auto u, auto... w) HWY_ATTR { return Mul(scale, NegMulAdd(h(v), ph_mean, Sub(p(u, w...), p_mean))); },
      x, g, weight...);
}

template <class T>
void layer_norm_grad(const T* x, const T* weight, const T* g, T mean, T rstd, T* dx, int64_t n) {
  if (weight) layer_norm_grad_of([](auto u, auto w) HWY_ATTR { return Mul(u, w); }, x, g, mean, rstd, dx, n, weight);
  else layer_norm_grad_of([](auto u) HWY_ATTR { return u; }, x, g, mean, rstd, dx, n);
}

template <class T>
void layer_norm_param_grad(const T* x, const T* g, T mean, T rstd, T* dweight, T* dbias, int64_t n) {
  const ScalableTag<T> d;
  const auto shift = Set(d, mean), scale = Set(d, rstd);
  const auto add_gh = [=](auto s, auto v, auto u) HWY_ATTR { return MulAdd(u, Mul(Sub(v, shift), scale), s); };
  const auto add_g = [](auto s, auto u) HWY_ATTR { return Add(s, u); };
  if (dweight) map(dweight, n, add_gh, dweight, x, g);
  if (dbias) map(dbias, n, add_g, dbias, g);
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
