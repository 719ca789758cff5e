#include "gemm.h"
#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include "../../core/storage.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "heed/ops/kernels/gemm.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include "vector.inl"
// clang-format on

#undef HEED_LOOPS
#define HEED_LOOPS(X, T)                                                                                            \
  X(void, gemm, gemm,                                                                                               \
    (int64_t m, int64_t n, int64_t k, T alpha, Strided<T> a, Strided<T> b, Start<T> start, T * c, int64_t c_row),   \
    (m, n, k, alpha, a, b, start, c, c_row))                                                                        \
  X(bool, packs_left, packs_left, (int64_t k, Strided<T> a), (k, a))                                                \
  X(void, pack, pack, (int64_t n, int64_t k, Strided<T> b, T * packed), (n, k, b, packed))                          \
  X(void, pack_rows, pack_rows, (int64_t m, int64_t k, Strided<T> a, T * packed), (m, k, a, packed))                \
  X(void, gemm_packed, gemm_packed,                                                                                 \
    (int64_t m, int64_t n, int64_t k, T alpha, Strided<T> a, const T* packed, Start<T> start, T* c, int64_t c_row), \
    (m, n, k, alpha, a, packed, start, c, c_row))                                                                   \
  X(void, gemm_packed, gemm_of_packed,                                                                              \
    (int64_t m, int64_t n, int64_t k, T alpha, const T* packed_a, const T* packed_b, Start<T> start, T* c,          \
     int64_t c_row),                                                                                                \
    (m, n, k, alpha, packed_a, packed_b, start, c, c_row))                                                          \
  X(void, gemm_transposed, gemm_transposed,                                                                         \
    (int64_t m, int64_t n, int64_t k, Strided<T> a, const T* packed, const T* bias, T* c, int64_t c_row),           \
    (m, n, k, a, packed, bias, c, c_row))

#if HWY_ONCE
namespace heed::kernels {

namespace reference {

template <class T>
void gemm(int64_t m, int64_t n, int64_t k, T alpha, Strided<T> a, Strided<T> b, Start<T> start, T* c, int64_t c_row) {
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      T sum = 0;
      for (int64_t p = 0; p < k; ++p) sum += *a.from(i, p).data * *b.from(p, j).data;
      c[i * c_row + j] = (start.data ? *start.from(i, j).data : T(0)) + alpha * sum;
    }
}

#define HEED_REFERENCE(T) \
  template void gemm(int64_t, int64_t, int64_t, T, Strided<T>, Strided<T>, Start<T>, T*, int64_t);
HEED_REFERENCE(float)
HEED_REFERENCE(double)
HEED_REFERENCE(long double)
#undef HEED_REFERENCE

}  // namespace reference

}  // namespace heed::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace heed::kernels::HWY_NAMESPACE {

using namespace rows::HWY_NAMESPACE;

template <class T>
int64_t tile_columns() {
  return 2 * int64_t(Lanes(ScalableTag<T>()));
}

template <class T>
struct Tile {
  int64_t k;
  Strided<T> a;
  const T* b;  // rows of tile_columns, b_row apart
  int64_t b_row;
  T alpha;
  Start<T> start;
  T* c;
  int64_t c_row, columns;
};

// Where the vectors at the end of rows can be read in part, b's last columns need no packing.
constexpr bool reads_parts = !HWY_MEM_OPS_MIGHT_FAULT;

// A tile as wide as one or two vectors, of which the last is whole or a part.
template <int rows, int vectors, class Last, class T>
void multiply(const Tile<T>& t, Last last) {
  const ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(Lanes(d));
  const auto load_last = [&](const T* from) HWY_ATTR {
    if constexpr (reads_parts) return last.load(from);
    else return LoadU(d, from);
  };
  Values<T> left[rows], right[rows];
  HWY_UNROLL(16)
  for (int i = 0; i < rows; ++i) left[i] = right[i] = Zero(d);
  const T *a = t.a.data, *b = t.b;
  for (int64_t p = 0; p < t.k; ++p, a += t.a.column, b += t.b_row) {
    const auto b0 = vectors == 2 ? LoadU(d, b) : load_last(b), b1 = vectors == 2 ? load_last(b + lanes) : b0;
    HWY_UNROLL(16)
    for (int i = 0; i < rows; ++i) {
      const auto x = Set(d, a[i * t.a.row]);
      left[i] = MulAdd(x, b0, left[i]);
      if constexpr (vectors == 2) right[i] = MulAdd(x, b1, right[i]);
    }
  }
  const auto alpha = Set(d, t.alpha);
  const auto finish = [&](auto part, const Values<T>* sums, int64_t j) HWY_ATTR {
    HWY_UNROLL(16)
    for (int i = 0; i < rows; ++i) {
      const auto from = t.start.data ? part.load(t.start.data + i * t.start.row + j) : Zero(d);
      part.store(MulAdd(alpha, sums[i], from), t.c + i * t.c_row + j);
    }
  };
  if constexpr (vectors == 2) finish(Whole<T>(), left, 0), finish(last, right, lanes);
  else finish(last, left, 0);
}

