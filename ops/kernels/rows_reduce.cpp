#include <cmath>
#include <limits>
#include <numeric>
#include "rows.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "heed/ops/kernels/rows_reduce.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include "vector.inl"
// clang-format on

#undef HEED_LOOPS
#define HEED_LOOPS(X, T)                                         \
  X(T, sum, sum, (const T* x, int64_t n), (x, n))                \
  X(T, dot, dot, (const T* x, const T* y, int64_t n), (x, y, n)) \
  X(T, squares, squares, (const T* x, int64_t n), (x, n))        \
  X(T, max, max, (const T* x, int64_t n), (x, n))                \
  X(T, min, min, (const T* x, int64_t n), (x, n))

#if HWY_ONCE
namespace heed::kernels::rows::reference {

template <class T>
T sum(const T* x, int64_t n) {
  return std::accumulate(x, x + n, T(0));
}

template <class T>
T dot(const T* x, const T* y, int64_t n) {
  return std::inner_product(x, x + n, y, T(0));
}

template <class T>
T squares(const T* x, int64_t n) {
  return std::inner_product(x, x + n, x, T(0));
}

template <class T>
T max(const T* x, int64_t n) {
  T m = -std::numeric_limits<T>::infinity();
  for (int64_t i = 0; i < n; ++i)
    if (x[i] > m || std::isnan(x[i])) m = x[i];
  return m;
}

template <class T>
T min(const T* x, int64_t n) {
  T m = std::numeric_limits<T>::infinity();
  for (int64_t i = 0; i < n; ++i)
    if (x[i] < m || std::isnan(x[i])) m = x[i];
  return m;
}

HEED_LOOPS(HEED_INSTANTIATE, float)
HEED_LOOPS(HEED_INSTANTIATE, double)
HEED_LOOPS(HEED_INSTANTIATE, long double)

}  // namespace heed::kernels::rows::reference
#endif

HWY_BEFORE_NAMESPACE();
namespace heed::kernels::rows::HWY_NAMESPACE {

// sum, dot, max and min stand in vector.inl: other loops are made of them
template <class T>
T squares(const T* x, int64_t n) {
  return sum_of(
      n, T(0), [](auto s, auto v) HWY_ATTR { return MulAdd(v, v, s); }, x);
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
