#include "score.h"
#include "../core/text.h"
#include "mask.h"

namespace heed {

Tensor Products::scores(Where at) const {
  if (q.dim() < 2 || k.dim() < 2 || q.size(-1) != k.size(-1))
    fail<ShapeError>(line_of(at), "scores",
                     "queries " + q.shape().str() + " and keys " + k.shape().str() +
                         " must have two dimensions at least, and the same last one");
  const Tensor s = heed::scale(matmul(q, transpose(k)), scale);
  return bias.defined() ? s + bias : s;
}

namespace {

double by_width(const In& q) { return 1 / std::sqrt(double(std::max<int64_t>(q->size(-1), 1))); }

// Of q and k, that there are two.
void check_sequences(const char* op, const In& q, const In& k) {
  for (const In& x : {q, k})
    if (x->dim() < 2)
      fail<ShapeError>(
          line_of(q), op,
          "queries " + q->shape().str() + " and keys " + k->shape().str() + " must have two dimensions at least");
}
void check_places(const char* op, Where at, int64_t first, int64_t T, int64_t S, int64_t length) {
  if (first < 0 || std::max(first + T, S) > length)
    fail<ShapeError>(line_of(at), op,
                     "there are scores for " + std::to_string(length) + " places, not for queries " +
                         std::to_string(first) + " to " + std::to_string(first + T - 1) + " and " + std::to_string(S) +
                         " keys");
}
// Queries with a dimension of heads, if there are several.
void check_heads(const char* op, const In& q, int64_t heads) {
  if (heads > 1 && (q->dim() < 3 || q->size(-3) != heads))
    fail<ShapeError>(line_of(q), op,
                     "the queries must be [.., " + std::to_string(heads) + ", T, D], not " + q->shape().str());
}
Tensor without_single_head(const Tensor& x) { return x.size(0) == 1 ? squeeze(x, 0) : x; }

}  // namespace

Tensor DotScore::operator()(In q, In k) const {
  Scope here{q};
  return products(q, k).scores();
}

Products ScaledDotScore::products(In q, In k) const { return {q, k, by_width(q)}; }
Tensor ScaledDotScore::operator()(In q, In k) const {
  Scope here{q};
  return products(q, k).scores();
}

Tensor GeneralScore::project(In k) const {
  Scope here{*this, k};
  return linear(k, weight);
}
Tensor GeneralScore::operator()(In q, In k) const {
  Scope here{*this, q};
  return products(q, project(k)).scores();
}

Tensor AdditiveScore::of(In q, In projected) const {
  Scope here{*this, q};
  return squeeze(v(tanh(unsqueeze(projected, -3) + unsqueeze(query(q), -2))), -1);
}
Tensor AdditiveScore::operator()(In q, In k) const {
  Scope here{*this, q};
  return of(q, project(k));
}

Tensor LocationScore::operator()(In q, In k) const {
  Scope here{*this, q};
  check_sequences("LocationScore", q, k);
  const int64_t S = k->size(-2);
  if (S > length)
    fail<ShapeError>(line_of(q), "LocationScore",
                     "there are scores for " + std::to_string(length) + " keys, not for the " + std::to_string(S) +
                         " of " + k->shape().str());
  return narrow(location(q), -1, 0, S);
}

Tensor PositionalScore::bias(int64_t T, int64_t S, int64_t first, Where at) const {
  check_places("PositionalScore", at, first, T, S, length);
  return widened(weight)(_, range(first, first + T), range(0, S));
}
Tensor PositionalScore::operator()(In q, In k) const {
  Scope here{*this, q};
  check_sequences("PositionalScore", q, k);
  check_heads("PositionalScore", q, heads);
  return without_single_head(scale(bias(q->size(-2), k->size(-2)), by_width(q)));
}

Tensor FactorizedScore::bias(int64_t T, int64_t S, int64_t first, Where at) const {
  check_places("FactorizedScore", at, first, T, S, length);
  return matmul(widened(query)(_, range(first, first + T)), transpose(widened(key)(_, range(0, S))));
}
Products FactorizedScore::products(In q, In k) const {
  Scope here{*this, q};
  check_sequences("FactorizedScore", q, k);
  check_heads("FactorizedScore", q, heads);
  const int64_t T = q->size(-2), S = k->size(-2);
  check_places("FactorizedScore", q.at, 0, T, S, length);
  return {without_single_head(widened(query)(_, range(0, T))), without_single_head(widened(key)(_, range(0, S))),
          by_width(q)};
}
Tensor FactorizedScore::operator()(In q, In k) const {
  Scope here{*this, q};
  return products(q, k).scores();
}

namespace {
Tensor unit(const Tensor& x, double eps) { return x / maximum(norm(x, 2, -1, keepdim), eps); }
}  // namespace

Tensor CosineScore::project(In k) const {
  Scope here{k};
  return unit(k, eps);
}
Products CosineScore::products(In q, In projected) const {
  Scope here{q};
  return {scale(unit(q, eps), beta), projected};
}
Tensor CosineScore::operator()(In q, In k) const {
  Scope here{q};
  return products(q, project(k)).scores();
}

Tensor content_weights(In key, In strength, In memory) {
  Scope here{key};
  return softmax(strength * CosineScore{.eps = 1e-3}(key, memory));
}

Products RelativeScore::products(In q, In k) const {
  Scope here{*this, q};
  check_sequences("RelativeScore", q, k);
  const int64_t T = q->size(-2), S = k->size(-2);
  const Tensor each = matmul(q, transpose(widened(weight)));  // [.., T, 2 distance + 1]
  Shape index;
  for (int i = 0; i < q->dim() - 2; ++i) index.push_back(1);
  index.push_back(T), index.push_back(S);
  const Tensor chosen = take_along(each, reshape(relative_index(T, S, distance), index), -1);
  return {q, k, by_width(q), scale(chosen, by_width(q))};
}
Tensor RelativeScore::operator()(In q, In k) const {
  Scope here{*this, q};
  return products(q, k).scores();
}

// ---- any of them
Tensor Score::project(In k) const {
  return std::visit(
      [&](const auto& score) -> Tensor {
        if constexpr (requires { score.project(k); }) return score.project(k);
        else return k;
      },
      kind_);
}
std::optional<Products> Score::products(In q, In projected) const {
  return std::visit(
      [&](const auto& score) -> std::optional<Products> {
        if constexpr (requires { score.products(q, projected); }) return score.products(q, projected);
        else return std::nullopt;
      },
      kind_);
}
Tensor Score::of(In q, In projected) const {
  return std::visit(
      [&](const auto& score) {
        if constexpr (requires { score.products(q, projected); }) return score.products(q, projected).scores();
        else if constexpr (requires { score.of(q, projected); }) return score.of(q, projected);
        else return score(q, projected);
      },
      kind_);
}
void Score::walk(std::string& path, Visit visit) {
  std::visit([&](auto& score) { detail::walk(score, path, visit); }, kind_);
}

const std::string& Score::name() const { return score_names()[kind_.index()]; }  // which stand in the variant's order

const std::vector<std::string>& score_names() {
  static const std::vector<std::string> names{"dot",        "scaled_dot", "general", "additive", "location",
                                              "positional", "factorized", "cosine",  "relative"};
  return names;
}

Score make_score(std::string_view name, const ScoreSizes& n, Where at) {
  at = line_of(at);
  place_of(name, score_names(), "make_score", at);
  auto is = [name](auto... names) { return ((name == names) || ...); };
  if (is("dot", "scaled_dot", "cosine", "relative") && n.query_width != n.key_width)
    fail<ShapeError>(at, "make_score",
                     std::string(name) + " wants queries and keys of one width, not " + std::to_string(n.query_width) +
                         " and " + std::to_string(n.key_width));
  if (is("location", "positional", "factorized") && n.length < 1)
    fail<Error>(at, "make_score", std::string(name) + " wants to know the greatest length: say .length");
  if (is("dot")) return DotScore{};
  if (is("scaled_dot")) return ScaledDotScore{};
  if (is("general")) return GeneralScore{n.query_width, n.key_width};
  if (is("additive")) return AdditiveScore{n.query_width, n.key_width, n.width};
  if (is("location")) return LocationScore{n.query_width, n.length};
  if (is("positional")) return PositionalScore{n.heads, n.length};
  if (is("factorized")) return FactorizedScore{n.heads, n.length, n.rank};
  if (is("cosine")) return CosineScore{};
  return RelativeScore{n.query_width, n.distance};
}

}  // namespace heed