template <class T, int vectors, class Last, int... rows>
constexpr auto of_all(std::integer_sequence<int, rows...>) {
  return std::array{&multiply<rows + 1, vectors, Last, T>...};
}
template <class T, int vectors, class Last>
constexpr auto multipliers = of_all<T, vectors, Last>(std::make_integer_sequence<int, tile_rows>());
template <class T>
void multiply(int64_t rows, const Tile<T>& t) {
  const auto i = std::size_t(rows - 1);
  const auto lanes = static_cast<int64_t>(Lanes(ScalableTag<T>()));
  if (t.columns == 2 * lanes) multipliers<T, 2, Whole<T>>[i](t, {});
  else if (t.columns > lanes) multipliers<T, 2, Part<T>>[i](t, {size_t(t.columns - lanes)});
  else multipliers<T, 1, Part<T>>[i](t, {size_t(t.columns)});
}

#if HWY_TARGET != HWY_SCALAR
// to[j * to_row + i] = x[i * x_row + j] for i, j below the lanes of 128 bits.
using Four = FixedTag<float, 4>;
inline Vec<Four> load_four(const float* x) { return LoadU(Four(), x); }
inline Vec<Four> load_four(const BFloat16* x) { return widened(Four(), LoadU(Rebind<uint16_t, Four>(), &x->bits)); }
template <class X>
void turn(const X* x, int64_t x_row, float* to, int64_t to_row) {
  const Four d;
  const FixedTag<double, 2> pairs;
  const auto r0 = load_four(x), r1 = load_four(x + x_row), r2 = load_four(x + 2 * x_row), r3 = load_four(x + 3 * x_row);
  const auto low01 = BitCast(pairs, InterleaveLower(d, r0, r1)), low23 = BitCast(pairs, InterleaveLower(d, r2, r3));
  const auto high01 = BitCast(pairs, InterleaveUpper(d, r0, r1)), high23 = BitCast(pairs, InterleaveUpper(d, r2, r3));
  StoreU(BitCast(d, InterleaveLower(pairs, low01, low23)), d, to);
  StoreU(BitCast(d, InterleaveUpper(pairs, low01, low23)), d, to + to_row);
  StoreU(BitCast(d, InterleaveLower(pairs, high01, high23)), d, to + 2 * to_row);
  StoreU(BitCast(d, InterleaveUpper(pairs, high01, high23)), d, to + 3 * to_row);
}
inline void turn(const double* x, int64_t x_row, double* to, int64_t to_row) {
  const FixedTag<double, 2> d;
  const auto r0 = LoadU(d, x), r1 = LoadU(d, x + x_row);
  StoreU(InterleaveLower(d, r0, r1), d, to);
  StoreU(InterleaveUpper(d, r0, r1), d, to + to_row);
}
#endif

template <class T>
void copy(const T* x, int64_t n, T* y) {
  std::memcpy(y, x, std::size_t(n) * sizeof(T));
}
inline void copy(const BFloat16* x, int64_t n, float* y) {
  map<float>(
      y, n, [](auto v) HWY_ATTR { return v; }, x);
}

