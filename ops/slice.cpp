// Parts of a tensor: slices, diagonals and windows, which are views of it, and x(i, j, ..).
#include <algorithm>
#include <utility>
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
    view.add0(Grad(g), y);
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

// Parts of x that lie behind each other along dim and cover it, as outputs of one op: their gradients are put together,
// where those of slices would be added to zeros one by one.
template <class>
struct Parts;
template <int... K>
struct Parts<std::integer_sequence<int, K...>> {
  static constexpr auto name = "split";
  int dim;
  Shape whole;
  Dtype dtype;
  std::array<int64_t, sizeof...(K)> sizes;
  std::array<Array, sizeof...(K)> forward(const Array& x) const {
    int64_t from = 0;
    return {x.sliced(dim, std::exchange(from, from + sizes[K]), sizes[K], 1)...};
  }
  Tensor d0(GradOf<K>... g) const {
    return concat({(g.defined() ? Tensor(g) : zeros(whole.with(dim, sizes[K]), dtype))...}, dim);
  }
};
// Several, but few enough that it matters; else none.
template <int n = 4>
std::vector<Tensor> parts(Where at, const Tensor& x, std::span<const int64_t> sizes, int dim) {
  if constexpr (n > 1) {
    if (sizes.size() != n) return parts<n - 1>(at, x, sizes, dim);
    Parts<std::make_integer_sequence<int, n>> op{dim, x.shape(), x.dtype(), {}};
    std::copy(sizes.begin(), sizes.end(), op.sizes.begin());
    const auto y = apply(at, op, x);
    return {y.begin(), y.end()};
  } else {
    return {};
  }
}

Slice checked_slice(const char* op, Where at, const Shape& s, int dim, Range r) {
  const int d = checked_dim(at, op, dim, s.rank());
  if (r.step < 1) fail<IndexError>(at, op, "the step must be positive, not " + std::to_string(r.step));
  const int64_t n = s[d];
  auto clamped = [n](int64_t i) { return std::clamp<int64_t>(i < 0 ? i + n : i, 0, n); };
  const int64_t from = clamped(r.from), to = std::max(from, clamped(r.to));
  const int64_t step = std::min(r.step, std::max<int64_t>(n, 1));  // a longer one takes the first element, too
  return {d, from, to > from ? ceil_div(to - from, step) : 0, step, n};
}

// An index counted from the front.
int64_t from_front(const char* op, Where at, const Shape& s, int dim, int64_t i) {
  const int64_t n = s[dim];
  if (i < -n || i >= n)
    fail<IndexError>(at, op,
                     std::to_string(i) + " is outside dimension " + std::to_string(dim) + " of " + s.str() +
                         ", which has " + std::to_string(n) + " elements");
  return i < 0 ? i + n : i;
}

}  // namespace

Tensor slice(In x, int dim, int64_t from, int64_t to, int64_t step) {
  const Where at = line_of(x);
  check_defined(Slice::name, at, x);
  return apply(at, checked_slice(Slice::name, at, x->shape(), dim, {from, to, step}), x.tensor());
}

Tensor narrow(In x, int dim, int64_t start, int64_t length) {
  const Where at = line_of(x);
  check_defined("narrow", at, x);
  const int d = checked_dim(at, "narrow", dim, x->dim());
  const int64_t n = x->size(d), from = start < 0 ? start + n : start;
  if (from < 0 || length < 0 || from > n || length > n - from)
    fail<IndexError>(at, "narrow",
                     "cannot take " + std::to_string(length) + " elements from " + std::to_string(start) +
                         " on of dimension " + std::to_string(dim) + " of " + x->shape().str() + ", which has " +
                         std::to_string(n));
  return apply(at, Slice{d, from, length, 1, n}, x.tensor());
}

Tensor select(In x, int dim, int64_t index) {
  const Where at = line_of(x);
  check_defined("select", at, x);
  const int d = checked_dim(at, "select", dim, x->dim());
  const int64_t i = from_front("select", at, x->shape(), d, index);
  Scope here{x};
  return reshape(apply(at, Slice{d, i, 1, 1, x->size(d)}, x.tensor()), x->shape().without(d));
}

