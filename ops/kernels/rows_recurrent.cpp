#include <cmath>
#include "rows.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "heed/ops/kernels/rows_recurrent.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include <hwy/contrib/math/math-inl.h>
#include "vector.inl"
#include "math.inl"
// clang-format on

#undef HEED_LOOPS
#define HEED_LOOPS(X, T)                                                                                            \
  X(void, lstm, lstm, (Gates<const T> x, Gates<const T> u, T * c, T * h, Gates<T> kept, int64_t n),                 \
    (x, u, c, h, kept, n))                                                                                          \
  X(void, lstm_grad, lstm_grad, (Gates<const T> kept, const T* c_before, T* dh, T* dc, Gates<T> du, int64_t n),     \
    (kept, c_before, dh, dc, du, n))                                                                                \
  X(void, gru, gru, (Gates<const T> x, Gates<const T> u, const T* h_before, T* h, Gates<T> kept, int64_t n),        \
    (x, u, h_before, h, kept, n))                                                                                   \
  X(void, gru_grad, gru_grad, (Gates<const T> kept, const T* h_before, T* dh, Gates<T> dx, Gates<T> du, int64_t n), \
    (kept, h_before, dh, dx, du, n))

#if HWY_ONCE
namespace heed::kernels::rows::reference {

template <class T>
T sigmoid(T x) {
  return 1 / (1 + std::exp(-x));
}

template <class T>
void lstm(Gates<const T> x, Gates<const T> u, T* c, T* h, Gates<T> kept, int64_t n) {
  for (int64_t j = 0; j < n; ++j) {
    const T i = kept[0][j] = sigmoid(x[0][j] + u[0][j]), f = kept[1][j] = sigmoid(x[1][j] + u[1][j]);
    const T g = kept[2][j] = std::tanh(x[2][j] + u[2][j]), o = kept[3][j] = sigmoid(x[3][j] + u[3][j]);
    kept[4][j] = c[j] = f * c[j] + i * g;
    h[j] = o * std::tanh(c[j]);
  }
}

template <class T>
void lstm_grad(Gates<const T> kept, const T* c_before, T* dh, T* dc, Gates<T> du, int64_t n) {
  for (int64_t j = 0; j < n; ++j) {
    const T i = kept[0][j], f = kept[1][j], g = kept[2][j], o = kept[3][j], t = std::tanh(kept[4][j]);
    const T d = dc[j] + dh[j] * o * (1 - t * t);
    du[0][j] = d * g * i * (1 - i);
    du[1][j] = d * c_before[j] * f * (1 - f);
    du[2][j] = d * i * (1 - g * g);
    du[3][j] = dh[j] * t * o * (1 - o);
    dc[j] = d * f;
    dh[j] = 0;
  }
}

template <class T>
void gru(Gates<const T> x, Gates<const T> u, const T* h_before, T* h, Gates<T> kept, int64_t n) {
  for (int64_t j = 0; j < n; ++j) {
    const T r = kept[0][j] = sigmoid(x[0][j] + u[0][j]), z = kept[1][j] = sigmoid(x[1][j] + u[1][j]);
    kept[3][j] = u[2][j];
    const T m = kept[2][j] = std::tanh(x[2][j] + r * u[2][j]);
    h[j] = (1 - z) * m + z * h_before[j];
  }
}

template <class T>
void gru_grad(Gates<const T> kept, const T* h_before, T* dh, Gates<T> dx, Gates<T> du, int64_t n) {
  for (int64_t j = 0; j < n; ++j) {
    const T r = kept[0][j], z = kept[1][j], m = kept[2][j], dm = dh[j] * (1 - z) * (1 - m * m);
    dx[0][j] = du[0][j] = dm * kept[3][j] * r * (1 - r);
    dx[1][j] = du[1][j] = dh[j] * (h_before[j] - m) * z * (1 - z);
    dx[2][j] = dm;
    du[2][j] = dm * r;
    dh[j] *= z;
  }
}

HEED_LOOPS(HEED_INSTANTIATE, float)
HEED_LOOPS(HEED_INSTANTIATE, double)
HEED_LOOPS(HEED_INSTANTIATE, long double)

}  // namespace heed::kernels::rows::reference
#endif

