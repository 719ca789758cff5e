// What every module can do: be cloned, cast, saved, loaded, frozen and printed, and train all it has.
#include <heed/core/table.h>
#include "common.h"
#include "files.h"

using namespace heed;

namespace {

Tensor input(const Shape& shape, Dtype t) { return noise(shape, 21, t); }

// run(model, type) gives a tensor; what it depends on is all of the model.
template <class M, class F>
void check_module(const std::string& name, const M& model, F run) {
  INFO(name);
  const Tensor y = run(model, f32);
  const Parameters all = state(model);
  REQUIRE(all.paths.size() > 0);

  const M copy = clone(model);
  CHECK(state(copy).paths == all.paths);
  CHECK(equal(run(copy, f32), y));
  CHECK(allclose(cast(run(cast(model, f64), f64), f32), y, 1e-3, 1e-3));

  const files::Folder folder;
  save(folder / "model.safetensors", model);
  for (const Tensor& t : state(copy).values) assign(t, noise(t.shape(), 5, f32) * noise(t.shape(), 5, f32));
  CHECK_FALSE(equal(run(copy, f32), y));
  load(folder / "model.safetensors", copy);
  CHECK(equal(run(copy, f32), y));

  const Gradients g = grad(sum(y * noise(y.shape(), 6, f32)), model);
  REQUIRE(g.paths == parameters(model).paths);
  for (std::size_t i = 0; i < g.paths.size(); ++i) {
    INFO(g.paths[i]);
    CHECK(max_difference(g.values[i], zeros_like(g.values[i])) > 0);
  }
  freeze(copy);
  CHECK(parameters(copy).paths.empty());
  CHECK_FALSE(run(copy, f32).tracked());
  int64_t elements = 0;
  for (std::size_t i = 0; i < all.paths.size(); ++i) {
    CHECK(contains(summary(model), "\n" + all.paths[i] + " "));
    elements += all.values[i].numel();
  }
  CHECK(contains(summary(model), "\n" + grouped(elements) + " elements, "));
}

struct Residual {  // a user's module among ours
  int64_t width;
  Linear inner{width, width};
  Tensor operator()(In x, Rng* training = nullptr) const { return x + inner(x, training); }
};

}  // namespace

