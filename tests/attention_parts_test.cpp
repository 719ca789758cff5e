// The parts that attention is made of: scores, normalisers, masks and biases, and what reads by them.
#include <algorithm>
#include <cmath>
#include "common.h"

using namespace heed;

namespace {

constexpr ScoreSizes sizes{.query_width = 4, .key_width = 4, .width = 3, .length = 6, .rank = 3, .distance = 2};
const Tensor attend = tensor({{1, 0, 1, 1}, {0, 0, 0, 0}, {0, 1, 0, 0}}) > 0;  // [T, S], the second row empty

Attention attention_of(const std::string& score, Normalizer normalizer = Normalizer::softmax) {
  seed(3);
  return scattered(cast(Attention{.score = make_score(score, sizes), .normalizer = normalizer}, f64), 11, 0.8);
}
// f(t, s) for each of T queries and S keys
Tensor each_pair(int64_t T, int64_t S, auto f) {
  std::vector<double> r;
  for (int64_t t = 0; t < T; ++t)
    for (int64_t s = 0; s < S; ++s) r.push_back(f(t, s));
  return tensor(r, {T, S}, f64);
}
double dot(const Tensor& a, const Tensor& b) { return sum(a * b).item(); }

}  // namespace

TEST_CASE("scores are what their papers say, one pair at a time") {
  const int64_t T = 3, S = 5, D = 4, E = 2;
  const Tensor q = noise({T, D}, 1), k = noise({S, D}, 2), other = noise({S, E}, 3);
  auto check = [&](const Tensor& scores, auto pair) { CHECK(allclose(scores, each_pair(T, S, pair), 1e-14, 1e-14)); };
  check(DotScore{}(q, k), [&](int64_t t, int64_t s) { return dot(q(t), k(s)); });
  check(ScaledDotScore{}(q, k), [&](int64_t t, int64_t s) { return dot(q(t), k(s)) / 2; });
  const auto general = cast(GeneralScore{D, E}, f64);
  check(general(q, other), [&](int64_t t, int64_t s) { return dot(q(t), matmul(general.weight, other(s))); });
  const auto additive = cast(AdditiveScore{D, E, 7}, f64);
  check(additive(q, other), [&](int64_t t, int64_t s) {
    return dot(additive.v.weight(0), tanh(additive.query(q(t)) + matmul(additive.key.weight, other(s))));
  });
  check(additive(q, other), [&](int64_t t, int64_t s) {  // as concat: one matrix of what stands side by side
    const Tensor w = concat({additive.query.weight, additive.key.weight}, 1);
    return dot(additive.v.weight(0), tanh(matmul(w, concat({q(t), other(s)})) + additive.query.bias));
  });
  const auto location = cast(LocationScore{D, 8}, f64);
  check(location(q, other), [&](int64_t t, int64_t s) { return dot(location.location.weight(s), q(t)); });
  check(CosineScore{.beta = 3}(q, k),
        [&](int64_t t, int64_t s) { return 3 * dot(q(t), k(s)) / std::sqrt(dot(q(t), q(t)) * dot(k(s), k(s))); });
  const auto relative = cast(RelativeScore{D, 1}, f64);
  check(relative(q, k), [&](int64_t t, int64_t s) {
    const int64_t distance = std::clamp<int64_t>(s - (t + S - T), -1, 1);
    return dot(q(t), k(s) + relative.weight(distance + 1)) / 2;
  });
  const auto positional = cast(PositionalScore{1, 6}, f64);
  check(positional(q, k), [&](int64_t t, int64_t s) { return positional.weight(0, t, s).item() / 2; });
  const auto factorized = cast(FactorizedScore{1, 6, 2}, f64);
  check(factorized(q, k), [&](int64_t t, int64_t s) { return dot(factorized.query(0, t), factorized.key(0, s)) / 2; });
}

TEST_CASE("scores of places have a table for each head, which is also a bias") {
  const Tensor q = noise({2, 3, 5, 4}, 1), v = noise({2, 3, 5, 2}, 2);
  auto check = [&](const auto& score) {
    CHECK(score.bias(4, 5).shape() == Shape{3, 4, 5});
    CHECK(allclose(score(q, q), score.bias(5, 5) / 2, 1e-15, 1e-15));
    const Tensor as_bias = scaled_dot_product_attention(0 * q, q, v, {.bias = score.bias(5, 5) / 2});
    CHECK(allclose(matmul(softmax(score(q, q)), v), as_bias, 1e-14, 1e-14));
  };
  check(cast(PositionalScore{3, 6}, f64));
  check(cast(FactorizedScore{3, 6, 2}, f64));
  seed(5);
  const double wanted = 0.01 * 0.01 * 0.774;  // of a normal variable cut off at two deviations
  const double table = mean(square(PositionalScore{4, 100}.weight)).item();
  const double product = mean(square(FactorizedScore{4, 100, 8}.bias(100, 100))).item();
  CHECK(table == Approx(wanted).epsilon(0.02));
  CHECK(product == Approx(wanted * 0.774).epsilon(0.1));
}