// Packs x [count, k] in panels of `width` rows, in which what belongs to one column lies together; the last panel is
// filled up with zeros. It reads x in the order it lies in.
template <class X, class T, class Width>
void pack_panels(Strided<X> x, int64_t count, int64_t k, Width width, T* to) {
  const int64_t panel = width() * k, whole = count / width() * width(), rest = count - whole;
  constexpr int64_t line = 64 / int64_t(sizeof(X)), ahead = 8;
  T* last = to + whole * k;
  if (rest)
    for (int64_t p = 0; p < k; ++p) std::fill(last + p * width() + rest, last + (p + 1) * width(), T(0));
  if (x.row == 1) {
    for (int64_t p = 0; p < k; ++p) {
      const X* from = x.data + p * x.column;
      T* put = to + p * width();
      for (int64_t i = 0; i < count; i += line) __builtin_prefetch(from + ahead * x.column + i);
      for (int64_t i = 0; i < whole; i += width(), put += panel) copy(from + i, width(), put);
      copy(from + whole, rest, last + p * width());
    }
    return;
  }
  int64_t turned = 0, deep = 0;  // how many of a panel's rows, and columns, come in whole blocks
#if HWY_TARGET != HWY_SCALAR
  constexpr int64_t block = 16 / sizeof(T), together = 64;  // columns that stay in cache when packed
  if (x.column == 1) deep = k / block * block;
#endif
  for (int64_t first = 0; first < count; first += width(), to += panel) {
    const int64_t rows = std::min<int64_t>(width(), count - first);
#if HWY_TARGET != HWY_SCALAR
    turned = deep ? rows / block * block : 0;
    for (int64_t p0 = 0; p0 < deep; p0 += together)
      for (int64_t i = 0; i < turned; i += block)
        for (int64_t p = p0; p < std::min(deep, p0 + together); p += block)
          turn(x.from(first + i, p).data, x.row, to + p * width() + i, width());
#endif
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t p = i < turned ? deep : 0; p < k; ++p) to[p * width() + i] = T(*x.from(first + i, p).data);
  }
}
template <class T>
void pack_rows(int64_t m, int64_t k, Strided<T> a, T* packed) {
  pack_panels(a, m, k, std::integral_constant<int64_t, tile_rows>(), packed);
}
template <class B, class T>
void pack(int64_t n, int64_t k, Strided<B> b, T* packed) {
#if HWY_TARGET != HWY_SVE && HWY_TARGET != HWY_SVE2 && HWY_TARGET != HWY_RVV
  pack_panels(b.transposed(), n, k, std::integral_constant<int64_t, 2 * MaxLanes(ScalableTag<T>())>(), packed);
#else
  pack_panels(
      b.transposed(), n, k, [] { return tile_columns<T>(); }, packed);
#endif
}

// y[j * y_step] = from[j * from_step] + alpha sum_p x(j, p) v[p * v_step] for a product with one row or one column: x
// is read once, so it is not packed.
template <class T, class X, class V>
void multiply_vector(int64_t n, int64_t k, T alpha, Strided<X> x, const V* v, int64_t v_step, const T* from,
                     int64_t from_step, T* y, int64_t y_step) {
  const auto finish = [&](int64_t j, T sum) { y[j * y_step] = (from ? from[j * from_step] : T(0)) + alpha * sum; };
  if (x.column == 1 && v_step == 1) {
    for (int64_t j = 0; j < n; ++j) finish(j, dot(x.from(j, 0).data, v, k));
    return;
  }
  constexpr int64_t together = 1024;  // sums that stay in cache while all p pass
  HWY_ALIGN T sums[together];
  for (int64_t first = 0; first < n; first += together) {
    const int64_t count = std::min(together, n - first);
    std::fill_n(sums, count, T(0));
    if (x.row == 1)
      for (int64_t p = 0; p < k; ++p) {
        const auto w = Set(ScalableTag<T>(), T(v[p * v_step]));
        map<T>(
            sums, count, [w](auto s, auto a) HWY_ATTR { return MulAdd(a, w, s); }, sums, x.from(first, p).data);
      }
    else
      for (int64_t j = 0; j < count; ++j)
        for (int64_t p = 0; p < k; ++p) sums[j] += T(*x.from(first + j, p).data) * T(v[p * v_step]);
    for (int64_t j = 0; j < count; ++j) finish(first + j, sums[j]);
  }
}

// f(p, depth, start) for each slice of k; the first even where there is none.
template <class T, class F>
void for_each_slice(int64_t k, Start<T> start, const T* c, int64_t c_row, F f) {
  const int64_t depth = slice_depth<T>(k);
  for (int64_t p = 0; p == 0 || p < k; p += depth) f(p, std::min(depth, k - p), p ? Start<T>{c, c_row} : start);
}

// a is read where it stands when what a tile reads falls on different lines of the cache. Of columns, tiles of few rows
// read a line one after the other: it would have to stay in the first level until then.
template <class T>
bool packs_left(int64_t k, Strided<T> a) {
  constexpr bool shares_lines = tile_rows * sizeof(T) <= 32;
  if (shares_lines && a.row == 1) return k > 64 || !a.stands_well(1024);
  return !a.stands_well();
}

