#include "../core/op.h"
#include "checks.h"
#include "kernels/map.h"
#include "kernels/rows.h"
#include "ops.h"

namespace heed {

// y = h weight + bias, h = (x - mean) rstd, rstd = 1 / sqrt(variance + eps)      x [.., D]
// weight, bias [D] or absent, or [G, D]: one for each of the groups that are x's last but one dimension
struct LayerNormOp {
  static constexpr auto name = "layer_norm";
  static constexpr bool cheap = true;
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
    const Array in = x.contiguous();
    const OfGroups w(weight), b(bias);
    Array y(x.shape(), x.dtype()), mean({count}, x.dtype()), rstd({count}, x.dtype());
    visit_floating(x.dtype(), [&]<class T>(T) {
      const T* p = in.data<T>();
      T *q = y.mutable_data<T>(), *m = mean.mutable_data<T>(), *r = rstd.mutable_data<T>();
      parallel_for(count, kernels::rows_per_task(n), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i)
          kernels::rows::layer_norm(p + i * n, w.row<T>(i), b.row<T>(i), T(eps), q + i * n, n, m[i], r[i]);
      });
    });
    return {y, {mean, rstd}};
  }

  std::array<Array, 3> backward(Grad g, Input<0> x, Input<1> weight, Input<2> bias, const Kept& kept,
                                const Needs& needs) const {
    const Array values = x.array().contiguous(), up = g.array().contiguous();
    const OfGroups w(weight.array());
    const int64_t n = values.shape()[-1], count = values.numel() / n;
    const Shape shape = needs[1] ? weight.shape() : bias.shape();  // of both
    Array dx, sums;
    if (needs[0]) dx = Array(values.shape(), values.dtype());
    visit_floating(values.dtype(), [&]<class T>(T) {
      const T *p = values.data<T>(), *q = up.data<T>(), *m = kept.mean.data<T>(), *r = kept.rstd.data<T>();
      const bool parameters = needs[1] || needs[2];
      sums = kernels::sum_rows<T>(count, groups(shape), parameters ? 2 * n : 0, [&](int64_t i, T* sum) {
        if (needs[0])
          kernels::rows::layer_norm_grad(p + i * n, w.row<T>(i), q + i * n, m[i], r[i], dx.mutable_data<T>() + i * n,
                                         n);
        if (parameters) kernels::rows::layer_norm_param_grad(p + i * n, q + i * n, m[i], r[i], sum, sum + n, n);
      });
    });
    return {dx, needs[1] ? sums.sliced(1, 0, n).reshaped(shape) : Array(),
            needs[2] ? sums.sliced(1, n, n).reshaped(shape) : Array()};
  }

 private:
  static int64_t groups(const Shape& parameters) { return parameters.rank() == 2 ? parameters[0] : 1; }
  struct OfGroups {  // weight or bias, as the rows of x take it
    Array array;
    explicit OfGroups(const Array& a) : array(a.contiguous()) {}
    template <class T>
    const T* row(int64_t i) const {
      if (!array.defined()) return nullptr;
      return array.data<T>() + i % groups(array.shape()) * array.shape()[-1];
    }
  };
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

// The groups of an image are rows; each takes the parameters of its channels, repeated over space.
Tensor group_norm(In x, int64_t groups, In weight, In bias, double eps) {
  constexpr auto op = "group_norm";
  const Where at = line_of(x);
  check_floating(op, at, x);
  const Shape& s = x->shape();
  if (s.rank() < 2 || s.without(0).numel() == 0)
    fail<ShapeError>(at, op, "the input must be [N, C, ..] with something to normalise, not " + s.str());
  if (groups < 1 || s[1] % groups)
    fail<ShapeError>(at, op,
                     "the " + std::to_string(s[1]) + " channels of " + s.str() + " do not fall into " +
                         std::to_string(groups) + " groups");
  for (const In& p : {weight, bias}) check_vector(op, at, "weight and bias", p, s[1], x);
  Scope here{x};
  const int64_t n = s.without(0).numel() / groups, inner = s.without(0).numel() / s[1];
  auto repeated = [&](const Tensor& p) {
    return p.defined() ? reshape(expand(reshape(p, {s[1], 1}), {s[1], inner}), {groups, n}) : p;
  };
  return reshape(apply(at, LayerNormOp{eps}, reshape(x, {s[0], groups, n}), repeated(weight), repeated(bias)), s);
}

}  // namespace heed
