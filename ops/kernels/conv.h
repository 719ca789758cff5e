#pragma once
// What convolutions are made of, in one thread: products with a matrix of windows whose rows (a tap each) overlap in
// memory as the windows do. Row p of it begins at x + at[p].
#include <algorithm>
#include <array>
#include <cstdint>
#include "../../core/shape.h"

namespace heed::kernels {

// y [m, n] = bias + a x        bias [m] or null, for 0; row i of y at y + i y_row
// Of a row of x, up to `beyond` values past the n are read, and not used.
constexpr int64_t beyond = 64;  // no tile is wider
template <class T>
void correlate(int64_t m, int64_t n, int64_t k, const T* packed, const T* x, const int64_t* at, const T* bias, T* y,
               int64_t y_row);
// Columns begin .. end-1 of a [m, k] for it, into their place among m k values; a(i, p) is a[i * a_row + a_at[p]]
template <class T>
void pack_left(int64_t m, int64_t k, int64_t begin, int64_t end, const T* a, int64_t a_row, const int64_t* a_at,
               T* packed);

// sum [m, n] += x g        g [k, n] as gemm.h's pack leaves it; x [m, k], each of its rows a grid of values
struct Grid {
  int64_t rows, columns, row, column;  // how many, and how far apart
};
template <class T>
void correlate_grad(int64_t m, int64_t n, const T* x, const int64_t* at, const Grid& k, const T* packed, T* sum,
                    int64_t sum_row);

struct Stretch {  // of a dimension: first, first + step, ..; those not in 0 .. length-1 are zeros
  int64_t length, first, step, count;

  int64_t low() const { return past(-first); }  // low .. high-1 are inside
  int64_t high() const { return std::max(low(), past(length - first)); }

 private:
  int64_t past(int64_t x) const { return x > 0 ? std::min(count, ceil_div(x, step)) : 0; }
};

// The rows of `to`, to_row apart, are what a plane has at these places.
template <class T>
void cut(const T* plane, const Stretch& down, const Stretch& along, T* to, int64_t to_row);

// One product after the other: the convolution these are for, and its gradients, for float, double and long double.
namespace reference {

struct Conv2d {
  Shape x, weight, y;  // [N, C, H, W], [O, C / groups, kh, kw], [N, O, .., ..]
  std::array<int64_t, 2> stride, padding, dilation;
  int64_t groups;
};
template <class T>
void conv2d(const Conv2d& sizes, const T* x, const T* weight, T* y);  // adds to y
template <class T>
void conv2d_grad(const Conv2d& sizes, const T* x, const T* weight, const T* g, T* dx, T* dweight);  // adds to them

}  // namespace reference
}  // namespace heed::kernels
