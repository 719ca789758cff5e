// What lets a user look in: summary, profiler, graph_dot, find_lr.
#include <heed/core/graph.h>
#include <heed/core/profiler.h>
#include <heed/core/summary.h>
#include <heed/core/table.h>
#include <heed/models/run/lr_finder.h>
#include <nlohmann/json.hpp>
#include "common.h"
#include "files.h"

using namespace heed;

namespace {

struct Block {
  int64_t width, heads;
  LayerNorm norm{width};
  MultiHeadAttention attention{width, heads};
  FeedForward mlp{width, 4 * width};
  Tensor operator()(In x, Rng* training = nullptr) const {
    Scope here{*this, x};
    const Tensor h = x + attention(norm(x), training);
    return h + mlp(h, training);
  }
};
struct Net {
  int64_t vocab, width;
  Embedding token{vocab, width};
  std::vector<Block> blocks = stack_of(2, [this] { return Block{width, 2}; });
  Linear unused{width, width};
  Linear head{.in = width, .out = vocab, .weight = tie(token.weight), .bias = {}};
  Tensor operator()(In x, Rng* training = nullptr) const {
    Tensor h = token(x);
    for (const Block& b : blocks) h = b(h, training);
    return head(h);
  }
};

const Summary::Row& row(const Summary& s, std::string_view path) {
  for (const Summary::Row& r : s.rows)
    if (r.path == path) return r;
  FAIL("no row " << path);
  return s.rows[0];
}
const Profiler::Row& row(const std::vector<Profiler::Row>& rows, std::string_view name) {
  for (const Profiler::Row& r : rows)
    if (r.name == name) return r;
  FAIL("no row " << name);
  return rows[0];
}
int count(const std::string& text, const std::string& part) {
  int n = 0;
  for (std::size_t i = text.find(part); i != std::string::npos; i = text.find(part, i + 1)) ++n;
  return n;
}

namespace inner {
template <class A, class B>
struct Pair {
  A a;
  B b;
};
}  // namespace inner

}  // namespace

TEST_CASE("type names are those of the source, without namespaces") {
  auto text = [](auto v) { return type_name({nullptr, &typeid(v)}); };
  struct Local {};
  CHECK(text(Local{}) == "Local");
  CHECK(type_name({nullptr, &typeid(Linear)}) == "Linear");
  CHECK(type_name({nullptr, &typeid(Block)}) == "Block");
  CHECK(type_name({nullptr, &typeid(inner::Pair<Linear, inner::Pair<Local, int>>)}) ==
        "Pair<Linear, Pair<Local, int> >");
  CHECK(type_name({}).empty());
}

TEST_CASE("numbers are grouped, columns aligned") {
  CHECK(grouped(0) == "0");
  CHECK(grouped(-999) == "-999");
  CHECK(grouped(-1000) == "-1,000");
  CHECK(grouped(1234567) == "1,234,567");
  Table t({"name", "n"}, 1);
  t.add({"a", "1,000"});
  t.add({"longer", ""});
  CHECK(t.str() == "name        n\na       1,000\nlonger\n");
}

// ---- summary
TEST_CASE("multiply-adds of products, from their shapes") {
  auto adds = [](auto f) {
    int64_t n = 0;
    Observe count([&](const Event& e) { n += e.multiply_adds; });
    f();
    return n;
  };
  const Tensor x = noise({2, 3, 5}, 1), w = noise({7, 5}, 2);
  CHECK(adds([&] { linear(x, w); }) == 2 * 3 * 5 * 7);
  CHECK(adds([&] { linear(x, w, zeros({7}, f64)); }) == 2 * 3 * 5 * 7);
  CHECK(adds([&] { matmul(x, transpose(w)); }) == 2 * 3 * 5 * 7);
  CHECK(adds([&] { matmul(x, noise({4, 1, 5, 6}, 3)); }) == 4 * 2 * 3 * 5 * 6);
  CHECK(adds([&] { matmul(x(0, 0), x(0, 1)); }) == 5);
  CHECK(adds([&] { matmul(zeros({2, 0}), zeros({0, 3})); }) == 0);
  const Tensor q = noise({2, 4, 3, 5}, 1), k = noise({2, 4, 6, 5}, 2), v = noise({2, 4, 6, 7}, 3);
  const int64_t of_attention = 2 * 4 * 3 * 6 * (5 + 7);
  CHECK(adds([&] { scaled_dot_product_attention(q, k, v); }) == of_attention);
  CHECK(adds([&] { scaled_dot_product_attention(q, k, v, {.causal = Causal::lower_right}); }) == of_attention);
  CHECK(adds([&] {
          DefinitionsOnly on;
          scaled_dot_product_attention(q, k, v);
        }) == of_attention);
  CHECK(adds([&] { softmax(exp(x) + x * x); }) == 0);
}

