// Reflection and the walk over a model.
#include "common.h"

using namespace heed;

namespace {

struct Block {
  int64_t width;
  FeedForward mlp{.width = width, .hidden = 2 * width};
  Tensor operator()(In x, Rng* training = nullptr) const {
    Scope here{*this, x};
    return x + mlp(x, training);
  }
};
struct Net {
  int64_t vocab, width, depth;
  Linear token{vocab, width};
  std::vector<Block> blocks = stack_of(depth, [this] { return Block{width}; });
  BatchNorm1d norm{width};
  std::optional<Linear> extra = make<Linear>(width, width);
  std::optional<Linear> absent = std::nullopt;
  Linear head{.in = vocab, .out = width, .weight = tie(token.weight), .bias = {}};
  Tensor scratch{};
};

struct Containers {
  std::array<Linear, 2> pair{Linear{1, 2}, Linear{2, 1}};
  std::unique_ptr<Linear> owned = std::make_unique<Linear>(make<Linear>(1, 1));
  std::unique_ptr<Linear> empty = nullptr;
  std::vector<Parameter> list = stack_of(2, [] { return parameter(ones({2})); });
  std::array<int64_t, 2> numbers{3, 4};
  std::vector<double> weights{0.5};
  std::string name = "net";
  Rng rng{7};
  enum Kind { small, large } kind = large;
};

struct Fields32 {
  int a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, c0, c1, c2, c3, c4, c5, c6, c7,
      c8, c9, d0, d1;
};

class Private {
 public:
  explicit Private(int64_t n) : weight_(parameter(full({n}, 1))) {}
  void fields(auto f) { f("renamed", weight_); }
  Private clone(auto& copy) const {
    Private p(1);
    p.weight_ = copy(weight_);
    return p;
  }
  const Parameter& weight() const { return weight_; }

 private:
  Parameter weight_;
};
struct Holder {
  Private inner{3};
};

Net net() { return Net{.vocab = 5, .width = 3, .depth = 2}; }

}  // namespace

TEST_CASE("parameters: paths in declaration order, a tied one once, under its owner") {
  const Net n = net();
  CHECK(parameters(n).paths ==
        std::vector<std::string>{"token.weight", "token.bias", "blocks.0.mlp.up.weight", "blocks.0.mlp.up.bias",
                                 "blocks.0.mlp.down.weight", "blocks.0.mlp.down.bias", "blocks.1.mlp.up.weight",
                                 "blocks.1.mlp.up.bias", "blocks.1.mlp.down.weight", "blocks.1.mlp.down.bias",
                                 "norm.weight", "norm.bias", "extra.weight", "extra.bias"});
  const std::vector<std::string> all = state(n).paths;
  CHECK(all.size() == 16);
  CHECK(std::count(all.begin(), all.end(), "norm.running_mean") == 1);
  CHECK(std::count(all.begin(), all.end(), "scratch") == 0);  // undefined
  CHECK(ties(n) == std::vector<std::pair<std::string, std::string>>{{"head.weight", "token.weight"}});
  CHECK(n.head.weight.array().storage() == n.token.weight.array().storage());
}

TEST_CASE("the gradient of a tied parameter has both ways in it") {
  const Net n = net();
  const Tensor x = ones({1, 5});
  const Gradients g = grad(sum(linear(x, n.token.weight)) + sum(linear(x, n.head.weight)) * 2, n);
  CHECK(equal(g.at("token.weight"), full({3, 5}, 3)));
}

TEST_CASE("every container: walked, cloned, cast") {
  const Containers c;
  const std::vector<std::string> paths{"pair.0.weight", "pair.0.bias", "pair.1.weight", "pair.1.bias",
                                       "owned.weight",  "owned.bias",  "list.0",        "list.1"};
  CHECK(parameters(c).paths == paths);
  std::vector<std::pair<std::string, double>> numbers;
  walk(c, [&](const Item& x) {
    if (x.kind == Item::number) numbers.emplace_back(x.path, x.value);
  });
  CHECK(numbers == std::vector<std::pair<std::string, double>>{{"pair.0.in", 1},
                                                               {"pair.0.out", 2},
                                                               {"pair.1.in", 2},
                                                               {"pair.1.out", 1},
                                                               {"owned.in", 1},
                                                               {"owned.out", 1},
                                                               {"numbers.0", 3},
                                                               {"numbers.1", 4},
                                                               {"weights.0", 0.5},
                                                               {"kind", 1}});
  const Containers copy = clone(c), wide = cast(c, f64);
  CHECK(parameters(copy).paths == paths);
  CHECK(equal(copy.pair[1].weight, c.pair[1].weight));
  CHECK(copy.pair[1].weight.array().storage() != c.pair[1].weight.array().storage());
  CHECK(copy.empty == nullptr);
  CHECK(copy.numbers == c.numbers);
  CHECK(copy.name == "net");
  CHECK(copy.kind == Containers::large);
  CHECK(copy.rng.seed == 7);
  CHECK(wide.owned->weight.dtype() == f64);
  CHECK(allclose(cast(wide.owned->weight, f32), c.owned->weight, 0, 0));
}

