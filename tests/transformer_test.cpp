// Attention and Transformers, beyond what PyTorch's values show.
#include "common.h"

using namespace heed;

namespace {

const TransformerOptions small{.hidden = 16};
const Tensor padding = tensor({{1, 1, 1, 1, 1}, {1, 1, 1, 0, 0}}) > 0;  // [B, S]

Tensor with_padding(const Tensor& x, double value) { return where(reshape(padding, {2, 5, 1}), x, value); }

}  // namespace

TEST_CASE("grouped heads are full ones whose keys and values repeat") {
  const int64_t W = 12, D = 2, kv = 3;  // 6 heads
  const auto grouped = cast(MultiHeadAttention{.width = W, .heads = W / D, .kv_heads = kv}, f64);
  const auto full = cast(MultiHeadAttention{.width = W, .heads = W / D}, f64);
  CHECK(grouped.in_proj_weight.shape() == Shape{W + 2 * kv * D, W});
  assign(grouped.in_proj_bias, noise(grouped.in_proj_bias.shape(), 3));
  auto repeated = [&](const Tensor& rows) {  // [kv D, ..] -> [W, ..]: each head of D rows twice
    const int64_t n = rows.numel() / (kv * D);
    return reshape(expand(reshape(rows, {kv, 1, D, n}), {kv, 2, D, n}), rows.shape().with(0, W));
  };
  auto widened = [&](const Tensor& p) {
    return concat({p(range(0, W)), repeated(p(range(W, W + kv * D))), repeated(p(range(W + kv * D, W + 2 * kv * D)))});
  };
  assign(full.in_proj_weight, widened(grouped.in_proj_weight.detach()));
  assign(full.in_proj_bias, widened(grouped.in_proj_bias.detach()));
  assign(full.out_proj.weight, grouped.out_proj.weight.detach());
  const Tensor x = variable({2, 4, W}, 1), memory = variable({2, 5, W}, 2), gy = noise({2, 4, W}, 4);
  const MultiHeadOptions options{.key_mask = padding, .bias = noise({W / D, 4, 5}, 5)};
  auto check = [&](const Tensor& a, const Tensor& b, const std::vector<Tensor>& in) {
    CHECK(allclose(a, b, 1e-13, 1e-13));
    const std::vector<Tensor> da = vjp(a, gy, in), db = vjp(b, gy, in);
    for (std::size_t i = 0; i < in.size(); ++i) CHECK(allclose(da[i], db[i], 1e-12, 1e-12));
  };
  check(grouped(x, {.causal = Causal::on}), full(x, {.causal = Causal::on}), {x});
  check(grouped(x, memory, memory, options), full(x, memory, memory, options), {x, memory});
  check(grouped.with_weights(x, memory, memory, options).y, full(x, memory, memory, options), {x, memory});
  CHECK(grouped.with_weights(x, x, x).weights.shape() == Shape{2, W / D, 4, 4});
}

TEST_CASE("rotary: products of queries and keys depend on the distance only") {
  for (bool interleaved : {false, true}) {
    const RotaryPosition rotary{.base = 100, .interleaved = interleaved};
    const Tensor q = rotary(expand(noise({1, 6}, 1), {7, 6})), k = rotary(expand(noise({1, 6}, 2), {7, 6}));
    const Tensor s = matmul(q, transpose(k));  // the same query and key at every place
    CHECK(allclose(s(range(1, 7), range(1, 7)), s(range(0, 6), range(0, 6)), 1e-13, 1e-13));
    CHECK_FALSE(allclose(s(0), s(1)));
  }
}

TEST_CASE("rotary attention: heads are turned after they are split, keys before they are shared") {
  const auto m =
      cast(MultiHeadAttention{.width = 8, .heads = 2, .kv_heads = 1, .rotary = RotaryPosition{.base = 50}}, f64);
  const Tensor x = noise({2, 5, 8}, 1), all = linear(x, m.in_proj_weight);
  auto turned = [&](const Tensor& h) { return rope(h, {.base = 50}); };
  std::vector<Tensor> heads;
  for (int64_t h = 0; h < 2; ++h)
    heads.push_back(scaled_dot_product_attention(turned(all(_, _, range(4 * h, 4 * h + 4))),
                                                 turned(all(_, _, range(8, 12))), all(_, _, range(12, 16)),
                                                 {.causal = Causal::on}));
  CHECK(allclose(m(x, {.causal = Causal::on}), linear(concat(heads, -1), m.out_proj.weight), 1e-13, 1e-13));
}

