#pragma once
// Scores: how well each key suits each query      q [.., T, query width], k [.., S, key width] -> [.., T, S]
// What a score makes of the keys alone is `project(k)`, for decoders that ask again and again: score(q, k) is
// score.of(q, score.project(k)).
#include <optional>
#include <string_view>
#include <variant>
#include "../core/tree.h"
#include "linear.h"

namespace heed {

// Scores that are products, q k^T scale + bias: their softmax has a kernel that never builds the matrix.
struct Products {
  Tensor q, k;  // [.., T, D], [.., S, D]
  double scale = 1;
  Tensor bias = {};  // broadcasts to [.., T, S]

  Tensor scores(Where at = Where::here()) const;  // [.., T, S]
};

// q k^T      (Luong, Pham and Manning 2015, section 3.1, dot)
struct DotScore {
  Products products(In q, In k) const { return {q, k}; }  // for the kernel
  Tensor operator()(In q, In k) const;
};

// q k^T / sqrt(D)      (Vaswani et al. 2017, section 3.2.1)
struct ScaledDotScore {
  Products products(In q, In k) const;  // for the kernel
  Tensor operator()(In q, In k) const;
};

// q W k^T      (Luong, Pham and Manning 2015, section 3.1, general)
struct GeneralScore {
  int64_t query_width, key_width;
  Parameter weight = parameter(init::kaiming_uniform({query_width, key_width}, std::sqrt(1.0 / 3)));  // W

  Tensor project(In k) const;                                             // [.., S, query_width]
  Products products(In q, In projected) const { return {q, projected}; }  // for the kernel
  Tensor operator()(In q, In k) const;
};

// v^T tanh(W q + U k)      (Bahdanau, Cho and Bengio 2015, appendix A.1.2; with one matrix for W and U side by side,
// Luong, Pham and Manning 2015, section 3.1, concat)
// The paper's v is often left out in tellings of it; without it a score is a mean of tanh, and no weight over n keys
// can exceed 1 / (1 + (n - 1) e^-2).
struct AdditiveScore {
  int64_t query_width, key_width, width;
  Linear query{.in = query_width, .out = width};          // W
  Linear key{.in = key_width, .out = width, .bias = {}};  // U
  Linear v{.in = width, .out = 1, .bias = {}};

  Tensor project(In k) const { return key(k); }  // [.., S, width]
  Tensor of(In q, In projected) const;           // [.., T, S]
  Tensor operator()(In q, In k) const;
};

// W q, a score for each of the first `length` places, whatever stands there      (Luong, Pham and Manning 2015, eq. 8)
struct LocationScore {
  int64_t query_width, length;
  Linear location{.in = query_width, .out = length, .bias = {}};  // W

  Tensor operator()(In q, In k) const;  // ShapeError: more than `length` keys
};

// A / sqrt(D), a learned number for each head and places of query and key, whatever stands there; with several heads,
// q [.., heads, T, D]. The first query stands at the first key, so Attention refuses Causal::lower_right unless T is S:
// bias(T, S, S - T) is what the last queries have.      (Luo et al. 2024, PARec)
struct PositionalScore {
  int64_t heads, length;
  Parameter weight = parameter(init::truncated_normal({heads, length, length}, 0, 0.01, -0.02, 0.02));  // A

  // A alone, of T queries from the one at place `first` on: [heads, T, S]
  Tensor bias(int64_t T, int64_t S, int64_t first = 0, Where at = Where::here()) const;
  Tensor operator()(In q, In k) const;  // ShapeError: more than `length` queries or keys
};

// F1 F2^T / sqrt(D): the same, places too, with 2 length rank numbers for each head, not length^2      (Luo et al.
// 2024, FPARec)
struct FactorizedScore {
  int64_t heads, length, rank;
  Parameter query = factor(), key = factor();  // F1, F2

  Tensor bias(int64_t T, int64_t S, int64_t first = 0, Where at = Where::here()) const;  // F1 F2^T alone, likewise
  Products products(In q, In k) const;                                                   // for the kernel
  Tensor operator()(In q, In k) const;

