// Parts of a tensor, as views of it: slices, windows.
#include <algorithm>
#include "../core/op.h"
#include "checks.h"
#include "ops.h"

namespace heed {
namespace {

// The dual of a view of parts of x: zeros, and what comes from the parts is added to them.
template <class View>
struct Unview {
  static constexpr auto name = View::dual;
  View view;
  Array forward(const Array& g) const {
    Array y = filled(view.whole(g.shape()), 0, g.dtype());
    view.add0(Grad(Tensor(g)), y);
    return y;
  }
  Tensor d0(Grad g) const { return apply({}, view, g); }
};

struct Slice {
  static constexpr auto name = "slice", dual = "unslice";
  int dim;
  int64_t from, count, step, total;
  Array forward(const Array& x) const { return x.sliced(dim, from, count, step); }
  Shape whole(const Shape& part) const { return part.with(dim, total); }
  Tensor d0(Grad g) const { return apply({}, Unview<Slice>{*this}, g); }
  void add0(Grad g, Array& sum) const {
    Array part = forward(sum);
    kernels::add_to(part, g.array());
  }
};

Slice checked_slice(const char* op, Where at, const Shape& s, int dim, Range r) {
  const int d = checked_dim(at, op, dim, s.rank());
  if (r.step < 1) fail<IndexError>(at, op, "the step must be positive, not " + std::to_string(r.step));
  const int64_t n = s[d];
  auto clamped = [n](int64_t i) { return std::clamp<int64_t>(i < 0 ? i + n : i, 0, n); };
  const int64_t from = clamped(r.from), to = std::max(from, clamped(r.to));
  const int64_t step = std::min(r.step, std::max<int64_t>(n, 1));  // a longer one takes the first element, too
  return {d, from, to > from ? (to - from - 1) / step + 1 : 0, step, n};
}

}  // namespace

Tensor slice(In x, int dim, int64_t from, int64_t to, int64_t step) {
  const Where at = line_of(x);
  check_defined(Slice::name, at, x);
  return apply(at, checked_slice(Slice::name, at, x->shape(), dim, {from, to, step}), x.tensor());
}

struct Unfold {  // windows begin at 0, step, 2 step ..
  static constexpr auto name = "unfold", dual = "fold";
  int dim;
  int64_t size, step, count, total;
  Array forward(const Array& x) const {
    Shape shape = x.shape().with(dim, count);
    Strides strides = x.strides();
    strides[std::size_t(shape.rank())] = x.stride(dim);
    strides[std::size_t(dim)] *= step;
    shape.push_back(size);
    return x.strided(shape, strides);
  }
  Shape whole(const Shape& windows) const { return windows.without(windows.rank() - 1).with(dim, total); }
  Tensor d0(Grad g) const { return apply({}, Unview<Unfold>{*this}, g); }
  void add0(Grad g, Array& sum) const {  // the same place in all windows at once: these do not overlap
    const Array& windows = g.array();
    const int last = windows.shape().rank() - 1;
    for (int64_t i = 0; i < size; ++i) {
      Array places = sum.sliced(dim, i, count, step);
      kernels::add_to(places, windows.sliced(last, i, 1).reshaped(places.shape()));
    }
  }
};
Tensor unfold(In x, int dim, int64_t size, int64_t step) {
  const Where at = line_of(x);
  check_defined(Unfold::name, at, x);
  const int d = checked_dim(at, Unfold::name, dim, x->dim());
  check_rank(Unfold::name, at, x->dim() + 1);
  const int64_t n = x->size(d);
  if (size < 0 || size > n)
    fail<ShapeError>(at, Unfold::name,
                     "windows of " + std::to_string(size) + " do not fit into dimension " + std::to_string(dim) +
                         " of " + x->shape().str() + ", which has " + std::to_string(n) + " elements");
  if (step < 1) fail<IndexError>(at, Unfold::name, "the step must be positive, not " + std::to_string(step));
  return apply(at, Unfold{d, size, step, (n - size) / step + 1, n}, x.tensor());
}

Tensor Tensor::operator()(Index i0, Index i1, Index i2, Index i3, Index i4, Index i5, Index i6, Index i7) const {
  const Index indices[] = {i0, i1, i2, i3, i4, i5, i6, i7};
  const Where at = line_of(i0.at);
  check_defined("index", at, *this);
  Tensor y = *this;
  Shape kept;
  int dim = 0;
  for (const Index& i : indices) {
    if (i.kind == Index::absent) break;
    if (dim == this->dim())
      fail<IndexError>(at, "index", "more indices than the " + std::to_string(dim) + " dimensions of " + shape().str());
    const int64_t n = shape()[dim];
    if (i.kind == Index::one) {
      const int64_t k = i.span.from < 0 ? i.span.from + n : i.span.from;
      if (k < 0 || k >= n)
        fail<IndexError>(at, "index",
                         std::to_string(i.span.from) + " is outside dimension " + std::to_string(dim) + " of " +
                             shape().str() + ", which has " + std::to_string(n) + " elements");
      y = apply(at, Slice{dim, k, 1, 1, n}, y);
    } else {
      if (i.kind == Index::some) y = apply(at, checked_slice("index", at, shape(), dim, i.span), y);
      kept.push_back(y.shape()[dim]);
    }
    ++dim;
  }
  for (; dim < this->dim(); ++dim) kept.push_back(shape()[dim]);
  return reshape(In(y, at.file, at.line), kept);
}

}  // namespace heed