TEST_CASE("summary of a linear layer: everything is known") {
  const Linear layer{5, 7};
  const Summary s = summary(layer, noise({2, 3, 5}, 1, f32));
  REQUIRE(s.rows.size() == 1);
  CHECK(s.rows[0].type == "Linear");
  CHECK(*s.rows[0].output == Shape{2, 3, 7});
  CHECK(s.rows[0].parameters == 5 * 7 + 7);
  CHECK(s.rows[0].multiply_adds == 2 * 3 * 5 * 7);
  CHECK(s.rows[0].remembered == 2 * 3 * 5 * 4);  // x, for the weight's gradient
  CHECK(s.str() ==
        "module   type    output     parameters  multiply-adds  remembered bytes\n"
        "(model)  Linear  [2, 3, 7]          42            210               120\n"
        "42 parameters, 42 trained, in 168 bytes; 210 multiply-adds; 120 bytes remembered for the gradient\n");
  freeze(layer);
  CHECK(summary(layer, noise({2, 3, 5}, 1, f32)).rows[0].remembered == 0);
  CHECK(summary(layer, variable({2, 3, 5}, 1, f32)).trained == 0);
}

TEST_CASE("summary of a model: a row per module with what is inside it") {
  const int64_t B = 2, T = 3, W = 4, V = 5, n = B * T * W;
  const Net net{.vocab = V, .width = W};
  const Tensor x = zeros({B, T}, i64);
  const Summary s = summary(net, x);
  std::vector<std::string> paths;
  for (const Summary::Row& r : s.rows) paths.push_back(r.path);
  CHECK(paths == std::vector<std::string>{"", "token", "blocks.0", "blocks.0.norm", "blocks.0.attention",
                                          "blocks.0.attention.out_proj", "blocks.0.mlp", "blocks.0.mlp.up",
                                          "blocks.0.mlp.down", "blocks.1", "blocks.1.norm", "blocks.1.attention",
                                          "blocks.1.attention.out_proj", "blocks.1.mlp", "blocks.1.mlp.up",
                                          "blocks.1.mlp.down", "unused", "head"});
  CHECK(row(s, "blocks.1.attention.out_proj").depth == 3);
  CHECK(row(s, "blocks.1.attention").type == "MultiHeadAttention");
  CHECK(*row(s, "").output == Shape{B, T, V});
  CHECK(*row(s, "blocks.0.mlp.up").output == Shape{B, T, 4 * W});
  CHECK_FALSE(row(s, "unused").output);

  const int64_t attention = 4 * W * W + 4 * W, mlp = 8 * W * W + 5 * W, block = 2 * W + attention + mlp;
  CHECK(row(s, "blocks.0.attention").parameters == attention);
  CHECK(row(s, "blocks.0").parameters == block);
  CHECK(row(s, "token").parameters == V * W);
  CHECK(row(s, "head").parameters == 0);  // the token's
  CHECK(row(s, "").parameters == V * W + 2 * block + W * W + W);
  CHECK(s.trained == row(s, "").parameters);
  CHECK(s.bytes == 4 * s.trained);

  const int64_t attended = 4 * n * W + 2 * B * T * T * W, fed = 8 * n * W;
  CHECK(row(s, "blocks.0.attention").multiply_adds == attended);
  CHECK(row(s, "blocks.0.mlp").multiply_adds == fed);
  CHECK(row(s, "").multiply_adds == 2 * (attended + fed) + n * V);

  CHECK(row(s, "token").remembered == B * T * 8);                                 // the index
  CHECK(row(s, "blocks.0.norm").remembered == 4 * (n + 2 * B * T));               // its input, mean and deviation
  CHECK(row(s, "blocks.0.attention.out_proj").remembered == 0);                   // its input is y below
  CHECK(row(s, "blocks.0.attention").remembered == 4 * (3 * n + n + B * 2 * T));  // q k v, y, lse; norm(x) is cheap
  CHECK(row(s, "blocks.0.mlp").remembered == 4 * (n + 4 * n));                    // x, up(x); gelu of it is cheap
  int64_t parts = 0;
  for (const char* part : {"token", "blocks.0", "blocks.1", "head"}) parts += row(s, part).remembered;
  CHECK(row(s, "").remembered == parts);
}

