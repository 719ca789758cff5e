#include <cmath>
#include "../core/op.h"
#include "../core/parallel.h"
#include "checks.h"
#include "ops.h"

namespace heed {

// y = (x - mean) / sqrt(variance + eps) weight + bias, statistics per channel c over n and inner
// x is seen as [n, c, inner]
struct BatchNormOp {
  static constexpr auto name = "batch_norm";
  double eps;

  static Tensor per_channel(const Tensor& t, const Tensor& x) {  // [C] -> [C, 1, ..]
    Shape s{x.size(1)};
    for (int i = 2; i < x.dim(); ++i) s.push_back(1);
    return reshape(t, s);
  }
  static Tensor channel_mean(const Tensor& x) {
    const Tensor total = sum_to(x, per_channel(zeros({x.size(1)}, x.dtype()), x).shape());
    return reshape(total, {x.size(1)}) / (double(x.numel()) / double(x.size(1)));
  }
  std::array<Tensor, 3> definition(const Tensor& x, const Tensor& weight, const Tensor& bias) const {
    const Tensor mean = channel_mean(x), centred = x - per_channel(mean, x);
    const Tensor variance = channel_mean(centred * centred);
    Tensor y = centred / per_channel(sqrt(variance + eps), x);
    if (weight.defined()) y = y * per_channel(weight, x);
    if (bias.defined()) y = y + per_channel(bias, x);
    return {y, mean, variance};
  }

  struct View {  // x as [n, c, inner]
    int64_t n, c, inner;
    explicit View(const Shape& s) : n(s[0]), c(s[1]), inner(s.numel() / (n * c)) {}
    int64_t count() const { return n * inner; }
    template <class F>
    void for_each(int64_t channel, F&& f) const {
      for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < inner; ++j) f((i * c + channel) * inner + j);
    }
  };
  std::array<Array, 3> forward(const Array& x, const Array& weight, const Array& bias) const {
    const View v(x.shape());
    const Array in = x.contiguous();
    Array y(x.shape(), x.dtype()), mean({v.c}, x.dtype()), variance({v.c}, x.dtype());
    visit_floating(x.dtype(), [&]<class T>(T) {
      const T* p = in.data<T>();
      const Values<T> w(weight, 1), b(bias, 0);
      parallel_for(v.c, 1, [&](int64_t begin, int64_t end) {
        for (int64_t c = begin; c < end; ++c) {
          double sum = 0, squares = 0;
          v.for_each(c, [&](int64_t i) { sum += double(p[i]); });
          const double m = sum / double(v.count());
          v.for_each(c, [&](int64_t i) { squares += (double(p[i]) - m) * (double(p[i]) - m); });
          const double s = squares / double(v.count()), r = 1 / std::sqrt(s + eps);
          mean.mutable_data<T>()[c] = T(m);
          variance.mutable_data<T>()[c] = T(s);
          v.for_each(c, [&](int64_t i) { y.mutable_data<T>()[i] = T((double(p[i]) - m) * r) * w[c] + b[c]; });
        }
      });
    });
    return {y, mean, variance};
  }

  // With h = (x - mean) rstd:  dx = weight rstd (g - mean(g) - h mean(g h)) + gmean / count + gvar 2 (x - mean) / count
  std::array<Array, 3> backward(Grad g, GradOf<1> gmean, GradOf<2> gvar, Input<0> x, Input<1> weight, OutputOf<1> mean,
                                OutputOf<2> variance) const {
    const Array in = x.array().contiguous();
    const View v(in.shape());
    Array dx(in.shape(), in.dtype()), dweight({v.c}, in.dtype()), dbias({v.c}, in.dtype());
    visit_floating(in.dtype(), [&]<class T>(T) {
      const T* p = in.data<T>();
      const Array up = g.array().contiguous();
      const Values<T> w(weight.array(), 1), gm(gmean.array(), 0), gv(gvar.array(), 0);
      const T *q = up.defined() ? up.data<T>() : nullptr, *m = mean.array().data<T>(), *s = variance.array().data<T>();
      const double n = double(v.count());
      parallel_for(v.c, 1, [&](int64_t begin, int64_t end) {
        for (int64_t c = begin; c < end; ++c) {
          const double r = 1 / std::sqrt(double(s[c]) + eps);
          double sum_g = 0, sum_gh = 0;
          if (q)
            v.for_each(c, [&](int64_t i) {
              sum_g += double(q[i]);
              sum_gh += double(q[i]) * (double(p[i]) - double(m[c])) * r;
            });
          dweight.mutable_data<T>()[c] = T(sum_gh);
          dbias.mutable_data<T>()[c] = T(sum_g);
          v.for_each(c, [&](int64_t i) {
            const double centred = double(p[i]) - double(m[c]);
            double d = (double(gm[c]) + 2 * double(gv[c]) * centred) / n;
            if (q) d += double(w[c]) * r * (double(q[i]) - sum_g / n - centred * r * sum_gh / n);
            dx.mutable_data<T>()[i] = T(d);
          });
        }
      });
    });
    return {dx, dweight, dbias};
  }

 private:
  template <class T>
  struct Values {  // of a channel, or the same for all where the array is absent
    Array array;
    T otherwise;
    Values(const Array& a, T otherwise) : array(a.contiguous()), otherwise(otherwise) {}
    T operator[](int64_t c) const { return array.defined() ? array.data<T>()[c] : otherwise; }
  };
};

Normalized batch_norm(In x, In weight, In bias, double eps) {
  const Where at = line_of(x);
  check_floating(BatchNormOp::name, at, x);
  if (x->dim() < 2 || x->numel() == 0)
    fail<ShapeError>(at, BatchNormOp::name, "the input must be [N, C, ..] and not empty, not " + x->shape().str());
  for (const In& p : {weight, bias}) check_vector(BatchNormOp::name, at, "weight and bias", p, x->size(1), x);
  auto [y, mean, variance] = apply(at, BatchNormOp{eps}, x.tensor(), weight.tensor(), bias.tensor());
  return {y, mean, variance};
}

}  // namespace heed
