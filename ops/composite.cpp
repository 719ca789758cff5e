// Ops that are only what they say: no kernel, no rule.
#include "../core/mode.h"
#include "ops.h"

namespace heed {

Tensor silu(In x) { return x * sigmoid(x); }

Tensor mean(In x) {
  Scope here{x};
  return scale(sum(x), 1 / double(x->numel()));
}
Tensor mean(In x, Dims dims, bool keepdim) {
  Scope here{x};
  const Tensor total = sum(x, dims, keepdim);
  return scale(total, double(total.numel()) / double(x->numel()));
}

Tensor dropout(In x, double rate, Rng* training) { return dropout(x, draw(rate, training)); }

}  // namespace heed
