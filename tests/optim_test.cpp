// Optimizers: steps by hand, what all of them have in common, and what does not belong together is refused.
#include <heed/models/run/checkpoint.h>
#include <set>
#include "common.h"
#include "files.h"

using namespace heed;
using files::Folder;

namespace {

// f(name, optimizer) for each of them, with options that make it keep all the state it can and rates that suit a small
// problem.
template <class F>
void for_each_optimizer(F f) {
  f("Sgd", Sgd{.lr = 0.05, .momentum = 0.9, .weight_decay = 1e-3, .nesterov = true});
  f("Adagrad", Adagrad{.lr = 0.3, .lr_decay = 1e-3, .weight_decay = 1e-3, .initial_accumulator_value = 0.1});
  f("RmsProp", RmsProp{.lr = 0.01, .alpha = 0.9, .weight_decay = 1e-3, .momentum = 0.5, .centered = true});
  f("Adadelta", Adadelta{.lr = 1, .eps = 1e-3, .weight_decay = 1e-3});
  f("Adam", Adam{.lr = 0.05, .weight_decay = 1e-3, .amsgrad = true});
  f("AdamW", AdamW{.lr = 0.05, .amsgrad = true});
  f("Adamax", Adamax{.lr = 0.05, .weight_decay = 1e-3});
  f("Lion", Lion{.lr = 0.02, .weight_decay = 1e-3});
  f("Muon", Muon{.lr = 0.05, .weight_decay = 1e-3, .others = {.lr = 0.05, .amsgrad = true}});
}

struct Net {
  Linear up{3, 8};
  LayerNorm norm{8};
  Linear down{8, 2};
  Tensor operator()(In x) const { return down(tanh(norm(up(x)))); }
};
Net net(uint64_t n, Dtype t = f32) {
  seed(n);
  return cast(Net{}, t);
}
// Which of two halves of space a point is in.
Tensor loss_of(const Net& model, uint64_t n, Dtype t = f32) {
  const Tensor x = noise({32, 3}, n, t);
  return cross_entropy(model(x), cast(sum(x, -1) > 0, i64));
}
template <class Optimizer>
void train(const Net& model, Optimizer& optimizer, uint64_t from, uint64_t to, Dtype t = f32) {
  for (uint64_t n = from; n < to; ++n) optimizer.step(model, grad(loss_of(model, n, t), model));
}
void check_equal(const Net& a, const Net& b) {
  const Parameters p = parameters(a), q = parameters(b);
  REQUIRE(p.paths == q.paths);
  for (std::size_t i = 0; i < p.paths.size(); ++i) {
    INFO(p.paths[i]);
    CHECK(equal(p.values[i], q.values[i]));
  }
}

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
    CHECK(allclose(sgd.momentum_buffer.values[0], values(v), close, close));
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
    CHECK(adam.steps.values[0].item() == 2);
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

// ---- all of them

TEST_CASE("every optimizer is in the list") {
  std::set<std::string> declared, listed;
  for (const auto& entry : std::filesystem::directory_iterator(HEED_SOURCE_DIR "/optim")) {
    if (entry.path().extension() != ".h") continue;
    std::string name;
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with("struct ")) name = line.substr(7, line.find(' ', 7) - 7);
      if (line.starts_with("  void step(")) declared.insert(name);
    }
  }
  for_each_optimizer([&](const char* name, const auto&) { listed.insert(name); });
  CHECK(declared == listed);
}

TEST_CASE("every optimizer learns") {
  for_each_optimizer([](const char* name, auto optimizer) {
    INFO(name);
    const Net model = net(1);
    const double before = loss_of(model, 1000).item();
    train(model, optimizer, 0, 200);
    CHECK(loss_of(model, 1000).item() < before / 5);
  });
}

TEST_CASE("every optimizer, saved and loaded or cloned, goes on bit for bit") {
  for_each_optimizer([](const char* name, auto optimizer) {
    INFO(name);
    const Folder folder;
    optimizer.groups = {{.pattern = "down.*", .weight_decay = 0}, {.pattern = "up.*", .lr = 0.5}};
    auto loaded = clone(optimizer);
    const Net model = net(1);
    train(model, optimizer, 0, 5);
    Net first = clone(model), second = net(2);
    auto cloned = clone(optimizer);
    Checkpoints(folder / "run", first).add("optimizer", optimizer).save(5);
    Checkpoints(folder / "run", second).add("optimizer", loaded).load();
    train(model, optimizer, 5, 10);
    train(first, cloned, 5, 10);
    train(second, loaded, 5, 10);
    check_equal(first, model);
    check_equal(second, model);
  });
}

