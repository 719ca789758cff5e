#pragma once
// Attention over a picture x [N, C, H, W]: to its channels, to its places, and of every place to every other.
#include "attention.h"
#include "conv.h"

namespace heed {

// x sigmoid(W_2 relu(W_1 z)), z the means of the channels      x [N, channels, H, W]   (Hu, Shen and Sun 2018, eq. 2 to
// 4). Names and layouts as torchvision.ops.SqueezeExcitation.
struct SqueezeExcitation {
  int64_t channels, reduction = 16;
  int64_t squeezed = reduction > 0 ? std::max<int64_t>(channels / reduction, 1) : 0;
  Conv2d fc1{.in = channels, .out = squeezed, .kernel = 1};  // W_1
  Conv2d fc2{.in = squeezed, .out = channels, .kernel = 1};  // W_2

  Tensor scores(In z) const { return fc2(relu(fc1(z))); }  // [N, channels, 1, 1], likewise
  Tensor gate(In x) const;                                 // [N, channels, 1, 1]
  Tensor operator()(In x, Rng* = nullptr) const;
};

// x sigmoid(MLP(mean) + MLP(max)) of each channel      x [N, channels, H, W]   (Woo et al. 2018, eq. 2)
struct ChannelAttention {
  int64_t channels, reduction = 16;
  SqueezeExcitation mlp{channels, reduction};

  Tensor gate(In x) const;  // [N, channels, 1, 1]
  Tensor operator()(In x, Rng* = nullptr) const;
};

// x sigmoid(conv([mean; max])) of the channels of each place      x [N, C, H, W]   (Woo et al. 2018, eq. 3)
struct SpatialAttention {
  int64_t kernel = 7;  // odd
  Conv2d conv{.in = 2, .out = 1, .kernel = kernel, .padding = kernel / 2};

  Tensor gate(In x) const;  // [N, 1, H, W]
  Tensor operator()(In x, Rng* = nullptr) const;
};

// CBAM: attention to channels, then to places      x [N, channels, H, W]   (Woo et al. 2018, eq. 1)
struct Cbam {
  int64_t channels, reduction = 16, kernel = 7;
  ChannelAttention channel{channels, reduction};
  SpatialAttention spatial{kernel};

  Tensor operator()(In x, Rng* = nullptr) const;
};

// Which terms a score has: of a query and a key, q k; of a query and how far the key is away, q r; of a key alone, u k;
// of how far it is away alone, v r.
struct SpatialTerms {
  bool query_key = true, query_offset = true, key = true, offset = true;
};

// Each place attends to all, by a sum of up to four terms that ask what stands here, what stands there and how far
// apart they are      x [N, channels, H, W]   (Zhu et al. 2019, eq. 3; Dai et al. 2019, section 3.3, in one dimension):
//   y_i = W^O sum_j softmax_j((q_i k_j + q_i r_{j-i} + u k_j + v r_{j-i}) / sqrt(D)) W^V x_j, of each head
// q = W^Q x and k = W^K x; r_{j-i} is made of sinusoids of how many rows and columns key j is away from query i; the
// root is Vaswani et al.'s. For the kernel, (q + u) k are the products, and (q + v) r is the bias.
struct GeneralizedAttention {
  int64_t channels, heads = 1;
  SpatialTerms terms = {};
  std::optional<Linear> q_proj = projection(terms.query_key || terms.query_offset);
  std::optional<Linear> k_proj = projection(terms.query_key || terms.key);
  std::optional<Linear> row_proj = projection(terms.query_offset || terms.offset);     // of sinusoids of rows,
  std::optional<Linear> column_proj = projection(terms.query_offset || terms.offset);  // of columns
  Parameter u = constant(terms.key), v = constant(terms.offset);                       // [heads, D]
  Linear v_proj{channels, channels}, out_proj{channels, channels};

  Tensor operator()(In x, Rng* = nullptr) const;
  struct Result {
    Tensor y;        // [N, channels, H, W]
    Tensor weights;  // [N, heads, H, W, H, W]: of each place to each
  };
  Result with_weights(In x) const;  // slower: the kernel never has them

  // Absent where no term needs them.
  std::optional<Linear> projection(bool wanted) const {
    if (!wanted) return std::nullopt;
    return Linear{.in = channels, .out = channels, .bias = {}};
  }
  Parameter constant(bool wanted) const {
    if (!wanted || heads < 1) return {};
    const double bound = std::sqrt(double(heads) / double(channels));
    return parameter(init::uniform({heads, channels / heads}, -bound, bound));
  }
};

}  // namespace heed
