#include <heed/core/gradcheck.h>
#include <heed/ops/ops.h>
#include <cmath>
#include <limits>
#include "catch.h"

using namespace heed;

namespace {

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }
bool has_problem(const GradcheckReport& r, std::string_view part) {
  return std::any_of(r.problems.begin(), r.problems.end(), [&](const std::string& p) { return contains(p, part); });
}

Tensor normal(const Shape& shape, uint64_t seed) {
  Rng rng{seed};
  return randn(shape, rng, f64);
}

template <class F>
Array map(const Array& x, F f) {
  const Array in = x.contiguous();
  Array y(x.shape(), f64);
  for (int64_t i = 0; i < y.numel(); ++i) y.mutable_data<double>()[i] = f(in.data<double>()[i]);
  return y;
}

template <class Rule>
struct ExpWith {  // e^x with a gradient of one's own
  static constexpr auto name = "exp_with";
  Rule rule;
  Array forward(const Array& x) const {
    return map(x, [](double v) { return std::exp(v); });
  }
  Tensor d0(Grad g, Input<0> x, Output y) const { return rule(g, x, y); }
};
template <class Rule>
ExpWith(Rule) -> ExpWith<Rule>;

struct Product {
  static constexpr auto name = "product";
  Array forward(const Array& a, const Array& b) const { return (Tensor(a) * Tensor(b)).array(); }
  Tensor d0(Grad g, Input<1> b) const { return g * b; }
  Tensor d1(Grad g, Input<0> a) const { return g * a; }
};

template <class Forward, class Slope>
struct Pointwise {  // any function of one number, its derivative given
  static constexpr auto name = "pointwise";
  Forward f;
  Slope slope;
  Array forward(const Array& x) const { return map(x, f); }
  Tensor d0(Grad g, Input<0> x) const { return g * Tensor(map(x.array(), slope)); }
};
template <class F, class S>
Pointwise(F, S) -> Pointwise<F, S>;

}  // namespace

// ---- what is right passes
TEST_CASE("right gradients are certified to nine digits and more, of second order too", "[gradcheck]") {
  const Tensor a = normal({3, 4}, 1), b = normal({4}, 2);
  const ExpWith exp_op{[](const Tensor& g, const Tensor&, const Tensor& y) { return g * y; }};
  for (const GradcheckReport& r :
       {gradcheck(Product{}, {a, normal({3, 4}, 3)}, {.order = 2}), gradcheck(exp_op, {a}, {.order = 2}),
        gradcheck([](const Tensor&x, const Tensor&y) { return tanh(x) * exp(y) + x * x; }, {a, b}, {.order = 2})}) {
    INFO(r.str());
    CHECK(r);
    REQUIRE(r.orders.size() == 2);
    CHECK(r.orders[0].certified_digits >= 11);
    CHECK(r.orders[1].certified_digits >= 10);
    CHECK(r.total.failed + r.total.inconclusive + r.total.kinks == 0);
  }
  const GradcheckReport r = gradcheck(Product{}, {a, normal({3, 4}, 3)}, {.order = 2});
  CHECK(r.orders[0].passed == 24);
  CHECK(r.orders[1].passed == 36);  // and the output gradients
}

TEST_CASE("functions of every form are checked", "[gradcheck]") {
  const Tensor a = normal({2, 3}, 4), b = normal({2, 3}, 5);
  const Tensor mask = tensor({{1, 0, 1}, {0, 0, 1}}, boolean), index = tensor(std::vector<int64_t>{2, 0}, {2, 1});
  CHECK(gradcheck([](const std::vector<Tensor>& x) { return std::vector{x[0] * x[1], exp(x[0])}; }, {a, b}));
  CHECK(gradcheck([](const std::vector<Tensor>& x) { return std::array{x[0] * x[1], argmax(x[0])}; }, {a, b}));
  CHECK(gradcheck([](In x, In y) { return x * y; }, {a, b}));
  CHECK(gradcheck([](const Tensor& m, const Tensor& x, const Tensor& y) { return where(m, x, y); }, {mask, a, b}));
  const GradcheckReport r = gradcheck([](In x, In i) { return gather(x, 1, i); }, {cast(a, f32), index});
  INFO(r.str());
  CHECK(r);
  CHECK(r.total.passed == 6);  // of the float64 copy of a
  CHECK(r.total.certified_digits > 13);
  CHECK(gradcheck([](const Tensor& x) { return exp(x); }, {full({}, 0.7, f64)}));
  CHECK(gradcheck([](const Tensor& x) { return x * 2; }, {zeros({0, 3}, f64)}));
}

