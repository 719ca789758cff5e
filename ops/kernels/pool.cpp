#include "pool.h"
#include <type_traits>

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "heed/ops/kernels/pool.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include "vector.inl"
// clang-format on

#undef HEED_LOOPS
#define HEED_LOOPS(X, T)                                                                                       \
  X(void, max_pool, max_pool, (const T* x, const PoolWindow& w, int64_t stride, int64_t n, T* y, int64_t* at), \
    (x, w, stride, n, y, at))

HWY_BEFORE_NAMESPACE();
namespace heed::kernels::HWY_NAMESPACE {

using namespace rows::HWY_NAMESPACE;

// One window: what the loop over vectors below means.
template <class T>
void max_pool(const T* x, const PoolWindow& w, T* y, int64_t* at) {
  *y = x[w.first], *at = w.first;
  for (int64_t r = 0; r < w.rows; ++r)
    for (int64_t c = 0; c < w.columns; ++c) {
      const int64_t from = w.first + r * w.row + c * w.column;
      if (*y == *y && !(x[from] <= *y)) *y = x[from], *at = from;
    }
}

template <class T>
using Place = std::conditional_t<sizeof(T) == sizeof(int32_t), int32_t, int64_t>;

template <class T>
HWY_INLINE void store_places(Values<Place<T>> v, int64_t n, int64_t* at) {
  const auto store = [](Values<int64_t> places, int64_t count, int64_t* to) HWY_ATTR {
    if (count >= static_cast<int64_t>(Lanes(ScalableTag<int64_t>()))) Whole<int64_t>().store(places, to);
    else Part<int64_t>{size_t(count)}.store(places, to);
  };
  if constexpr (std::is_same_v<Place<T>, int64_t>) store(v, n, at);
#if HWY_TARGET == HWY_SCALAR
  else *at = GetLane(v);
#else
  else {
    const ScalableTag<int64_t> wide;
    const Half<ScalableTag<Place<T>>> half;
    const auto lanes = static_cast<int64_t>(Lanes(wide));
    store(PromoteTo(wide, LowerHalf(half, v)), n, at);
    if (n > lanes) store(PromoteTo(wide, UpperHalf(half, v)), n - lanes, at + lanes);
  }
#endif
}

// n windows, as many as a vector holds or fewer: their maxima, and the places of these in integers as wide, stay in
// registers. load(from) gives the value of each at from + i stride.
template <class T, class Load>
HWY_INLINE void max_pool(const PoolWindow& w, int64_t first, int64_t stride, int64_t n, Load load, T* y, int64_t* at) {
  const ScalableTag<Place<T>> d;
  const auto apart = Mul(Iota(d, 0), Set(d, Place<T>(stride)));
  auto most = load(first);
  auto place = Add(apart, Set(d, Place<T>(first)));
  for (int64_t r = 0; r < w.rows; ++r)
    for (int64_t c = r == 0; c < w.columns; ++c) {
      const int64_t from = first + r * w.row + c * w.column;
      const auto v = load(from);
      const auto better = AndNot(Le(v, most), Eq(most, most));
      most = IfThenElse(better, v, most);
      place = IfThenElse(RebindMask(d, better), Add(apart, Set(d, Place<T>(from))), place);
    }
  if (n == static_cast<int64_t>(Lanes(d))) Whole<T>().store(most, y);
  else Part<T>{size_t(n)}.store(most, y);
  store_places<T>(place, n, at);
}

template <class T>
void max_pool(const T* x, const PoolWindow& w, int64_t stride, int64_t n, T* y, int64_t* at) {
  if (n == 1) return max_pool(x, w, y, at);
  const ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(Lanes(d));
  const auto vector = [&](auto part, int64_t i) HWY_ATTR {
    const int64_t count = std::min(n - i, lanes);
    const auto pool = [&](auto load)
                          HWY_ATTR { max_pool<T>(w, w.first + i * stride, stride, count, load, y + i, at + i); };
    if (stride == 1) return pool([&](int64_t from) HWY_ATTR { return part.load(x + from); });
#if HWY_TARGET != HWY_SCALAR
    const int64_t span = 2 * count - 1;
    const Part<T> rest{size_t(span < lanes ? span : span - lanes)};
    if (stride == 2 && span < lanes)
      return pool([&](int64_t from) HWY_ATTR { return ConcatEven(d, Zero(d), rest.load(x + from)); });
    if (stride == 2)
      return pool([&](int64_t from)
                      HWY_ATTR { return ConcatEven(d, rest.load(x + from + lanes), LoadU(d, x + from)); });
#endif
    pool([&](int64_t from) HWY_ATTR {
      HWY_ALIGN T values[MaxLanes(d)] = {};
      for (int64_t k = 0; k < count; ++k) values[k] = x[from + k * stride];
      return Load(d, values);
    });
  };
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) vector(Whole<T>(), i);
  if (i < n) vector(Part<T>{size_t(n - i)}, i);
}

HEED_LOOPS(HEED_FOR_FLOAT, float)
HEED_LOOPS(HEED_FOR_DOUBLE, double)

}  // namespace heed::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace heed::kernels {

HEED_LOOPS(HEED_DISPATCH, T)
HEED_LOOPS(HEED_INSTANTIATE, float)
HEED_LOOPS(HEED_INSTANTIATE, double)

}  // namespace heed::kernels
#endif
