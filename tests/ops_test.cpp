// Ops in their corners: large logits, ties, zeros to a power, bf16. What all ops have in common: op_table_test.cpp.
#include <limits>
#include "common.h"
#include "worst.h"

using namespace heed;

namespace {
constexpr double infinity = std::numeric_limits<double>::infinity();
}

TEST_CASE("cross-entropy of large and of nearly certain logits keeps its digits in f32") {
  for (double offset : {0.0, 1e4, -3e5}) {
    const Tensor x = (tensor({{0, 0.5, -1}, {9, 0, 0.25}, {0, 0, 16}}) + offset).requires_grad();
    const Tensor wide = cast(x.detach(), f64).requires_grad(), target = tensor({1, 0, 2}, i64);
    const Tensor loss = cross_entropy(x, target), exact = cross_entropy(wide, target);
    // Every number in it is below 17, each is rounded a few times.
    CHECK(std::abs(loss.item() - exact.item()) < 8 * 0x1p-24);
    CHECK(max_difference(cast(grad(loss, {x})[0], f64), grad(exact, {wide})[0]) < 8 * 0x1p-24);
  }
}

TEST_CASE("softmax and its relatives of logits of 1e4 and of -inf") {
  const Tensor x = tensor({{1e4, 0, -1e4}, {-infinity, 0, 0}}).requires_grad();
  CHECK(equal(softmax(x).detach(), tensor({{1, 0, 0}, {0, 0.5, 0.5}})));
  CHECK(equal(log_softmax(x).detach()(0), tensor({0, -1e4, -2e4})));
  CHECK(logsumexp(x)(0).item() == 1e4);
  CHECK(logsumexp(full({3}, -infinity)).item() == -infinity);
  CHECK(finite(grad(sum(softmax(x) * tensor({1, 2, 3})), {x})[0]));
  CHECK(equal(grad(sum(logsumexp(x)), {x})[0], tensor({{1, 0, 0}, {0, 0.5, 0.5}})));
  const Tensor nothing = full({3}, -infinity).requires_grad();
  CHECK(equal(grad(logsumexp(nothing), {nothing})[0], zeros({3})));
}

TEST_CASE("functions near 0 keep their digits, and far away do not overflow") {
  const Tensor small = tensor({1e-20, -1e-20, 1e-9}, f64);
  CHECK(allclose(expm1(small), tensor({1e-20, -1e-20, 1.0000000005e-9}, f64), 1e-15, 0));
  CHECK(allclose(log1p(small), tensor({1e-20, -1e-20, 0.9999999995e-9}, f64), 1e-15, 0));
  const Tensor x = tensor({-1e4, -100, 100, 1e4}).requires_grad();
  CHECK(equal(softplus(x, 1, 1e9).detach(), tensor({0, std::exp(-100.0), 100, 1e4})));
  CHECK(equal(grad(sum(softplus(x, 1, 1e9)), {x})[0], tensor({0, std::exp(-100.0), 1, 1})));
  CHECK(equal(elu(x, 2).detach(), tensor({-2, -2, 100, 1e4})));
  CHECK(equal(grad(sum(elu(x, 2)), {x})[0], tensor({0, 0, 1, 1})));
  CHECK(equal(gelu(x, Approximate::tanh).detach(), tensor({0, 0, 100, 1e4})));
  CHECK(equal(grad(sum(gelu(x, Approximate::tanh)), {x})[0], tensor({0, 0, 1, 1})));
}

TEST_CASE("a gradient that is recorded is the same, far away and of NaN, too") {
  const Tensor ends = tensor({-infinity, infinity}).requires_grad(), nan = tensor(std::nan("")).requires_grad();
  for (bool again : {false, true}) {
    CHECK(equal(grad(sum(gelu(ends)), {ends}, again)[0], tensor({0, 1})));
    CHECK(grad(relu(nan), {nan}, again)[0].item() == 1);
  }
  for (double far : {1e4, 1e20})
    for (Approximate how : {Approximate::none, Approximate::tanh}) {
      const Tensor x = tensor({-far, far}).requires_grad();
      for (bool again : {false, true}) CHECK(equal(grad(sum(gelu(x, how)), {x}, again)[0], tensor({0, 1})));
      CHECK(equal(grad(sum(grad(sum(gelu(x, how)), {x}, create_graph)[0]), {x})[0], zeros({2})));
    }
  const Tensor x = tensor({1, infinity, -infinity});
  CHECK(logsumexp(x).item() == infinity);
  DefinitionsOnly here;
  CHECK(logsumexp(x).item() == infinity);
}

