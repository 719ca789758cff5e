#pragma once
// A network that sees 3 x 3 pixels at a time and forgets where: what it needs to know of the rest of a picture,
// attention must tell it.
#include "../../nn/visual_attention.h"

namespace heed {

// Pictures [B, 3, H, W] to logits [B, classes]: a convolution and ReLU, attention, the mean over places, a linear layer
struct TextureNet {
  enum Kind { none, se, cbam, generalized };
  int64_t classes;
  Kind kind;
  int64_t channels = 32, reduction = 2;
  SpatialTerms terms = {};  // of generalized attention

  Conv2d conv{.in = 3, .out = channels, .kernel = 3, .padding = 1};
  std::optional<SqueezeExcitation> squeeze_excitation = make_if<SqueezeExcitation>(kind == se, channels, reduction);
  std::optional<Cbam> block_attention = make_if<Cbam>(kind == cbam, channels, reduction);
  std::optional<GeneralizedAttention> places = make_if<GeneralizedAttention>(kind == generalized, channels, 1, terms);
  Linear output{channels, classes};

  Tensor features(In x) const { return relu(conv(x)); }  // [B, channels, H, W]
  // Likewise; to each place what it has seen elsewhere is added, and ReLU tells what stands where from what is seen
  // there
  Tensor attended(In h) const {
    return squeeze_excitation ? (*squeeze_excitation)(h)
           : block_attention  ? (*block_attention)(h)
           : places           ? relu(h + (*places)(h))
                              : h.tensor();
  }
  Tensor operator()(In x, Rng* = nullptr) const { return output(mean(attended(features(x)), {2, 3})); }

  // How much is kept of each channel [B, channels] and of each place [B, H, W]; undefined where nothing decides that.
  Tensor channel_gate(In x) const {
    if (!squeeze_excitation && !block_attention) return {};
    const Tensor h = features(x);
    return flatten(squeeze_excitation ? squeeze_excitation->gate(h) : block_attention->channel.gate(h), 1);
  }
  Tensor place_gate(In x) const {
    if (!block_attention) return {};
    return squeeze(block_attention->spatial.gate(block_attention->channel(features(x))), 1);
  }
};

}  // namespace heed
