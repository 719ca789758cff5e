#include <algorithm>
#include <cmath>
#include "rows.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "heed/ops/kernels/rows_optim.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include "vector.inl"
// clang-format on

#undef HEED_LOOPS
#define HEED_LOOPS(X, T)                                                                            \
  X(void, sgd, sgd, (T * p, const T* g, T* v, int64_t n, const SgdStep& step), (p, g, v, n, step))  \
  X(void, adam, adam, (T * p, const T* g, T* m, T* v, T* largest, int64_t n, const AdamStep& step), \
    (p, g, m, v, largest, n, step))

#if HWY_ONCE
namespace heed::kernels::rows::reference {

template <class T>
void sgd(T* p, const T* g, T* v, int64_t n, const SgdStep& step) {
  const T lr = T(step.lr), momentum = T(step.momentum), decay = T(step.weight_decay);
  for (int64_t i = 0; i < n; ++i) {
    const T slope = g[i] + decay * p[i];
    if (v) v[i] = momentum * v[i] + slope;
    p[i] -= lr * (!v ? slope : step.nesterov ? slope + momentum * v[i] : v[i]);
  }
}

template <class T>
void adam(T* p, const T* g, T* m, T* v, T* largest, int64_t n, const AdamStep& step) {
  const T keep = T(step.decoupled ? 1 - step.lr * step.weight_decay : 1), lr = T(step.lr / step.correction1);
  const T decay = T(step.decoupled ? 0 : step.weight_decay);
  const T beta1 = T(step.beta1), rest1 = T(1 - step.beta1), beta2 = T(step.beta2), rest2 = T(1 - step.beta2);
  const T scale = T(1 / std::sqrt(step.correction2)), eps = T(step.eps);
  for (int64_t i = 0; i < n; ++i) {
    const T slope = g[i] + decay * p[i];
    m[i] = beta1 * m[i] + rest1 * slope;
    v[i] = beta2 * v[i] + rest2 * slope * slope;
    if (largest) largest[i] = std::max(largest[i], v[i]);
    p[i] = keep * p[i] - lr * m[i] / (std::sqrt(largest ? largest[i] : v[i]) * scale + eps);
  }
}

HEED_LOOPS(HEED_INSTANTIATE, float)
HEED_LOOPS(HEED_INSTANTIATE, double)
HEED_LOOPS(HEED_INSTANTIATE, long double)

}  // namespace heed::kernels::rows::reference
#endif

HWY_BEFORE_NAMESPACE();
namespace heed::kernels::rows::HWY_NAMESPACE {

// A step is one loop, so that each array passes through memory once.
template <class T>
void sgd(T* p, const T* g, T* v, int64_t n, const SgdStep& step) {
  const ScalableTag<T> d;
  const auto lr = Set(d, T(step.lr)), momentum = Set(d, T(step.momentum)), decay = Set(d, T(step.weight_decay));
  each_vector<T>(n, [&](auto part, int64_t i) HWY_ATTR {
    const auto weight = part.load(p + i), slope = MulAdd(decay, weight, part.load(g + i));
    auto move = slope;
    if (v) {
      const auto velocity = MulAdd(momentum, part.load(v + i), slope);
      part.store(velocity, v + i);
      move = step.nesterov ? MulAdd(momentum, velocity, slope) : velocity;
    }
    part.store(NegMulAdd(lr, move, weight), p + i);
  });
}

template <class T>
void adam(T* p, const T* g, T* m, T* v, T* largest, int64_t n, const AdamStep& step) {
  const ScalableTag<T> d;
  const auto keep = Set(d, T(step.decoupled ? 1 - step.lr * step.weight_decay : 1));
  const auto lr = Set(d, T(step.lr / step.correction1)), decay = Set(d, T(step.decoupled ? 0 : step.weight_decay));
  const auto beta1 = Set(d, T(step.beta1)), rest1 = Set(d, T(1 - step.beta1));
  const auto beta2 = Set(d, T(step.beta2)), rest2 = Set(d, T(1 - step.beta2));
  const auto scale = Set(d, T(1 / std::sqrt(step.correction2))), eps = Set(d, T(step.eps));
  each_vector<T>(n, [&](auto part, int64_t i) HWY_ATTR {
    const auto weight = part.load(p + i), slope = MulAdd(decay, weight, part.load(g + i));
    const auto mean = MulAdd(beta1, part.load(m + i), Mul(rest1, slope));
    auto square = MulAdd(beta2, part.load(v + i), Mul(Mul(rest2, slope), slope));
    part.store(mean, m + i);
    part.store(square, v + i);
    if (largest) {
      square = Max(part.load(largest + i), square);
      part.store(square, largest + i);
    }
    const auto move = Div(Mul(lr, mean), MulAdd(Sqrt(square), scale, eps));
    part.store(MulSub(keep, weight, move), p + i);
  });
}

HEED_LOOPS(HEED_FOR_FLOAT, float)
HEED_LOOPS(HEED_FOR_DOUBLE, double)

}  // namespace heed::kernels::rows::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace heed::kernels::rows {

HEED_LOOPS(HEED_DISPATCH, T)
HEED_LOOPS(HEED_INSTANTIATE, float)
HEED_LOOPS(HEED_INSTANTIATE, double)

}  // namespace heed::kernels::rows
#endif