TEST_CASE("corners of elementwise functions, as PyTorch has them") {
  auto slope = [](auto f, double at) {
    const Tensor x = tensor(at, f64).requires_grad();
    return grad(f(x), {x})[0].item();
  };
  CHECK(slope([](const Tensor& x) { return heed::abs(x); }, 0) == 0);
  CHECK(slope([](const Tensor& x) { return leaky_relu(x, 0.2); }, 0) == 0.2);
  CHECK(slope([](const Tensor& x) { return elu(x, 2); }, 0) == 2);
  for (double at : {-1.0, -0.5, 0.0, 0.7, 0.8})
    CHECK(slope([](const Tensor& x) { return clamp(x, -0.5, 0.7); }, at) == (at >= -0.5 && at <= 0.7));
  CHECK(equal(clamp(tensor({0, 5, 9}), 5, 2), tensor({2, 2, 2})));
  CHECK(std::isnan(clamp(tensor(std::nan("")), 0, 1).item()));
  const Tensor x = tensor({-2, -1, 0, 1, 2}).requires_grad(), low = full({5}, -1).requires_grad(),
               high = ones({5}).requires_grad();
  const std::vector<Tensor> slopes = grad(sum(clamp(x, low, high)), {x, low, high});
  CHECK(equal(slopes[0], tensor({0, 1, 1, 1, 0})));
  CHECK(equal(slopes[1], tensor({1, 0, 0, 0, 0})));
  CHECK(equal(slopes[2], tensor({0, 0, 0, 0, 1})));
  for (bool upper : {false, true}) {
    const Tensor bounds = tensor({std::nan(""), 0}), one = ones({2});
    const Tensor of_bound = upper ? clamp(one, {}, bounds) : clamp(one, bounds),
                 of_nan = upper ? clamp(bounds, {}, one) : clamp(bounds, one);
    CHECK(std::isnan(of_bound(0).item()));
    CHECK(std::isnan(of_nan(0).item()));
  }
  for (auto f : {maximum, minimum}) {
    CHECK(std::isnan(f(tensor(std::nan("")), 1).item()));
    CHECK(std::isnan(f(1, tensor(std::nan(""))).item()));
    const Tensor a = ones({1}).requires_grad(), b = ones({1}).requires_grad();
    CHECK(grad(f(a, b), {a})[0].item() == 0.5);
    CHECK(grad(f(a, b), {b})[0].item() == 0.5);
    CHECK(grad(f(a, a), {a})[0].item() == 1);
  }
  CHECK(equal(sign(tensor({-2, -0.0, 0, 3, std::nan("")})), tensor({-1, 0, 0, 1, 0})));
  CHECK(equal(heed::round(tensor({-1.5, -0.5, 0.5, 1.5, 2.5})), tensor({-2, 0, 0, 2, 2})));
  CHECK(equal(heed::floor(tensor({-1.5, -0.0, 2})), tensor({-2, 0, 2})));
}

TEST_CASE("the angle in every quadrant, and no gradient at the origin") {
  const Tensor y = tensor({1, 1, -1, -1, 0}, f64).requires_grad(), x = tensor({1, -1, -1, 1, 0}, f64).requires_grad();
  const double eighth = std::atan(1.0);
  CHECK(allclose(heed::atan2(y, x), tensor({eighth, 3 * eighth, -3 * eighth, -eighth, 0}, f64), 1e-15));
  CHECK(equal(grad(sum(heed::atan2(y, x)), {y})[0], tensor({0.5, -0.5, -0.5, 0.5, 0}, f64)));
  CHECK(equal(grad(sum(heed::atan2(y, x)), {x})[0], tensor({-0.5, -0.5, 0.5, 0.5, 0}, f64)));
}

