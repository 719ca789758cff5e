// What modules add to their ops. Values and gradients are compared with PyTorch's in parity_test.cpp.
#include "common.h"

using namespace heed;

TEST_CASE("batch norm: training and evaluation") {
  const BatchNorm norm{2};
  Rng training{1};
  const Tensor x = tensor({{1, 10}, {3, 30}});
  const Tensor y = norm(x, &training);
  CHECK(allclose(y, tensor({{-1, -1}, {1, 1}}), 1e-4));
  CHECK(allclose(norm.running_mean, tensor({0.2, 2})));
  CHECK(allclose(norm.running_var, tensor({0.9 + 0.1 * 2, 0.9 + 0.1 * 200})));  // unbiased
  const Tensor mean = norm.running_mean * 1;
  CHECK(allclose(norm(x), (x - mean) / sqrt(norm.running_var + 1e-5)));
  CHECK(equal(norm.running_mean, mean));
  CHECK_ERROR(ShapeError, norm(ones({1, 2}), &training),
              "BatchNorm: one value per channel has no variance to train on: the input is [1, 2]");
  CHECK(finite(norm.running_var));
}

TEST_CASE("batch norm without weight and bias, in both modes") {
  const BatchNorm norm{.channels = 2, .weight = {}, .bias = {}};
  Rng training{1};
  const Tensor x = noise({5, 2}, 1, f32);
  CHECK(allclose(mean(norm(x, &training), 0), zeros({2}), 0, 1e-6));
  CHECK(allclose(norm(x), (x - norm.running_mean) / sqrt(norm.running_var + 1e-5)));
}

TEST_CASE("the line of a running statistic's write is the user's") {
  const BatchNorm norm{2};
  Rng training{1};
  const Tensor x = variable({5, 2}, 1, f32), y = x * norm.running_mean;
  const Where trained = (norm(x, &training), Where::here());
  CHECK(contains(thrown<GradError>([&] { grad(sum(y), {x}); }), "overwritten at " + trained.str()));
}

TEST_CASE("modules without a generator are deterministic; with one, dropout draws from it alone") {
  const FeedForward f{.width = 4, .hidden = 8, .dropout = 0.5};
  const Tensor x = noise({3, 4}, 1, f32);
  CHECK(equal(f(x), f(x)));
  Rng a{3}, b{3};
  const Tensor y = f(x, &a);
  CHECK_FALSE(equal(y, f(x)));
  CHECK(equal(y, f(x, &b)));
  CHECK_FALSE(equal(y, f(x, &b)));  // its counter has moved
}

TEST_CASE("self-attention in one argument, with options") {
  const MultiHeadAttention m = cast(MultiHeadAttention{.width = 4, .heads = 2, .dropout = 0.5}, f64);
  const Tensor x = noise({2, 3, 4}, 1);
  const Tensor y = m(x, {.causal = Causal::on});
  CHECK(equal(y, m(x, x, x, {.causal = Causal::on})));
  CHECK_FALSE(equal(y, m(x)));
  Rng a{3}, b{3};
  CHECK(equal(m(x, {.causal = Causal::on}, &a), m(x, x, x, {.causal = Causal::on}, &b)));
  CHECK_ERROR(ShapeError, m(ones({3, 4}), {.causal = Causal::on}),
              "MultiHeadAttention: the input must be [B, T, 4], not [3, 4]");
}

TEST_CASE("initialisers follow seed") {
  seed(5);
  const Linear a{3, 4};
  seed(5);
  const Linear b{3, 4}, c{3, 4};
  CHECK(equal(a.weight, b.weight));
  CHECK_FALSE(equal(b.weight, c.weight));
  CHECK(contains(thrown<ShapeError>([] { init::xavier_uniform({3}); }), "a weight needs two dimensions at least"));
}

TEST_CASE("initialisers have the spread they name") {
  // The variance of n draws of variance s^2 and kurtosis k has standard deviation s^2 sqrt((k - 1) / n).
  const Shape shape{300, 200};
  const double n = 60000;
  auto check = [&](const Tensor& w, double variance, double kurtosis) {
    const double m = mean(w).item(), v = mean(w * w).item();
    CHECK(std::abs(m) < 4 * std::sqrt(variance / n));
    CHECK(std::abs(v - variance) < 4 * variance * std::sqrt((kurtosis - 1) / n));
  };
  check(init::uniform(shape, -2, 2, f64), 4.0 / 3, 1.8);
  check(init::normal(shape, 0, 3, f64), 9, 3);
  check(init::xavier_uniform(shape, 1, f64), 2.0 / 500, 1.8);
  check(init::xavier_normal(shape, 2, f64), 4 * 2.0 / 500, 3);
  check(init::kaiming_uniform(shape, 1, f64), 1.0 / 200, 1.8);
  check(init::kaiming_normal(shape, std::sqrt(2.0), f64), 2.0 / 200, 3);
}

