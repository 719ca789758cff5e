// Reverse mode: what is differentiated, by what, how often, and who owns the memory.
#include "common.h"

using namespace heed;

namespace {

// Central differences of f along v, extrapolated to a step of 0 (Richardson).
template <class F>
Tensor slope(F f, const Tensor& x, const Tensor& v) {
  auto difference = [&](double h) { return (f(x + v * h) - f(x - v * h)) / (2 * h); };
  return (64 * difference(1e-3) - 20 * difference(2e-3) + difference(4e-3)) / 45;
}

}  // namespace

TEST_CASE("grad of variables, of intermediate results, and the total of both") {
  const Tensor x = variable({3}, 1), h = x * x, k = h * h, loss = sum(k * h);  // x^6
  const auto g = grad(loss, {x, h, k, loss});
  CHECK(allclose(g[0], 6 * pow(x, 5), 1e-13, 1e-14));
  CHECK(allclose(g[1], 3 * h * h, 1e-13, 1e-14));  // the way through k counts
  CHECK(allclose(g[2], h, 1e-13, 1e-14));
  CHECK(g[3].item() == 1);
}

TEST_CASE("the same target twice, and a target that is y") {
  const Tensor x = variable({}, 1);
  const auto g = grad(x, {x, x});
  CHECK(g[0].item() == 1);
  CHECK(g[1].item() == 1);
}

TEST_CASE("what nothing reached gets zeros of its own shape and type") {
  const Tensor x = variable({3}, 1), other = variable({2, 2}, 2, f32), late = sum(x) * 2, unused = x * 5;
  const auto g = grad(sum(x * x), {other, late, unused});
  CHECK(equal(g[0], zeros({2, 2}, f32)));
  CHECK(equal(g[1], zeros({}, f64)));
  CHECK(equal(g[2], zeros({3}, f64)));
}

TEST_CASE("vjp: several outputs, some without a gradient") {
  const Tensor x = variable({3}, 1), a = x * x, b = exp(x), ga = noise({3}, 2), gb = noise({3}, 3);
  const Tensor ys[] = {a, b}, both[] = {ga, gb}, one[] = {Tensor(), gb}, twice[] = {a, a};
  CHECK(allclose(vjp(ys, both, {&x, 1})[0], 2 * x * ga + b * gb, 1e-14, 1e-14));
  CHECK(allclose(vjp(ys, one, {&x, 1})[0], b * gb, 1e-14, 1e-14));
  CHECK(allclose(vjp(twice, both, {&x, 1})[0], 2 * x * (ga + gb), 1e-14, 1e-14));
  const Tensor untracked = noise({3}, 4), with_constant[] = {a, untracked};
  CHECK(allclose(vjp(with_constant, both, {&x, 1})[0], 2 * x * ga, 1e-14, 1e-14));
}

TEST_CASE("create_graph: gradients of any order") {
  const Tensor x = variable({3}, 1);
  Tensor y = sum(pow(x, 4));
  for (const Tensor& want : {4 * x * x * x, 12 * x * x, 24 * x, full({3}, 24, f64)}) {
    const Tensor g = grad(y, {x}, create_graph)[0];
    CHECK(allclose(g, want, 1e-13, 1e-13));
    y = sum(g);
  }
  CHECK_FALSE(grad(sum(exp(x)), {x})[0].tracked());
  const Tensor gy = variable({3}, 2), g = vjp(exp(x), gy, {&x, 1}, create_graph)[0];  // linear in gy
  CHECK(allclose(grad(sum(g), {gy})[0], exp(x), 1e-14, 1e-14));
}