TEST_CASE("a remainder has the sign of the divisor") {
  CHECK(equal(heed::remainder(tensor({-5, 5, -6, 5.5}), tensor({3, -3, 3, -2})), tensor({1, -1, 0, -0.5})));
  const Tensor n = tensor({-7, -6, 7, INT64_MIN}, i64);
  CHECK(heed::remainder(n, tensor({3, 3, -3, -1}, i64)).to_vector<int64_t>() == std::vector<int64_t>{2, 0, -2, 0});
  CHECK(std::isnan(heed::remainder(tensor(1), 0).item()));
  const Tensor a = tensor({1, 5, -5}, f64).requires_grad(), b = tensor({0.1, 3, 3}, f64).requires_grad();
  CHECK(equal(grad(sum(heed::remainder(a, b)), {b})[0], tensor({-9, -1, 2}, f64)));  // 1 / 0.1 rounds up to 10
  CHECK(equal(grad(sum(heed::remainder(a, b)), {a})[0], ones({3}, f64)));
}

TEST_CASE("logic, and integers where they make sense") {
  const Tensor p = tensor({0, 0, 1, 1}, boolean), q = tensor({0, 1, 0, 1}, boolean);
  CHECK(equal(p & q, tensor({0, 0, 0, 1}, boolean)));
  CHECK(equal(p | q, tensor({0, 1, 1, 1}, boolean)));
  CHECK(equal(p ^ q, tensor({0, 1, 1, 0}, boolean)));
  CHECK(equal(~p & true, tensor({1, 1, 0, 0}, boolean)));
  const Tensor n = tensor({-3, 0, 4, 4}, i64);
  CHECK(equal(heed::abs(n), tensor({3, 0, 4, 4}, i64)));
  CHECK(equal(sign(n), tensor({-1, 0, 1, 1}, i64)));
  CHECK(equal(clamp(n, {}, 2), tensor({-3, 0, 2, 2}, i64)));
  CHECK(equal(maximum(n, 1), tensor({1, 1, 4, 4}, i64)));
  CHECK(equal(heed::floor(n), n));
  CHECK(equal(square(n), tensor({9, 0, 16, 16}, i64)));
  CHECK(max(n).item() == 4);
  CHECK(argmax(n).item() == 2);
  CHECK(argmin(n).item() == 0);
  CHECK(equal(cumsum(q, 0), tensor({0, 1, 1, 2}, i64)));
  CHECK(equal(cumprod(n + 1, 0), tensor({-2, -2, -10, -50}, i64)));
  CHECK(prod(n + 1).item() == -50);
  CHECK(prod(q).dtype() == i64);
  const Tensor place = zeros({1}, i64);
  CHECK(scatter(place, 0, place, INT64_MAX).to_vector<int64_t>()[0] == INT64_MAX);
}

TEST_CASE("dimensions that have a name live as long as it does") {
  const Tensor x = noise({2, 3, 4}, 1);
  auto named = [](int a, int b) { return Dims{a, b}; };
  const Dims from = named(0, 1), to = named(2, 0);
  CHECK(sum(x, from).shape() == Shape{4});
  CHECK(movedim(x, from, to).shape() == Shape{3, 4, 2});
}

TEST_CASE("an empty list of dimensions means all of them") {
  const Tensor x = noise({2, 3}, 1);
  CHECK(equal(sum(x, {}), sum(x)));
  CHECK(mean(x, {}, keepdim).shape() == Shape{1, 1});
  CHECK(equal(amax(x, {}), max(x)));
  CHECK(equal(var(x, {}), var(reshape(x, {6}), 0)));
  CHECK(any(x > 0, {}).dim() == 0);
}

