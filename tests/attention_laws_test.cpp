// What holds of attention whatever it is trained for: the formula, symmetries, hulls, and who sees whom.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include "common.h"
#include "worst.h"

using namespace heed;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// softmax(q k^T scale + bias, where may) v of one page, in long double, number by number.
std::vector<long double> reference(const Tensor& q, const Tensor& k, const Tensor& v, double scale, const Tensor& bias,
                                   const Tensor& may) {
  const auto T = std::size_t(q.size(0)), S = std::size_t(k.size(0)), D = std::size_t(q.size(1)),
             E = std::size_t(v.size(1));
  const auto Q = q.to_vector(), K = k.to_vector(), V = v.to_vector(), B = bias.to_vector(), M = may.to_vector();
  std::vector<long double> y(T * E);
  for (std::size_t t = 0; t < T; ++t) {
    std::vector<long double> s(S);
    long double top = -infinity, total = 0;
    for (std::size_t j = 0; j < S; ++j) {
      for (std::size_t d = 0; d < D; ++d) s[j] += static_cast<long double>(Q[t * D + d]) * K[j * D + d];
      s[j] = s[j] * scale + B[t * S + j];
      if (M[t * S + j] != 0) top = std::max(top, s[j]);
    }
    for (std::size_t j = 0; j < S; ++j) {
      if (M[t * S + j] == 0) continue;
      const long double w = std::exp(s[j] - top);
      total += w;
      for (std::size_t e = 0; e < E; ++e) y[t * E + e] += w * V[j * E + e];
    }
    for (std::size_t e = 0; total > 0 && e < E; ++e) y[t * E + e] /= total;
  }
  return y;
}

// Of two ways to compute the same: by the kernel, and from its parts.
const Attention attention;
struct Way {
  const char* name;
  Tensor (*y)(const Tensor& q, const Tensor& k, const Tensor& v, const AttendOptions& options);
};
const Way ways[] = {{"kernel", [](const Tensor& q, const Tensor& k, const Tensor& v,
                                  const AttendOptions& o) { return attention(q, k, v, o); }},
                    {"parts", [](const Tensor& q, const Tensor& k, const Tensor& v, const AttendOptions& o) {
                       return attention.with_weights(q, k, v, o).y;
                     }}};

Tensor shuffled(int64_t n, Rng& rng) {  // an order of n rows, not the one they have
  std::vector<int64_t> order(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = int64_t(i);
  while (std::is_sorted(order.begin(), order.end()))
    for (int64_t i = n - 1; i > 0; --i) std::swap(order[std::size_t(i)], order[std::size_t(rng.below(i + 1))]);
  return tensor(order, {n});
}
Tensor rows(const Tensor& x, const Tensor& order) { return index_select(x, -2, order); }

}  // namespace

TEST_CASE("attention is its formula, in long double, to 1e-14") {
  const int64_t T = 7, S = 9, D = 5, E = 4;
  Rng rng{1};
  for (int round = 0; round < 20; ++round) {
    const Tensor q = randn({T, D}, rng, f64), k = randn({S, D}, rng, f64), v = randn({S, E}, rng, f64);
    const Tensor bias = randn({T, S}, rng, f64), mask = rand({T, S}, rng) < 0.7;
    const double scale = round % 2 ? 1 / std::sqrt(double(D)) : 0.3;
    const Tensor causal = causal_mask(T, S, Causal::lower_right), all = ones({T, S}, boolean);
    auto check = [&](const AttentionOptions& options, const Tensor& may, const Tensor& added) {
      const std::vector<double> y = scaled_dot_product_attention(q, k, v, options).to_vector();
      const std::vector<long double> exact = reference(q, k, v, scale, added, may);
      long double largest = 0, worst = 0;
      for (std::size_t i = 0; i < y.size(); ++i) {
        largest = std::max(largest, std::abs(exact[i]));
        worst = worse(worst, std::abs(exact[i] - y[i]));
      }
      CHECK(worst <= 1e-14L * largest);
    };
    const Tensor nothing = zeros({T, S}, f64);
    check({.scale = scale}, all, nothing);
    check({.bias = bias, .scale = scale}, all, bias);
    check({.bias = bias, .mask = mask, .causal = Causal::lower_right, .scale = scale}, mask & causal, bias);
  }
}