TEST_CASE("zero stays zero", "[gradcheck]") {
  const GradcheckReport r = gradcheck([](const Tensor& x, const Tensor& y) { return x * y * 0 + y * y; },
                                      {normal({3}, 6), tensor({0.0, 1, 2}, f64)}, {.order = 2});
  INFO(r.str());
  CHECK(r);
  CHECK(r.total.inconclusive == 0);
}

TEST_CASE("hard but right: cancellation, large and small arguments", "[gradcheck]") {
  const GradcheckReport lost = gradcheck([](const Tensor& x) { return 1e-3 * x + 1e10; }, {normal({4}, 7)});
  INFO(lost.str());
  CHECK(lost.total.failed == 0);
  CHECK(lost.total.inconclusive == 4);
  CHECK_FALSE(lost);

  const GradcheckReport hidden = gradcheck([](const Tensor& x) { return (x + 1e10) - 1e10; }, {normal({40}, 8)});
  INFO(hidden.str());
  CHECK(hidden.total.failed == 0);

  const GradcheckReport root = gradcheck([](const Tensor& x) { return sqrt(x); }, {tensor({2e-6, 1e-9, 1, 1e6}, f64)});
  INFO(root.str());
  CHECK(root);
  CHECK(root.total.certified_digits > 9);

  const GradcheckReport steep = gradcheck([](const Tensor& x) { return exp(x); }, {tensor({700, -300, 1e-5}, f64)});
  INFO(steep.str());
  CHECK(steep);
  CHECK(gradcheck([](const Tensor& x) { return softmax(1e4 * x); }, {tensor({1, 0.9999, -1}, f64)}));
}

TEST_CASE("a gradient that cancels to zero may be what rounding leaves of its terms", "[gradcheck]") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {  // the weight of a single key is 1, whatever the query
    const GradcheckReport r = gradcheck(
        [](const Tensor& q, const Tensor& k, const Tensor& v) { return scaled_dot_product_attention(q, k, v); },
        {normal({3, 2}, 3 * seed), normal({1, 2}, 3 * seed + 1), normal({1, 4}, 3 * seed + 2)}, {.seed = seed});
    INFO(r.str());
    CHECK(r);
  }
}

