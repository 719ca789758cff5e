// The fast check: slopes along random directions, and halving to find what is wrong.
#include "gradcheck_ops.h"

using namespace heed;

namespace {

struct Mixing {  // w sin(x), w [M, N], x [N, 1]; its rule has a matrix of its own
  static constexpr auto name = "mixing";
  Array w, rule;
  Array forward(const Array& x) const { return matmul(Tensor(w), sin(Tensor(x))).array(); }
  Tensor d0(Grad g, Input<0> x) const { return matmul(transpose(Tensor(rule)), g) * cos(x); }
};
struct MixingKernel : Mixing {  // and so has its kernel
  static constexpr auto name = "mixing_kernel";
  Array kernel;
  Array backward(Grad g, Input<0> x) const { return (matmul(transpose(Tensor(kernel)), g) * cos(x)).array(); }
};

Array matrix(int64_t rows, int64_t columns, uint64_t seed) {  // entries of 1/2 to 3/2, of both signs
  return map(noise({rows, columns}, seed).array(),
             [](double v) { return std::copysign(0.5 + std::abs(std::sin(9 * v)), v); });
}
Array with_error(const Array& w, int64_t i, double relative) {
  Array r = w.cast(f64);
  r.mutable_data<double>()[i] *= 1 + relative;
  return r;
}

}  // namespace

TEST_CASE("one entry of a million that is wrong by 1e-6 is found and named, 20 times of 20", "[gradcheck]") {
  constexpr int64_t n = 1000;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const Array w = matrix(n, n, seed);
    const Tensor x = noise({n, 1}, 100 + seed);
    const GradcheckReport right = gradcheck(Mixing{w, w}, {x}, {.seed = seed, .fast = true});
    INFO(right.str());
    CHECK(right);
    CHECK(right.orders[0].passed == 8 * (n + 1));

    Rng rng{seed};
    const int64_t i = rng.below(n), j = rng.below(n);
    const GradcheckReport wrong =
        gradcheck(Mixing{w, with_error(w, n * i + j, 1e-6)}, {x}, {.seed = seed, .fast = true});
    INFO(wrong.str());
    REQUIRE_FALSE(wrong);
    CHECK(wrong.total.failed == 1);
    const GradcheckReport::Finding& f = wrong.worst[0];
    CHECK(f.verdict == GradcheckReport::fail);
    CHECK(f.index == std::vector<int64_t>{j, 0});
    CHECK(f.output == 0);
    CHECK(f.output_index == std::vector<int64_t>{i, 0});
    CHECK(f.analytic / f.numeric == Approx(1 + 1e-6).epsilon(1e-9));
  }
}

TEST_CASE("a wrong entry is found in a kernel beside a right rule, and in a rule beside a right kernel",
          "[gradcheck]") {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const Array w = matrix(300, 200, seed), wrong = with_error(w, 200 * 123 + 45, 1e-6);
    const Tensor x = noise({200, 1}, 100 + seed);
    CHECK(gradcheck(MixingKernel{{w, w}, w}, {x}, {.seed = seed, .fast = true}));
    for (bool rule : {false, true}) {
      const GradcheckReport r =
          gradcheck(MixingKernel{{w, rule ? wrong : w}, rule ? w : wrong}, {x}, {.seed = seed, .fast = true});
      INFO(r.str());
      REQUIRE_FALSE(r);
      CHECK(r.worst[0].index == std::vector<int64_t>{45, 0});
      CHECK(r.worst[0].output_index == std::vector<int64_t>{123, 0});
      CHECK(r.worst[0].create_graph == rule);
    }
  }
}

TEST_CASE("what is right passes the fast check too, of second order and with corners", "[gradcheck]") {
  const Tensor a = noise({30, 40}, 1), b = noise({40}, 2);
  auto check = [](auto f, const std::vector<Tensor>& x, int order) {
    for (uint64_t seed = 1; seed <= 5; ++seed) {
      const GradcheckReport r = gradcheck(f, x, {.order = order, .seed = seed, .fast = true});
      INFO(r.str());
      CHECK(r);
      CHECK(r.total.certified_digits > 9);
      CHECK(r.orders.size() == std::size_t(order));
    }
  };
  check([](const Tensor& x, const Tensor& y) { return tanh(x) * exp(y) + x * x; }, {a, b}, 2);
  check([](const Tensor& x, const Tensor& y) { return std::array{softmax(x), x * 0 + y, argmax(x)}; }, {a, b}, 2);
  check([](const Tensor& x) { return relu(x) + max(x, -1, keepdim); }, {a}, 1);
  check([](const Tensor& x, const Tensor& y) { return 1e-9 * exp(x) + stop_gradient(exp(y) * 0); }, {a, b}, 1);
  check([](const Tensor& x) { return sort(x).values; }, {a}, 1);
  check([](const Tensor& x) { return sqrt(x); }, {tensor({2e-6, 1e-3, 1, 1e6, 3}, f64)}, 1);
  check([](const Tensor& x) { return x * x; }, {zeros({0, 3}, f64)}, 2);

  const GradcheckReport at_corner =
      gradcheck([](const Tensor& x) { return relu(x); }, {zeros({50}, f64)}, {.fast = true});
  CHECK(at_corner);
  CHECK(at_corner.total.kinks == 400);
  const GradcheckReport lost = gradcheck([](const Tensor& x) { return 1e-3 * x + 1e10; }, {b}, {.fast = true});
  CHECK_FALSE(lost);
  CHECK(lost.total.inconclusive == 320);
  CHECK(lost.total.failed == 0);
}