TEST_CASE("queries, keys and values of three widths have projections of their own") {
  const MultiHeadAttention m{.width = 8, .heads = 4, .kv_heads = 2, .kdim = 3, .vdim = 5};
  CHECK(summary(m) ==
        "name             shape   kind     elements\n"
        "q_proj_weight    [8, 8]  trained        64\n"
        "k_proj_weight    [4, 3]  trained        12\n"
        "v_proj_weight    [4, 5]  trained        20\n"
        "in_proj_bias     [16]    trained        16\n"
        "out_proj.weight  [8, 8]  trained        64\n"
        "out_proj.bias    [8]     trained         8\n"
        "184 elements, 184 trained, 736 bytes\n");
}

TEST_CASE("padding of the source cannot influence what is kept, nor can the padding of other rows") {
  for (bool norm_first : {false, true}) {
    TransformerOptions options = small;
    options.norm_first = norm_first;
    const auto encoder = cast(TransformerEncoder{8, 2, 2, options}, f64);
    const Tensor x = noise({2, 5, 8}, 1);
    const Tensor y = encoder(x, {.key_mask = padding});
    CHECK(equal(encoder(with_padding(x, 1e6), {.key_mask = padding})(1, range(0, 3)), y(1, range(0, 3))));
    CHECK(equal(encoder(x, {.key_mask = ones({2, 5}, boolean)})(0), y(0)));
    CHECK(allclose(encoder(x(range(1, 2), range(0, 3)))(0), y(1, range(0, 3)), 1e-12, 1e-12));
    const Tensor v = x.requires_grad(), g = noise({2, 5, 8}, 2);
    const Tensor dx = grad(sum(encoder(v, {.key_mask = padding}) * with_padding(g, 0)), {v})[0];
    CHECK(equal(dx(1, range(3, 5)), zeros({2, 8}, f64)));
  }
}

TEST_CASE("a causal target does not see what follows, nor a memory's padding") {
  const auto model = cast(Transformer{8, 2, 1, 2, small}, f64);
  const Tensor source = noise({2, 5, 8}, 1), target = noise({2, 4, 8}, 2);
  const TransformerMasks masks{
      .source = {.key_mask = padding}, .target = {.causal = Causal::on}, .memory = {.key_mask = padding}};
  const Tensor y = model(source, target, masks);
  const Tensor other = where(reshape(arange(4), {4, 1}) < 2, target, 7);
  CHECK(equal(model(source, other, masks)(_, range(0, 2)), y(_, range(0, 2))));
  CHECK_FALSE(allclose(model(source, other)(_, range(0, 2)), y(_, range(0, 2))));
  CHECK(equal(model(with_padding(source, -1e6), target, masks), y));
}

TEST_CASE("dropout in every place that PyTorch has it, and in none without a generator") {
  const Tensor x = noise({2, 3, 8}, 1, f32), memory = noise({2, 4, 8}, 2, f32);
  const TransformerEncoderLayer encoder{8, 2, small};
  const TransformerDecoderLayer decoder{8, 2, small};
  Rng rng{1};
  encoder(x, &rng);
  CHECK(rng.counter == 4);  // weights, two sums, hidden values
  decoder(x, memory, {}, &rng);
  CHECK(rng.counter == 4 + 6);
  CHECK(equal(encoder(x), encoder(x, nullptr)));
  TransformerOptions options = small;
  options.dropout = 0;
  TransformerEncoderLayer{8, 2, options}(x, &rng);
  CHECK(rng.counter == 10);
}