TEST_CASE("logits of 1e4 pick one key, and have finite gradients") {
  const Tensor q = 100 * eye(3, f64), k = 100 * eye(3, f64), v = noise({3, 2}, 1);
  for (const Way& way : ways) {
    INFO(way.name);
    const Tensor x = q.requires_grad(), keys = k.requires_grad(), y = way.y(x, keys, v, {});
    CHECK(equal(y.detach(), v));
    for (const Tensor& g : grad(sum(square(y)), {x, keys})) CHECK(allclose(g, zeros_like(g), 0, 1e-12));
  }
}

TEST_CASE("why the scores are divided by sqrt(d): their variance is d, and softmax of them saturates") {
  Rng rng{2};
  double entropy_raw[3], entropy_scaled[3], slope_raw = 0, slope_scaled = 0;
  const int64_t widths[] = {16, 64, 512};
  for (int i = 0; i < 3; ++i) {
    const int64_t d = widths[i], keys = 32, pages = 800;
    const Tensor q = randn({pages, 1, d}, rng), k = randn({pages, keys, d}, rng);
    const Tensor s = cast(reshape(DotScore{}(q, k), {pages, keys}), f64);
    CHECK(mean(square(s)).item() == Approx(double(d)).epsilon(0.05));
    // The size of the elements of softmax's Jacobian, p_i (1 if i = j, else 0) - p_i p_j.
    auto slope = [&](const Tensor& p) {
      const Tensor across = unsqueeze(p, -1) * unsqueeze(p, -2);
      return mean(abs(eye(keys, f64) * unsqueeze(p, -1) - across)).item();
    };
    const Tensor raw = softmax(s), scaled = softmax(s / std::sqrt(double(d)));
    entropy_raw[i] = mean(entropy(raw)).item(), entropy_scaled[i] = mean(entropy(scaled)).item();
    slope_raw = slope(raw), slope_scaled = slope(scaled);
    const Tensor one = s(0);
    const Tensor exact = jacobian([](const Tensor&x) { return softmax(x); }, one), p = softmax(one);
    CHECK(allclose(exact, eye(keys, f64) * unsqueeze(p, -1) - unsqueeze(p, -1) * p, 1e-13, 1e-15));
  }
  const double raw[] = {1.13, 0.51, 0.17}, scaled[] = {3.02, 3.02, 3.00};
  for (int i = 0; i < 3; ++i) {
    CHECK(std::abs(entropy_raw[i] - raw[i]) < 0.05);
    CHECK(std::abs(entropy_scaled[i] - scaled[i]) < 0.05);
  }
  CHECK(slope_scaled / slope_raw >= 8);
}

// ---- who sees whom
TEST_CASE("whatever stands behind a causal query cannot change a bit of its result") {
  const auto m = cast(MultiHeadAttention{.width = 8, .heads = 2}, f64);
  const Tensor x = noise({2, 6, 8}, 1), other = noise({2, 6, 8}, 2);
  for (int64_t j = 1; j < 6; ++j) {
    const Tensor changed = where(reshape(arange(6), {6, 1}) < j, x, other);
    CHECK(equal(m(changed, {.causal = Causal::on})(_, range(0, j)), m(x, {.causal = Causal::on})(_, range(0, j))));
    CHECK_FALSE(equal(m(changed, {.causal = Causal::on})(_, j), m(x, {.causal = Causal::on})(_, j)));
  }
}

TEST_CASE("gradients to what is not seen are zeros, exactly: keys and values behind, and the other queries") {
  const int64_t n = 6;
  const Tensor q = variable({n, 4}, 1), k = variable({n, 4}, 2), v = variable({n, 3}, 3);
  for (const Way& way : ways)
    for (int64_t i = 0; i < n; ++i) {
      const Tensor y = way.y(q, k, v, {.causal = Causal::on});
      const std::vector<Tensor> d = grad(sum(y(i) * noise({3}, 4)), {q, k, v});
      const Tensor behind = unsqueeze(arange(n) > i, 1), another = unsqueeze(arange(n) != i, 1);
      CHECK(equal(where(another, d[0], 0), zeros({n, 4}, f64)));
      CHECK(equal(where(behind, d[1], 0), zeros({n, 4}, f64)));
      CHECK(equal(where(behind, d[2], 0), zeros({n, 3}, f64)));
      CHECK(sum(abs(d[2](i))).item() > 0);
    }
}