TEMPLATE_TEST_CASE("every optimizer gives the same bits with any number of threads", "", float, double) {
  struct Large {
    Parameter matrix, vector;
  };
  const Dtype t = dtype_of<TestType>;
  const Tensor matrix = noise({300, 257}, 1, t), vector = noise({70001}, 2, t);
  const int before = num_threads();
  for_each_optimizer([&](const char* name, auto optimizer) {
    std::vector<Tensor> want;
    for (int threads : {1, 2, 3, 4}) {
      set_num_threads(threads);
      const Large model{parameter(matrix * 1), parameter(vector * 1)};
      auto mine = clone(optimizer);
      for (uint64_t n = 0; n < 3; ++n)
        mine.step(model, {{"matrix", "vector"}, {noise({300, 257}, 3 + n, t), noise({70001}, 6 + n, t)}});
      const std::vector<Tensor> got = parameters(model).values;
      if (threads == 1) want = got;
      CAPTURE(name, threads);
      CHECK((equal(got[0], want[0]) && equal(got[1], want[1])));
      CHECK((!equal(got[0], matrix) && finite(got[0]) && finite(got[1])));
    }
  });
  set_num_threads(before);
}

TEST_CASE("every optimizer does in f32 what it does in f64") {
  for_each_optimizer([](const char* name, auto optimizer) {
    INFO(name);
    const Net small = net(1), large = net(1, f64);
    auto second = clone(optimizer);
    for (uint64_t n = 0; n < 5; ++n) {
      const Gradients g = grad(loss_of(large, n, f64), large);
      Gradients rounded = g;
      for (Tensor& x : rounded.values) x = cast(x, f32);
      optimizer.step(small, rounded);
      second.step(large, g);
    }
    const Parameters a = parameters(small), b = parameters(large);
    for (std::size_t i = 0; i < a.paths.size(); ++i) CHECK(allclose(cast(a.values[i], f64), b.values[i], 1e-4, 1e-4));
  });
}

// ---- groups, and parameters that are frozen

TEST_CASE("groups: a factor of lr, a decay of their own, and the first that matches") {
  struct Three {
    Parameter a = parameter(ones({2})), b = parameter(ones({2})), c = parameter(ones({2}));
  } model;
  const Gradients g{{"a", "b", "c"}, {ones({2}), ones({2}), ones({2})}};
  Sgd sgd{.lr = 0.5,
          .weight_decay = 1,
          .groups = {{.pattern = "a", .lr = 0}, {.pattern = "b", .lr = 0.5, .weight_decay = 0}, {.pattern = "*"}}};
  sgd.step(model, g, 0.5);
  CHECK(equal(model.a.detach(), ones({2})));
  CHECK(equal(model.b.detach(), full({2}, 1 - 0.125)));
  CHECK(equal(model.c.detach(), full({2}, 1 - 0.25 * 2)));
}

TEST_CASE("a pattern that matches no parameter is refused, unless it is for frozen ones") {
  const Net model = net(1);
  const Gradients g = grad(loss_of(model, 1), model);
  AdamW adam{.groups = {{.pattern = "*norm*"}, {.pattern = "*.biass"}}};
  CHECK_ERROR(Error, adam.step(model, g),
              "AdamW: none of its parameters matches the pattern \"*.biass\" of a group: the nearest is up.bias");
  Muon muon{.others = {.groups = {{.pattern = "dawn.*"}}}};
  CHECK_ERROR(Error, muon.step(model, g),
              "Muon: none of its parameters matches the pattern \"dawn.*\" of a group: the nearest is down.weight");
  check_equal(model, net(1));

  adam.groups[1].pattern = "up.*";
  freeze(model.up);
  CHECK_NOTHROW(adam.step(model, grad(loss_of(model, 1), model)));
  freeze(model);
  adam.groups[1].pattern = "x";
  CHECK_ERROR(Error, adam.step(model, {}), "AdamW: none of its parameters matches the pattern \"x\" of a group");
}

