// Fast weights and linear attention: one equation in several forms, what it can hold, and what softmax has that it has
// not.
#include <heed/core/storage.h>
#include <heed/models/data/associations.h>
#include <heed/models/fast_weights/fast_weights.h>
#include "common.h"
#include "program.h"
#include "step_by_step.h"

using namespace heed;

namespace {

LinearAttention head(LinearAttention::Rule rule, FeatureMap phi, bool normalised) {
  return scattered(
      cast(LinearAttention{.width = 6, .heads = 2, .rule = rule, .phi = phi, .normalised = normalised}, f64), 1, 0.7);
}
const FeatureMap as_it_is{.kind = FeatureMap::identity}, elu_plus_one{.kind = FeatureMap::elu},
    dpfp{.kind = FeatureMap::dpfp, .nu = 2}, dpfp_normalised{.kind = FeatureMap::dpfp, .sum_normalised = true};

struct FastWeightsOutput {
  FastWeights weights;
  Tensor operator()(In x) const { return weights(x).y; }
};

struct Rule {
  const char* name;
  bool beta, log_decay;
};
constexpr Rule rules[] = {
    {"linear", false, false}, {"delta", true, false}, {"gated", false, true}, {"gated delta", true, true}};

}  // namespace

TEST_CASE("recurrent, parallel and chunked forms agree in values and gradients, for every length and chunk") {
  for (const Rule& rule : rules)
    for (int64_t T : {1, 2, 7, 32, 33, 70}) {
      const std::vector<Tensor> x{variable({2, T, 5}, 1), variable({2, T, 5}, 2), variable({2, T, 4}, 3),
                                  variable({2, T}, 4),    variable({2, T}, 5),    variable({2, 5, 4}, 6)};
      const std::vector<Tensor> gy{noise({2, T, 4}, 7), noise({2, 5, 4}, 8)};
      auto gradients = [&](bool by_steps, int64_t chunk, Dtype t) {
        std::vector<Tensor> in, g;
        for (const Tensor& v : x) in.push_back(cast(v.detach(), t).requires_grad());
        for (const Tensor& v : gy) g.push_back(cast(v, t));
        const Tensor k = in[1] / sqrt(sum(square(in[1]), -1, keepdim));  // of length 1, as the delta rule wants
        const LinearAttentionOptions options{.beta = rule.beta ? sigmoid(in[3]) : Tensor(),
                                             .log_decay = rule.log_decay ? -softplus(in[4]) : Tensor(),
                                             .state = in[5],
                                             .chunk = chunk};
        const auto [y, state] =
            by_steps ? step_by_step(in[0], k, in[2], options) : linear_attention(in[0], k, in[2], options);
        std::vector<Tensor> r{y, state};
        for (const Tensor& d : vjp(r, g, in)) r.push_back(d);
        return r;
      };
      const std::vector<Tensor> exact = gradients(true, 0, f64);
      for (int64_t chunk : {1, 3, 32, 64}) {
        INFO(rule.name << ", " << T << " places by " << chunk);
        const std::vector<Tensor> wide = gradients(false, chunk, f64), narrow = gradients(false, chunk, f32);
        for (std::size_t i = 0; i < exact.size(); ++i) {
          CHECK(allclose(wide[i], exact[i], 1e-12, 1e-12));
          CHECK(max_difference(cast(narrow[i], f64), exact[i]) <= 1e-5 * max(abs(exact[i])).item());
        }
      }
    }
}