std::vector<Tensor> split(In x, std::span<const int64_t> sizes, int dim) {
  const Where at = line_of(x);
  check_defined("split", at, x);
  const int d = checked_dim(at, "split", dim, x->dim());
  int64_t total = 0;
  for (int64_t size : sizes) {
    if (size < 0) fail<ShapeError>(at, "split", "the size " + std::to_string(size) + " of a part is negative");
    total += std::min(size, INT64_MAX - total);
  }
  if (total != x->size(d))
    fail<ShapeError>(at, "split",
                     "the parts have " + std::to_string(total) + " elements together, dimension " +
                         std::to_string(dim) + " of " + x->shape().str() + " has " + std::to_string(x->size(d)));
  std::vector<Tensor> r = parts(at, x.tensor(), sizes, d);
  if (!r.empty()) return r;
  int64_t from = 0;
  for (int64_t size : sizes) {
    r.push_back(apply(at, Slice{d, from, size, 1, total}, x.tensor()));
    from += size;
  }
  return r;
}
std::vector<Tensor> split(In x, std::initializer_list<int64_t> sizes, int dim) {
  return split(x, std::span(sizes.begin(), sizes.size()), dim);
}
std::vector<Tensor> split(In x, int64_t size, int dim) {
  const Where at = line_of(x);
  check_defined("split", at, x);
  if (size < 1) fail<ShapeError>(at, "split", "the size of the parts must be positive, not " + std::to_string(size));
  const int64_t n = x->shape()[checked_dim(at, "split", dim, x->dim())];
  std::vector<int64_t> sizes(static_cast<std::size_t>(n / size), size);
  if (n % size || n == 0) sizes.push_back(n % size);
  return split(x, sizes, dim);
}
std::vector<Tensor> chunk(In x, int64_t chunks, int dim) {
  const Where at = line_of(x);
  check_defined("chunk", at, x);
  if (chunks < 1) fail<ShapeError>(at, "chunk", "the number of chunks must be positive, not " + std::to_string(chunks));
  const int64_t n = x->shape()[checked_dim(at, "chunk", dim, x->dim())];
  if (n == 0) return split(x, std::vector<int64_t>(static_cast<std::size_t>(chunks)), dim);
  return split(x, ceil_div(n, std::min(chunks, n)), dim);
}