constexpr int64_t high = 8 * tile_rows;  // rows of a block of a
template <class T>
struct Rows {  // of a block: for each tile `height`, which begin `apart` values apart
  int64_t height, apart;
  Strided<T> first;
};
// From i on they are packed for k columns, of which this slice begins at p.
template <class T>
auto packed_rows(const T* packed, int64_t k, int64_t p) {
  return [=](int64_t i, int64_t) -> Rows<T> {
    return {tile_rows, tile_rows * k, {packed + i * k + p * tile_rows, 1, tile_rows}};
  };
}
// They stay where they stand, or are packed block by block into `left`, if that is not null.
template <class T>
auto rows_of(Strided<T> a, int64_t depth, T* left) {
  return [=](int64_t i, int64_t m) -> Rows<T> {
    if (!left) return {even_rows(m), even_rows(m) * a.row, a.from(i, 0)};
    HWY_NAMESPACE::pack_rows(m, depth, a.from(i, 0), left);
    return packed_rows<T>(left, depth, 0)(0, m);
  };
}
template <class T>
auto packed_columns(const T* packed, int64_t k, int64_t p) {
  return [=](int64_t j) -> Strided<T> { return {packed + j * k + p * tile_columns<T>(), tile_columns<T>(), 1}; };
}

// One slice: rows(i, m) are those of a block, columns(j) is where the tile of b that begins in column j lies.
template <class T, class R, class C>
void multiply_slice(int64_t m, int64_t n, int64_t depth, T alpha, R&& rows, C&& columns, Start<T> start, T* c,
                    int64_t c_row) {
  const int64_t width = tile_columns<T>();
  for (int64_t i0 = 0; i0 < m; i0 += high) {
    const int64_t i1 = std::min(m, i0 + high);
    const Rows<T> block = rows(i0, i1 - i0);
    for (int64_t j = 0; j < n; j += width) {
      const Strided<T> y = columns(j);
      Strided<T> x = block.first;
      for (int64_t i = i0; i < i1; i += block.height, x.data += block.apart)
        multiply<T>(std::min(block.height, i1 - i), {depth, x, y.data, y.row, alpha, start.from(i, j),
                                                     c + i * c_row + j, c_row, std::min(width, n - j)});
    }
  }
}

// Blocks as in Goto and van de Geijn 2008: of b, packed, as much as half a second-level cache holds; of a what passes
// over it. b is read where it stands when it serves few rows. A product that is one tile is done with at once.
template <class T, class B>
void gemm(int64_t m, int64_t n, int64_t k, T alpha, Strided<T> a, Strided<B> b, Start<T> start, T* c, int64_t c_row) {
  if (m == 1) return multiply_vector(n, k, alpha, b.transposed(), a.data, a.column, start.data, 1, c, 1);
  if (n == 1) return multiply_vector(m, k, alpha, a, b.data, b.row, start.data, start.row, c, c_row);
  constexpr int64_t room = (768 << 10) / sizeof(T);
  constexpr bool widens = !std::is_same_v<B, T>;
  const int64_t columns = tile_columns<T>();
  const int64_t slice = slice_depth<T>(k);
  if constexpr (!widens)
    if (m && m <= tile_rows && k <= slice && b.column == 1 && (n == columns || (n < columns && reads_parts)))
      return multiply<T>(m, {k, a, b.data, b.row, alpha, start, c, c_row, n});
  const int64_t widest = std::max(columns, room / slice / columns * columns);
  const int64_t wide = std::min(widest, ceil_div(n, columns) * columns);
  const bool pack_a = HWY_NAMESPACE::packs_left(k, a);
  const bool pack_b = widens || b.column != 1 || m > 5 * tile_rows;
  const Workspace<T> right(wide * slice), left(pack_a ? high * slice : 0);
  for (int64_t j0 = 0; j0 < n; j0 += wide) {
    const int64_t j1 = std::min(n, j0 + wide);
    const int64_t packed = pack_b ? j0 : reads_parts ? j1 : j0 + (j1 - j0) / columns * columns;
    for_each_slice(k, start, c, c_row, [&](int64_t p, int64_t depth, Start<T> from) {
      if (packed < j1) HWY_NAMESPACE::pack(j1 - packed, depth, b.from(p, packed), right.data() + (packed - j0) * depth);
      const auto tile = [&](int64_t j) -> Strided<T> {
        if constexpr (!widens)
          if (j0 + j < packed) return b.from(p, j0 + j);
        return {right.data() + j * depth, columns, 1};
      };
      multiply_slice(m, j1 - j0, depth, alpha, rows_of<T>(a.from(0, p), depth, pack_a ? left.data() : nullptr), tile,
                     from.from(0, j0), c + j0, c_row);
    });
  }
}