TEST_CASE("scores of places read what belongs to each of a batch, with the kernel and without") {
  const Tensor q = noise({2, 3, 4}, 1), k = noise({5, 4}, 2), v = noise({5, 2}, 3), mask = noise({2, 3, 5}, 4) > 0;
  for (const char* name : {"positional", "factorized"}) {
    INFO(name);
    const auto a = cast(Attention{.score = make_score(name, {.query_width = 4, .key_width = 4, .length = 6})}, f64);
    CHECK(a(q, k, v).shape() == Shape{2, 3, 2});
    for (const AttendOptions& options : {AttendOptions{}, {.mask = mask}})
      CHECK(allclose(a(q, k, v, options), a.with_weights(q, k, v, options).y, 1e-14, 1e-14));
    CHECK_ERROR(ShapeError, a(q, noise({7, 5, 4}, 1), v),
                "attention: cannot broadcast [2] with [7]: dimension -1 is 2 in the first and 7 in the second");
  }
}

TEST_CASE("keys are projected once, whatever the score") {
  const Tensor q = variable({2, 3, 4}, 1), k = variable({2, 4, 4}, 2), v = variable({2, 4, 5}, 3);
  for (const std::string& name : score_names()) {
    INFO(name);
    const Attention a = attention_of(name);
    const Attention::Source source = a.project(k, v);
    const Tensor projected = source.k;
    CHECK(equal(projected, a.score.project(k)));
    CHECK(equal(a.score.of(q, projected), a.score(q, k)));
    std::vector<Tensor> rows;
    for (int64_t t = 0; t < 3; ++t) rows.push_back(a.score.of(q(_, range(t, t + 1)), projected));
    if (name != "positional" && name != "factorized" && name != "relative")  // which count places from the first query
      CHECK(allclose(concat(rows, 1), a.score(q, k), 1e-14, 1e-14));
    const auto [y, weights] = a.attend(q, source, {.mask = attend});
    CHECK(equal(y, a.with_weights(q, k, v, {.mask = attend}).y));
    CHECK(weights.shape() == Shape{2, 3, 4});
    CHECK(allclose(y, matmul(weights, v), 1e-15, 1e-15));
  }
}

// The five forms that the encyclopaedia's article on attention tabulates, its columns being rows here, are
// configurations of one module: 1 of encoder and decoder, 2 with Q, K and V of their own, 3 and 4 the same of the
// encoder alone, 5 from a decoder's input and state to weights of places.
TEST_CASE("five forms of attention are one module") {
  const int64_t S = 5, T = 3, D = 4;
  const Tensor h = variable({S, D}, 1), s = variable({T, D}, 2);
  auto own = [&](int64_t in, int64_t out) { return cast(Linear{.in = in, .out = out, .bias = {}}, f64); };
  const Attention dot{.score = DotScore{}};
  const Attention qkv{.query = own(D, 3), .key = own(D, 3), .value = own(D, 2)};
  for (const Tensor& q : {s, h}) {
    const auto [y, w] = dot.with_weights(q, h, h);
    const Tensor columns = softmax(matmul(h, transpose(q)), 0);  // W = softmax(H^T S) over columns, H having columns
    CHECK(max_difference(w, transpose(columns)) <= 1e-15);
    CHECK(max_difference(y, transpose(matmul(transpose(h), columns))) <= 1e-15);
    const auto [z, u] = qkv.with_weights(q, h, h);
    const Tensor k = matmul(h, transpose(qkv.key->weight)), qw = matmul(q, transpose(qkv.query->weight));
    CHECK(max_difference(u, softmax(matmul(qw, transpose(k)) / std::sqrt(3.0))) <= 1e-15);
    CHECK(max_difference(z, matmul(u, matmul(h, transpose(qkv.value->weight)))) <= 1e-15);
    CHECK(allclose(qkv(q, h, h), z, 1e-14, 1e-14));  // by the kernel

    auto identity = [&] { return Linear{.in = D, .out = D, .weight = parameter(eye(D, f64)), .bias = {}}; };
    const Attention same{.score = DotScore{}, .query = identity(), .key = identity(), .value = identity()};
    CHECK(max_difference(same.with_weights(q, h, h).y, y) <= 1e-15);
  }
  const Tensor scores = DotScore{}(h, h);
  CHECK(max_difference(scores, transpose(scores)) == 0);
  CHECK_FALSE(allclose(qkv.score(own(D, 3)(h), own(D, 3)(h)), transpose(qkv.score(own(D, 3)(h), own(D, 3)(h)))));

  const int64_t longest = 10;  // of the tutorial, which never looks at what stands in the places
  const Attention tutorial{.score = cast(LocationScore{2 * D, longest, Linear{2 * D, longest}}, f64)};
  const Tensor input = variable({T, D}, 3), both = concat({input, s}, -1);
  const auto [y, w] = tutorial.with_weights(both, h, h);
  const Linear& fc = tutorial.score.as<LocationScore>().location;
  CHECK(max_difference(w, softmax(fc(both)(_, range(0, S)))) <= 1e-15);
  for (const Tensor& g : grad(sum(w * noise({T, S}, 4)), {h, both}))
    CHECK((max(abs(g)).item() == 0) == (g.size(0) == S));
  CHECK_ERROR(ShapeError, tutorial(both, noise({11, D}, 1), noise({11, D}, 1)),
              "LocationScore: there are scores for 10 keys, not for the 11 of [11, 4]");
}

