#include "array.h"
#include <algorithm>
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
  const Strides packed = contiguous_strides(shape);
  for (int i = 0; i < shape.rank() && r.contiguous_; ++i)
    if (shape[i] != 1 && strides[std::size_t(i)] != packed[std::size_t(i)]) r.contiguous_ = false;
  if (shape.numel() == 0) r.contiguous_ = true;
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
  if (contiguous_) return strided(to, contiguous_strides(to));
  Strides strides{};
  if (!view_strides(*this, to, strides)) return std::nullopt;
  return strided(to, strides);
}

Array Array::reshaped(const Shape& to) const {
  if (std::optional<Array> same = viewed(to)) return *std::move(same);
  return cast(dtype_).strided(to, contiguous_strides(to));
}

void copy_into(Array& to, const Array& from) {
  const Rows<2> rows(to.shape(), {&to, &from});
  visit_dtype(to.dtype(), [&]<class To>(To) {
    visit_dtype(from.dtype(), [&]<class From>(From) {
      To* const y = to.mutable_data<To>();
      const From* const x = from.data<From>();
      const int64_t sy = rows.step(0), sx = rows.step(1);
      for_each_piece(rows, [&](const std::array<int64_t, 2>& at, int64_t n) {
        To* q = y + at[0];
        const From* p = x + at[1];
        if (sx != 1 || sy != 1) {
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
    parallel_for(a.numel(), 1 << 16, [&](int64_t b, int64_t e) { std::fill(p + b, p + e, T(value)); });
  });
  return a;
}

}  // namespace heed
