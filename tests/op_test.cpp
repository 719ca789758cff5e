// Every form an op can take, on ops of our own.
#include <heed/core/gradcheck.h>
#include "common.h"

using namespace heed;

namespace {

// What a kernel computes, for tests that are not about kernels.
template <class F>
Array computed(F f) {
  Unrecorded off;
  return f().array();
}

struct Cube {  // a rule that remembers its input
  static constexpr auto name = "cube";
  Array forward(const Array& x) const {
    return computed([&] { return Tensor(x) * Tensor(x) * Tensor(x); });
  }
  Tensor d0(Grad g, Input<0> x) const { return g * 3 * x * x; }
};

struct Exponential {  // a rule that remembers its output
  static constexpr auto name = "exponential";
  Array forward(const Array& x) const {
    return computed([&] { return exp(Tensor(x)); });
  }
  Tensor d0(Grad g, Output y) const { return g * y; }
};

struct Twice {  // a definition only
  static constexpr auto name = "twice";
  Tensor definition(const Tensor& a, const Tensor& b) const { return a * exp(b); }
  Array forward(const Array& a, const Array& b) const {
    return computed([&] { return definition(Tensor(a), Tensor(b)); });
  }
};

int kernels_run, rules_run;
struct Both {  // a rule and a kernel
  static constexpr auto name = "both";
  Array forward(const Array& x) const {
    return computed([&] { return exp(Tensor(x) * 2); });
  }
  Tensor d0(Grad g, Output y) const {
    ++rules_run;
    return g * y * 2;
  }
  Array backward(Grad g, Input<0> x) const {
    ++kernels_run;
    return computed([&] { return g * 2 * exp(x * 2); });
  }
};

std::vector<char> asked;
struct Kernel {  // a definition and a kernel that takes Kept and Needs
  static constexpr auto name = "kernel";
  Tensor definition(const Tensor& a, const Tensor& b) const { return exp(a) * b; }
  struct Kept {
    Array e;
  };
  std::pair<Array, Kept> forward(const Array& a, const Array& b) const {
    const Array e = computed([&] { return exp(Tensor(a)); });
    return {computed([&] { return Tensor(e) * Tensor(b); }), {e}};
  }
  std::array<Array, 2> backward(Grad g, Input<1> b, const Kept& kept, const Needs& needs) const {
    asked = {char(needs[0]), char(needs[1])};
    const Tensor e(kept.e);
    return {needs[0] ? computed([&] { return g * e * b; }) : Array(),
            needs[1] ? computed([&] { return g * e; }) : Array()};
  }
};

struct Powers {  // two outputs, by rules
  static constexpr auto name = "powers";
  std::array<Array, 2> forward(const Array& x) const {
    const Tensor t(x);
    return {computed([&] { return t * t; }), computed([&] { return t * t * t; })};
  }
  Tensor d0(Grad g2, GradOf<1> g3, Input<0> x, OutputOf<0> square) const {
    Tensor r = zeros_like(x);
    if (g2.defined()) r = r + g2 * 2 * x;
    if (g3.defined()) r = r + g3 * 3 * square;
    return r;
  }
};

struct DefinedPowers {  // two outputs, by definition
  static constexpr auto name = "defined_powers";
  std::array<Tensor, 2> definition(const Tensor& x) const { return {x * x, x * x * x}; }
  std::array<Array, 2> forward(const Array& x) const { return Powers{}.forward(x); }
};

struct WithIndex {  // its second output is an integer
  static constexpr auto name = "with_index";
  std::array<Array, 2> forward(const Array& x) const {
    return {computed([&] { return Tensor(x) * 2; }), arange(x.numel()).array()};
  }
  Tensor d0(Grad g) const { return g * 2; }
};

struct Chain {  // a list, by a rule that needs all of it
  static constexpr auto name = "chain";
  Array forward(std::span<const Array> x) const {
    Tensor y(x[0]);
    for (std::size_t i = 1; i < x.size(); ++i) y = Tensor(computed([&] { return y * Tensor(x[i]); }));
    return y.array();
  }
  Tensor d(Grad g, Inputs x, int i) const {
    Tensor r = g;
    for (std::size_t k = 0; k < x.size(); ++k)
      if (int(k) != i) r = r * x[k];
    return r;
  }
};

struct DefinedChain {  // a list, by definition
  static constexpr auto name = "defined_chain";
  Tensor definition(std::span<const Tensor> x) const {
    Tensor y = x[0];
    for (std::size_t i = 1; i < x.size(); ++i) y = y * x[i];
    return y;
  }
  Array forward(std::span<const Array> x) const { return Chain{}.forward(x); }
};

struct Affine {  // an input that may be absent
  static constexpr auto name = "affine";
  Array forward(const Array& x, const Array& b) const {
    return computed([&] { return b.defined() ? Tensor(x) * 2 + Tensor(b) : Tensor(x) * 2; });
  }
  Tensor d0(Grad g) const { return g * 2; }
  Tensor d1(Grad g) const { return g; }
};

struct Choose {  // a constant input
  static constexpr auto name = "choose";
  static constexpr auto constant = inputs<1>;
  Array forward(const Array& x, const Array& mask) const {
    return computed([&] { return Tensor(x) * Tensor(mask); });
  }
  Tensor d0(Grad g, Input<1> mask) const { return g * mask; }
};

struct Sign {
  static constexpr auto name = "sign";
  static constexpr bool differentiable = false;
  Array forward(const Array& x) const {
    return computed([&] { return where(Tensor(x) > 0, 1, -1); });
  }
};

struct Wrong {  // rules that are not right
  static constexpr auto name = "wrong";
  double kind;
  Array forward(const Array& x) const { return x; }
  Tensor d0(Grad g) const { return kind == 2 ? zeros({2}, g.dtype()) : kind == 1 ? zeros({3}) : cast(g, f32); }
};

struct SumOfSix {
  static constexpr auto name = "sum_of_six";
  Array forward(const Array& a, const Array& b, const Array& c, const Array& d, const Array& e, const Array& f) const {
    return computed([&] { return Tensor(a) * Tensor(b) + Tensor(c) * Tensor(d) + Tensor(e) * Tensor(f); });
  }
  Tensor d0(Grad g, Input<1> b) const { return g * b; }
  Tensor d1(Grad g, Input<0> a) const { return g * a; }
  Tensor d2(Grad g, Input<3> d) const { return g * d; }
  Tensor d3(Grad g, Input<2> c) const { return g * c; }
  Tensor d4(Grad g, Input<5> f) const { return g * f; }
  Tensor d5(Grad g, Input<4> e) const { return g * e; }
};

int adders_run;
struct Mix {  // a + 3 b, adding its gradients to what is there
  static constexpr auto name = "mix";
  Array forward(const Array& a, const Array& b) const {
    return computed([&] { return Tensor(a) + Tensor(b) * 3; });
  }
  Tensor d0(Grad g) const { return g * 1; }
  Tensor d1(Grad g) const { return g * 3; }
  void add0(Grad g, Array& sum) const { add(g, 1, sum); }
  void add1(Grad g, Array& sum) const { add(g, 3, sum); }
  static void add(const Tensor& g, double by, Array& sum) {
    ++adders_run;
    const std::vector<double> values = g.to_vector();
    for (std::size_t i = 0; i < values.size(); ++i) sum.mutable_data<double>()[i] += by * values[i];
  }
};

template <class F>
void check_derivatives(const F& f, const std::vector<Tensor>& x) {
  const GradcheckReport r = gradcheck(f, x, {.order = 2});
  INFO(r.str());
  CHECK(r.ok);
  CHECK(r.total.worst_error < 1e-7);
}

std::vector<Tensor> noises(std::initializer_list<Shape> shapes) {
  std::vector<Tensor> r;
  for (const Shape& s : shapes) r.push_back(noise(s, 10 + r.size()));
  return r;
}

}  // namespace