TEST_CASE("frozen parameters are not stepped, and go on afterwards with their own state") {
  const Net model = net(1);
  AdamW adam;
  train(model, adam, 0, 3);
  const Net before = clone(model);
  freeze(model.up);
  train(model, adam, 3, 50);
  CHECK(equal(before.up.weight.detach(), model.up.weight.detach()));
  CHECK_FALSE(equal(before.down.weight.detach(), model.down.weight.detach()));

  freeze(model.up, false);
  const auto slot = std::find(adam.steps.paths.begin(), adam.steps.paths.end(), "up.weight") - adam.steps.paths.begin();
  CHECK(adam.steps.values[std::size_t(slot)].item() == 3);
  train(model, adam, 50, 51);
  CHECK(adam.steps.paths == parameters(model).paths);
  CHECK(adam.steps.values[0].item() == 4);
  CHECK(adam.steps.values.back().item() == 51);
}

TEST_CASE("the first step of a parameter is corrected as a first step, however late it comes") {
  const Net model = net(1);
  AdamW adam{.lr = 0.1, .eps = 0, .weight_decay = 0};
  freeze(model.up);
  train(model, adam, 0, 20);
  freeze(model.up, false);
  const Tensor before = model.up.weight * 1;
  train(model, adam, 20, 21);
  const Tensor move = model.up.weight - before;
  CHECK(allclose(move * move, full({8, 3}, 0.01), 1e-3));
}

TEST_CASE("an optimizer's state is found by the walk and cloned") {
  const Model m = model(ones({3}));
  AdamW adam;
  adam.step(m, gradient(ones({3})));
  CHECK(state(adam).paths == std::vector<std::string>{"steps.w", "exp_avg.w", "exp_avg_sq.w"});
  AdamW copy = clone(adam);
  adam.step(m, gradient(ones({3})));
  CHECK(copy.steps.values[0].item() == 1);
  CHECK_FALSE(equal(copy.exp_avg.values[0], adam.exp_avg.values[0]));
}

TEST_CASE("Muon steps matrices, and leaves to AdamW what is none and what it names") {
  const Net model = net(1), same = net(1);
  Muon muon{.lr = 0.1, .others = {.lr = 0.2, .groups = {{.pattern = "down.*"}}}};
  AdamW adam{.lr = 0.2};
  const Gradients g = grad(loss_of(model, 1), model);
  muon.step(model, g, 0.5);
  adam.step(same, g, 0.5);
  CHECK(muon.momentum_buffer.paths == std::vector<std::string>{"up.weight"});
  CHECK(muon.others.steps.paths ==
        std::vector<std::string>{"up.bias", "norm.weight", "norm.bias", "down.weight", "down.bias"});
  CHECK(equal(model.down.weight.detach(), same.down.weight.detach()));
  CHECK(equal(model.up.bias.detach(), same.up.bias.detach()));

  const Tensor before = net(1).up.weight.detach() * (1 - 0.1 * 0.5 * 0.1);
  const Tensor moved = (before - model.up.weight.detach()) / (0.1 * 0.5 * std::sqrt(8.0 / 3));
  const Tensor gram = matmul(transpose(moved), moved);  // about the identity: singular values in 0.7 .. 1.2
  CHECK(allclose(gram, eye(3), 0, 0.55));
}

TEST_CASE("a step that is refused is not counted, nor done in part") {
  struct Two {
    Parameter a = parameter(ones({2})), b = parameter(ones({3, 2}));
  } model;
  const Gradients g{{"a", "b"}, {ones({2}), ones({3, 2})}};
  AdamW adam;
  adam.step(model, g);
  const Tensor a = model.a * 1;
  adam.exp_avg.values[1] = transpose(zeros({2, 3}));
  CHECK_ERROR(ShapeError, adam.step(model, g),
              "assign: the tensor [3, 2] is a view with gaps: it is written by assign");
  CHECK(adam.steps.values[0].item() == 1);
  CHECK(adam.steps.values[1].item() == 1);
  CHECK(equal(model.a.detach(), a));
}

