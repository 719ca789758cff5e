// Optimizers: one step by hand, and what does not belong together is refused.
#include "common.h"

using namespace heed;

namespace {

struct Model {
  Parameter w;
};
Model model(const Tensor& w) { return {parameter(w)}; }
Gradients gradient(const Tensor& g) { return {{"w"}, {g}}; }

}  // namespace

TEMPLATE_TEST_CASE("Sgd and AdamW by hand", "", float, double) {
  const Dtype t = dtype_of<TestType>;
  const double close = t == f32 ? 1e-6 : 1e-14;
  const std::vector<double> p{1, -2, 3}, g1{0.5, 1, -1}, g2{0.25, -1, 2};
  auto values = [&](const std::vector<double>& v) { return tensor(v, {3}, t); };
  SECTION("Sgd with momentum, decay and nesterov") {
    const Model m = model(values(p));
    Sgd sgd{.lr = 0.1, .momentum = 0.9, .weight_decay = 0.01, .nesterov = true};
    std::vector<double> x = p, v(3);
    for (const auto& g : {g1, g2}) {
      sgd.step(m, gradient(values(g)), 0.5);
      for (std::size_t i = 0; i < 3; ++i) {
        const double d = g[i] + 0.01 * x[i];
        v[i] = 0.9 * v[i] + d;
        x[i] -= 0.05 * (d + 0.9 * v[i]);
      }
    }
    CHECK(allclose(m.w, values(x), close, close));
    CHECK(allclose(sgd.velocity.values[0], values(v), close, close));
  }
  SECTION("AdamW") {
    const Model m = model(values(p));
    AdamW adam{.lr = 0.1, .weight_decay = 0.01};
    std::vector<double> x = p, a(3), b(3);
    int step = 0;
    for (const auto& g : {g1, g2}) {
      adam.step(m, gradient(values(g)));
      ++step;
      for (std::size_t i = 0; i < 3; ++i) {
        a[i] = 0.9 * a[i] + 0.1 * g[i];
        b[i] = 0.999 * b[i] + 0.001 * g[i] * g[i];
        const double mean = a[i] / (1 - std::pow(0.9, step)), square = b[i] / (1 - std::pow(0.999, step));
        x[i] = (1 - 0.1 * 0.01) * x[i] - 0.1 * mean / (std::sqrt(square) + 1e-8);
      }
    }
    CHECK(adam.steps == 2);
    CHECK(allclose(m.w, values(x), close, close));
  }
}

TEST_CASE("a parameter and a gradient that are views with gaps") {
  const Tensor numbers = tensor({{1, 2, 3}, {4, 5, 6}});
  const Model m = model(transpose(numbers));
  Sgd sgd{.lr = 1};
  sgd.step(m, gradient(transpose(numbers)));
  CHECK(equal(m.w, zeros({3, 2})));
  CHECK(numbers(1, 2).item() == 6);
  sgd.step(m, gradient(expand(ones({}), {3, 2})));
  CHECK(equal(m.w, full({3, 2}, -1)));
}

TEST_CASE("gradients and state of another model are refused") {
  const Model m = model(ones({3}));
  Sgd sgd{.lr = 1, .momentum = 0.9};
  AdamW adam;
  CHECK_ERROR(GradError, sgd.step(m, gradient(ones({2}))),
              "Sgd: the gradients are of another model: parameter w is f32 [3] here and f32 [2] there");
  CHECK_ERROR(GradError, adam.step(m, gradient(ones({3}, f64))),
              "AdamW: the gradients are of another model: parameter w is f32 [3] here and f64 [3] there");
  CHECK_ERROR(GradError, sgd.step(m, Gradients{{"v"}, {ones({3})}}),
              "Sgd: the gradients are of another model: parameter 0 is w here and v there");
  CHECK_ERROR(GradError, adam.step(m, Gradients{}), "AdamW: the model has 1 parameters and there are 0 gradients");
  const Model half = model(cast(ones({3}), bf16));
  CHECK_ERROR(DtypeError, adam.step(half, gradient(cast(ones({3}), bf16))),
              "AdamW: cannot compute in bf16: use cast(x, f32) or cast(x, f64)");
  CHECK(equal(m.w, ones({3})));

  adam.step(m, gradient(ones({3})));
  sgd.step(m, gradient(ones({3})));
  const Model wide = model(ones({5}));
  CHECK_ERROR(GradError, adam.step(wide, gradient(ones({5}))),
              "AdamW: its state is of another model: parameter w is f32 [5] here and f32 [3] there");
  CHECK_ERROR(GradError, sgd.step(wide, gradient(ones({5}))),
              "Sgd: its state is of another model: parameter w is f32 [5] here and f32 [3] there");
}

TEST_CASE("a step moves the version, so that an old graph is not differentiated by new values") {
  const Model m = model(ones({3}));
  const Tensor x = variable({3}, 1, f32), y = sum(x * m.w);
  Sgd sgd;
  const Where stepped = (sgd.step(m, gradient(ones({3}))), Where::here());
  CHECK(contains(thrown<GradError>([&] { grad(y, {x}); }), "overwritten at " + stepped.str()));
}

TEST_CASE("frozen parameters are not stepped, and keep their state") {
  struct Two {
    Linear a{2, 2}, b{2, 2};
  } two;
  const Tensor x = noise({3, 2}, 1, f32);
  auto step = [&](AdamW& adam) { adam.step(two, grad(sum(two.b(two.a(x))), two)); };
  AdamW adam;
  step(adam);
  const Tensor before = two.a.weight * 1, moment = adam.first.values[0] * 1, moved = two.b.weight * 1;
  freeze(two.a);
  step(adam);
  CHECK(equal(before, two.a.weight.detach()));
  CHECK_FALSE(equal(moved, two.b.weight.detach()));
  CHECK(adam.first.paths == std::vector<std::string>{"b.weight", "b.bias"});
}

TEST_CASE("an optimizer's state is found by the walk and cloned") {
  const Model m = model(ones({3}));
  AdamW adam;
  adam.step(m, gradient(ones({3})));
  CHECK(state(adam).paths == std::vector<std::string>{"first.w", "second.w"});
  AdamW copy = clone(adam);
  adam.step(m, gradient(ones({3})));
  CHECK(copy.steps == 1);
  CHECK_FALSE(equal(copy.first.values[0], adam.first.values[0]));
}

TEST_CASE("clip scales all gradients together") {
  const Gradients g{{"a", "b"}, {full({4}, 3), full({4}, 4)}};
  CHECK(g.norm() == 10);
  CHECK(clip(g, 5).norm() == Approx(5).epsilon(1e-6));
  CHECK(equal(clip(g, 20).values[0], g.values[0]));
}

TEST_CASE("schedules") {
  CHECK(constant(7) == 1);
  CHECK(warmup(0, 4) == 0.25);
  CHECK(warmup(3, 4) == 1);
  CHECK(warmup(100, 4) == 1);
  CHECK(warmup(0, 0) == 1);
  CHECK(cosine(0, 10, 110) == 0.1);
  CHECK(cosine(10, 10, 110) == 1);
  CHECK(cosine(60, 10, 110) == Approx(0.5));
  CHECK(cosine(110, 10, 110, 0.1) == Approx(0.1));
  CHECK(cosine(500, 10, 110, 0.1) == Approx(0.1));
}