TEST_CASE("each form of op has right first and second derivatives") {
  const std::vector<Tensor> one = noises({{2, 3}}), two = noises({{2, 3}, {2, 3}});
  SECTION("a rule on an input") { check_derivatives(Cube{}, one); }
  SECTION("a rule on the output") { check_derivatives(Exponential{}, one); }
  SECTION("definition") { check_derivatives(Twice{}, two); }
  SECTION("rule and kernel") { check_derivatives(Both{}, one); }
  SECTION("definition and kernel, Kept and Needs") { check_derivatives(Kernel{}, two); }
  SECTION("several outputs") { check_derivatives(Powers{}, one); }
  SECTION("several outputs by definition") { check_derivatives(DefinedPowers{}, one); }
  SECTION("list") { check_derivatives(Chain{}, noises({{3}, {3}, {3}})); }
  SECTION("list by definition") { check_derivatives(DefinedChain{}, noises({{3}, {3}, {3}})); }
  SECTION("six inputs") { check_derivatives(SumOfSix{}, noises({{2}, {2}, {2}, {2}, {2}, {2}})); }
  SECTION("adders") { check_derivatives(Mix{}, two); }
  SECTION("absent input") { check_derivatives(Affine{}, two); }
}

TEST_CASE("f(x, x): the partials stay apart and are summed") {
  const Tensor x = variable({3}, 1);
  CHECK(allclose(grad(sum(apply({}, Twice{}, x, x)), {x})[0], (x + 1) * exp(x), 1e-14, 1e-14));
  CHECK(allclose(grad(sum(apply({}, Mix{}, x, x)), {x})[0], full({3}, 4, f64)));
  const Tensor list[] = {x, x, x};
  CHECK(allclose(grad(sum(apply_list({}, Chain{}, list)), {x})[0], 3 * x * x, 1e-14, 1e-14));
  CHECK(allclose(grad(sum(apply_list({}, DefinedChain{}, list)), {x})[0], 3 * x * x, 1e-14, 1e-14));
}