TEST_CASE("a query that may attend to nothing: 0, gradient 0, and nothing poisoned") {
  const Tensor q = variable({3, 4}, 1), k = variable({5, 4}, 2), v = variable({5, 3}, 3), gy = noise({3, 3}, 4);
  const Tensor mask = unsqueeze(arange(3) != 1, 1), bias = where(mask, noise({3, 5}, 5), -infinity);
  for (const Way& way : ways)
    for (const AttendOptions& options : {AttendOptions{.mask = mask}, {.bias = bias}, {.mask = mask, .bias = bias}}) {
      INFO(way.name);
      const Tensor y = way.y(q, k, v, options);
      CHECK(equal(y(1).detach(), zeros({3}, f64)));
      CHECK(finite(y));
      const std::vector<Tensor> d = vjp(y, gy, {q, k, v});
      CHECK(equal(d[0](1), zeros({4}, f64)));
      const Tensor others = tensor({0, 2}, i64), left = options.bias.defined() ? bias(others) : Tensor();
      const Tensor rest = way.y(q(others), k, v, {.bias = left});
      const std::vector<Tensor> without = vjp(rest, gy(others), {q, k, v});
      for (std::size_t i = 0; i < 3; ++i) CHECK(allclose(d[i], without[i], 1e-14, 1e-14));
      const Tensor second = grad(sum(square(vjp(y, gy, {q}, create_graph)[0])), {k})[0];
      CHECK(finite(second));
    }
  // The projections that all queries share.
  const MultiHeadAttention m{.width = 4, .heads = 2};
  const Tensor x = noise({2, 3, 4}, 6, f32), padding = length_mask(tensor({3, 0}, i64), 3);
  for (const Tensor& y : {m(x, {.key_mask = padding}), m.with_weights(x, x, x, {.key_mask = padding}).y})
    for (const Tensor& g : grad(sum(square(y)), m).values) CHECK(finite(g));
}

TEST_CASE("NaN and infinity where one may not look reach neither results nor gradients") {
  const Tensor q = noise({4, 3}, 1), k = noise({4, 3}, 2), v = noise({4, 2}, 3), gy = noise({4, 2}, 4);
  const Tensor bad = tensor({{0, 0, 0, 1}}) > 0;  // the last key
  const Tensor hidden = ~bad, hidden_from_some = causal_mask(4, 4);
  auto check = [&](const Way& way, const AttendOptions& options, double poison, const Tensor& clean) {
    const Tensor at = transpose(bad);
    const Tensor a = q.requires_grad(), b = where(at, poison, k).requires_grad();
    const Tensor c = where(at, poison, v).requires_grad();
    const Tensor y = way.y(a, b, c, options), expected = way.y(q, k, v, options);
    CHECK(equal(where(clean, y, 0), where(clean, expected, 0)));
    CHECK(equal(y == y, broadcast_to(clean, {4, 2})));  // what may look is NaN
    const std::vector<Tensor> d = vjp(y, where(clean, gy, 0), {a, b, c});
    const Tensor x = q.requires_grad(), z = k.requires_grad(), w = v.requires_grad();
    const std::vector<Tensor> wanted = vjp(way.y(x, z, w, options), where(clean, gy, 0), {x, z, w});
    for (std::size_t i = 0; i < 3; ++i) CHECK(equal(d[i], wanted[i]));
  };
  for (const Way& way : ways)
    for (double poison : {std::nan(""), infinity, -infinity}) {
      INFO(way.name << " " << poison);
      const Tensor all = ones({4, 1}, boolean), but_the_last = unsqueeze(arange(4) < 3, 1);
      check(way, {.mask = hidden}, poison, all);
      check(way, {.mask = hidden_from_some}, poison, but_the_last);
      check(way, {.causal = Causal::on}, poison, but_the_last);
      check(way, {.bias = where(hidden, zeros({4, 4}, f64), -infinity)}, poison, all);
      CHECK_FALSE(finite(way.y(q, k, where(transpose(bad), poison, v), {})));
    }
}