TEST_CASE("local attention: around the place that a query chooses") {
  const int64_t B = 2, T = 3, S = 9, D = 4;
  const LocalAttention a = scattered(cast(LocalAttention{.query_width = D, .key_width = 2, .reach = 3}, f64), 5, 1.5);
  const Tensor q = variable({B, T, D}, 1), k = variable({B, S, 2}, 2), v = variable({B, S, 5}, 3);
  const Tensor lengths = tensor({9, 6}, i64), mask = unsqueeze(length_mask(lengths, S), 1);
  const auto [y, w] = a.attend(q, a.project(k, v), mask);
  const Tensor scores = a.score(q, k);
  for (int64_t b = 0; b < B; ++b)
    for (int64_t t = 0; t < T; ++t) {
      const double length = lengths(b).item();
      const double p = length * sigmoid(a.v(tanh(a.place(q(b, t))))).item();
      std::vector<double> e(S), wanted(S);
      double total = 0;
      for (int64_t s = 0; s < S; ++s)
        if (double(s) < length && std::abs(double(s) - p) <= 3)
          total += e[std::size_t(s)] = std::exp(scores(b, t, s).item());
      for (int64_t s = 0; s < S; ++s)
        wanted[std::size_t(s)] =
            e[std::size_t(s)] / total * std::exp(-(double(s) - p) * (double(s) - p) / (2 * 1.5 * 1.5));
      CHECK(allclose(w(b, t), tensor(wanted, {S}, f64), 1e-13, 1e-15));
    }
  CHECK(allclose(y, matmul(w, v), 1e-14, 1e-14));
  CHECK(equal(a.attend(q(range(0, 1)), a.project(k(range(0, 1)), v(range(0, 1)))).y, y(range(0, 1))));
  const Tensor rows = tensor({{{1}}, {{0}}}) > 0;  // of all keys at once
  CHECK(equal(a.attend(q, a.project(k, v), rows).y, a.attend(q, a.project(k, v), expand(rows, {B, T, S})).y));

  const auto at_once = [&](In q, In k, In v) { return a.attend(q, a.project(k, v), mask).y; };
  const GradcheckReport report = gradcheck(at_once, {q, k, v}, {.order = 2});
  INFO(report.str());
  CHECK(report.ok);
  CHECK(report.total.certified_digits >= 9);
  Tensor bad = v.detach().contiguous();
  assign(bad(1, range(6, 9)), full({3, 5}, NAN, f64));  // what is masked has no part in it
  CHECK(equal(a.attend(q, a.project(k, bad), mask).y, y));
  CHECK_ERROR(ShapeError, a.attend(q, a.project(k, v), ones({4}, boolean)),
              "attention: the mask [4] does not broadcast to the scores [2, 3, 9]");
  CHECK_ERROR(Error, (LocalAttention{.query_width = D, .key_width = 2, .reach = 0}.attend(q, {k, v})),
              "LocalAttention: reach must be positive, not 0");
  CHECK_ERROR(Error, a.score.as<DotScore>(), "Score: the score is another one: general");
}

TEST_CASE("by the fused kernel where that computes the same: values and all gradients") {
  const Tensor q = variable({2, 4, 4}, 1), k = variable({2, 4, 4}, 2), v = variable({2, 4, 5}, 3);
  const Tensor bias = variable({4, 4}, 4), gy = noise({2, 4, 5}, 5), mask = noise({2, 4, 4}, 6) > -0.5;
  for (const std::string& name : score_names()) {
    const Attention a = attention_of(name);
    std::vector<Tensor> leaves = parameters(a).values;
    leaves.insert(leaves.end(), {q, k, v, bias});
    for (const AttendOptions& options :
         {AttendOptions{.bias = bias}, {.mask = mask, .bias = bias}, {.bias = bias, .causal = Causal::on}}) {
      INFO(name);
      int kernels = 0;
      Observe watch([&](const Event& e) { kernels += e.op == std::string("scaled_dot_product_attention"); });
      const Tensor fused = a(q, k, v, options);
      CHECK(kernels == (name != "additive" && name != "location" && name != "positional"));
      const Tensor composed = a.with_weights(q, k, v, options).y;
      CHECK(kernels <= 1);
      CHECK(allclose(fused, composed, 1e-14, 1e-14));
      const std::vector<Tensor> one = vjp(fused, gy, leaves), other = vjp(composed, gy, leaves);
      for (std::size_t i = 0; i < leaves.size(); ++i) CHECK(allclose(one[i], other[i], 1e-13, 1e-13));
    }
  }
  int kernels = 0;
  Observe watch([&](const Event& e) { kernels += e.op == std::string("scaled_dot_product_attention"); });
  Attention{.normalizer = Normalizer::sparsemax}(q, k, v);
  Attention{.temperature = 2}(q, k, v);
  CHECK(kernels == 0);
}

