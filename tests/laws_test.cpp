// What gradcheck holds of every gradient, whatever its function.
#include "gradcheck_ops.h"

using namespace heed;

namespace {

template <class Rule, class Kernel>
struct ExpTwice {  // e^x with a rule and a kernel of one's own
  static constexpr auto name = "exp_twice";
  Rule rule;
  Kernel kernel;
  Array forward(const Array& x) const {
    return map(x, [](double v) { return std::exp(v); });
  }
  Tensor d0(Grad g, Output y) const { return rule(g, y); }
  Array backward(Grad g, Output y) const { return kernel(g, y).array(); }
};
template <class R, class K>
ExpTwice(R, K) -> ExpTwice<R, K>;

Tensor right(const Tensor& g, const Tensor& y) { return g * y; }
Tensor clipped(const Tensor& g, const Tensor& y) {
  return clamp(g, -1, 1) * y;
}  // random output gradients are in there

struct SumInParts {  // one part per thread, which it ought not to be
  static constexpr auto name = "sum_in_parts";
  bool forward_too;
  static double sum(const Array& x, int parts) {
    double r = 0;
    for (int p = 0; p < parts; ++p) {
      double part = 0;
      for (int64_t i = p; i < x.numel(); i += parts) part += x.data<double>()[i];
      r += part;
    }
    return r;
  }
  Array forward(const Array& x) const { return full({}, sum(x, forward_too ? num_threads() : 1), f64).array(); }
  Tensor d0(Grad g, Input<0> x) const {
    const double one = sum(x.array(), num_threads()) / sum(x.array(), 1);
    return expand(g * (forward_too ? 1.0 : one), x.shape());
  }
};

struct Overwriting {
  static constexpr auto name = "overwriting";
  static constexpr auto constant = inputs<1>;
  int which;
  Array forward(const Array& x, const Array& index) const {
    Array victim = which ? index : x;
    const Array y = (Tensor(x) * 2).array();
    if (which) victim.mutable_data<int64_t>()[0] = 5;
    else victim.mutable_data<double>()[0] = 5;
    return y;
  }
  Tensor d0(Grad g) const { return g * 2; }
};

}  // namespace

TEST_CASE("a gradient that is not linear in the output gradients is caught", "[gradcheck]") {
  const Tensor x = noise({6}, 1);
  CHECK(gradcheck(ExpTwice{right, right}, {x}, {.order = 2}));
  GradcheckReport r = gradcheck(ExpTwice{right, clipped}, {x});
  INFO(r.str());
  CHECK(r.total.failed == 0);
  CHECK(r.problems == std::vector<std::string>{"the gradient of input 0 is not linear in the output gradients"});
  r = gradcheck(ExpTwice{clipped, right}, {x});
  CHECK(r.total.failed == 0);
  CHECK(r.problems ==
        std::vector<std::string>{"the gradient of input 0 with create_graph is not linear in the output gradients"});
  auto of_small = [](auto rule) {  // where it hardly counts
    return [rule](const Tensor& a, const Tensor& b) {
      return std::array{1e-12 * apply(Where::here(), ExpTwice{rule, rule}, a), exp(b)};
    };
  };
  auto bent = [](const Tensor& g, const Tensor& y) { return g * y + 1e9 * g * abs(g) * y * 0.1; };
  CHECK(gradcheck(of_small(right), {x, x}));
  CHECK(has_problem(gradcheck(of_small(bent), {x, x}), "gradient of input 0 is not linear"));
  auto unfair = [](const Tensor& g, const Tensor& y) {
    return g * abs(g) / (max(abs(g)) + 1e-300) * y;
  };  // of -4 g: -4 times that
  CHECK(has_problem(gradcheck(ExpTwice{right, unfair}, {x}), "gradient of input 0 is not linear"));
  CHECK(has_problem(gradcheck(ExpTwice{right, [](const Tensor&, const Tensor& y) { return y; }}, {x}),
                    "output gradients of zero do not give a gradient of zero for input 0"));
  auto infinite = [](const Tensor& g, const Tensor& y) { return g * y / (y * 0); };
  r = gradcheck(ExpTwice{right, infinite}, {x});
  CHECK(r.total.failed == 6);
  CHECK(r.problems == std::vector<std::string>{"output gradients of zero do not give a gradient of zero for input 0"});
}

TEST_CASE("what overwrites what it is given is caught", "[gradcheck]") {
  const Tensor x = noise({6}, 2), index = arange(3);
  CHECK(has_problem(gradcheck(Overwriting{0}, {x, index}), "input 0 was overwritten"));
  CHECK(x.to_vector() == noise({6}, 2).to_vector());
  CHECK(has_problem(gradcheck(Overwriting{1}, {x, index}, {.names = {"x", "place"}}), "place was overwritten"));
}

TEST_CASE("what keeps its arrays is caught, and a check keeps none", "[gradcheck]") {
  const Tensor x = noise({6}, 3);
  std::vector<Tensor> kept;
  for (bool fast : {false, true}) {
    CHECK(has_problem(gradcheck(
                          [&](const Tensor& v) {
                            kept.push_back(v * v);
                            return kept.back() + v;
                          },
                          {x}, {.fast = fast}),
                      "memory in use grows by"));
    auto keeping = [&](const Tensor& g, const Tensor& y) {
      kept.push_back(g * y);
      return kept.back();
    };
    CHECK(has_problem(gradcheck(ExpTwice{right, keeping}, {x}, {.fast = fast}), "memory in use grows by"));
    CHECK(has_problem(gradcheck(ExpTwice{keeping, right}, {x}, {.fast = fast}), "memory in use grows by"));

    const std::size_t before = memory::in_use();
    CHECK(gradcheck([](const Tensor& v) { return softmax(v) * v; }, {x}, {.order = 2, .fast = fast}));
    CHECK(memory::in_use() == before);
  }
}

namespace {
struct Boxed {
  static constexpr auto name = "boxed";
  std::shared_ptr<Tensor> box;
  Array forward(const Array& x) const { return x.cast(f64); }
  Tensor d0(Grad g) const { return g; }
};
}  // namespace

TEST_CASE("a node that holds its own output is caught", "[gradcheck]") {
  std::vector<std::weak_ptr<Tensor>> boxes;
  auto f = [&](const Tensor& x) {
    const auto box = std::make_shared<Tensor>();
    boxes.push_back(box);
    return *box = apply(Where::here(), Boxed{box}, x);
  };
  CHECK(has_problem(gradcheck(f, {noise({6}, 6)}), "memory in use grows by"));
  for (const std::weak_ptr<Tensor>& box : boxes)
    if (const auto held = box.lock()) *held = {};
}

TEST_CASE("what depends on the number of threads is caught, where that is asked for", "[gradcheck]") {
  const Tensor x = noise({1001}, 4);
  CHECK_FALSE(has_problem(gradcheck(SumInParts{true}, {x}, {.fast = true}), "threads"));
  CHECK(has_problem(gradcheck(SumInParts{true}, {x}, {.fast = true, .threads = 3}),
                    "output 0 is not the same bits with 1 thread and with 3"));
  CHECK(has_problem(gradcheck(SumInParts{false}, {x}, {.fast = true, .threads = 3}),
                    "the gradient of input 0 is not the same bits with 1 thread and with 3"));
  const int before = num_threads();
  CHECK(gradcheck([](const Tensor& v) { return sum(v) * mean(v * v); }, {noise({60000}, 5)},
                  {.fast = true, .threads = 4}));
  CHECK(num_threads() == before);
}
