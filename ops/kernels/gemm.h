#pragma once
// Products of matrices in one thread, over operands of any strides: what the products of this folder are tiled from.
#include <algorithm>
#include "../../core/dtype.h"
#include "../../core/shape.h"

namespace heed::kernels {

template <class T>
struct Strided {  // element (i, j) is data[i * row + j * column]
  const T* data;
  int64_t row, column;
  Strided from(int64_t i, int64_t j) const { return {data + i * row + j * column, row, column}; }
  Strided transposed() const { return {data, column, row}; }
  // Do its rows (or its columns, where those lie together) begin on different lines of the cache: not a multiple of so
  // many bytes apart?
  bool stands_well(int64_t period = 4096) const {
    const int64_t apart = row == 1 ? column : row;
    return (row == 1 || column == 1) && apart * int64_t(sizeof(T)) % period != 0;
  }
};

// What a product is added to: nothing (null), one row under all of them (row = 0), or a matrix.
template <class T>
struct Start {
  const T* data = nullptr;
  int64_t row = 0;
  Start from(int64_t i, int64_t j) const { return {data ? data + i * row + j : nullptr, row}; }
};

// c [m, n] = start + alpha a b        a [m, k]  b [k, n]  c has rows that lie together, c_row apart; start may be c
// A value of c is the same bits wherever it stands in c, so c may be computed tile by tile, each of two rows and
// columns at least: a single one is a vector, whose products are summed otherwise.
template <class T>
void gemm(int64_t m, int64_t n, int64_t k, T alpha, Strided<T> a, Strided<T> b, Start<T> start, T* c, int64_t c_row);
// The same bits as with b widened, which is done as it is read.
void gemm(int64_t m, int64_t n, int64_t k, float alpha, Strided<float> a, Strided<BFloat16> b, Start<float> start,
          float* c, int64_t c_row);

// k is summed in slices of the same depth, of which a block of a and one of b stay in the second-level cache.
template <class T>
constexpr int64_t slice_depth(int64_t k) {
  constexpr int64_t deepest = 3072 / sizeof(T);
  return std::max<int64_t>(1, ceil_div(k, std::max<int64_t>(1, ceil_div(k, deepest))));
}

// Does a product copy a before it reads it?
template <class T>
bool packs_left(int64_t k, Strided<T> a);

// The same with a b that several products share, packed once into packed_size(n, k) values. A product with the first n
// columns of a wider one needs no packing of its own.
constexpr int64_t packed_size(int64_t n, int64_t k) { return ceil_div(n, 64) * 64 * k; }  // no tile is wider than 64
template <class T>
void pack(int64_t n, int64_t k, Strided<T> b, T* packed);
template <class T>
void gemm_packed(int64_t m, int64_t n, int64_t k, T alpha, Strided<T> a, const T* packed, Start<T> start, T* c,
                 int64_t c_row);
// Also with a packed, in tiles of rows: into tile_height() * k values for each tile that begins. Rows from i on, and
// columns from j on, are packed + i * k and packed + j * k, where i is a multiple of tile_height() and j of 64.
int64_t tile_height();
template <class T>
void pack_rows(int64_t m, int64_t k, Strided<T> a, T* packed);
template <class T>
void gemm_packed(int64_t m, int64_t n, int64_t k, T alpha, const T* packed_a, const T* packed_b, Start<T> start, T* c,
                 int64_t c_row);
// The same written transposed: c [n, m] = bias [m] + (a b)^T with rows c_row apart; bias may be null.
template <class T>
void gemm_transposed(int64_t m, int64_t n, int64_t k, Strided<T> a, const T* packed, const T* bias, T* c,
                     int64_t c_row);

// One value at a time and in plain order: what the products above mean, for float, double and long double.
namespace reference {

template <class T>
void gemm(int64_t m, int64_t n, int64_t k, T alpha, Strided<T> a, Strided<T> b, Start<T> start, T* c, int64_t c_row);

}  // namespace reference
}  // namespace heed::kernels