TEST_CASE("reductions over dimensions apart, of the heads of a packed projection") {
  const Tensor qkv = variable({2, 5, 3, 4, 8}, 1), q = transpose(select(qkv, 2, 0), 1, 2), copy = q.contiguous();
  const double infinity = std::numeric_limits<double>::infinity();
  const std::pair<Tensor, Tensor> reduced[] = {{amax(q, {1, 3}), amax(copy, {1, 3})},
                                               {amin(q, {1, 3}), amin(copy, {1, 3})},
                                               {norm(q, infinity, {1, 3}), norm(copy, infinity, {1, 3})},
                                               {logsumexp(q, 3), logsumexp(copy, 3)},
                                               {prod(q, 1), prod(copy, 1)}};
  for (const auto& [y, expected] : reduced) {
    CHECK(max_difference(y, expected) < 1e-15);
    CHECK(max_difference(grad(sum(y), {qkv})[0], grad(sum(expected), {qkv})[0]) < 1e-15);
  }
  CHECK(equal(argmax(q, 3), argmax(copy, 3)));
}

TEST_CASE("the smallest, NaN and nothing among it") {
  const Tensor x = tensor({{3, 1, 1}, {2, std::nan(""), 0}});
  CHECK(min(x(0)).item() == 1);
  CHECK(argmin(x(0)).item() == 1);
  CHECK(std::isnan(min(x, 1).to_vector()[1]));
  CHECK(std::isnan(max(x).item()));
  CHECK(argmin(x).to_vector() == std::vector<double>{1, 1});
  CHECK(argmax(x).to_vector() == std::vector<double>{0, 1});
  CHECK(amin(zeros({0, 3}), 1).shape() == Shape{0});
  for (Dims over : {Dims{0, 2}, Dims(0)})
    for (auto f : {amax, amin}) {
      const Tensor none = zeros({2, 0, 3}).requires_grad();
      CHECK(grad(sum(f(none, over, keepdim)), {none})[0].shape() == none.shape());
    }
}

TEST_CASE("products with zeros among the factors have a gradient") {
  const Tensor x = tensor({{0, 2, 3}, {0, 2, 0}}, f64).requires_grad();
  CHECK(equal(grad(sum(prod(x, 1)), {x})[0], tensor({{6, 0, 0}, {0, 0, 0}}, f64)));
  CHECK(equal(grad(sum(cumprod(x, 1)), {x})[0], tensor({{9, 0, 0}, {3, 0, 0}}, f64)));
  const Tensor g = grad(sum(prod(x, 1)), {x}, create_graph)[0];
  CHECK(equal(grad(sum(g), {x})[0], tensor({{5, 3, 2}, {2, 0, 2}}, f64)));
  CHECK(prod(zeros({0})).item() == 1);
  CHECK(equal(prod(zeros({2, 0}), 1), ones({2})));
  constexpr int64_t n = 100000;  // many factors, each seen a few times only
  const Tensor long_one = full({n}, 1 + 1e-5, f64).requires_grad();
  CHECK(allclose(grad(prod(long_one), {long_one})[0], full({n}, std::pow(1 + 1e-5, n - 1), f64), 1e-10));
}

TEST_CASE("a product's gradient is right where the products of a part are outside f32") {
  const Tensor x = tensor({1e-30, 1e-30, 1e30, 1e30}).requires_grad();
  CHECK(prod(x).dtype() == f32);
  for (bool again : {false, true}) {
    const Tensor g = grad(prod(x), {x}, again)[0];
    CHECK(g.dtype() == f32);
    CHECK(allclose(g / tensor({1e30, 1e30, 1e-30, 1e-30}), ones({4}), 1e-6));
  }
}

