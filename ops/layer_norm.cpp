#include "../core/op.h"
#include "checks.h"
#include "kernels/map.h"
#include "kernels/rows.h"
#include "ops.h"

namespace heed {

// y = h weight + bias, h = (x - mean) rstd, rstd = 1 / sqrt(variance + eps)      x [.., D]  weight, bias [D] or absent
struct LayerNormOp {
  static constexpr auto name = "layer_norm";
  double eps;
  Tensor definition(const Tensor& x, const Tensor& weight, const Tensor& bias) const {
    const Tensor centred = x - mean(x, -1, keepdim);
    Tensor y = centred / sqrt(mean(centred * centred, -1, keepdim) + eps);
    if (weight.defined()) y = y * weight;
    if (bias.defined()) y = y + bias;
    return y;
  }

  struct Kept {
    Array mean, rstd;  // [rows]
  };
  std::pair<Array, Kept> forward(const Array& x, const Array& weight, const Array& bias) const {
    const int64_t n = x.shape()[-1], count = x.numel() / n;
    const Array in = x.contiguous(), w = packed(weight), b = packed(bias);
    Array y(x.shape(), x.dtype()), mean({count}, x.dtype()), rstd({count}, x.dtype());
    visit_floating(x.dtype(), [&]<class T>(T) {
      const T* p = in.data<T>();
      T *q = y.mutable_data<T>(), *m = mean.mutable_data<T>(), *r = rstd.mutable_data<T>();
      parallel_for(count, kernels::rows_per_task(n), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i)
          kernels::rows::layer_norm(p + i * n, data<T>(w), data<T>(b), T(eps), q + i * n, n, m[i], r[i]);
      });
    });
    return {y, {mean, rstd}};
  }

  std::array<Array, 3> backward(Grad g, Input<0> x, Input<1> weight, const Kept& kept, const Needs& needs) const {
    const Array values = x.array().contiguous(), up = g.array().contiguous(), w = packed(weight);
    const int64_t n = values.shape()[-1], count = values.numel() / n;
    Array dx, dweight, dbias;
    if (needs[0]) dx = Array(values.shape(), values.dtype());
    if (needs[1]) dweight = filled({n}, 0, values.dtype());
    if (needs[2]) dbias = filled({n}, 0, values.dtype());
    constexpr int64_t block = 64;  // rows whose parameter gradients are summed together, then added in order
    const int64_t blocks = (count + block - 1) / block;
    Array parts = needs[1] || needs[2] ? filled({blocks, 2, n}, 0, values.dtype()) : Array();
    visit_floating(values.dtype(), [&]<class T>(T) {
      const T *p = values.data<T>(), *q = up.data<T>(), *m = kept.mean.data<T>(), *r = kept.rstd.data<T>();
      T* part = parts.defined() ? parts.mutable_data<T>() : nullptr;
      parallel_for(count, block, [&](int64_t begin, int64_t end) {
        T* sums = part ? part + begin / block * 2 * n : nullptr;
        for (int64_t i = begin; i < end; ++i) {
          if (needs[0])
            kernels::rows::layer_norm_grad(p + i * n, data<T>(w), q + i * n, m[i], r[i], dx.mutable_data<T>() + i * n,
                                           n);
          if (sums) kernels::rows::layer_norm_param_grad(p + i * n, q + i * n, m[i], r[i], sums, sums + n, n);
        }
      });
      for (int64_t b = 0; b < (part ? blocks : 0); ++b) {
        if (needs[1]) kernels::rows::accumulate(dweight.mutable_data<T>(), part + b * 2 * n, n);
        if (needs[2]) kernels::rows::accumulate(dbias.mutable_data<T>(), part + (b * 2 + 1) * n, n);
      }
    });
    return {dx, dweight, dbias};
  }

 private:
  static Array packed(const Array& a) { return a.defined() ? a.contiguous() : a; }
  template <class T>
  static const T* data(const Array& a) {
    return a.defined() ? a.data<T>() : nullptr;
  }
};

Tensor layer_norm(In x, In weight, In bias, double eps) {
  const Where at = line_of(x);
  check_floating(LayerNormOp::name, at, x);
  if (x->dim() == 0 || x->size(-1) == 0)
    fail<ShapeError>(at, LayerNormOp::name,
                     "there is nothing to normalise in the last dimension of " + x->shape().str());
  for (const In& p : {weight, bias}) check_vector(LayerNormOp::name, at, "weight and bias", p, x->size(-1), x);
  return apply(at, LayerNormOp{eps}, x.tensor(), weight.tensor(), bias.tensor());
}

}  // namespace heed
