#include <heed/core/localise.h>
#include <heed/models/gpt/gpt.h>
#include <heed/nn/activation.h>
#include <heed/nn/linear.h>
#include <heed/nn/sequential.h>
#include <cmath>
#include <limits>
#include "common.h"

using namespace heed;

namespace {

struct Squash {  // tanh(x); its rule is right if `scale` is 1
  static constexpr auto name = "squash";
  double scale;
  Array forward(const Array& x) const { return tanh(Tensor(x)).array(); }
  Tensor d0(Grad g, Output y) const { return scale * g * (1 - y * y); }
};
Tensor squash(In x, double scale) { return apply(line_of(x), Squash{scale}, x.tensor()); }

struct Mlp {
  int64_t width;
  double scale = 1;
  Linear up{width, 2 * width}, down{2 * width, width};
  Tensor operator()(In x) const {
    Scope here{*this, x};
    return down(squash(up(x), scale));
  }
};
struct Floor {
  int64_t width;
  bool checkpointed = false;
  Linear first{width, width};
  Mlp mlp{.width = width};
  Tensor operator()(In x) const {
    Scope here{*this, x};
    const Tensor h = tanh(first(x));
    return x + (checkpointed ? checkpoint([this](const Tensor& t) { return mlp(t); }, h) : mlp(h));
  }
};
struct Deep {
  int64_t width, layers;
  std::vector<Floor> blocks = stack_of(layers, [this] { return Floor{width}; });
  Linear output{width, 2};
  Tensor operator()(In x) const {
    Tensor h = x;
    for (const Floor& b : blocks) h = b(h);
    return output(h);
  }
};
const int detached_line = __LINE__ + 1;
Tensor exp_times_detached(const Tensor& v) { return exp(v) * v.detach(); }

struct Twice {  // a b; the second rule is wrong
  static constexpr auto name = "twice";
  Array forward(const Array& a, const Array& b) const { return (Tensor(a) * Tensor(b)).array(); }
  Tensor d0(Grad g, Input<1> b) const { return g * b; }
  Tensor d1(Grad g, Input<0> a) const { return 2 * g * a; }
};
struct Weights {  // softmax, whose rule lost a term
  static constexpr auto name = "weights";
  Array forward(const Array& x) const { return softmax(Tensor(x)).array(); }
  Tensor d0(Grad g, Output y) const { return g * y; }
};
struct By {  // x by a number
  static constexpr auto name = "by";
  double by;
  Array forward(const Array& v) const { return (Tensor(v) * by).array(); }
  Tensor d0(Grad g) const { return g * by; }
};

}  // namespace

TEST_CASE("the first wrong node is named, with its line and its module, however deep it is", "[gradcheck]") {
  seed(1);
  Deep model{.width = 3, .layers = 4};
  const Tensor x = noise({2, 3}, 1);
  const NodesReport right = find_wrong_node(model, {x});
  INFO(right.str());
  CHECK(right);
  CHECK(right.right == 4 * 6 + 1);
  CHECK(right.str() == "25 nodes are right\n");
  CHECK(right.settled);

  for (int wrong = 0; wrong < 4; ++wrong)
    for (bool checkpointed : {false, true}) {
      Floor& block = model.blocks[std::size_t(wrong)];
      block.mlp.scale = 1 + 1e-6;
      block.checkpointed = checkpointed;
      const NodesReport r = find_wrong_node(model, {x});
      INFO(r.str());
      CHECK_FALSE(r);
      REQUIRE(r.first);
      CHECK(r.first->op == "squash");
      CHECK(r.first->module == "blocks." + std::to_string(wrong) + ".mlp");
      CHECK(r.right == 6 * wrong + 3);
      CHECK(r.first->check.total.failed == 12);
      CHECK(contains(r.first->str(), ": The gradient of input 0 is wrong: 1.000001 times the right gradient"));
      CHECK(contains(r.str(), "first wrong node: squash (" + r.first->at.str() + ") in blocks." +
                                  std::to_string(wrong) + ".mlp: "));

      const GradcheckReport check = gradcheck(model, {x});  // finds it too
      CHECK(contains(check.str(), "first wrong node: squash (" + std::string(__FILE__) + ":"));
      CHECK(contains(check.str(), ") in blocks." + std::to_string(wrong) + ".mlp: The gradient of input 0"));
      block.mlp.scale = 1;
      block.checkpointed = false;
    }
  model.blocks[1].mlp.scale = model.blocks[3].mlp.scale = -1;
  CHECK(find_wrong_node(model, {x}).first->module == "blocks.1.mlp");
}

TEST_CASE("a node used twice, and one with its input twice, are found", "[gradcheck]") {
  const Tensor x = noise({3}, 2);
  const int line = __LINE__ + 2;
  auto twice = [](const Tensor& v) {
    const Tensor s = squash(v * 2, 0.5);
    return s * s + tanh(s);
  };
  const NodesReport r = find_wrong_node(twice, {x});
  INFO(r.str());
  REQUIRE(r.first);
  CHECK(r.first->op == "squash");
  CHECK(r.first->at.line == line);
  CHECK(r.first->module.empty());
  CHECK(r.right == 1);
  CHECK(contains(gradcheck(twice, {x}).str(), "first wrong node: squash ("));

  const NodesReport alias =
      find_wrong_node([](const Tensor& v) { return apply(Where::here(), Twice{}, exp(v), exp(v)); }, {x});
  CHECK(alias.first->op == "twice");
  const NodesReport same = find_wrong_node(
      [](const Tensor& v) {
        const Tensor e = exp(v);
        return apply(Where::here(), Twice{}, e, e);
      },
      {x});
  INFO(same.str());
  CHECK(same.first->op == "twice");
  CHECK(contains(same.first->why, "1.5 times the right gradient"));
}

