#include "kernels/attention.h"
#include <cmath>
#include "../core/op.h"
#include "allowed.h"
#include "checks.h"
#include "kernels/matmul.h"

namespace heed {

// y = softmax(q k^T scale + bias, where allowed) v        q [.., T, D]  k [.., S, D]  v [.., S, E]
// bias and mask broadcast to [.., T, S], or are absent; batch dimensions are equal
struct AttentionOp {
  static constexpr auto name = "scaled_dot_product_attention";
  static constexpr auto constant = inputs<4>;
  kernels::AttentionSetting how;

  // q k^T and the product with v, of all pairs, also those that may not attend
  static int64_t multiply_adds(const Shape& y, const Shape& q, const Shape& k, const Shape&, const Shape&,
                               const Shape&) {
    return (q.numel() + y.numel()) * k[-2];
  }
  Tensor definition(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& bias, const Tensor& mask) const {
    Tensor s = scale(matmul(q, transpose(k)), how.scale);
    if (bias.defined()) s = s + bias;
    const int64_t T = s.size(-2), S = s.size(-1);
    const Tensor may = allowed(T, S, bias, mask, how.causal ? how.offset : S);
    const Tensor p = may.defined() ? masked_softmax(s, may) : softmax(s);
    return matmul(dropout(p, how.dropout), v);
  }

  struct Kept {
    Array lse;  // of each query
  };
  std::pair<Array, Kept> forward(const Array& q, const Array& k, const Array& v, const Array& bias,
                                 const Array& mask) const {
    auto made = kernels::attention(how, q, k, v, bias, mask);
    return {made.first, {made.second}};
  }
  std::array<Array, 5> backward(Grad g, Input<0> q, Input<1> k, Input<2> v, Input<3> bias, Input<4> mask, Output y,
                                const Kept& kept, const Needs& needs) const {
    auto d = kernels::attention_grad(how, g, q, k, v, bias, mask, y, kept.lse, needs[3]);
    return {d.q, d.k, d.v, d.scores, Array()};
  }
};

Tensor scaled_dot_product_attention(In q, In k, In v, const AttentionOptions& options) {
  const Where at = line_of(q);
  const Shape batch = check_attention(AttentionOp::name, at, q, k, v);
  const Shape &qs = q->shape(), &ks = k->shape(), &vs = v->shape();
  using kernels::with_matrix;
  check_allowed(AttentionOp::name, at, with_matrix(batch, {qs[-2], ks[-2]}), q->dtype(), options.bias, options.mask,
                options.causal);
  check_rate(AttentionOp::name, at, options.dropout);
  const double scale = options.scale != 0 ? options.scale : 1 / std::sqrt(double(std::max<int64_t>(qs[-1], 1)));
  const int64_t T = qs[-2], S = ks[-2], offset = causal_offset(options.causal, T, S);
  Scope here{q};
  auto attend = [&](const Tensor& keys, const Tensor& values) {
    return apply(at, AttentionOp{{scale, options.causal != Causal::off, offset, options.dropout}},
                 broadcast_to(q, with_matrix(batch, qs)), broadcast_to(keys, with_matrix(batch, ks)),
                 broadcast_to(values, with_matrix(batch, vs)), options.bias, options.mask);
  };
  const bool all = offset >= S - 1 && !options.bias.defined() && !options.mask.defined();
  if (all || (all_finite(k) && all_finite(v))) return attend(k, v);
  const Finite finite(k, v, allowed(T, S, options.bias, options.mask, offset));
  return finite.result(attend(finite.k, finite.v));
}

}  // namespace heed
