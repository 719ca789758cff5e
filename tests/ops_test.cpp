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