TEST_CASE("spread and norm where they are 0, and of one element") {
  const Tensor same = ones({3}, f64).requires_grad(), none = zeros({3}, f64).requires_grad();
  CHECK(equal(grad(heed::std(same), {same})[0], zeros({3}, f64)));
  for (double p : {0.5, 1.0, 2.0, 3.0, infinity}) CHECK(equal(grad(norm(none, p), {none})[0], zeros({3}, f64)));
  CHECK(std::isnan(var(ones({1})).item()));
  CHECK(var(ones({1}), {}, false, 0).item() == 0);
  const Tensor x = tensor({0, -2, 2}, f64).requires_grad();
  CHECK(norm(x, 0).item() == 2);
  CHECK(norm(x, -1).item() == 0);
  CHECK(norm(x, infinity).item() == 2);
  CHECK(norm(x, -infinity).item() == 0);
  CHECK(allclose(grad(norm(x, 0.5), {x})[0], tensor({0, -2, 2}, f64), 1e-15));
  CHECK(equal(grad(norm(x, infinity), {x})[0], tensor({0, -0.5, 0.5}, f64)));
}

TEST_CASE("elements that tie in max share the gradient") {
  const Tensor x = tensor({{1, 3, 3}, {2, 2, 2}}, f64).requires_grad();
  CHECK(allclose(grad(sum(max(x, 1)), {x})[0], tensor({{0, 0.5, 0.5}, {1. / 3, 1. / 3, 1. / 3}}, f64), 1e-15));
}

TEST_CASE("powers of zero and of negative numbers") {
  const Tensor x = tensor({0, -2, 3}, f64).requires_grad(), b = full({3}, 2, f64).requires_grad();
  CHECK(equal(grad(sum(pow(x, 2)), {x})[0], tensor({0, -4, 6}, f64)));
  CHECK(equal(grad(sum(pow(x, 1)), {x})[0], ones({3}, f64)));
  CHECK(equal(grad(sum(pow(x, 0)), {x})[0], zeros({3}, f64)));
  CHECK(finite(grad(sum(pow(x, b)), {b})[0]));
  const Tensor g = grad(sum(pow(x, 2)), {x}, create_graph)[0];
  CHECK(equal(grad(sum(g), {x})[0], full({3}, 2, f64)));
}

TEST_CASE("relu and where stop nan of what is not chosen") {
  const Tensor x = tensor({-1, 4}).requires_grad();
  const Tensor safe = where(x > 0, sqrt(where(x > 0, x, 1)), 0);
  CHECK(equal(grad(sum(safe), {x})[0], tensor({0, 0.25})));
  CHECK(equal(grad(sum(relu(tensor({0}).requires_grad() * 1) + relu(x)), {x})[0], tensor({0, 1})));
}

TEST_CASE("targets that do not count") {
  const Tensor x = variable({4, 3}, 1), target = tensor({2, -100, 0, -100}, i64);
  const Tensor rows = concat({x(range(0, 1)), x(range(2, 3))});
  CHECK(cross_entropy(x, target).item() == Approx(cross_entropy(rows, tensor({2, 0}, i64)).item()).epsilon(1e-15));
  CHECK(equal(grad(cross_entropy(x, target), {x})[0](1), zeros({3}, f64)));
  CHECK(cross_entropy(x, full({4}, 7, i64), {.ignore_index = 7}).item() == 0);
}

TEST_CASE("the mean of nothing is nan, the sum 0") {
  CHECK(std::isnan(mean(zeros({0})).item()));
  CHECK(sum(zeros({0})).item() == 0);
  CHECK(equal(sum(zeros({2, 0}), 1), zeros({2})));
  CHECK(mean(zeros({0, 3}), 1).shape() == Shape{0});
}

TEST_CASE("the mean of ones is 1, and they have no spread") {
  for (Dtype t : {f32, f64})
    for (int64_t n = 1; n <= 2000; ++n) {
      const Tensor x = ones({n}, t);
      const bool exact = mean(x).item() == 1 && (n == 1 || heed::std(x).item() == 0);
      if (!exact) FAIL_CHECK(n << " of " << name(t));
    }
  DefinitionsOnly here;
  CHECK(batch_norm(ones({41, 2})).mean.to_vector() == std::vector<double>{1, 1});
}