// ---- what is wrong fails
TEST_CASE("wrong gradients are caught, however little they are wrong", "[gradcheck]") {
  const Tensor x = normal({3, 4}, 9);
  auto check = [&](auto rule, const Tensor& at) { return gradcheck(ExpWith{rule}, {at}); };

  GradcheckReport r = check([](const Tensor& g, const Tensor&, const Tensor& y) { return g * y * 1.0009; }, x);
  INFO(r.str());
  CHECK(r.total.failed == 12);
  CHECK(has_problem(r, "The gradient of input 0 is wrong: 1.0009 times the right gradient: a constant factor."));
  r = check([](const Tensor& g, const Tensor&, const Tensor& y) { return -(g * y); }, x);
  CHECK(r.total.failed == 12);
  CHECK(has_problem(r, "the right gradient with the opposite sign"));
  r = check([](const Tensor& g, const Tensor&, const Tensor& y) { return g * y * 0; }, x);
  CHECK(r.total.failed == 12);
  CHECK(has_problem(r, "is wrong: zero: the path is detached"));
  r = check([](const Tensor& g, const Tensor& v, const Tensor& y) { return g * (y + 1e-9 * v); }, x);
  CHECK(r.total.failed == 12);
  CHECK_FALSE(r);

  r = gradcheck(Pointwise{[](double v) { return v * std::exp(v); }, [](double v) { return std::exp(v); }}, {x});
  CHECK(r.total.failed == 12);  // (1 + x) e^x lost a term

  r = check(
      [](const Tensor& g, const Tensor&, const Tensor& y) {
        Array d = (g * y).array();
        d.mutable_data<double>()[617] *= 1 + 1e-6;
        return Tensor(d);
      },
      normal({10, 100}, 10));
  INFO(r.str());
  CHECK(r.total.failed == 1);
  CHECK(r.total.passed == 999);
  REQUIRE(!r.worst.empty());
  CHECK(r.worst[0].verdict == GradcheckReport::fail);
  CHECK(r.worst[0].index == std::vector<int64_t>{6, 17});

  r = check(
      [](const Tensor& g, const Tensor&, const Tensor& y) {
        Array d = (g * y).array();
        d.mutable_data<double>()[3] = std::numeric_limits<double>::quiet_NaN();
        return Tensor(d);
      },
      x);
  CHECK(r.total.failed == 1);
  CHECK(r.worst[0].note == "not finite");
  CHECK(r.worst[0].index == std::vector<int64_t>{0, 3});
}

TEST_CASE("small gradients are checked as sharply as large ones", "[gradcheck]") {
  const ExpWith wrong{[](const Tensor& g, const Tensor&, const Tensor& y) { return g * y * 5; }};
  const GradcheckReport r =
      gradcheck([&](const Tensor& x) { return 1e-9 * apply(Where::here(), wrong, x); }, {normal({5}, 11)});
  CHECK(r.total.failed == 5);
  CHECK(has_problem(r, "is wrong: 5 times the right gradient: 5, 5 being the size of dimension 0 of input 0"));
  CHECK(gradcheck([](const Tensor& x) { return 1e-9 * exp(x); }, {normal({5}, 11)}));
}

TEST_CASE("an output that depends on an input but has no history is caught", "[gradcheck]") {
  const Tensor x = normal({3}, 12);
  GradcheckReport r = gradcheck([](const Tensor& v) { return std::vector{2 * v, (v * v).detach()}; }, {x});
  INFO(r.str());
  CHECK_FALSE(r);
  CHECK(has_problem(r, "output 1 depends on input 0 but has no history"));
  r = gradcheck([](const Tensor& v) { return (v * v).detach(); }, {x}, {.names = {"speed"}});
  CHECK_FALSE(r);
  CHECK(has_problem(r, "output 0 depends on speed but has no history"));
  CHECK(gradcheck([](const Tensor& v) { return std::vector{2 * v, ones({2}, f64)}; }, {x}));
}

TEST_CASE("what is not a function, or not a gradient, is caught", "[gradcheck]") {
  const Tensor x = normal({3}, 13);
  int calls = 0;
  CHECK(has_problem(gradcheck([&](const Tensor& v) { return v * ++calls; }, {x}), "evaluated again"));

  const ExpWith restless{
      [&](const Tensor& g, const Tensor&, const Tensor& y) { return g * y * (1 + 1e-15 * ++calls); }};
  CHECK(has_problem(gradcheck(restless, {x}), "not the same bits"));
  const ExpWith deaf{[](const Tensor& g, const Tensor&, const Tensor& y) { return y + 0 * g; }};
  CHECK(has_problem(gradcheck(deaf, {x}), "output gradients of zero"));
  const ExpWith careless{[](const Tensor& g, const Tensor& v, const Tensor& y) {
    Array a = v.array();
    a.mutable_data<double>()[1] = 0;
    return g * y;
  }};
  CHECK(has_problem(gradcheck(careless, {x}), "input 0 was overwritten"));
  CHECK(has_problem(gradcheck([](const Tensor& v) { return log(v * 0 - 1); }, {x}), "NaN or infinite"));
}