TEST_CASE("options out of range are refused before anything moves") {
  const Net model = net(1);
  const Gradients g = grad(loss_of(model, 1), model);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_ERROR(Error, Sgd{.lr = -0.1}.step(model, g), "Sgd: lr must be in [0, inf), not -0.1");
  CHECK_ERROR(Error, Sgd{}.step(model, g, nan), "Sgd: lr must be in [0, inf), not nan");
  CHECK_ERROR(Error, Sgd{.nesterov = true}.step(model, g), "Sgd: nesterov needs a momentum");
  CHECK_ERROR(Error, (Sgd{.groups = {{.pattern = "*", .weight_decay = -1}}}.step(model, g)),
              "Sgd: weight_decay must be in [0, inf), not -1");
  CHECK_ERROR(Error, Adagrad{.lr_decay = -1}.step(model, g), "Adagrad: lr_decay must be in [0, inf), not -1");
  CHECK_ERROR(Error, RmsProp{.alpha = 1}.step(model, g), "RmsProp: alpha must be in [0, 1), not 1");
  CHECK_ERROR(Error, Adadelta{.rho = 1.5}.step(model, g), "Adadelta: rho must be in [0, 1), not 1.5");
  CHECK_ERROR(Error, Adam{.beta2 = 1}.step(model, g), "Adam: beta2 must be in [0, 1), not 1");
  CHECK_ERROR(Error, AdamW{.eps = -1}.step(model, g), "AdamW: eps must be in [0, inf), not -1");
  CHECK_ERROR(Error, Adamax{.beta1 = 2}.step(model, g), "Adamax: beta1 must be in [0, 1), not 2");
  CHECK_ERROR(Error, Lion{.beta1 = -0.5}.step(model, g), "Lion: beta1 must be in [0, 1), not -0.5");
  CHECK_ERROR(Error, Muon{.momentum = 1}.step(model, g), "Muon: momentum must be in [0, 1), not 1");
  CHECK_ERROR(Error, (Muon{.others = {.beta1 = 1}}.step(model, g)), "AdamW: beta1 must be in [0, 1), not 1");
  CHECK_ERROR(Error, Ema{.decay = 1}.update(model), "Ema: decay must be in [0, 1), not 1");
  check_equal(model, net(1));
}

// ---- gradients

TEST_CASE("gradients accumulate, beginning with none") {
  const Net model = net(1, f64);
  const Tensor x = noise({12, 3}, 1), target = cast(sum(x, -1) > 0, i64);
  const Gradients whole = grad(cross_entropy(model(x), target), model);
  Gradients g;
  for (int i = 0; i < 3; ++i) {
    const Range rows{4 * i, 4 * (i + 1)};
    Tensor loss = cross_entropy(model(x(rows)), target(rows));
    g = g + grad(consume(loss), model) * (1.0 / 3);
  }
  REQUIRE(g.paths == whole.paths);
  for (std::size_t i = 0; i < g.paths.size(); ++i) CHECK(allclose(g.values[i], whole.values[i], 1e-12, 1e-12));
  CHECK((g + Gradients{}).paths == g.paths);
  CHECK((Gradients{} + Gradients{}).paths.empty());
}

TEST_CASE("accumulating needs the memory of one more tensor, not of all gradients") {
  const auto part = [] { return Gradients{{"a", "b", "c", "d"}, stack_of(4, [] { return ones({1 << 16}); })}; };
  Gradients g = part();
  Gradients more = part();
  const std::size_t in_use = memory::in_use();
  memory::reset_peak();
  g = g + std::move(more) * 0.5;
  CHECK(memory::peak() - in_use < 2 * sizeof(float) * (1 << 16));
  CHECK(equal(g.values[3], full({1 << 16}, 1.5)));
}

