#include "array.h"
#include <algorithm>
#include <cmath>
#include "loops.h"
#include "parallel.h"
#include "rows.h"

namespace heed {

Array Array::number(double v, int64_t i, Dtype t) {
  Array a;
  a.dtype_ = t;
  a.is_number_ = true;
  auto put = [&](auto x) { std::memcpy(&a.place_, &x, sizeof x); };
  visit_dtype(t, [&]<class T>(T) {
    if constexpr (std::is_same_v<T, int64_t>) put(i);
    else put(T(v));
  });
  return a;
}

Array Array::strided(const Shape& shape, const Strides& strides, int64_t skip) const {
  Array r;
  r.storage_ = storage_;
  r.shape_ = shape;
  r.strides_ = strides;
  r.place_ = place_ + skip;
  r.dtype_ = dtype_;
  r.is_number_ = is_number_ && shape.rank() == 0;
  int64_t packed = 1;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    if (shape[i] != 1 && strides[std::size_t(i)] != packed) r.contiguous_ = false;
    packed *= shape[i];
  }
  if (packed == 0) r.contiguous_ = true;
  return r;
}

Array Array::permuted(std::span<const int> dims) const {
  Shape s;
  Strides strides{};
  for (std::size_t i = 0; i < dims.size(); ++i) {
    s.push_back(shape_[dims[i]]);
    strides[i] = stride(dims[i]);
  }
  return strided(s, strides);
}

Array Array::transposed(int dim0, int dim1) const {
  std::array<int, max_rank> dims{};
  for (int i = 0; i < shape_.rank(); ++i) dims[std::size_t(i)] = i == dim0 ? dim1 : i == dim1 ? dim0 : i;
  return permuted(std::span(dims.data(), std::size_t(shape_.rank())));
}

Array Array::sliced(int dim, int64_t from, int64_t count, int64_t step) const {
  Strides strides = strides_;
  strides[std::size_t(dim < 0 ? dim + shape_.rank() : dim)] *= step;
  return strided(shape_.with(dim, count), strides, count ? from * stride(dim) : 0);
}

Array Array::expanded(const Shape& to) const {
  if (is_number_) return cast(dtype_).expanded(to);
  Strides strides{};
  const int missing = to.rank() - shape_.rank();
  for (int i = missing; i < to.rank(); ++i)
    if (shape_[i - missing] != 1) strides[std::size_t(i)] = stride(i - missing);
  return strided(to, strides);
}

Array Array::contiguous() const {
  if (contiguous_) return *this;
  return cast(dtype_);
}

Array Array::cast(Dtype t) const {
  Array r(shape_, t);
  copy_into(r, *this);
  return r;
}

Array Array::without_values() const {
  Array r;
  r.shape_ = shape_;
  r.dtype_ = dtype_;
  return r;
}

namespace {

// The strides of a view of another shape, if there is one: from the back, each run of dimensions that lie behind each
// other in memory must be filled exactly by new dimensions.
bool view_strides(const Array& x, const Shape& to, Strides& strides) {
  int next = to.rank() - 1;
  int64_t filled = 1, run = 1, step = x.shape().rank() ? x.stride(-1) : 1;
  for (int i = x.shape().rank() - 1; i >= 0; --i) {
    run *= x.shape()[i];
    const bool ends = i == 0 || (x.shape()[i - 1] != 1 && x.stride(i - 1) != run * step);
    if (!ends) continue;
    for (; next >= 0 && (filled < run || to[next] == 1); --next) {
      strides[std::size_t(next)] = filled * step;
      filled *= to[next];
    }
    if (filled != run) return false;
    if (i > 0) step = x.stride(i - 1);
    filled = run = 1;
  }
  return next < 0;
}

}  // namespace

std::optional<Array> Array::viewed(const Shape& to) const {
  if (is_number_) return std::nullopt;
  if (contiguous_) {
    Array r(storage_, to, dtype_);
    r.place_ = place_;
    return r;
  }
  Strides strides{};
  if (!view_strides(*this, to, strides)) return std::nullopt;
  return strided(to, strides);
}

Array Array::reshaped(const Shape& to) const {
  if (std::optional<Array> same = viewed(to)) return *std::move(same);
  return cast(dtype_).strided(to, contiguous_strides(to));
}

