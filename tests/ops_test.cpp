// Ops in their corners: large logits, ties, zeros to a power. What is generic over all ops is in op_table_test.cpp.
#include <limits>
#include "common.h"

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

TEST_CASE("corners of elementwise functions, as PyTorch has them") {
  auto slope = [](auto f, double at) {
    const Tensor x = tensor(at, f64).requires_grad();
    return grad(f(x), {x})[0].item();
  };
  CHECK(slope([](const Tensor& x) { return heed::abs(x); }, 0) == 0);
  CHECK(slope([](const Tensor& x) { return leaky_relu(x, 0.2); }, 0) == 0.2);
  CHECK(slope([](const Tensor& x) { return elu(x, 2); }, 0) == 2);
  for (double at : {-1.0, -0.5, 0.0, 0.7, 0.8})
    CHECK(slope([](const Tensor& x) { return clamp(x, -0.5, 0.7); }, at) == (at > -0.5 && at < 0.7));
  CHECK(equal(clamp(tensor({0, 5, 9}), 5, 2), tensor({2, 2, 2})));
  CHECK(std::isnan(clamp(tensor(std::nan("")), 0, 1).item()));
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
}

TEST_CASE("an empty list of dimensions means all of them") {
  const Tensor x = noise({2, 3}, 1);
  CHECK(equal(sum(x, {}), sum(x)));
  CHECK(mean(x, {}, keepdim).shape() == Shape{1, 1});
  CHECK(equal(amax(x, {}), max(x)));
  CHECK(equal(var(x, {}), var(reshape(x, {6}), 0)));
  CHECK(any(x > 0, {}).dim() == 0);
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

TEST_CASE("long sums keep their digits") {
  constexpr int64_t n = 1 << 24;  // one by one, a sum of ones in f32 would stop here; halves never get past 2^23
  CHECK(sum(full({n}, 0.5)).item() == double(n) / 2);
  CHECK(sum(full({n, 2}, 0.5), 0).to_vector() == std::vector<double>(2, double(n) / 2));
  CHECK(mean(full({n}, 0.1)).item() == Approx(0.1).epsilon(1e-6));
}