TEST_CASE("a sequence in a padded batch is what it would be alone, for every normaliser") {
  const Tensor q = noise({2, 3, 4}, 1), k = noise({2, 6, 4}, 2), v = noise({2, 6, 2}, 3);
  const Tensor mask = unsqueeze(length_mask(tensor({6, 4}, i64), 6), 1);
  for (const std::string& name : normalizer_names()) {
    INFO(name);
    const Attention a{.normalizer = normalizer_of(name)};
    const Tensor alone = a(q(range(1, 2)), k(range(1, 2), range(0, 4)), v(range(1, 2), range(0, 4)));
    CHECK(allclose(a(q, k, v, {.mask = mask})(range(1, 2)), alone, 1e-12, 1e-12));
  }
}

// ---- heads
TEST_CASE("heads: how many numbers, one by one, and without one") {
  const int64_t W = 12, h = 3, D = W / h;
  auto elements = [](const MultiHeadAttention& m) { return parameters(m).numel(); };
  CHECK(elements({.width = W, .heads = h}) == 4 * W * W + 4 * W);
  CHECK(elements({.width = W, .heads = h, .bias = false}) == 4 * W * W);
  const auto m = cast(MultiHeadAttention{.width = W, .heads = h}, f64);
  assign(m.in_proj_bias, noise({3 * W}, 4));
  const Tensor x = noise({2, 5, W}, 1), all = linear(x, m.in_proj_weight, m.in_proj_bias);
  auto head = [&](int64_t i) {
    auto part = [&](int64_t of) { return all(_, _, range(of * W + i * D, of * W + (i + 1) * D)); };
    return attention(part(0), part(1), part(2));
  };
  const Tensor joined = concat({head(0), head(1), head(2)}, -1);
  CHECK(allclose(m(x), m.out_proj(joined), 1e-14, 1e-14));
  const Tensor kept = cast(arange(W) < D, f64) + cast(arange(W) >= 2 * D, f64);  // without the middle head
  const auto pruned = clone(m);
  assign(pruned.out_proj.weight, m.out_proj.weight.detach() * kept);
  CHECK(allclose(
      pruned(x),
      linear(concat({head(0), head(2)}, -1),
             concat({m.out_proj.weight(_, range(0, D)), m.out_proj.weight(_, range(2 * D, W))}, 1), m.out_proj.bias),
      1e-14, 1e-14));
}

// ---- symmetries
TEST_CASE("softmax(A D B) = A softmax(D) B, and Attention(A Q, B K, B V) = A Attention(Q, K, V)") {
  const int64_t T = 6, S = 7;
  const Tensor d = noise({T, S}, 1), q = noise({T, 4}, 2), k = noise({S, 4}, 3), v = noise({S, 3}, 4);
  const Tensor gy = noise({T, 3}, 5), bias = noise({T, S}, 6);
  const double tolerance = double(S) * std::numeric_limits<double>::epsilon() * max(abs(v)).item();
  const auto m = cast(MultiHeadAttention{.width = 4, .heads = 2}, f64);
  Rng rng{7};
  for (int round = 0; round < 100; ++round) {
    const Tensor a = shuffled(T, rng), b = shuffled(S, rng);
    auto both = [&](const Tensor& x) { return index_select(rows(x, a), -1, b); };
    CHECK(allclose(softmax(both(d)), both(softmax(d)), 0, double(S) * 2.3e-16));
    for (const Way& way : ways) {
      const Tensor y = way.y(q, k, v, {});
      CHECK(equal(way.y(rows(q, a), k, v, {}), rows(y, a)));  // bit for bit: a query knows nothing of the others
      CHECK(allclose(way.y(rows(q, a), rows(k, b), rows(v, b), {}), rows(y, a), 0, tolerance));
      CHECK(allclose(way.y(rows(q, a), rows(k, b), rows(v, b), {.bias = both(bias)}),
                     rows(way.y(q, k, v, {.bias = bias}), a), 0, 2 * tolerance));
    }
    const Tensor x = q.requires_grad(), z = rows(q, a).requires_grad();  // gradients go along
    CHECK(allclose(vjp(attention(z, rows(k, b), rows(v, b)), rows(gy, a), {z})[0],
                   rows(vjp(attention(x, k, v), gy, {x})[0], a), 1e-13, 1e-14));
    const Tensor s = unsqueeze(q, 0);  // of one sequence, through all projections
    CHECK(allclose(m(rows(s, a)), rows(m(s), a), 1e-13, 1e-14));
  }
}