  // Of normal numbers, F1 F2^T would have a deviation of 0.01; of these, which are cut off, it is 0.0077.
  Parameter factor() const {
    const double std = 0.1 / std::pow(double(rank), 0.25);
    return parameter(init::truncated_normal({heads, length, rank}, 0, std, -2 * std, 2 * std));
  }
};

// beta q k^T / (|q| |k|)      (Graves, Wayne and Danihelka 2014, eq. 5 and 6); norms count as eps at least
struct CosineScore {
  double beta = 1, eps = 1e-8;

  Tensor project(In k) const;                   // k / |k|
  Products products(In q, In projected) const;  // for the kernel
  Tensor operator()(In q, In k) const;
};

// Which slots hold something like the key: softmax over slots of strength cos(key, slot)   (Graves, Wayne and
// Danihelka 2014, eq. 5 and 6; Graves et al. 2016, Methods, content-based addressing)
// key [B, H, width], strength [B, H, 1], memory [B, slots, width] -> [B, H, slots]
// A slot that is all but empty has no direction, and the gradient of one would be as large as it is small: lengths
// below 1e-3 count as 1e-3.
Tensor content_weights(In key, In strength, In memory);

// (q k^T + q a_d^T) / sqrt(D), d places from query to key, those beyond `distance` as the farthest; the last query
// stands at the last key      (Shaw, Uszkoreit and Vaswani 2018, eq. 4)
struct RelativeScore {
  int64_t width, distance;
  Parameter weight = parameter(init::xavier_uniform({2 * distance + 1, width}));  // a

  Products products(In q, In k) const;  // for the kernel
  Tensor operator()(In q, In k) const;
};

namespace detail {
using AnyScore = std::variant<DotScore, ScaledDotScore, GeneralScore, AdditiveScore, LocationScore, PositionalScore,
                              FactorizedScore, CosineScore, RelativeScore>;
template <class S, class Variant>
inline constexpr bool one_of = false;
template <class S, class... Kinds>
inline constexpr bool one_of<S, std::variant<Kinds...>> = (std::is_same_v<S, Kinds> || ...);
}  // namespace detail

// Any of them.
class Score {
 public:
  template <class S>
  requires(detail::one_of<S, detail::AnyScore>) Score(S score) : kind_(std::move(score)) {}

  Tensor project(In k) const;           // what it makes of the keys alone; k itself where that is nothing
  Tensor of(In q, In projected) const;  // [.., T, S]
  std::optional<Products> products(In q, In projected) const;  // if it is of that kind
  Tensor operator()(In q, In k) const { return of(q, project(k)); }

  template <class S>
  const S& as(Where at = Where::here()) const {  // Error: it is another one
    if (const S* score = std::get_if<S>(&kind_)) return *score;
    fail<Error>(at, "Score", "the score is another one: " + name());
  }
  const std::string& name() const;  // of score_names()

  // What the walk over a model does with it: paths are those of the score itself.
  void walk(std::string& path, Visit visit);
  Score clone(auto& copy) const {
    return std::visit([&](const auto& score) { return Score(copy(score)); }, kind_);
  }

 private:
  detail::AnyScore kind_;
};

struct ScoreSizes {  // of queries and keys, and what some of the scores want besides
  int64_t query_width, key_width;
  int64_t width = key_width;  // additive: how many tanh
  int64_t length = 0;         // location, positional, factorized: of the longest sequence
  int64_t heads = 1;          // positional, factorized
  int64_t rank = 8;           // factorized
  int64_t distance = 16;      // relative
};
// dot, scaled_dot, general, additive, location, positional, factorized, cosine, relative.
const std::vector<std::string>& score_names();
// Error: no such name, or a score of places without a length; ShapeError: dot, scaled_dot, cosine or relative of
// queries and keys that differ in width.
Score make_score(std::string_view name, const ScoreSizes& sizes, Where at = Where::here());

}  // namespace heed
