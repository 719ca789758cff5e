// Sets: order means nothing, padding means nothing, and inducing points make the work linear.
#include <heed/models/set_transformer/set_regressor.h>
#include <algorithm>
#include <cmath>
#include "common.h"
#include "files.h"
#include "program.h"

using namespace heed;

namespace {

constexpr int64_t W = 8, heads = 2;

template <class M>
M spread(M model) {
  return scattered(cast(model, f64), 1, 0.6);
}
Tensor order(int64_t n, uint64_t seed) { return sort(noise({n}, seed)).indices; }
int64_t products(const auto& f) {  // multiply-adds of f()
  int64_t n = 0;
  Observe watch([&](const Event& e) { n += e.multiply_adds; });
  f();
  return n;
}

}  // namespace

TEST_CASE("a multihead attention block is its equations, scores divided by the root of the whole width") {
  const Mab m = spread(Mab{W, heads});
  const Tensor x = noise({2, 3, W}, 1), y = noise({2, 5, W}, 2);
  const Range part[] = {range(0, W), range(W, 2 * W), range(2 * W, 3 * W)};
  auto projected = [&](const Tensor& of, int i) {
    return linear(of, m.attention.in_proj_weight(part[i]), m.attention.in_proj_bias(part[i]));
  };
  auto by_hand = [&](double scale) {
    std::vector<Tensor> each;
    for (int64_t h = 0; h < heads; ++h) {
      auto head = [&](const Tensor& t) { return t(_, _, range(h * W / heads, (h + 1) * W / heads)); };
      const Tensor s = matmul(head(projected(x, 0)), transpose(head(projected(y, 1)))) * scale;
      each.push_back(matmul(softmax(s), head(projected(y, 2))));
    }
    const Tensor h = m.norm1(x + m.attention.out_proj(concat(each, -1)));
    return m.norm2(h + relu(m.feed_forward(h)));
  };
  CHECK(allclose(m(x, y), by_hand(1 / std::sqrt(double(W))), 1e-13, 1e-13));
  CHECK_FALSE(allclose(m(x, y), by_hand(1 / std::sqrt(double(W) / heads)), 1e-3, 1e-3));
  const auto [same, weights] = m.with_weights(x, y);
  CHECK(allclose(same, m(x, y), 1e-13, 1e-13));
  CHECK(weights.shape() == Shape{2, heads, 3, 5});
  CHECK(allclose(sum(weights, -1), ones({2, heads, 3}, f64), 1e-14, 1e-14));
}

TEST_CASE("SAB and ISAB are equivariant, PMA is invariant: 100 orders") {
  const Sab sab = spread(Sab{W, heads});
  const Isab isab = spread(Isab{.width = W, .heads = heads, .points = 3});
  const Pma pma = spread(Pma{.width = W, .heads = heads, .seeds = 2});
  const Tensor x = noise({2, 7, W}, 1), s = sab(x), i = isab(x), p = pma(x);
  REQUIRE(p.shape() == Shape{2, 2, W});
  for (uint64_t round = 2; round < 102; ++round) {
    const Tensor o = order(7, round), other = index_select(x, 1, o);
    CHECK(max_difference(sab(other), index_select(s, 1, o)) <= 1e-12);
    CHECK(max_difference(isab(other), index_select(i, 1, o)) <= 1e-12);
    CHECK(max_difference(pma(other), p) <= 1e-12);
  }
}

TEST_CASE("an ISAB's points look at the set, and it says how") {
  const Isab m = spread(Isab{.width = W, .heads = heads, .points = 3});
  const Tensor x = noise({2, 5, W}, 1), mask = tensor({{1, 1, 1, 1, 1}, {1, 1, 0, 0, 0}}, boolean);
  const auto [y, weights] = m.with_weights(x, mask);
  CHECK(max_difference(y, m(x, mask)) < 1e-13);
  CHECK(weights.shape() == Shape{2, heads, 3, 5});
  CHECK(max_difference(sum(weights, -1), ones({2, heads, 3}, f64)) < 1e-14);
  CHECK(max(weights(1, _, _, range(2, 5))).item() == 0);
}

TEST_CASE("dropout of a block's attention draws from the generator, in all that are made of blocks") {
  const Tensor x = noise({2, 5, 8}, 1, f32);
  auto check = [&](const auto& model, uint64_t draws) {
    Rng rng{3};
    CHECK_FALSE(equal(model(x, {}, &rng), model(x)));
    CHECK(rng.counter == draws);
  };
  auto dropping = [](auto model, auto... blocks) {
    ((model.*blocks.*(&Mab::attention).*(&MultiHeadAttention::dropout) = 0.5), ...);
    return model;
  };
  check(dropping(Sab{8, 2}, &Sab::block), 1);
  check(dropping(Isab{.width = 8, .heads = 2, .points = 3}, &Isab::gather, &Isab::spread), 2);
  check(dropping(Pma{.width = 8, .heads = 2}, &Pma::block), 1);
}

TEST_CASE("a set in a padded batch is what it would be alone, whatever the padding is") {
  const Tensor mask = tensor({{1, 1, 1, 1, 1}, {1, 1, 0, 0, 0}}, boolean), real = unsqueeze(mask, 2);
  const Tensor x = where(real, noise({2, 5, W}, 1), 1e6), alone = x(range(1, 2), range(0, 2));
  const Sab sab = spread(Sab{W, heads});
  const Isab isab = spread(Isab{.width = W, .heads = heads, .points = 3});
  const Pma pma = spread(Pma{.width = W, .heads = heads});
  CHECK(max_difference(sab(x, mask)(1, range(0, 2)), sab(alone)(0)) <= 1e-12);
  CHECK(max_difference(isab(x, mask)(1, range(0, 2)), isab(alone)(0)) <= 1e-12);
  CHECK(max_difference(pma(x, mask)(1), pma(alone)(0)) <= 1e-12);
  CHECK(equal(pma(where(real, x, -3), mask), pma(x, mask)));
  CHECK(max_difference(pma.with_weights(x, mask).weights(1, _, _, range(2, 5)), zeros({heads, 1, 3}, f64)) == 0);
  CHECK(finite(pma(x, zeros({2, 5}, boolean))));  // of nothing
}