TEST_CASE("errors of modules") {
  const Tensor x = ones({2, 3});
  const MultiHeadAttention attention{8, 3}, fits{8, 2};
  CHECK_ERROR(ShapeError, attention(ones({2, 3, 8})),
              "MultiHeadAttention: a width of 8 cannot be shared by 3 heads: it must be a multiple of them");
  CHECK_ERROR(ShapeError, fits(x), "MultiHeadAttention: the input must be [B, T, 8], not [2, 3]");
  CHECK_ERROR(ShapeError, fits(ones({2, 3, 8}), ones({2, 5, 8}), ones({2, 5, 8}), {.key_mask = ones({2, 4}, boolean)}),
              "MultiHeadAttention: the key mask must be [2, 5], one value per key, not [2, 4]");
  const Lstm lstm({.in = 3, .hidden = 4});
  CHECK_ERROR(ShapeError, lstm(x), "Lstm: the input must be [B, T, 3], not [2, 3]");
  CHECK_ERROR(ShapeError, lstm(ones({2, 0, 3})), "Lstm: there is no step in [2, 0, 3]");
  CHECK_ERROR(IndexError, lstm(ones({2, 5, 3}), tensor({0, 5}, i64)), "Lstm: a length must be 1 to 5, not 0");
  CHECK_ERROR(ShapeError, lstm(ones({2, 5, 3}), tensor({5}, i64)), "Lstm: the lengths must be i64 [2], not i64 [1]");
  CHECK_ERROR(ShapeError, lstm(ones({2, 5, 3}), {}, {.h = ones({1, 3, 4}), .c = {}}),
              "Lstm: the state must be [1, 2, 4], not [1, 3, 4]");
  CHECK_ERROR(ShapeError, (LstmCell{3, 4})(x, {.h = ones({2, 3}), .c = {}}),
              "LstmCell: the state must be [2, 4], not [2, 3]");
  CHECK_ERROR(ShapeError, (Linear{4, 2})(x),
              "linear: cannot apply a weight [2, 4] to [2, 3]: the last dimension must be 4");
  CHECK_ERROR(IndexError, (Embedding{3, 2})(tensor({3}, i64)),
              "embedding: index 3 at element 0 is outside the 3 rows of the weight");
  CHECK_ERROR(ShapeError, LayerNorm{4}(x), "layer_norm: weight and bias must be [3] for [2, 3], not [4]");
  CHECK_ERROR(Error, Dropout{1}(x, &default_rng()), "dropout: the dropout rate must be in [0, 1), not 1.000000");
}

TEST_CASE("empty batches pass through modules") {
  const Tensor x = zeros({0, 5, 8});
  CHECK(MultiHeadAttention{8, 2}(x).shape() == Shape{0, 5, 8});
  CHECK(FeedForward{8, 16}(x).shape() == Shape{0, 5, 8});
  CHECK(LayerNorm{8}(x).shape() == Shape{0, 5, 8});
  const Lstm lstm({.in = 8, .hidden = 4, .bidirectional = true});
  CHECK(lstm(x).y.shape() == Shape{0, 5, 8});
  const Linear linear{8, 3};
  const Gradients g = grad(sum(linear(x)), linear);
  CHECK(equal(g.at("weight"), zeros({3, 8})));
  CHECK(equal(g.at("bias"), zeros({3})));
}

TEST_CASE("a fully masked sequence gives finite outputs and no gradient through attention") {
  const MultiHeadAttention attention{4, 2};
  const Tensor x = variable({1, 3, 4}, 1, f32), mask = zeros({1, 3}, boolean);
  const Tensor y = attention(x, x, x, {.key_mask = mask});
  CHECK(allclose(y, expand(reshape(attention.out_proj.bias, {1, 1, 4}), {1, 3, 4})));
  CHECK(equal(grad(sum(y * y), {x})[0], zeros({1, 3, 4})));
  const auto [again, weights] = attention.with_weights(x, x, x, {.key_mask = mask});
  CHECK(equal(weights.detach(), zeros({1, 2, 3, 3})));
}