TEST_CASE("rule and kernel: the kernel runs for values, the rule where a graph is wanted") {
  const Tensor x = variable({3}, 1), y = sum(apply({}, Both{}, x));
  kernels_run = rules_run = 0;
  grad(y, {x});
  CHECK(kernels_run == 1);
  CHECK(rules_run == 0);
  grad(y, {x}, create_graph);
  CHECK(kernels_run == 1);
  CHECK(rules_run == 1);
}

TEST_CASE("Needs says which gradients are wanted") {
  const Tensor a = variable({3}, 1), b = variable({3}, 2), y = sum(apply({}, Kernel{}, a, b));
  grad(y, {a});
  CHECK(asked == std::vector<char>{1, 0});
  grad(y, {b});
  CHECK(asked == std::vector<char>{0, 1});
  grad(y, {a, b});
  CHECK(asked == std::vector<char>{1, 1});
}

TEST_CASE("of several outputs, gradients that nothing flowed into are undefined") {
  const Tensor x = variable({3}, 1);
  auto check = [&](const std::array<Tensor, 2>& y) {
    CHECK(allclose(grad(sum(y[0]), {x})[0], 2 * x, 1e-14, 1e-14));
    CHECK(allclose(grad(sum(y[1]), {x})[0], 3 * x * x, 1e-14, 1e-14));
    CHECK(allclose(grad(sum(y[0]) + sum(y[1]), {x})[0], 2 * x + 3 * x * x, 1e-14, 1e-14));
  };
  check(apply({}, Powers{}, x));
  check(apply({}, DefinedPowers{}, x));
}

