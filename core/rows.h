#pragma once
// Several arrays of one shape (after broadcasting) seen as rows: the innermost dimension as long as the strides of all
// of them allow, the dimensions around it walked from the outside. What elementwise kernels are made of.
#include <algorithm>
#include "array.h"
#include "parallel.h"

namespace heed {

template <int N>  // arrays walked together
class Rows {
 public:
  // Each array's shape broadcasts to `shape`.
  Rows(const Shape& shape, const std::array<const Array*, N>& arrays) {
    std::array<Strides, N> all;
    for (std::size_t a = 0; a < N; ++a) {
      const int missing = shape.rank() - arrays[a]->shape().rank();
      for (int d = 0; d < shape.rank(); ++d)
        all[a][std::size_t(d)] =
            d < missing || arrays[a]->shape()[d - missing] == 1 ? 0 : arrays[a]->stride(d - missing);
    }
    for (int d = 0; d < shape.rank(); ++d) {
      if (shape[d] == 1) continue;
      if (rank_ && merges(all, d, shape[d])) {
        size_[last()] *= shape[d];
      } else {
        size_[std::size_t(rank_++)] = shape[d];
      }
      for (std::size_t a = 0; a < N; ++a) step_[a][last()] = all[a][std::size_t(d)];
    }
    if (rank_ == 0) {
      size_[0] = 1, rank_ = 1;
      for (Strides& s : step_) s[0] = 0;
    }
    for (int d = 0; d + 1 < rank_; ++d) rows_ *= size_[std::size_t(d)];
  }

  int64_t rows() const { return size_[last()] ? rows_ : 0; }
  int64_t length() const { return size_[last()]; }                             // of a row
  int64_t step(int array) const { return step_[std::size_t(array)][last()]; }  // between elements of a row
  int rank() const { return rank_; }
  int64_t size(int dim) const { return size_[std::size_t(dim)]; }
  int64_t step(int array, int dim) const { return step_[std::size_t(array)][std::size_t(dim)]; }

  // Calls f(row, offsets) for the rows begin .. end-1, offsets as std::array<int64_t, N> of each row's first element.
  template <class F>
  void for_each(int64_t begin, int64_t end, F&& f) const {
    std::array<int64_t, max_rank> at{};
    std::array<int64_t, N> offset{};
    int64_t rest = begin;
    for (int d = rank_ - 2; d >= 0; --d) {
      const auto i = std::size_t(d);
      at[i] = rest % size_[i];
      rest /= size_[i];
      for (std::size_t a = 0; a < N; ++a) offset[a] += at[i] * step_[a][i];
    }
    for (int64_t row = begin; row < end; ++row) {
      f(row, offset);
      for (int d = rank_ - 2; d >= 0; --d) {
        const auto i = std::size_t(d);
        for (std::size_t a = 0; a < N; ++a) offset[a] += step_[a][i];
        if (++at[i] < size_[i]) break;
        for (std::size_t a = 0; a < N; ++a) offset[a] -= size_[i] * step_[a][i];
        at[i] = 0;
      }
    }
  }

 private:
  std::size_t last() const { return std::size_t(rank_ ? rank_ - 1 : 0); }
  bool merges(const std::array<Strides, N>& all, int d, int64_t size) const {
    for (std::size_t a = 0; a < N; ++a)
      if (step_[a][last()] != all[a][std::size_t(d)] * size) return false;
    return true;
  }

  std::array<int64_t, max_rank> size_;
  std::array<Strides, N> step_;
  int rank_ = 0;
  int64_t rows_ = 1;
};

constexpr int64_t piece = 1 << 15;  // elements that one task takes

// Calls f(offsets, n) for every row, or for pieces of one long row, in parallel. The pieces depend on the shape only.
template <int N, class F>
void for_each_piece(const Rows<N>& rows, F&& f) {
  const int64_t n = rows.length();
  if (rows.rows() == 1) {
    parallel_for(n, piece, [&](int64_t begin, int64_t end) {
      std::array<int64_t, N> at{};
      for (int a = 0; a < N; ++a) at[std::size_t(a)] = begin * rows.step(a);
      f(at, end - begin);
    });
  } else {
    parallel_for(rows.rows(), std::max<int64_t>(1, piece / std::max<int64_t>(n, 1)), [&](int64_t begin, int64_t end) {
      rows.for_each(begin, end, [&](int64_t, const std::array<int64_t, N>& at) { f(at, n); });
    });
  }
}

// x, seen as [outer, n, inner], reduced to [outer, inner] by row(x, n) where inner is 1, else by join(y, x, n): y = y
// and x, for two rows. Blocks of a size that depends on the shape only, then the blocks in the same way; n > 0.
template <class T, class Row, class Join>
Array reduce_middle(const Array& x, int64_t outer, int64_t n, int64_t inner, Row row, Join join) {
  const int64_t block = inner == 1 ? piece : 64, blocks = ceil_div(n, block);
  const int64_t stripe = std::min<int64_t>(inner, 1024), stripes = stripe ? ceil_div(inner, stripe) : 0;
  Array y({outer, blocks, inner}, dtype_of<T>);
  const T* p = x.data<T>();
  T* q = y.mutable_data<T>();
  const int64_t work = std::max<int64_t>(std::min(block, n) * stripe, 1);
  parallel_for(outer * blocks * stripes, std::max<int64_t>(1, piece / work), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const int64_t column = t % stripes * stripe, b = t / stripes % blocks, o = t / stripes / blocks;
      const int64_t width = std::min(stripe, inner - column), upto = std::min(n, (b + 1) * block);
      const T* from = p + (o * n + b * block) * inner + column;
      T* to = q + t / stripes * inner + column;
      if (inner == 1) {
        *to = row(from, upto - b * block);
      } else {
        std::copy_n(from, width, to);
        for (int64_t i = b * block + 1; i < upto; ++i) join(to, from += inner, width);
      }
    }
  });
  return blocks > 1 ? reduce_middle<T>(y, outer, blocks, inner, row, join) : y;
}

// A fresh y of type R with a's and b's broadcast shape: row(y, a, step of a, b, step of b, n) for every piece of a row.
// A step is 1, or 0 where one value serves the piece.
template <class T, class R, class F>
Array map_rows(const Array& a, const Array& b, F&& row) {
  const bool alike = a.is_contiguous() && b.is_contiguous() && a.shape() == b.shape();
  Array y(alike ? a.shape() : broadcast({}, "", a.shape(), b.shape()), dtype_of<R>);
  const T *p = a.data<T>(), *q = b.data<T>();
  R* r = y.mutable_data<R>();
  if (alike) {
    parallel_for(y.numel(), piece,
                 [&](int64_t begin, int64_t end) { row(r + begin, p + begin, 1, q + begin, 1, end - begin); });
    return y;
  }
  const Rows<3> rows(y.shape(), {&y, &a, &b});
  const auto gaps = [&](int i) { return y.numel() > 0 && rows.step(i) != 0 && rows.step(i) != 1; };
  if (gaps(1) || gaps(2)) {
    y = map_rows<T, R>(gaps(1) ? a.contiguous() : a, gaps(2) ? b.contiguous() : b, row);
  } else {
    for_each_piece(rows, [&](const std::array<int64_t, 3>& at, int64_t n) {
      row(r + at[0], p + at[1], rows.step(1), q + at[2], rows.step(2), n);
    });
  }
  return y;
}

}  // namespace heed
