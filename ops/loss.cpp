#include <algorithm>
#include <cmath>
#include <limits>
#include "../core/op.h"
#include "checks.h"
#include "kernels/map.h"
#include "kernels/rows.h"
#include "ops.h"

namespace heed {
namespace {

namespace rows = kernels::rows;

// x[target], 0 where the target is ignored      x [.., C]  target [..]
Tensor picked(const Tensor& x, const Tensor& target, int64_t ignored) {
  Shape column = target.shape();
  column.push_back(1);
  const Tensor on = target != ignored, index = reshape(where(on, target, 0), column);
  return where(on, reshape(gather(x, -1, index), target.shape()), 0);
}

// weight[target], 0 where the target is ignored      weight [C]  target [..]
Tensor weights_of(const Tensor& target, int64_t ignored, const Tensor& weight) {
  const Tensor on = target != ignored;
  return where(on, reshape(embedding(where(on, target, 0), reshape(weight, {-1, 1})), target.shape()), 0);
}

Tensor reduced(const Tensor& loss, Reduction reduction) {
  if (reduction == Reduction::none) return loss;
  if (reduction == Reduction::mean) return mean(loss);
  return reduction == Reduction::batchmean && loss.dim() ? sum(loss) / loss.size(0) : sum(loss);
}
// The mean is over the targets that count, by their weights if there are any.
Tensor reduced(const Tensor& loss, const Tensor& target, int64_t ignored, const Tensor& weights, Reduction reduction) {
  if (reduction != Reduction::mean) return reduced(loss, reduction);
  if (weights.defined()) {
    const Tensor total = sum(weights);
    return sum(loss) / where(total == 0, 1, total);
  }
  const Array labels = target.array().contiguous();
  const int64_t *t = labels.data<int64_t>(), count = labels.numel() - std::count(t, t + labels.numel(), ignored);
  return scale(sum(loss), count ? 1 / double(count) : 0);
}

void check_classes(const char* op, Where at, const In& x, const In& target, const Tensor& weight, int64_t ignored) {
  check_floating(op, at, x);
  check_defined(op, at, target);
  if (target->dtype() != i64)
    fail<DtypeError>(at, op,
                     std::string("the targets must be i64, not ") + name(target->dtype()) + ": use cast(x, i64)");
  if (x->dim() == 0 || target->shape() != x->shape().without(x->dim() - 1))
    fail<ShapeError>(at, op,
                     "the targets " + target->shape().str() + " must have the shape of " + x->shape().str() +
                         " without its last dimension, the classes");
  check_indices(op, at, target, x->size(-1), "classes", ignored);
  check_vector(op, at, "the weight", weight, x->size(-1), x);
}

// The targets are values of their own for each of x.
void check_values(const char* op, Where at, const In& x, const In& target) {
  check_floating(op, at, x);
  check_defined(op, at, target);
  check_same_dtype(op, at, x->dtype(), target->dtype());
  if (target->shape() != x->shape())
    fail<ShapeError>(at, op, "the targets " + target->shape().str() + " must have the shape of " + x->shape().str());
}

}  // namespace

// y = -sum p log_softmax(x), p = 1 - smoothing at the target, and smoothing / C more of each class; 0 where the target
// is ignored      x [.., C]  target [..]
struct CrossEntropy {
  static constexpr auto name = "cross_entropy";
  static constexpr auto constant = inputs<1>;
  int64_t ignored;
  double smoothing;

  Tensor definition(const Tensor& x, const Tensor& target) const {
    const Tensor p = log_softmax(x), loss = -picked(p, target, ignored);
    if (smoothing == 0) return loss;
    return loss * (1 - smoothing) - where(target != ignored, sum(p, -1), 0) * (smoothing / double(x.size(-1)));
  }