template <class T>
void gemm_packed(int64_t m, int64_t n, int64_t k, T alpha, Strided<T> a, const T* packed, Start<T> start, T* c,
                 int64_t c_row) {
  const bool pack_a = HWY_NAMESPACE::packs_left(k, a);
  const Workspace<T> left(pack_a ? high * slice_depth<T>(k) : 0);
  for_each_slice(k, start, c, c_row, [&](int64_t p, int64_t depth, Start<T> from) {
    multiply_slice(m, n, depth, alpha, rows_of<T>(a.from(0, p), depth, pack_a ? left.data() : nullptr),
                   packed_columns(packed, k, p), from, c, c_row);
  });
}
template <class T>
void gemm_packed(int64_t m, int64_t n, int64_t k, T alpha, const T* packed_a, const T* packed_b, Start<T> start, T* c,
                 int64_t c_row) {
  for_each_slice(k, start, c, c_row, [&](int64_t p, int64_t depth, Start<T> from) {
    multiply_slice(m, n, depth, alpha, packed_rows(packed_a, k, p), packed_columns(packed_b, k, p), from, c, c_row);
  });
}

// to[j * to_row + i] = x[i * x_row + j] for i < rows, j < columns
template <class T>
void transpose(int64_t rows, int64_t columns, const T* x, int64_t x_row, T* to, int64_t to_row) {
  int64_t whole = 0, deep = 0;
#if HWY_TARGET != HWY_SCALAR
  constexpr int64_t block = 16 / sizeof(T);
  whole = rows / block * block, deep = columns / block * block;
  for (int64_t j = 0; j < deep; j += block)
    for (int64_t i = 0; i < whole; i += block) turn(x + i * x_row + j, x_row, to + j * to_row + i, to_row);
#endif
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = i < whole ? deep : 0; j < columns; ++j) to[j * to_row + i] = x[i * x_row + j];
}

template <class T>
void gemm_transposed(int64_t m, int64_t n, int64_t k, Strided<T> a, const T* packed, const T* bias, T* c,
                     int64_t c_row) {
  const Workspace<T> product(high * n);
  for (int64_t i = 0; i < m; i += high) {
    const int64_t rows = std::min(high, m - i);
    HWY_NAMESPACE::gemm_packed<T>(rows, n, k, 1, a.from(i, 0), packed, {}, product.data(), n);
    transpose(rows, n, product.data(), n, c + i, c_row);
    for (int64_t j = 0; bias && j < n; ++j)
      map<T>(
          c + j * c_row + i, rows, [](auto y, auto b) HWY_ATTR { return Add(y, b); }, c + j * c_row + i, bias + i);
  }
}

HEED_LOOPS(HEED_FOR_FLOAT, float)
HEED_LOOPS(HEED_FOR_DOUBLE, double)
int64_t tile_height() { return tile_rows; }
void gemm_bf16(int64_t m, int64_t n, int64_t k, float alpha, Strided<float> a, Strided<BFloat16> b, Start<float> start,
               float* c, int64_t c_row) {
  HWY_NAMESPACE::gemm(m, n, k, alpha, a, b, start, c, c_row);
}

}  // namespace heed::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace heed::kernels {

HEED_LOOPS(HEED_DISPATCH, T)
HEED_LOOPS(HEED_INSTANTIATE, float)
HEED_LOOPS(HEED_INSTANTIATE, double)

HWY_EXPORT(tile_height);
int64_t tile_height() { return HWY_DYNAMIC_DISPATCH(tile_height)(); }

HWY_EXPORT(gemm_bf16);
void gemm(int64_t m, int64_t n, int64_t k, float alpha, Strided<float> a, Strided<BFloat16> b, Start<float> start,
          float* c, int64_t c_row) {
  HWY_DYNAMIC_DISPATCH(gemm_bf16)(m, n, k, alpha, a, b, start, c, c_row);
}

}  // namespace heed::kernels
#endif
