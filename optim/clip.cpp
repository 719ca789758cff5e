#include "clip.h"
#include <algorithm>
#include "../core/loops.h"
#include "../core/op.h"
#include "../core/plus.h"
#include "../core/text.h"
#include "../ops/kernels/map.h"

namespace heed {

namespace {

void check_limit(const char* op, Where at, const char* name, double value) {
  if (!(value >= 0)) fail<Error>(at, op, std::string(name) + " must be at least 0, not " + text_of(value));
}

}  // namespace

Gradients clip(Gradients g, double max_norm, Where at) {
  check_limit("clip", at, "max_norm", max_norm);
  const double by = max_norm / (g.norm() + 1e-6);
  if (by >= 1) return g;
  for (Tensor& t : g.values) {
    if (t.tracked()) t = scale(t, by);
    else kernels::scale_in_place(writable(t, t), by);
  }
  return g;
}

Gradients clip_value(Gradients g, double limit, Where at) {
  check_limit("clip_value", at, "the limit", limit);
  for (Tensor& t : g.values)
    t = Tensor(kernels::map(t.array(), [limit](const auto* x, auto* y, int64_t n) {
      using T = std::remove_cvref_t<decltype(*y)>;
      for (int64_t i = 0; i < n; ++i) y[i] = std::clamp(x[i], T(-limit), T(limit));
    }));
  return g;
}

}  // namespace heed