TEST_CASE("remembered bytes are those that the graph holds") {
  const Net net{.vocab = 50, .width = 32};
  const Tensor x = randint(0, 50, {4, 16}, default_rng());
  const Summary s = summary(net, x);
  Tensor y = net(x);  // once, so that nothing is left to be made at the first call
  const std::size_t free = [&] {
    y = Tensor();
    return memory::in_use();
  }();
  y = net(x);
  const int64_t held = int64_t(memory::in_use() - free) + x.numel() * 8 - y.numel() * 4;  // x is held, y not remembered
  CHECK(std::abs(held - s.rows[0].remembered) <= 1 << 10);                                // numbers without dimensions
}

TEST_CASE("summary calls a model as it is called: options, generators, several inputs, another method") {
  const MultiHeadAttention m{4, 2};
  const Tensor x = noise({2, 3, 4}, 1, f32), k = noise({2, 5, 4}, 2, f32);
  Rng rng{1};
  CHECK(summary(m, x, k, k).rows[0].multiply_adds == 2 * (3 + 2 * 5 + 3) * 16 + 2 * 2 * 3 * 5 * 4);
  CHECK(summary(m, x, MultiHeadOptions{.causal = Causal::on}, &rng).rows[0].multiply_adds == 2 * 3 * 64 + 2 * 72);
  const Summary weights = summary(m, [&] { return m.with_weights(x, x, x); });
  CHECK(row(weights, "out_proj").multiply_adds == 2 * 3 * 16);
  const Lstm lstm({.in = 4, .hidden = 3});
  CHECK(summary(lstm, x).rows[0].multiply_adds == 2 * 3 * (4 + 3) * 12);
  struct Pair {
    Tensor a, b;
  };
  struct Sum {
    Linear up{4, 4};
    Tensor operator()(const Pair& p) const { return up(p.a) + p.b; }
  };
  CHECK(*summary(Sum{}, Pair{x, x}).rows[0].output == x.shape());
  CHECK_ERROR(ShapeError, summary(m, noise({2, 3, 5}, 1, f32)),
              "MultiHeadAttention: the query must be [B, T, 4], not [2, 3, 5]");
}

TEST_CASE("summary sees into checkpoints and past running statistics") {
  struct Saving {
    Linear a{4, 8}, b{8, 4};
    BatchNorm1d norm{4};
    Tensor operator()(In x, Rng* training = nullptr) const {
      const Tensor h = checkpoint([this](In t) { return b(relu(a(t))); }, x);
      return sum(norm(h, training));
    }
  } const model;
  Rng rng{1};
  const Tensor x = variable({6, 4}, 1, f32), mean = model.norm.running_mean.contiguous();
  const Summary s = summary(model, x, &rng);
  CHECK(row(s, "a").multiply_adds == 6 * 4 * 8);
  CHECK(*row(s, "a").output == Shape{6, 8});
  CHECK(row(s, "a").remembered == 0);
  CHECK(*row(s, "norm").output == Shape{6, 4});
  CHECK(row(s, "").remembered - row(s, "norm").remembered == 6 * 4 * 4);  // x, by the checkpoint
  const bool recording = mode.recording;
  {
    Unrecorded off;
    CHECK(summary(model, x).rows[0].remembered == summary(model, x).rows[0].remembered);
    CHECK(row(summary(model, x), "norm").remembered > 0);
    CHECK_FALSE(mode.recording);
  }
  CHECK(mode.recording == recording);
}

