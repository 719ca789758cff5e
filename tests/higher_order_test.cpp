// Units whose inputs are multiplied, and nets whose weights are computed.
#include <heed/nn/higher_order.h>
#include "common.h"

using namespace heed;

namespace {

// All 2^n strings of n bits as -1 and 1, and 1 where the number of -1 is odd.
struct Parity {
  Tensor bits, odd;  // [2^n, n], [2^n, 1]
  explicit Parity(int64_t n) {
    const Tensor number = unsqueeze(arange(1 << n), 1), place = expand(arange(n), {1 << n, n});
    std::vector<double> power;
    for (int64_t i = 0; i < n; ++i) power.push_back(double(1 << i));
    const Tensor bit = remainder(floor(cast(number, f32) / tensor(power, {n})), 2);
    bits = 1 - 2 * bit;
    odd = remainder(sum(bit, -1, keepdim), 2);
  }
};

// How many strings a unit gets right after so many steps on all of them.
template <class M>
double trained(const M& unit, const Parity& task, int64_t steps) {
  Adam optimizer{.lr = 0.1};
  for (int64_t i = 0; i < steps; ++i) {
    Tensor loss = binary_cross_entropy_with_logits(unit(task.bits), task.odd);
    optimizer.step(unit, grad(consume(loss), unit));
  }
  return mean(cast((unit(task.bits) > 0) == (task.odd > 0), f64)).item();
}

}  // namespace

TEST_CASE("sigma-pi: all sets of inputs, and their products") {
  CHECK(equal(SigmaPi::sets(3, 2), tensor({{0, 3}, {1, 3}, {2, 3}, {0, 1}, {0, 2}, {1, 2}}, i64)));
  for (int64_t n = 1; n <= 6; ++n) CHECK(SigmaPi::sets(n, n).size(0) == (1 << n) - 1);
  const SigmaPi unit{.in = 3, .out = 2, .order = 3};
  CHECK(equal(unit.terms(tensor({2, 3, 5})), tensor({2, 3, 5, 6, 10, 15, 30})));
  const auto first = cast(SigmaPi{.in = 4, .out = 2, .order = 1}, f64);  // is linear
  const Tensor x = noise({5, 4}, 1);
  CHECK(allclose(first(x), linear(x, first.weight, first.bias), 1e-15, 1e-15));
  CHECK_ERROR(ShapeError, unit(ones({2, 4})), "SigmaPi: the input must be [.., 3], not [2, 4]");
  CHECK_ERROR(ShapeError, unit.terms(ones({})), "SigmaPi: the input must be [.., 3], not []");
  CHECK(thrown<ShapeError>([] {
          SigmaPi::sets(3, 4);
        }).find("SigmaPi: the order must be 1 to 3, the number of inputs, not 4") != std::string::npos);
}

TEST_CASE("an order that sigma-pi units cannot have is refused on the line that makes them") {
  CHECK_ERROR(ShapeError, (SigmaPi{.in = 2, .out = 1, .order = 3}),
              "SigmaPi: the order must be 1 to 2, the number of inputs, not 3");
}

TEST_CASE("one sigma-pi unit of order n learns the parity of n bits; of a lower order, or linear, it cannot") {
  for (int64_t n = 2; n <= 6; ++n) {
    INFO(n << " bits");
    const Parity task(n);
    seed(uint64_t(n));
    const SigmaPi unit{.in = n, .out = 1, .order = n};
    CHECK(trained(unit, task, 200) == 1);
    CHECK(argmax(abs(unit.weight(0))).item() == double((1 << n) - 2));  // the product of all of them
    CHECK(trained(Linear{n, 1}, task, 200) <= 0.75);
    CHECK(trained(SigmaPi{.in = n, .out = 1, .order = n - 1}, task, 200) < 1);
  }
}

TEST_CASE("a GMDH node recovers a planted quadratic") {
  const Tensor x1 = noise({40}, 1), x2 = 3 + noise({40}, 2);
  const Tensor planted = tensor({0.5, -1, 2, 0.25, -3, 1.5}, f64);
  GmdhNode truth{.weight = parameter(planted)};
  const Tensor y = truth(x1, x2).detach();
  const GmdhNode found = GmdhNode::fit(x1, x2, y);
  CHECK(max_difference(found.weight, planted) < 1e-10);
  CHECK(max_difference(found(x1, x2), y) < 1e-10);
  // With noise: the residual is orthogonal to every term, so no other weight has less.
  const Tensor noisy = y + noise({40}, 3), rest = noisy - GmdhNode::fit(x1, x2, noisy)(x1, x2);
  for (const Tensor& term : {ones({40}, f64), x1, x2, x1 * x2, x1 * x1, x2 * x2})
    CHECK(abs(sum(rest * term)).item() < 1e-10);
  CHECK(GmdhNode::fit(cast(x1, f32), cast(x2, f32), cast(y, f32)).weight.dtype() == f32);

  CHECK_ERROR(Error, GmdhNode::fit(x1, x1, y), "GmdhNode: 40 examples do not determine 6 coefficients");
  CHECK_ERROR(Error, GmdhNode::fit(x1(range(0, 5)), x2(range(0, 5)), y(range(0, 5))),
              "GmdhNode: 5 examples do not determine 6 coefficients");
  CHECK_ERROR(ShapeError, GmdhNode::fit(x1, x2, y(range(0, 5))),
              "GmdhNode: x1, x2 and y must be [n] alike, not [40], [40] and [5]");
}

TEST_CASE("a layer with computed weights is the layer with these weights") {
  const auto m = cast(HyperLinear{.in = 5, .out = 4, .codes = 3}, f64);
  const Tensor x = noise({6, 5}, 1), z = noise({3}, 2), codes = noise({6, 3}, 3);
  CHECK(max_difference(m(x, z), linear(x, m.weight_of(z))) < 1e-14);
  const Tensor y = m(x, codes);  // one for each example
  for (int64_t i = 0; i < 6; ++i) CHECK(max_difference(y(i), linear(x(i), m.weight_of(codes(i)))) < 1e-14);
  CHECK_ERROR(ShapeError, m(x, codes(_, range(0, 1))), "HyperLinear: the code must be [.., 3], not [6, 1]");
}

TEST_CASE("gradients of higher-order units and computed weights", "[gradcheck]") {
  auto certify = [](const auto& m, const std::vector<Tensor>& in) {
    const GradcheckReport r = gradcheck(m, in, {.order = 2});
    INFO(r.str());
    CHECK(r);
    CHECK(r.total.certified_digits >= 9);
    CHECK(r.total.inconclusive + r.total.kinks == 0);
  };
  certify(SigmaPi{.in = 4, .out = 2, .order = 3}, {noise({3, 4}, 1)});
  certify(SigmaPi{.in = 3, .out = 1, .order = 3}, {tensor({{0, 1, 0}, {0, 0, 0}, {1, 1, 0}}, f64)});
  certify(GmdhNode{.weight = parameter(noise({6}, 2))}, {noise({5}, 3), noise({5}, 4)});
  certify(HyperLinear{.in = 3, .out = 2, .codes = 2}, {noise({4, 3}, 5), noise({4, 2}, 6)});
}