TEST_CASE("jvp, hvp and jacobian against differences and each other") {
  const Tensor x = noise({4}, 1), v = noise({4}, 2), w = variable({4}, 3);
  auto f = [&](const Tensor& t) { return softmax(t * t) * w + tanh(t); };
  CHECK(max_difference(jvp(f, x, v), slope(f, x, v)) < 1e-10);
  const Tensor J = jacobian(f, x);
  CHECK(J.shape() == Shape{4, 4});
  CHECK(max_difference(matmul(J, v), jvp(f, x, v)) < 1e-14);
  auto scalar = [&](const Tensor& t) { return sum(exp(t) * t * w); };
  auto gradient = [&](const Tensor& t) {
    const Tensor at = t.requires_grad();
    return grad(scalar(at), {at})[0];
  };
  CHECK(max_difference(hvp(scalar, x, v), slope(gradient, x, v)) < 1e-9);
  CHECK(equal(jvp([&](const Tensor&) { return w * 2; }, x, v), zeros({4}, f64)));  // f does not depend on x
  CHECK(equal(hvp([&](const Tensor& t) { return sum(t * w); }, x, v), zeros({4}, f64)));
  CHECK(equal(hvp([&](const Tensor&) { return sum(w); }, x, v), zeros({4}, f64)));
  for (auto of : {+[](const Tensor& t) { return sum(t * t); }, +[](const Tensor& t) { return sum(t); },
                  +[](const Tensor& t) { return sum(zeros_like(t)); }}) {
    const std::string text = "the direction has shape [5], what it is a direction at [4]";
    CHECK_ERROR(ShapeError, jvp(of, x, noise({5}, 1)), "jvp: " + text);
    CHECK_ERROR(ShapeError, hvp(of, x, noise({5}, 1)), "hvp: " + text);
  }
  CHECK(equal(jacobian([&](const Tensor&) { return w * 0; }, x), zeros({4, 4}, f64)));
  CHECK(equal(jacobian([&](const Tensor&) { return ones({2, 3}); }, x), zeros({2, 3, 4}, f64)));
  const Tensor Jv = jvp(f, x, v), Hv = hvp(scalar, x, v);
  {
    const Unrecorded off;  // not for f
    CHECK(equal(jvp(f, x, v), Jv));
    CHECK(equal(hvp(scalar, x, v), Hv));
    CHECK(equal(jacobian(f, x), J));
  }
  const Tensor deep = variable({1, 1, 1, 1, 1}, 5);
  CHECK_ERROR(ShapeError, jacobian(deep * 2, deep),
              "jacobian: of y [1, 1, 1, 1, 1] by x [1, 1, 1, 1, 1] would have 10 dimensions, which is more than 8");
  CHECK_ERROR(ShapeError, jacobian([](const Tensor& t) { return zeros_like(t); }, deep),
              "jacobian: of y [1, 1, 1, 1, 1] by x [1, 1, 1, 1, 1] would have 10 dimensions, which is more than 8");
  const Tensor m = variable({2, 3}, 4), Jm = jacobian(transpose(m) * 2, m);
  CHECK(Jm.shape() == Shape{3, 2, 2, 3});
  CHECK(equal(reshape(Jm, {6, 6})(1), tensor({0, 0, 0, 2, 0, 0}, f64)));  // y[0][1] = 2 m[1][0]
}

TEST_CASE("consume keeps the value and frees what is remembered as it goes") {
  constexpr int64_t n = 1 << 18;
  Tensor x = ones({n}).requires_grad();
  const std::size_t before = memory::in_use();
  Tensor y = x;
  for (int i = 0; i < 10; ++i) y = sigmoid(y);
  const Tensor middle = y;
  for (int i = 0; i < 10; ++i) y = sigmoid(y);
  Tensor loss = sum(y);
  y = Tensor();
  const double value = loss.item();
  const std::size_t held = memory::in_use() - before;
  CHECK(held >= 20 * n * sizeof(float));
  memory::reset_peak();
  Tensor g;
  const Where consumer = (g = grad(consume(loss), {x})[0], Where::here());
  CHECK(memory::peak() - before <= held + 3 * n * sizeof(float));
  CHECK(loss.item() == value);
  CHECK_FALSE(loss.tracked());
  CHECK(memory::in_use() - before <= 3 * n * sizeof(float));  // g and middle
  const std::string text = thrown<GradError>([&] { grad(sum(middle), {x}); });
  CHECK(contains(text, "sigmoid: the graph this op belongs to was consumed by grad at " + consumer.str()));
  CHECK(contains(text, "grad_test.cpp:"));
}