// ---- profiler
TEST_CASE("the profiler counts ops and gradients, by op and by module") {
  const Net net{.vocab = 5, .width = 4};
  const Tensor x = zeros({2, 3}, i64);
  Profiler profile{net};
  for (int i = 0; i < 3; ++i) {
    Tensor loss = cross_entropy(net(x), x);
    grad(consume(loss), net);
  }
  const auto ops = profile.by_op();
  CHECK(row(ops, "scaled_dot_product_attention").calls == 3 * 2 * 2);
  CHECK(row(ops, "linear").calls == 3 * 9 * 2);  // four in each block, and the head
  CHECK(row(ops, "cross_entropy").calls == 3 * 2);
  for (const Profiler::Row& r : ops) {
    CHECK(r.name != "matmul");  // a part of linear's gradient
    CHECK(r.self == Approx(r.forward + r.backward));
  }
  CHECK(std::is_sorted(ops.begin(), ops.end(), [](auto& a, auto& b) { return a.self > b.self; }));
  double in_ops = 0;
  for (const Profiler::Row& r : ops) in_ops += r.self;
  CHECK(in_ops < profile.wall());

  const auto modules = profile.by_module();
  CHECK(modules[0].name.empty());
  CHECK(modules[0].forward + modules[0].backward == Approx(in_ops));
  CHECK(row(modules, "blocks.1.mlp.up").calls == 3 * 2);
  CHECK(row(modules, "blocks.1.mlp").calls == 3 * 2);  // gelu
  CHECK(row(modules, "blocks.1.mlp.up").bytes >= 3 * 2 * 3 * 16 * 4);
  const Profiler::Row &mlp = row(modules, "blocks.1.mlp"), &up = row(modules, "blocks.1.mlp.up"),
                      &down = row(modules, "blocks.1.mlp.down");
  CHECK(mlp.forward + mlp.backward == Approx(mlp.self + up.forward + up.backward + down.forward + down.backward));
  for (const Profiler::Row& r : modules) CHECK(r.name != "unused");
  const std::string text = profile.str();
  for (const char* part :
       {"op ", "module ", "total ms", "mean us", "(model)", "blocks.0.attention.out_proj", " ms in ops, of "})
    CHECK(contains(text, part));
}

TEST_CASE("the profiler without a model has a row per type of module") {
  const Linear a{2, 3}, b{3, 2};
  Profiler profile;
  b(a(ones({1, 2}))) * 2;
  const auto modules = profile.by_module();
  REQUIRE(modules.size() == 2);
  CHECK(row(modules, "Linear").calls == 2);
  CHECK(row(modules, "").calls == 1);
}

TEST_CASE("the bytes of results: views make none, a rule's are counted once") {
  const Tensor x = variable({4, 4}, 1);
  Profiler profile;
  Tensor y = exp(transpose(x));
  CHECK(row(profile.by_op(), "exp").bytes == 128);
  CHECK(row(profile.by_op(), "permute").bytes == 0);
  y = y * y;
  CHECK(row(profile.by_op(), "mul").bytes == 128);
  vjp(y, ones_like(y), {&x, 1});
  CHECK(row(profile.by_op(), "mul").bytes == 128 * 3);  // a gradient for each factor
  CHECK(row(profile.by_op(), "exp").bytes == 128 * 2);
}

TEST_CASE("a checkpoint's second run counts for the ops in it") {
  const Tensor x = variable({4}, 1);
  Profiler profile;
  const Tensor y = sum(checkpoint([](In t) { return exp(t) * 2; }, x));
  grad(y, {x});
  const auto ops = profile.by_op();
  CHECK(row(ops, "exp").calls == 3);  // forward, again, backward
  CHECK(row(ops, "checkpoint").calls == 1);
  CHECK(row(ops, "checkpoint").forward == 0);
  CHECK(row(ops, "checkpoint").backward >= 0);
}