TEST_CASE("long sums keep their digits") {
  constexpr int64_t n = 1 << 24;  // one by one, a sum of ones in f32 would stop here; halves never get past 2^23
  CHECK(sum(full({n}, 0.5)).item() == double(n) / 2);
  CHECK(sum(full({n, 2}, 0.5), 0).to_vector() == std::vector<double>(2, double(n) / 2));
  CHECK(mean(full({n}, 0.1)).item() == Approx(0.1).epsilon(1e-6));
  for (double m : mean(full({2, n / 4}, 0.1), 1).to_vector()) CHECK(m == Approx(0.1).epsilon(1e-6));
}

TEST_CASE("max pooling: nan stays, the first of equals has the gradient, padding is never chosen") {
  const Tensor x = tensor({{1, 2, 2, 0}, {2, 0, 1, 2}}).requires_grad();
  const Tensor y = max_pool2d(x, 2);
  CHECK(equal(y.detach(), tensor({{2, 2}})));
  CHECK(equal(grad(sum(y), {x})[0], tensor({{0, 1, 1, 0}, {0, 0, 0, 0}})));
  const Tensor odd = tensor({{-infinity, -infinity, std::nan("")}, {-infinity, -infinity, 5}}).requires_grad();
  const Tensor z = max_pool2d(odd, 2, {.stride = 1, .padding = {0, 1}});
  CHECK(z(0, 0).item() == -infinity);
  CHECK(z(0, 1).item() == -infinity);
  CHECK(std::isnan(z(0, 2).item()));
  CHECK(std::isnan(z(0, 3).item()));
  CHECK(equal(grad(sum(z(0, range(0, 2))), {odd})[0], tensor({{2, 0, 0}, {0, 0, 0}})));
  DefinitionsOnly here;
  CHECK(equal(grad(sum(max_pool2d(odd, 2, {.stride = 1, .padding = {0, 1}})(0, range(0, 2))), {odd})[0],
              tensor({{2, 0, 0}, {0, 0, 0}})));
}

TEST_CASE(
    "rotary positions: lengths stay, products depend on the difference, turning back is turning by the negative") {
  const Tensor q = noise({1, 8}, 1), k = noise({1, 8}, 2);
  for (bool interleaved : {false, true}) {
    auto at = [&](const Tensor& x, int64_t position) {
      return rope(x, {.offset = position, .interleaved = interleaved});
    };
    auto product = [&](int64_t p, int64_t r) { return sum(at(q, p) * at(k, r)).item(); };
    CHECK(sum(at(q, 12345) * at(q, 12345)).item() == Approx(sum(q * q).item()).epsilon(1e-14));
    for (int64_t shift : {1, 17, 1000}) CHECK(product(5 + shift, 3 + shift) == Approx(product(5, 3)).epsilon(1e-12));
    CHECK(std::abs(product(5, 3) - product(3, 5)) > 0.01);
    CHECK(allclose(at(at(q, 9), -9), q, 1e-14));
    CHECK(equal(at(q, 0), q));
  }
}

TEST_CASE("losses of certain predictions and of nothing") {
  const Tensor x = tensor({-1000, -40, 0, 40, 1000}, f64).requires_grad(), one = ones({5}, f64), zero = zeros({5}, f64);
  const Tensor sure = binary_cross_entropy_with_logits(x, one, {.reduction = Reduction::none});
  CHECK(allclose(sure.detach(), tensor({1000, 40, std::log(2.0), std::exp(-40.0), 0}, f64), 1e-15, 0));
  const Tensor unsure = binary_cross_entropy_with_logits(x, zero, {.reduction = Reduction::none});
  CHECK(allclose(unsure.detach(), tensor({0, std::exp(-40.0), std::log(2.0), 40, 1000}, f64), 1e-15, 0));
  CHECK(allclose(grad(sum(sure), {x})[0], tensor({-1, -1, -0.5, -std::exp(-40.0), 0}, f64), 1e-15, 0));

  const Tensor p = tensor({0, 1}, f64).requires_grad(), logs = tensor({-3, -0.5}, f64);
  CHECK(kl_div(logs, p, {.reduction = Reduction::sum}).item() == 0.5);
  CHECK(finite(grad(kl_div(logs, p), {p})[0]));

  const Tensor nowhere = zeros({2, 3}, f64).requires_grad();
  CHECK(equal(cosine_similarity(nowhere, ones({2, 3}, f64)).detach(), zeros({2}, f64)));
  CHECK(finite(grad(sum(cosine_similarity(nowhere, ones({2, 3}, f64))), {nowhere})[0]));

  const Tensor logits = variable({2, 3}, 1), target = tensor({1, 1}, i64);
  const CrossEntropyOptions unweighted{.weight = tensor({1, 0, 1}, f64)};  // no weight is on what the targets are
  CHECK(cross_entropy(logits, target, unweighted).item() == 0);
  CHECK(nll_loss(logits, full({2}, -100, i64)).item() == 0);
}

