#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include "rows.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "heed/ops/kernels/rows_random.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include <hwy/contrib/math/math-inl.h>
#include "vector.inl"
// clang-format on

#undef HEED_LOOPS
#define HEED_LOOPS(X, T)                                                                         \
  X(void, uniform, uniform, (uint64_t key, int64_t first, T * y, int64_t n), (key, first, y, n)) \
  X(void, normal, normal, (uint64_t key, int64_t first, T * y, int64_t n), (key, first, y, n))   \
  X(void, drop, drop, (const T* x, int64_t first, const DropoutKey& key, T* y, int64_t n), (x, first, key, y, n))

#if HWY_ONCE
namespace heed::kernels::rows::reference {

template <class T>
void uniform(uint64_t key, int64_t first, T* y, int64_t n) {
  const T most = 1 - std::numeric_limits<T>::epsilon() / 2;
  for (int64_t i = 0; i < n; ++i) y[i] = std::min(T(unit(key, uint64_t(first + i))), most);
}

template <class T>
void normal(uint64_t key, int64_t first, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = T(gaussian(key, uint64_t(first + i)));
}

template <class T>
void drop(const T* x, int64_t first, const DropoutKey& key, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = x[i] * T(key.scale(first + i));
}

HEED_LOOPS(HEED_INSTANTIATE, float)
HEED_LOOPS(HEED_INSTANTIATE, double)
HEED_LOOPS(HEED_INSTANTIATE, long double)

}  // namespace heed::kernels::rows::reference
#endif

HWY_BEFORE_NAMESPACE();
namespace heed::kernels::rows::HWY_NAMESPACE {

#if HWY_TARGET == HWY_SCALAR  // a vector of one value has no halves
using reference::drop;
using reference::normal;
using reference::uniform;
#else

using Words = Vec<ScalableTag<uint64_t> >;

// x c, from products of 32 bits: few instruction sets multiply 64
HWY_INLINE Words times(Words x, uint64_t c) {
  const ScalableTag<uint64_t> d;
  const Repartition<uint32_t, decltype(d)> halves;
  const auto low = BitCast(halves, Set(d, c)), high = BitCast(halves, Set(d, c >> 32));
  const Words across = Add(MulEven(BitCast(halves, ShiftRight<32>(x)), low), MulEven(BitCast(halves, x), high));
  return Add(MulEven(BitCast(halves, x), low), ShiftLeft<32>(across));
}

// scramble(key, index) for index = first, first + stride, ..: a vector, and by operator() the ones behind it
class Scrambled {
 public:
  Scrambled(uint64_t key, uint64_t first, uint64_t stride = 1) {
    const ScalableTag<uint64_t> d;
    HWY_ALIGN uint64_t lane[MaxLanes(d)];
    for (size_t i = 0; i < Lanes(d); ++i) lane[i] = key + (first + 1 + stride * i) * weyl;
    at_ = Load(d, lane);
    step_ = Set(d, stride * Lanes(d) * weyl);
  }
  HWY_INLINE Words operator()() {
    const Words z = times(Xor(at_, ShiftRight<30>(at_)), 0xbf58476d1ce4e5b9u);
    const Words w = times(Xor(z, ShiftRight<27>(z)), 0x94d049bb133111ebu);
    at_ = Add(at_, step_);
    return Xor(w, ShiftRight<31>(w));
  }

 private:
  static constexpr uint64_t weyl = 0x9e3779b97f4a7c15u;
  Words at_, step_;
};

// The upper 53 bits over 2^53: those from 32 on and those below are put into the digits of 2^84 and of 2^52.
HWY_INLINE Values<double> unit_of(Words bits) {
  const ScalableTag<double> d;
  const ScalableTag<uint64_t> w;
  const Words whole = ShiftRight<11>(bits);
  const auto high = BitCast(d, Or(ShiftRight<32>(whole), BitCast(w, Set(d, 0x1p84))));
  const auto low = BitCast(d, Or(And(whole, Set(w, 0xffffffffu)), BitCast(w, Set(d, 0x1p52))));
  return Mul(Add(Sub(high, Set(d, 0x1p84 + 0x1p52)), low), Set(d, 0x1p-53));
}

// y = f(), a vector of double after the other
template <class T, class F>
void fill(T* y, int64_t n, F f) {
  const ScalableTag<double> d;
  const Rebind<T, decltype(d)> to;
  const auto width = static_cast<int64_t>(Lanes(d));
  for (int64_t i = 0; i < n; i += width) {
    const auto rounded = [&] {
      if constexpr (sizeof(T) == sizeof(double)) return f();
      else return DemoteTo(to, f());
    }();
    if (i + width <= n) {
      StoreU(rounded, to, y + i);
    } else {
      HWY_ALIGN T buffer[MaxLanes(d)];
      Store(rounded, to, buffer);
      std::copy_n(buffer, n - i, y + i);
    }
  }
}

template <class T>
void uniform(uint64_t key, int64_t first, T* y, int64_t n) {
  Scrambled next(key, static_cast<uint64_t>(first));
  const auto most = Set(ScalableTag<double>(), double(1 - std::numeric_limits<T>::epsilon() / 2));
  fill(y, n, [&]() HWY_ATTR { return Min(unit_of(next()), most); });
}

template <class T>
void normal(uint64_t key, int64_t first, T* y, int64_t n) {
  const ScalableTag<double> d;
  Scrambled even(key, 2 * static_cast<uint64_t>(first), 2), odd(key, 2 * static_cast<uint64_t>(first) + 1, 2);
  fill(y, n, [&]() HWY_ATTR {
    const auto u = Sub(Set(d, 1), unit_of(even())), v = Mul(unit_of(odd()), Set(d, 2 * std::numbers::pi));
    const auto square = Mul(Set(d, -2), Log(d, u));  // the logarithm of 1 may be above 0 by a rounding error
    return Mul(Sqrt(Max(square, Zero(d))), Cos(d, v));
  });
}

template <class T>
void drop(const T* x, int64_t first, const DropoutKey& key, T* y, int64_t n) {
  const ScalableTag<T> d;
  const RebindToUnsigned<decltype(d)> bits;
  const auto scale = Set(d, T(1 / (1 - key.rate)));
  const auto least = Set(bits, key.threshold());
  const auto kept = [=](auto v, auto drawn)
                        HWY_ATTR { return Mul(v, IfThenZeroElse(RebindMask(d, Lt(drawn, least)), scale)); };
  if constexpr (sizeof(T) == sizeof(float)) {
    if (n > 0 && first % 2) {
      *y++ = *x++ * T(key.scale(first++));
      --n;
    }
    Scrambled next(key.key, static_cast<uint64_t>(first) / 2);
    each_vector<T>(
        n, [&](auto part, int64_t i) HWY_ATTR { part.store(kept(part.load(x + i), BitCast(bits, next())), y + i); });
  } else {
    each_vector<T>(n, [&](auto part, int64_t i) HWY_ATTR {
      HWY_ALIGN uint64_t drawn[MaxLanes(bits)];
      for (size_t k = 0; k < Lanes(bits); ++k) {
        const auto index = static_cast<uint64_t>(first + i) + k;
        drawn[k] = scramble(key.key, index / 2) >> (index % 2 * 32) & 0xffffffffu;
      }
      part.store(kept(part.load(x + i), Load(bits, drawn)), y + i);
    });
  }
}

#endif

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