TEST_CASE("clone: values, state, ties and frozenness; nothing shared") {
  Net n = net();
  freeze(n.blocks[0]);
  const Net copy = clone(n);
  CHECK(ties(copy).size() == 1);
  CHECK(parameters(copy).paths == parameters(n).paths);
  CHECK(state(copy).paths == state(n).paths);
  for (std::size_t i = 0; i < state(n).values.size(); ++i) {
    CHECK(equal(state(copy).values[i], state(n).values[i]));
    CHECK(state(copy).values[i].array().storage() != state(n).values[i].array().storage());
  }
  CHECK_FALSE(copy.head.bias.defined());
  CHECK(copy.head.weight.edge().node.get() == copy.token.weight.edge().node.get());
  assign(copy.token.weight, zeros({3, 5}));
  CHECK(equal(copy.head.weight, zeros({3, 5})));
  CHECK_FALSE(equal(n.token.weight, zeros({3, 5})));
}

TEST_CASE("modules move and are not copied") {
  static_assert(!std::is_copy_constructible_v<Linear> && !std::is_copy_assignable_v<Linear>);
  static_assert(std::is_nothrow_move_constructible_v<Parameter>);
  static_assert(std::is_move_constructible_v<Net>);
  Linear a{2, 3};
  const Storage* storage = a.weight.array().storage();
  const Linear b = std::move(a);
  CHECK(b.weight.array().storage() == storage);
}

TEST_CASE("freeze leaves parameters out of training, not out of the state") {
  Net n = net();
  freeze(n);
  CHECK(parameters(n).paths.empty());
  CHECK(state(n).paths.size() == 16);
  CHECK_FALSE(n.token(ones({1, 5})).tracked());
  freeze(n.token, false);
  CHECK(parameters(n).paths == std::vector<std::string>{"token.weight", "token.bias"});
  CHECK(n.head.weight.tracked());  // it is the same
}

TEST_CASE("32 fields, by name") {
  CHECK(reflect::count<Fields32>() == 32);
  CHECK(reflect::name<Fields32, 0> == "a0");
  CHECK(reflect::name<Fields32, 31> == "d1");
  Fields32 f{};
  f.d1 = 9;
  std::vector<std::pair<std::string, double>> seen;
  walk(f, [&](const Item& x) {
    if (x.kind == Item::number) seen.emplace_back(x.path, x.value);
  });
  CHECK(seen.size() == 32);
  CHECK(seen.back() == std::pair<std::string, double>{"d1", 9});
}

TEST_CASE("private parts are walked, renamed and cloned") {
  const Holder h;
  CHECK(parameters(h).paths == std::vector<std::string>{"inner.renamed"});
  const Holder copy = clone(h);
  CHECK(equal(copy.inner.weight(), h.inner.weight()));
  CHECK(copy.inner.weight().array().storage() != h.inner.weight().array().storage());
  const Lstm lstm{.in = 2, .hidden = 3, .layers = 2, .bidirectional = true}, again = clone(lstm);
  CHECK(parameters(again).paths == parameters(lstm).paths);
  CHECK(parameters(lstm).paths[4] == "weight_ih_l0_reverse");
}

TEST_CASE("paths of modules, also where a module and its first field share an address") {
  const Net n = net();
  CHECK(path_of(n, {&n, &typeid(Net)}) == "");
  CHECK(path_of(n, {&n.blocks[1].mlp.up, &typeid(Linear)}) == "blocks.1.mlp.up");
  struct Outer {
    Linear first{1, 1};
  } const outer;
  CHECK(path_of(outer, {&outer, &typeid(Linear)}) == "first");
  CHECK(path_of(outer, {&outer, &typeid(Outer)}) == "");
}

TEST_CASE("summary") {
  struct Small {
    Linear a{2, 3};
    Tensor mean = zeros({4}, f64);
  } small;
  small.a.bias.edge().node->frozen = true;
  CHECK(summary(small) ==
        "name      shape   kind     elements\n"
        "a.weight  [3, 2]  trained         6\n"
        "a.bias    [3]     frozen          3\n"
        "mean      [4]     state           4\n"
        "13 elements, 6 trained, 68 bytes\n");
}
