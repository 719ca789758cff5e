// checkpoint: runs again for its gradients, reaches everything that is read, writes nothing twice.
#include "common.h"

using namespace heed;

namespace {

struct Block {
  int64_t width;
  FeedForward mlp{.width = width, .hidden = 4 * width, .dropout = 0.5};
  Tensor operator()(In x, Rng* training = nullptr) const {
    Scope here{*this, x};
    return x + mlp(tanh(x), training);
  }
};

void check_close(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(allclose(a[i], b[i], 1e-12, 1e-12));
}

}  // namespace

TEST_CASE("checkpoint gives the gradients of the plain function") {
  const Block block = cast(Block{3}, f64);
  const Tensor x = variable({4, 3}, 1), w = variable({3}, 2), w2 = w * w;
  auto body = [&](In t, Rng* r) { return block(t * w + w2, r); };
  std::vector<Tensor> xs = parameters(block).values;
  xs.insert(xs.end(), {x, w, w2});
  auto loss_of = [&](bool checkpointed) {
    Rng rng{7};
    Tensor y = checkpointed ? checkpoint(body, x * x, &rng) : body(x * x, &rng);
    y = checkpointed ? checkpoint(body, y, &rng) : body(y, &rng);
    return sum(y * y);
  };
  CHECK(loss_of(true).item() == loss_of(false).item());

  SECTION("of its argument, captured tensors and parameters, dropout replayed") {
    check_close(grad(loss_of(true), xs), grad(loss_of(false), xs));
  }
  SECTION("of some of them") {
    check_close(grad(loss_of(true), {w2}), grad(loss_of(false), {w2}));
    check_close(grad(loss_of(true), {x}), grad(loss_of(false), {x}));
  }
  SECTION("of second order") {
    auto second = [&](bool checkpointed) {
      Tensor s = zeros({}, f64);
      for (const Tensor& g : grad(loss_of(checkpointed), xs, create_graph)) s = s + sum(g * g);
      return grad(s, xs);
    };
    check_close(second(true), second(false));
  }
  SECTION("consumed") {
    xs.resize(xs.size() - 2);  // w2 is computed once, outside
    Tensor a = loss_of(true), b = loss_of(false);
    check_close(grad(consume(a), xs), grad(consume(b), xs));
  }
  SECTION("by definitions") {
    DefinitionsOnly on;
    check_close(grad(loss_of(true), xs), grad(loss_of(false), xs));
  }
}

TEST_CASE("checkpoint within a checkpoint, and the generator left as by the plain call") {
  const Block block = cast(Block{3}, f64);
  const Tensor x = variable({4, 3}, 1), w = variable({3}, 2);
  auto inner = [&](In t, Rng* r) { return block(t * w, r); };
  auto outer = [&](In t, Rng* r) { return checkpoint(inner, t, r) * w; };
  Rng a{9}, b{9};
  const Tensor nested = checkpoint(outer, x, &a), plain = inner(x, &b) * w;
  CHECK(equal(nested, plain));
  CHECK(a.counter == b.counter);
  check_close(grad(sum(nested), {w, x, block.mlp.up.weight}), grad(sum(plain), {w, x, block.mlp.up.weight}));
}

TEST_CASE("checkpoint of what it did not compute") {
  const Tensor x = variable({3}, 1), w = variable({3}, 2), w2 = w * w;
  const Tensor same = checkpoint([&](In) { return w2; }, x);
  CHECK(allclose(grad(sum(same), {w})[0], 2 * w, 1e-14, 1e-14));
  const Tensor itself = checkpoint([](In t) { return Tensor(t); }, x);
  CHECK(equal(grad(sum(itself), {x})[0], ones({3}, f64)));
  const Tensor within = checkpoint([&](In t) { return t * checkpoint([&](In) { return w2; }, t); }, x);
  CHECK(allclose(grad(sum(within), {w})[0], 2 * w * x, 1e-14, 1e-14));
  const Tensor passed = checkpoint([](In t) { return checkpoint([](In u) { return Tensor(u); }, t); }, x);
  CHECK(equal(grad(sum(passed), {x})[0], ones({3}, f64)));
  const Tensor constant = checkpoint([](In) { return ones({2}); }, x);
  CHECK_FALSE(constant.tracked());
  const Tensor none = checkpoint([](In t) { return t * 2; }, x.detach());
  CHECK_FALSE(none.tracked());
}

TEST_CASE("checkpoint remembers its inputs and nothing else") {
  constexpr int64_t n = 1 << 16;
  const Tensor x = ones({n}).requires_grad();
  auto deep = [](In t) {
    Tensor y = t;
    for (int i = 0; i < 8; ++i) y = sigmoid(y);
    return y;
  };
  const std::size_t before = memory::in_use();
  const Tensor y = checkpoint(deep, x);
  CHECK(memory::in_use() - before < 2 * n * sizeof(float));
  const Tensor z = deep(x);
  CHECK(memory::in_use() - before > 8 * n * sizeof(float));
  CHECK(equal(grad(sum(y), {x})[0], grad(sum(z), {x})[0]));
}

