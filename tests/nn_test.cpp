// What modules add to their ops. Values and gradients are compared with PyTorch's in parity_modules.cpp.
#include <heed/nn/pool.h>
#include <numbers>
#include "common.h"

using namespace heed;

TEST_CASE("batch norm: training and evaluation") {
  const BatchNorm1d norm{2};
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
              "BatchNorm1d: one value per channel has no variance to train on: the input is [1, 2]");
  CHECK_ERROR(ShapeError, norm(ones({2, 3})), "BatchNorm1d: the input must be [N, 2] or [N, 2, L], not [2, 3]");
  CHECK_ERROR(ShapeError, norm(ones({2, 2, 3, 3})),
              "BatchNorm1d: the input must be [N, 2] or [N, 2, L], not [2, 2, 3, 3]");
  CHECK_ERROR(ShapeError, BatchNorm2d{3}(ones({2, 3, 4})),
              "BatchNorm2d: the input must be [N, 3, H, W], not [2, 3, 4]");
  CHECK(finite(norm.running_var));
}

TEST_CASE("batch norm without weight and bias, in both modes") {
  const BatchNorm1d norm{.channels = 2, .weight = {}, .bias = {}};
  Rng training{1};
  const Tensor x = noise({5, 2}, 1, f32);
  CHECK(allclose(mean(norm(x, &training), 0), zeros({2}), 0, 1e-6));
  CHECK(allclose(norm(x), (x - norm.running_mean) / sqrt(norm.running_var + 1e-5)));
}

TEST_CASE("the line of a running statistic's write is the user's") {
  const BatchNorm1d norm{2};
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
              "MultiHeadAttention: the query must be [B, T, 4], not [3, 4]");
}

TEST_CASE("initialisers follow seed") {
  seed(5);
  const Linear a{3, 4};
  seed(5);
  const Linear b{3, 4}, c{3, 4};
  CHECK(equal(a.weight, b.weight));
  CHECK_FALSE(equal(b.weight, c.weight));
  for (const auto& init : {init::xavier_uniform, init::xavier_normal, init::orthogonal})
    CHECK_ERROR(ShapeError, init({3}, 1, f32, Where::here()),
                "init: a weight needs two dimensions at least, [out, in, ..], not [3]");
  CHECK_ERROR(ShapeError, init::xavier_uniform({3}),
              "init: a weight needs two dimensions at least, [out, in, ..], not [3]");
  CHECK_ERROR(ShapeError, init::kaiming_normal({3}),
              "init: a weight needs two dimensions at least, [out, in, ..], not [3]");
  CHECK_ERROR(ShapeError, init::normal({-3}, 0, 1), "randn: a size of [-3] is negative");
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

TEST_CASE("truncated normal: within its bounds, with the mean and variance of what lies there") {
  const Shape shape{300, 200};
  auto density = [](double z) { return std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi); };
  auto below = [](double z) { return std::erfc(-z / std::numbers::sqrt2) / 2; };
  struct Case {
    double mean, std, low, high;
  };
  for (auto [mean, std, low, high] : {Case{0, 1, -2, 2},
                                      {0, 0.02, -0.04, 0.04},
                                      {1, 2, 0, 10},
                                      {0, 1, 0.5, 0.75},
                                      {0, 1, 2, 3},
                                      {0, 1, -9, -1.9},
                                      {3, 1, -1, 2}}) {
    INFO(mean << " " << std << " " << low << " " << high);
    const double a = (low - mean) / std, b = (high - mean) / std, mass = below(b) - below(a);
    const double shift = (density(a) - density(b)) / mass;  // Johnson, Kotz and Balakrishnan 1994, section 10.1
    const double variance = 1 + (a * density(a) - b * density(b)) / mass - shift * shift;
    const Tensor w = init::truncated_normal(shape, mean, std, low, high, f64);
    CHECK(max(w).item() <= high);
    CHECK(-max(-w).item() >= low);
    const Tensor z = (w - mean) / std - shift;
    CHECK(std::abs(heed::mean(z).item()) < 5 * std::sqrt(variance / 60000));
    CHECK(std::abs(heed::mean(z * z).item() / variance - 1) < 5 * std::sqrt(8.0 / 60000));
  }
  CHECK_ERROR(Error, init::truncated_normal({2}, 0, 1, 3, 4),
              "init: truncated_normal: mean 0.000000, std 1.000000 and bounds 3.000000 to 4.000000: std must be above "
              "0, the first bound below the second, and the mean at most 2 std outside of them");
  CHECK(contains(thrown<Error>([] { init::truncated_normal({2}, 0, 1, 1, -1); }), "the first bound below the second"));
  CHECK(contains(thrown<Error>([] { init::truncated_normal({2}, 0, 0, -1, 1); }), "std must be above 0"));
}

