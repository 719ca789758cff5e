#pragma once
// Elementwise kernels over whole arrays, from loops over contiguous rows.
#include "../../core/rows.h"

namespace heed::kernels {

constexpr int64_t grain = 1 << 14;  // elements that one task takes of a loop that computes more than it loads

// row(x, y, n) for all of x: f32 or f64.
template <class F>
Array map(const Array& x, F&& row) {
  const Array in = x.contiguous();
  Array y(x.shape(), x.dtype());
  visit_floating(x.dtype(), [&]<class T>(T) {
    const T* p = in.data<T>();
    T* q = y.mutable_data<T>();
    parallel_for(y.numel(), grain, [&](int64_t begin, int64_t end) { row(p + begin, q + begin, end - begin); });
  });
  return y;
}

// row(a, g, dx, n) for an array remembered by the op and the output gradient, of one shape.
template <class F>
Array map_gradient(const Array& a, const Array& g, F&& row) {
  const Array in = a.contiguous(), up = g.contiguous();
  Array dx(a.shape(), a.dtype());
  visit_floating(a.dtype(), [&]<class T>(T) {
    const T *p = in.data<T>(), *q = up.data<T>();
    T* r = dx.mutable_data<T>();
    parallel_for(dx.numel(), grain,
                 [&](int64_t begin, int64_t end) { row(p + begin, q + begin, r + begin, end - begin); });
  });
  return dx;
}

// Rows of the last dimension, shared out whole.
inline int64_t rows_per_task(int64_t n) { return std::max<int64_t>(1, grain / std::max<int64_t>(n, 1)); }

// row(x, y, n) for every row.
template <class F>
Array map_whole_rows(const Array& x, F&& row) {
  const Array in = x.contiguous();
  Array y(x.shape(), x.dtype());
  visit_floating(x.dtype(), [&]<class T>(T) {
    const T* p = in.data<T>();
    T* q = y.mutable_data<T>();
    const int64_t n = x.shape()[-1];
    if (n == 0) return;
    parallel_for(y.numel() / n, rows_per_task(n), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) row(p + i * n, q + i * n, n);
    });
  });
  return y;
}

// row(a, g, dx, n) for every row.
template <class F>
Array map_whole_rows_gradient(const Array& a, const Array& g, F&& row) {
  const Array in = a.contiguous(), up = g.contiguous();
  Array dx(a.shape(), a.dtype());
  visit_floating(a.dtype(), [&]<class T>(T) {
    const T *p = in.data<T>(), *q = up.data<T>();
    T* r = dx.mutable_data<T>();
    const int64_t n = a.shape()[-1];
    if (n == 0) return;
    parallel_for(dx.numel() / n, rows_per_task(n), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) row(p + i * n, q + i * n, r + i * n, n);
    });
  });
  return dx;
}

// The sums [period, n] of what add(row, sum) adds for each of `count` rows, row i to sum number i % period, in a fixed
// order: 64 rows by one task, then these.
template <class T, class F>
Array sum_rows(int64_t count, int64_t period, int64_t n, F&& add) {
  const int64_t block = 64 * period, blocks = ceil_div(count, block);
  Array parts = filled({blocks, period, n}, 0, dtype_of<T>), sums = filled({period, n}, 0, dtype_of<T>);
  T *part = parts.mutable_data<T>(), *sum = sums.mutable_data<T>();
  parallel_for(blocks * period, 1, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k)
      for (int64_t i = k / period * block + k % period; i < std::min(count, (k / period + 1) * block); i += period)
        add(i, part + k * n);
  });
  for (int64_t b = 0; b < blocks; ++b)
    for (int64_t j = 0; j < period * n; ++j) sum[j] += part[b * period * n + j];
  return sums;
}

}  // namespace heed::kernels