TEST_CASE("a stack goes on from places seen before, each layer by a cache of its own") {
  const auto encoder = scattered(cast(TransformerEncoder{8, 2, 3, small}, f64), 5, 0.5);
  const auto decoder = scattered(cast(TransformerDecoder{8, 2, 2, small}, f64), 50, 0.5);
  const Tensor x = noise({2, 5, 8}, 1), memory = noise({2, 4, 8}, 2);
  const Tensor encoded = encoder(x, {.causal = Causal::on}), decoded = decoder(x, memory, {{.causal = Causal::on}});
  Unrecorded off;
  std::vector<KvCache> of_encoder(3), of_decoder(2);
  for (const Range part : {range(0, 2), range(2, 3), range(3, 5)}) {
    const Tensor now = x(_, part);
    CHECK(allclose(encoder(now, {.causal = Causal::lower_right}, nullptr, of_encoder), encoded(_, part), 1e-12, 1e-12));
    CHECK(allclose(decoder(now, memory, {{.causal = Causal::lower_right}}, nullptr, of_decoder), decoded(_, part),
                   1e-12, 1e-12));
  }
  CHECK(of_encoder[2].length == 5);
  KvCache one;
  CHECK_ERROR(Error, encoder(x, {.cache = &one}),
              "TransformerEncoder: 3 layers cannot share the cache of a mask: give each its own, as caches");
  CHECK_ERROR(Error, decoder(x, memory, {{.cache = &one}}),
              "TransformerDecoder: 2 layers cannot share the cache of a mask: give each its own, as caches");
  CHECK_ERROR(Error, decoder(x, memory, {{}, {.cache = &one}}),
              "TransformerDecoder: 2 layers cannot share the cache of a mask: give each its own, as caches");
  CHECK_ERROR(Error, encoder(x, {}, nullptr, of_decoder),
              "TransformerEncoder: there must be a cache for each of the 3 layers, not 2");
  CHECK(one.length == 0);
  const auto single = cast(TransformerEncoder{8, 2, 1, small}, f64);
  single(x, {.cache = &one});
  CHECK(one.length == 5);
}

TEST_CASE("a Transformer starts from xavier_uniform matrices, unit norms and attention without bias") {
  const Transformer model{64, 4, 1, 1, {.hidden = 256}};
  for (const auto* w : {&model.encoder.layers[0].linear1.weight, &model.decoder.layers[0].linear1.weight}) {
    const double bound = std::sqrt(6.0 / (64 + 256));
    CHECK(max(*w).item() < bound);
    CHECK(max(*w).item() > 0.99 * bound);
    CHECK(-max(-*w).item() > -bound);
    CHECK(-max(-*w).item() < -0.99 * bound);
  }
  CHECK(equal(model.decoder.layers[0].multihead_attn.in_proj_bias, zeros({192})));
  CHECK(equal(model.encoder.norm->weight, ones({64})));
}

TEST_CASE("errors of attention and Transformers") {
  const Tensor x = ones({2, 3, 8});
  CHECK_ERROR(ShapeError, (MultiHeadAttention{.width = 8, .heads = 4, .kv_heads = 3})(x),
              "MultiHeadAttention: 4 heads cannot share 3 heads of keys and values: they must be a multiple of them");
  const MultiHeadAttention wide{.width = 8, .heads = 2, .kdim = 3, .vdim = 5};
  CHECK_ERROR(ShapeError, wide(x), "MultiHeadAttention: the key must be [B, T, 3], not [2, 3, 8]");
  CHECK_ERROR(ShapeError, wide(x, ones({2, 4, 3}), x),
              "MultiHeadAttention: the value must be [B, T, 5], not [2, 3, 8]");
  const TransformerEncoder encoder{8, 2, 1, small};
  CHECK_ERROR(ShapeError, encoder(ones({3, 8})), "MultiHeadAttention: the query must be [B, T, 8], not [3, 8]");
  CHECK_ERROR(ShapeError, encoder(x, {.key_mask = ones({2, 4}, boolean)}),
              "MultiHeadAttention: the key mask must be [2, 3], one value per key, not [2, 4]");
  CHECK_ERROR(ShapeError, encoder(x, {.mask = ones({3, 4}, boolean)}),
              "scaled_dot_product_attention: the mask [3, 4] does not broadcast to the scores [2, 2, 3, 3]");
  CHECK_ERROR(ShapeError, (Transformer{8, 2, 1, 1, small})(x, ones({3, 3, 8})),
              "scaled_dot_product_attention: cannot broadcast [3, 2] with [2, 2]: dimension -2 is 3 in the first and 2 "
              "in the second");
}