TEST_CASE("dropout takes the same weights with the kernel and without") {
  const Tensor q = noise({2, 3, 4}, 1), k = noise({2, 5, 4}, 2), v = noise({2, 5, 6}, 3);
  const Attention a{.dropout = 0.4};
  Rng one{7}, other{7};
  CHECK(allclose(a(q, k, v, {}, &one), a.with_weights(q, k, v, {}, &other).y, 1e-14, 1e-14));
  CHECK(one.counter == other.counter);
  CHECK_FALSE(allclose(a(q, k, v), a(q, k, v, {}, &one)));
}

// ---- normalisers
TEST_CASE("normalisers are what they say, over the keys that may be attended to") {
  const Tensor s = noise({3, 4}, 1), u = s(range(0, 1), tensor({0, 2, 3}, i64));  // what the first row may see
  auto check = [&](Normalizer how, auto of) {
    const Tensor w = normalize(s, how, {.mask = attend});
    CHECK(allclose(w(range(0, 1), tensor({0, 2, 3}, i64)), of(u), 1e-15, 1e-15));
    CHECK(w(0, 1).item() == 0);
    CHECK(equal(w(1), zeros({4}, f64)));
    CHECK(allclose(normalize(s, how), of(s), 1e-15, 1e-15));
    const Tensor poisoned = where(attend, s, std::nan(""));
    CHECK(equal(normalize(poisoned, how, {.mask = attend}), w));
    const Tensor x = poisoned.requires_grad(), g = grad(sum(square(normalize(x, how, {.mask = attend}))), {x})[0];
    CHECK(equal(where(attend, 0, g), zeros({3, 4}, f64)));
    CHECK(finite(g));
    CHECK(allclose(normalize(s, how, {.temperature = 0.5}), of(2 * s), 1e-15, 1e-15));
  };
  check(Normalizer::softmax, [](const Tensor& x) { return softmax(x); });
  check(Normalizer::sparsemax, [](const Tensor& x) { return sparsemax(x); });
  check(Normalizer::relu, [](const Tensor& x) { return relu(x); });
  check(Normalizer::relu_n, [](const Tensor& x) { return relu(x) / double(x.size(-1)); });
  check(Normalizer::sigmoid, [](const Tensor& x) { return sigmoid(x); });
  check(Normalizer::none, [](const Tensor& x) { return x; });
  check(Normalizer::gumbel, [](const Tensor& x) { return softmax(x); });  // without a generator
  CHECK_ERROR(Error, normalize(s, Normalizer::softmax, {.temperature = 0}),
              "normalize: the temperature must be above 0, not 0.000000");
  CHECK_ERROR(ShapeError, normalize(s, Normalizer::relu, {.mask = ones({3}, boolean)}),
              "normalize: the mask [3] does not broadcast to the scores [3, 4]");
  CHECK_ERROR(DtypeError, normalize(s, Normalizer::relu, {.mask = s}),
              "normalize: the tensor must be boolean, as x != 0 is, not f64");
}

TEST_CASE("sparsemax is the nearest point of the simplex") {
  // Of all 2^n - 1 faces the nearest one's point: x minus the same number on each of its corners.
  auto nearest = [](const std::vector<double>& x) {
    std::vector<double> best;
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t face = 1; face < std::size_t(1) << x.size(); ++face) {
      long double total = 0, corners = 0, apart = 0;
      for (std::size_t i = 0; i < x.size(); ++i)
        if (face >> i & 1) total += x[i], corners += 1;
      std::vector<double> p(x.size());
      bool inside = true;
      for (std::size_t i = 0; i < x.size(); ++i) {
        if (face >> i & 1) p[i] = double(x[i] - (total - 1) / corners);
        inside = inside && p[i] >= 0;
        apart += (x[i] - p[i]) * (x[i] - p[i]);
      }
      if (inside && apart < least) least = double(apart), best = p;
    }
    return best;
  };
  for (uint64_t key = 0; key < 100; ++key) {
    const Tensor x = (0.1 + double(key % 10)) * noise({6}, key);
    CHECK(allclose(sparsemax(x), tensor(nearest(x.to_vector()), {6}, f64), 1e-14, 1e-14));
  }
  CHECK(equal(sparsemax(tensor({3, 3, 3, 3}, f64)), full({4}, 0.25, f64)));
  CHECK(equal(sparsemax(tensor({1e9, 1e9 + 0.5, 0}, f64)), tensor({0.25, 0.75, 0}, f64)));
  CHECK(equal(sparsemax(tensor({0, 5, 0}, f64)), tensor({0, 1, 0}, f64)));
  CHECK_FALSE(finite(sparsemax(tensor({0, std::nan(""), 0}, f64))));
}