TEST_CASE("masks and positions tell one order from another") {
  const Tensor x = noise({1, 6, 4}, 1);
  const auto m = cast(MultiHeadAttention{.width = 4, .heads = 2}, f64);
  auto positioned = [&](const Tensor& s) { return m(SinusoidalPosition{4}(s)); };
  auto causal = [&](const Tensor& s) { return m(s, {.causal = Causal::on}); };
  int told_by_mask = 0, told_by_position = 0;
  Rng rng{2};
  for (int round = 0; round < 200; ++round) {
    const Tensor a = shuffled(6, rng);
    told_by_mask += !allclose(causal(rows(x, a)), rows(causal(x), a), 1e-6, 1e-6);
    told_by_position += !allclose(positioned(rows(x, a)), rows(positioned(x), a), 1e-6, 1e-6);
  }
  CHECK(told_by_mask > 198);
  CHECK(told_by_position > 198);
}

TEST_CASE("queries and keys are not interchangeable, and scores are not symmetric") {
  const Tensor q = noise({5, 4}, 1), k = noise({5, 4}, 2), v = noise({5, 4}, 3);
  CHECK_FALSE(allclose(attention(q, k, v), attention(k, q, v), 0.1, 0.1));
  // Key 1 is all that query 0 sees, and query 1 sees nothing of key 0.
  const Tensor one_sided = tensor({{0, 50}, {-50, 0}}, f64), w = softmax(one_sided);
  CHECK(w(0, 1).item() == 1);
  CHECK(w(1, 0).item() < 1e-20);
  const Tensor x = noise({5, 4}, 4), projected = matmul(x, noise({4, 4}, 5)), other = matmul(x, noise({4, 4}, 6));
  const Tensor raw = DotScore{}(x, x), learned = ScaledDotScore{}(projected, other);
  CHECK(allclose(raw, transpose(raw), 1e-15, 1e-15));  // of the embeddings themselves
  CHECK_FALSE(allclose(learned, transpose(learned), 0.1, 0.1));
  CHECK(allclose(ScaledDotScore{}(projected, projected), transpose(ScaledDotScore{}(projected, projected)), 1e-14,
                 1e-14));
}

// ---- hulls
namespace {

// Do all rows of y lie between the smallest and the largest of the values, in each of 1000 directions?
bool in_hull(const Tensor& y, const Tensor& v) {
  const Tensor u = noise({v.size(-1), 1000}, 77), along = matmul(v, u), at = matmul(y, u);
  const double slack = double(v.size(0)) * std::numeric_limits<double>::epsilon() * max(abs(along)).item();
  return all((at >= min(along, 0) - slack) & (at <= max(along, 0) + slack)).item() != 0;
}

}  // namespace

TEST_CASE("what attention reads lies in the convex hull of the values") {
  const int64_t T = 5, S = 9, n = 4;
  const Tensor q = noise({T, n}, 1), k = noise({S, n}, 2), v = noise({S, 3}, 3) + 2;
  const double tolerance = double(S) * std::numeric_limits<double>::epsilon();
  for (Normalizer how : {Normalizer::softmax, Normalizer::sparsemax, Normalizer::sampled, Normalizer::gumbel}) {
    Rng rng{4};
    const auto [y, w] = Attention{.normalizer = how}.with_weights(q, k, v, {}, &rng);
    CHECK(min(w).item() >= 0);
    CHECK(allclose(sum(w, -1), ones({T}, f64), 0, tolerance));
    CHECK(in_hull(y, v));
  }
  CHECK(in_hull(attention(q, k, v), v));
  // Corners are reached: a score 50 above the others.
  const Tensor peak = zeros({1, S}, f64) + 50 * cast(arange(S) == 4, f64);
  CHECK(max_difference(matmul(softmax(peak), v), v(range(4, 5))) < 1e-20);

  // Not so with weights that do not sum to 1 ..
  for (Normalizer how : {Normalizer::relu, Normalizer::relu_n, Normalizer::sigmoid, Normalizer::none})
    CHECK_FALSE(in_hull(Attention{.normalizer = how}(q, k, v), v));
  // .. as those of dropout, which makes what it keeps larger;
  Rng rng{5};
  const Attention dropping{.dropout = 0.5};
  CHECK_FALSE(in_hull(dropping(q, k, v, {}, &rng), v));
  CHECK(in_hull(dropping(q, k, v), v));
  // with weights of both signs, as linear attention's, although they sum to 1;
  const Tensor feature_q = q, feature_k = k, products = matmul(feature_q, transpose(feature_k));
  const Tensor signed_weights = products / sum(products, -1, keepdim);
  CHECK(allclose(sum(signed_weights, -1), ones({T}, f64), 0, 1e-12));
  CHECK_FALSE(in_hull(matmul(signed_weights, v), v));
  // or behind W^O.
  CHECK_FALSE(in_hull(matmul(attention(q, k, v), noise({3, 3}, 6)), v));
}