TEST_CASE("a sequence in pieces: what follows goes on from the state") {
  const int64_t T = 50;
  for (const Rule& rule : rules) {
    INFO(rule.name);
    const Tensor q = noise({3, T, 5}, 1), k = noise({3, T, 5}, 2) / 3, v = noise({3, T, 4}, 3);
    const Tensor beta = sigmoid(noise({3, T}, 4)), decay = -softplus(noise({3, T}, 5));
    auto piece = [&](int64_t from, int64_t to, const Tensor& state) {
      auto of = [&](const Tensor& x) { return slice(x, 1, from, to); };
      return linear_attention(of(q), of(k), of(v),
                              {.beta = rule.beta ? of(beta) : Tensor(),
                               .log_decay = rule.log_decay ? of(decay) : Tensor(),
                               .state = state,
                               .chunk = 8});
    };
    const LinearAttentionSteps whole = piece(0, T, {});
    LinearAttentionSteps now = piece(0, 13, {});  // prefill, then decode
    CHECK(allclose(now.y, whole.y(_, range(0, 13)), 1e-12, 1e-12));
    for (int64_t t = 13; t < T; ++t) {
      now = piece(t, t + 1, now.state);
      CHECK(allclose(now.y, whole.y(_, range(t, t + 1)), 1e-12, 1e-12));
    }
    CHECK(allclose(now.state, whole.state, 1e-12, 1e-12));
  }
}

TEST_CASE("a key that comes again and again does not cost the delta rule its digits") {
  const int64_t T = 128;
  const Tensor k = expand(tensor({{0.6, 0.8}}, f64), {T, 2}), v = noise({T, 3}, 1), one = ones({T}, f64);
  const Tensor y = linear_attention(k, k, v, {.beta = one, .chunk = 64}).y;
  CHECK(max_difference(y, v) < 1e-14);  // with rate 1 it reads what was written last
}

TEST_CASE("causal: no place sees what follows, and no gradient goes there") {
  const int64_t T = 80;
  const Tensor q = noise({T, 4}, 1), k = noise({T, 4}, 2), v = noise({T, 4}, 3), later = arange(T) >= 50;
  const LinearAttentionOptions options[] = {{}, {.beta = sigmoid(noise({T}, 4))}, {.log_decay = -ones({T}, f64)}};
  for (const LinearAttentionOptions& o : options) {
    auto other = [&](const Tensor& x) { return where(unsqueeze(later, 1), 7 * x + 1, x); };
    CHECK(equal(linear_attention(other(q), other(k) / 20, other(v), o).y(range(0, 50)),
                linear_attention(q, k / 20, v, o).y(range(0, 50))));
    const Tensor a = q.requires_grad(), b = (k / 20).detach().requires_grad(), c = v.requires_grad();
    for (const Tensor& d : grad(sum(linear_attention(a, b, c, o).y(range(0, 50))), {a, b, c}))
      CHECK(equal(d(range(50, T)), zeros({T - 50, 4}, f64)));
  }
}

TEST_CASE("memory grows with the length, not with its square, and the state not at all") {
  auto peak = [](int64_t T) {
    const Tensor q = variable({2, T, 16}, 1, f32), g = noise({2, T, 16}, 2, f32);
    memory::reset_peak();
    const std::size_t before = memory::in_use();
    vjp(linear_attention(q, q, q).y, g, {q});
    return double(memory::peak() - before);
  };
  peak(512);
  const double exponent = std::log2(peak(16384) / peak(2048)) / 3;
  INFO(exponent);
  CHECK(exponent < 1.05);
  const LinearAttention m{.width = 32, .heads = 4, .phi = dpfp};
  for (int64_t T : {1, 10, 1000}) CHECK(m.steps(noise({2, T, 32}, 1, f32)).state.shape() == Shape{2, 4, 32, 9});
}

TEST_CASE("features: ELU + 1 is positive, DPFP has the products of the paper, normalised ones sum to 1") {
  const Tensor x = noise({4, 3}, 1);
  CHECK(allclose(elu_plus_one(x), where(x > 0, x + 1, exp(x)), 1e-15, 1e-15));
  CHECK(equal(as_it_is(x), x));
  const std::vector<double> r = relu(concat({x(0), -x(0)})).to_vector();
  std::vector<double> products;
  for (std::size_t j = 1; j <= 2; ++j)
    for (std::size_t i = 0; i < 6; ++i) products.push_back(r[i] * r[(i + j) % 6]);
  CHECK(equal(dpfp(x)(0), tensor(products, {12}, f64)));
  CHECK(dpfp.width(3) == 12);
  CHECK(elu_plus_one.width(3) == 3);
  CHECK(allclose(sum(dpfp_normalised(abs(x)), -1), ones({4}, f64), 1e-15, 1e-15));
  CHECK(equal(dpfp_normalised(tensor({1, -2, 3}, f64)), zeros({6}, f64)));  // no neighbours are both positive
}