TEST_CASE("an unconsumed graph can be differentiated again") {
  const Tensor x = variable({3}, 1), loss = sum(exp(x) * x);
  CHECK(equal(grad(loss, {x})[0], grad(loss, {x})[0]));
}

TEST_CASE("a chain of 300,000 ops is differentiated and freed") {
  const Tensor x = variable({1}, 1);
  Tensor y = x;
  for (int i = 0; i < 300000; ++i) y = y * 1.0000001;
  CHECK(grad(sum(y), {x})[0].item() == Approx(std::exp(0.03)).epsilon(1e-6));
  Tensor loss = sum(y);
  y = Tensor();
  CHECK(grad(consume(loss), {x})[0].item() == Approx(std::exp(0.03)).epsilon(1e-6));
  for (int i = 0; i < 300000; ++i) loss = loss + x;  // freed without being differentiated
  loss = Tensor();
  CHECK(holders(x) == 1);
}

TEST_CASE("a sum of gradients never writes into what somebody else holds") {
  const Tensor x = variable({3}, 1), z = variable({3}, 2);
  SECTION("the caller's output gradient") {
    const Tensor gy = ones({3}, f64), y = x + x + z, g = vjp(y, gy, {&x, 1})[0];
    CHECK(equal(g, full({3}, 2, f64)));
    CHECK(equal(gy, ones({3}, f64)));
    const Tensor ys[] = {x + z, x + z}, gys[] = {gy, gy}, xs[] = {x, z};
    for (const Tensor& t : vjp(ys, gys, xs)) CHECK(equal(t, full({3}, 2, f64)));
    CHECK(equal(gy, ones({3}, f64)));
  }
  SECTION("a gradient that two rules pass on unchanged") {
    const Tensor y = x + z, w = y + x;  // g goes to y and to x, then to x and to z
    const auto g = grad(sum(w * noise({3}, 3)), {x, z, y});
    CHECK(equal(g[1], noise({3}, 3)));
    CHECK(equal(g[2], noise({3}, 3)));
    CHECK(equal(g[0], 2 * noise({3}, 3)));
  }
  SECTION("an expanded view") {
    const auto g = grad(sum(x) + sum(x) + sum(z), {x, z});
    CHECK(equal(g[0], full({3}, 2, f64)));
    CHECK(equal(g[1], ones({3}, f64)));
  }
  SECTION("what an op remembers") {
    const Tensor c = noise({3}, 4), before = c * 1, y = x * c + x * c + x * c;  // each gives c times one
    CHECK(allclose(grad(sum(y), {x})[0], 3 * before, 1e-15, 1e-15));
    CHECK(equal(c, before));
  }
  SECTION("a gradient that an observer keeps") {
    std::vector<Tensor> seen;
    Observe watching([&](const Event& e) {
      if (e.backward) seen.insert(seen.end(), e.outputs.begin(), e.outputs.end());
    });
    const Tensor y = x * 2, loss = sum(y * 3) + sum(y * 5);
    grad(loss, {x});
    for (const Tensor& t : seen)
      if (t.defined() && t.dim() == 1) {
        const double v = t(0).item();
        CHECK((v == 1 || v == 3 || v == 5 || v == 16));
      }
  }
  SECTION("adders") {
    const Tensor y = x + z, part = y(range(0, 2));  // y's gradient is also x's and z's
    const auto g = grad(sum(part) + sum(y), {x, z, y});
    for (const Tensor& t : g) CHECK(equal(t, tensor({2, 2, 1}, f64)));
  }
}

TEST_CASE("gradients are summed over broadcast dimensions") {
  const Tensor a = variable({2, 1, 3}, 1), b = variable({4, 1}, 2), c = variable({}, 3);
  const auto g = grad(sum(a * b * c), {a, b, c});
  CHECK(g[0].shape() == a.shape());
  CHECK(g[1].shape() == b.shape());
  CHECK(g[2].shape() == c.shape());
  CHECK(g[2].item() == Approx(sum(a).item() * sum(b).item()).epsilon(1e-12));
  CHECK(g[1](0, 0).item() == Approx(sum(a).item() * c.item()).epsilon(1e-12));
}

