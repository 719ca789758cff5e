// Ops that are only what they say: no kernel, no rule.
#include <limits>
#include "../core/mode.h"
#include "checks.h"
#include "ops.h"

namespace heed {

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
