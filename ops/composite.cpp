// Ops that are only what they say: no kernel, no rule.
#include <algorithm>
#include <limits>
#include "../core/mode.h"
#include "checks.h"
#include "ops.h"

namespace heed {

Tensor silu(In x) { return x * sigmoid(x); }

Tensor mean(In x) {
  check_floating("mean", line_of(x), x);
  Scope here{x};
  return scale(sum(x), 1 / double(x->numel()));
}
Tensor mean(In x, Dims dims, bool keepdim) {
  check_floating("mean", line_of(x), x);
  Scope here{x};
  const Tensor total = sum(x, dims, keepdim);
  return scale(total, double(total.numel()) / double(x->numel()));
}

// The mask acts before the exponential, so that nothing masked is ever infinite.
Tensor masked_softmax(In x, In mask) {
  Scope here{x};
  if (x->numel() == 0) return x;
  constexpr double nothing = -std::numeric_limits<double>::infinity();
  const Tensor highest = stop_gradient(max(where(mask, x, nothing), -1, keepdim));
  const Tensor top = where(highest == nothing, 0, highest);
  const Tensor e = where(mask, exp(where(mask, x - top, 0)), 0), total = sum(e, -1, keepdim);
  return e / where(total > 0, total, 1);
}

Tensor dropout(In x, double rate, Rng* training) { return dropout(x, dropout_key(rate, training)); }

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
Tensor column_less_row(const char* op, const Tensor& x) {  // [n, m], of x [.., n, m]
  const Where at = line_of(x);
  check_defined(op, at, x);
  if (x.dim() < 2) fail<ShapeError>(at, op, "the tensor needs two dimensions at least, not " + x.shape().str());
  return arange(x.size(-1)) - unsqueeze(arange(x.size(-2)), 1);
}
}  // namespace
Tensor tril(In x, int64_t diagonal) {
  Scope here{x};
  return where(column_less_row("tril", x) <= diagonal, x, 0);
}
Tensor triu(In x, int64_t diagonal) {
  Scope here{x};
  return where(column_less_row("triu", x) >= diagonal, x, 0);
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
    classes = *std::max_element(all.begin(), all.end()) + 1;
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