namespace {

// y[i][j] = x[j][i], where rows of y lie sy and rows of x lie sx apart, for at most `side` columns: a cache line of y
// for the next elements of so many rows of x, by way of a square that is read and written in whole lines.
constexpr int64_t side = 16;
template <class T>
void transpose(T* y, int64_t sy, const T* x, int64_t sx, int64_t rows, int64_t columns) {
  T square[side][side];
  int64_t i = 0;
  for (; columns == side && i + side <= rows; i += side) {
    for (int64_t j = 0; j < side; ++j) std::copy_n(x + j * sx + i, side, square[j]);
    for (int64_t k = 0; k < side; ++k)
      for (int64_t j = 0; j < side; ++j) y[(i + k) * sy + j] = square[j][k];
  }
  for (; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) y[i * sy + j] = x[j * sx + i];
}

// Copies a view whose elements lie side by side along one dimension into one where they do along another. False: there
// are no two such dimensions.
template <class T>
bool copy_transposed(const Rows<2>& dims, T* y, const T* x) {
  const auto dense = [&](int array) {
    int d = dims.rank() - 1;
    while (d >= 0 && dims.step(array, d) != 1) --d;
    return d;
  };
  const int column = dense(0), row = dense(1);
  if (column < 0 || row < 0 || column == row) return false;
  constexpr int64_t tall = piece / side;
  const int64_t rows = dims.size(row), columns = dims.size(column);
  const int64_t down = ceil_div(rows, tall), across = ceil_div(columns, side);
  int64_t others = 1;
  for (int d = 0; d < dims.rank(); ++d)
    if (d != row && d != column) others *= dims.size(d);
  const int64_t work = std::min(rows, tall) * std::min(columns, side);
  parallel_for(others * down * across, std::max<int64_t>(1, piece / work), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const int64_t i = t / across % down * tall, j = t % across * side;
      T* q = y + i * dims.step(0, row) + j;
      const T* p = x + j * dims.step(1, column) + i;
      int64_t rest = t / across / down;
      for (int d = dims.rank() - 1; d >= 0; --d) {
        if (d == row || d == column) continue;
        q += rest % dims.size(d) * dims.step(0, d);
        p += rest % dims.size(d) * dims.step(1, d);
        rest /= dims.size(d);
      }
      transpose(q, dims.step(0, row), p, dims.step(1, column), std::min(tall, rows - i), std::min(side, columns - j));
    }
  });
  return true;
}

}  // namespace

void copy_into(Array& to, const Array& from) {
  if (to.numel() == 0) return;
  const Rows<2> rows(to.shape(), {&to, &from});
  visit_dtype(to.dtype(), [&]<class To>(To) {
    visit_dtype(from.dtype(), [&]<class From>(From) {
      To* const y = to.mutable_data<To>();
      const From* const x = from.data<From>();
      const int64_t sy = rows.step(0), sx = rows.step(1);
      if constexpr (std::is_same_v<To, From>)
        if (copy_transposed(rows, y, x)) return;
      for_each_piece(rows, [&](const std::array<int64_t, 2>& at, int64_t n) {
        To* q = y + at[0];
        const From* p = x + at[1];
        if (sx == 0 && sy == 1) {
          std::fill_n(q, n, To(*p));
        } else if (sx != 1 || sy != 1) {
          for (int64_t i = 0; i < n; ++i) q[i * sy] = To(p[i * sx]);
        } else if constexpr (std::is_same_v<To, From>) {
          std::memcpy(q, p, std::size_t(n) * sizeof(To));
        } else {
          for (int64_t i = 0; i < n; ++i) q[i] = To(p[i]);
        }
      });
    });
  });
}

Array filled(const Shape& shape, double value, Dtype t) {
  Array a(shape, t);
  visit_dtype(t, [&]<class T>(T) {
    T* p = a.mutable_data<T>();
    const bool large = a.numel() * int64_t(sizeof(T)) > int64_t{32} << 20;
    parallel_for(a.numel(), 1 << 18, [&](int64_t begin, int64_t end) {
      const std::size_t bytes = std::size_t(end - begin) * sizeof(T);
      if (value != 0 || std::signbit(value)) std::fill(p + begin, p + end, T(value));
      else if (large) kernels::clear(reinterpret_cast<std::byte*>(p + begin), bytes);
      else std::memset(static_cast<void*>(p + begin), 0, bytes);
    });
  });
  return a;
}

}  // namespace heed