TEST_CASE("every form of op is applied again", "[gradcheck]") {
  seed(3);
  const Tensor x = noise({2, 6, 4}, 3);
  auto f = [](const Tensor& v) {
    const Tensor a = concat({v, v * v}, -1), mask = a > -10;                           // a list
    const Tensor t = topk(a, 3).values;                                                // several outputs
    const Tensor s = scaled_dot_product_attention(v, v, v, {.mask = v(0, _, 0) > 0});  // an absent input, Kept
    return sum(where(mask, a, 0.5)) + sum(t) + sum(layer_norm(s) * v) + logsumexp(reshape(v, {-1})) +
           sum(v(0, range(1, 3)));
  };
  const NodesReport r = find_wrong_node(f, {x}, {.order = 2});
  INFO(r.str());
  CHECK(r);
  CHECK(r.right > 15);

  Gpt gpt{.vocab = 5, .context = 4, .width = 4, .layers = 1, .heads = 2};
  const NodesReport model = find_wrong_node(gpt, {tensor({{1, 4, 0}}, i64)});
  INFO(model.str());
  CHECK(model);
}

TEST_CASE("infinities on the way are no fault, and hide none", "[gradcheck]") {
  const Tensor x = noise({2, 4}, 6), mask = tensor({{1, 1, 0, 1}, {0, 1, 1, 0}}, boolean);
  const double inf = std::numeric_limits<double>::infinity();
  auto masked = [&](double scale) {
    return [=, &mask](const Tensor& v) { return squash(softmax(where(mask, squash(v, scale), -inf)), 1); };
  };
  const NodesReport right = find_wrong_node(masked(1), {x}, {.order = 2});
  INFO(right.str());
  CHECK(right);
  CHECK(right.right == 4);
  CHECK(find_wrong_node(masked(2), {x}).first->op == "squash");
  const NodesReport wrong =
      find_wrong_node([&](const Tensor& v) { return apply(Where::here(), Weights{}, where(mask, v, -inf)); }, {x});
  INFO(wrong.str());
  REQUIRE(wrong.first);
  CHECK(wrong.first->op == "weights");
}

TEST_CASE("an edge that has lost its history is named", "[gradcheck]") {
  const Tensor x = noise({4}, 4);
  NodesReport r = find_wrong_node(exp_times_detached, {x});
  INFO(r.str());
  REQUIRE(r.first);
  CHECK(r.first->op == "mul");
  CHECK(r.first->at.line == detached_line);
  CHECK(contains(r.first->why, "its input 1 has no history: "));
  CHECK(contains(gradcheck(exp_times_detached, {x}).str(), "first wrong node: mul ("));

  r = find_wrong_node(
      [](const Tensor& v) {
        const Tensor h = tanh(v);
        const Tensor s = [&] {
          const Unrecorded off;
          return sin(h);
        }();
        return exp(h) + h * s;
      },
      {x});
  CHECK(r.first->op == "mul");
  CHECK(contains(r.first->why, "its input 1 has no history though sin ("));
  r = find_wrong_node([](const Tensor& v) { return v + tensor(exp(v).to_vector(), v.shape(), f64); }, {x});
  CHECK(r.first->op == "add");
  r = find_wrong_node([](const Tensor& v) { return std::vector{2 * v, exp(v).detach()}; }, {x});
  CHECK(r.first->op == "exp");
  CHECK(contains(r.first->why, "output 1, without history"));
  r = find_wrong_node([](const Tensor& v) { return exp(v).detach(); }, {x});
  CHECK(r.first->op == "exp");

  // Nothing is lost by these.
  CHECK(find_wrong_node([](const Tensor& v) { return log_softmax(v - stop_gradient(max(v))); }, {x}));
  CHECK(find_wrong_node([](const Tensor& v) { return v * cast(v.detach() > 0, f64); }, {x}));
  CHECK(find_wrong_node([](const Tensor& v) { return sin(v) + v.detach() * 0; }, {x}));
}

TEST_CASE("what no node is to blame for is said", "[gradcheck]") {
  const Tensor x = noise({4}, 5);
  const NodesReport r =
      find_wrong_node([](const Tensor& v) { return apply(Where::here(), By{v.to_vector()[0]}, exp(v)); }, {x});
  INFO(r.str());
  CHECK_FALSE(r);
  CHECK_FALSE(r.first);
  CHECK(contains(r.str(), "reaches an op as a number"));
  const NodesReport narrow = find_wrong_node([](const Tensor& v) { return cast(exp(cast(v, f32)), f64); }, {x});
  CHECK(narrow.unchecked == 3);
  CHECK(contains(narrow.str(), "3 nodes show nothing: they do not compute in f64"));
  const NodesReport hidden = find_wrong_node([](const Tensor& v) { return exp(v) + 1e12; }, {x});
  INFO(hidden.str());
  CHECK(hidden.right == 1);
  CHECK(hidden.unchecked == 1);
  CHECK_FALSE(hidden);
  CHECK_ERROR(GradError, find_wrong_node([](const Tensor& v) { return v; }, {arange(3)}),
              "find_wrong_node: no input is a floating tensor");
  CHECK_ERROR(Error, find_wrong_node([](const Tensor& v) { return exp(v); }, {x}, {.order = 3}),
              "find_wrong_node: order must be 1 or 2, not 3");
}