TEST_CASE("a replay writes nothing: running statistics move once") {
  const BatchNorm1d norm{3};
  Rng training{1};
  const Tensor x = variable({4, 3}, 2, f32), y = checkpoint([&](In t, Rng*r) { return norm(t, r); }, x, &training);
  const Tensor after = norm.running_mean * 1;
  CHECK_FALSE(equal(after, zeros({3})));
  const Tensor g = grad(sum(y * y * y), {x})[0];
  CHECK(equal(norm.running_mean, after));
  Rng again{1};
  CHECK(allclose(g, grad(sum(pow(norm(x, &again), 3)), {x})[0]));
}

TEST_CASE("a replay writes again what was made in it") {
  const Tensor x = variable({3}, 1), w = variable({2}, 2), counted = zeros({}, f64);
  const auto body = [&](In t) {
    const Tensor m = zeros({3}, f64);
    assign(m(range(0, 2)), full({2}, 5, f64));
    const Tensor inner = checkpoint(
        [=](In u) {
          assign(m(range(2, 3)), m(range(2, 3)) + 2);  // once in each run of what is around it
          const Tensor own = zeros({2}, f64);
          assign(own, full({2}, 3, f64));
          return u * own * w;
        },
        slice(t, 0, 0, 2));
    assign(counted, counted + 1);
    return sum(t * m) + sum(inner);
  };
  const std::vector<Tensor> want = grad(body(x), {x, w});
  CHECK(allclose(want[0] - pad(3 * w, {0, 1}), tensor({5, 5, 2}, f64), 1e-14, 1e-14));
  const Tensor y = checkpoint(body, x);
  check_close(grad(y, {x, w}), want);
  check_close(grad(y, {x, w}), want);
  CHECK(counted.item() == 2);
}

TEST_CASE("frozen parameters under a checkpoint") {
  const Block block = cast(Block{3}, f64);
  const Tensor x = variable({2, 3}, 1);
  freeze(block.mlp.up);
  const Tensor y = checkpoint([&](In t) { return block(t); }, x), plain = block(x);
  check_close(grad(sum(y), {x, block.mlp.down.weight}), grad(sum(plain), {x, block.mlp.down.weight}));
}

TEST_CASE("a checkpoint of a number") {
  const Tensor w = variable({3}, 2);
  const Tensor y = checkpoint([&](In t) { return t * w; }, 3.0);
  CHECK(equal(y, w * 3));
  CHECK(grad(sum(y), {w})[0].to_vector() == std::vector<double>(3, 3));
}

TEST_CASE("errors under a checkpoint") {
  const Tensor x = variable({3}, 1), w = variable({3}, 2);
  SECTION("in the call: the user's line") {
    CHECK_ERROR(ShapeError, checkpoint([](In t) { return t + ones({4}, f64); }, x),
                "add: cannot broadcast [3] with [4]: dimension -1 is 3 in the first and 4 in the second");
    CHECK((x * 2).tracked());  // the mode is what it was
  }
  SECTION("what it reads was overwritten") {
    Tensor y;
    const Where made = (y = checkpoint([&](In t) { return t * w; }, x), Where::here());
    assign(w, zeros({3}, f64));
    CHECK(
        contains(thrown<GradError>([&] { grad(sum(y), {x}); }), made.str() + ": checkpoint: what this op remembered"));
  }
  SECTION("what it was given was overwritten, which has no history") {
    const Tensor c = ones({3}, f64), d = ones({3}, f64);
    Tensor first, second;
    const Where made = (first = checkpoint([&](In t) { return t * w; }, c), Where::here());
    second = checkpoint([](In t, const Tensor& u) { return t * u; }, x, d);
    CHECK(equal(grad(sum(first) + sum(second), {w, x})[0], c));
    assign(c, zeros({3}, f64));
    const Where written = (assign(d, zeros({3}, f64)), Where::here());
    CHECK(contains(thrown<GradError>([&] { grad(sum(first), {w}); }), made.str() + ": checkpoint: what this op"));
    CHECK(contains(thrown<GradError>([&] { grad(sum(second), {x}); }), "overwritten at " + written.str()));
  }
  SECTION("consumed") {
    const Tensor y = checkpoint([&](In t) { return t * w; }, x);
    Tensor loss = sum(y);
    grad(consume(loss), {x});
    CHECK(contains(thrown<GradError>([&] { grad(sum(y), {x}); }), "checkpoint: the graph this op belongs to"));
  }
  SECTION("thrown by the replay") {
    bool again = false;
    const Tensor y = checkpoint(
        [&](In t) {
          if (std::exchange(again, true)) throw std::runtime_error("second run");
          return t * 2;
        },
        x);
    CHECK_THROWS_WITH(grad(sum(y), {x}), "second run");
    CHECK_FALSE(mode.replay);
    CHECK(mode.recording);
  }
}

TEST_CASE("unrecorded, a checkpoint is the plain function") {
  const Tensor x = variable({3}, 1);
  Unrecorded off;
  const Tensor y = checkpoint([](In t) { return exp(t); }, x);
  CHECK_FALSE(y.tracked());
  CHECK(equal(y, exp(x)));
}
