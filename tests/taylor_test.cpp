#include <heed/core/taylor.h>
#include <heed/ops/ops.h>
#include <cmath>
#include "common.h"

using namespace heed;

namespace {

struct Softplus {  // log(1 + e^x), with a gradient wrong by a part of itself
  static constexpr auto name = "softplus";
  double wrong = 0, wrong_second = 0;
  Array forward(const Array& x) const { return log1p(exp(Tensor(x))).array(); }
  Tensor d0(Grad g, Input<0> x) const {
    const Tensor s = sigmoid(x);
    return g * (wrong_second != 0 ? (1 - wrong_second) * s + wrong_second * s.detach() : s) * (1 + wrong);
  }
};

bool noted(const TaylorReport& r, std::string_view part) {
  return std::any_of(r.orders.begin(), r.orders.end(), [&](const auto& o) { return contains(o.note, part); });
}

}  // namespace

TEST_CASE("the remainder of a right gradient falls as h^2, with the second derivative as h^3", "[gradcheck]") {
  const Tensor a = noise({3, 4}, 1), b = noise({4}, 2);
  const auto products = [](const Tensor& x, const Tensor& y) { return tanh(x) * exp(y) + x * x; };
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    const TaylorReport r = taylor_test(products, {a, b}, {.order = 2, .seed = seed});
    INFO(r.str());
    CHECK(r);
    REQUIRE(r.orders.size() == 2);
    for (std::size_t k = 0; k < 2; ++k) {
      CHECK(std::abs(r.orders[k].slope - double(k + 2)) <= 0.1);
      CHECK(r.orders[k].decades >= 3);
      CHECK(r.orders[k].decades == std::log10(r.orders[k].high / r.orders[k].low));
    }
    CHECK(taylor_test(Softplus{}, {a}, {.order = 2, .seed = seed}));
  }
  const std::string text = taylor_test(products, {a, b}, {.order = 2}).str();
  INFO(text);
  CHECK(contains(text, "taylor_test passed (" + std::string(__FILE__)));
  CHECK(contains(text, "order 1: PASS, slope 2.0"));
  CHECK(contains(text, "order 2: PASS, slope 3.0"));
  CHECK(contains(text, "without g.v  slope  without v.Hv  slope"));
}

TEST_CASE("a wrong gradient leaves a slope of 1, down to a relative error of 1e-6", "[gradcheck]") {
  for (uint64_t seed = 1; seed <= 10; ++seed)
    for (double wrong : {1.0, -1.0, 1e-3, 1e-5, 1e-6}) {
      const TaylorReport r = taylor_test(Softplus{wrong}, {noise({20}, seed)}, {.order = 2, .seed = seed});
      INFO("wrong by " << wrong << "\n" << r.str());
      CHECK_FALSE(r);
      CHECK(r.orders[0].verdict == TaylorReport::fail);
      CHECK(std::abs(r.orders[0].slope - 1) <= 0.1);
      CHECK(r.orders[1].verdict == TaylorReport::fail);
      CHECK(noted(r, "the gradient is wrong"));
    }
  for (int halvings = 0; halvings < 14; ++halvings) {  // less is seen until it cannot be told from rounding
    const double wrong = std::ldexp(1e-6, -halvings);
    const auto verdict = taylor_test(Softplus{wrong}, {noise({20}, 1)}).orders[0].verdict;
    if (wrong > 1e-7) CHECK(verdict == TaylorReport::fail);
    if (wrong < 1e-8) CHECK(verdict == TaylorReport::pass);
  }
}

TEST_CASE("a second derivative that is wrong leaves a slope of 2 where 3 is due", "[gradcheck]") {
  for (double wrong : {1.0, 1e-2, 1e-3}) {
    const TaylorReport r = taylor_test(Softplus{0, wrong}, {noise({20}, 3)}, {.order = 2});
    INFO("wrong by " << wrong << "\n" << r.str());
    CHECK(r.orders[0].verdict == TaylorReport::pass);
    CHECK(r.orders[1].verdict == TaylorReport::fail);
    CHECK(std::abs(r.orders[1].slope - 2) <= 0.1);
    CHECK(noted(r, "the second derivative is wrong"));
  }
}