TEST_CASE("integer outputs carry no history") {
  const Tensor x = variable({3}, 1);
  const auto [y, index] = apply({}, WithIndex{}, x);
  CHECK(y.tracked());
  CHECK_FALSE(index.tracked());
  CHECK(equal(grad(sum(y), {x})[0], full({3}, 2, f64)));
  CHECK_FALSE(topk(x, 2).indices.tracked());
}

TEST_CASE("an absent input is undefined and its rule is not called") {
  const Tensor x = variable({3}, 1), y = apply({}, Affine{}, x, Tensor());
  CHECK(equal(grad(sum(y), {x})[0], full({3}, 2, f64)));
}

TEST_CASE("a tracked tensor in a constant place is refused at the call") {
  const Tensor x = variable({3}, 1), mask = noise({3}, 2), tracked = variable({3}, 3);
  CHECK(equal(grad(sum(apply({}, Choose{}, x, mask)), {x})[0], mask));
  CHECK_ERROR(GradError, apply(Where::here(), Choose{}, x, tracked),
              "choose: no gradient flows into argument 1, but it has a history: detach() it if that is meant");
  Unrecorded off;
  CHECK_NOTHROW(apply({}, Choose{}, x, tracked));
}

TEST_CASE("an op that is not differentiable gives no history") {
  const Tensor x = variable({3}, 1);
  CHECK_FALSE(apply({}, Sign{}, x).tracked());
  CHECK_FALSE((x > 0).tracked());
  CHECK_FALSE(argmax(x).tracked());
}

TEST_CASE("a rule or a kernel that gives a gradient of another type or shape is an error at the forward line") {
  const Tensor x = variable({3}, 1);
  for (double kind : {0.0, 1.0}) {
    Tensor y;
    const Where made = (y = apply(Where::here(), Wrong{kind}, x), Where::here());
    CHECK(thrown<DtypeError>([&] { grad(sum(y), {x}); }) ==
          made.str() + ": wrong: its rule gives a gradient in f32 for an input in f64");
  }
  Tensor y;
  const Where made = (y = apply(Where::here(), Wrong{2}, x), Where::here());
  CHECK(thrown<ShapeError>([&] { grad(sum(y), {x}); }) ==
        made.str() + ": wrong: its rule gives a gradient of shape [2] for an input of shape [3]");
}

TEST_CASE("adders add to what has arrived, and rules serve where a graph is wanted") {
  const Tensor x = variable({4}, 1), c = noise({4}, 2);
  const Tensor y = sum(x * c) + sum(apply({}, Mix{}, x, x) * c) + sum(x * c) + sum(apply({}, Mix{}, x, c));
  adders_run = 0;
  const Tensor g = grad(y, {x})[0];
  CHECK(adders_run == 3);  // c wants no gradient
  CHECK(allclose(g, 6 * c + 1, 1e-14, 1e-14));
  const Tensor recorded = grad(y, {x}, create_graph)[0];
  CHECK(adders_run == 3);
  CHECK(allclose(recorded, g, 1e-14, 1e-14));
}

