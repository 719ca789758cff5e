#include "transformer.h"

namespace heed {

LayerNorm TransformerOptions::norm(int64_t width) const {
  LayerNorm norm{width, eps};
  if (!bias) norm.bias = {};
  return norm;
}

namespace {

// What part adds to x, with the norm before or after.
Tensor add(const TransformerOptions& o, const Tensor& x, const LayerNorm& norm, Rng* training, auto part) {
  return o.norm_first ? x + dropout(part(norm(x)), o.dropout, training)
                      : norm(x + dropout(part(x), o.dropout, training));
}

auto self_attention(const auto& m, const MultiHeadOptions& mask, Rng* training) {
  return [&m, &mask, training](const Tensor& x) { return m.self_attn(x, mask, training); };
}
auto feed_forward(const auto& m, Rng* training) {
  return [&m, training](const Tensor& x) {
    return m.linear2(dropout(m.options.activate(m.linear1(x)), m.options.dropout, training));
  };
}

// A cache holds what one layer has seen: in another it would be keys and values of other weights.
void check_caches(const char* op, const In& x, std::size_t layers, std::initializer_list<const KvCache*> shared,
                  std::span<KvCache> caches) {
  for (const KvCache* cache : shared)
    if (cache && (layers > 1 || !caches.empty()))
      fail<Error>(line_of(x), op,
                  std::to_string(layers) + " layers cannot share the cache of a mask: give each its own, as caches");
  if (!caches.empty() && caches.size() != layers)
    fail<Error>(line_of(x), op,
                "there must be a cache for each of the " + std::to_string(layers) + " layers, not " +
                    std::to_string(caches.size()));
}
MultiHeadOptions with_cache(MultiHeadOptions mask, std::span<KvCache> caches, std::size_t layer) {
  if (!caches.empty()) mask.cache = &caches[layer];
  return mask;
}

}  // namespace

Tensor TransformerEncoderLayer::operator()(In x, const MultiHeadOptions& mask, Rng* training) const {
  Scope here{*this, x};
  const Tensor h = add(options, x, norm1, training, self_attention(*this, mask, training));
  return add(options, h, norm2, training, feed_forward(*this, training));
}

Tensor TransformerDecoderLayer::operator()(In x, In memory, const DecoderMasks& masks, Rng* training) const {
  Scope here{*this, x};
  Tensor h = add(options, x, norm1, training, self_attention(*this, masks.target, training));
  h = add(options, h, norm2, training,
          [&](const Tensor& q) { return multihead_attn(q, memory, memory, masks.memory, training); });
  return add(options, h, norm3, training, feed_forward(*this, training));
}

Tensor TransformerEncoder::operator()(In x, const MultiHeadOptions& mask, Rng* training,
                                      std::span<KvCache> caches) const {
  Scope here{*this, x};
  check_caches("TransformerEncoder", x, layers.size(), {mask.cache}, caches);
  Tensor h = x;
  for (std::size_t i = 0; i < layers.size(); ++i) h = layers[i](h, with_cache(mask, caches, i), training);
  return norm ? (*norm)(h) : h;
}

Tensor TransformerDecoder::operator()(In x, In memory, const DecoderMasks& masks, Rng* training,
                                      std::span<KvCache> caches) const {
  Scope here{*this, x};
  check_caches("TransformerDecoder", x, layers.size(), {masks.target.cache, masks.memory.cache}, caches);
  Tensor h = x;
  for (std::size_t i = 0; i < layers.size(); ++i)
    h = layers[i](h, memory, {with_cache(masks.target, caches, i), masks.memory}, training);
  return norm ? (*norm)(h) : h;
}

namespace {
template <class M>
M part(const Transformer& t, int64_t layers) {
  M m{t.width, t.heads, layers, t.options};
  m.norm = t.options.norm(t.width);
  walk(m, [](const Item& x) {
    if (x.kind == Item::trained && x.tensor->dim() > 1) assign(*x.tensor, init::xavier_uniform(x.tensor->shape()));
  });
  return m;
}
}  // namespace
TransformerEncoder Transformer::make_encoder() const { return part<TransformerEncoder>(*this, num_encoder_layers); }
TransformerDecoder Transformer::make_decoder() const { return part<TransformerDecoder>(*this, num_decoder_layers); }

Tensor Transformer::operator()(In source, In target, const TransformerMasks& masks, Rng* training) const {
  Scope here{*this, source};
  return decoder(target, encoder(source, masks.source, training), {masks.target, masks.memory}, training);
}

}  // namespace heed