TEST_CASE("every score with every normaliser: gradients to nine digits, of the second order too") {
  const std::vector<Tensor> qkv{noise({3, 4}, 1), noise({4, 4}, 2), noise({4, 2}, 3)};
  struct Both {  // the output and the weights
    Attention attention;
    Tensor mask, bias;
    std::vector<Tensor> operator()(In q, In k, In v) const {
      Rng rng{5};
      const auto [y, weights] = attention.with_weights(q, k, v, {.mask = mask, .bias = bias}, &rng);
      return {y, weights};
    }
  };
  for (const std::string& score : score_names())
    for (const std::string& normalizer : normalizer_names()) {
      if (normalizer == "sampled" || normalizer == "straight_through") continue;  // whose gradients are no slopes
      INFO(score << ", " << normalizer);
      const Both both{attention_of(score, normalizer_of(normalizer)), attend, noise({3, 4}, 4)};
      const GradcheckReport r = gradcheck(both, qkv, {.order = 2});
      INFO(r.str());
      CHECK(r);
      CHECK(r.total.inconclusive + r.total.kinks == 0);
      CHECK(r.orders[0].certified_digits >= 9);
      CHECK(r.orders[1].certified_digits >= 7);
    }
  for (const std::string& score : score_names()) {
    INFO(score);
    const GradcheckReport r = gradcheck(attention_of(score), qkv, {.order = 2});  // the kernel, where there is one
    INFO(r.str());
    CHECK(r);
    CHECK(r.orders[0].certified_digits >= 9);
  }
}

TEST_CASE("corners of normalisers are reported as such") {
  auto corners = [](Normalizer how, const Tensor& s) {
    const GradcheckReport r = gradcheck([how](const Tensor& x) { return normalize(x, how); }, {s});
    INFO(r.str());
    CHECK(r);  // an accepted kink is no failure
    return r.total.kinks;
  };
  const Tensor at_0 = tensor({{0.5, 0, -0.5}}, f64), leaving = tensor({{1, 0, -3}}, f64);
  CHECK(corners(Normalizer::relu, at_0) == 1);
  CHECK(corners(Normalizer::relu_n, at_0) == 1);
  CHECK(corners(Normalizer::sparsemax, leaving) > 0);
  CHECK(corners(Normalizer::sparsemax, at_0) == 0);
  CHECK(corners(Normalizer::sigmoid, at_0) == 0);
}

// ---- masks and biases
TEST_CASE("causal masks, and how they are aligned") {
  auto rows = [](const Tensor& m) { return m.to_vector<int64_t>(); };
  CHECK(rows(causal_mask(3, 3)) == std::vector<int64_t>{1, 0, 0, 1, 1, 0, 1, 1, 1});
  CHECK(rows(causal_mask(2, 4, Causal::upper_left)) == std::vector<int64_t>{1, 0, 0, 0, 1, 1, 0, 0});
  CHECK(rows(causal_mask(2, 4, Causal::lower_right)) == std::vector<int64_t>{1, 1, 1, 0, 1, 1, 1, 1});
  CHECK(rows(causal_mask(3, 2, Causal::lower_right)) == std::vector<int64_t>{0, 0, 1, 0, 1, 1});
  CHECK(rows(causal_mask(2, 3, Causal::off)) == std::vector<int64_t>(6, 1));
  CHECK_ERROR(ShapeError, causal_mask(2, 4),
              "causal_mask: causal with 2 queries and 4 keys: say Causal::upper_left or Causal::lower_right");
  const Tensor q = noise({2, 4}, 1), k = noise({5, 4}, 2), v = noise({5, 3}, 3);
  const Attention a;
  for (Causal causal : {Causal::upper_left, Causal::lower_right}) {
    const Tensor by_mask = a(q, k, v, {.mask = causal_mask(2, 5, causal)});
    CHECK(allclose(a(q, k, v, {.causal = causal}), by_mask, 1e-15, 1e-15));
    CHECK(allclose(a.with_weights(q, k, v, {.causal = causal}).y, by_mask, 1e-15, 1e-15));
  }
  CHECK_FALSE(allclose(a(q, k, v, {.causal = Causal::upper_left}), a(q, k, v, {.causal = Causal::lower_right})));
  CHECK_ERROR(ShapeError, a.with_weights(q, k, v, {.causal = Causal::on}),
              "attention: causal with 2 queries and 5 keys: say Causal::upper_left or Causal::lower_right");
}

