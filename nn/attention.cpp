#include "attention.h"

namespace heed {

AdditiveAttention::Result AdditiveAttention::operator()(In q, In keys, In projected, const Tensor& mask) const {
  Scope here{*this, q};
  const int64_t B = keys->size(0), S = keys->size(1);
  const Tensor wq = reshape(query(q), {B, 1, width});
  const Tensor e = reshape(score(tanh(projected + wq)), {B, S});
  const Tensor weights = mask.defined() ? masked_softmax(e, mask) : softmax(e);
  return {reshape(matmul(reshape(weights, {B, 1, S}), keys), {B, key_width}), weights};
}

namespace {

constexpr auto op = "MultiHeadAttention";

struct Heads {
  Tensor q, k, v;  // [B, heads, T or S, width / heads]
  AttentionOptions options;
};

Heads project(const MultiHeadAttention& m, In query, In key, In value, const MultiHeadOptions& o, Rng* training) {
  const Where at = line_of(query);
  if (m.heads < 1 || m.width % m.heads)
    fail<ShapeError>(at, op,
                     "a width of " + std::to_string(m.width) + " cannot be shared by " + std::to_string(m.heads) +
                         " heads: it must be a multiple of them");
  for (const In& x : {query, key, value})
    if (x->dim() != 3 || x->size(2) != m.width)
      fail<ShapeError>(at, op, "the input must be [B, T, " + std::to_string(m.width) + "], not " + x->shape().str());

  const int64_t W = m.width;
  auto part = [&](int64_t i) { return range(i * W, (i + 1) * W); };
  auto head = [&](const Tensor& x) {  // [B, T, W] -> [B, heads, T, W / heads]
    return transpose(reshape(x, {x.size(0), x.size(1), m.heads, W / m.heads}), 1, 2);
  };
  auto projected = [&](In x, int64_t i) {
    return head(linear(x, m.in_proj_weight(part(i)), m.in_proj_bias.defined() ? m.in_proj_bias(part(i)) : Tensor()));
  };
  Heads r;
  if (&query.tensor() == &key.tensor() && &query.tensor() == &value.tensor()) {  // one product for all three
    const Tensor all = linear(query, m.in_proj_weight, m.in_proj_bias);          // [B, T, 3 W]
    r.q = head(all(_, _, part(0))), r.k = head(all(_, _, part(1))), r.v = head(all(_, _, part(2)));
  } else {
    r.q = projected(query, 0), r.k = projected(key, 1), r.v = projected(value, 2);
  }
  r.options = {.bias = o.bias, .mask = o.mask, .causal = o.causal, .dropout = dropout_key(m.dropout, training)};
  if (o.key_mask.defined()) {
    if (o.key_mask.shape() != Shape{key->size(0), key->size(1)})
      fail<ShapeError>(at, op,
                       "the key mask must be " + Shape{key->size(0), key->size(1)}.str() + ", one value per key, not " +
                           o.key_mask.shape().str());
    const Tensor keys = reshape(o.key_mask, {key->size(0), 1, 1, key->size(1)});
    r.options.mask = o.mask.defined() ? keys & o.mask : keys;
  }
  return r;
}

Tensor join(const MultiHeadAttention& m, const Tensor& y) {  // [B, heads, T, D] -> [B, T, width]
  return m.out_proj(reshape(transpose(y, 1, 2), {y.size(0), y.size(2), m.width}));
}

}  // namespace

Tensor MultiHeadAttention::operator()(In query, In key, In value, const MultiHeadOptions& options,
                                      Rng* training) const {
  Scope here{*this, query};
  const Heads h = project(*this, query, key, value, options, training);
  return join(*this, scaled_dot_product_attention(h.q, h.k, h.v, h.options));
}

MultiHeadAttention::Result MultiHeadAttention::with_weights(In query, In key, In value, const MultiHeadOptions& options,
                                                            Rng* training) const {
  Scope here{*this, query};
  const Heads h = project(*this, query, key, value, options, training);
  const Tensor each = eye(h.k.size(-2), h.k.dtype());  // attending to unit vectors gives the weights themselves
  const Tensor weights = scaled_dot_product_attention(h.q, h.k, each, h.options);
  return {join(*this, matmul(weights, h.v)), weights};
}

}  // namespace heed
