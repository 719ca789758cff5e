// What surrounds an op: the user's line, the module's path, observers, anomalies, definitions.
#include <heed/core/anomaly.h>
#include <limits>
#include "common.h"

using namespace heed;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

struct Top {
  int64_t width;
  std::vector<FeedForward> layers = stack_of(2, [this] { return FeedForward{.width = width, .hidden = 2}; });
  Tensor operator()(In x) const {
    Scope here{*this, x};
    return layers[1](layers[0](x));
  }
};

struct Seen {
  std::string op, where, path;
  bool backward;
};
template <class M, class F>
std::vector<Seen> events(const M& model, F f) {
  std::vector<Seen> r;
  Observe watching([&](const Event& e) { r.push_back({e.op, e.at.str(), path_of(model, e.module), e.backward}); });
  f();
  return r;
}

}  // namespace

TEST_CASE("an observer sees every op of a module, with the user's line and the module's path") {
  const Top top{3};
  const Tensor x = variable({2, 3}, 1, f32);
  Tensor y;
  Where line;
  const std::vector<Seen> forward = events(top, [&] { line = (y = top(x), Where::here()); });
  std::vector<std::string> names, paths;
  for (const Seen& s : forward) {
    CHECK(s.where == line.str());
    CHECK_FALSE(s.backward);
    names.push_back(s.op);
    paths.push_back(s.path);
  }
  CHECK(names == std::vector<std::string>{"linear", "gelu", "linear", "linear", "gelu", "linear"});
  CHECK(paths == std::vector<std::string>{"layers.0.up", "layers.0", "layers.0.down", "layers.1.up", "layers.1",
                                          "layers.1.down"});

  const Tensor loss = sum(y);
  std::vector<Seen> backward = events(top, [&] { grad(loss, top); });
  std::erase_if(backward, [](const Seen& s) { return !s.backward; });
  REQUIRE(backward.size() == 7);
  CHECK(backward[0].op == "sum_to");
  for (std::size_t i = 1; i < 7; ++i) {
    CHECK(backward[i].op == names[6 - i]);
    CHECK(backward[i].path == paths[6 - i]);
    CHECK(backward[i].where == line.str());
  }
}

TEST_CASE("kernels call no ops: an op is one event") {
  const Tensor x = noise({3, 4}, 1);
  int seen = 0;
  Observe watching([&](const Event&) { ++seen; });
  topk(x, 2);
  CHECK(seen == 1);
  layer_norm(x);
  cross_entropy(x, zeros({3}, i64), {.reduction = Reduction::none});
  embedding(zeros({3}, i64), x);
  CHECK(seen == 4);
}

TEST_CASE("ops made inside rules carry the forward op's line and module") {
  const Top top{3};
  const Tensor x = variable({2, 3}, 1, f32);
  Tensor y;
  const Where line = (y = top(x), Where::here());
  const Tensor loss = sum(y * y);
  const Where called = (grad(loss, top, create_graph), Where::here());
  int inside = 0;
  for (const Seen& s : events(top, [&] { grad(loss, top, create_graph); })) {
    CHECK(s.where != called.str());
    if (!s.backward && s.where == line.str()) {
      ++inside;
      CHECK(contains(s.path, "layers."));
    }
  }
  CHECK(inside > 6);
}

TEST_CASE("two output gradients given for one tensor are added on behalf of the op it came from") {
  const Tensor x = variable({3}, 1);
  const Tensor y = x * x;
  const Where line = {__FILE__, __LINE__ - 1};
  const Tensor ys[] = {y, y}, gys[] = {noise({3}, 2), noise({3}, 3)};
  std::vector<std::string> lines;
  Observe watching([&](const Event& e) {
    if (e.op == std::string("add")) lines.push_back(e.at.str());
  });
  vjp(ys, gys, {&x, 1});
  CHECK(lines == std::vector{line.str()});
}