TEST_CASE("a remembered tensor that is overwritten is an error that names both lines") {
  const Tensor w = variable({2, 2}, 1), v = variable({2, 2}, 2);
  SECTION("itself") {
    Tensor y;
    const Where made = (y = sum(w * v), Where::here());
    const Where written = (assign(w, zeros({2, 2}, f64)), Where::here());
    CHECK(thrown<GradError>([&] { grad(y, {v}); }) ==
          made.str() + ": mul: what this op remembered for its gradient was overwritten at " + written.str());
  }
  SECTION("through a view") {
    const Tensor y = sum(w * v), row = w.detach()(0);
    const Where written = (assign(row, zeros({2}, f64)), Where::here());
    CHECK(contains(thrown<GradError>([&] { grad(y, {v}); }), "overwritten at " + written.str()));
    CHECK(w(0, 0).item() == 0);
  }
  SECTION("a view of it was remembered") {
    const Tensor y = sum(exp(w(0)) * v(1));
    assign(v, zeros({2, 2}, f64));
    CHECK(contains(thrown<GradError>([&] { grad(y, {w}); }), "mul: what this op remembered"));
  }
  SECTION("an output") {
    const Tensor y = exp(w);
    assign(y.detach(), zeros({2, 2}, f64));
    CHECK(contains(thrown<GradError>([&] { grad(sum(y), {w}); }), "exp: what this op remembered"));
  }
  SECTION("what was not remembered may be written") {
    const Tensor y = sum(w + v);
    assign(w, zeros({2, 2}, f64));
    CHECK(equal(grad(y, {w})[0], ones({2, 2}, f64)));
  }
  SECTION("what is remembered anew may be used") {
    assign(w, ones({2, 2}, f64));
    CHECK(equal(grad(sum(w * v), {v})[0], ones({2, 2}, f64)));
  }
}

TEST_CASE("what was frozen when an op ran has no gradient through it, also when it is trained again") {
  Linear layer{3, 2};
  const Tensor x = variable({4, 3}, 1, f32);
  freeze(layer);
  CHECK_FALSE(layer.weight.tracked());
  const int before = holders(x);
  const Tensor y = sum(layer(x));
  CHECK(holders(x) == before);  // x would be remembered for the weight's gradient alone
  CHECK_ERROR(GradError, grad(y, {layer.weight}), "grad: x number 0 [2, 3] does not require a gradient");
  freeze(layer, false);
  CHECK(equal(grad(y, {layer.weight})[0], zeros({2, 3})));
  CHECK(equal(grad(sum(layer(x)), {layer.bias})[0], full({2}, 4)));
}

TEST_CASE("what is cheap is made again, not remembered") {
  const int64_t n = 1000;
  const Tensor x = variable({n, n}, 1, f32), w = variable({n, 2}, 2, f32), scale = variable({n}, 3, f32);
  const auto f = [&](const Tensor& t) { return layer_norm(gelu(t), scale); };
  const std::size_t before = memory::in_use();
  const Tensor y = square(matmul(f(x), w));
  CHECK(memory::in_use() - before < std::size_t(n * n) * sizeof(float));  // neither gelu's nor layer_norm's
  const Tensor kept = f(x.detach()).detach().requires_grad(), z = square(matmul(kept, w));
  CHECK(equal(grad(sum(y), {w})[0], grad(sum(z), {w})[0]));
  const Tensor dw = grad(sum(y), {w}, create_graph)[0], dw_kept = grad(sum(z), {w}, create_graph)[0];
  CHECK(equal(grad(sum(square(dw)), {w})[0], grad(sum(square(dw_kept)), {w})[0]));
  CHECK(equal(grad(sum(square(dw)), {x})[0], vjp(f(x), grad(sum(square(dw_kept)), {kept})[0], {x})[0]));

  const Tensor shared = gelu(x), b = sum(matmul(shared, w));
  Tensor a = sum(matmul(shared, w));
  grad(consume(a), {x});
  CHECK(contains(thrown<GradError>([&] { grad(b, {w}); }), "gelu: the graph this op belongs to was consumed by grad"));
  assign(scale.detach(), zeros({n}));
  CHECK(
      contains(thrown<GradError>([&] { grad(sum(y), {w}); }), "layer_norm: what this op remembered for its gradient"));
}