TEST_CASE("local windows and padding") {
  auto rows = [](const Tensor& m) { return m.to_vector<int64_t>(); };
  CHECK(rows(local_mask(3, 4, 1, 0)) == std::vector<int64_t>{1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1});
  CHECK(rows(local_mask(3, 3, 0, 1)) == std::vector<int64_t>{1, 1, 0, 0, 1, 1, 0, 0, 1});
  CHECK(equal(local_mask(5, 5, 9, 0), causal_mask(5, 5)));
  CHECK(rows(length_mask(tensor({2, 0, 3}, i64), 3)) == std::vector<int64_t>{1, 1, 0, 0, 0, 0, 1, 1, 1});
  CHECK_ERROR(IndexError, length_mask(tensor({2, 4}, i64), 3),
              "length_mask: a length of 4 is outside 0 to 3, the width");
  CHECK_ERROR(IndexError, length_mask(tensor({-1}, i64), 3),
              "length_mask: a length of -1 is outside 0 to 3, the width");
  CHECK_ERROR(DtypeError, length_mask(tensor({1.5}), 3),
              "length_mask: the index must be i64, not f32: use cast(x, i64)");
  CHECK_ERROR(ShapeError, length_mask(tensor({{1, 2}}, i64), 3),
              "length_mask: there must be a length for each row, [B], not [1, 2]");
  CHECK_ERROR(ShapeError, length_mask(zeros({0}, i64), -1), "length_mask: a size of [-1] is negative");
  CHECK_ERROR(ShapeError, (RelativeBias{1, 2}(-1, 2)), "RelativeBias: a size of [-1, 2] is negative");
}

TEST_CASE("ALiBi's slopes, and its distances") {
  auto slopes = [](int64_t heads) { return (-alibi(heads, 1, 2, f64)(_, 0, 0)).to_vector(); };
  CHECK(slopes(8) == std::vector<double>{0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125, 0.00390625});
  CHECK(slopes(2) == std::vector<double>{1.0 / 16, 1.0 / 256});
  CHECK(slopes(3) == std::vector<double>{1.0 / 16, 1.0 / 256, 1.0 / 4});
  CHECK(equal(alibi(2, 2, 3, f64)(0) * 16, tensor({{-1, 0, -1}, {-2, -1, 0}}, f64)));
  CHECK(alibi(0, 2, 3).shape() == Shape{0, 2, 3});
  CHECK_ERROR(DtypeError, alibi(2, 2, 3, i64), "alibi: cannot compute in i64: use cast(x, f32) or cast(x, f64)");
}

TEST_CASE("masks and biases fit multi-head attention, with a cache too") {
  const auto m = cast(MultiHeadAttention{.width = 8, .heads = 2}, f64);
  const auto bias = scattered(cast(RelativeBias{.heads = 2, .distance = 3}, f64), 4, 1);
  const Tensor x = noise({2, 6, 8}, 1);
  const auto table = scattered(cast(PositionalScore{.heads = 2, .length = 6}, f64), 5, 1);
  const auto factors = scattered(cast(FactorizedScore{.heads = 2, .length = 6, .rank = 3}, f64), 6, 1);
  auto biases = [&](int64_t T, int64_t S) {
    return bias(T, S) + alibi(2, T, S, f64) + table.bias(T, S, S - T) + factors.bias(T, S, S - T);
  };
  const Tensor all = m(x, {.mask = local_mask(6, 6, 2, 0), .bias = biases(6, 6)});
  Unrecorded off;
  KvCache cache;
  for (int64_t t = 0; t < 6; ++t) {
    const int64_t S = t + 1;
    const Tensor y = m(x(_, range(t, S)), {.mask = local_mask(1, S, 2, 0), .bias = biases(1, S), .cache = &cache});
    CHECK(allclose(y, all(_, range(t, S)), 1e-13, 1e-13));
  }
  CHECK(equal(bias(2, 5)(0, 1), bias.weight(0, tensor({0, 0, 1, 2, 3}, i64))));
}

