#include <cmath>
#include "rows.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "heed/ops/kernels/rows_attention.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include <hwy/contrib/math/math-inl.h>
#include "vector.inl"
#include "math.inl"
// clang-format on

#undef HEED_LOOPS
#define HEED_LOOPS(X, T)                                             \
  X(T, exp_sum, exp_sum, (T * x, T shift, int64_t n), (x, shift, n)) \
  X(void, weights_grad, weights_grad, (T * s, T * d, T lse, T mean, int64_t n), (s, d, lse, mean, n))

#if HWY_ONCE
namespace heed::kernels::rows::reference {

template <class T>
T exp_sum(T* x, T shift, int64_t n) {
  T sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += x[i] = std::exp(x[i] - shift);
  return sum;
}

template <class T>
void weights_grad(T* s, T* d, T lse, T mean, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    s[i] = std::exp(s[i] - lse);
    d[i] = s[i] * (d[i] - mean);
  }
}

HEED_LOOPS(HEED_INSTANTIATE, float)
HEED_LOOPS(HEED_INSTANTIATE, double)
HEED_LOOPS(HEED_INSTANTIATE, long double)

}  // namespace heed::kernels::rows::reference
#endif

HWY_BEFORE_NAMESPACE();
namespace heed::kernels::rows::HWY_NAMESPACE {

// Two sums in turn, as an add waits for the one before it.
template <class T>
T exp_sum(T* x, T shift, int64_t n) {
  const ScalableTag<T> d;
  const auto by = Set(d, shift);
  auto even = Zero(d), odd = even;
  bool is_odd = false;
  each_vector<T>(n, [&](auto part, int64_t i) HWY_ATTR {
    const auto e = exp_below(d, Sub(part.load(x + i, -std::numeric_limits<T>::infinity()), by));
    part.store(e, x + i);
    auto& sum = is_odd ? odd : even;
    sum = Add(sum, e);
    is_odd = !is_odd;
  });
  return GetLane(SumOfLanes(d, Add(even, odd)));
}

template <class T>
void weights_grad(T* s, T* d, T lse, T mean, int64_t n) {
  const ScalableTag<T> tag;
  const auto shift = Set(tag, lse), from = Set(tag, mean);
  each_vector<T>(n, [&](auto part, int64_t i) HWY_ATTR {
    const auto w = exp_below(tag, Sub(part.load(s + i), shift));
    part.store(w, s + i);
    part.store(Mul(w, Sub(part.load(d + i), from)), d + i);
  });
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
