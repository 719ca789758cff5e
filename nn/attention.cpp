#include "attention.h"
#include "../core/text.h"
#include "../ops/allowed.h"
#include "../ops/checks.h"

namespace heed {
namespace {

struct Weighing {  // how scores become weights
  Normalizer normalizer = Normalizer::softmax;
  double temperature = 1, dropout = 0;
  Tensor factor = {};  // of the weights, or undefined
};

// score(k) gives the scores.
Attended attend_by(const auto& score, In q, In k, In v, const AttendOptions& o, const Weighing& how, Rng* training) {
  const Where at = line_of(q);
  Shape shape = check_readable("attention", at, q, k, v);  // of the scores
  const int64_t T = q->size(-2), S = k->size(-2);
  shape.push_back(T), shape.push_back(S);
  check_allowed("attention", at, shape, q->dtype(), o.bias, o.mask, o.causal);
  const Tensor may = allowed(T, S, o.bias, o.mask, causal_offset(o.causal, T, S));
  std::optional<Finite> finite;
  if (may.defined() && !(all_finite(k) && all_finite(v))) finite.emplace(k, v, may);
  Tensor s = broadcast_to(score(finite ? finite->k : k.tensor()), shape);
  if (o.bias.defined()) s = s + o.bias;
  const Tensor all = normalize(s, how.normalizer, {.mask = may, .temperature = how.temperature}, training);
  const Tensor kept = dropout(all, how.dropout, training), weights = how.factor.defined() ? kept * how.factor : kept,
               y = matmul(weights, finite ? finite->v : v.tensor());
  return {finite ? finite->result(y) : y, weights};
}

Tensor through(const std::optional<Linear>& w, In x) { return w ? (*w)(x) : x.tensor(); }

// Scores of places know no query but the first.
void check_places(const Score& score, const In& q, const Tensor& k, Causal causal) {
  if (causal != Causal::lower_right || (score.name() != "positional" && score.name() != "factorized")) return;
  const int64_t T = q->size(-2, line_of(q)), S = k.size(-2, line_of(q));
  if (T != S)
    fail<ShapeError>(line_of(q), "attention",
                     "Causal::lower_right puts the last of " + std::to_string(T) + " queries at the last of " +
                         std::to_string(S) + " keys, the " + score.name() +
                         " score the first at the first: add its bias(T, S, S - T) to another score");
}
}  // namespace

Tensor Attention::operator()(In q, In k, In v, const AttendOptions& o, Rng* training) const {
  Scope here{*this, q};
  const Source source = project(k, v);
  check_places(score, q, source.k, o.causal);
  const bool softmax = normalizer == Normalizer::softmax && temperature == 1;
  const std::optional<Products> p = softmax ? score.products(through(query, q), source.k) : std::nullopt;
  if (!p) return attend(q, source, o, training).y;
  const Tensor bias = p->bias.defined() && o.bias.defined() ? p->bias + o.bias : p->bias.defined() ? p->bias : o.bias;
  // Products of places alone know no batch of queries and keys.
  Shape values = check_readable("attention", line_of(q), q, source.k, source.v);
  values.push_back(source.v.size(-2)), values.push_back(source.v.size(-1));
  return scaled_dot_product_attention(
      p->q, p->k, broadcast_to(source.v, values),
      {.bias = bias, .mask = o.mask, .causal = o.causal, .scale = p->scale, .dropout = dropout_key(dropout, training)});
}

Attended Attention::with_weights(In q, In k, In v, const AttendOptions& options, Rng* training) const {
  Scope here{*this, q};
  return attend(q, project(k, v), options, training);
}

Attention::Source Attention::project(In k, In v) const {
  Scope here{*this, k};
  return {score.project(through(key, k)), through(value, v)};
}

Attended Attention::attend(In q, const Source& source, const AttendOptions& options, Rng* training) const {
  Scope here{*this, q};
  check_places(score, q, source.k, options.causal);
  const Tensor asks = through(query, q);
  return attend_by([&](const Tensor& k) { return score.of(asks, k); }, asks, source.k, source.v, options,
                   {normalizer, temperature, dropout}, training);
}

Attended LocalAttention::attend(In q, const Attention::Source& source, const Tensor& mask) const {
  Scope here{*this, q};
  const Where at = line_of(q);
  if (!(reach > 0)) fail<Error>(at, "LocalAttention", "reach must be positive, not " + text_of(reach));
  Shape shape = check_readable("attention", at, q, source.k, source.v);
  const int64_t S = source.k.size(-2);
  shape.push_back(q->size(-2)), shape.push_back(S);
  check_allowed("attention", at, shape, q->dtype(), {}, mask, Causal::off);
  const Tensor keys =
      mask.defined() ? cast(sum(broadcast_to(mask, shape), -1, keepdim), q->dtype()) : full({1}, double(S), q->dtype());
  const Tensor p = keys * sigmoid(v(tanh(place(q))));  // [.., T, 1]
  const Tensor away = arange(S, q->dtype()) - p;       // [.., T, S]
  Tensor near = heed::abs(away.detach()) <= reach;
  if (mask.defined()) near = near & mask;
  return attend_by([&](const Tensor& k) { return score.of(q, k); }, q, source.k, source.v, {.mask = near},
                   {.factor = exp(square(away) * (-2 / (reach * reach)))}, nullptr);
}

void KvCache::append(In keys, In values) {
  const Where at = line_of(keys);
  auto check = [&](const Tensor& to, const In& x) {
    if (x->tracked())
      fail<GradError>(at, "KvCache", "what is remembered for later has no history: generate under an Unrecorded");
    if (x->dim() != 4)
      fail<ShapeError>(at, "KvCache", "keys and values must be [B, heads, T, D], not " + x->shape().str());
    if (!to.defined()) return;
    if (to.shape().with(2, 0) != x->shape().with(2, 0))
      fail<ShapeError>(at, "KvCache",
                       "cannot add " + x->shape().str() + " to a cache " + to.shape().with(2, length).str());
    check_same_dtype("KvCache", at, to.dtype(), x->dtype());
  };
  check(k, keys), check(v, values);
  if (keys->shape().with(3, 0) != values->shape().with(3, 0))
    fail<ShapeError>(
        at, "KvCache",
        "there must be a value for each key: keys are " + keys->shape().str() + " and values " + values->shape().str());
  const int64_t end = length + keys->size(2);
  auto put = [&](Tensor& to, const Tensor& x) {
    const int64_t room = to.defined() ? to.size(2) : 0;
    if (end > room || !to.defined()) {
      const Tensor larger = zeros(x.shape().with(2, std::max(end, 2 * room)), x.dtype());
      if (length > 0) assign(larger(_, _, range(0, length)), to(_, _, range(0, length)), at);
      to = larger;
    }
    assign(to(_, _, range(length, end)), x, at);
  };
  put(k, keys), put(v, values);
  length = end;
}

void KvCache::select(In rows) {
  if (!k.defined()) return;
  k = index_select(k, 0, rows), v = index_select(v, 0, rows);
}

namespace {

constexpr auto op = "MultiHeadAttention";

struct Heads {
  Tensor q, k, v;  // [B, heads, T or S, width / heads]
  AttendOptions options;
};

Heads project(const MultiHeadAttention& m, In query, In key, In value, const MultiHeadOptions& o) {
  const Where at = line_of(query);
  if (m.heads < 1 || m.width < 1 || m.width % m.heads)
    fail<ShapeError>(at, op,
                     "a width of " + std::to_string(m.width) + " cannot be shared by " + std::to_string(m.heads) +
                         " heads: it must be a positive multiple of them");
  if (m.kv_heads < 1 || m.heads % m.kv_heads)
    fail<ShapeError>(at, op,
                     std::to_string(m.heads) + " heads cannot share " + std::to_string(m.kv_heads) +
                         " heads of keys and values: they must be a multiple of them");
  auto check = [&](const char* what, In x, int64_t width) {
    if (x->dim() != 3 || x->size(2) != width)
      fail<ShapeError>(
          at, op,
          "the " + std::string(what) + " must be [B, T, " + std::to_string(width) + "], not " + x->shape().str());
  };
  check("query", query, m.width), check("key", key, m.kdim), check("value", value, m.vdim);

  const int64_t W = m.width, K = m.kv_width(), D = W / m.heads, shared_by = m.heads / m.kv_heads;
  const Range parts[] = {range(0, W), range(W, W + K), range(W + K, W + 2 * K)};
  auto head = [&](const Tensor& x) {  // [B, T, W or K] -> [B, heads or kv_heads, T, D]
    return transpose(reshape(x, {x.size(0), x.size(1), x.size(2) / D, D}), 1, 2);
  };
  auto repeated = [&](const Tensor& x) {  // [B, kv_heads, S, D] -> [B, heads, S, D]
    if (shared_by == 1) return x;
    const int64_t B = x.size(0), S = x.size(2);
    return reshape(expand(reshape(x, {B, m.kv_heads, 1, S, D}), {B, m.kv_heads, shared_by, S, D}), {B, m.heads, S, D});
  };
  auto projected = [&](In x, int i, const Parameter& own) {
    return head(linear(x, m.alike() ? m.in_proj_weight(parts[i]) : Tensor(own),
                       m.in_proj_bias.defined() ? m.in_proj_bias(parts[i]) : Tensor()));
  };
  Heads r;
  if (m.alike() && &query.tensor() == &key.tensor() && &query.tensor() == &value.tensor()) {  // one product for all
    const Tensor all = linear(query, m.in_proj_weight, m.in_proj_bias);                       // [B, T, W + 2 K]
    const std::vector<Tensor> part = split(all, {W, K, K}, -1);
    r.q = head(part[0]), r.k = head(part[1]), r.v = head(part[2]);
  } else {
    r.q = projected(query, 0, m.q_proj_weight);
    r.k = projected(key, 1, m.k_proj_weight);
    r.v = projected(value, 2, m.v_proj_weight);
  }
  const int64_t seen = o.cache ? o.cache->length : 0;
  if (m.rotary) r.q = (*m.rotary)(r.q, nullptr, seen), r.k = (*m.rotary)(r.k, nullptr, seen);
  r.options = {.mask = o.mask, .bias = o.bias, .causal = o.causal};
  if (o.key_mask.defined()) {
    const Shape one_per_key{r.k.size(0), seen + r.k.size(2)};
    if (o.key_mask.shape() != one_per_key)
      fail<ShapeError>(
          at, op, "the key mask must be " + one_per_key.str() + ", one value per key, not " + o.key_mask.shape().str());
    const Tensor keys = reshape(o.key_mask, {one_per_key[0], 1, 1, one_per_key[1]});
    r.options.mask = o.mask.defined() ? keys & o.mask : keys;
  }
  if (o.cache) {  // which has not grown if what is asked for is refused
    const int64_t batch = broadcast(at, op, {r.q.size(0)}, {r.k.size(0)})[0];
    check_allowed(op, at, {batch, m.heads, r.q.size(2), seen + r.k.size(2)}, r.q.dtype(), r.options.bias,
                  r.options.mask, o.causal);
    o.cache->append(r.k, r.v);
    r.k = o.cache->keys(), r.v = o.cache->values();
  }
  r.k = repeated(r.k), r.v = repeated(r.v);
  return r;
}

Tensor join(const MultiHeadAttention& m, const Tensor& y) {  // [B, heads, T, D] -> [B, T, width]
  return m.out_proj(reshape(transpose(y, 1, 2), {y.size(0), y.size(2), m.width}));
}

Attended attend(const MultiHeadAttention& m, const Heads& h, Rng* training) {
  auto score = [&](const Tensor& k) {
    Products p = ScaledDotScore{}.products(h.q, k);
    if (m.scale != 0) p.scale = m.scale;
    return p.scores();
  };
  return attend_by(score, h.q, h.k, h.v, h.options, {.normalizer = m.normalizer, .dropout = m.dropout}, training);
}

}  // namespace

Parameter MultiHeadAttention::projection(int64_t out, int64_t in) { return parameter(init::xavier_uniform({out, in})); }
Tensor MultiHeadAttention::operator()(In query, In key, In value, const MultiHeadOptions& options,
                                      Rng* training) const {
  Scope here{*this, query};
  const Heads h = project(*this, query, key, value, options);
  if (normalizer != Normalizer::softmax) return join(*this, attend(*this, h, training).y);
  const auto& [mask, bias, causal] = h.options;
  return join(
      *this,
      scaled_dot_product_attention(
          h.q, h.k, h.v,
          {.bias = bias, .mask = mask, .causal = causal, .scale = scale, .dropout = dropout_key(dropout, training)}));
}

Attended MultiHeadAttention::with_weights(In query, In key, In value, const MultiHeadOptions& options,
                                          Rng* training) const {
  Scope here{*this, query};
  const auto [y, weights] = attend(*this, project(*this, query, key, value, options), training);
  return {join(*this, y), weights};
}

}  // namespace heed