TEST_CASE("the user's line through composites, indexing, lists, numbers and reductions") {
  const Tensor x = variable({3, 4, 4}, 1, f32), m = noise({4, 4}, 2, f32);
  std::vector<std::string> lines;
  Observe watching([&](const Event& e) { lines.push_back(std::string(e.op) + " " + e.at.str()); });
#define CHECK_LINE(expression)                                                                  \
  do {                                                                                          \
    lines.clear();                                                                              \
    (void)(expression);                                                                         \
    CHECK_FALSE(lines.empty());                                                                 \
    for (const std::string& l : lines) CHECK(l.substr(l.find(" ") + 1) == Where::here().str()); \
  } while (false)
  CHECK_LINE(x(2, _, range(2, 4)));
  CHECK_LINE(silu(x));
  CHECK_LINE(mean(x));
  CHECK_LINE(mean(x, {0, 1}));
  CHECK_LINE(sum(x));
  CHECK_LINE(sum(x > 0));
  CHECK_LINE(sum(x, 1));
  CHECK_LINE(max(x));
  CHECK_LINE(max(x, 0));
  CHECK_LINE(logsumexp(x, 1));
  CHECK_LINE(softmax(x, 1));
  CHECK_LINE(topk(x, 2, 0));
  CHECK_LINE(stack({m, m}));
  CHECK_LINE(concat({m, m}, -1));
  CHECK_LINE(matmul(x, m(0)));
  CHECK_LINE(matmul(m(0).detach(), x));
  CHECK_LINE(matmul(x, m));
  CHECK_LINE(masked_softmax(x, x > 0));
  CHECK_LINE(scaled_dot_product_attention(x, m, m));
  CHECK_LINE(expand(m, {3, 4, 4}));
  CHECK_LINE(2 - x);
  CHECK_LINE(-x);
  CHECK_LINE(x * 2);
  CHECK_LINE(arange(4) + m);
  CHECK_LINE(transpose(x).contiguous());
  CHECK_LINE(cast(x, f64));
}

TEST_CASE("observers nest: the inner one first, then the outer one") {
  std::string order;
  const Tensor x = ones({2});
  Observe outer([&](const Event&) { order += 'o'; });
  x + x;
  {
    Observe inner([&](const Event&) { order += 'i'; });
    x + x;
  }
  x + x;
  CHECK(order == "oioo");
}

TEST_CASE("scopes end with their block, also by an exception") {
  const Tensor x = variable({2}, 1);
  try {
    Unrecorded off;
    DefinitionsOnly on;
    x + ones({3}, f64);
  } catch (const ShapeError&) {
  }
  CHECK(mode.recording);
  CHECK_FALSE(mode.definitions_only);
  CHECK(mode.line == nullptr);
  CHECK(mode.module == ModuleId{});
}

TEST_CASE("recording can be switched on within an unrecorded block") {
  const Tensor x = variable({2}, 1);
  Unrecorded off;
  CHECK_FALSE((x * 2).tracked());
  Recording on(true);
  CHECK((x * 2).tracked());
}

TEST_CASE("definitions only: a whole model without its fused kernels") {
  const MultiHeadAttention m{4, 2};
  const LayerNorm norm{4};
  const MultiHeadAttention attention = cast(m, f64);
  const LayerNorm layer = cast(norm, f64);
  const Tensor x = variable({2, 3, 4}, 1), target = zeros({2, 3}, i64);
  auto loss = [&] { return cross_entropy(layer(attention(x)), target); };
  std::vector<std::string> ops;
  Tensor by_definition, by_kernel = loss();
  {
    DefinitionsOnly on;
    Observe watching([&](const Event& e) { ops.push_back(e.op); });
    by_definition = loss();
  }
  for (const char* fused : {"scaled_dot_product_attention", "layer_norm", "cross_entropy", "softmax", "log_softmax"})
    CHECK(std::count(ops.begin(), ops.end(), fused) == 0);
  CHECK(std::count(ops.begin(), ops.end(), "exp") > 0);
  CHECK(max_difference(by_definition, by_kernel) < 1e-14);
  CHECK(max_difference(grad(by_definition, {x})[0], grad(by_kernel, {x})[0]) < 1e-14);
}

struct WrongKernel {
  static constexpr auto name = "wrong_kernel";
  Tensor definition(std::span<const Tensor> x) const { return x[0] + x[1]; }
  Array forward(std::span<const Array> x) const { return x[0]; }
};
TEST_CASE("definitions only, of a list") {
  const Tensor list[] = {ones({2}), ones({2})};
  CHECK(equal(apply_list({}, WrongKernel{}, list), ones({2})));
  DefinitionsOnly on;
  CHECK(equal(apply_list({}, WrongKernel{}, list), ones({2}) * 2));
}

// ---- anomalies
TEST_CASE("the first infinity of a forward pass: op, line, element, module") {
  const Tensor x = tensor({{1, 2}, {0, 3}});
  {
    Anomaly watch;
    CHECK_ERROR(Error, log(x), "log: its output is -inf at [1, 0] of [2, 2]");
    CHECK_ERROR(Error, 1 / sum(x * 0), "div: its output is inf");
    CHECK_ERROR(Error, sqrt(x - 2), "sqrt: its output is nan at [0, 0] of [2, 2]");
    CHECK_NOTHROW(exp(x));
  }
  CHECK_NOTHROW(log(x));

  const Top top{2};
  assign(top.layers[1].up.weight, full({2, 2}, 3e38));
  Anomaly watch{top};
  CHECK_ERROR(Error, top.layers[1](full({1, 2}, 1e3)), "linear: its output is inf at [0, 0] of [1, 2], in layers.1.up");
}

