// Attention over pictures: what the gates are and what they are blind to, and each term of a score by itself.
#include "common.h"

using namespace heed;

namespace {

Tensor turned(const Tensor& x) { return flip(transpose(x), -1); }  // by 90 degrees
Tensor shuffled(const Tensor& x) {                                 // its places [.., H, W], all channels alike
  const Tensor order = sort(noise({x.size(2) * x.size(3)}, 3)).indices;
  return reshape(index_select(flatten(x, 2), 2, order), x.shape());
}

template <class M>
void certify(const char* name, const M& model, const Tensor& x, int order) {
  const GradcheckReport r = gradcheck(scattered(cast(model, f64), 5, 0.6), {x}, {.order = order});
  INFO(name << ", order " << order << "\n" << r.str());
  CHECK(r);
  CHECK(r.total.certified_digits >= 9);
  CHECK(r.total.inconclusive + r.total.kinks == 0);  // the corners of relu and max are far from these values
}

// The weights of every place to every place by the paper's formula, one number at a time: [heads, H W, H W]
Tensor by_formula(const GeneralizedAttention& m, const Tensor& x) {
  const int64_t H = x.size(2), W = x.size(3), D = m.channels / m.heads;
  const Tensor places = transpose(flatten(x(0), 1));  // [H W, channels]
  std::vector<double> scores;
  for (int64_t h = 0; h < m.heads; ++h) {
    auto of_head = [&](const std::optional<Linear>& proj, const Tensor& row) {
      return linear(row, proj->weight(range(h * D, (h + 1) * D)));
    };
    auto wave = [&](int64_t offset) {  // the sinusoids of an offset
      std::vector<double> r;
      for (int64_t j = 0; j < m.channels; ++j) {
        const double angle = double(offset) * std::pow(10000, -double(j - j % 2) / double(m.channels));
        r.push_back(j % 2 ? std::cos(angle) : std::sin(angle));
      }
      return tensor(r, {m.channels}, f64);
    };
    for (int64_t i = 0; i < H * W; ++i)
      for (int64_t j = 0; j < H * W; ++j) {
        double s = 0;
        auto add = [&](const Tensor& a, const Tensor& b) { s += sum(a * b).item(); };
        auto r = [&] { return of_head(m.row_proj, wave(j / W - i / W)) + of_head(m.column_proj, wave(j % W - i % W)); };
        if (m.terms.query_key) add(of_head(m.q_proj, places(i)), of_head(m.k_proj, places(j)));
        if (m.terms.query_offset) add(of_head(m.q_proj, places(i)), r());
        if (m.terms.key) add(m.u(h), of_head(m.k_proj, places(j)));
        if (m.terms.offset) add(m.v(h), r());
        scores.push_back(s / std::sqrt(double(D)));
      }
  }
  return softmax(tensor(scores, {m.heads, H * W, H * W}, f64));
}
constexpr SpatialTerms none{false, false, false, false};
GeneralizedAttention generalized(const SpatialTerms& terms) {
  return scattered(cast(GeneralizedAttention{.channels = 4, .heads = 2, .terms = terms}, f64), 7, 0.8);
}

}  // namespace

TEST_CASE("squeeze and excitation: one half with last weights of zero, blind to places, and the paper's formula") {
  const SqueezeExcitation zero{8, 4};
  const Tensor x = noise({3, 8, 5, 4}, 1, f32);
  assign(zero.fc2.weight, zeros({8, 2, 1, 1})), assign(zero.fc2.bias, zeros({8}));
  CHECK(equal(zero(x), x * 0.5));

  const SqueezeExcitation m = scattered(cast(SqueezeExcitation{8, 4}, f64), 2, 0.7);
  const Tensor y = noise({3, 8, 5, 4}, 1);
  CHECK_FALSE(equal(shuffled(y), y));
  CHECK(max_difference(m.gate(shuffled(y)), m.gate(y)) < 1e-15);
  const Tensor w1 = reshape(m.fc1.weight, {2, 8}), w2 = reshape(m.fc2.weight, {8, 2});
  const Tensor s = sigmoid(linear(relu(linear(mean(flatten(y, 2), -1), w1, m.fc1.bias)), w2, m.fc2.bias));
  CHECK(max_difference(m(y), y * reshape(s, {3, 8, 1, 1})) < 1e-15);
  CHECK(parameters(m).paths == std::vector<std::string>{"fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"});
  CHECK(SqueezeExcitation{.channels = 3}.fc1.out == 1);
}