TEST_CASE("a trace is JSON that viewers read: events nest, in a known order, with lines and shapes") {
  const files::Folder folder;
  const std::string path = folder / "trace.json";
  const Net net{.vocab = 5, .width = 4};
  const Tensor x = zeros({2, 3}, i64);
  Where line;
  std::size_t events = 0;
  {
    Profiler profile{net};
    Observe count([&](const Event&) { ++events; });
    Tensor loss = (line = Where::here(), cross_entropy(net(x), x));
    grad(consume(loss), net);
    profile.save(path);
    CHECK_ERROR(FileError, profile.save(folder / "none/trace.json"),
                "Profiler: cannot write " + (folder / "none/trace.json") + ": No such file or directory");
  }
  const auto trace = nlohmann::json::parse(files::read(path))["traceEvents"];
  std::vector<nlohmann::json> calls;
  for (const auto& e : trace)
    if (e["ph"] == "X") calls.push_back(e);
  CHECK(calls.size() == events);
  int rules = 0, heads = 0;
  for (const auto& e : calls) {
    CHECK(e["ts"].get<double>() >= 0);
    CHECK(e["dur"].get<double>() >= 0);
    rules += e["cat"] == "rule";
    if (e["args"]["module"] != "head" || e["cat"] != "forward") continue;
    ++heads;
    CHECK(e["name"] == "linear");
    CHECK(e["args"]["inputs"] == nlohmann::json{"[2, 3, 4]", "[5, 4]", "[]"});
    CHECK(e["args"]["outputs"] == nlohmann::json{"[2, 3, 5]"});
    CHECK(contains(e["args"]["line"], "seeing_test.cpp:"));
  }
  CHECK(heads == 1);
  CHECK(rules > 10);
  for (const auto& a : calls)
    for (const auto& b : calls) {
      const double a0 = a["ts"], a1 = a0 + a["dur"].get<double>(), b0 = b["ts"], b1 = b0 + b["dur"].get<double>();
      const double e = 1e-6;
      const bool apart = a1 <= b0 + e || b1 <= a0 + e, a_in_b = b0 <= a0 + e && a1 <= b1 + e,
                 b_in_a = a0 <= b0 + e && b1 <= a1 + e;
      if (!(apart || a_in_b || b_in_a)) FAIL(a.dump() + " and " + b.dump());
    }
}

TEST_CASE("events have durations only where somebody looks") {
  CHECK(started() == 0);
  int64_t last = 0;
  Observe watch([&](const Event& e) {
    CHECK(e.started >= last);
    CHECK(e.ended >= e.started);
    last = e.started;
  });
  CHECK(started() > 0);
  const Tensor x = ones({8});
  x + exp(x);
}

// ---- graph_dot
TEST_CASE("the graph of a small model: nodes, edges, names, lines, bytes") {
  const FeedForward m{.width = 2, .hidden = 3};
  const Tensor x = noise({4, 2}, 1, f32);
  const Where line = Where::here();
  const Tensor loss = sum(m(x));
  const std::string dot = graph_dot(loss, m);
  // up and down with two parameters each, gelu, sum
  CHECK(count(dot, "[label=") == 8);
  CHECK(count(dot, " -> ") == 7);
  CHECK(count(dot, "shape=ellipse") == 4);
  CHECK(count(dot, "subgraph") == 2);
  const std::string here = "seeing_test.cpp:" + std::to_string(line.line + 1);
  CHECK(contains(dot, "[label=\"up.weight\\n[3, 2]\", shape=ellipse]"));
  CHECK(contains(dot, "[label=\"linear\\n[4, 3]\\n" + here + "\\n32 B\"]"));  // x
  CHECK(contains(dot, "[label=\"gelu\\n[4, 3]\\n" + here + "\\n48 B\"]"));    // up(x)
  CHECK(contains(dot, "[label=\"linear\\n[4, 2]\\n" + here + "\"]"));         // gelu(up(x)) is made again
  CHECK(contains(dot, "[label=\"sum_to\\n[]\\n" + here + "\"]"));
  CHECK(contains(dot, "label=\"down\""));
  CHECK(contains(dot, "\"8 nodes remember 80 bytes for the gradient\""));
  CHECK(count(dot, "{") == count(dot, "}"));

  const std::string plain = graph_dot(loss);
  CHECK(count(plain, "subgraph") == 0);
  CHECK(count(plain, "[label=\"leaf\\n") == 4);
  CHECK(count(plain, " -> ") == 7);
}

TEST_CASE("the graph where an op has several results or consumers") {
  const Tensor x = variable({4}, 1);
  const TopK top = topk(x, 2);
  const std::string dot = graph_dot(sum(top.values * top.values));
  CHECK(count(dot, "[label=") == 4);  // x, topk, mul, sum
  CHECK(count(dot, "n1 -> n2") == 2);
  CHECK(contains(dot, "topk\\n[2]"));
  CHECK_ERROR(GradError, graph_dot(ones({1})), "graph_dot: y has no history: there is no graph to draw");
  Tensor y = x;
  for (int i = 0; i < 20000; ++i) y = y * 2;
  CHECK(count(graph_dot(y), " -> ") == 20000);
}