  // logsumexp(x) = max + rest: their sum would lose the digits of rest where logits are large
  struct Kept {
    Array max, rest;  // [rows], of those that are not ignored
  };
  std::pair<Array, Kept> forward(const Array& x, const Array& target) const {
    const Array in = x.contiguous(), labels = target.contiguous();
    const int64_t classes = x.shape()[-1], n = labels.numel();
    const int64_t* t = labels.data<int64_t>();
    Array y(target.shape(), x.dtype()), max({n}, x.dtype()), rest({n}, x.dtype());
    visit_floating(x.dtype(), [&]<class T>(T) {
      const T* p = in.data<T>();
      T *m = max.mutable_data<T>(), *r = rest.mutable_data<T>(), *e = y.mutable_data<T>();
      const T most = T(1 - smoothing), uniform = T(smoothing / double(classes));
      parallel_for(n, kernels::rows_per_task(classes), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          e[i] = T(0);
          if (t[i] == ignored) continue;
          const T* row = p + i * classes;
          m[i] = rows::max(row, classes);
          r[i] = std::log(rows::sum_exp(row, m[i], classes));
          e[i] = most * (r[i] - (row[t[i]] - m[i]));
          if (smoothing > 0) e[i] += uniform * (T(classes) * r[i] - rows::sum_above(row, m[i], classes));
        }
      });
    });
    return {y, {max, rest}};
  }

  // dx = g (softmax(x) - p)
  std::array<Array, 2> backward(Grad g, Input<0> x, Input<1> target, const Kept& kept) const {
    const Array in = x.array().contiguous(), labels = target.array().contiguous(), up = g.array().contiguous();
    const int64_t classes = in.shape()[-1], n = labels.numel();
    const int64_t* t = labels.data<int64_t>();
    Array dx(in.shape(), in.dtype());
    visit_floating(in.dtype(), [&]<class T>(T) {
      const T *p = in.data<T>(), *m = kept.max.data<T>(), *r = kept.rest.data<T>(), *each = up.data<T>();
      T* q = dx.mutable_data<T>();
      const T most = T(1 - smoothing), uniform = T(smoothing / double(classes));
      parallel_for(n, kernels::rows_per_task(classes), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          T* row = q + i * classes;
          if (t[i] == ignored) {
            std::fill(row, row + classes, T(0));
            continue;
          }
          rows::shifted_exp(p + i * classes, m[i], r[i], each[i], -each[i] * uniform, row, classes);
          row[t[i]] -= each[i] * most;
        }
      });
    });
    return {dx, Array()};
  }
};

Tensor cross_entropy(In x, In target, const CrossEntropyOptions& options) {
  constexpr auto op = CrossEntropy::name;
  const Where at = line_of(x);
  const auto& [weight, ignored, reduction, smoothing] = options;
  check_floating(op, at, x);
  check_defined(op, at, target);
  const bool probabilities = floating(target->dtype());
  if (probabilities) {
    check_same_dtype(op, at, x->dtype(), target->dtype());
    if (target->shape() != x->shape())
      fail<ShapeError>(at, op,
                       "the targets " + target->shape().str() + " must have the shape of " + x->shape().str() +
                           "; as indices they are i64");
    if (x->dim() == 0) fail<ShapeError>(at, op, "the input has no dimension of classes");
    check_vector(op, at, "the weight", weight, x->size(-1), x);
    if (ignored >= 0) fail<Error>(at, op, "ignore_index is for targets that are indices, not probabilities");
  } else {
    check_classes(op, at, x, target, weight, ignored);
  }
  if (!(smoothing >= 0 && smoothing <= 1))
    fail<Error>(at, op, "label_smoothing must be in [0, 1], not " + std::to_string(smoothing));

  Scope here{x};
  const double uniform = smoothing / double(x->size(-1));  // what smoothing gives to each class
  if (probabilities) {
    Tensor p = smoothing > 0 ? target * (1 - smoothing) + uniform : target.tensor();
    if (weight.defined()) p = p * weight;
    return reduced(-sum(p * log_softmax(x), -1), reduction);
  }
  if (!weight.defined())
    return reduced(apply(at, CrossEntropy{ignored, smoothing}, x.tensor(), target.tensor()), target, ignored, {},
                   reduction);
  const Tensor weights = weights_of(target, ignored, weight);
  Tensor loss = apply(at, CrossEntropy{ignored, 0}, x.tensor(), target.tensor()) * weights;
  if (smoothing > 0)
    loss = loss * (1 - smoothing) - where(target != ignored, sum(log_softmax(x) * weight, -1), 0) * uniform;
  return reduced(loss, target, ignored, weights, reduction);
}