TEST_CASE("orthogonal: Q Q^T = 1, or Q^T Q, times gain^2") {
  for (const Shape& shape : {Shape{5, 9}, {9, 5}, {6, 6}, {4, 3, 2, 2}, {0, 3}}) {
    const Tensor w = init::orthogonal(shape, 2, f64);
    CHECK(w.shape() == shape);
    const Tensor q = reshape(w, {shape[0], shape[0] ? shape.numel() / shape[0] : 3});
    const Tensor product = q.size(0) <= q.size(1) ? matmul(q, transpose(q)) : matmul(transpose(q), q);
    CHECK(allclose(product, 4 * eye(product.size(0), f64), 0, 1e-14));
  }
  // Uniform: each element of a large one is nearly normal, with variance 1 / n.
  const Tensor q = init::orthogonal({128, 128}, 1, f64);
  CHECK(std::abs(mean(q).item()) < 5 / std::sqrt(128.0 * 128 * 128));
  CHECK(std::abs(sum(q * eye(128, f64)).item()) < 5);  // the trace: signs are not those of a decomposition
}

TEST_CASE("fans: what a convolution's weight connects") {
  seed(4);
  const Tensor in = init::kaiming_uniform({40, 20, 3, 3}, 1, f64),
               out = init::kaiming_uniform({40, 20, 3, 3}, 1, f64, init::Fan::out);
  CHECK(max(in).item() == Approx(std::sqrt(3 / 180.0)).epsilon(0.01));
  CHECK(max(out).item() == Approx(std::sqrt(3 / 360.0)).epsilon(0.01));
  const Tensor normal = init::kaiming_normal({40, 20, 3, 3}, 1, f64, init::Fan::out);
  CHECK(mean(normal * normal).item() == Approx(1 / 360.0).epsilon(0.1));
}

TEST_CASE("sinusoids are the paper's, in the type of use") {
  const Tensor table = sinusoids(50, 6, f64), odd = sinusoids(3, 5, f64);
  for (int64_t p : {0, 1, 7, 49})
    for (int64_t i = 0; i < 3; ++i) {
      const double angle = double(p) / std::pow(10000, 2 * double(i) / 6);
      CHECK(table(p, 2 * i).item() == Approx(std::sin(angle)).epsilon(1e-13));
      CHECK(table(p, 2 * i + 1).item() == Approx(std::cos(angle)).epsilon(1e-13));
    }
  CHECK(odd(2, 4).item() == Approx(std::sin(2 / std::pow(10000, 4.0 / 5))));
  CHECK(max_difference(cast(sinusoids(5000, 8), f64), sinusoids(5000, 8, f64)) < 4e-8);  // the angle is not rounded
  CHECK(equal(sinusoids(40, 6, f64, 10), table(range(10, 50))));
  CHECK(sinusoids(3, 6, f64, -2)(0, 2).item() == -table(2, 2).item());
  CHECK(sinusoids(3, 6, f64, -2)(0, 3).item() == table(2, 3).item());
  const SinusoidalPosition position{6};
  const Tensor x = noise({2, 4, 6}, 1);
  CHECK(equal(position(x), x + table(range(0, 4))));
}

TEST_CASE("learned positions: a row for each place, trained") {
  const LearnedPosition position = cast(LearnedPosition{5, 6}, f64);
  const Tensor x = variable({2, 4, 6}, 1);
  CHECK(equal(position(x), x + position.weight(range(0, 4))));
  const Tensor g = grad(sum(position(x)), {position.weight})[0];
  CHECK(equal(g, concat({full({4, 6}, 2, f64), zeros({1, 6}, f64)})));
}