// ---- corners and jumps
TEST_CASE("at a corner every slope between the two sides is right, and no other", "[gradcheck]") {
  const Tensor at = tensor({0, 1e-7, -1e-7, 0.3, -2}, f64);
  for (double slope : {0.0, 0.25, 1.0, -0.01, 1.01}) {
    const GradcheckReport relu = gradcheck(
        Pointwise{[](double x) { return std::max(x, 0.0); }, [=](double x) { return x == 0 ? slope : double(x > 0); }},
        {at});
    INFO(relu.str());
    const bool right = slope >= 0 && slope <= 1;
    CHECK(bool(relu) == right);
    CHECK(relu.total.passed == 4);
    CHECK(relu.total.kinks == (right ? 1 : 0));
    CHECK(relu.total.failed == (right ? 0 : 1));
    CHECK(relu.worst[0].index == std::vector<int64_t>{0});
  }
  for (double slope : {-1.0, 0.0, 0.5, 1.2}) {
    const GradcheckReport abs = gradcheck(Pointwise{[](double x) { return std::abs(x); },
                                                    [=](double x) { return x == 0 ? slope : std::copysign(1.0, x); }},
                                          {at});
    CHECK(bool(abs) == (slope <= 1));
  }
  // A corner under a curve that hides it from coarse steps.
  auto bent = [](double x) { return 100 * x * x + std::max(x, 0.0); };
  CHECK(gradcheck(Pointwise{bent, [](double x) { return 200 * x + (x > 0); }}, {at}).total.kinks == 1);
  CHECK(gradcheck(Pointwise{bent, [](double x) { return 200 * x + (x > 0 ? 1 : -0.1); }}, {tensor({0.0}, f64)})
            .total.failed == 1);
}

TEST_CASE("elements that tie for the maximum share its corner", "[gradcheck]") {
  const GradcheckReport r = gradcheck([](const Tensor& x) { return max(x, -1); },
                                      {tensor({{1, 1, 0}, {2, 0, 2}, {1, 1 + 1e-7, 0}, {0, 0, 0}}, f64)});
  INFO(r.str());
  CHECK(r);
  CHECK(r.total.kinks == 7);
  CHECK(r.total.passed == 5);
}

TEST_CASE("a jump has no gradient, unless it is declared", "[gradcheck]") {
  const Pointwise step{[](double x) { return double(x > 0); }, [](double) { return 0.0; }};
  const Tensor at = tensor({0, 1e-3, -1e-6, 1}, f64);
  const GradcheckReport r = gradcheck(step, {at});
  INFO(r.str());
  CHECK_FALSE(r);
  CHECK(r.total.failed == 1);
  CHECK(contains(r.worst[0].note, "UNDEFINED"));
  const GradcheckReport declared = gradcheck(step, {at}, {.jumps = true});
  CHECK(declared);
  CHECK(declared.total.kinks == 1);
  CHECK(declared.total.passed == 3);
}

// ---- second order
TEST_CASE("a rule that cuts its own history passes the first order and fails the second", "[gradcheck]") {
  const ExpWith cut{[](const Tensor& g, const Tensor&, const Tensor& y) { return g * y.detach(); }};
  const Tensor x = normal({4}, 14);
  CHECK(gradcheck(cut, {x}));
  const GradcheckReport r = gradcheck(cut, {x}, {.order = 2});
  INFO(r.str());
  CHECK_FALSE(r);
  CHECK(r.orders[0].failed == 0);
  CHECK(r.orders[1].failed == 4);
  CHECK(r.orders[1].passed == 4);  // the output gradients
  CHECK(r.worst[0].order == 2);
}

namespace {
struct TwoFaces {  // a right kernel beside a wrong rule
  static constexpr auto name = "two_faces";
  Array forward(const Array& x) const {
    return map(x, [](double v) { return v * v; });
  }
  Tensor d0(Grad g, Input<0> x) const { return g * x; }
  Array backward(Grad g, Input<0> x) const { return (g * x * 2).array(); }
};
}  // namespace

