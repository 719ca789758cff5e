// Eight cases in which checkers give the wrong verdict: they pass what is wrong, or fail what is right.
#include "gradcheck_ops.h"

using namespace heed;

namespace {
struct Doubled {  // 2x; y[617] by x[42] is wrong
  static constexpr auto name = "doubled";
  double error;
  Array forward(const Array& x) const { return (Tensor(x) * 2).array(); }
  Tensor d0(Grad g) const {
    const int64_t n = g.numel();
    return g * 2 + error * slice(g, 0, 617, 618) * cast(one_hot(tensor(std::vector<int64_t>{42}, {}), n), f64);
  }
};
}  // namespace

TEST_CASE("blind spot 1: one wrong entry of a large Jacobian, in fast mode", "[gradcheck]") {
  constexpr int64_t n = 1000;
  for (double error : {1.0, 1e-6}) {
    const Tensor x = noise({n}, 1);
    const GradcheckReport r = gradcheck(Doubled{error}, {x}, {.fast = true});
    INFO(r.str());
    CHECK_FALSE(r);
    CHECK(r.worst[0].index == std::vector<int64_t>{42});
    CHECK(r.worst[0].output_index == std::vector<int64_t>{617});
    CHECK(gradcheck(Doubled{0}, {x}, {.fast = true}));
  }
}

TEST_CASE("blind spot 2: an output that depends on an input but was detached", "[gradcheck]") {
  const Tensor x = noise({3}, 12);
  GradcheckReport r = gradcheck([](const Tensor& v) { return std::vector{2 * v, (v * v).detach()}; }, {x});
  INFO(r.str());
  CHECK_FALSE(r);
  CHECK(has_problem(r, "output 1 depends on input 0 but has no history"));
  r = gradcheck([](const Tensor& v) { return (v * v).detach(); }, {x}, {.names = {"speed"}});
  CHECK_FALSE(r);
  CHECK(has_problem(r, "output 0 depends on speed but has no history"));
  CHECK(gradcheck([](const Tensor& v) { return std::vector{2 * v, ones({2}, f64)}; }, {x}));
}

TEST_CASE("blind spot 3: small gradients are checked as sharply as large ones", "[gradcheck]") {
  const ExpWith wrong{[](const Tensor& g, const Tensor&, const Tensor& y) { return g * y * 5; }};
  const GradcheckReport r =
      gradcheck([&](const Tensor& x) { return 1e-9 * apply(Where::here(), wrong, x); }, {noise({5}, 11)});
  CHECK(r.total.failed == 5);
  CHECK(has_problem(r, "is wrong: 5 times the right gradient: 5, 5 being the size of dimension 0 of input 0"));
  CHECK(gradcheck([](const Tensor& x) { return 1e-9 * exp(x); }, {noise({5}, 11)}));
}

TEST_CASE("blind spot 4: gradients that are 0.09 % wrong", "[gradcheck]") {
  const ExpWith wrong{[](const Tensor& g, const Tensor&, const Tensor& y) { return g * y * 1.0009; }};
  const GradcheckReport r = gradcheck(wrong, {noise({3, 4}, 9)});
  INFO(r.str());
  CHECK(r.total.failed == 12);
  CHECK(has_problem(r, "The gradient of input 0 is wrong: 1.0009 times the right gradient: a constant factor."));
}

TEST_CASE("blind spot 5: at a corner every slope between the two sides is right, and no other", "[gradcheck]") {
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

TEST_CASE("blind spot 5: elements that tie for the maximum share its corner", "[gradcheck]") {
  const GradcheckReport r = gradcheck([](const Tensor& x) { return max(x, -1); },
                                      {tensor({{1, 1, 0}, {2, 0, 2}, {1, 1 + 1e-7, 0}, {0, 0, 0}}, f64)});
  INFO(r.str());
  CHECK(r);
  CHECK(r.total.kinks == 7);
  CHECK(r.total.passed == 5);
}

TEST_CASE("blind spot 6: a rule that cuts its own history passes the first order and fails the second", "[gradcheck]") {
  const ExpWith cut{[](const Tensor& g, const Tensor&, const Tensor& y) { return g * y.detach(); }};
  const Tensor x = noise({4}, 14);
  CHECK(gradcheck(cut, {x}));
  const GradcheckReport r = gradcheck(cut, {x}, {.order = 2});
  INFO(r.str());
  CHECK_FALSE(r);
  CHECK(r.orders[0].failed == 0);
  CHECK(r.orders[1].failed == 4);
  CHECK(r.orders[1].passed == 4);  // the output gradients
  CHECK(r.worst[0].order == 2);
}

TEST_CASE("blind spot 7: cancellation and small arguments hide no gradient that is right", "[gradcheck]") {
  const GradcheckReport lost = gradcheck([](const Tensor& x) { return 1e-3 * x + 1e10; }, {noise({4}, 7)});
  INFO(lost.str());
  CHECK(lost.total.failed == 0);
  CHECK(lost.total.inconclusive == 4);
  CHECK_FALSE(lost);

  const GradcheckReport hidden = gradcheck([](const Tensor& x) { return (x + 1e10) - 1e10; }, {noise({40}, 8)});
  INFO(hidden.str());
  CHECK(hidden.total.failed == 0);

  const GradcheckReport root = gradcheck([](const Tensor& x) { return sqrt(x); }, {tensor({2e-6, 1e-9, 1, 1e6}, f64)});
  INFO(root.str());
  CHECK(root);
  CHECK(root.total.certified_digits > 9);
}

TEST_CASE("blind spot 8: the softmax of a 3 x 5 matrix of float32", "[gradcheck]") {
  const GradcheckReport r =
      gradcheck([](const Tensor& x) { return softmax(x); }, {noise({3, 5}, 20, f32)}, {.order = 2});
  INFO(r.str());
  CHECK(r);
  CHECK(r.total.certified_digits > 10);
}