TEST_CASE("a corner or a jump at x is no wrong gradient", "[gradcheck]") {
  const Tensor x = tensor({0.3, 0, -1.2, 2}, f64);
  for (const TaylorReport& r : {taylor_test([](const Tensor& v) { return abs(v) * exp(v); }, {x}),
                                taylor_test([](const Tensor& v) { return where(v >= 0, v * v, v - 1); }, {x})}) {
    INFO(r.str());
    CHECK(r.orders[0].verdict == TaylorReport::kink);
    CHECK(noted(r, "x sits at a kink"));
  }
  const TaylorReport second = taylor_test([](const Tensor& v) { return abs(v) * v * exp(v); }, {x}, {.order = 2});
  INFO(second.str());  // a corner of the gradient
  CHECK(second.orders[0].verdict == TaylorReport::pass);
  CHECK(second.orders[1].verdict == TaylorReport::kink);
}

TEST_CASE("what shows no slope is not passed", "[gradcheck]") {
  const TaylorReport near = taylor_test([](const Tensor& v) { return relu(v) * exp(v); }, {tensor({1e-5, 1.0}, f64)});
  INFO(near.str());
  CHECK(near.orders[0].verdict == TaylorReport::inconclusive);
  CHECK(noted(near, "fewer than three decades"));
  const TaylorReport hidden = taylor_test([](const Tensor& v) { return exp(v) + 1e12; }, {noise({4}, 4)});
  INFO(hidden.str());
  CHECK(hidden.orders[0].verdict == TaylorReport::inconclusive);
  CHECK(contains(hidden.str(), "INCONCLUSIVE"));

  const TaylorReport straight = taylor_test([](const Tensor& v) { return 3 * v; }, {noise({4}, 4)}, {.order = 2});
  INFO(straight.str());
  CHECK(straight);
  CHECK(noted(straight, "f is straight along v"));
  CHECK(taylor_test([](const Tensor& v) { return v.detach() * 0; }, {noise({4}, 4)}));
}

TEST_CASE("an output without history, and a gradient lost on the way, leave a slope of 1", "[gradcheck]") {
  const Tensor x = noise({4}, 5);
  CHECK(taylor_test([](const Tensor& v) { return exp(v).detach(); }, {x}).orders[0].verdict == TaylorReport::fail);
  CHECK(taylor_test([](const Tensor& v) { return exp(v) * v.detach(); }, {x}).orders[0].verdict == TaylorReport::fail);
}

TEST_CASE("taylor_test refuses what gradcheck refuses", "[gradcheck]") {
  CHECK_ERROR(GradError, taylor_test([](const Tensor& v) { return v; }, {arange(3)}),
              "taylor_test: no input is a floating tensor");
  CHECK_ERROR(GradError, taylor_test([](const Tensor& v) { return argmax(v); }, {noise({3}, 6)}),
              "taylor_test: the function gives no floating tensor");
  CHECK_ERROR(DtypeError, taylor_test([](const Tensor& v) { return cast(v, f32); }, {noise({3}, 6)}),
              "taylor_test: output 0 is f32 though all inputs are f64: its remainder is rounding");
  for (int order : {-1, 0, 3})
    CHECK_ERROR(Error, taylor_test(Softplus{1}, {noise({3}, 6)}, {.order = order}),
                "taylor_test: order must be 1 or 2, not " + std::to_string(order));
  auto positive_ones = [](const Tensor& v) { return slice(v, 0, 0, 1 + (v.to_vector()[0] > 0.5)); };
  CHECK_ERROR(ShapeError, taylor_test(positive_ones, {tensor({0.5, 1, 2}, f64)}),
              "taylor_test: the shapes of the outputs depend on the values of the inputs");
}