TEST_CASE("every module: cloned, cast, saved, loaded, frozen, printed, and trained in all its parts") {
  auto of = [](const Shape& shape) { return [shape](const auto& m, Dtype t) { return m(input(shape, t)); }; };
  check_module("Linear", Linear{8, 4}, of({2, 3, 8}));
  check_module("Bilinear", Bilinear{8, 4, 3}, [](const auto& m, Dtype t) {
    return m(input({2, 8}, t), input({2, 4}, t));
  });
  check_module("Embedding", Embedding{3, 4}, [](const auto& m, Dtype) { return m(tensor({0, 1, 2}, i64)); });
  check_module("LayerNorm", LayerNorm{8}, of({2, 3, 8}));
  check_module("RmsNorm", RmsNorm{8, 1e-5}, of({2, 3, 8}));
  check_module("GroupNorm", GroupNorm{2, 8}, of({2, 8, 3}));
  check_module("Conv1d", Conv1d{.in = 4, .out = 6, .kernel = 3, .padding = 1, .groups = 2}, of({2, 4, 5}));
  check_module("Conv2d", Conv2d{.in = 4, .out = 6, .kernel = {3, 2}, .stride = 2}, of({2, 4, 5, 6}));
  check_module("BatchNorm1d", BatchNorm1d{8}, of({4, 8}));
  check_module("BatchNorm2d", BatchNorm2d{3}, of({4, 3, 2, 2}));
  check_module("FeedForward", FeedForward{8, 16}, of({2, 3, 8}));
  check_module("FeedForward swiglu",
               FeedForward{.width = 8, .hidden = 16, .activation = FeedForward::swiglu, .bias = false}, of({2, 3, 8}));
  check_module("LearnedPosition", LearnedPosition{3, 8}, of({2, 3, 8}));
  check_module("LocalAttention", LocalAttention{4, 8}, [](const auto& m, Dtype t) {
    const Tensor keys = input({2, 3, 8}, t);
    return m.attend(input({2, 1, 4}, t), m.project(keys, keys)).y;
  });
  auto scored = [&](const char* name, const auto& score) {
    check_module(name, score, [](const auto& m, Dtype t) { return m(input({2, 3, 4}, t), input({2, 5, 4}, t)); });
  };
  scored("GeneralScore", GeneralScore{4, 4});
  scored("AdditiveScore", AdditiveScore{4, 4, 6});
  scored("LocationScore", LocationScore{4, 5});
  scored("RelativeScore", RelativeScore{4, 2});
  auto of_places = [](const auto& m, Dtype t) { return m(input({2, 2, 5, 4}, t), input({2, 2, 5, 4}, t)); };
  check_module("PositionalScore", PositionalScore{2, 5}, of_places);
  check_module("FactorizedScore", FactorizedScore{2, 5, 3}, of_places);
  check_module("RelativeBias", RelativeBias{2, 3}, [](const auto& m, Dtype) { return m(4, 4); });
  for (const char* name : {"general", "additive", "relative"})
    check_module(std::string("Attention, ") + name,
                 Attention{.score = make_score(name, {.query_width = 4, .key_width = 4, .distance = 2})},
                 [](const auto& m, Dtype t) {
                   return m(input({2, 3, 4}, t), input({2, 5, 4}, t), input({2, 5, 6}, t));
                 });
  check_module("LinearAttention", LinearAttention{.width = 8, .heads = 2}, of({2, 3, 8}));
  check_module(
      "LinearAttention, delta rule",
      LinearAttention{.width = 8, .heads = 2, .rule = LinearAttention::delta, .phi = {.kind = FeatureMap::dpfp}},
      of({2, 3, 8}));
  check_module("FastWeights", FastWeights{.in = 8, .key_width = 3, .out = 4}, [](const auto& m, Dtype t) {
    return m(input({2, 3, 8}, t)).y;
  });
  check_module("SigmaPi", SigmaPi{.in = 8, .out = 3, .order = 2}, of({4, 8}));
  check_module("GmdhNode", GmdhNode{.weight = parameter(ones({6}))},
               [](const auto& m, Dtype t) { return m(input({8}, t), input({8}, t) * 2); });
  check_module("HyperLinear", HyperLinear{.in = 8, .out = 4, .codes = 3}, [](const auto& m, Dtype t) {
    return m(input({2, 8}, t), input({2, 3}, t));
  });
  // A bias of the keys moves all scores of a query alike, so nothing flows into it: it is not there.
  check_module("MultiHeadAttention", MultiHeadAttention{.width = 8, .heads = 2, .bias = false}, of({2, 3, 8}));
  check_module("MultiHeadAttention of three widths",
               MultiHeadAttention{.width = 8, .heads = 4, .bias = false, .kv_heads = 2, .kdim = 3, .vdim = 5},
               [](const auto& m, Dtype t) {
                 return m(input({2, 3, 8}, t), input({2, 4, 3}, t), input({2, 4, 5}, t));
               });
  check_module("MultiHeadAttention, rotary",
               MultiHeadAttention{.width = 8, .heads = 2, .bias = false, .rotary = RotaryPosition{}}, of({2, 3, 8}));
  check_module("Mab", Mab{8, 2}, [](const auto& m, Dtype t) { return m(input({2, 3, 8}, t), input({2, 4, 8}, t)); });
  check_module("Sab", Sab{8, 2}, of({2, 3, 8}));
  check_module("Isab", Isab{.width = 8, .heads = 2, .points = 3}, of({2, 5, 8}));
  check_module("Pma", Pma{.width = 8, .heads = 2, .seeds = 2}, of({2, 5, 8}));
  const TransformerOptions options{.hidden = 16};
  check_module("TransformerEncoderLayer", TransformerEncoderLayer{8, 2, options}, of({2, 3, 8}));
  check_module("TransformerDecoderLayer", TransformerDecoderLayer{8, 2, options}, [](const auto& m, Dtype t) {
    return m(input({2, 3, 8}, t), input({2, 4, 8}, t));
  });
  check_module("Transformer", Transformer{8, 2, 2, 1, options}, [](const auto& m, Dtype t) {
    return m(input({2, 4, 8}, t), input({2, 3, 8}, t));
  });
  check_module("SqueezeExcitation", SqueezeExcitation{8, 2}, of({2, 8, 3, 4}));
  check_module("Cbam", Cbam{.channels = 8, .reduction = 2, .kernel = 3}, of({2, 8, 3, 4}));
  check_module("GeneralizedAttention", GeneralizedAttention{.channels = 8, .heads = 2}, of({2, 8, 3, 4}));
  auto of_state = [](const auto& m, Dtype t) { return m(input({2, 3}, t), input({2, 4}, t)); };
  check_module("RnnCell", RnnCell{3, 4}, of_state);
  check_module("GruCell", GruCell{3, 4}, of_state);
  check_module("LstmCell", LstmCell{3, 4}, [](const auto& m, Dtype t) {
    return m(input({2, 3}, t), {input({2, 4}, t), input({2, 4}, t)}).c;
  });
  auto y_of = [](const auto& m, Dtype t) { return m(input({2, 5, 3}, t)).y; };
  check_module("Rnn", Rnn{.in = 3, .hidden = 4, .layers = 2, .nonlinearity = RnnCell::relu}, y_of);
  check_module("Gru", Gru{.in = 3, .hidden = 4, .layers = 2, .bidirectional = true}, y_of);
  check_module("Lstm", Lstm{.in = 3, .hidden = 4, .bidirectional = true, .bias = false}, y_of);
  check_module("Sequential",
               Sequential{make<Linear>(8, 4), Tanh{}, Residual{4}, Sequential{Gelu{}, make<Linear>(4, 2)}, Sigmoid{}},
               of({2, 3, 8}));
}