// ---- what popular tellings leave out
TEST_CASE("additive attention without v cannot look closely") {
  const int64_t n = 24, width = 16;
  const AdditiveScore score = scattered(cast(AdditiveScore{3, 4, width}, f64), 1, 30);
  const Tensor q = 10 * noise({50, 3}, 2), k = 10 * noise({n, 4}, 3);
  const double bound = 1 / (1 + double(n - 1) * std::exp(-2.0));
  CHECK(bound == Approx(0.243).epsilon(0.002));
  const Tensor without = mean(tanh(unsqueeze(score.project(k), -3) + unsqueeze(score.query(q), -2)), -1);
  CHECK(max(softmax(without)).item() <= bound);
  CHECK(max(softmax(score(q, k))).item() > 0.9);
  const Tensor best = where(arange(n) == 3, ones({n}, f64), -1);  // of all scores in [-1, 1]
  CHECK(max(softmax(best)).item() == Approx(bound).epsilon(1e-12));
}

TEST_CASE("columns for words: the same, transposed, softmax over the other axis") {
  const int64_t n = 5, d = 4;
  const Tensor x = noise({n, d}, 1), wq = noise({d, d}, 2), wk = noise({d, d}, 3), wv = noise({d, 3}, 4);
  const Tensor row_form = attention(matmul(x, wq), matmul(x, wk), matmul(x, wv));
  // (X W_v)^T softmax_columns((X W_k) (X W_q)^T / sqrt d), a column to a query
  const Tensor a = matmul(matmul(x, wk), transpose(matmul(x, wq))) / 2;
  const Tensor column_form = matmul(transpose(matmul(x, wv)), softmax(a, 0));
  CHECK(max_difference(transpose(column_form), row_form) <= 1e-15 * 4);
  // Over the wrong axis neither do rows sum to 1, nor does the result lie between the values or ignore a shift of a
  // query.
  const Tensor s = transpose(a), wrong = softmax(s, 0), v = matmul(x, wv);
  CHECK(allclose(sum(softmax(s, 1), 1), ones({n}, f64), 0, 1e-15));
  CHECK_FALSE(allclose(sum(wrong, 1), ones({n}, f64), 0, 0.1));
  CHECK_FALSE(in_hull(matmul(wrong, v), v));
  const Tensor shifted = s + noise({n, 1}, 5);
  CHECK(allclose(softmax(shifted, 1), softmax(s, 1), 1e-13, 1e-13));
  CHECK_FALSE(allclose(softmax(shifted, 0), wrong, 0.1, 0.1));
}

TEST_CASE("scores of places know nothing of what stands there") {
  const Tensor q = variable({3, 4}, 1), k = variable({5, 4}, 2);
  for (const char* name : {"location", "positional", "factorized"}) {
    seed(1);
    const Score score = cast(make_score(name, {.query_width = 4, .key_width = 4, .length = 6}), f64);
    const std::vector<Tensor> d = vjp(softmax(score(q, k)), noise({3, 5}, 3), {k, q});
    CHECK(equal(d[0], zeros({5, 4}, f64)));
    CHECK((sum(abs(d[1])).item() > 0) == (std::string(name) == "location"));
  }
}

TEST_CASE("layer norm: mean 0, and variance 1 less what eps takes") {
  const double eps = 1e-5;
  const Tensor x = 3 * noise({10, 16}, 1) + 5, y = layer_norm(x);
  CHECK(max(abs(mean(y, -1))).item() <= 1e-12);
  const Tensor before = var(x, -1, false, 0), after = var(y, -1, false, 0);
  CHECK(allclose(after, before / (before + eps), 1e-12, 0));
  CHECK_FALSE(allclose(mean(layer_norm(x, full({16}, 2, f64), ones({16}, f64)), -1), zeros({10}, f64)));
}