HWY_BEFORE_NAMESPACE();
namespace heed::kernels::rows::HWY_NAMESPACE {

// d y (1 - y)
template <class D, class V = Vec<D>>
V through_sigmoid(D, V d, V y) {
  return Mul(d, NegMulAdd(y, y, y));
}
// d (1 - y^2)
template <class D, class V = Vec<D>>
V through_tanh(D tag, V d, V y) {
  return Mul(d, NegMulAdd(y, y, Set(tag, TFromD<D>(1))));
}

// A step is one loop over all gates: what they make of each other stays in registers.
template <class T>
void lstm(Gates<const T> x, Gates<const T> u, T* c, T* h, Gates<T> kept, int64_t n) {
  const ScalableTag<T> d;
  each_vector<T>(n, [&](auto part, int64_t j) HWY_ATTR {
    const auto sum = [&](int k) HWY_ATTR { return Add(part.load(x[k] + j), part.load(u[k] + j)); };
    const auto i = sigmoid_of(d, sum(0)), f = sigmoid_of(d, sum(1)), g = tanh_of(d, sum(2)), o = sigmoid_of(d, sum(3));
    const auto cell = MulAdd(f, part.load(c + j), Mul(i, g));
    part.store(i, kept[0] + j);
    part.store(f, kept[1] + j);
    part.store(g, kept[2] + j);
    part.store(o, kept[3] + j);
    part.store(cell, kept[4] + j);
    part.store(cell, c + j);
    part.store(Mul(o, tanh_of(d, cell)), h + j);
  });
}

template <class T>
void lstm_grad(Gates<const T> kept, const T* c_before, T* dh, T* dc, Gates<T> du, int64_t n) {
  const ScalableTag<T> tag;
  each_vector<T>(n, [&](auto part, int64_t j) HWY_ATTR {
    const auto i = part.load(kept[0] + j), f = part.load(kept[1] + j), g = part.load(kept[2] + j);
    const auto o = part.load(kept[3] + j), t = tanh_of(tag, part.load(kept[4] + j)), from_h = part.load(dh + j);
    const auto d = Add(part.load(dc + j), through_tanh(tag, Mul(from_h, o), t));
    part.store(through_sigmoid(tag, Mul(d, g), i), du[0] + j);
    part.store(through_sigmoid(tag, Mul(d, part.load(c_before + j)), f), du[1] + j);
    part.store(through_tanh(tag, Mul(d, i), g), du[2] + j);
    part.store(through_sigmoid(tag, Mul(from_h, t), o), du[3] + j);
    part.store(Mul(d, f), dc + j);
    part.store(Zero(tag), dh + j);
  });
}

template <class T>
void gru(Gates<const T> x, Gates<const T> u, const T* h_before, T* h, Gates<T> kept, int64_t n) {
  const ScalableTag<T> d;
  each_vector<T>(n, [&](auto part, int64_t j) HWY_ATTR {
    const auto sum = [&](int k) HWY_ATTR { return Add(part.load(x[k] + j), part.load(u[k] + j)); };
    const auto r = sigmoid_of(d, sum(0)), z = sigmoid_of(d, sum(1)), un = part.load(u[2] + j);
    const auto m = tanh_of(d, MulAdd(r, un, part.load(x[2] + j)));
    part.store(r, kept[0] + j);
    part.store(z, kept[1] + j);
    part.store(m, kept[2] + j);
    part.store(un, kept[3] + j);
    part.store(MulAdd(z, part.load(h_before + j), NegMulAdd(z, m, m)), h + j);
  });
}

template <class T>
void gru_grad(Gates<const T> kept, const T* h_before, T* dh, Gates<T> dx, Gates<T> du, int64_t n) {
  const ScalableTag<T> tag;
  each_vector<T>(n, [&](auto part, int64_t j) HWY_ATTR {
    const auto r = part.load(kept[0] + j), z = part.load(kept[1] + j), m = part.load(kept[2] + j);
    const auto d = part.load(dh + j), dm = through_tanh(tag, NegMulAdd(d, z, d), m);
    const auto dr = through_sigmoid(tag, Mul(dm, part.load(kept[3] + j)), r);
    const auto dz = through_sigmoid(tag, Mul(d, Sub(part.load(h_before + j), m)), z);
    part.store(dr, dx[0] + j);
    part.store(dr, du[0] + j);
    part.store(dz, dx[1] + j);
    part.store(dz, du[1] + j);
    part.store(dm, dx[2] + j);
    part.store(Mul(dm, r), du[2] + j);
    part.store(Mul(d, z), dh + j);
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
