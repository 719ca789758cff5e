#include "pool.h"

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

// x[i * stride], i < n, where n is at most what a vector holds
template <class T>
Values<T> load_apart(const T* x, int64_t stride, int64_t n) {
  const ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(Lanes(d));
  const auto load = [&](const T* from, int64_t count) HWY_ATTR {
    return count >= lanes ? LoadU(d, from) : count > 0 ? Part<T>{size_t(count)}.load(from) : Zero(d);
  };
  if (stride == 1) return load(x, n);
#if HWY_TARGET != HWY_SCALAR
  if (stride == 2) return ConcatEven(d, load(x + lanes, 2 * n - 1 - lanes), load(x, 2 * n - 1));
#endif
  HWY_ALIGN T buffer[MaxLanes(d)] = {};
  for (int64_t i = 0; i < n; ++i) buffer[i] = x[i * stride];
  return Load(d, buffer);
}

// A vector of windows at a time: their maxima, and the places of these in integers as wide, stay in registers.
template <class T>
void max_pool(const T* x, const PoolWindow& w, int64_t stride, int64_t n, T* y, int64_t* at) {
  const RebindToSigned<ScalableTag<T>> d;
  using Place = TFromD<decltype(d)>;
  const auto apart = Mul(Iota(d, 0), Set(d, Place(stride)));
  each_vector<T>(n, [&](auto part, int64_t i) HWY_ATTR {
    const int64_t first = w.first + i * stride, count = std::min(n - i, static_cast<int64_t>(Lanes(d)));
    auto most = load_apart(x + first, stride, count);
    auto place = Add(apart, Set(d, Place(first)));
    for (int64_t r = 0; r < w.rows; ++r)
      for (int64_t c = r == 0; c < w.columns; ++c) {
        const int64_t from = first + r * w.row + c * w.column;
        const auto v = load_apart(x + from, stride, count);
        const auto better = AndNot(Le(v, most), Eq(most, most));
        most = IfThenElse(better, v, most);
        place = IfThenElse(RebindMask(d, better), Add(apart, Set(d, Place(from))), place);
      }
    part.store(most, y + i);
    HWY_ALIGN Place places[MaxLanes(d)];
    Store(place, d, places);
    for (int64_t k = 0; k < count; ++k) at[i + k] = places[k];
  });
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