TEST_CASE("huber loss has one slope on both sides of delta, l1 loss none at 0") {
  const Tensor x = tensor({-0.5, 0, 0.5, 3}, f64).requires_grad(), zero = zeros({4}, f64);
  CHECK(equal(huber_loss(x, zero, 0.5, Reduction::none).detach(), tensor({0.125, 0, 0.125, 1.375}, f64)));
  CHECK(equal(grad(huber_loss(x, zero, 0.5, Reduction::sum), {x})[0], tensor({-0.5, 0, 0.5, 0.5}, f64)));
  CHECK(equal(grad(l1_loss(x, zero, Reduction::sum), {x})[0], tensor({-1, 0, 1, 1}, f64)));
}

TEST_CASE("rms_norm's eps is the machine epsilon of the type") {
  const double tiny = 1e-4;
  CHECK(rms_norm(full({4}, tiny)).to_vector()[0] ==
        Approx(tiny / std::sqrt(tiny * tiny + std::numeric_limits<float>::epsilon())).epsilon(1e-6));
  CHECK(rms_norm(full({4}, tiny, f64)).to_vector()[0] == Approx(1).epsilon(1e-7));
  CHECK(rms_norm(full({4}, tiny), {}, 0.0).to_vector()[0] == Approx(1).epsilon(1e-6));
}

TEST_CASE("a convolution is a sum over its window") {
  const Tensor x = noise({2, 4, 7, 6}, 1), w = noise({6, 2, 3, 2}, 2), b = noise({6}, 3);
  const Tensor y = conv2d(x, w, b, {.stride = {2, 1}, .padding = {1, 2}, .dilation = {1, 3}, .groups = 2});
  CHECK(y.shape() == Shape{2, 6, 4, 7});
  double worst = 0;
  for (int64_t n = 0; n < 2; ++n)
    for (int64_t o = 0; o < 6; ++o)
      for (int64_t h = 0; h < 4; ++h)
        for (int64_t v = 0; v < 7; ++v) {
          double sum = b(o).item();
          for (int64_t c = 0; c < 2; ++c)
            for (int64_t i = 0; i < 3; ++i)
              for (int64_t j = 0; j < 2; ++j) {
                const int64_t p = 2 * h - 1 + i, q = v - 2 + 3 * j;
                if (p >= 0 && p < 7 && q >= 0 && q < 6) sum += w(o, c, i, j).item() * x(n, o / 3 * 2 + c, p, q).item();
              }
          worst = worse(worst, std::abs(sum - y(n, o, h, v).item()));
        }
  CHECK(worst < 1e-14);
}

