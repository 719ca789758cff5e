#include "kernels/attention.h"
#include <cmath>
#include "../core/op.h"
#include "checks.h"
#include "kernels/matmul.h"
#include "ops.h"

namespace heed {

// y = softmax(q k^T scale + bias, where allowed) v        q [.., T, D]  k [.., S, D]  v [.., S, E]
// bias and mask broadcast to [.., T, S], or are absent; batch dimensions are equal
struct Attention {
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
    const Tensor may = allowed(s.size(-2), s.size(-1), mask);
    const Tensor p = may.defined() ? masked_softmax(s, may) : softmax(s);
    return matmul(dropout(p, how.dropout), v);
  }
  Tensor allowed(int64_t T, int64_t S, const Tensor& mask) const {
    if (!how.causal) return mask;
    const Tensor causal = reshape(arange(S), {1, S}) <= reshape(arange(T), {T, 1}) + how.offset;
    return mask.defined() ? causal & mask : causal;
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
  const Shape batch = check_attention(Attention::name, at, q, k, v);
  const Shape &qs = q->shape(), &ks = k->shape(), &vs = v->shape();
  using kernels::with_matrix;
  const Shape scores = with_matrix(batch, {qs[-2], ks[-2]});
  if (options.bias.defined()) {
    check_same_dtype(Attention::name, at, q->dtype(), options.bias.dtype());
    check_over(Attention::name, at, "bias", options.bias, "the scores ", scores);
  }
  if (options.mask.defined()) {
    if (options.mask.dtype() != boolean)
      fail<DtypeError>(at, Attention::name,
                       std::string("the mask must be boolean (true = may attend), not ") + name(options.mask.dtype()) +
                           ": what is added to the scores is the bias");
    check_over(Attention::name, at, "mask", options.mask, "the scores ", scores);
  }
  if (options.causal == Causal::on && qs[-2] != ks[-2])
    fail<ShapeError>(at, Attention::name,
                     "causal with " + std::to_string(qs[-2]) + " queries and " + std::to_string(ks[-2]) +
                         " keys: say Causal::upper_left or Causal::lower_right");
  check_rate(Attention::name, at, options.dropout);
  const double scale = options.scale != 0 ? options.scale : 1 / std::sqrt(double(std::max<int64_t>(qs[-1], 1)));
  const int64_t offset = options.causal == Causal::lower_right ? ks[-2] - qs[-2] : 0;
  Scope here{q};
  return apply(at, Attention{{scale, options.causal != Causal::off, offset, options.dropout}},
               broadcast_to(q, with_matrix(batch, qs)), broadcast_to(k, with_matrix(batch, ks)),
               broadcast_to(v, with_matrix(batch, vs)), options.bias, options.mask);
}

}  // namespace heed