Tensor nll_loss(In x, In target, const NllOptions& options) {
  const auto& [weight, ignored, reduction] = options;
  check_classes("nll_loss", line_of(x), x, target, weight, ignored);
  Scope here{x};
  const Tensor weights = weight.defined() ? weights_of(target, ignored, weight) : weight;
  const Tensor loss = -picked(x, target, ignored);
  return reduced(weights.defined() ? loss * weights : loss, target, ignored, weights, reduction);
}

// With p = sigmoid(x): log p = -softplus(-x), log(1 - p) = -softplus(x)
Tensor binary_cross_entropy_with_logits(In x, In target, const BceOptions& options) {
  constexpr auto op = "binary_cross_entropy_with_logits";
  const Where at = line_of(x);
  const auto& [weight, pos_weight, reduction] = options;
  check_values(op, at, x, target);
  for (const auto& [what, w] : {std::pair("weight", &weight), std::pair("pos_weight", &pos_weight)}) {
    if (!w->defined()) continue;
    check_same_dtype(op, at, x->dtype(), w->dtype());
    check_over(op, at, what, *w, "", x->shape());
  }
  Scope here{x};
  constexpr double always = std::numeric_limits<double>::infinity();
  const Tensor t = pos_weight.defined() ? target * pos_weight : target.tensor();
  Tensor loss = t * softplus(-x, 1, always) + (1 - target) * softplus(x, 1, always);
  if (weight.defined()) loss = loss * weight;
  return reduced(loss, reduction);
}

Tensor mse_loss(In x, In target, Reduction reduction) {
  check_values("mse_loss", line_of(x), x, target);
  Scope here{x};
  return reduced(square(x - target), reduction);
}

Tensor l1_loss(In x, In target, Reduction reduction) {
  check_values("l1_loss", line_of(x), x, target);
  Scope here{x};
  return reduced(abs(x - target), reduction);
}

Tensor huber_loss(In x, In target, double delta, Reduction reduction) {
  const Where at = line_of(x);
  check_values("huber_loss", at, x, target);
  if (!(delta > 0)) fail<Error>(at, "huber_loss", "delta must be positive, not " + std::to_string(delta));
  Scope here{x};
  const Tensor d = x - target, near = clamp(d, -delta, delta);
  return reduced(near * (d - near / 2), reduction);
}

Tensor kl_div(In x, In target, const KlDivOptions& options) {
  check_values("kl_div", line_of(x), x, target);
  Scope here{x};
  const Tensor& t = target;
  if (options.log_target) return reduced(exp(t) * (t - x), options.reduction);
  return reduced(t * (log(where(t == 0, 1, t)) - x), options.reduction);
}

Tensor cosine_similarity(In a, In b, int dim, double eps) {
  constexpr auto op = "cosine_similarity";
  const Where at = line_of(a);
  check_floating(op, at, a);
  check_floating(op, at, b);
  check_same_dtype(op, at, a->dtype(), b->dtype());
  const Shape common = broadcast(at, op, a->shape(), b->shape());
  const int d = checked_dim(at, op, dim, common.rank());
  Scope here{a};
  auto normalized = [&](const Tensor& x) {
    const Tensor squares = sum(square(x), d, keepdim);
    return x / sqrt(where(squares > eps * eps, squares, eps * eps));
  };
  return sum(normalized(broadcast_to(a, common)) * normalized(broadcast_to(b, common)), d);
}

}  // namespace heed
