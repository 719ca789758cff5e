#include <algorithm>
#include "../core/op.h"
#include "checks.h"
#include "ops.h"

namespace heed {

struct Reshape {
  static constexpr auto name = "reshape";
  Shape from, to;
  Array forward(const Array& x) const { return x.reshaped(to); }
  Tensor d0(Grad g) const { return reshape(g, from); }
};
Tensor reshape(In x, Shape to) {
  const Where at = line_of(x);
  check_defined(Reshape::name, at, x);
  if (x->shape() == to) return x;
  int open = -1;  // which size is -1
  for (int i = 0; i < to.rank(); ++i) {
    if (to[i] == -1 && open < 0) open = i;
    else if (to[i] < 0)
      fail<ShapeError>(at, Reshape::name,
                       "cannot reshape to " + to.str() + ": one size may be -1, the others must not be negative");
  }
  const Shape given = open < 0 ? to : to.without(open);
  check_sizes(at, Reshape::name, given);
  const int64_t n = x->numel(), known = given.numel();
  if (open < 0 ? n != known : !known || n % known)
    fail<ShapeError>(at, Reshape::name,
                     "cannot reshape " + x->shape().str() + " to " + to.str() + ": " + std::to_string(n) +
                         (n == 1 ? " element does" : " elements do") + " not fill it");
  if (open >= 0) to[open] = n / known;
  return apply(at, Reshape{x->shape(), to}, x.tensor());
}

struct Permute {
  static constexpr auto name = "permute";
  std::array<int, max_rank> dims;
  int rank;
  Array forward(const Array& x) const { return x.permuted(std::span(dims.data(), std::size_t(rank))); }
  Tensor d0(Grad g) const { return apply({}, inverse(), g); }
  Permute inverse() const {
    Permute p{{}, rank};
    for (int i = 0; i < rank; ++i) p.dims[std::size_t(dims[std::size_t(i)])] = i;
    return p;
  }
};
Tensor permute(In x, std::initializer_list<int> dims) {
  const Where at = line_of(x);
  check_defined(Permute::name, at, x);
  Permute p{{}, x->dim()};
  std::array<bool, max_rank> seen{};
  bool fits = int(dims.size()) == x->dim();
  for (std::size_t i = 0; fits && i < dims.size(); ++i) {
    const int d = checked_dim(at, Permute::name, dims.begin()[i], x->dim());
    fits = !std::exchange(seen[std::size_t(d)], true);
    p.dims[i] = d;
  }
  if (!fits)
    fail<ShapeError>(
        at, Permute::name,
        "each of the " + std::to_string(x->dim()) + " dimensions of " + x->shape().str() + " must be named once");
  return apply(at, p, x.tensor());
}
Tensor transpose(In x, int dim0, int dim1) {
  const Where at = line_of(x);
  check_defined("transpose", at, x);
  const int a = checked_dim(at, "transpose", dim0, x->dim()), b = checked_dim(at, "transpose", dim1, x->dim());
  if (a == b) return x;
  Permute p{{}, x->dim()};
  for (int i = 0; i < p.rank; ++i) p.dims[std::size_t(i)] = i == a ? b : i == b ? a : i;
  return apply(at, p, x.tensor());
}

Tensor expand(In x, Shape to) {
  const int missing = to.rank() - x->dim();
  for (int i = std::max(missing, 0); i < to.rank(); ++i)
    if (to[i] == -1) to[i] = x->shape()[i - missing];
  return broadcast_to(x, to);
}

// ---- lists
struct Concat {
  static constexpr auto name = "concat";
  int dim;
  std::vector<int64_t> start;  // of each part, and the end
  Array forward(std::span<const Array> x) const {
    Array y(x[0].shape().with(dim, start.back()), x[0].dtype());
    for (std::size_t i = 0; i < x.size(); ++i) {
      Array part = y.sliced(dim, start[i], x[i].shape()[dim]);
      copy_into(part, x[i]);
    }
    return y;
  }
  Tensor d(Grad g, int i) const { return slice(g, dim, start[std::size_t(i)], start[std::size_t(i) + 1]); }
};
Tensor concat(std::span<const Tensor> x, int dim, Where called) {
  const Where at = line_of(called);
  if (x.empty()) fail<ShapeError>(at, Concat::name, "there is nothing to put together");
  for (const Tensor& t : x) check_defined(Concat::name, at, t);
  const int d = checked_dim(at, Concat::name, dim, x[0].dim());
  std::vector<int64_t> start{0};
  for (std::size_t i = 0; i < x.size(); ++i) {
    check_same_dtype(Concat::name, at, x[0].dtype(), x[i].dtype());
    if (x[i].dim() != x[0].dim() || x[i].shape().with(d, 0) != x[0].shape().with(d, 0))
      fail<ShapeError>(at, Concat::name,
                       "cannot put " + x[0].shape().str() + " and " + x[i].shape().str() + " (number " +
                           std::to_string(i) + ") together along dimension " + std::to_string(dim) +
                           ": the other dimensions differ");
    start.push_back(start.back() + x[i].shape()[d]);
  }
  return apply_list(at, Concat{d, std::move(start)}, x);
}
Tensor concat(std::initializer_list<Tensor> x, int dim, Where at) {
  return concat(std::span(x.begin(), x.size()), dim, at);
}

Tensor stack(std::span<const Tensor> x, int dim, Where called) {
  const Where at = line_of(called);
  if (x.empty()) fail<ShapeError>(at, "stack", "there is nothing to put together");
  const int d = checked_dim(at, "stack", dim, x[0].dim() + 1);
  Restore after;
  mode.line = &at;
  std::vector<Tensor> rows;
  for (const Tensor& t : x) {
    check_defined("stack", at, t);
    if (t.shape() != x[0].shape())
      fail<ShapeError>(at, "stack", "cannot stack " + x[0].shape().str() + " and " + t.shape().str());
    Shape s;
    for (int i = 0; i <= t.dim(); ++i) s.push_back(i < d ? t.shape()[i] : i == d ? 1 : t.shape()[i - 1]);
    rows.push_back(reshape(t, s));
  }
  return concat(rows, d, at);
}
Tensor stack(std::initializer_list<Tensor> x, int dim, Where at) {
  return stack(std::span(x.begin(), x.size()), dim, at);
}

}  // namespace heed