// Schlag, Irie and Schmidhuber 2021, section 3
TEST_CASE("fast weights of 1992 without a squashing are linear attention without features and normaliser") {
  const FastWeights fast =
      scattered(cast(FastWeights{.in = 5, .key_width = 3, .out = 3, .squash = FastWeights::none}, f64), 1, 0.7);
  const auto slow = [&](FeatureMap phi, bool normalised) {
    auto m = cast(LinearAttention{.width = 3, .heads = 1, .phi = phi, .normalised = normalised, .bias = false}, f64);
    for (Linear* l : {&m.q_proj, &m.k_proj, &m.v_proj, &m.out_proj}) assign(l->weight, eye(3, f64));
    return m;
  };
  const Tensor x = noise({2, 6, 5}, 1), q = fast.query(x), k = fast.key(x), v = fast.value(x);
  const FastWeights::Result made = fast(x);
  CHECK(max_difference(slow(as_it_is, false)(q, k, v), made.y) < 1e-14);
  CHECK(max_difference(transpose(linear_attention(q, k, v).state), made.weights) < 1e-14);
  CHECK(max_difference(slow(as_it_is, true)(q, k, v), made.y) > 0.1);
  CHECK(max_difference(slow(elu_plus_one, false)(q, k, v), made.y) > 0.1);
  const FastWeights::Result first = fast(x(_, range(0, 2)));
  CHECK(max_difference(fast(x(_, range(2, 6)), first.weights).y, made.y(_, range(2, 6))) < 1e-14);

  for (auto squash : {FastWeights::tanh, FastWeights::sigmoid}) {
    FastWeights bounded = clone(fast);
    bounded.squash = squash;
    const auto [y, w] = bounded(x);
    CHECK(max_difference(y, made.y) > 0.1);
    CHECK(max(abs(w)).item() < 1);
    const Tensor before = bounded(x(_, range(0, 5))).weights + unsqueeze(v(_, 5), 2) * unsqueeze(k(_, 5), 1);
    CHECK(max_difference(w, squash == FastWeights::tanh ? tanh(before) : sigmoid(before)) < 1e-15);
  }
}

// Schlag et al. 2021, section 4.1: d features hold d keys that do not disturb each other, and no more.
TEST_CASE("as many orthogonal keys as features are retrieved without an error, one more is not") {
  const int64_t d = 8;
  seed(1);
  const Tensor basis = init::orthogonal({d, d}, 1, f64);
  for (bool delta : {false, true})
    for (int64_t n = 1; n <= d + 2; ++n) {
      const Tensor extra = noise({2, d}, 5), unit = extra / norm(extra, 2, -1, keepdim);
      const Tensor k = concat({basis, unit})(range(0, n)), v = noise({n, 3}, 6);
      const Tensor w = linear_attention(k, k, v, {.beta = delta ? ones({n}, f64) : Tensor()}).state;
      const double error = max_difference(matmul(k, w), v);
      INFO(n << " keys, error " << error);
      CHECK((n <= d ? error < 1e-13 : error > 0.01));
    }
}