TEST_CASE("feed-forward: swiglu is down(silu(gate(x)) up(x))") {
  const FeedForward f{.width = 4, .hidden = 8, .activation = FeedForward::swiglu, .bias = false};
  CHECK(parameters(f).paths == std::vector<std::string>{"gate.weight", "up.weight", "down.weight"});
  CHECK_FALSE((FeedForward{4, 8}.gate));
}

TEST_CASE("feed-forward: gelu_tanh is GPT-2's gelu") {
  FeedForward f{.width = 4, .hidden = 8};
  const Tensor x = variable({3, 4}, 1, f32), h = f.up(x);
  CHECK(equal(f(x), f.down(gelu(h))));
  f.activation = FeedForward::gelu_tanh;
  CHECK(equal(f(x), f.down(gelu(h, Approximate::tanh))));
  CHECK_FALSE(equal(f(x), f.down(gelu(h))));
}

TEST_CASE("modules whose weights are bf16 compute in f32, with the same values") {
  const auto check = [](const auto& module, auto... x) {
    const auto half = cast(module, bf16), wide = cast(half, f32);
    const Tensor y = half(x...);
    CHECK(y.dtype() == f32);
    CHECK(equal(y, wide(x...)));
  };
  const auto check_y = [](const auto& module, const Tensor& x) {
    const auto half = cast(module, bf16), wide = cast(half, f32);
    CHECK(half(x).y.dtype() == f32);
    CHECK(equal(half(x).y, wide(x).y));
  };
  const Tensor x = noise({2, 3, 8}, 1, f32);
  check(Linear{8, 5}, x);
  check(Bilinear{8, 8, 3}, x, x);
  check(Embedding{7, 8}, tensor({{1, 6}, {0, 2}}, i64));
  check(LearnedPosition{4, 8}, x);
  check(LayerNorm{.width = 8, .weight = parameter(noise({8}, 2, f32)), .bias = parameter(noise({8}, 3, f32))}, x);
  check(LayerNorm{.width = 8, .bias = {}}, x);
  check(RmsNorm{.width = 8, .weight = parameter(noise({8}, 2, f32))}, x);
  check(GroupNorm{.groups = 3, .channels = 3, .weight = parameter(noise({3}, 2, f32))}, x);
  check(TransformerEncoderLayer{.width = 8, .heads = 2, .options = {.hidden = 16}}, x);
  check(Conv1d{.in = 3, .out = 4, .kernel = 3}, x);
  check(Conv2d{.in = 3, .out = 4, .kernel = 3}, noise({2, 3, 5, 6}, 1, f32));
  check(scattered(BatchNorm1d{3}, 2, 1), x);
  check(scattered(GeneralizedAttention{.channels = 4, .heads = 2}, 3, 0.5), noise({2, 4, 3, 3}, 1, f32));
  check_y(Rnn{.in = 8, .hidden = 4}, x);
  check_y(Rnn{.in = 8, .hidden = 4, .bias = false}, x);
  check_y(Gru{.in = 8, .hidden = 4, .layers = 2}, x);
  check_y(Lstm{.in = 8, .hidden = 4, .bidirectional = true}, x);
  check_y(NeuralTuringMachine{.in = 8, .out = 3, .hidden = 5, .slots = 4, .width = 3}, x);
  check_y(NeuralTuringMachine{.in = 8, .out = 3, .hidden = 5, .slots = 4, .width = 3, .kind = Controller::lstm}, x);
  check_y(DifferentiableNeuralComputer{.in = 8, .out = 3, .hidden = 5, .slots = 4, .width = 3}, x);
  check_y(Lstmn{.in = 8, .hidden = 4}, x);
  check(GruCell{3, 4}, noise({2, 3}, 1, f32));
  check(RnnCell{3, 4}, noise({2, 3}, 1, f32));

  const BatchNorm1d trained = cast(BatchNorm1d{3}, bf16);
  Rng rng{1};
  CHECK(trained(x, &rng).dtype() == f32);
  CHECK(trained.running_mean.dtype() == bf16);
  CHECK(max(abs(cast(trained.running_mean, f32))).item() > 0);
  for (const std::string& name : score_names())
    check(Attention{.score = make_score(name, {.query_width = 8, .key_width = 8, .length = 4})}, x, x, x);
}