TEST_CASE("a SAB's work grows with the square of the set, an ISAB's with the set") {
  const Sab sab{W, heads};
  const Isab isab{.width = W, .heads = heads, .points = 4};
  auto work = [](const auto& m, int64_t n) { return products([&] { m(noise({1, n, W}, 1, f32)); }); };
  auto curvature = [&](const auto& m) { return work(m, 96) - 2 * work(m, 64) + work(m, 32); };
  CHECK(curvature(sab) == 2 * W * (96 * 96 - 2 * 64 * 64 + 32 * 32));  // scores and values
  CHECK(curvature(isab) == 0);
  CHECK(work(isab, 1024) < work(sab, 1024) / 8);
}

TEST_CASE("gradients of the blocks and of the whole model, to nine digits") {
  const Tensor mask = tensor({{1, 1, 1, 1}, {1, 1, 0, 0}}, boolean);
  auto certify = [](const char* name, const auto& m, const std::vector<Tensor>& inputs, int order) {
    const GradcheckReport r = gradcheck(m, inputs, {.order = order});
    INFO(name << "\n" << r.str());
    CHECK(r);
    CHECK(r.total.certified_digits >= 9);
    CHECK(r.total.inconclusive + r.total.kinks == 0);
  };
  const Tensor x = noise({2, 4, 4}, 5);
  struct Masked {
    Tensor mask;
    Pma pma{.width = 4, .heads = 2, .seeds = 2};
    Isab isab{.width = 4, .heads = 2, .points = 2};
    Tensor operator()(In x) const { return pma(isab(x, mask), mask); }
  };
  certify("Mab", spread(Mab{4, 2}), {noise({1, 2, 4}, 3), noise({1, 3, 4}, 4)}, 2);
  certify("Isab and Pma", spread(Masked{.mask = mask}), {x}, 2);
  for (const auto pooling : {SetRegressor::attention, SetRegressor::mean, SetRegressor::max})
    certify("SetRegressor", spread(SetRegressor{.width = 4, .heads = 2, .pooling = pooling}), {x(_, _, 1), mask}, 2);
}

TEST_CASE("the number of a set does not depend on its order or padding, however it is pooled") {
  const Tensor x = noise({2, 6}, 1), mask = length_mask(tensor({6, 4}, i64), 6), padded = where(mask, x, 1e6);
  for (const auto& [pooling, points] : {std::pair{SetRegressor::attention, 0},
                                        {SetRegressor::attention, 3},
                                        {SetRegressor::mean, 0},
                                        {SetRegressor::max, 0}}) {
    const SetRegressor m = spread(SetRegressor{.width = W, .heads = heads, .pooling = pooling, .points = points});
    const Tensor y = m(padded, mask);
    CHECK(y.shape() == Shape{2});
    for (uint64_t round = 1; round < 20; ++round) {
      const Tensor o = order(6, round);
      CHECK(max_difference(m(index_select(padded, 1, o), index_select(mask, 1, o)), y) <= 1e-12);
    }
    CHECK(max_difference(m(x(range(1, 2), range(0, 4))), y(range(1, 2))) <= 1e-12);
  }
}

TEST_CASE("an empty set is pooled to zeros, or to the seed alone") {
  for (auto pooling : {SetRegressor::attention, SetRegressor::mean, SetRegressor::max}) {
    const SetRegressor m{.width = 8, .heads = 2, .pooling = pooling};
    const Tensor x = noise({2, 3}, 1, f32), mask = reshape(arange(6) < 3, {2, 3});
    const Tensor y = m(x, mask);
    CHECK(std::isfinite(y(1).item()));
    CHECK(equal(m(x * 7, mask)(1), y(1)));                     // whatever stands there
    CHECK(max_difference(m(x(range(0, 1)))(0), y(0)) < 1e-6);  // of another batch, so rounded otherwise
  }
}

TEST_CASE("train_maximum says how far off it is, and draws where it looks") {
  for (const char* kind : {"attention", "mean", "max"}) {
    const std::string out = fresh_folder("maximum");
    const Said said =
        run_program_of_build("train_maximum", std::string("--steps 100 --pooling ") + kind + " --out " + out);
    INFO(said.text);
    CHECK(said.code == 0);
    CHECK(said.after("mean error of 10 numbers ") < 20);
    CHECK(std::filesystem::exists(out + "/attention.svg") == (kind == std::string("attention")));
    std::filesystem::remove_all(out);
  }
  const std::string out = fresh_folder("maximum");
  const Said induced = run_program_of_build("train_maximum", "--encoder isab --points 3 --steps 2 --out " + out);
  INFO(induced.text);
  CHECK(induced.code == 0);
  CHECK(induced.after("the set looks most at the largest in ") >= 0);
  CHECK(std::filesystem::exists(out + "/attention.svg"));
  std::filesystem::remove_all(out);
  const Said said = run_program_of_build("train_maximum", "--pooling sum");
  CHECK(said.code == 2);
  CHECK(contains(said.text, "attention"));
}