TEST_CASE("a normalised sum over features from 0 on is a mean of values, or 0; signed ones leave their hull") {
  const Tensor x = noise({1, 30, 6}, 1);
  auto outside = [&](FeatureMap phi) {
    LinearAttention m = head(LinearAttention::sum, phi, true);
    assign(m.out_proj.weight, eye(6, f64)), assign(m.out_proj.bias, zeros({6}, f64));
    const Tensor v = m.v_proj(x)(0), y = m(x)(0);
    int64_t out = 0;
    for (int64_t h = 0; h < 2; ++h) {
      const Tensor u = noise({3, 1000}, 9), seen = matmul(v(_, range(3 * h, 3 * h + 3)), u);
      const Tensor at = matmul(y(_, range(3 * h, 3 * h + 3)), u);
      for (int64_t t = 0; t < 30; ++t) {
        const Tensor past = seen(range(0, t + 1)), here = at(t);
        const bool nothing = norm(here).item() == 0;  // no feature of the query is one of a key
        out += !nothing && any((here > max(past, 0) + 1e-12) | (here < min(past, 0) - 1e-12)).item() > 0;
      }
    }
    return out;
  };
  CHECK(outside(elu_plus_one) == 0);
  CHECK(outside(dpfp) == 0);
  CHECK(outside(as_it_is) > 0);
}

TEST_CASE("LinearAttention: its steps are its whole, causal is by mask what it is by order, padding is not seen") {
  const Tensor x = noise({2, 9, 6}, 3);
  for (const LinearAttention& m :
       {head(LinearAttention::sum, elu_plus_one, true), head(LinearAttention::sum, as_it_is, false),
        head(LinearAttention::delta, dpfp_normalised, false)}) {
    const Tensor whole = m(x);
    LinearAttention::Result now = m.steps(x(_, range(0, 4)));
    CHECK(allclose(now.y, whole(_, range(0, 4)), 1e-12, 1e-12));
    for (int64_t t = 4; t < 9; ++t) {
      now = m.steps(x(_, range(t, t + 1)), now.state);
      CHECK(allclose(now.y, whole(_, range(t, t + 1)), 1e-12, 1e-12));
    }
  }
  LinearAttention all = head(LinearAttention::sum, elu_plus_one, true);
  all.causal = false;
  const Tensor memory = noise({2, 5, 6}, 4), mask = tensor({{1, 1, 1, 1, 1}, {1, 1, 1, 0, 0}}) > 0;
  const Tensor y = all(x, memory, memory, mask);
  CHECK(allclose(y(1), all(x(range(1, 2)), memory(range(1, 2), range(0, 3)), memory(range(1, 2), range(0, 3)))(0),
                 1e-12, 1e-12));
  const Tensor five = x(_, range(0, 5));
  for (double poison : {1e3, std::nan(""), std::numeric_limits<double>::infinity()})
    for (const LinearAttention& m : {clone(all), head(LinearAttention::sum, elu_plus_one, true),
                                     head(LinearAttention::delta, dpfp_normalised, false)}) {
      const Tensor other = where(reshape(mask, {2, 5, 1}), memory, poison);
      const Tensor clean = m(five, memory, memory, mask), seen = m(five, other, other, mask);
      CHECK(equal(seen, clean));
      const std::vector<Tensor> wanted = grad(sum(square(clean)), m).values, d = grad(sum(square(seen)), m).values;
      for (std::size_t i = 0; i < d.size(); ++i) CHECK(equal(d[i], wanted[i]));
    }

  const LinearAttention one{.width = 6, .heads = 2};  // the first of a causal one sees itself alone
  CHECK(allclose(one(cast(x, f32))(_, 0), one.out_proj(one.v_proj(cast(x, f32)(_, 0))), 1e-5, 1e-6));
  CHECK(
      equal(all(x, memory, memory, zeros({2, 5}, boolean)), expand(all.out_proj.bias, {2, 9, 6})));  // nothing seen: 0
}