TEST_CASE("the fast check names what is wrong in a model", "[gradcheck]") {
  struct Affine {
    Parameter weight = parameter(noise({30, 20}, 16)), bias = parameter(zeros({20}, f64));
    double slope = 1;
    Tensor operator()(In x) const {
      const Pointwise sloped{[](double v) { return v; }, [this](double) { return slope; }};
      return matmul(x, weight) + apply(Where::here(), sloped, bias);
    }
  };
  struct Net {
    Affine first, second{.weight = parameter(noise({20, 20}, 17))};
    Tensor operator()(In x, Rng* = nullptr) const { return second(tanh(first(x))); }
  };
  Net net;
  const Tensor x = noise({5, 30}, 18);
  CHECK(gradcheck(net, {x}, {.order = 2, .fast = true}));
  net.second.slope = 1.0009;
  const GradcheckReport r = gradcheck(net, {x}, {.fast = true});
  INFO(r.str());
  CHECK_FALSE(r);
  CHECK(r.worst[0].input == "second.bias");
  CHECK(r.worst[0].index == std::vector<int64_t>{r.worst[0].output_index[1]});
  CHECK(has_problem(r, "1.0009 times the right gradient: a constant factor."));

  const MultiHeadAttention attention{.width = 16, .heads = 4};
  CHECK(gradcheck(attention, {noise({2, 7, 16}, 19)}, {.order = 2, .fast = true}));
}

TEST_CASE("the fast check sees what is wrong with more than one element", "[gradcheck]") {
  const Tensor x = noise({40}, 20);
  auto check = [&](auto rule, int order = 1) { return gradcheck(ExpWith{rule}, {x}, {.order = order, .fast = true}); };
  GradcheckReport r = check([](const Tensor& g, const Tensor&, const Tensor& y) { return -(g * y); });
  CHECK(has_problem(r, "the right gradient with the opposite sign"));
  CHECK(r.worst.size() == 5);
  r = check([](const Tensor& g, const Tensor&, const Tensor& y) { return g * y * 0; });
  CHECK(has_problem(r, "is wrong: zero: the path is detached"));
  r = check([](const Tensor& g, const Tensor&, const Tensor& y) { return g * y * std::nan(""); });
  CHECK(r.worst[0].note == "not finite");
  r = check([](const Tensor& g, const Tensor&, const Tensor& y) {
    return g * y * where(arange(40) == 33, full({}, std::nan(""), f64), ones({}, f64));
  });
  REQUIRE(r.worst[0].verdict == GradcheckReport::fail);
  CHECK(r.worst[0].index == std::vector<int64_t>{33});

  auto cut = [](const Tensor& g, const Tensor&, const Tensor& y) { return g * y.detach(); };
  CHECK(check(cut));
  r = check(cut, 2);
  CHECK(r.orders[0].failed == 0);
  CHECK(r.orders[1].failed > 0);
  CHECK(r.worst[0].order == 2);

  r = check([](const Tensor& g, const Tensor&, const Tensor& y) { return g.detach() * y; });
  CHECK(has_problem(r, "or has no history through them"));
  r = gradcheck([](const Tensor& v) { return std::vector{2 * v, (v * v).detach()}; }, {x}, {.fast = true});
  CHECK(has_problem(r, "output 1 depends on input 0 but has no history"));
}

TEST_CASE("a fast report says how it was made and what was found", "[gradcheck]") {
  const Array w = matrix(20, 30, 1);
  const Tensor x = noise({30, 1}, 2);
  const GradcheckReport right = gradcheck(Mixing{w, w}, {x}, {.seed = 7, .fast = true, .probes = 11});
  CHECK(contains(right.str(), "11 random-sign probes of each input and output gradients from seed 7"));
  CHECK(right.total.passed == 11 * 21);
  const GradcheckReport wrong =
      gradcheck(Mixing{w, with_error(w, 30 * 12 + 17, 1e-6)}, {x}, {.names = {"depth"}, .fast = true});
  INFO(wrong.str());
  CHECK(contains(wrong.str(), "depth  [17, 0]"));
  CHECK(contains(wrong.str(), "in output 0 [12, 0]"));
  CHECK(contains(wrong.str(), "depth  all"));  // the worst of what passed
}
