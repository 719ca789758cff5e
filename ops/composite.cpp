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
Tensor silu(In x) { return x * sigmoid(x); }
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
Tensor swiglu(In gate, In x) {
  Scope here{gate};
  return silu(gate) * x;
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
  if (low.defined()) y = where(y < low, low, y);
  if (high.defined()) y = where(y > high, high, y);
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
  return scale(total, double(total.numel()) / double(x->numel()));
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
  return scale(total, 1 / std::max(0.0, double(x->numel()) / double(total.numel()) - correction));
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

// The mask acts before the exponential, so that nothing masked is ever infinite.
Tensor masked_softmax(In x, In mask) {
  const Where at = line_of(x);
  check_floating("masked_softmax", at, x);
  check_defined("masked_softmax", at, mask);
  if (broadcast(at, "masked_softmax", x->shape(), mask->shape()) != x->shape())
    fail<ShapeError>(at, "masked_softmax",
                     "the mask " + mask->shape().str() + " must broadcast to " + x->shape().str() + ", not beyond it");
  Scope here{x};
  if (x->numel() == 0) return x;
  constexpr double nothing = -std::numeric_limits<double>::infinity();
  const Tensor highest = stop_gradient(max(where(mask, x, nothing), -1, keepdim));
  const Tensor top = where(highest == nothing, 0, highest);
  const Tensor e = where(mask, exp(where(mask, x - top, 0)), 0), total = sum(e, -1, keepdim);
  return e / where(total > 0, total, 1);
}

Tensor dropout(In x, double rate, Rng* training) { return dropout(x, dropout_key(rate, training)); }

}  // namespace heed
