#include "clip.h"
#include <algorithm>
#include "../core/loops.h"
#include "../core/op.h"
#include "../core/text.h"
#include "../ops/ops.h"

namespace heed {

namespace {

void check_limit(const char* op, Where at, const char* name, double value) {
  if (!(value >= 0)) fail<Error>(at, op, std::string(name) + " must be at least 0, not " + text_of(value));
}

// f of a gradient; of one in bf16, which is for storage alone, in f32
template <class F>
Tensor in_its_type(const Tensor& g, F f) {
  return g.dtype() == bf16 ? cast(f(widened(g)), bf16) : f(g);
}

Gradients clip_recorded(Gradients g, double max_norm, Where at) {
  const Restore after;
  if (!mode.line) mode.line = &at;
  Tensor squares = zeros({}, f64);
  for (const Tensor& t : g.values) squares = squares + sum(square(cast(t, f64)));
  const Tensor by = max_norm / (sqrt(squares) + 1e-6);
  for (Tensor& t : g.values) t = in_its_type(t, [&](const Tensor& x) { return x * cast(by, x.dtype()); });
  return g;
}

}  // namespace

Gradients clip(Gradients g, double max_norm, Where at) {
  check_limit("clip", at, "max_norm", max_norm);
  const double by = max_norm / (g.norm() + 1e-6);
  if (by >= 1) return g;
  if (std::any_of(g.values.begin(), g.values.end(), [](const Tensor& t) { return t.tracked(); }))
    return clip_recorded(std::move(g), max_norm, at);
  for (Tensor& t : g.values) {
    if (t.dtype() == bf16) t = in_its_type(t, [&](const Tensor& x) { return scale(x, by); });
    else kernels::scale_in_place(writable(t, t), by);
  }
  return g;
}

Gradients clip_value(Gradients g, double limit, Where at) {
  check_limit("clip_value", at, "the limit", limit);
  for (Tensor& t : g.values)
    t = in_its_type(t, [&](const Tensor& x) { return clamp(In(x, at.file, at.line), -limit, limit); });
  return g;
}

}  // namespace heed
