#pragma once
// Attention, of four parts. A score (score.h) says how well each key suits each query; masks and biases (mask.h) say
// who may look where; a normaliser (normalize.h) makes weights of scores; by these, values are mixed:
//   weights = normalize(score(q, k) + bias, where mask), y = weights v
#include <optional>
#include "dropout.h"
#include "linear.h"
#include "mask.h"
#include "normalize.h"
#include "positional.h"
#include "score.h"

namespace heed {

// q [.., T, query width], k [.., S, key width], v [.., S, E]; batches broadcast. A query that may attend to nothing
// gives 0 and has gradient 0; what it may not attend to has no part in its result, even if that is NaN. With scores s
// of one's own: w = normalize(s, Normalizer::softmax, {.mask = mask}), y = matmul(w, v).
struct AttendOptions {
  Tensor mask = {};  // boolean, true = may attend: broadcasts to [.., T, S]
  Tensor bias = {};  // added to the scores: broadcasts to [.., T, S]
  Causal causal = Causal::off;
};
struct Attended {
  Tensor y;        // [.., T, E]
  Tensor weights;  // [.., T, S]
};

struct Attention {
  Score score = ScaledDotScore{};  // .score = AdditiveScore{3, 4, 8}, or make_score("additive", ..)
  Normalizer normalizer = Normalizer::softmax;
  double temperature = 1;
  double dropout = 0;  // of the weights
  // W_Q, W_K and W_V, which queries, keys and values are multiplied by first; absent, they are taken as they are
  std::optional<Linear> query = {}, key = {}, value = {};

  // By the fused kernel where it computes the same: softmax of scores that are products.
  Tensor operator()(In q, In k, In v, const AttendOptions& options = {}, Rng* training = nullptr) const;
  // The same and the weights, which the fused kernel never has: slower.
  Attended with_weights(In q, In k, In v, const AttendOptions& options = {}, Rng* training = nullptr) const;

  // ---- the same for a decoder that asks again and again
  struct Source {  // what is made of keys and values alone
    Tensor k, v;
  };
  // Once, before the first query
  Source project(In k, In v) const;
  // As with_weights
  Attended attend(In q, const Source& source, const AttendOptions& options = {}, Rng* training = nullptr) const;
};

// Attention to keys around a place that the query chooses, p = S sigmoid(v^T tanh(W q)), of the S first keys, which the
// mask allows: those at most `reach` away, whose weights are times e^(-(s - p)^2 / (2 (reach / 2)^2)) and sum to less
// than 1 then. q, k and v have the same batch.      (Luong, Pham and Manning 2015, section 3.2, local-p)
struct LocalAttention {
  int64_t query_width, key_width;
  double reach = 10;  // D
  Score score = make<GeneralScore>(query_width, key_width);
  Linear place{.in = query_width, .out = query_width, .bias = {}};  // W
  Linear v{.in = query_width, .out = 1, .bias = {}};

  // Once, before the first query
  Attention::Source project(In k, In v) const { return {score.project(k), v}; }
  // mask: boolean, true = may attend: broadcasts to [.., T, S]
  Attended attend(In q, const Attention::Source& source, const Tensor& mask = {}) const;
};

// Keys and values of the places seen so far, so that those that follow are computed alone. Written in place: what goes
// in has no history.
struct KvCache {
  Tensor k = {}, v = {};  // [B, kv_heads, room, D], the first `length` places filled
  int64_t length = 0;

  // Adds places [B, kv_heads, T, D]; room doubles when it is used up. GradError: one has a history; ShapeError: other
  // sizes than before, or not as many keys as values; DtypeError: another type. Then nothing has been added.
  void append(In keys, In values);
  // Keeps these rows of the batch, in this order: rows [n] i64, a row may come more than once.
  void select(In rows);
  Tensor keys() const { return k(_, _, range(0, length)); }  // [B, kv_heads, length, D]
  Tensor values() const { return v(_, _, range(0, length)); }
};

struct MultiHeadOptions {
  Tensor mask = {};      // boolean, true = may attend: broadcasts to [B, heads, T, S]
  Tensor key_mask = {};  // boolean [B, S], false where a key is padding
  Tensor bias = {};      // added to the scores: broadcasts to [B, heads, T, S]
  Causal causal = Causal::off;
  KvCache* cache = nullptr;  // grows by the keys and values; queries attend to all in it, S is its length then
};

// concat(head_1, .., head_h) W^O, head_i = Attention(q W^Q_i, k W^K_i, v W^V_i)      (Vaswani et al. 2017,
// section 3.2.2) query [B, T, width], key [B, S, kdim], value [B, S, vdim] -> [B, T, width]. Names and layouts as
// torch.nn.MultiheadAttention. With kv_heads below heads, heads / kv_heads neighbouring heads share one head of keys
// and values (Ainslie et al. 2023), whose projections are narrower.
struct MultiHeadAttention {
  int64_t width, heads;
  double dropout = 0;  // of the attention weights
  bool bias = true;
  int64_t kv_heads = heads, kdim = width, vdim = width;
  std::optional<RotaryPosition> rotary = std::nullopt;  // of queries and keys: .rotary = RotaryPosition{}
  Normalizer normalizer = Normalizer::softmax;          // another one has no fused kernel: slower
  double scale = 0;                                     // of the scores; 0: 1 / sqrt(width / heads)
  // W^Q, W^K, W^V on top of each other; where the widths differ, each by itself
  Parameter in_proj_weight = alike() ? projection(width + 2 * kv_width(), width) : Parameter();
  Parameter q_proj_weight = alike() ? Parameter() : projection(width, width);
  Parameter k_proj_weight = alike() ? Parameter() : projection(kv_width(), kdim);
  Parameter v_proj_weight = alike() ? Parameter() : projection(kv_width(), vdim);
  Parameter in_proj_bias = bias ? parameter(zeros({width + 2 * kv_width()})) : Parameter();
  Linear out_proj{.in = width, .out = width, .bias = bias ? parameter(zeros({width})) : Parameter()};

  Tensor operator()(In x, Rng* training = nullptr) const { return (*this)(x, x, x, {}, training); }
  Tensor operator()(In x, const MultiHeadOptions& options, Rng* training = nullptr) const {
    return (*this)(x, x, x, options, training);
  }
  Tensor operator()(In query, In key, In value, const MultiHeadOptions& options = {}, Rng* training = nullptr) const;
  // The same and the weights [B, heads, T, S], which the fused kernel never has: slower.
  Attended with_weights(In query, In key, In value, const MultiHeadOptions& options = {},
                        Rng* training = nullptr) const;

  // What keys and values are projected to.
  int64_t kv_width() const { return heads > 0 ? width / heads * kv_heads : 0; }
  bool alike() const { return kdim == width && vdim == width; }
  static Parameter projection(int64_t out, int64_t in);
};

}  // namespace heed