TEST_CASE("sequential: one after the other, paths 0, 1, .., and what it has to say in one piece") {
  struct Net {
    int64_t width;
    Sequential body{make<Linear>(width, 3), Relu{}, Dropout{0.5}, Sequential{make<Linear>(3, 2), Silu{}}};
    Linear head{2, 1};
  };
  const Net net{4};
  CHECK(parameters(net).paths == std::vector<std::string>{"body.0.weight", "body.0.bias", "body.3.0.weight",
                                                          "body.3.0.bias", "head.weight", "head.bias"});
  CHECK(summary(net) ==
        "name             shape   kind     elements\n"
        "body.0.weight    [3, 4]  trained        12\n"
        "body.0.bias      [3]     trained         3\n"
        "body.3.0.weight  [2, 3]  trained         6\n"
        "body.3.0.bias    [2]     trained         2\n"
        "head.weight      [1, 2]  trained         2\n"
        "head.bias        [1]     trained         1\n"
        "26 elements, 26 trained, 104 bytes\n");
  const Tensor x = noise({5, 4}, 1, f32);
  const Parameters p = parameters(net);
  const Tensor h = relu(linear(x, p.values[0], p.values[1]));
  CHECK(equal(net.body(x), silu(linear(h, p.values[2], p.values[3]))));
  Rng a{3}, b{3};
  CHECK(equal(net.body(x, &a), silu(linear(dropout(h, 0.5, &b), p.values[2], p.values[3]))));
  CHECK(a.counter == 1);
  CHECK(net.body.size() == 4);
  freeze(net.body[0]);
  CHECK(parameters(net).paths.front() == "body.3.0.weight");
  CHECK_ERROR(ShapeError, net.body(ones({5, 3})),
              "linear: cannot apply a weight [3, 4] to [5, 3]: the last dimension must be 4");
  std::vector<std::string> modules;
  {
    Observe watch([&](const Event& e) { modules.push_back(path_of(net, e.module)); });
    net.body(x);
  }
  CHECK(modules.front() == "body.0");
  CHECK(modules.back() == "body.3.1");
  const Sequential nothing;
  CHECK(equal(nothing(x), x));
  Sequential moved = Sequential{make<Linear>(4, 3)};
  CHECK(parameters(moved).paths == std::vector<std::string>{"0.weight", "0.bias"});
}