TEST_CASE("a cache holds a value for each key, and does not grow by what is refused") {
  Unrecorded off;
  KvCache cache;
  const Tensor two = ones({2, 1, 2, 4}), three = ones({2, 1, 3, 4});
  CHECK_ERROR(ShapeError, cache.append(three, two),
              "KvCache: there must be a value for each key: keys are [2, 1, 3, 4] and values [2, 1, 2, 4]");
  CHECK_ERROR(ShapeError, cache.append(three, ones({3, 4})),
              "KvCache: keys and values must be [B, heads, T, D], not [3, 4]");
  CHECK_FALSE(cache.k.defined());
  cache.append(three, ones({2, 1, 3, 6}));
  CHECK_ERROR(ShapeError, cache.append(two, two), "KvCache: cannot add [2, 1, 2, 4] to a cache [2, 1, 3, 6]");
  CHECK_ERROR(DtypeError, cache.append(two, ones({2, 1, 2, 6}, f64)),
              "KvCache: cannot mix f32 with f64: types are not promoted here, use cast(x, f32)");
  CHECK(cache.length == 3);

  const MultiHeadAttention m{8, 2};
  const Tensor x = ones({2, 3, 8});
  KvCache of_heads;
  CHECK_ERROR(ShapeError, m(x, {.key_mask = ones({2, 7}, boolean), .cache = &of_heads}),
              "MultiHeadAttention: the key mask must be [2, 3], one value per key, not [2, 7]");
  CHECK_ERROR(DtypeError, m(x, {.key_mask = ones({2, 3}), .cache = &of_heads}),
              "MultiHeadAttention: the mask must be boolean (true = may attend), not f32: what is added to the scores "
              "is the bias");
  CHECK_ERROR(ShapeError, m(x, {.bias = ones({4}), .cache = &of_heads}),
              "MultiHeadAttention: the bias [4] does not broadcast to the scores [2, 2, 3, 3]");
  CHECK_ERROR(ShapeError, m(ones({3, 1, 8}), x, x, {.cache = &of_heads}),
              "MultiHeadAttention: cannot broadcast [3] with [2]: dimension -1 is 3 in the first and 2 in the second");
  CHECK(of_heads.length == 0);
  m(x, {.cache = &of_heads});
  CHECK(m(x, {.key_mask = ones({2, 6}, boolean), .cache = &of_heads}).shape() == Shape{2, 3, 8});
}

TEST_CASE("multi-head attention with other normalisers") {
  const Tensor x = noise({2, 5, 8}, 1), padding = length_mask(tensor({5, 3}, i64), 5);
  for (Normalizer n : {Normalizer::softmax, Normalizer::sparsemax, Normalizer::relu_n, Normalizer::sigmoid}) {
    const auto m =
        scattered(cast(MultiHeadAttention{.width = 8, .heads = 2, .kv_heads = 1, .normalizer = n}, f64), 2, 1);
    const auto [y, weights] = m.with_weights(x, x, x, {.key_mask = padding, .causal = Causal::on});
    CHECK(allclose(m(x, {.key_mask = padding, .causal = Causal::on}), y, 1e-13, 1e-13));
    const Tensor all = linear(x, m.in_proj_weight, m.in_proj_bias);
    const Tensor q = all(_, _, range(4, 8)), k = all(_, _, range(8, 12));
    const Tensor may = causal_mask(5, 5) & unsqueeze(padding, 1);
    CHECK(allclose(weights(_, 1), normalize(ScaledDotScore{}(q, k), n, {.mask = may}), 1e-13, 1e-13));
    CHECK(gradcheck(m, {x}, {.fast = true}));
  }
}

// ---- by name
TEST_CASE("scores and normalisers by name, and what happens to names that nobody knows") {
  CHECK(score_names().size() == 9);
  CHECK(normalizer_names().size() == 9);
  for (std::size_t i = 0; i < normalizer_names().size(); ++i)
    CHECK(std::size_t(normalizer_of(normalizer_names()[i])) == i);
  CHECK(normalizer_of("relu/n") == Normalizer::relu_n);
  CHECK_ERROR(Error, make_score("bahdanau", sizes),
              "make_score: there is no bahdanau: known are dot, scaled_dot, general, additive, location, positional, "
              "factorized, cosine, relative");
  CHECK_ERROR(Error, normalizer_of("hardmax"),
              "normalizer_of: there is no hardmax: known are softmax, sparsemax, relu, relu/n, sigmoid, none, sampled, "
              "straight_through, gumbel");
  for (const char* name : {"dot", "scaled_dot", "cosine", "relative"})
    CHECK_ERROR(ShapeError, make_score(name, {.query_width = 3, .key_width = 4}),
                std::string("make_score: ") + name + " wants queries and keys of one width, not 3 and 4");
  for (const char* name : {"location", "positional", "factorized"})
    CHECK_ERROR(Error, make_score(name, {.query_width = 3, .key_width = 4}),
                std::string("make_score: ") + name + " wants to know the greatest length: say .length");
}

