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
namespace {

// `to` with the size that is -1 put in.
Shape checked_shape(const char* op, Where at, const In& x, Shape to) {
  check_defined(op, at, x);
  int open = -1;
  for (int i = 0; i < to.rank(); ++i) {
    if (to[i] == -1 && open < 0) open = i;
    else if (to[i] < 0)
      fail<ShapeError>(at, op,
                       "cannot reshape to " + to.str() + ": one size may be -1, the others must not be negative");
  }
  const Shape given = open < 0 ? to : to.without(open);
  check_sizes(at, op, given);
  const int64_t n = x->numel(), known = given.numel();
  if (open < 0 ? n != known : !known || n % known)
    fail<ShapeError>(at, op,
                     "cannot reshape " + x->shape().str() + " to " + to.str() + ": " + std::to_string(n) +
                         (n == 1 ? " element does" : " elements do") + " not fill it");
  if (open >= 0) to[open] = n / known;
  return to;
}

}  // namespace

Tensor reshape(In x, Shape to) {
  const Where at = line_of(x);
  to = checked_shape(Reshape::name, at, x, to);
  if (x->shape() == to) return x;
  return apply(at, Reshape{x->shape(), to}, x.tensor());
}
Tensor view(In x, Shape to) {
  const Where at = line_of(x);
  to = checked_shape("view", at, x, to);
  const Array& a = x->array();
  if (x->shape() == to) return x;
  if (!a.is_contiguous() && !a.viewed(to))
    fail<ShapeError>(at, "view",
                     x->shape().str() + " with strides " +
                         Shape(std::span(a.strides().data(), std::size_t(x->dim()))).str() + " is no view of shape " +
                         to.str() + ": reshape copies");
  return apply(at, Reshape{x->shape(), to}, x.tensor());
}

Tensor flatten(In x, int from, int to) {
  const Where at = line_of(x);
  check_defined("flatten", at, x);
  if (x->dim() == 0) return reshape(x, {1});
  const int first = checked_dim(at, "flatten", from, x->dim()), last = checked_dim(at, "flatten", to, x->dim());
  if (first > last)
    fail<ShapeError>(
        at, "flatten",
        "dimension " + std::to_string(from) + " of " + x->shape().str() + " is behind dimension " + std::to_string(to));
  Shape s;
  for (int d = 0; d < x->dim(); ++d) {
    if (d <= first || d > last) s.push_back(x->shape()[d]);
    else s[first] *= x->shape()[d];
  }
  return reshape(x, s);
}

Tensor squeeze(In x) {
  check_defined("squeeze", line_of(x), x);
  Shape s;
  for (int64_t n : x->shape())
    if (n != 1) s.push_back(n);
  return reshape(x, s);
}
Tensor squeeze(In x, Dims dims) {
  const Where at = line_of(x);
  check_defined("squeeze", at, x);
  const auto named = named_dims("squeeze", at, dims, x->dim());
  Shape s;
  for (int d = 0; d < x->dim(); ++d)
    if (!named[std::size_t(d)] || x->shape()[d] != 1) s.push_back(x->shape()[d]);
  return reshape(x, s);
}
Tensor unsqueeze(In x, int dim) {
  const Where at = line_of(x);
  check_defined("unsqueeze", at, x);
  check_rank("unsqueeze", at, x->dim() + 1);
  const int d = checked_dim(at, "unsqueeze", dim, x->dim() + 1);
  Shape s;
  for (int i = 0; i <= x->dim(); ++i) s.push_back(i < d ? x->shape()[i] : i == d ? 1 : x->shape()[i - 1]);
  return reshape(x, s);
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
Tensor permute(In x, std::span<const int> dims) {
  const Where at = line_of(x);
  check_defined(Permute::name, at, x);
  Permute p{{}, x->dim()};
  std::array<bool, max_rank> seen{};
  bool fits = int(dims.size()) == x->dim();
  for (std::size_t i = 0; fits && i < dims.size(); ++i) {
    const int d = checked_dim(at, Permute::name, dims[i], x->dim());
    fits = !std::exchange(seen[std::size_t(d)], true);
    p.dims[i] = d;
  }
  if (!fits)
    fail<ShapeError>(
        at, Permute::name,
        "each of the " + std::to_string(x->dim()) + " dimensions of " + x->shape().str() + " must be named once");
  return apply(at, p, x.tensor());
}
Tensor permute(In x, std::initializer_list<int> dims) { return permute(x, std::span(dims.begin(), dims.size())); }
Tensor transpose(In x, int dim0, int dim1) {
  const Where at = line_of(x);
  check_defined("transpose", at, x);
  const int a = checked_dim(at, "transpose", dim0, x->dim()), b = checked_dim(at, "transpose", dim1, x->dim());
  if (a == b) return x;
  Permute p{{}, x->dim()};
  for (int i = 0; i < p.rank; ++i) p.dims[std::size_t(i)] = i == a ? b : i == b ? a : i;
  return apply(at, p, x.tensor());
}

Tensor movedim(In x, Dims from, Dims to) {
  const Where at = line_of(x);
  check_defined("movedim", at, x);
  const int rank = x->dim();
  const auto moved = named_dims("movedim", at, from, rank), placed = named_dims("movedim", at, to, rank);
  const std::span<const int> source = from.get(), target = to.get();
  if (source.size() != target.size())
    fail<ShapeError>(
        at, "movedim",
        "cannot move " + std::to_string(source.size()) + " dimensions to " + std::to_string(target.size()) + " places");
  std::vector<int> dims(static_cast<std::size_t>(rank));
  int next = 0;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (placed[i]) continue;
    while (moved[std::size_t(next)]) ++next;
    dims[i] = next++;
  }
  for (std::size_t i = 0; i < source.size(); ++i)
    dims[std::size_t(checked_dim(at, "movedim", target[i], rank))] = source[i];
  return permute(x, dims);
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
  check_rank("stack", at, x[0].dim() + 1);
  const int d = checked_dim(at, "stack", dim, x[0].dim() + 1);
  Restore after;
  mode.line = &at;
  std::vector<Tensor> rows;
  for (const Tensor& t : x) {
    check_defined("stack", at, t);
    if (t.shape() != x[0].shape())
      fail<ShapeError>(at, "stack", "cannot stack " + x[0].shape().str() + " and " + t.shape().str());
    rows.push_back(unsqueeze(t, d));
  }
  return concat(rows, d, at);
}
Tensor stack(std::initializer_list<Tensor> x, int dim, Where at) {
  return stack(std::span(x.begin(), x.size()), dim, at);
}