TEST_CASE("clip scales all gradients together, clip_value each element") {
  const Gradients g{{"a", "b"}, {full({4}, 3), full({4}, 4)}};
  CHECK(g.norm() == 10);
  CHECK(clip(g, 5).norm() == Approx(5).epsilon(1e-6));
  CHECK(equal(clip(g, 20).values[0], g.values[0]));
  CHECK(equal(g.values[1], full({4}, 4)));  // what others hold stays as it is
  Gradients own{{"w"}, {full({4}, 5)}};     // what nobody else holds becomes the result
  const void* place = own.values[0].array().data<float>();
  own = clip(std::move(own), 5);
  CHECK(own.values[0].array().data<float>() == place);
  CHECK(own.norm() == Approx(5).epsilon(1e-6));
  const Tensor w = full({1}, 3, f64).requires_grad();
  const Gradients recorded{{"w"}, grad(sum(w * w), {w}, create_graph)};
  CHECK(clip(recorded, 1).values[0].tracked());
  const Tensor u = tensor({3, 4}, f64).requires_grad();  // u / |u|, of which the first
  const Tensor unit = clip({{"u"}, {grad(sum(u * u) / 2, {u}, create_graph)[0]}}, 1).values[0];
  CHECK(allclose(unit, tensor({0.6, 0.8}, f64), 1e-6));
  CHECK(allclose(grad(unit(0), {u})[0], tensor({0.128, -0.096}, f64), 1e-6));
  CHECK(gradcheck(
      [](const Tensor& a, const Tensor& b) {
        const Recording on(true);
        const Tensor y = sum(exp(a) * b) + sum(b * b * b);
        return clip({{"a", "b"}, grad(y, {a, b}, create_graph)}, 0.5).values;
      },
      {noise({2, 1}, 3), noise({3}, 4)}, {.order = 2}));
  const Tensor v = tensor({-3, 0.5, 2}, f64).requires_grad();  // of v^3: 27, 0.75 and 12, whose gradients are 6 v
  const Tensor clipped = clip_value({{"v"}, grad(sum(v * v * v), {v}, create_graph)}, 13).values[0];
  CHECK(equal(clipped, tensor({13, 0.75, 12}, f64)));
  CHECK(equal(grad(sum(clipped), {v}, create_graph)[0], tensor({0, 3, 12}, f64)));
  CHECK(equal(grad(sum(grad(sum(clipped), {v}, create_graph)[0]), {v})[0], tensor({0, 6, 6}, f64)));
  CHECK_ERROR(Error, clip(g, -1), "clip: max_norm must be at least 0, not -1");

  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Gradients mixed{{"w"}, {tensor({-3, -0.25, 0, 0.25, 3})}};
  CHECK(equal(clip_value(mixed, 0.5).values[0], tensor({-0.5, -0.25, 0, 0.25, 0.5})));
  CHECK(equal(clip_value({{"w"}, {transpose(tensor({{1, 2}, {3, 4}}))}}, 2).values[0], tensor({{1, 2}, {2, 2}})));
  CHECK_ERROR(Error, clip_value(g, nan), "clip_value: the limit must be at least 0, not nan");
  const Gradients narrow{{"w"}, {cast(tensor({3, 4, 0}), bf16)}};
  CHECK(equal(clip_value(narrow, 2).values[0], cast(tensor({2, 2, 0}), bf16)));
  CHECK(equal(clip(narrow, 1).values[0], cast(tensor({0.6, 0.8, 0}), bf16)));

  const Gradients broken{{"a", "b"}, {tensor({1, nan}), ones({1})}};  // as in PyTorch, nothing of it looks right
  CHECK(std::isnan(clip(broken, 1).values[1].item()));
  CHECK(std::isnan(clip_value(broken, 0.5).values[0].to_vector()[1]));
}

// ---- averages

