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
  CHECK(sum(full({n}, 0.5)).item() == n / 2);
  CHECK(sum(full({n, 2}, 0.5), 0).to_vector() == std::vector<double>{n / 2, n / 2});
  CHECK(mean(full({n}, 0.1)).item() == Approx(0.1).epsilon(1e-6));
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
          worst = std::max(worst, std::abs(sum - y(n, o, h, v).item()));
        }
  CHECK(worst < 1e-14);
}