TEST_CASE("bf16 tensors have gradients of their own type, summed in float") {
  const Tensor w = cast(ones({3, 2}), bf16).requires_grad(), twice = cast(w, f32) + cast(w, f32) * 2;
  const Tensor g = grad(sum(twice), {w})[0];
  CHECK(g.dtype() == bf16);
  CHECK(g.to_vector() == std::vector<double>(6, 3));
  const Tensor index = tensor({0, 2, 2}, i64);
  CHECK(grad(sum(cast(embedding(index, w), f32)), {w})[0].to_vector() == std::vector<double>{1, 1, 0, 0, 2, 2});
  const Tensor columns = tensor({{1, 1}, {0, 1}, {0, 0}}, i64);
  CHECK(grad(sum(cast(gather(w, 1, columns), f32)), {w})[0].to_vector() == std::vector<double>{0, 2, 1, 1, 2, 0});
  CHECK(grad(sum(cast(w(_, 1), f32)), {w})[0].to_vector() == std::vector<double>{0, 1, 0, 1, 0, 1});
  const Tensor many = cast(broadcast_to(w, {1000, 3, 2}), f32);
  CHECK(grad(sum(many), {w})[0].to_vector() == std::vector<double>(6, 1000));

  const Tensor often = zeros({1000}, i64), row = cast(ones({1002}), bf16).requires_grad();
  for (bool again : {false, true}) {
    auto slope = [again](const Tensor& y, const Tensor& x) { return grad(sum(cast(y, f32)), {x}, again)[0]; };
    const std::vector<double> first{1000, 1000, 0, 0, 0, 0};
    CHECK(slope(embedding(often, w), w).to_vector() == first);
    CHECK(slope(index_select(w, 0, often), w).to_vector() == first);
    CHECK(slope(w(often), w).to_vector() == first);
    CHECK(slope(gather(w, 0, zeros({1000, 2}, i64)), w).to_vector() == first);
    CHECK(slope(unfold(row, 0, 500, 1), row)(500).item() == 500);
    CHECK(slope(index_select(w, 1, tensor({1, 0, 1}, i64)), w).to_vector() == std::vector<double>{1, 2, 1, 2, 1, 2});
  }
  const Tensor bent = sum(square(cast(embedding(often, w), f32)));
  CHECK(grad(sum(cast(grad(bent, {w}, create_graph)[0], f32)), {w})[0](0, 0).item() == 2000);

  const Tensor x = ones({1, 2}), product = sum(matmul(x, transpose(w))) + sum(matmul(x * 3, transpose(w)));
  for (bool again : {false, true}) CHECK(grad(product, {w}, again)[0].to_vector() == std::vector<double>(6, 4));
}

TEST_CASE("a bf16 weight: results and gradients as of the weight cast to f32, bit for bit") {
  const auto check = [](auto product, const Shape& left, const std::vector<Shape>& right) {
    INFO(left.str() << " and " << right[0].str());
    const Tensor x = variable(left, 1, f32);
    std::vector<Tensor> weights{x};
    for (const Shape& s : right) weights.push_back(cast(noise(s, weights.size() + 1, f32), bf16).requires_grad());
    const auto results = [&](auto as) {  // the product, its gradients, and theirs
      std::vector<Tensor> args;
      for (const Tensor& w : weights) args.push_back(as(w));
      std::vector<Tensor> r{product(args)};
      for (const Tensor& g : grad(sum(r[0] * noise(r[0].shape(), 9, f32)), weights, create_graph)) r.push_back(g);
      for (const Tensor& g : grad(sum(square(r[1])) + sum(square(widened(r[2]))), weights)) r.push_back(g);
      return r;
    };
    const auto stored = results([](const Tensor& w) { return w; });
    const auto copied = results([](const Tensor& w) { return widened(w); });
    REQUIRE(stored.size() == copied.size());
    CHECK(stored[0].dtype() == f32);
    CHECK(stored[2].dtype() == bf16);
    for (std::size_t i = 0; i < stored.size(); ++i) CHECK(equal(stored[i], copied[i]));
  };
  const auto multiplied = [](const std::vector<Tensor>& x) { return matmul(x[0], x[1]); };
  const auto applied = [](const std::vector<Tensor>& x) { return linear(x[0], x[1], x.size() > 2 ? x[2] : Tensor()); };
  for (const int64_t rows : {1, 2, 90}) {
    check(multiplied, {rows, 70}, {{70, 33}});
    check(multiplied, {rows, 70}, {{70}});
    check(applied, {2, rows, 70}, {{130, 70}, {130}});
    check(applied, {rows, 1500}, {{1000, 1500}});
  }
  check(multiplied, {70}, {{70, 33}});
  check(multiplied, {2, 1, 5, 7}, {{3, 7, 4}});
  check(applied, {0, 7}, {{4, 7}, {4}});
}