TEST_CASE("kernel and rules are both checked", "[gradcheck]") {
  const GradcheckReport r = gradcheck(TwoFaces{}, {normal({4}, 15)});
  INFO(r.str());
  CHECK(r.total.failed == 4);
  CHECK(r.worst[0].create_graph);
  CHECK(contains(r.str(), "with create_graph"));
  CHECK(has_problem(r, "The gradient of input 0, with create_graph, is wrong: 0.5 times the right gradient: 1/2"));
}

// ---- modules
namespace {
struct Affine {
  Parameter weight = parameter(normal({3, 2}, 16)), bias = parameter(zeros({2}, f32));
  double slope = 1;
  Tensor operator()(In x) const {
    const Pointwise sloped{[](double v) { return v; }, [this](double) { return slope; }};
    return matmul(x, weight) + apply(Where::here(), sloped, bias);
  }
};
struct Net {
  Affine first, second{.weight = parameter(normal({2, 2}, 17))};
  Tensor operator()(In x, Rng* = nullptr) const { return second(tanh(first(x))); }
};
}  // namespace

TEST_CASE("a module is checked with its parameters, by path", "[gradcheck]") {
  Net net;
  const Tensor x = normal({5, 3}, 18);
  const std::vector<double> before = net.first.weight.to_vector();
  const GradcheckReport right = gradcheck(net, {x}, {.order = 2});
  INFO(right.str());
  CHECK(right);
  CHECK(right.orders[0].passed == 15 + 6 + 2 + 4 + 2);
  CHECK(net.first.weight.to_vector() == before);
  CHECK(net.first.bias.dtype() == f32);

  net.second.slope = 1.5;
  const GradcheckReport wrong = gradcheck(net, {x});
  INFO(wrong.str());
  CHECK(wrong.total.failed == 2);
  CHECK(wrong.worst[0].input == "second.bias");
  CHECK(wrong.worst[1].input == "second.bias");

  freeze(net.second);
  CHECK(gradcheck(net, {x}));  // what is not trained is not checked
}

// ---- the report and the errors
TEST_CASE("the report says what to look at", "[gradcheck]") {
  const Tensor x = tensor({{1, 2}, {3, 4}}, f64);
  const int line = __LINE__ + 1;
  const GradcheckReport r = gradcheck([](const Tensor& v) { return exp(v) * v.detach(); }, {x}, {.names = {"depth"}});
  const std::string text = r.str();
  INFO(text);
  CHECK(contains(text, "gradcheck FAILED: mul (" + std::string(__FILE__) + ":" + std::to_string(line) + ")"));
  CHECK(contains(text, "0 PASS, 0 KINK, 0 INCONCLUSIVE, 4 FAIL"));
  CHECK(contains(text, "output gradients from seed 1"));
  CHECK(contains(text, "depth  [1, 1]"));
  CHECK(contains(text, "FAIL: further from the numeric gradient"));
  CHECK(r.worst.size() == 4);
  CHECK(contains(gradcheck([](const Tensor& v) { return exp(v); }, {x}).str(), "gradcheck passed: exp ("));
}

TEST_CASE("what cannot be checked is refused", "[gradcheck]") {
  const Tensor x = normal({3}, 19);
  CHECK_THROWS_AS(gradcheck([](const Tensor& v) { return v; }, {arange(3)}), GradError);
  CHECK_THROWS_AS(gradcheck([](const Tensor& v) { return argmax(v); }, {x}), GradError);
  CHECK_THROWS_AS(gradcheck([](const Tensor& v) { return cast(v, f32); }, {x}), DtypeError);
  CHECK_THROWS_AS(gradcheck([](const Tensor& a, const Tensor& b) { return a * b; }, {x}), ShapeError);
  CHECK_THROWS_AS(gradcheck(Product{}, {x}), ShapeError);
  auto positive_ones = [](const Tensor& v) { return slice(v, 0, 0, 1 + (v.to_vector()[0] > 0.5)); };
  CHECK_THROWS_AS(gradcheck(positive_ones, {tensor({0.5, 1, 2}, f64)}), ShapeError);
}