TEST_CASE("a nan that came from outside is found at the first op it reaches") {
  Anomaly watch;
  const Tensor x = tensor({1, std::numeric_limits<double>::quiet_NaN()});
  CHECK_ERROR(Error, x * 2, "scale: its output is nan at [1] of [2]; its input has nan already");
}

TEST_CASE("infinities that were given are no anomaly") {
  Anomaly watch;
  const Tensor x = variable({3}, 1), mask = tensor({1, 0, 1}) > 0;
  const Tensor masked = where(mask, x, -infinity), y = softmax(masked), added = softmax(x + log(ones({3}, f64)));
  CHECK_NOTHROW(x + where(mask, zeros({}, f64), -infinity));
  CHECK_NOTHROW(grad(sum(y * y), {x}));
  CHECK_NOTHROW(cast(full({2}, infinity), i64) < 3);  // integers are not judged
  CHECK_NOTHROW(masked_softmax(x, tensor({0, 0, 0}) > 0));
  CHECK_NOTHROW(scaled_dot_product_attention(noise({2, 3}, 1), noise({4, 3}, 2), noise({4, 3}, 3),
                                             {.mask = zeros({2, 4}, boolean)}));
  CHECK(contains(thrown<Error>([&] { softmax(full({2}, -infinity)); }), "softmax: its output is nan at [0] of [2]"));
}

TEST_CASE("the first infinity of a gradient: the op, its forward line, its module") {
  const Tensor x = tensor({{4, 0}}).requires_grad();
  Tensor y;
  const Where made = (y = sqrt(x), Where::here());
  const Tensor loss = sum(y * 2);
  Anomaly watch;
  CHECK(thrown<GradError>([&] { grad(loss, {x}); }) ==
        made.str() + ": sqrt: the gradient of its input 0 is inf at [0, 1] of [1, 2]");
  CHECK(thrown<GradError>([&] { grad(loss, {x}, create_graph); }) ==
        made.str() + ": sqrt: the gradient of its input 0 is inf at [0, 1] of [1, 2]");

  struct Root {
    int64_t power;
    Tensor operator()(In t) const {
      Scope here{*this, t};
      return sqrt(t);
    }
  };
  struct Model {
    Linear first{1, 1};
    std::vector<Root> roots = stack_of(3, [] { return Root{2}; });
  } model;
  Anomaly with_paths{model};
  Tensor z;
  const Where line = (z = sum(model.roots[2](x)), Where::here());
  CHECK(thrown<GradError>([&] { grad(z, {x}); }) ==
        line.str() + ": sqrt: the gradient of its input 0 is inf at [0, 1] of [1, 2], in roots.2");
}

struct BrokenAdder {
  static constexpr auto name = "broken_adder";
  Array forward(const Array& x) const { return x; }
  Tensor d0(Grad g) const { return g; }
  void add0(Grad, Array& sum) const { sum = filled(sum.shape(), std::nan(""), sum.dtype()); }
};
TEST_CASE("a gradient that is added to what has arrived is looked at, too") {
  const Tensor x = variable({2}, 1), loss = sum(apply({}, BrokenAdder{}, x)) + sum(x);
  CHECK(std::isnan(grad(loss, {x})[0].to_vector()[0]));
  Anomaly watch;
  CHECK(contains(thrown<GradError>([&] { grad(loss, {x}); }), "broken_adder: the gradient of its input 0 is nan"));
}

TEST_CASE("what a rule computes on the way is not judged, only what it returns") {
  const Tensor a = tensor({0, 2}).requires_grad();
  Anomaly watch;
  const Tensor y = sum(pow(a, 2.0));
  CHECK(equal(grad(y, {a}, create_graph)[0], tensor({0, 4})));
  const Tensor guarded = sum(where(a > 0, sqrt(where(a > 0, a, 1)), 0));
  CHECK_NOTHROW(grad(guarded, {a}));
}

TEST_CASE("within a checkpoint the op inside is named") {
  const Tensor x = tensor({4, 0}).requires_grad();
  const Tensor y = checkpoint([](In t) { return sqrt(t) * 2; }, x);
  Anomaly watch;
  CHECK(contains(thrown<GradError>([&] { grad(sum(y), {x}); }),
                 "sqrt: the gradient of its input 0 is inf at [1] of [2]"));
  CHECK_FALSE(mode.in_rule);
}

TEST_CASE("an anomaly scope calls the observer around it") {
  int seen = 0;
  Observe watching([&](const Event&) { ++seen; });
  Anomaly watch;
  ones({2}) + 1;
  CHECK(seen == 1);
}