TEST_CASE("every gradient of every module of fast weights is certified to nine digits", "[gradcheck]") {
  const Tensor x = noise({2, 4, 6}, 8);
  auto certify = [](const char* name, const auto& f, const std::vector<Tensor>& in) {
    const GradcheckReport r = gradcheck(f, in, {.order = 2});
    INFO(name << "\n" << r.str());
    CHECK(r);
    CHECK(r.total.certified_digits >= 9);
    CHECK(r.total.inconclusive + r.total.kinks == 0);
  };
  certify("sum, ELU + 1", head(LinearAttention::sum, elu_plus_one, true), {x});
  certify("sum, identity", head(LinearAttention::sum, as_it_is, false), {x});
  certify("sum, DPFP", head(LinearAttention::sum, dpfp, true), {x});
  certify("delta, DPFP", head(LinearAttention::delta, dpfp_normalised, false), {x});
  LinearAttention all = head(LinearAttention::sum, elu_plus_one, true);
  all.causal = false;
  certify("every key", all, {x});
  for (auto squash : {FastWeights::none, FastWeights::tanh, FastWeights::sigmoid})
    certify("1992",
            FastWeightsOutput{scattered(FastWeights{.in = 6, .key_width = 3, .out = 2, .squash = squash}, 1, 0.7)},
            {x});
}

TEST_CASE("errors of linear attention") {
  const Tensor x = ones({2, 3, 8});
  CHECK_ERROR(ShapeError, (LinearAttention{.width = 8, .heads = 3})(x),
              "LinearAttention: a width of 8 cannot be shared by 3 heads: it must be a multiple of them");
  CHECK_ERROR(ShapeError, (LinearAttention{.width = 6, .heads = 3})(x),
              "LinearAttention: the query must be [B, T, 6], not [2, 3, 8]");
  const LinearAttention m{.width = 8, .heads = 2};
  CHECK_ERROR(ShapeError, m(x, ones({2, 4, 8}), ones({2, 4, 8})),
              "linear_attention: there must be as many queries as keys, not 3 and 4");
  CHECK_ERROR(ShapeError, m(x, x, x, ones({2, 4}, boolean)),
              "LinearAttention: the key mask must be [2, 3], one value per key, not [2, 4]");
  CHECK_ERROR(ShapeError, m(x, x, ones({2, 1, 8}), ones({2, 3}, boolean)),
              "LinearAttention: there must be as many keys as values, not 3 in [2, 3, 8] and 1 in [2, 1, 8]");
  CHECK_ERROR(Error, (LinearAttention{.width = 8, .heads = 2, .rule = LinearAttention::delta, .normalised = true})(x),
              "LinearAttention: the delta rule has no normaliser");
  CHECK_ERROR(Error, (LinearAttention{.width = 8, .heads = 2, .rule = LinearAttention::delta, .causal = false})(x),
              "LinearAttention: the delta rule writes one place after the other: it is causal only");
  CHECK_ERROR(Error, (LinearAttention{.width = 8, .heads = 2, .causal = false}).steps(x),
              "LinearAttention: there are no steps where every query sees every key: .causal is false");
  const FastWeights fast{.in = 8, .key_width = 3, .out = 2};
  CHECK_ERROR(ShapeError, fast(x(0)), "FastWeights: x must be [B, T, 8], not [3, 8]");
  CHECK_ERROR(ShapeError, fast(ones({2, 3, 7})), "FastWeights: x must be [B, T, 8], not [2, 3, 7]");
  for (const Shape& shape : {Shape{2, 1, 3}, {2, 3}, {1, 2, 3}})
    CHECK_ERROR(ShapeError, fast(x, ones(shape)),
                "FastWeights: the first weights must be [2, 2, 3], not " + shape.str());
  CHECK(fast(x(_, range(0, 0))).y.shape() == Shape{2, 0, 2});
}

