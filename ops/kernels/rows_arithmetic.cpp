#include "rows.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "heed/ops/kernels/rows_arithmetic.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include "vector.inl"
// clang-format on

#undef HEED_LOOPS
#define HEED_LOOPS(X, T)                                                     \
  X(void, add, add, (const T* a, const T* b, T* y, int64_t n), (a, b, y, n)) \
  X(void, add, add_right, (const T* a, T b, T* y, int64_t n), (a, b, y, n))  \
  X(void, add, add_left, (T a, const T* b, T* y, int64_t n), (a, b, y, n))   \
  X(void, sub, sub, (const T* a, const T* b, T* y, int64_t n), (a, b, y, n)) \
  X(void, sub, sub_right, (const T* a, T b, T* y, int64_t n), (a, b, y, n))  \
  X(void, sub, sub_left, (T a, const T* b, T* y, int64_t n), (a, b, y, n))   \
  X(void, mul, mul, (const T* a, const T* b, T* y, int64_t n), (a, b, y, n)) \
  X(void, mul, mul_right, (const T* a, T b, T* y, int64_t n), (a, b, y, n))  \
  X(void, mul, mul_left, (T a, const T* b, T* y, int64_t n), (a, b, y, n))   \
  X(void, div, div, (const T* a, const T* b, T* y, int64_t n), (a, b, y, n)) \
  X(void, div, div_right, (const T* a, T b, T* y, int64_t n), (a, b, y, n))  \
  X(void, div, div_left, (T a, const T* b, T* y, int64_t n), (a, b, y, n))   \
  X(void, accumulate, accumulate, (T * sum, const T* x, int64_t n), (sum, x, n))

#if HWY_ONCE
namespace heed::kernels::rows::reference {

template <class T>
void add(const T* a, const T* b, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = a[i] + b[i];
}

template <class T>
void add(const T* a, T b, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = a[i] + b;
}

template <class T>
void add(T a, const T* b, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = a + b[i];
}

template <class T>
void sub(const T* a, const T* b, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = a[i] - b[i];
}

template <class T>
void sub(const T* a, T b, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = a[i] - b;
}

template <class T>
void sub(T a, const T* b, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = a - b[i];
}

template <class T>
void mul(const T* a, const T* b, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = a[i] * b[i];
}

template <class T>
void mul(const T* a, T b, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = a[i] * b;
}

template <class T>
void mul(T a, const T* b, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = a * b[i];
}

template <class T>
void div(const T* a, const T* b, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = a[i] / b[i];
}

template <class T>
void div(const T* a, T b, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = a[i] / b;
}

template <class T>
void div(T a, const T* b, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = a / b[i];
}

template <class T>
void accumulate(T* sum, const T* x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) sum[i] += x[i];
}

HEED_LOOPS(HEED_INSTANTIATE, float)
HEED_LOOPS(HEED_INSTANTIATE, double)
HEED_LOOPS(HEED_INSTANTIATE, long double)

}  // namespace heed::kernels::rows::reference
#endif

HWY_BEFORE_NAMESPACE();
namespace heed::kernels::rows::HWY_NAMESPACE {

// Loops of their own where one side is a number: it stays in a register, and no row of copies is loaded.
template <class T>
void add(const T* a, const T* b, T* y, int64_t n) {
  map(
      y, n, [](auto v, auto w) HWY_ATTR { return Add(v, w); }, a, b);
}

template <class T>
void add(const T* a, T b, T* y, int64_t n) {
  const auto w = Set(ScalableTag<T>(), b);
  map(
      y, n, [=](auto v) HWY_ATTR { return Add(v, w); }, a);
}

template <class T>
void add(T a, const T* b, T* y, int64_t n) {
  const auto v = Set(ScalableTag<T>(), a);
  map(
      y, n, [=](auto w) HWY_ATTR { return Add(v, w); }, b);
}

template <class T>
void sub(const T* a, const T* b, T* y, int64_t n) {
  map(
      y, n, [](auto v, auto w) HWY_ATTR { return Sub(v, w); }, a, b);
}

template <class T>
void sub(const T* a, T b, T* y, int64_t n) {
  const auto w = Set(ScalableTag<T>(), b);
  map(
      y, n, [=](auto v) HWY_ATTR { return Sub(v, w); }, a);
}

template <class T>
void sub(T a, const T* b, T* y, int64_t n) {
  const auto v = Set(ScalableTag<T>(), a);
  map(
      y, n, [=](auto w) HWY_ATTR { return Sub(v, w); }, b);
}

template <class T>
void mul(const T* a, const T* b, T* y, int64_t n) {
  map(
      y, n, [](auto v, auto w) HWY_ATTR { return Mul(v, w); }, a, b);
}

template <class T>
void mul(const T* a, T b, T* y, int64_t n) {
  const auto w = Set(ScalableTag<T>(), b);
  map(
      y, n, [=](auto v) HWY_ATTR { return Mul(v, w); }, a);
}

template <class T>
void mul(T a, const T* b, T* y, int64_t n) {
  const auto v = Set(ScalableTag<T>(), a);
  map(
      y, n, [=](auto w) HWY_ATTR { return Mul(v, w); }, b);
}

template <class T>
void div(const T* a, const T* b, T* y, int64_t n) {
  map(
      y, n, [](auto v, auto w) HWY_ATTR { return Div(v, w); }, a, b);
}

template <class T>
void div(const T* a, T b, T* y, int64_t n) {
  const auto w = Set(ScalableTag<T>(), b);
  map(
      y, n, [=](auto v) HWY_ATTR { return Div(v, w); }, a);
}

template <class T>
void div(T a, const T* b, T* y, int64_t n) {
  const auto v = Set(ScalableTag<T>(), a);
  map(
      y, n, [=](auto w) HWY_ATTR { return Div(v, w); }, b);
}

template <class T>
void accumulate(T* sum, const T* x, int64_t n) {
  add<T>(sum, x, sum, n);
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
