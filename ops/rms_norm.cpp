#include <algorithm>
#include <cmath>
#include <limits>
#include "../core/op.h"
#include "checks.h"
#include "kernels/map.h"
#include "kernels/rows.h"
#include "ops.h"

namespace heed {

// y = x rstd weight, rstd = 1 / sqrt(mean(x^2) + eps)      x [.., D]  weight [D] or absent
struct RmsNormOp {
  static constexpr auto name = "rms_norm";
  static constexpr bool cheap = true;
  double eps;
  Tensor definition(const Tensor& x, const Tensor& weight) const {
    const Tensor y = x / sqrt(mean(x * x, -1, keepdim) + eps);
    return weight.defined() ? y * weight : y;
  }

  struct Kept {
    Array rstd;  // [rows]
  };
  std::pair<Array, Kept> forward(const Array& x, const Array& weight) const {
    const int64_t n = x.shape()[-1], count = x.numel() / n;
    const Array in = x.contiguous(), w = weight.contiguous();
    Array y(x.shape(), x.dtype()), rstd({count}, x.dtype());
    visit_floating(x.dtype(), [&]<class T>(T) {
      const T* p = in.data<T>();
      T *q = y.mutable_data<T>(), *r = rstd.mutable_data<T>();
      parallel_for(count, kernels::rows_per_task(n), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          r[i] = 1 / std::sqrt(kernels::rows::squares(p + i * n, n) / T(n) + T(eps));
          kernels::rows::mul(p + i * n, r[i], q + i * n, n);
          if (w.defined()) kernels::rows::mul(q + i * n, w.data<T>(), q + i * n, n);
        }
      });
    });
    return {y, {rstd}};
  }

  // With p = g weight: dx = rstd (p - x <p, x> rstd^2 / n); dweight = sum over rows of g x rstd
  std::array<Array, 2> backward(Grad g, Input<0> x, Input<1> weight, const Kept& kept, const Needs& needs) const {
    const Array values = x.array().contiguous(), up = g.array().contiguous();
    const Array w = weight.array().contiguous();
    const int64_t n = values.shape()[-1], count = values.numel() / n;
    Array dx, dweight;
    if (needs[0]) dx = Array(values.shape(), values.dtype());
    visit_floating(values.dtype(), [&]<class T>(T) {
      const T* rstd = kept.rstd.data<T>();
      dweight = kernels::sum_rows<T>(count, 1, needs[1] ? n : 0, [&](int64_t i, T* sum) {
        const T *p = values.data<T>() + i * n, *q = up.data<T>() + i * n, r = rstd[i];
        if (needs[0]) {
          T* d = dx.mutable_data<T>() + i * n;
          if (w.defined()) kernels::rows::mul(q, w.data<T>(), d, n);
          else std::copy_n(q, n, d);
          const T along = kernels::rows::dot(d, p, n) * r * r / T(n);
          for (int64_t j = 0; j < n; ++j) d[j] = r * (d[j] - p[j] * along);
        }
        if (needs[1]) kernels::rows::layer_norm_param_grad<T>(p, q, 0, r, sum, nullptr, n);
      });
    });
    return {dx, needs[1] ? dweight.reshaped({n}) : Array()};
  }
};

Tensor rms_norm(In x, In weight, std::optional<double> eps) {
  const Where at = line_of(x);
  check_floating(RmsNormOp::name, at, x);
  if (x->dim() == 0 || x->size(-1) == 0)
    fail<ShapeError>(at, RmsNormOp::name, "there is nothing to normalise in the last dimension of " + x->shape().str());
  check_vector(RmsNormOp::name, at, "the weight", weight, x->size(-1), x);
  const double epsilon =
      x->dtype() == f64 ? std::numeric_limits<double>::epsilon() : std::numeric_limits<float>::epsilon();
  return apply(at, RmsNormOp{eps.value_or(epsilon)}, x.tensor(), weight.tensor());
}

}  // namespace heed