TEST_CASE("gradients of views are added in place") {
  auto numbers = [](const Shape& s) { return reshape(arange(s.numel(), f64), s) + 1; };
  const Tensor x = variable({4, 6}, 1);
  SECTION("a column, twice") {
    const Tensor g = grad(sum(x(_, 1)) + sum(x(_, 1) * 2), {x})[0];
    CHECK(equal(g, 3 * cast(arange(6, f64) == 1, f64) + zeros({4, 6}, f64)));
  }
  SECTION("every other column, and rows of a step") {
    const Tensor c = numbers({4, 3}), r = numbers({2, 6});
    const Tensor g = grad(sum(x(_, range(0, 6, 2)) * c) + sum(slice(x, 0, 1, 4, 2) * r), {x})[0];
    for (int64_t i = 0; i < 4; ++i)
      for (int64_t j = 0; j < 6; ++j)
        CHECK(g(i, j).item() == (j % 2 ? 0 : c(i, j / 2).item()) + (i % 2 ? r(i / 2, j).item() : 0));
  }
  SECTION("on top of a gradient that is itself a view") {
    const Tensor g = grad(sum(transpose(x) * numbers({6, 4})) + sum(x(range(1, 3), 2)), {x})[0];
    for (int64_t i = 0; i < 4; ++i)
      for (int64_t j = 0; j < 6; ++j)
        CHECK(g(i, j).item() == double(j * 4 + i + 1) + (j == 2 && (i == 1 || i == 2) ? 1 : 0));
  }
  SECTION("gather and embedding, with repeated indices") {
    const Tensor index = tensor({{0, 0, 5}, {1, 1, 1}, {2, 3, 2}, {5, 0, 5}}, i64), c = numbers({4, 3});
    const Tensor g = grad(sum(gather(x, 1, index) * c) + sum(gather(x, 1, index)), {x})[0];
    const std::vector<double> got = g.to_vector(), weights = c.to_vector();
    std::vector<double> want(24);
    const std::vector<int64_t> at = index.to_vector<int64_t>();
    for (std::size_t i = 0; i < 12; ++i) want[i / 3 * 6 + std::size_t(at[i])] += weights[i] + 1;
    CHECK(got == want);
    const Tensor rows = tensor({3, 0, 3}, i64);
    const Tensor e = grad(sum(embedding(rows, x)) + sum(embedding(rows, x) * 2), {x})[0];
    CHECK(e(_, 0).to_vector() == std::vector<double>{3, 0, 0, 6});
  }
}

TEST_CASE("a node remembers what its rules take, where a gradient is wanted") {
  const Tensor x = variable({3, 3}, 1), w = variable({3, 3}, 2), frozen = noise({3, 3}, 3);
  auto held = [&](const Tensor& t, auto f) {
    const int before = holders(t);
    const Tensor y = f();
    return holders(t) - before;
  };
  CHECK(held(x, [&] { return x + w; }) == 0);
  CHECK(held(x, [&] { return x * w; }) == 1);
  CHECK(held(w, [&] { return x * w; }) == 1);
  CHECK(held(x, [&] { return x * frozen; }) == 0);
  CHECK(held(frozen, [&] { return x * frozen; }) == 1);
  CHECK(held(x, [&] { return matmul(x, frozen); }) == 0);
  CHECK(held(frozen, [&] { return matmul(x, frozen); }) == 1);
  CHECK(held(x, [&] { return linear(x, frozen); }) == 0);
  CHECK(held(x, [&] { return exp(x); }) == 0);
  CHECK(held(x, [&] { return softmax(x); }) == 0);
  CHECK(held(x, [&] { return gelu(x); }) == 1);
  CHECK(held(x, [&] { return dropout(x, {0.5, 3}); }) == 0);
  CHECK(held(x, [&] { return sum(x, 0); }) == 0);
  CHECK(held(x, [&] { return apply({}, Twice{}, x, frozen); }) == 1);  // a definition takes everything
  CHECK(held(frozen, [&] { return apply({}, Twice{}, x, frozen); }) == 1);
  CHECK(holders(exp(x)) == 2);
  CHECK(holders(softmax(x)) == 2);
  CHECK(holders(x + w) == 1);
  CHECK(holders(apply({}, Both{}, x)) == 2);  // the union of what rule and kernel take
  const Tensor a = variable({3}, 1), b = noise({3}, 2);
  CHECK(holders(apply({}, Kernel{}, a, b)) == 1);
}

TEST_CASE("nothing is remembered of untracked and unrecorded ops") {
  const Tensor x = variable({3}, 1), c = noise({3}, 2);
  const int before = holders(x);
  {
    Unrecorded off;
    const Tensor y = exp(x) * x;
    CHECK_FALSE(y.tracked());
    CHECK(holders(x) == before);
  }
  CHECK_FALSE((c * c).tracked());
  CHECK((x * c).tracked());
}