// ---- the memory that models/fast_weights trains
TEST_CASE("associations: the latest value counts, and what a reader blind to the order can know of it") {
  Rng rng{1};
  const Associations a = sample_associations({.keys = 4, .values = 5, .writes = 6}, 500, rng);
  for (int64_t b = 0; b < 500; ++b) {
    const auto k = a.keys(b).to_vector<int64_t>(), v = a.values(b).to_vector<int64_t>();
    const auto asked = int64_t(a.asked(b).item());
    std::vector<int64_t> of_key;
    for (std::size_t t = 0; t < k.size(); ++t)
      if (k[t] == asked) of_key.push_back(v[t]);
    REQUIRE(!of_key.empty());
    REQUIRE(a.answer(b).item() == double(of_key.back()));
    const auto commonest = std::max_element(of_key.begin(), of_key.end(), [&](int64_t x, int64_t y) {
      return std::count(of_key.begin(), of_key.end(), x) < std::count(of_key.begin(), of_key.end(), y);
    });
    REQUIRE(a.blind_to_order(b).item() ==
            double(float(std::count(of_key.begin(), of_key.end(), *commonest)) / float(of_key.size())));
  }
  const Associations once = sample_associations({.keys = 6, .values = 5, .writes = 6, .overwriting = false}, 50, rng);
  CHECK(equal(sort(once.keys).values, expand(arange(6), {50, 6})));
  CHECK(equal(once.blind_to_order, ones({50})));
  Rng first{3}, second{3};
  CHECK(equal(sample_associations({}, 3, first).keys, sample_associations({}, 3, second).keys));
  CHECK_ERROR(IndexError, sample_associations({.writes = 0}, 1, rng),
              "sample_associations: there must be keys, values and writes, not 32, 32 and 0");
  CHECK_ERROR(IndexError, sample_associations({.keys = 3, .writes = 4, .overwriting = false}, 1, rng),
              "sample_associations: 4 writes without overwriting need as many keys, not 3");
}

TEST_CASE("the memory in steps is the memory as a whole, and without positions a list has no order") {
  Rng rng{1};
  const Associations a = sample_associations({.keys = 6, .values = 5, .writes = 9}, 4, rng);
  const Tensor backwards = flip(a.keys, 1), values = flip(a.values, 1);
  for (auto kind : {AssociativeMemory::softmax, AssociativeMemory::sum, AssociativeMemory::delta}) {
    const AssociativeMemory m =
        scattered(cast(AssociativeMemory{.keys = 6, .values = 5, .width = 4, .kind = kind}, f64), 1, 0.7);
    const Tensor y = m(a.keys, a.values, a.asked), other = m(backwards, values, a.asked);
    if (kind == AssociativeMemory::delta) CHECK(max_difference(y, other) > 1e-3);
    else CHECK(max_difference(y, other) < 1e-13);
    if (!m.matrix) continue;
    Tensor weights;
    for (int64_t t = 0; t < 9; ++t)
      weights = m.write(a.keys(_, range(t, t + 1)), a.values(_, range(t, t + 1)), weights);
    CHECK(max_difference(m.read(weights, a.asked), y) < 1e-13);
  }
}

TEST_CASE("train_retrieval draws what is in the memory, and names the kinds it knows") {
  const std::string out = fresh_folder("retrieval");
  for (const char* attention : {"sum", "softmax"}) {
    const std::string options = std::string("--attention ") + attention + " --task distinct --steps 2 --out " + out;
    const Said said = run_program_of_build("train_retrieval", options);
    INFO(said.text);
    REQUIRE(said.code == 0);
    CHECK(said.after("answers right ") < 50);  // it has learnt nothing yet
    CHECK(said.after("at best ") == 100);
    for (const char* picture : {"/answers.svg", "/loss.svg"}) CHECK(std::filesystem::file_size(out + picture) > 1000);
    CHECK(std::filesystem::exists(out + "/fast_weights.svg") == (attention != std::string("softmax")));
  }
  std::filesystem::remove_all(out), std::filesystem::remove_all(out + ".1");
  const Said refused = run_program_of_build("train_retrieval", "--attention hebb");
  CHECK(refused.code == 2);
  for (const char* known : {"delta", "sum", "softmax"}) CHECK(contains(refused.text, known));
  const Said many = run_program_of_build("train_retrieval", "--task distinct --writes 40 --out " + out);
  CHECK(many.code == 2);
  CHECK(contains(many.text, "sample_associations: 40 writes without overwriting need as many keys, not 32"));
  std::filesystem::remove_all(out);
}