TEST_CASE("CBAM's channels: the same MLP of mean and maximum, blind to places") {
  const ChannelAttention m = scattered(cast(ChannelAttention{8, 4}, f64), 2, 0.7);
  const Tensor x = noise({3, 8, 5, 4}, 1), flat = flatten(x, 2);
  CHECK(max_difference(m.gate(shuffled(x)), m.gate(x)) < 1e-15);
  auto mlp = [&](const Tensor& z) { return m.mlp.scores(reshape(z, {3, 8, 1, 1})); };
  CHECK(max_difference(m(x), x * sigmoid(mlp(mean(flat, -1)) + mlp(max(flat, -1)))) < 1e-15);
}

TEST_CASE("CBAM's places: blind to the order of the channels, and turning with the picture if the kernel turns") {
  const SpatialAttention m = scattered(cast(SpatialAttention{}, f64), 2, 0.3);
  const Tensor x = noise({2, 5, 9, 9}, 1);
  CHECK(m.gate(x).shape() == Shape{2, 1, 9, 9});
  CHECK(max_difference(m.gate(flip(x, 1)), m.gate(x)) < 1e-15);
  CHECK(max_difference(m.gate(turned(x)), turned(m.gate(x))) > 0.01);
  const Tensor w = m.conv.weight.detach(), half = w + turned(w), all = half + turned(turned(half));
  CHECK(max_difference(all, turned(all)) < 1e-15);
  assign(m.conv.weight, all);
  CHECK(max_difference(m.gate(turned(x)), turned(m.gate(x))) < 1e-14);
  CHECK(max_difference(m(turned(x)), turned(m(x))) < 1e-14);
}

TEST_CASE("CBAM: channels first, then places") {
  const Cbam m = scattered(cast(Cbam{.channels = 6, .reduction = 2, .kernel = 3}, f64), 2, 0.6);
  const Tensor x = noise({2, 6, 5, 4}, 1), of_channels = x * m.channel.gate(x);
  CHECK(equal(m(x), of_channels * m.spatial.gate(of_channels)));
  const Tensor other_way = x * m.spatial.gate(x);
  CHECK(max_difference(m(x), other_way * m.channel.gate(other_way)) > 1e-3);
}

TEST_CASE("generalized attention: each term alone, and all together, are the paper's formula") {
  const Tensor x = noise({1, 4, 3, 4}, 1);
  std::vector<SpatialTerms> each{{}, none};
  for (bool SpatialTerms::*term :
       {&SpatialTerms::query_key, &SpatialTerms::query_offset, &SpatialTerms::key, &SpatialTerms::offset}) {
    each.push_back(none), each.back().*term = true;  // this one
    each.push_back({}), each.back().*term = false;   // all but this one
  }
  for (const SpatialTerms& t : each) {
    INFO(t.query_key << t.query_offset << t.key << t.offset);
    const GeneralizedAttention m = generalized(t);
    const Tensor weights = by_formula(m, x);
    const auto [y, found] = m.with_weights(x);
    REQUIRE(found.shape() == Shape{1, 2, 3, 4, 3, 4});
    CHECK(max_difference(reshape(found, weights.shape()), weights) < 1e-14);
    const Tensor values = transpose(reshape(m.v_proj(transpose(flatten(x(0), 1))), {12, 2, 2}), 0, 1);
    const Tensor mixed = m.out_proj(reshape(transpose(matmul(weights, values), 0, 1), {12, 4}));
    CHECK(max_difference(y, reshape(transpose(mixed), {1, 4, 3, 4})) < 1e-14);
    CHECK(max_difference(m(x), y) < 1e-14);
  }
}