TEST_CASE("errors of modules") {
  const Tensor x = ones({2, 3});
  const MultiHeadAttention attention{8, 3}, fits{8, 2};
  CHECK_ERROR(ShapeError, attention(ones({2, 3, 8})),
              "MultiHeadAttention: a width of 8 cannot be shared by 3 heads: it must be a positive multiple of them");
  CHECK_ERROR(ShapeError, (MultiHeadAttention{.width = 0, .heads = 1})(ones({2, 3, 0})),
              "MultiHeadAttention: a width of 0 cannot be shared by 1 heads: it must be a positive multiple of them");
  CHECK_ERROR(ShapeError, fits(x), "MultiHeadAttention: the query must be [B, T, 8], not [2, 3]");
  CHECK_ERROR(ShapeError, fits(ones({2, 3, 8}), ones({2, 5, 8}), ones({2, 5, 8}), {.key_mask = ones({2, 4}, boolean)}),
              "MultiHeadAttention: the key mask must be [2, 5], one value per key, not [2, 4]");
  CHECK_ERROR(ShapeError, (Bilinear{3, 4, 2})(x, x),
              "Bilinear: the inputs must be [.., 3] and [.., 4], not [2, 3] and [2, 3]");
  CHECK_ERROR(ShapeError, RmsNorm{4}(x), "rms_norm: the weight must be [3] for [2, 3], not [4]");
  CHECK_ERROR(ShapeError, (GroupNorm{2, 3})(x), "group_norm: the 3 channels of [2, 3] do not fall into 2 groups");
  CHECK_ERROR(ShapeError, (Conv1d{4, 2, 3})(ones({2, 3, 5})),
              "conv1d: cannot apply a weight [2, 4, 3] in 1 group to [2, 3, 5]: the weight is [O, C / groups, ..], and "
              "the groups divide O");
  CHECK_ERROR(
      ShapeError, (Conv1d{.in = 3, .out = 2, .kernel = 3, .groups = 0})(ones({2, 3, 5})),
      "conv1d: cannot apply a weight [2, 0, 3] in 0 groups to [2, 3, 5]: the weight is [O, C / groups, ..], and "
      "the groups divide O");
  CHECK_ERROR(ShapeError, (Conv2d{.in = 3, .out = 2, .kernel = 3, .groups = 0})(ones({2, 3, 5, 5})),
              "conv2d: cannot apply a weight [2, 0, 3, 3] in 0 groups to [2, 3, 5, 5]: the weight is [O, C / groups, "
              "..], and the groups divide O");
  CHECK_ERROR(ShapeError, (Conv2d{.in = 3, .out = 2, .kernel = 3})(ones({2, 3, 5})),
              "conv2d: the input must be [N, C, H, W], not [2, 3, 5]");
  CHECK_ERROR(ShapeError, RotaryPosition{}(ones({2, 3})), "rope: cannot turn 3 of the 3 columns of [2, 3] in pairs");
  CHECK_ERROR(ShapeError, SinusoidalPosition{4}(x), "SinusoidalPosition: the input must be [.., T, 4], not [2, 3]");
  CHECK_ERROR(ShapeError, (LearnedPosition{1, 3})(x),
              "LearnedPosition: there is a row for 1 places, not for the 2 of [2, 3]");
  CHECK_ERROR(DtypeError, sinusoids(2, 4, i64), "sinusoids: cannot compute in i64: use cast(x, f32) or cast(x, f64)");
  CHECK_ERROR(ShapeError, sinusoids(-2, 4), "sinusoids: a size of [-2, 4] is negative");
  CHECK_ERROR(ShapeError, (Linear{4, 2})(x),
              "linear: cannot apply a weight [2, 4] to [2, 3]: the last dimension must be 4");
  CHECK_ERROR(IndexError, (Embedding{3, 2})(tensor({3}, i64)),
              "embedding: index 3 at element 0 is outside the 3 rows of the weight");
  CHECK_ERROR(ShapeError, LayerNorm{4}(x), "layer_norm: weight and bias must be [3] for [2, 3], not [4]");
  CHECK_ERROR(Error, Dropout{1}(x, &default_rng()), "dropout: the dropout rate must be in [0, 1), not 1.000000");
}

