#include <limits>
#include "gradcheck_ops.h"

using namespace heed;

// ---- what is right passes
TEST_CASE("right gradients are certified to nine digits and more, of second order too", "[gradcheck]") {
  const Tensor a = noise({3, 4}, 1), b = noise({4}, 2);
  const ExpWith exp_op{[](const Tensor& g, const Tensor&, const Tensor& y) { return g * y; }};
  for (const GradcheckReport& r :
       {gradcheck(Product{}, {a, noise({3, 4}, 3)}, {.order = 2}), gradcheck(exp_op, {a}, {.order = 2}),
        gradcheck([](const Tensor&x, const Tensor&y) { return tanh(x) * exp(y) + x * x; }, {a, b}, {.order = 2})}) {
    INFO(r.str());
    CHECK(r);
    REQUIRE(r.orders.size() == 2);
    CHECK(r.orders[0].certified_digits >= 11);
    CHECK(r.orders[1].certified_digits >= 10);
    CHECK(r.total.failed + r.total.inconclusive + r.total.kinks == 0);
  }
  const GradcheckReport r = gradcheck(Product{}, {a, noise({3, 4}, 3)}, {.order = 2});
  CHECK(r.orders[0].passed == 24);
  CHECK(r.orders[1].passed == 36);  // and the output gradients
}

TEST_CASE("functions of every form are checked", "[gradcheck]") {
  const Tensor a = noise({2, 3}, 4), b = noise({2, 3}, 5);
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
                                      {noise({3}, 6), tensor({0.0, 1, 2}, f64)}, {.order = 2});
  INFO(r.str());
  CHECK(r);
  CHECK(r.total.inconclusive == 0);
}

TEST_CASE("large arguments and steep slopes", "[gradcheck]") {
  const GradcheckReport steep = gradcheck([](const Tensor& x) { return exp(x); }, {tensor({700, -300, 1e-5}, f64)});
  INFO(steep.str());
  CHECK(steep);
  CHECK(gradcheck([](const Tensor& x) { return softmax(1e4 * x); }, {tensor({1, 0.9999, -1}, f64)}));
}

TEST_CASE("a gradient that cancels to zero may be what rounding leaves of its terms", "[gradcheck]") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {  // the weight of a single key is 1, whatever the query
    const GradcheckReport r = gradcheck(
        [](const Tensor& q, const Tensor& k, const Tensor& v) { return scaled_dot_product_attention(q, k, v); },
        {noise({3, 2}, 3 * seed), noise({1, 2}, 3 * seed + 1), noise({1, 4}, 3 * seed + 2)}, {.seed = seed});
    INFO(r.str());
    CHECK(r);
  }
}

// ---- what is wrong fails
TEST_CASE("wrong gradients are caught, however little they are wrong", "[gradcheck]") {
  const Tensor x = noise({3, 4}, 9);
  auto check = [&](auto rule, const Tensor& at) { return gradcheck(ExpWith{rule}, {at}); };

  GradcheckReport r = check([](const Tensor& g, const Tensor&, const Tensor& y) { return -(g * y); }, x);
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
      noise({10, 100}, 10));
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

TEST_CASE("what is not a function, or not a gradient, is caught", "[gradcheck]") {
  const Tensor x = noise({3}, 13);
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
  const GradcheckReport r = gradcheck(TwoFaces{}, {noise({4}, 15)});
  INFO(r.str());
  CHECK(r.total.failed == 4);
  CHECK(r.worst[0].create_graph);
  CHECK(contains(r.str(), "with create_graph"));
  CHECK(has_problem(r, "The gradient of input 0, with create_graph, is wrong: 0.5 times the right gradient: 1/2"));
}

// ---- modules
namespace {
const int affine_line = __LINE__ + 6;
struct Affine {
  Parameter weight = parameter(noise({3, 2}, 16)), bias = parameter(zeros({2}, f32));
  double slope = 1;
  Tensor operator()(In x) const {
    const Pointwise sloped{[](double v) { return v; }, [this](double) { return slope; }};
    return matmul(x, weight) + apply(Where::here(), sloped, bias);
  }
};
struct Net {
  Affine first, second{.weight = parameter(noise({2, 2}, 17))};
  Tensor operator()(In x, Rng* = nullptr) const { return second(tanh(first(x))); }
};
}  // namespace

TEST_CASE("a module is checked with its parameters, by path", "[gradcheck]") {
  Net net;
  const Tensor x = noise({5, 3}, 18);
  const std::vector<double> before = net.first.weight.to_vector();
  const GradcheckReport right = gradcheck(net, {x}, {.order = 2});
  INFO(right.str());
  CHECK(right);
  CHECK(right.orders[0].passed == 15 + 6 + 2 + 4 + 2);
  CHECK(net.first.weight.to_vector() == before);
  CHECK(net.first.bias.dtype() == f32);

  net.second.slope = 1.5;
  const GradcheckReport wrong = gradcheck(net, {x});
  CHECK(contains(wrong.str(), "gradcheck FAILED: add (" + std::string(__FILE__) + ":" + std::to_string(affine_line)));
  CHECK(contains(wrong.str(),
                 "first wrong node: pointwise (" + std::string(__FILE__) + ":" + std::to_string(affine_line) + ")"));
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
  const Tensor x = noise({3}, 19);
  CHECK_THROWS_AS(gradcheck([](const Tensor& v) { return v; }, {arange(3)}), GradError);
  CHECK_THROWS_AS(gradcheck([](const Tensor& v) { return argmax(v); }, {x}), GradError);
  CHECK_THROWS_AS(gradcheck([](const Tensor& v) { return cast(v, f32); }, {x}), DtypeError);
  CHECK_THROWS_AS(gradcheck([](const Tensor& a, const Tensor& b) { return a * b; }, {x}), ShapeError);
  CHECK_THROWS_AS(gradcheck(Product{}, {x}), ShapeError);
  auto same = [](const Tensor& v) { return v; };
  CHECK_ERROR(Error, gradcheck(same, {x}, {.fast = true, .probes = 0}),
              "gradcheck: cannot check with 0 probes: at least 1");
  for (int order : {0, 3})
    CHECK_ERROR(Error, gradcheck(same, {x}, {.order = order}),
                "gradcheck: order must be 1 or 2, not " + std::to_string(order));
  auto positive_ones = [](const Tensor& v) { return slice(v, 0, 0, 1 + (v.to_vector()[0] > 0.5)); };
  CHECK_THROWS_AS(gradcheck(positive_ones, {tensor({0.5, 1, 2}, f64)}), ShapeError);
}
