// Ops that are only what they say: no kernel, no rule.
#include <algorithm>
#include <cmath>
#include <limits>
#include "../core/mode.h"
#include "checks.h"
#include "ops.h"

namespace heed {

Tensor square(In x) { return x * x; }
Tensor reciprocal(In x) {
  Scope here{x};
  return 1 / x;
}
Tensor rsqrt(In x) {
  Scope here{x};
  return 1 / sqrt(x);
}
Tensor glu(In x, int dim) {
  const Where at = line_of(x);
  check_floating("glu", at, x);
  const int64_t n = x->shape()[checked_dim(at, "glu", dim, x->dim())];
  if (n % 2)
    fail<ShapeError>(at, "glu",
                     "cannot halve the " + std::to_string(n) + " elements of dimension " + std::to_string(dim) +
                         " of " + x->shape().str());
  Scope here{x};
  return slice(x, dim, 0, n / 2) * sigmoid(slice(x, dim, n / 2));
}

Tensor leaky_relu(In x, double negative_slope) {
  check_floating("leaky_relu", line_of(x), x);
  Scope here{x};
  return where(x > 0, x, negative_slope * x);
}
Tensor elu(In x, double alpha) {
  check_floating("elu", line_of(x), x);
  Scope here{x};
  const Tensor above = x > 0;
  return where(above, x, alpha * expm1(where(above, 0, x)));  // no exponential of what is not chosen overflows
}

Tensor clamp(In x, In low, In high) {
  const Where at = line_of(x);
  check_defined("clamp", at, x);
  check_numeric("clamp", at, x->dtype());
  if (!low.defined() && !high.defined()) fail<Error>(at, "clamp", "there is neither a lower nor an upper bound");
  Scope here{x};
  Tensor y = x;
  // Not maximum and minimum, which share the gradient of a tie. NaN in a tensor of bounds wins, as in them.
  auto beyond = [](const Tensor& out, const In& bound) { return bound.is_number() ? out : out | (bound != bound); };
  if (low.defined()) y = where(beyond(y < low, low), low, y);
  if (high.defined()) y = where(beyond(y > high, high), high, y);
  return y;
}

Tensor masked_fill(In x, In mask, In value) {
  Scope here{x};
  return where(mask, value, x);
}
Tensor lerp(In start, In end, In weight) {
  Scope here{start};
  return start + weight * (end - start);
}
Tensor addcmul(In x, In a, In b, double value) {
  Scope here{x};
  return x + value * (a * b);
}

Tensor mean(In x, Dims dims, bool keepdim) {
  const Where at = line_of(x);
  check_floating("mean", at, x);
  check_dims("mean", at, x, dims);
  Scope here{x};
  const Tensor total = sum(x, dims, keepdim);
  return total / (double(x->numel()) / double(total.numel()));
}

namespace {
// x^(1/p) of a sum of terms. Where it is 0 they all are, and so is their gradient: an infinite slope would make it NaN.
Tensor root(const Tensor& x, double p) {
  const Tensor some = x > 0, safe = where(some, x, 1);
  return where(some, p == 2 ? sqrt(safe) : pow(safe, 1 / p), x);
}
}  // namespace

Tensor var(In x, Dims dims, bool keepdim, double correction) {
  const Where at = line_of(x);
  check_floating("var", at, x);
  check_dims("var", at, x, dims);
  Scope here{x};
  const Tensor total = sum(square(x - mean(x, dims, heed::keepdim)), dims, keepdim);
  return total / std::max(0.0, double(x->numel()) / double(total.numel()) - correction);
}
Tensor std(In x, Dims dims, bool keepdim, double correction) {
  const Where at = line_of(x);
  check_floating("std", at, x);
  check_dims("std", at, x, dims);
  Scope here{x};
  return root(var(x, dims, keepdim, correction), 2);
}

Tensor norm(In x, double p, Dims dims, bool keepdim) {
  const Where at = line_of(x);
  check_floating("norm", at, x);
  check_dims("norm", at, x, dims);
  Scope here{x};
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (p == infinity) return amax(abs(x), dims, keepdim);
  if (p == -infinity) return amin(abs(x), dims, keepdim);
  if (p == 0) return sum(cast(x != 0, x->dtype()), dims, keepdim);
  if (p == 1) return sum(abs(x), dims, keepdim);
  if (p == 2) return root(sum(x * x, dims, keepdim), p);
  const Tensor zero = x == 0;  // nothing flows to it
  return root(sum(where(zero, std::pow(0.0, p), pow(abs(where(zero, 1, x)), p)), dims, keepdim), p);
}

Tensor prod(In x, int dim, bool keepdim) {
  const Where at = line_of(x);
  check_defined("prod", at, x);
  const int d = checked_dim(at, "prod", dim, x->dim());
  Scope here{x};
  // Of products of a part, which the gradient needs, not all lie within the range of f32.
  if (x->dtype() == f32) return cast(prod(cast(x, f64), d, keepdim), f32);
  if (x->size(d) == 0) return sum(x, d, keepdim) + 1;
  const Tensor last = slice(cumprod(x, d), d, -1);
  return keepdim ? last : reshape(last, x->shape().without(d));
}
Tensor prod(In x) {
  Scope here{x};
  return prod(reshape(x, {-1}), 0);
}

Tensor all(In x, Dims dims, bool keepdim) {
  const Where at = line_of(x);
  check_boolean("all", at, x);
  check_dims("all", at, x, dims);
  Scope here{x};
  return sum(~x, dims, keepdim) == 0;
}
Tensor any(In x, Dims dims, bool keepdim) {
  const Where at = line_of(x);
  check_boolean("any", at, x);
  check_dims("any", at, x, dims);
  Scope here{x};
  return sum(x, dims, keepdim) != 0;
}
Tensor count_nonzero(In x, Dims dims) {
  const Where at = line_of(x);
  check_defined("count_nonzero", at, x);
  check_dims("count_nonzero", at, x, dims);
  Scope here{x};
  return sum(x != 0, dims);
}

namespace {
void check_masked(const char* op, Where at, const In& x, const In& mask) {
  check_floating(op, at, x);
  check_defined(op, at, mask);
  if (broadcast(at, op, x->shape(), mask->shape()) != x->shape())
    fail<ShapeError>(at, op,
                     "the mask " + mask->shape().str() + " must broadcast to " + x->shape().str() + ", not beyond it");
}
constexpr double nothing = -std::numeric_limits<double>::infinity();
// The largest of what is left, without history; 0 where that is nothing.
Tensor top_of(const Tensor& x) {
  const Tensor highest = stop_gradient(max(x, -1, keepdim));
  return where(highest == nothing, 0, highest);
}
}  // namespace

// The mask acts before the exponential, so that nothing masked is ever infinite.
Tensor masked_softmax(In x, In mask) {
  check_masked("masked_softmax", line_of(x), x, mask);
  checked_dim(line_of(x), "masked_softmax", -1, x->dim());
  Scope here{x};
  if (x->numel() == 0) return x;
  const Tensor top = top_of(where(mask, x, nothing));
  const Tensor e = where(mask, exp(where(mask, x - top, 0)), 0), total = sum(e, -1, keepdim);
  return e / where(total > 0, total, 1);
}

// The k largest stay, for the greatest k with 1 + k x_k > x_1 + .. + x_k, each less what makes their sum 1.
Tensor sparsemax(In x, In mask) {
  if (mask.defined()) check_masked("sparsemax", line_of(x), x, mask);
  else check_floating("sparsemax", line_of(x), x);
  checked_dim(line_of(x), "sparsemax", -1, x->dim());
  Scope here{x};
  if (x->numel() == 0) return x;
  const Tensor left = mask.defined() ? where(mask, x, nothing) : x.tensor(), top = top_of(left);
  const Tensor z = stop_gradient(left) - top, sorted = sort(z, -1, true).values;
  const Tensor k = arange(x->size(-1), x->dtype()) + 1;
  const Tensor least = min(where(1 + k * sorted > cumsum(sorted, -1), sorted, -nothing), -1, keepdim);
  const Tensor stays = ~(z < least), count = sum(cast(stays, x->dtype()), -1, keepdim);
  const Tensor kept = where(stays, x - top, 0), excess = (sum(kept, -1, keepdim) - 1) / where(count > 0, count, 1);
  return relu(where(stays, kept - excess, 0));
}

Tensor dropout(In x, double rate, Rng* training) {
  check_rate("dropout", line_of(x), {rate});
  return dropout(x, dropout_key(rate, training));
}

// ---- rearranged copies
Tensor roll(In x, int64_t shift, int dim) {
  const Where at = line_of(x);
  check_defined("roll", at, x);
  const int d = checked_dim(at, "roll", dim, x->dim());
  const int64_t n = x->size(d), by = n ? (shift % n + n) % n : 0;
  if (by == 0) return x;
  Scope here{x};
  return concat({slice(x, d, n - by), slice(x, d, 0, n - by)}, d);
}

Tensor repeat(In x, Shape counts) {
  const Where at = line_of(x);
  check_defined("repeat", at, x);
  check_sizes(at, "repeat", counts);
  const int added = counts.rank() - x->dim();
  if (added < 0)
    fail<ShapeError>(at, "repeat", counts.str() + " names fewer counts than " + x->shape().str() + " has dimensions");
  Scope here{x};
  Shape s;
  for (int d = 0; d < counts.rank(); ++d) s.push_back(d < added ? 1 : x->shape()[d - added]);
  Tensor y = reshape(x, s);
  for (int d = counts.rank() - 1; d >= 0; --d) {
    if (counts[d] == 1) continue;
    const Around a(s, d);
    y = expand(reshape(y, {a.outer, 1, a.n * a.inner}), {a.outer, counts[d], a.n * a.inner});
    s[d] *= counts[d];
    y = reshape(y, s);
  }
  return y;
}
Tensor repeat_interleave(In x, int64_t repeats, int dim) {
  const Where at = line_of(x);
  check_defined("repeat_interleave", at, x);
  const int d = checked_dim(at, "repeat_interleave", dim, x->dim());
  if (repeats < 0) fail<ShapeError>(at, "repeat_interleave", "cannot repeat " + std::to_string(repeats) + " times");
  Scope here{x};
  const Around a(x->shape(), d);
  const Tensor y = expand(reshape(x, {a.outer * a.n, 1, a.inner}), {a.outer * a.n, repeats, a.inner});
  return reshape(y, x->shape().with(d, a.n * repeats));
}

namespace {
// x [.., n, m] where kept(column - row) holds, else 0.
template <class F>
Tensor triangle(const char* op, const In& x, F kept) {
  const Where at = line_of(x);
  check_defined(op, at, x);
  if (x->dim() < 2) fail<ShapeError>(at, op, "the tensor needs two dimensions at least, not " + x->shape().str());
  Scope here{x};
  const Tensor condition = kept(arange(x->size(-1)) - unsqueeze(arange(x->size(-2)), 1));
  return x->dtype() == boolean ? x & condition : where(condition, x, 0);
}
}  // namespace
Tensor tril(In x, int64_t diagonal) {
  return triangle("tril", x, [=](const Tensor& offset) { return offset <= diagonal; });
}
Tensor triu(In x, int64_t diagonal) {
  return triangle("triu", x, [=](const Tensor& offset) { return offset >= diagonal; });
}

// ---- indices
Tensor take_along(In x, In index, int dim) {
  const Where at = line_of(x);
  check_defined("take_along", at, x);
  check_defined("take_along", at, index);
  const int d = checked_dim(at, "take_along", dim, x->dim());
  if (index->dim() != x->dim())
    fail<ShapeError>(at, "take_along",
                     "the index " + index->shape().str() + " must have as many dimensions as " + x->shape().str());
  const Shape around = broadcast(at, "take_along", x->shape().with(d, 1), index->shape().with(d, 1));
  Scope here{x};
  return gather(expand(x, around.with(d, x->size(d))), d, expand(index, around.with(d, index->size(d))));
}

Tensor one_hot(In index, int64_t classes) {
  const Where at = line_of(index);
  check_defined("one_hot", at, index);
  check_index_dtype("one_hot", at, index);
  if (classes == -1) {
    const std::vector<int64_t> all = index->to_vector<int64_t>();
    if (all.empty()) fail<IndexError>(at, "one_hot", "how many classes there are does not follow from no index");
    classes = std::max<int64_t>(0, *std::max_element(all.begin(), all.end()) + 1);
  }
  check_indices("one_hot", at, index, classes, "classes");
  check_rank("one_hot", at, index->dim() + 1);
  Shape s = index->shape();
  s.push_back(classes);
  Scope here{index};
  return scatter(zeros(s, i64), -1, unsqueeze(index, -1), 1);
}

// ---- products
Tensor bmm(In a, In b) {
  const Where at = line_of(a);
  check_defined("bmm", at, a);
  check_defined("bmm", at, b);
  const Shape &p = a->shape(), &q = b->shape();
  if (p.rank() != 3 || q.rank() != 3 || p[0] != q[0])
    fail<ShapeError>(at, "bmm",
                     "cannot multiply " + p.str() + " by " + q.str() +
                         ": both need three dimensions, the first of one size; matmul takes others");
  return matmul(a, b);
}

Tensor outer(In a, In b) {
  const Where at = line_of(a);
  check_defined("outer", at, a);
  check_defined("outer", at, b);
  if (a->dim() != 1 || b->dim() != 1)
    fail<ShapeError>(at, "outer", "both must have one dimension, not " + a->shape().str() + " and " + b->shape().str());
  Scope here{a};
  return unsqueeze(a, 1) * b;
}

}  // namespace heed
