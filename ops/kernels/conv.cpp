#include "conv.h"
#include <array>
#include <utility>

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "heed/ops/kernels/conv.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include "vector.inl"
// clang-format on

#undef HEED_LOOPS
#define HEED_LOOPS(X, T)                                                                                            \
  X(void, correlate, correlate,                                                                                     \
    (int64_t m, int64_t n, int64_t k, const T* packed, const T* x, const int64_t* at, const T* bias, T* y,          \
     int64_t y_row),                                                                                                \
    (m, n, k, packed, x, at, bias, y, y_row))                                                                       \
  X(void, pack_left, pack_left,                                                                                     \
    (int64_t m, int64_t k, int64_t begin, int64_t end, const T* a, int64_t a_row, const int64_t* a_at, T* packed),  \
    (m, k, begin, end, a, a_row, a_at, packed))                                                                     \
  X(void, correlate_grad, correlate_grad,                                                                           \
    (int64_t m, int64_t n, const T* x, const int64_t* at, const Grid& k, const T* packed, T* sum, int64_t sum_row), \
    (m, n, x, at, k, packed, sum, sum_row))                                                                         \
  X(void, cut, cut, (const T* plane, const Stretch& down, const Stretch& along, T* to, int64_t to_row),             \
    (plane, down, along, to, to_row))

#if HWY_ONCE
namespace heed::kernels::reference {
namespace {

// Calls f(x, w, y) with the places in memory of the factors of every product and of the sum it belongs to.
template <class F>
void each_product(const Conv2d& s, F f) {
  const Shape &x = s.x, &w = s.weight, &y = s.y;
  const int64_t out = w[0] / s.groups;
  for (int64_t n = 0; n < y[0]; ++n)
    for (int64_t k = 0; k < y[1]; ++k)
      for (int64_t h = 0; h < y[2]; ++h)
        for (int64_t v = 0; v < y[3]; ++v)
          for (int64_t c = 0; c < w[1]; ++c)
            for (int64_t i = 0; i < w[2]; ++i)
              for (int64_t j = 0; j < w[3]; ++j) {
                const int64_t row = h * s.stride[0] - s.padding[0] + i * s.dilation[0];
                const int64_t column = v * s.stride[1] - s.padding[1] + j * s.dilation[1];
                if (row < 0 || row >= x[2] || column < 0 || column >= x[3]) continue;
                f(((n * x[1] + k / out * w[1] + c) * x[2] + row) * x[3] + column,
                  ((k * w[1] + c) * w[2] + i) * w[3] + j, ((n * y[1] + k) * y[2] + h) * y[3] + v);
              }
}

}  // namespace

template <class T>
void conv2d(const Conv2d& sizes, const T* x, const T* weight, T* y) {
  each_product(sizes, [=](int64_t i, int64_t j, int64_t k) { y[k] += x[i] * weight[j]; });
}

template <class T>
void conv2d_grad(const Conv2d& sizes, const T* x, const T* weight, const T* g, T* dx, T* dweight) {
  each_product(sizes, [=](int64_t i, int64_t j, int64_t k) { dx[i] += g[k] * weight[j], dweight[j] += g[k] * x[i]; });
}

#define HEED_REFERENCE(T)                                      \
  template void conv2d(const Conv2d&, const T*, const T*, T*); \
  template void conv2d_grad(const Conv2d&, const T*, const T*, const T*, T*, T*);
HEED_REFERENCE(float)
HEED_REFERENCE(double)
HEED_REFERENCE(long double)
#undef HEED_REFERENCE

}  // namespace heed::kernels::reference
#endif