TEST_CASE("the graph of a list of modules, and of values from elsewhere") {
  const std::vector<Linear> layers = stack_of(2, [] { return Linear{2, 2}; });
  const Parameter other = parameter(ones({2}));
  const std::string dot = graph_dot(layers[1](layers[0](ones({1, 2})) * other), layers);
  CHECK(count(dot, "subgraph") == 2);
  CHECK(contains(dot, "label=\"1.bias\\n[2]\""));
  CHECK(contains(dot, "label=\"leaf\\n[2]\""));
}

// ---- find_lr
TEST_CASE("find_lr: the rate of a quadratic is one over its curvature, within a decade") {
  struct Bowl {
    Parameter x = parameter(ones({8}));
  };
  for (double curvature : {0.1, 1.0, 50.0}) {
    const Bowl bowl;
    const Sgd optimizer{.lr = 0.5};
    const LrCurve c = find_lr(bowl, optimizer, [&](const Bowl& b) { return sum(b.x * b.x) * (curvature / 2); },
                              {.low = 1e-5, .high = 1e3});
    INFO(curvature);
    CHECK(c.steepest > 0.03 / curvature);
    CHECK(c.steepest < 0.3 / curvature);
    CHECK(c.minimum / 10 > 0.1 / curvature);
    CHECK(c.minimum / 10 < 1 / curvature);
    CHECK(c.lr.back() < 30 / curvature);  // it has ended when the loss burst
    CHECK(c.loss.front() == Approx(4 * curvature));
    CHECK(equal(bowl.x, ones({8})));
    CHECK(optimizer.momentum_buffer.paths.empty());
  }
}

TEST_CASE("find_lr on noise around a fall, to the end of the rates and to infinity") {
  Rng rng{3};
  auto fall = [&](double rate) { return 2 - std::tanh(2 * (std::log10(rate) + 3)) + 0.2 * (unit(rng.key(), 0) - 0.5); };
  const LrCurve c = find_lr(fall, {.low = 1e-6, .high = 1});
  CHECK(c.lr.size() == 100);
  CHECK(c.lr.front() == 1e-6);
  CHECK(c.lr.back() == Approx(1));
  CHECK(std::abs(std::log10(c.steepest) + 3) < 0.5);
  const LrCurve cut =
      find_lr([&](double rate) { return rate < 0.01 ? fall(rate) : std::nan(""); }, {.low = 1e-6, .high = 1});
  CHECK(cut.lr.back() < 0.01);
  CHECK(cut.lr.size() == cut.loss.size());
  CHECK(cut.lr.size() == cut.smooth.size());
  CHECK(contains(cut.str(), "the loss falls fastest at a rate of "));
  CHECK(contains(cut.svg(), "learning rate"));
}

TEST_CASE("errors of find_lr") {
  auto flat = [](double) { return 1.0; };
  CHECK_ERROR(Error, find_lr(flat), "find_lr: the loss never falls: it is 1 at a rate of 1e-7 and 1 at 10");
  CHECK_ERROR(Error, find_lr(flat, {.low = 0}), "find_lr: there are no rates from 0 to 10");
  CHECK_ERROR(Error, find_lr(flat, {.low = 2, .high = 1}), "find_lr: there are no rates from 2 to 1");
  CHECK_ERROR(Error, find_lr(flat, {.steps = 5}), "find_lr: cannot see a slope in 5 steps: take 10 at least");
  CHECK_ERROR(Error, find_lr(flat, {.burst = 1}), "find_lr: burst must be more than 1, not 1");
  CHECK_ERROR(Error, find_lr([](double) { return std::nan(""); }),
              "find_lr: the loss is not finite at the lowest rate, 1e-7");
  const Linear m{1, 1};
  CHECK_ERROR(Error, find_lr(m, Sgd{.lr = 0}, [](const Linear& l) { return sum(l.weight); }),
              "find_lr: the optimizer's lr must be positive: rates are multiples of it");
  CHECK_ERROR(GradError, find_lr(m, Sgd{}, [&](const Linear&) { return sum(m.weight); }),
              "grad: y depends on no parameter of this model: it was computed with another one");
}
