// Loops over vectors, for the files of this folder: included after <hwy/highway.h>, once for each instruction set.

// A file lists its loops once, as HEED_LOOPS(X, T): X(result, name, id, (parameters), (arguments)) for each of them.
// id is name, made unique among overloads. These write the rest:
#ifndef HEED_INSTANTIATE
#define HEED_INSTANTIATE(result, name, id, parameters, arguments) template result name parameters;

#define HEED_FOR_FLOAT(result, name, id, parameters, arguments) \
  result id##_f32 parameters { return HWY_NAMESPACE::name arguments; }
#define HEED_FOR_DOUBLE(result, name, id, parameters, arguments) \
  result id##_f64 parameters { return HWY_NAMESPACE::name arguments; }

// The function of rows.h: it calls the loop for the best instruction set of the machine.
#define HEED_DISPATCH(result, name, id, parameters, arguments)                                 \
  HWY_EXPORT(id##_f32);                                                                        \
  HWY_EXPORT(id##_f64);                                                                        \
  template <class T>                                                                           \
  result name parameters {                                                                     \
    if constexpr (sizeof(T) == sizeof(float)) return HWY_DYNAMIC_DISPATCH(id##_f32) arguments; \
    else return HWY_DYNAMIC_DISPATCH(id##_f64) arguments;                                      \
  }
#endif

#if defined(HEED_VECTOR_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef HEED_VECTOR_INL
#undef HEED_VECTOR_INL
#else
#define HEED_VECTOR_INL
#endif

#include <algorithm>
#include <cstdint>
#include <limits>
#include <type_traits>
#include "../../core/dtype.h"
#include "../../core/shape.h"

HWY_BEFORE_NAMESPACE();
namespace heed::kernels::rows::HWY_NAMESPACE {

using namespace hwy::HWY_NAMESPACE;

template <class T>
using Values = Vec<ScalableTag<T>>;

// What values are computed in: bf16, which is for storage, is widened when it is loaded.
template <class T>
using Computed = std::conditional_t<std::is_same_v<T, BFloat16>, float, T>;
using Stored = Rebind<uint16_t, ScalableTag<float>>;
template <class D, class V>
Vec<D> widened(D d, V bits) {
  return BitCast(d, ShiftLeft<16>(PromoteTo(RebindToUnsigned<D>(), bits)));
}

// The values of a full vector.
template <class T>
struct Whole {
  Values<T> load(const T* x, T = 0) const { return LoadU(ScalableTag<T>(), x); }
  Values<T> load(const BFloat16* x, T = 0) const { return widened(ScalableTag<T>(), LoadU(Stored(), &x->bits)); }
  void store(Values<T> v, T* y) const { StoreU(v, ScalableTag<T>(), y); }
};

// The n values at the end of a row that do not fill a vector. Memory beyond them is not touched; they are computed in a
// full vector all the same, so that their bits are those of any other value.
template <class T>
struct Part {
  size_t n;

#if !HWY_MEM_OPS_MIGHT_FAULT
  Values<T> load(const T* x, T rest = 0) const {
    const ScalableTag<T> d;
    const auto first = FirstN(d, n);
    return IfThenElse(first, MaskedLoad(first, d, x), Set(d, rest));
  }
  Values<T> load(const BFloat16* x, T rest = 0) const {
    const ScalableTag<T> d;
    const auto values = widened(d, MaskedLoad(FirstN(Stored(), n), Stored(), &x->bits));
    return IfThenElse(FirstN(d, n), values, Set(d, rest));
  }
  void store(Values<T> v, T* y) const {
    const ScalableTag<T> d;
    BlendedStore(v, FirstN(d, n), d, y);
  }
#else
  template <class X>
  Values<T> load(const X* x, T rest = 0) const {
    const ScalableTag<T> d;
    HWY_ALIGN T buffer[MaxLanes(d)];
    Store(Set(d, rest), d, buffer);
    std::transform(x, x + n, buffer, [](X v) { return T(v); });
    return Load(d, buffer);
  }
  void store(Values<T> v, T* y) const {
    const ScalableTag<T> d;
    HWY_ALIGN T buffer[MaxLanes(d)];
    Store(v, d, buffer);
    std::copy_n(buffer, n, y);
  }
#endif
};

// f(part, i) for each vector of a row, which starts at i
template <class T, class F>
void each_vector(int64_t n, F f) {
  const auto width = static_cast<int64_t>(Lanes(ScalableTag<T>()));
  int64_t i = 0;
  for (; i + width <= n; i += width) f(Whole<T>(), i);
  if (i < n) f(Part<T>{static_cast<size_t>(n - i)}, i);
}

// y = f(x...)
template <class T, class F, class... X>
void map(T* y, int64_t n, F f, const X*... x) {
  each_vector<T>(n, [&](auto part, int64_t i) HWY_ATTR { part.store(f(part.load(x + i)...), y + i); });
}

// join of all f(f(start, x0...), x1...)..., lane by lane; `rest` fills the last vector up
// Four at a time, as each f waits for what the one before it made: the latency of an add or a max.
template <class T, class F, class Join, class... X>
Values<T> fold(int64_t n, T start, T rest, F f, Join join, const X*... x) {
  const ScalableTag<T> d;
  const Whole<T> whole;
  const auto width = static_cast<int64_t>(Lanes(d));
  auto a = Set(d, start), b = a, c = a, e = a;
  int64_t i = 0;
  for (; i + 4 * width <= n; i += 4 * width) {
    a = f(a, whole.load(x + i)...);
    b = f(b, whole.load(x + i + width)...);
    c = f(c, whole.load(x + i + 2 * width)...);
    e = f(e, whole.load(x + i + 3 * width)...);
  }
  each_vector<T>(n - i, [&](auto part, int64_t j) HWY_ATTR { a = f(a, part.load(x + i + j, rest)...); });
  return join(join(a, b), join(c, e));
}

// Sum of the terms that f(s, x...) adds to s; a term of `rest` is 0. Pairwise over blocks.
template <class T, class F, class... X>
T sum_of(int64_t n, T rest, F f, const X*... x) {
  constexpr int64_t block = 1024;
  if (n > block) {
    const int64_t half = (n / block + 1) / 2 * block;
    return sum_of(half, rest, f, x...) + sum_of(n - half, rest, f, (x + half)...);
  }
  const auto add = [](auto a, auto b) HWY_ATTR { return Add(a, b); };
  return GetLane(SumOfLanes(ScalableTag<T>(), fold(n, T(0), rest, f, add, x...)));
}

template <class T>
T sum(const T* x, int64_t n) {
  return sum_of(
      n, T(0), [](auto s, auto v) HWY_ATTR { return Add(s, v); }, x);
}

template <class X, class Y>
Computed<X> dot(const X* x, const Y* y, int64_t n) {
  return sum_of(
      n, Computed<X>(0), [](auto s, auto v, auto w) HWY_ATTR { return MulAdd(v, w, s); }, x, y);
}

// Max and Min forget what is NaN, so the largest bits of all but the sign are noted beside them: those of NaN, if any.
template <class T, class Join, class OfLanes>
T extreme(const T* x, int64_t n, T start, Join join, OfLanes of_lanes) {
  const ScalableTag<T> d;
  const RebindToSigned<decltype(d)> bits;
  auto size = Zero(bits);
  const auto next = [&](auto m, auto v) HWY_ATTR {
    size = Max(size, BitCast(bits, Abs(v)));
    return join(m, v);
  };
  const auto m = fold(n, start, start, next, join, x);
  return AllFalse(d, IsNaN(BitCast(d, size))) ? GetLane(of_lanes(d, m)) : std::numeric_limits<T>::quiet_NaN();
}

template <class T>
T max(const T* x, int64_t n) {
  return extreme(
      x, n, -std::numeric_limits<T>::infinity(), [](auto a, auto b) HWY_ATTR { return Max(a, b); },
      [](auto d, auto m) HWY_ATTR { return MaxOfLanes(d, m); });
}

template <class T>
T min(const T* x, int64_t n) {
  return extreme(
      x, n, std::numeric_limits<T>::infinity(), [](auto a, auto b) HWY_ATTR { return Min(a, b); },
      [](auto d, auto m) HWY_ATTR { return MinOfLanes(d, m); });
}

// Products keep a tile of the result in registers while k passes: 14 x 2 vectors where there are 32 registers, else 6 x
// 2. And tiles of the same height for m rows.
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
constexpr int tile_rows = 14;
#else
constexpr int tile_rows = 6;
#endif
inline int64_t even_rows(int64_t m) {
  const int64_t tiles = ceil_div(m, tile_rows);
  return tiles ? ceil_div(m, tiles) : 1;
}

}  // namespace heed::kernels::rows::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
