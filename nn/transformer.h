#pragma once
// The Transformer (Vaswani et al. 2017), batch first: names, layouts and meanings as torch.nn.Transformer and its
// parts. Masks, per attention as in MultiHeadOptions, are true where attention is allowed.
#include <optional>
#include <span>
#include "../core/tree.h"
#include "attention.h"
#include "norm.h"

namespace heed {

struct TransformerOptions {
  enum Activation { relu, gelu };
  int64_t hidden = 2048;  // of the feed-forward parts (dim_feedforward)
  double dropout = 0.1;   // of attention weights, of hidden values, and of what each part adds to x
  Activation activation = relu;
  double eps = 1e-5;        // of the norms
  bool norm_first = false;  // x + f(norm(x)) (Xiong et al. 2020), not norm(x + f(x))
  bool bias = true;         // of everything, the norms included

  // What the layers are made of and call.
  LayerNorm norm(int64_t width) const;
  Tensor activate(const Tensor& x) const { return activation == relu ? heed::relu(x) : heed::gelu(x); }
};

// Self-attention, then linear2(activation(linear1(x)))      x [B, T, width] -> [B, T, width]
struct TransformerEncoderLayer {
  int64_t width, heads;
  TransformerOptions options = {};
  MultiHeadAttention self_attn{.width = width, .heads = heads, .dropout = options.dropout, .bias = options.bias};
  Linear linear1 = linear_of(width, options.hidden, options.bias);
  Linear linear2 = linear_of(options.hidden, width, options.bias);
  LayerNorm norm1 = options.norm(width), norm2 = options.norm(width);

  Tensor operator()(In x, const MultiHeadOptions& mask = {}, Rng* training = nullptr) const;
  Tensor operator()(In x, Rng* training) const { return (*this)(x, {}, training); }
};

struct DecoderMasks {
  MultiHeadOptions target = {};  // among the target's own places: .causal = Causal::on to predict the next one
  MultiHeadOptions memory = {};  // from the target to memory
};
// Self-attention, attention to memory, then the feed-forward part      x [B, T, width], memory [B, S, width] ->
// [B, T, width]
struct TransformerDecoderLayer {
  int64_t width, heads;
  TransformerOptions options = {};
  MultiHeadAttention self_attn{.width = width, .heads = heads, .dropout = options.dropout, .bias = options.bias};
  MultiHeadAttention multihead_attn{.width = width, .heads = heads, .dropout = options.dropout, .bias = options.bias};
  Linear linear1 = linear_of(width, options.hidden, options.bias);
  Linear linear2 = linear_of(options.hidden, width, options.bias);
  LayerNorm norm1 = options.norm(width), norm2 = options.norm(width), norm3 = options.norm(width);

  Tensor operator()(In x, In memory, const DecoderMasks& masks = {}, Rng* training = nullptr) const;
};

// Layers, and a norm of what comes out of them where there is one (pre-norm layers want it): .norm = LayerNorm{width}
// To go on from places seen before: caches, one for each layer, and Causal::lower_right. Error: layers share a cache,
// or there are not as many caches as layers.
struct TransformerEncoder {
  int64_t width, heads, num_layers;
  TransformerOptions options = {};
  std::vector<TransformerEncoderLayer> layers = stack_of(num_layers, [this] {
    return TransformerEncoderLayer{width, heads, options};
  });
  std::optional<LayerNorm> norm = std::nullopt;

  Tensor operator()(In x, const MultiHeadOptions& mask = {}, Rng* training = nullptr,
                    std::span<KvCache> caches = {}) const;
  Tensor operator()(In x, Rng* training) const { return (*this)(x, {}, training); }
};

// The same of decoder layers, with caches of the target's places      x [B, T, width], memory [B, S, width] ->
// [B, T, width]
struct TransformerDecoder {
  int64_t width, heads, num_layers;
  TransformerOptions options = {};
  std::vector<TransformerDecoderLayer> layers = stack_of(num_layers, [this] {
    return TransformerDecoderLayer{width, heads, options};
  });
  std::optional<LayerNorm> norm = std::nullopt;

  Tensor operator()(In x, In memory, const DecoderMasks& masks = {}, Rng* training = nullptr,
                    std::span<KvCache> caches = {}) const;
};

struct TransformerMasks {  // of the encoder, of the decoder, and between them
  MultiHeadOptions source = {}, target = {}, memory = {};
};
// decoder(target, encoder(source)), both with a final norm      source [B, S, width], target [B, T, width] ->
// [B, T, width]. Embedded tokens with positions go in, features for the logits come out.
struct Transformer {
  int64_t width = 512, heads = 8, num_encoder_layers = 6, num_decoder_layers = 6;
  TransformerOptions options = {};
  TransformerEncoder encoder = make_encoder();
  TransformerDecoder decoder = make_decoder();

  Tensor operator()(In source, In target, const TransformerMasks& masks = {}, Rng* training = nullptr) const;

  // Every matrix is drawn from xavier_uniform.
  TransformerEncoder make_encoder() const;
  TransformerDecoder make_decoder() const;
};

}  // namespace heed