TEST_CASE("a layer of no inputs is its bias, which begins as zeros") {
  CHECK(equal(Linear{0, 3}(zeros({2, 0})), zeros({2, 3})));
  CHECK(equal(Bilinear{0, 2, 3}.bias, zeros({3})));
  CHECK(equal(Conv1d{.in = 0, .out = 2, .kernel = 3}.bias, zeros({2})));
}

TEST_CASE("the padding's row of an embedding is read and not trained") {
  const Embedding all{.vocab = 4, .width = 2},
      padded{.vocab = 4, .width = 2, .weight = tie(all.weight), .padding_idx = 1};
  const Tensor index = tensor({{1, 0, 1}, {3, 3, 1}}, i64), gy = noise({2, 3, 2}, 1, f32);
  CHECK(equal(padded(index), all(index)));
  const Tensor g = vjp(padded(index), gy, {padded.weight})[0], whole = vjp(all(index), gy, {all.weight})[0];
  CHECK(equal(g, where(unsqueeze(arange(4) == 1, 1), 0, whole)));
  CHECK(max(abs(whole(1))).item() > 0);
  CHECK_ERROR(IndexError, (Embedding{.vocab = 4, .width = 2, .padding_idx = 4})(index),
              "Embedding: padding_idx must be one of the 4 rows, or -1 for none, not 4");
  CHECK_ERROR(IndexError, (Embedding{.vocab = 4, .width = 2, .padding_idx = -2})(index),
              "Embedding: padding_idx must be one of the 4 rows, or -1 for none, not -2");
}

TEST_CASE("layers without weights are their ops") {
  const Tensor x = noise({2, 3, 6, 5}, 1);
  CHECK(equal(LeakyRelu{0.2}(x), leaky_relu(x, 0.2)));
  CHECK(equal(Elu{2}(x), elu(x, 2)));
  CHECK(equal(Softmax{}(x), softmax(x)));
  CHECK(equal(Softmax{1}(x), softmax(x, 1)));
  CHECK(Flatten{}(x).shape() == Shape{2, 90});
  CHECK(Flatten{.from = 0, .to = 1}(x).shape() == Shape{6, 6, 5});
  CHECK(equal(MaxPool2d{2}(x), max_pool2d(x, 2)));
  CHECK(equal(MaxPool2d{.kernel = {3, 2}, .stride = {2, 1}, .padding = 1, .dilation = {1, 2}, .ceil_mode = true}(x),
              max_pool2d(x, {3, 2}, {.stride = {2, 1}, .padding = 1, .dilation = {1, 2}, .ceil_mode = true})));
  CHECK(equal(AvgPool2d{.kernel = 3, .stride = 2, .padding = 1, .ceil_mode = true, .count_include_pad = false}(x),
              avg_pool2d(x, 3, {.stride = 2, .padding = 1, .ceil_mode = true, .count_include_pad = false})));
  CHECK(equal(AdaptiveAvgPool2d{{2, 3}}(x), adaptive_avg_pool2d(x, {2, 3})));
  const Sequential net{make<Conv2d>(3, 4, 3), LeakyRelu{}, MaxPool2d{2}, AdaptiveAvgPool2d{1}, Flatten{}, Softmax{}};
  CHECK(clone(net)(cast(x, f32)).shape() == Shape{2, 4});
}

TEST_CASE("empty batches pass through modules") {
  const Tensor x = zeros({0, 5, 8});
  CHECK(MultiHeadAttention{8, 2}(x).shape() == Shape{0, 5, 8});
  CHECK(FeedForward{8, 16}(x).shape() == Shape{0, 5, 8});
  CHECK(LayerNorm{8}(x).shape() == Shape{0, 5, 8});
  const Lstm lstm{.in = 8, .hidden = 4, .bidirectional = true};
  CHECK(lstm(x).y.shape() == Shape{0, 5, 8});
  CHECK(NeuralTuringMachine{.in = 8, .out = 2, .hidden = 4, .slots = 5, .width = 3}(x).y.shape() == Shape{0, 5, 2});
  CHECK(DifferentiableNeuralComputer{.in = 8, .out = 2, .hidden = 4, .slots = 5, .width = 3}(x).y.shape() ==
        Shape{0, 5, 2});
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
