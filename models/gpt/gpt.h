#pragma once
// A decoder-only Transformer that predicts the next token: pre-norm blocks, learned or rotary positions, the output
// layer tied to the embedding (Radford et al. 2019; Su et al. 2021; Ainslie et al. 2023 for grouped heads).
#include <optional>
#include "../../core/file.h"
#include "../../core/tree.h"
#include "../../nn/attention.h"
#include "../../nn/embedding.h"
#include "../../nn/feed_forward.h"
#include "../../nn/norm.h"
#include "../generate.h"

namespace heed {

// x + attention(norm1(x)), then x + mlp(norm2(x))      x [B, T, width] -> [B, T, width]
struct GptBlock {
  int64_t width, heads, kv_heads;
  double dropout = 0;  // of attention weights and of what each part adds to x
  bool rotary = false, bias = true, gelu_tanh = false;
  LayerNorm norm1 = norm();
  MultiHeadAttention attention{
      .width = width,
      .heads = heads,
      .dropout = dropout,
      .bias = bias,
      .kv_heads = kv_heads,
      .rotary = rotary ? std::optional(RotaryPosition{}) : std::nullopt,
  };
  LayerNorm norm2 = norm();
  FeedForward mlp{.width = width,
                  .hidden = 4 * width,
                  .activation = gelu_tanh ? FeedForward::gelu_tanh : FeedForward::gelu,
                  .bias = bias};

  // weights, if wanted: [B, heads, T, S]
  Tensor operator()(In x, const MultiHeadOptions& seen, Rng* training = nullptr, Tensor* weights = nullptr) const {
    Scope here{*this, x};
    const Tensor h = norm1(x);
    auto attended = [&] {
      if (!weights) return attention(h, seen, training);
      auto [y, w] = attention.with_weights(h, h, h, seen, training);
      *weights = w;
      return y;
    };
    const Tensor y = x + heed::dropout(attended(), dropout, training);
    return y + heed::dropout(mlp(norm2(y), training), dropout, training);
  }
  Tensor operator()(In x, Rng* training = nullptr) const { return (*this)(x, {.causal = Causal::on}, training); }

  // What both norms begin as.
  LayerNorm norm() const { return bias ? LayerNorm{width} : LayerNorm{.width = width, .bias = {}}; }
};

struct GptReading {  // what a reading uses besides the ids, and what it leaves behind
  GenerationCache* cache = nullptr;
  std::vector<Tensor>* weights = nullptr;  // of each layer: [B, heads, T, T]
};

struct Gpt {
  int64_t vocab, context, width, layers, heads;
  int64_t kv_heads = heads;
  double dropout = 0;
  bool rotary = false;     // places turn queries and keys; else they are learned rows
  bool bias = true;        // of layers and norms
  bool gelu_tanh = false;  // gelu is approximated, as GPT-2's

  Embedding token{vocab, width, parameter(init::normal({vocab, width}, 0, 0.02))};
  std::optional<Embedding> position = learned();
  std::vector<GptBlock> blocks = stack_of(layers, [this] { return block(); });
  LayerNorm norm = bias ? LayerNorm{width} : LayerNorm{.width = width, .bias = {}};
  Linear output{.in = width, .out = vocab, .weight = tie(token.weight), .bias = {}};

  // Logits of the token after each: ids [B, T] i64, T up to context -> [B, T, vocab]
  Tensor operator()(In ids, Rng* training = nullptr) const {
    Scope here{*this, ids};
    return output(features(ids, training));
  }
  // Reads ids [B, T] as what follows the tokens in the cache: logits of the token after them, [B, vocab]
  Tensor next(In ids, GenerationCache& cache) const {
    Scope here{*this, ids};
    const Unrecorded off;
    return output(features(ids, nullptr, {.cache = &cache})(_, -1));
  }
  // Where each place looks, layer by layer: [B, heads, T, T]
  std::vector<Tensor> attention(In ids) const {
    Scope here{*this, ids};
    const Unrecorded off;
    std::vector<Tensor> weights;
    features(ids, nullptr, {.weights = &weights});
    return weights;
  }

  // What the output layer reads: [B, T, width]
  Tensor features(In ids, Rng* training = nullptr, const GptReading& reading = {}) const {
    const auto& [cache, weights] = reading;
    const int64_t T = ids->size(-1), before = cache ? cache->length() : 0;
    if (ids->dim() != 2) fail<ShapeError>(line_of(ids), "Gpt", "ids must be [B, T], not " + ids->shape().str());
    if (before + T > context)
      fail<ShapeError>(line_of(ids), "Gpt",
                       std::to_string(before + T) + " tokens are more than its context of " + std::to_string(context));
    MultiHeadOptions seen{.causal = Causal::lower_right};
    if (cache) {
      cache->layers.resize(blocks.size());
      seen.key_mask = cache->key_mask(T);
    }
    Tensor x = token(ids);
    if (position) x = x + (*position)(cache ? cache->places(T) : arange(T));
    x = heed::dropout(x, dropout, training);
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      if (cache) seen.cache = &cache->layers[i];
      x = blocks[i](x, seen, training, weights ? &weights->emplace_back() : nullptr);
    }
    return norm(x);
  }

  std::optional<Embedding> learned() const {  // what `position` begins as
    if (rotary) return std::nullopt;
    return Embedding{context, width, parameter(init::normal({context, width}, 0, 0.02))};
  }
  // Matrices from N(0, 0.02^2), the two that add to x by sqrt(2 layers) smaller (Radford et al. 2019, section 2.3)
  GptBlock block() const {
    GptBlock b{.width = width,
               .heads = heads,
               .kv_heads = kv_heads,
               .dropout = dropout,
               .rotary = rotary,
               .bias = bias,
               .gelu_tanh = gelu_tanh};
    walk(b, [&](const Item& p) {
      if (p.kind != Item::trained) return;
      const bool adds = p.path == "attention.out_proj.weight" || p.path == "mlp.down.weight";
      const double std = adds ? 0.02 / std::sqrt(2 * double(layers)) : 0.02;
      if (p.tensor->dim() > 1) assign(*p.tensor, init::normal(p.tensor->shape(), 0, std));
      else if (p.path.ends_with("bias")) assign(*p.tensor, zeros(p.tensor->shape()));
    });
    return b;
  }
};

// The model in a file, as save has written it. FileError: it holds no Gpt.
inline Gpt load_gpt(const std::string& path, Where at = Where::here()) {
  const ModelConfig config = load_config(path, "Gpt", at);
  Gpt model{.vocab = config.integer("vocab"),
            .context = config.integer("context"),
            .width = config.integer("width"),
            .layers = config.integer("layers"),
            .heads = config.integer("heads"),
            .kv_heads = config.integer("kv_heads"),
            .dropout = config.number("dropout"),
            .rotary = config.number("rotary") != 0,
            .bias = config.number("bias") != 0,
            .gelu_tanh = config.numbers.contains("gelu_tanh") && config.number("gelu_tanh") != 0};  // older ones: none
  load(path, model, at);
  return model;
}

}  // namespace heed