TEST_CASE("errors of scores and of reading") {
  const Tensor q = ones({2, 3, 4}), k = ones({2, 7, 4}), v = ones({2, 7, 2});
  CHECK_ERROR(ShapeError, DotScore{}(q, ones({2, 7, 5})),
              "scores: queries [2, 3, 4] and keys [2, 7, 5] must have two dimensions at least, and the same last one");
  CHECK_ERROR(ShapeError, (GeneralScore{4, 5}(q, k)),
              "linear: cannot apply a weight [4, 5] to [2, 7, 4]: the last dimension must be 5");
  CHECK_ERROR(ShapeError, (LocationScore{4, 6}(q, k)),
              "LocationScore: there are scores for 6 keys, not for the 7 of [2, 7, 4]");
  CHECK_ERROR(ShapeError, (PositionalScore{1, 6}(q, k)),
              "PositionalScore: there are scores for 6 places, not for queries 0 to 2 and 7 keys");
  CHECK_ERROR(ShapeError, (FactorizedScore{1, 6, 2}(q, k)),
              "FactorizedScore: there are scores for 6 places, not for queries 0 to 2 and 7 keys");
  CHECK_ERROR(ShapeError, (FactorizedScore{1, 6, 2}.bias(2, 2, 5)),
              "FactorizedScore: there are scores for 6 places, not for queries 5 to 6 and 2 keys");
  CHECK_ERROR(ShapeError, (PositionalScore{3, 9}(q, k)),
              "PositionalScore: the queries must be [.., 3, T, D], not [2, 3, 4]");
  CHECK_ERROR(ShapeError, (LocationScore{4, 9}(q, ones({4}))),
              "LocationScore: queries [2, 3, 4] and keys [4] must have two dimensions at least");
  CHECK_ERROR(ShapeError, (PositionalScore{1, 9}(ones({4}), k)),
              "PositionalScore: queries [4] and keys [2, 7, 4] must have two dimensions at least");
  for (const char* name : {"positional", "factorized"}) {
    const Attention of_places{.score = make_score(name, {.query_width = 4, .key_width = 4, .length = 9})};
    const std::string why = std::string(
                                "attention: Causal::lower_right puts the last of 3 queries at the last of 7 keys, "
                                "the ") +
                            name + " score the first at the first: add its bias(T, S, S - T) to another score";
    CHECK_ERROR(ShapeError, of_places(q, k, v, {.causal = Causal::lower_right}), why);
    CHECK_ERROR(ShapeError, of_places.with_weights(q, k, v, {.causal = Causal::lower_right}), why);
    CHECK(equal(of_places(k, k, v, {.causal = Causal::lower_right}), of_places(k, k, v, {.causal = Causal::on})));
  }
  const Attention a{.score = make_score("additive", sizes)};
  CHECK_ERROR(ShapeError, a(q, k, v, {.mask = ones({2, 2, 7}, boolean)}),
              "attention: the mask [2, 2, 7] does not broadcast to the scores [2, 3, 7]");
  CHECK_ERROR(ShapeError, a(q, k, v, {.bias = ones({4, 7})}),
              "attention: the bias [4, 7] does not broadcast to the scores [2, 3, 7]");
  CHECK_ERROR(DtypeError, a(q, k, v, {.mask = ones({3, 7})}),
              "attention: the mask must be boolean (true = may attend), not f32: what is added to the scores is the "
              "bias");
  CHECK_ERROR(ShapeError, a(q, k, ones({2, 6, 2})),
              "attention: there must be as many keys as values, not 7 in [2, 7, 3] and 6 in [2, 6, 2]");
  CHECK_ERROR(ShapeError, a(q, k, ones({2})), "attention: q, k and v need two dimensions at least, not [2]");
}

TEST_CASE("nothing to read from, and nobody who reads: zeros, and nothing") {
  const Tensor q = noise({2, 3, 4}, 1), v = noise({2, 4, 5}, 2), k = noise({2, 4, 4}, 3);
  for (const std::string& normalizer : normalizer_names()) {
    INFO(normalizer);
    Rng rng{1};
    const Attention a{.normalizer = normalizer_of(normalizer)};
    const Attended none = a.with_weights(q, k(_, range(0, 0)), v(_, range(0, 0)), {}, &rng);
    CHECK(equal(none.y.detach(), zeros({2, 3, 5}, f64)));
    CHECK(none.weights.shape() == Shape{2, 3, 0});
    CHECK(a.with_weights(q(_, range(0, 0)), k, v, {}, &rng).y.shape() == Shape{2, 0, 5});
    const Tensor x = q.requires_grad(), y = variable({2, 4, 5}, 4);
    const Attended padding = a.with_weights(x, k, y, {.mask = zeros({2, 1, 4}, boolean)}, &rng);
    CHECK(equal(padding.y.detach(), zeros({2, 3, 5}, f64)));
    CHECK(equal(padding.weights.detach(), zeros({2, 3, 4}, f64)));
    for (const Tensor& g : grad(sum(square(padding.y)), {x, y})) CHECK(equal(g, zeros_like(g)));
  }
  for (const std::string& score : score_names()) {
    INFO(score);
    const Attention a = attention_of(score);
    CHECK(equal(a(q, k(_, range(0, 0)), v(_, range(0, 0))).detach(), zeros({2, 3, 5}, f64)));
    CHECK(a(q(_, range(0, 0)), k, v).shape() == Shape{2, 0, 5});
    CHECK(a.with_weights(q(_, range(0, 0)), k, v).weights.shape() == Shape{2, 0, 4});
    CHECK(a(q(range(0, 0)), k(range(0, 0)), v(range(0, 0))).shape() == Shape{0, 3, 5});
  }
}
