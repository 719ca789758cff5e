#include <cmath>
#include "../core/op.h"
#include "checks.h"
#include "kernels/map.h"
#include "kernels/rows.h"
#include "ops.h"

namespace heed {

// y = mean over the targets that count of logsumexp(x) - x[target]            x [.., C]  target [..]
struct CrossEntropy {
  static constexpr auto name = "cross_entropy";
  static constexpr auto constant = inputs<1>;
  int64_t ignored;

  static Tensor column(const Tensor& target) {
    Shape s = target.shape();
    s.push_back(1);
    return reshape(target, s);
  }
  Tensor counts(const Tensor& target) const { return column(target) != ignored; }  // [.., 1]
  Tensor safe(const Tensor& target) const { return where(counts(target), column(target), 0); }
  static Tensor per_target(const Tensor& counts, Dtype t) {  // 1 / number of targets that count
    const Tensor n = cast(sum(counts), t);
    return where(n > 0, 1 / where(n > 0, n, 1), 0);
  }

  Tensor definition(const Tensor& x, const Tensor& target) const {
    const Tensor picked = gather(log_softmax(x), -1, safe(target)), on = counts(target);
    return -(sum(where(on, picked, 0)) * per_target(on, x.dtype()));
  }

  // logsumexp(x) = max + rest: their sum would lose the digits of rest where logits are large
  struct Kept {
    Array max, rest;  // [rows]
    int64_t count = 0;
  };
  std::pair<Array, Kept> forward(const Array& x, const Array& target) const {
    const Array in = x.contiguous(), labels = target.contiguous();
    const int64_t classes = x.shape()[-1], n = labels.numel();
    const int64_t* t = labels.data<int64_t>();
    Array y({}, x.dtype()), max({n}, x.dtype()), rest({n}, x.dtype()), loss({n}, x.dtype());
    const int64_t count = n - std::count(t, t + n, ignored);
    visit_floating(x.dtype(), [&]<class T>(T) {
      const T* p = in.data<T>();
      T *m = max.mutable_data<T>(), *r = rest.mutable_data<T>(), *e = loss.mutable_data<T>();
      parallel_for(n, kernels::rows_per_task(classes), [&](int64_t begin, int64_t end) {
        std::vector<T> row(static_cast<std::size_t>(classes));
        for (int64_t i = begin; i < end; ++i) {
          m[i] = r[i] = e[i] = T(0);
          if (t[i] == ignored) continue;
          m[i] = kernels::rows::max(p + i * classes, classes);
          kernels::rows::sub(p + i * classes, m[i], row.data(), classes);
          r[i] = kernels::rows::logsumexp(row.data(), classes);
          e[i] = r[i] - row[std::size_t(t[i])];
        }
      });
      *y.mutable_data<T>() = count ? kernels::rows::sum(e, n) / T(count) : T(0);
    });
    return {y, {max, rest, count}};
  }

  // dL/dx = g (softmax(x) - one_hot(target)) / count
  Tensor d0(Grad g, Input<0> x, Input<1> target) const {
    const Tensor on = counts(target), p = softmax(x);
    const Tensor minus_one = zeros(column(target).shape(), x.dtype()) - 1;
    return where(on, scatter_add(p, -1, safe(target), minus_one), 0) * (g * per_target(on, x.dtype()));
  }
  std::array<Array, 2> backward(Grad g, Input<0> x, Input<1> target, const Kept& kept) const {
    const Array in = x.array().contiguous(), labels = target.array().contiguous();
    const int64_t classes = in.shape()[-1], n = labels.numel();
    const int64_t* t = labels.data<int64_t>();
    Array dx(in.shape(), in.dtype());
    visit_floating(in.dtype(), [&]<class T>(T) {
      const T *p = in.data<T>(), *m = kept.max.data<T>(), *r = kept.rest.data<T>();
      const T each = kept.count ? *g.array().data<T>() / T(kept.count) : T(0);
      T* q = dx.mutable_data<T>();
      parallel_for(n, kernels::rows_per_task(classes), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          T* row = q + i * classes;
          if (t[i] == ignored) {
            std::fill(row, row + classes, T(0));
            continue;
          }
          kernels::rows::sub(p + i * classes, m[i], row, classes);
          kernels::rows::sub(row, r[i], row, classes);
          kernels::rows::exp(row, row, classes);
          kernels::rows::mul(row, each, row, classes);
          row[t[i]] -= each;
        }
      });
    });
    return {dx, Array()};
  }
};

Tensor cross_entropy(In x, In target, CrossEntropyOptions options) {
  const Where at = line_of(x);
  check_floating(CrossEntropy::name, at, x);
  check_defined(CrossEntropy::name, at, target);
  if (target->dtype() != i64)
    fail<DtypeError>(at, CrossEntropy::name,
                     std::string("the targets must be i64, not ") + name(target->dtype()) + ": use cast(x, i64)");
  if (x->dim() == 0 || target->shape() != x->shape().without(x->dim() - 1))
    fail<ShapeError>(at, CrossEntropy::name,
                     "the targets " + target->shape().str() + " must have the shape of " + x->shape().str() +
                         " without its last dimension, the classes");
  check_indices(CrossEntropy::name, at, target, x->size(-1), "classes", options.ignore_index);
  return apply(at, CrossEntropy{options.ignore_index}, x.tensor(), target.tensor());
}

}  // namespace heed