struct CheapSin {
  static constexpr auto name = "cheap_sin";
  static constexpr bool cheap = true;
  int* runs;
  Array forward(const Array& x) const {
    ++*runs;
    return sin(Tensor(x)).array();
  }
  Tensor d0(Grad g, Input<0> x) const { return g * cos(x); }
};
TEST_CASE("a chain of what is cheap costs a few runs more for each op, however long it is") {
  int runs = 0;
  const Tensor x = variable({2}, 1);
  Tensor y = x, want = x;
  for (int i = 0; i < 1000; ++i) {
    y = apply(Where::here(), CheapSin{&runs}, y);
    want = sin(want);
  }
  runs = 0;
  CHECK(allclose(grad(sum(y), {x})[0], grad(sum(want), {x})[0], 1e-10, 0));
  CHECK(runs > 0);
  CHECK(runs <= 4000);
  for (int i = 0; i < 50000; ++i) y = silu(y);
  CHECK(finite(grad(sum(y), {x})[0]));
}

TEST_CASE("Gradients: paths, sums, multiples, norm") {
  Linear a{3, 2}, b{3, 2};
  const Tensor x = noise({4, 3}, 1, f32);
  const Gradients g = grad(sum(a(x)), a);
  CHECK(g.paths == std::vector<std::string>{"weight", "bias"});
  CHECK(equal(g.at("bias"), full({2}, 4)));
  CHECK(equal((g + g * 2).at("bias"), full({2}, 12)));
  double squares = 0;
  for (const Tensor& t : g.values)
    for (double v : t.to_vector()) squares += v * v;
  CHECK(g.norm() == Approx(std::sqrt(squares)).epsilon(1e-12));
  CHECK_ERROR(GradError, g.at("bais"), "Gradients: there is no parameter bais");
  const Gradients of_b = grad(sum(b(x)), b);
  CHECK(equal((g + of_b).at("weight"), g.at("weight") * 2));  // the same inputs: the same gradient
  Linear narrow{1, 2};
  CHECK(contains(thrown<GradError>([&] { g + grad(sum(narrow(x(_, range(0, 1)))), narrow); }),
                 "cannot add gradients of different models (weight is [2, 3] and [2, 1])"));
  CHECK(contains(thrown<GradError>([&] { g + Gradients{{"weight"}, {g.values[0]}}; }), "(2 and 1 parameters)"));
  const Gradients half{{"w"}, {cast(tensor({1, 2.5}), bf16)}};
  CHECK(equal((half + half * 3).at("w"), cast(tensor({4, 10}), bf16)));
}

TEST_CASE("contiguous and cast keep the history") {
  const Tensor x = variable({2, 3}, 1), y = transpose(x).contiguous();
  CHECK(y.tracked());
  CHECK(y.data<double>()[1] == x(1, 0).item());
  CHECK(equal(grad(sum(y * 3), {x})[0], full({2, 3}, 3, f64)));
  CHECK(equal(grad(sum(cast(x, f32)), {x})[0], ones({2, 3}, f64)));
  CHECK_FALSE(cast(x, i64).tracked());
  CHECK_FALSE(stop_gradient(x).tracked());
}

TEST_CASE("the gradient of a loss that another model made is refused") {
  struct One {
    int64_t width;
    Parameter weight = parameter(ones({width}));
  };
  const One a{3}, b{3};
  Tensor loss = sum(a.weight * 2);
  const auto said = [](auto f) {
    try {
      f();
    } catch (const GradError& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  CHECK(said([&] { grad(loss, b); }).find("y depends on no parameter of this model") != std::string::npos);
  CHECK(said([&] { grad(consume(loss), b); }).find("y depends on no parameter of this model") != std::string::npos);
  CHECK(loss.tracked());  // a refusal consumes nothing
  CHECK(grad(loss, a).at("weight").to_vector() == std::vector<double>{2, 2, 2});
}