HWY_BEFORE_NAMESPACE();
namespace heed::kernels::HWY_NAMESPACE {

using namespace rows::HWY_NAMESPACE;

template <class T>
int64_t lanes() {
  return int64_t(Lanes(ScalableTag<T>()));
}
template <class T>
struct WindowsRight {  // whole vectors of x; on the left packed a
  int64_t runs, k;
  const T *a, *x;
  const int64_t* at;
  template <int rows>
  const T* left(int i, int64_t p) const {
    return a + p * rows + i;
  }
  const T* right(int64_t p) const { return x + at[p]; }
  void next() {}
};

template <class T>
struct WindowsLeft {  // single values of x; on the right packed g
  int64_t runs, k;
  const T *x, *g;
  const int64_t* at;
  int64_t row, step, width;
  template <int rows>
  const T* left(int i, int64_t p) const {
    return x + at[i] + p * step;
  }
  const T* right(int64_t p) const { return g + p * width; }
  void next() { x += row, g += k * width; }
};

template <class T>
struct Tile {
  const T* bias;  // what it starts from, if it does not start from itself
  bool add;
  T* y;
  int64_t y_row, columns;
};

// Windows are read where they overlap: a matrix of them would hold a value once for every tap that sees it.
template <int rows, int vectors, class T, class Operands>
void multiply(const Operands& from, const Tile<T>& t) {
  const ScalableTag<T> d;
  Values<T> low[rows], high[rows];
  HWY_UNROLL(16)
  for (int i = 0; i < rows; ++i) low[i] = high[i] = Zero(d);
  Operands o = from;
  for (int64_t run = 0; run < o.runs; ++run, o.next())
    for (int64_t p = 0; p < o.k; ++p) {
      const T* b = o.right(p);
      const auto b0 = LoadU(d, b);
      auto b1 = b0;
      if constexpr (vectors == 2) b1 = LoadU(d, b + lanes<T>());
      HWY_UNROLL(16)
      for (int i = 0; i < rows; ++i) {
        const auto a = Set(d, *o.template left<rows>(i, p));
        low[i] = MulAdd(a, b0, low[i]);
        if constexpr (vectors == 2) high[i] = MulAdd(a, b1, high[i]);
      }
    }
  const auto finish = [&](auto part, const Values<T>* sums, int64_t j) HWY_ATTR {
    HWY_UNROLL(16)
    for (int i = 0; i < rows; ++i) {
      T* y = t.y + i * t.y_row + j;
      const auto start = t.add ? part.load(y) : t.bias ? Set(d, t.bias[i]) : Zero(d);
      part.store(Add(start, sums[i]), y);
    }
  };
  const int64_t width = lanes<T>(), last = t.columns - (vectors - 1) * width;
  if (vectors == 2) finish(Whole<T>(), low, 0);
  const Values<T>* sums = vectors == 2 ? high : low;
  if (last == width) finish(Whole<T>(), sums, t.columns - last);
  else finish(Part<T>{size_t(last)}, sums, t.columns - last);
}

template <int vectors, class T, class Operands, int... rows>
constexpr auto of_all(std::integer_sequence<int, rows...>) {
  return std::array{&multiply<rows + 1, vectors, T, Operands>...};
}
template <class T, class Operands>
void multiply(int64_t rows, const Operands& o, const Tile<T>& t) {
  using Rows = std::make_integer_sequence<int, tile_rows>;
  static constexpr std::array by_vectors{of_all<1, T, Operands>(Rows()), of_all<2, T, Operands>(Rows())};
  by_vectors[std::size_t(t.columns > lanes<T>())][std::size_t(rows - 1)](o, t);
}

template <class T>
void correlate(int64_t m, int64_t n, int64_t k, const T* packed, const T* x, const int64_t* at, const T* bias, T* y,
               int64_t y_row) {
  constexpr int64_t deepest = 384;  // rows of x, so that a panel of a stays in first-level cache while x passes
  const int64_t width = 2 * lanes<T>(), high = even_rows(m);
  const int64_t slices = std::max<int64_t>(1, ceil_div(k, deepest)), deep = std::max<int64_t>(1, ceil_div(k, slices));
  for (int64_t p = 0; p == 0 || p < k; p += deep)
    for (int64_t i = 0; i < m; i += high) {
      const int64_t rows = std::min(high, m - i);
      for (int64_t j = 0; j < n; j += width)
        multiply<T>(rows, WindowsRight<T>{1, std::min(deep, k - p), packed + i * k + p * rows, x + j, at + p},
                    {bias ? bias + i : nullptr, p > 0, y + i * y_row + j, y_row, std::min(width, n - j)});
    }
}

template <class T>
void pack_left(int64_t m, int64_t k, int64_t begin, int64_t end, const T* a, int64_t a_row, const int64_t* a_at,
               T* packed) {
  const int64_t high = even_rows(m);
  for (int64_t i = 0; i < m; i += high) {
    const int64_t rows = std::min(high, m - i);
    T* to = packed + i * k + begin * rows;
    for (int64_t p = begin; p < end; ++p)
      for (int64_t r = i; r < i + rows; ++r) *to++ = a[r * a_row + a_at[p]];
  }
}

template <class T>
void correlate_grad(int64_t m, int64_t n, const T* x, const int64_t* at, const Grid& k, const T* packed, T* sum,
                    int64_t sum_row) {
  const int64_t width = 2 * lanes<T>(), high = even_rows(m);
  for (int64_t j = 0; j < n; j += width)
    for (int64_t i = 0; i < m; i += high)
      multiply<T>(std::min(high, m - i),
                  WindowsLeft<T>{k.rows, k.columns, x, packed + j * k.rows * k.columns, at + i, k.row, k.column, width},
                  {nullptr, true, sum + i * sum_row + j, sum_row, std::min(width, n - j)});
}

template <class T>
void cut(const T* plane, const Stretch& down, const Stretch& along, T* to, int64_t to_row) {
  const ScalableTag<T> d;
  const int64_t top = down.low(), bottom = down.high(), low = along.low(), high = along.high();
  const auto clear = [&](T* row, int64_t n) HWY_ATTR {
    each_vector<T>(n, [&](auto part, int64_t i) HWY_ATTR { part.store(Zero(d), row + i); });
  };
  for (int64_t i = 0; i < down.count; ++i, to += to_row) {
    if (i < top || i >= bottom) {
      clear(to, along.count);
      continue;
    }
    const T* x = plane + (down.first + i * down.step) * along.length + along.first;
    clear(to, low);
    if (along.step == 1)
      each_vector<T>(high - low,
                     [&](auto part, int64_t j) HWY_ATTR { part.store(part.load(x + low + j), to + low + j); });
    else
      for (int64_t j = low; j < high; ++j) to[j] = x[j * along.step];
    clear(to + high, along.count - high);
  }
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