TEST_CASE("generalized attention: what each term is blind to") {
  const Tensor x = noise({2, 4, 5, 4}, 1), other = noise({2, 4, 5, 4}, 2);
  auto weights = [](const SpatialTerms& t, const Tensor& picture) {
    return generalized(t).with_weights(picture).weights;
  };

  // Content alone: that of multi-head attention over the pixels, and a picture in another order is attended in it.
  const GeneralizedAttention m = generalized({true, false, false, false});
  MultiHeadAttention pixels = cast(MultiHeadAttention{4, 2}, f64);
  assign(pixels.in_proj_weight, concat({m.q_proj->weight, m.k_proj->weight, m.v_proj.weight}));
  assign(pixels.in_proj_bias, concat({zeros({8}, f64), m.v_proj.bias}));
  assign(pixels.out_proj.weight, m.out_proj.weight), assign(pixels.out_proj.bias, m.out_proj.bias);
  const Tensor y = reshape(transpose(pixels(transpose(flatten(x, 2)))), x.shape());
  CHECK(max_difference(m(x), y) < 1e-14);
  CHECK(max_difference(m(shuffled(x)), shuffled(m(x))) < 1e-14);
  CHECK(max_difference(generalized({})(shuffled(x)), shuffled(generalized({})(x))) > 1e-3);

  // Of keys alone: every query looks at the same.
  const Tensor by_key = weights({false, false, true, false}, x);
  CHECK(max_difference(by_key, expand(by_key(_, _, range(0, 1), range(0, 1)), by_key.shape())) < 1e-15);

  // Of offsets alone: whatever the picture shows; the ratio of two keys is that of their offsets.
  const Tensor by_offset = weights({false, false, false, true}, x), l = log(by_offset);
  CHECK(equal(by_offset, weights({false, false, false, true}, other)));
  for (int64_t y0 = 0; y0 < 4; ++y0)
    for (int64_t x0 = 0; x0 < 3; ++x0)
      CHECK(l(0, 0, y0, x0, y0 + 1, x0 + 1).item() - l(0, 0, y0, x0, y0, x0).item() ==
            Approx(l(0, 0, 0, 0, 1, 1).item() - l(0, 0, 0, 0, 0, 0).item()).epsilon(1e-12));

  // Of queries and offsets: the content of keys does not count.
  const Tensor changed = concat({x(_, _, range(0, 1)), other(_, _, range(1, 5))}, 2);
  const SpatialTerms by_query{false, true, false, false};
  CHECK(equal(weights(by_query, x)(_, _, 0), weights(by_query, changed)(_, _, 0)));
  CHECK_FALSE(equal(weights(by_query, x)(_, _, 1), weights(by_query, changed)(_, _, 1)));

  const Tensor even = weights(none, x);  // no term: the mean
  CHECK(equal(even, full(even.shape(), 1.0 / 20, f64)));
  CHECK(parameters(GeneralizedAttention{.channels = 4, .terms = none}).paths ==
        std::vector<std::string>{"v_proj.weight", "v_proj.bias", "out_proj.weight", "out_proj.bias"});
}

TEST_CASE("gradients of attention over pictures, to the second order", "[gradcheck]") {
  const int order = GENERATE(1, 2);
  const Tensor x = noise({2, 4, 3, 3}, 1);
  certify("SqueezeExcitation", SqueezeExcitation{4, 2}, x, order);
  certify("ChannelAttention", ChannelAttention{4, 2}, x, order);
  certify("SpatialAttention", SpatialAttention{.kernel = 3}, x, order);
  certify("Cbam", Cbam{.channels = 4, .reduction = 2, .kernel = 3}, x, order);
  const Tensor wide = noise({1, 4, 2, 3}, 2);
  certify("GeneralizedAttention", GeneralizedAttention{.channels = 4, .heads = 2}, wide, order);
  certify("GeneralizedAttention, offsets", GeneralizedAttention{.channels = 4, .terms = {false, true, false, true}},
          wide, order);
}

TEST_CASE("attention over pictures: what does not fit is said") {
  CHECK_ERROR(ShapeError, (SqueezeExcitation{8})(ones({2, 4, 3, 3})),
              "SqueezeExcitation: the input must be [N, 8, H, W], not [2, 4, 3, 3]");
  CHECK_ERROR(ShapeError, (Cbam{8})(ones({2, 4, 3, 3})),
              "ChannelAttention: the input must be [N, 8, H, W], not [2, 4, 3, 3]");
  CHECK_ERROR(ShapeError, SpatialAttention{}(ones({4, 3, 3})),
              "SpatialAttention: the input must be [N, C, H, W], not [4, 3, 3]");
  CHECK_ERROR(Error, (SpatialAttention{.kernel = 4})(ones({2, 4, 3, 3})),
              "SpatialAttention: a kernel of 4 has no middle: it must be odd");
  CHECK_ERROR(ShapeError, (GeneralizedAttention{.channels = 6})(ones({2, 4, 3, 3})),
              "GeneralizedAttention: the input must be [N, 6, H, W], not [2, 4, 3, 3]");
  CHECK_ERROR(ShapeError, (GeneralizedAttention{.channels = 6, .heads = 4})(ones({2, 6, 3, 3})),
              "GeneralizedAttention: 6 channels cannot be shared by 4 heads: they must be a multiple of them");
  CHECK_ERROR(ShapeError, (GeneralizedAttention{.channels = 6, .heads = 0})(ones({2, 6, 3, 3})),
              "GeneralizedAttention: 6 channels cannot be shared by 0 heads: they must be a multiple of them");
  CHECK_ERROR(Error, (SqueezeExcitation{.channels = 4, .reduction = 0})(ones({2, 4, 3, 3})),
              "SqueezeExcitation: 4 channels cannot be squeezed to 0: the reduction is 0 and must be at least 1");
  CHECK_ERROR(Error, (Cbam{.channels = 4, .reduction = 0})(ones({2, 4, 3, 3})),
              "ChannelAttention: 4 channels cannot be squeezed to 0: the reduction is 0 and must be at least 1");
}