struct Diagonal {  // of dimensions row and column
  static constexpr auto name = "diagonal", dual = "undiagonal";
  int64_t offset;
  int row, column;
  Shape from;
  Array forward(const Array& x) const {
    Shape shape;
    Strides strides{};
    for (int d = 0; d < from.rank(); ++d) {
      if (d == row || d == column) continue;
      strides[std::size_t(shape.rank())] = x.stride(d);
      shape.push_back(from[d]);
    }
    const int64_t down = std::max<int64_t>(-offset, 0), right = std::max<int64_t>(offset, 0);
    const int64_t count = std::max<int64_t>(0, std::min(from[row] - down, from[column] - right));
    strides[std::size_t(shape.rank())] = x.stride(row) + x.stride(column);
    shape.push_back(count);
    return x.strided(shape, strides, count ? down * x.stride(row) + right * x.stride(column) : 0);
  }
  const Shape& whole(const Shape&) const { return from; }
  Tensor d0(Grad g) const { return apply({}, Unview<Diagonal>{*this}, g); }
  void add0(Grad g, Array& sum) const {
    Array part = forward(sum);
    kernels::add_to(part, g.array());
  }
};
Tensor diagonal(In x, int64_t offset, int dim1, int dim2) {
  const Where at = line_of(x);
  check_defined(Diagonal::name, at, x);
  const int row = checked_dim(at, Diagonal::name, dim1, x->dim()),
            column = checked_dim(at, Diagonal::name, dim2, x->dim());
  if (row == column)
    fail<ShapeError>(at, Diagonal::name,
                     "dimensions " + std::to_string(dim1) + " and " + std::to_string(dim2) + " of " + x->shape().str() +
                         " are the same");
  offset = std::clamp(offset, -x->size(row), x->size(column));
  return apply(at, Diagonal{offset, row, column, x->shape()}, x.tensor());
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
    if (sum.dtype() == bf16) {           // rounded once
      Array wide = sum.cast(f32);
      add0(Grad(g.array().cast(f32)), wide);
      sum = wide.cast(bf16);
      return;
    }
    for (int64_t i = 0; i < size; ++i) {
      Array places = sum.sliced(dim, i, count, step);
      kernels::add_to(places, g.array().sliced(-1, i, 1).reshaped(places.shape()));
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
  step = std::min(step, n + 1);  // a longer one takes the first window, too
  return apply(at, Unfold{d, size, step, (n - size) / step + 1, n}, x.tensor());
}

// ---- x(i, j, ..)
namespace {

struct Pick {
  int dim;
  Tensor index;  // into this dimension, counted from the front
};

Tensor checked_indices(Where at, const Shape& s, int dim, const Tensor& index) {
  std::vector<int64_t> places = index.to_vector<int64_t>();
  for (int64_t& i : places) i = from_front("index", at, s, dim, i);
  return tensor(places, index.shape());
}

// Where the mask is true, in the dimensions of s from `dim` on as one.
Tensor checked_mask(Where at, const Shape& s, int dim, const Tensor& mask) {
  bool fits = dim + mask.dim() <= s.rank();
  for (int d = 0; fits && d < mask.dim(); ++d) fits = mask.size(d) == s[dim + d];
  if (!fits)
    fail<IndexError>(at, "index",
                     "the mask " + mask.shape().str() + " does not fit " + s.str() + " from dimension " +
                         std::to_string(dim) + " on");
  return reshape(nonzero(reshape(mask, {-1})), {-1});
}

// x at several indices together, broadcast to each other.
Tensor picked(Where at, Tensor x, const std::vector<Pick>& picks) {
  const auto count = int(picks.size());
  int first = picks[0].dim;
  if (picks.back().dim - first >= count) {  // apart: to the front
    std::vector<int> order;
    for (const Pick& p : picks) order.push_back(p.dim);
    for (int d = 0; d < x.dim(); ++d)
      if (std::find(order.begin(), order.begin() + count, d) == order.begin() + count) order.push_back(d);
    x = permute(x, order);
    first = 0;
  }
  Tensor place = picks[0].index;  // in these dimensions as one
  for (int i = 1; i < count; ++i) {
    const Tensor& index = picks[std::size_t(i)].index;
    broadcast(at, "index", place.shape(), index.shape());
    place = place * x.size(first + i) + index;
  }
  check_rank("index", at, x.dim() - count + place.dim());
  Shape to;
  for (int d = 0; d < first; ++d) to.push_back(x.size(d));
  for (int64_t n : place.shape()) to.push_back(n);
  for (int d = first + count; d < x.dim(); ++d) to.push_back(x.size(d));
  return reshape(index_select(flatten(x, first, first + count - 1), first, flatten(place)), to);
}

}  // namespace

Tensor Tensor::operator()(const Index& i0, const Index& i1, const Index& i2, const Index& i3, const Index& i4,
                          const Index& i5, const Index& i6, const Index& i7) const {
  const Scope here{In(*this, i0.at.file, i0.at.line)};
  const Where at = line_of(i0.at);
  check_defined("index", at, *this);
  Tensor y = *this;
  Shape kept;
  std::vector<Pick> picks;  // of dimensions of `kept`
  int dim = 0;
  for (const Index* given : {&i0, &i1, &i2, &i3, &i4, &i5, &i6, &i7}) {
    if (given->kind == Index::absent) break;
    Index i = *given;
    if (i.kind == Index::tensor) {
      const Tensor& t = *i.values;
      check_defined("index", at, t);
      if (t.dtype() == boolean) {
        picks.push_back({kept.rank(), checked_mask(at, shape(), dim, t)});
        kept.push_back(t.numel());
        dim += t.dim();
        continue;
      }
      if (t.dtype() != i64)
        fail<DtypeError>(at, "index", std::string("an index must be i64 or boolean, not ") + name(t.dtype()));
      if (t.dim() == 0) i = Index(t.to_vector<int64_t>()[0]);
    }
    if (dim == this->dim())
      fail<IndexError>(at, "index", "more indices than the " + std::to_string(dim) + " dimensions of " + shape().str());
    if (i.kind == Index::one) {
      y = apply(at, Slice{dim, from_front("index", at, shape(), dim, i.span.from), 1, 1, shape()[dim]}, y);
    } else {
      if (i.kind == Index::some) y = apply(at, checked_slice("index", at, shape(), dim, i.span), y);
      if (i.kind == Index::tensor) picks.push_back({kept.rank(), checked_indices(at, shape(), dim, *i.values)});
      kept.push_back(y.shape()[dim]);
    }
    ++dim;
  }
  for (; dim < this->dim(); ++dim) kept.push_back(shape()[dim]);
  y = reshape(y, kept);
  return picks.empty() ? y : picked(at, y, picks);
}

}  // namespace heed