// ---- rearranged
struct Pad {  // the dual of a padding crops, and the other way round
  static constexpr auto name = "pad";
  std::array<int64_t, max_rank> before, after;
  double value;
  Array forward(const Array& x) const {
    Shape to = x.shape();
    for (int d = 0; d < to.rank(); ++d) to[d] += before[std::size_t(d)] + after[std::size_t(d)];
    Array y = filled(to, value, x.dtype()), inside = y, kept = x;
    for (int d = 0; d < to.rank(); ++d) {
      const int64_t left = before[std::size_t(d)], right = after[std::size_t(d)];
      const int64_t count = to[d] - std::max<int64_t>(left, 0) - std::max<int64_t>(right, 0);
      inside = inside.sliced(d, std::max<int64_t>(left, 0), count);
      kept = kept.sliced(d, std::max<int64_t>(-left, 0), count);
    }
    copy_into(inside, kept);
    return y;
  }
  Tensor d0(Grad g) const {
    Pad back{{}, {}, 0};
    for (std::size_t d = 0; d < max_rank; ++d) back.before[d] = -before[d], back.after[d] = -after[d];
    return apply({}, back, g);
  }
};
Tensor pad(In x, std::span<const int64_t> widths, double value) {
  const Where at = line_of(x);
  check_defined(Pad::name, at, x);
  if (!floating(x->dtype())) check_whole(Pad::name, at, value, x->dtype());
  if (widths.size() % 2 || widths.size() / 2 > std::size_t(x->dim()))
    fail<ShapeError>(at, Pad::name,
                     "the " + std::to_string(widths.size()) + " widths must be pairs, for at most the " +
                         std::to_string(x->dim()) + " dimensions of " + x->shape().str());
  Pad p{{}, {}, value};
  Shape to = x->shape();
  for (std::size_t i = 0; i < widths.size(); i += 2) {
    const int d = x->dim() - 1 - int(i / 2);
    const int64_t left = widths[i], right = widths[i + 1];
    constexpr int64_t most = int64_t{1} << 60;
    if (left > most || right > most)
      fail<ShapeError>(at, Pad::name,
                       "cannot widen dimension " + std::to_string(d) + " of " + x->shape().str() + " by " +
                           std::to_string(left) + " and " + std::to_string(right));
    if (left < -most || right < -most || to[d] + std::min<int64_t>(left, 0) + std::min<int64_t>(right, 0) < 0)
      fail<ShapeError>(at, Pad::name,
                       "cannot crop dimension " + std::to_string(d) + " of " + x->shape().str() + " by " +
                           std::to_string(left) + " and " + std::to_string(right));
    p.before[std::size_t(d)] = left;
    p.after[std::size_t(d)] = right;
    to[d] += left + right;
  }
  check_sizes(at, Pad::name, to);
  return apply(at, p, x.tensor());
}
Tensor pad(In x, std::initializer_list<int64_t> widths, double value) {
  return pad(x, std::span(widths.begin(), widths.size()), value);
}

struct Flip {
  static constexpr auto name = "flip";
  std::array<bool, max_rank> dims;
  Array forward(const Array& x) const {
    Array y(x.shape(), x.dtype());
    Strides backwards = y.strides();
    int64_t last = 0;
    for (int d = 0; d < x.shape().rank(); ++d) {
      if (!dims[std::size_t(d)]) continue;
      last += (x.shape()[d] - 1) * y.stride(d);
      backwards[std::size_t(d)] = -y.stride(d);
    }
    Array mirrored = y.strided(x.shape(), backwards, last);
    copy_into(mirrored, x);
    return y;
  }
  Tensor d0(Grad g) const { return apply({}, *this, g); }
};
Tensor flip(In x, Dims dims) {
  const Where at = line_of(x);
  check_defined(Flip::name, at, x);
  const Flip f{named_dims(Flip::name, at, dims, x->dim())};
  return x->numel() == 0 ? x.tensor() : apply(at, f, x.tensor());
}

}  // namespace heed
