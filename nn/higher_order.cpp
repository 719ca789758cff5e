#include "higher_order.h"
#include <algorithm>

namespace heed {

Tensor SigmaPi::sets(int64_t in, int64_t order, Where at) {
  if (order < 1 || order > in)
    fail<ShapeError>(
        line_of(at), "SigmaPi",
        "the order must be 1 to " + std::to_string(in) + ", the number of inputs, not " + std::to_string(order));
  std::vector<int64_t> members;
  for (int64_t size = 1; size <= order; ++size) {
    std::vector<int64_t> set(static_cast<std::size_t>(size));  // the next one in order: the last that can moves on
    for (int64_t i = 0; i < size; ++i) set[std::size_t(i)] = i;
    for (int64_t last = 0; last >= 0;) {
      members.insert(members.end(), set.begin(), set.end());
      members.insert(members.end(), std::size_t(order - size), in);
      for (last = size - 1; last >= 0 && set[std::size_t(last)] == in - size + last;) --last;
      if (last < 0) break;
      ++set[std::size_t(last)];
      for (int64_t i = last + 1; i < size; ++i) set[std::size_t(i)] = set[std::size_t(i - 1)] + 1;
    }
  }
  return tensor(members, {int64_t(members.size()) / order, order});
}
Parameter SigmaPi::initial(int64_t out, int64_t in, int64_t order, Where at) {
  const int64_t n = sets(in, order, at).size(0);
  const double bound = init::bias_bound(n);
  return parameter(init::uniform({out, n}, -bound, bound));
}

Tensor SigmaPi::terms(In x) const {
  Scope here{*this, x};
  if (x->dim() < 1 || x->size(-1) != in)
    fail<ShapeError>(line_of(x), "SigmaPi",
                     "the input must be [.., " + std::to_string(in) + "], not " + x->shape().str());
  const Tensor members = sets(in, order);
  const Tensor with_one = concat({x, ones(x->shape().with(-1, 1), x->dtype())}, -1);
  Shape factors = x->shape().with(-1, members.size(0));
  factors.push_back(order);
  return prod(reshape(index_select(with_one, -1, flatten(members)), factors), -1);
}
Tensor SigmaPi::operator()(In x, Rng*) const {
  Scope here{*this, x};
  return linear(terms(x), weight, bias);
}

namespace {

Tensor quadratic_terms(const Tensor& x1, const Tensor& x2) {  // [..] -> [.., 6]
  return stack({ones_like(x1), x1, x2, x1 * x2, x1 * x1, x2 * x2}, -1);
}

// The x with the least |A x - y| for A [n, m], by reflections that turn A into a triangle (Householder 1958).
std::vector<double> least_squares(const Tensor& A, const Tensor& y, Where at) {
  const auto n = std::size_t(A.size(0)), m = std::size_t(A.size(1));
  const Tensor columns = transpose(A);
  std::vector<std::vector<double>> a;
  for (std::size_t j = 0; j < m; ++j) a.push_back(columns(j).to_vector());
  a.push_back(y.to_vector());
  for (std::size_t j = 0; j < m; ++j) {
    double before = 0, left = 0;  // squares of the whole column, and of what earlier reflections have left of it
    for (std::size_t i = 0; i < n; ++i) before += a[j][i] * a[j][i], left += i >= j ? a[j][i] * a[j][i] : 0;
    if (n < m || !(left > 1e-24 * before))
      fail<Error>(at, "GmdhNode",
                  std::to_string(n) + " examples do not determine " + std::to_string(m) + " coefficients");
    const double r = a[j][j] > 0 ? -std::sqrt(left) : std::sqrt(left);
    std::vector<double> u(a[j].begin() + std::ptrdiff_t(j), a[j].end());
    u[0] -= r;  // I - 2 u u^T / |u|^2 takes the column to r e_j
    double size = 0;
    for (double v : u) size += v * v;
    for (std::size_t k = j; k <= m; ++k) {
      double along = 0;
      for (std::size_t i = j; i < n; ++i) along += u[i - j] * a[k][i];
      for (std::size_t i = j; i < n; ++i) a[k][i] -= 2 * along / size * u[i - j];
    }
  }
  std::vector<double> x(a[m].begin(), a[m].begin() + std::ptrdiff_t(m));
  for (std::size_t j = m; j-- > 0;) {
    for (std::size_t k = j + 1; k < m; ++k) x[j] -= a[k][j] * x[k];
    x[j] /= a[j][j];
  }
  return x;
}

}  // namespace

Tensor GmdhNode::operator()(In x1, In x2, Rng*) const {
  Scope here{*this, x1};
  return matmul(quadratic_terms(x1, x2), weight);
}
GmdhNode GmdhNode::fit(In x1, In x2, In y) {
  const Where at = line_of(x1);
  if (x1->dim() != 1 || x2->shape() != x1->shape() || y->shape() != x1->shape())
    fail<ShapeError>(at, "GmdhNode",
                     "x1, x2 and y must be [n] alike, not " + x1->shape().str() + ", " + x2->shape().str() + " and " +
                         y->shape().str());
  Unrecorded off;
  Scope here{x1};
  const Tensor terms = quadratic_terms(cast(x1, f64), cast(x2, f64));
  return {parameter(tensor(least_squares(terms, cast(y, f64), at), {6}, y->dtype()))};
}

Tensor HyperLinear::operator()(In x, In z) const {
  Scope here{*this, x};
  if (z->dim() < 1 || z->size(-1) != codes)
    fail<ShapeError>(line_of(x), "HyperLinear",
                     "the code must be [.., " + std::to_string(codes) + "], not " + z->shape().str());
  Shape each = x->shape().with(-1, codes);
  each.push_back(out);
  return sum(unsqueeze(z, -1) * reshape(linear(x, weight), each), -2);  // sum_k z_k (W_k x)
}
Tensor HyperLinear::weight_of(In z) const {
  Scope here{*this, z};
  return reshape(matmul(z, reshape(weight, {codes, out * in})), {out, in});
}

}  // namespace heed