TEST_CASE("Ema: into a clone, in exchange for the model's own and back, saved and loaded") {
  const Folder folder;
  Net model = net(1);
  Ema average{.decay = 0.5};
  CHECK_ERROR(GradError, average.copy_to(model), "Ema: there is no average of up.weight");
  average.update(model);
  const Net first = clone(model);
  Sgd sgd{.lr = 1};
  train(model, sgd, 0, 1);
  average.update(model);

  const Net averaged = clone(model), now = clone(model);
  average.copy_to(averaged);
  CHECK(allclose(averaged.up.weight, (first.up.weight + model.up.weight) / 2, 1e-6));
  average.exchange(model);
  check_equal(model, averaged);
  average.exchange(model);
  check_equal(model, now);

  Ema loaded{.decay = 0.5};
  Checkpoints(folder / "run", model).add("average", average).save(2);
  Checkpoints(folder / "run", model).add("average", loaded).load();
  loaded.copy_to(model);
  check_equal(model, averaged);
  CHECK(loaded.updates == 2);

  const Model half{parameter(cast(ones({3}), bf16))};
  const Tensor before = average.averages.values[0] * 1;
  CHECK_ERROR(DtypeError, average.update(half), "Ema: cannot compute in bf16: use cast(x, f32) or cast(x, f64)");
  CHECK(average.updates == 2);
  CHECK(equal(average.averages.values[0], before));
  CHECK(average.averages.paths == parameters(model).paths);

  const Model narrow{parameter(ones({3}))}, wide{parameter(ones({5}))};
  Ema other;
  other.update(narrow);
  CHECK_ERROR(GradError, other.update(wide),
              "Ema: its state is of another model: parameter w is f32 [5] here and f32 [3] there");
  CHECK_ERROR(GradError, other.exchange(wide),
              "Ema: its state is of another model: parameter w is f32 [5] here and f32 [3] there");
}

// ---- schedules

TEST_CASE("schedules: where they begin, turn and end") {
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
  CHECK(linear(0, 10, 110) == 0.1);
  CHECK(linear(60, 10, 110) == 0.5);
  CHECK(linear(500, 10, 110, 0.25) == 0.25);
  CHECK(linear(5, 5, 5) == 0);
  CHECK(cosine_restarts(1'000'000'000'000, 10) == 1);
  CHECK(cosine_restarts(30, 10, 2) == 1);  // 10 + 20 steps
  CHECK(polynomial(500, 40) == 0);
  CHECK(noam(99, 64, 100) == Approx(0.0125));  // the top
  CHECK(one_cycle(500, 100) == Approx(4e-6));
  CHECK(one_cycle(0, 10, 0.1) == 1);  // no way up
  CHECK(one_cycle(0, 1) == Approx(4e-6));
  CHECK(one_cycle(9, 10, 1) == 1);  // no way down
  CHECK(cosine(0, 0, 10) == 1);
  CHECK_ERROR(Error, cosine(0, 0, 0), "cosine: total must be at least 1, not 0");
  CHECK_ERROR(Error, cosine(3, -1, 5), "cosine: warm must be at least 0, not -1");
  CHECK_ERROR(Error, linear(0, 0, -5), "linear: total must be at least 1, not -5");
  CHECK_ERROR(Error, linear(0, -2, 5), "linear: warm must be at least 0, not -2");
  CHECK_ERROR(Error, cosine_restarts(0, 0), "cosine_restarts: t_0 must be at least 1, not 0");
  CHECK_ERROR(Error, cosine_restarts(0, 1, 0), "cosine_restarts: t_mult must be at least 1, not 0");
  CHECK_ERROR(Error, step_decay(0, 0), "step_decay: step_size must be at least 1, not 0");
  CHECK_ERROR(Error, polynomial(0, 0), "polynomial: total must be at least 1, not 0");
  CHECK_ERROR(Error, noam(0, 0, 1), "noam: width must be at least 1, not 0");
  CHECK_ERROR(Error, noam(0, 1, -4), "noam: warm must be at least 1, not -4");
  CHECK_ERROR(Error, one_cycle(0, 0), "one_cycle: total must be at least 1, not 0");
}

TEST_CASE("Plateau, saved and loaded, goes on") {
  const Folder folder;
  Model m = model(ones({1}));
  Plateau plateau{.factor = 0.5, .patience = 1, .threshold = 0.1, .threshold_mode = Plateau::abs, .cooldown = 1};
  CHECK(plateau(3) == 1);
  CHECK(plateau(2.95) == 1);
  Checkpoints(folder / "run", m).add("plateau", plateau).save(1);
  Plateau loaded;
  Checkpoints(folder / "run", m).add("plateau", loaded).load();
  CHECK(loaded.threshold_mode == Plateau::abs);
  for (Plateau* p : {&plateau, &loaded}) {
    CHECK((*p)(2.95) == 0.5);
    CHECK((*p)(std::numeric_limits<double>::quiet_NaN()) == 0.5);  // does not count
    CHECK((*p)(2) == 0.5);
    CHECK((*p)(2) == 0.5);
    CHECK((*p)(2) == 0.25);
  }
}
