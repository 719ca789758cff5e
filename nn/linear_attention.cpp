#include "linear_attention.h"
#include "../ops/checks.h"

namespace heed {
namespace {

Tensor ratio(const Tensor& a, const Tensor& b) {  // a / b, 0 where b is 0
  const Tensor none = b == 0;
  return where(none, 0, a / where(none, 1, b));
}

}  // namespace

FastWeights::Result FastWeights::operator()(In x, const Tensor& weights) const {
  Scope here{*this, x};
  const Where at = line_of(x);
  if (x->dim() != 3 || x->size(2) != in)
    fail<ShapeError>(at, "FastWeights", "x must be [B, T, " + std::to_string(in) + "], not " + x->shape().str());
  const Shape of_each{x->size(0), out, key_width};
  if (weights.defined() && weights.shape() != of_each)
    fail<ShapeError>(at, "FastWeights",
                     "the first weights must be " + of_each.str() + ", not " + weights.shape().str());
  const Tensor q = query(x), k = key(x), v = value(x);
  Tensor w = weights.defined() ? weights : zeros(of_each, x->dtype());
  std::vector<Tensor> y{v(_, range(0, 0))};
  for (int64_t t = 0; t < x->size(1); ++t) {
    w = w + unsqueeze(v(_, t), 2) * k(_, range(t, t + 1));
    if (squash != none) w = squash == tanh ? heed::tanh(w) : heed::sigmoid(w);
    y.push_back(matmul(q(_, range(t, t + 1)), transpose(w)));
  }
  return {concat(y, 1), w};
}

Tensor FeatureMap::operator()(In x, Rng*) const {
  Scope here{*this, x};
  Tensor f = x;
  if (kind == elu) f = heed::elu(x) + 1;
  if (kind == dpfp) {
    const Tensor r = relu(concat({x, -x}, -1));
    std::vector<Tensor> products;
    for (int64_t j = 1; j <= nu; ++j) products.push_back(r * roll(r, -j, -1));
    f = concat(products, -1);
  }
  return sum_normalised ? ratio(f, sum(f, -1, keepdim)) : f;
}

namespace {

constexpr auto op = "LinearAttention";

struct Heads {
  Tensor q, k, v;  // [B, heads, T or S, ..]
  LinearAttentionOptions options;
};

Heads project(const LinearAttention& m, In query, In key, In value, const Tensor& key_mask, const Tensor& state) {
  const Where at = line_of(query);
  if (m.heads < 1 || m.width % m.heads)
    fail<ShapeError>(at, op,
                     "a width of " + std::to_string(m.width) + " cannot be shared by " + std::to_string(m.heads) +
                         " heads: it must be a multiple of them");
  if (m.rule == LinearAttention::delta && (m.normalised || !m.causal))
    fail<Error>(at, op,
                m.causal ? "the delta rule has no normaliser"
                         : "the delta rule writes one place after the other: it is causal only");
  auto check = [&](const char* what, In x) {
    if (x->dim() != 3 || x->size(2) != m.width)
      fail<ShapeError>(
          at, op,
          "the " + std::string(what) + " must be [B, T, " + std::to_string(m.width) + "], not " + x->shape().str());
  };
  check("query", query), check("key", key), check("value", value);
  check_readable(op, at, query, key, value);
  const Shape one_per_key = key->shape().without(2);
  if (key_mask.defined() && key_mask.shape() != one_per_key)
    fail<ShapeError>(
        at, op, "the key mask must be " + one_per_key.str() + ", one value per key, not " + key_mask.shape().str());
  // Zeros before the projections too: the gradient of a weight is that of its result, 0, times what stands there.
  auto seen = [&](const Tensor& x) { return key_mask.defined() ? where(unsqueeze(key_mask, -1), x, 0) : x; };
  const Tensor keys = seen(key), values = seen(value);
  auto head = [&](const Tensor& x) {  // [B, T, n heads] -> [B, heads, T, n]
    return transpose(reshape(x, {x.size(0), x.size(1), m.heads, x.size(2) / m.heads}), 1, 2);
  };
  Heads r{m.phi(head(m.q_proj(query))), m.phi(head(m.k_proj(keys))), head(m.v_proj(values)), {.state = state}};
  if (key_mask.defined()) r.k = where(unsqueeze(unsqueeze(key_mask, 1), -1), r.k, 0);
  if (m.normalised) r.v = concat({r.v, ones(r.v.shape().with(-1, 1), r.v.dtype())}, -1);
  if (m.beta) r.options.beta = select(head(sigmoid((*m.beta)(keys))), -1, 0);
  return r;
}

Tensor join(const LinearAttention& m, const Tensor& y) {  // [B, heads, T, D, or with z D + 1] -> [B, T, width]
  const int64_t D = m.width / m.heads;
  const Tensor heads = m.normalised ? ratio(slice(y, -1, 0, D), slice(y, -1, D)) : y;
  return m.out_proj(reshape(transpose(heads, 1, 2), {y.size(0), y.size(2), m.width}));
}

}  // namespace

Tensor LinearAttention::operator()(In query, In key, In value, const Tensor& key_mask) const {
  Scope here{*this, query};
  const Heads h = project(*this, query, key, value, key_mask, {});
  return join(*this, causal ? linear_attention(h.q, h.k, h.v, h.options).y : matmul(h.q, matmul(transpose(h.k), h.v)));
}

LinearAttention::Result LinearAttention::steps(In x, const Tensor& state) const {
  Scope here{*this, x};
  if (!causal) fail<Error>(line_of(x), op, "there are no steps where every query sees every key: .causal is false");
  const Heads h = project(*this, x, x, x, {}, state);
  const auto [y, last] = linear_attention(h.q, h.k, h.v, h.options);
  return {join(*this, y), last};
}

}  // namespace heed
