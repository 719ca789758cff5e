#include "kernels/matmul.h"
#include "../core/op.h"
#include "checks.h"
#include "ops.h"

namespace heed {

struct Matmul {  // batch dimensions are equal; b may be bf16 beside an f32 a, and so is its gradient then
  static constexpr auto name = "matmul";
  Dtype right;  // b's
  static int64_t multiply_adds(const Shape& y, const Shape& a, const Shape&) { return y.numel() * a[-1]; }
  Array forward(const Array& a, const Array& b) const { return kernels::matmul(a, b); }
  Tensor d0(Grad g, Input<1> b) const { return matmul(g, transpose(b)); }
  Tensor d1(Grad g, Input<0> a) const { return cast(matmul(transpose(a), g), right); }
};
Tensor matmul(In a, In b) {
  const Where at = line_of(a);
  check_floating(Matmul::name, at, a);
  check_factor(Matmul::name, at, a, b);
  const Shape &p = a->shape(), &q = b->shape();
  if (!p.rank() || !q.rank())
    fail<ShapeError>(at, Matmul::name, "cannot multiply " + p.str() + " by " + q.str() + ": use * with a number");
  const int inner = q.rank() == 1 ? -1 : -2;
  if (p[-1] != q[inner])
    fail<ShapeError>(at, Matmul::name,
                     "cannot multiply " + p.str() + " by " + q.str() + ": the last dimension of the first (" +
                         std::to_string(p[-1]) + ") must equal the " + (q.rank() == 1 ? "" : "second-to-") +
                         "last of the second (" + std::to_string(q[inner]) + ")");
  if (p.rank() == 2 && q.rank() == 2) return apply(at, Matmul{b->dtype()}, a.tensor(), b.tensor());

  Scope here{a};
  if (p.rank() == 1) {  // a row, dropped again
    const Tensor y = matmul(reshape(a, {1, p[0]}), b);
    return reshape(y, y.shape().without(q.rank() == 1 ? 0 : y.dim() - 2));
  }
  if (q.rank() == 1) {  // a column, dropped again
    const Tensor y = matmul(a, reshape(b, {q[0], 1}));
    return reshape(y, y.shape().without(y.dim() - 1));
  }
  if (q.rank() == 2) return reshape(matmul(reshape(a, {p.without(p.rank() - 1).numel(), p[-1]}), b), p.with(-1, q[-1]));
  const Shape batch = broadcast(at, Matmul::name, kernels::batch_of(p), kernels::batch_of(q));
  const Shape left = kernels::with_matrix(batch, p), right = kernels::with_matrix(batch, q);
  const Tensor factor = right == q ? b.tensor() : widened(b);  // so that its gradient is summed in f32
  return apply(at, Matmul{factor.dtype()}, broadcast_to(a, left), broadcast_to(factor, right));
}

struct LinearOp {  // an absent bias is an undefined tensor, and its rule is not called
  static constexpr auto name = "linear";
  Dtype stored;  // of the weight, as in Matmul
  static int64_t multiply_adds(const Shape& y, const Shape& x, const Shape&, const Shape&) { return y.numel() * x[-1]; }
  static Tensor rows(const Tensor& x) { return reshape(x, {x.shape().without(x.dim() - 1).numel(), x.size(-1)}); }
  Array forward(const Array& x, const Array& w, const Array& b) const {
    const Shape& s = x.shape();
    const int64_t in = s[-1], out = w.shape()[0], n = s.without(s.rank() - 1).numel();
    const Array y = kernels::matmul(x.reshaped({n, in}), w.transposed(0, 1), b);
    return y.reshaped(s.with(-1, out));
  }
  Tensor d0(Grad g, Input<1> w) const { return matmul(g, w); }
  Tensor d1(Grad g, Input<0> x) const { return cast(matmul(transpose(rows(g)), rows(x)), stored); }
  Tensor d2(Grad g) const { return g; }
};
Tensor linear(In x, In weight, In bias) {
  const Where at = line_of(x);
  check_floating(LinearOp::name, at, x);
  check_factor(LinearOp::name, at, x, weight);
  const Shape &s = x->shape(), &w = weight->shape();
  if (w.rank() != 2) fail<ShapeError>(at, LinearOp::name, "the weight must be [out, in], not " + w.str());
  if (!s.rank() || s[-1] != w[1])
    fail<ShapeError>(
        at, LinearOp::name,
        "cannot apply a weight " + w.str() + " to " + s.str() + ": the last dimension must be " + std::to_string(w[1]));
  if (bias.defined()) {
    check_factor(LinearOp::name, at, x, bias);
    if (bias->shape() != Shape{w[0]})
      fail<ShapeError>(
          at, LinearOp::name,
          "the bias must be " + Shape{w[0]}.str() + " for a weight " + w.str() + ", not " + bias->shape().str());
  }
  return apply(at, LinearOp{weight->dtype()}, x.tensor(), weight.tensor(), widened(bias));
}

}  // namespace heed
