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

struct Within {  // g where |x| <= limit, else 0
  static constexpr auto name = "clip_value_within";
  static constexpr auto constant = inputs<1>;
  double limit;
  Array forward(const Array& g, const Array& x) const {
    return kernels::map_gradient(x, g, [this](const auto* p, const auto* q, auto* y, int64_t n) {
      for (int64_t i = 0; i < n; ++i) y[i] = std::abs(double(p[i])) <= limit ? q[i] : 0;
    });
  }
  Tensor d0(Grad g, Input<1> x) const { return apply(Where::here(), *this, g, x.detach()); }
};
struct ClipValue {
  static constexpr auto name = "clip_value";
  double limit;
  Array forward(const Array& x) const {
    return kernels::map(x, [this](const auto* p, auto* y, int64_t n) {
      using T = std::remove_cvref_t<decltype(*y)>;
      for (int64_t i = 0; i < n; ++i) y[i] = std::clamp(p[i], T(-limit), T(limit));
    });
  }
  Tensor d0(Grad g, Input<0> x) const { return apply(Where::here(), Within{limit}, g, x.detach()); }
};

// f of a gradient; of one in bf16, which is for storage alone, in f32
template <class F>
Tensor in_its_type(const Tensor& g, F f) {
  return g.dtype() == bf16 ? cast(f(widened(g)), bf16) : f(g);
}

}  // namespace

Gradients clip(Gradients g, double max_norm, Where at) {
  check_limit("clip", at, "max_norm", max_norm);
  const double by = max_norm / (g.norm() + 1e-6);
  if (by >= 1) return g;
  for (Tensor& t : g.values) {
    if (t.tracked() || t.dtype() == bf16) t = in_its_type(t, [&](const Tensor& x) { return scale(x, by); });
    else kernels::scale_in_place(writable(t, t), by);
  }
  return g;
}

Gradients clip_value(Gradients g, double limit, Where at) {
  check_limit("clip_value", at, "the limit", limit);
  for (Tensor& t : g.values)
    t = in_its_type(t, [&](const Tensor& x) { return apply(at, ClipValue{limit}, x); });
  return g;
}

}  // namespace heed
