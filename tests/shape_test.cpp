// Shapes, views, and the corners of every family of ops: strides, negative dimensions, no dimensions, no elements.
#include <limits>
#include "common.h"

using namespace heed;

namespace {

Tensor numbers(const Shape& s, Dtype t = f64) { return reshape(arange(s.numel(), t), s); }

// What x is, element by element, without strides.
Tensor plain(const Tensor& x) { return tensor(x.to_vector(), x.shape(), x.dtype()); }

// Views of one array with gaps, of every kind.
std::vector<Tensor> strided_views() {
  const Tensor x = noise({4, 6, 5}, 1);
  return {transpose(x),
          permute(x, {2, 0, 1}),
          x(range(1, 3)),
          x(_, range(0, 6, 2)),
          x(_, _, range(1, 5, 3)),
          x(2),
          x(_, 3),
          x(_, _, 4),
          expand(x(_, range(0, 1)), {4, 3, 5}),
          expand(x(0), {2, 6, 5}),
          expand(noise({}, 2), {2, 3}),
          transpose(x, 0, 2)(range(1, 4), _, range(0, 4, 2)),
          x(range(3, 4), _, range(2, 3)),
          diagonal(x, 1, 0, 2),
          unfold(x, 1, 3, 2),
          unfold(x, 0, 3, 1)(_, 2),
          x(range(2, 2))};
}

}  // namespace

TEST_CASE("shapes") {
  const Shape s{2, 3, 4};
  CHECK(s.rank() == 3);
  CHECK(s[-1] == 4);
  CHECK(s.numel() == 24);
  CHECK(Shape{}.numel() == 1);
  CHECK(Shape{3, 0}.numel() == 0);
  CHECK(s.without(1) == Shape{2, 4});
  CHECK(s.with(-1, 7) == Shape{2, 3, 7});
  CHECK(s != Shape{2, 3});
  CHECK(s.str() == "[2, 3, 4]");
  CHECK(Shape{}.str() == "[]");
}

TEST_CASE("broadcasting is NumPy's") {
  CHECK(broadcast({}, "", {2, 3}, {3}) == Shape{2, 3});
  CHECK(broadcast({}, "", {2, 1, 4}, {3, 1}) == Shape{2, 3, 4});
  CHECK(broadcast({}, "", {}, {3}) == Shape{3});
  CHECK(broadcast({}, "", {1, 1}, {0, 3}) == Shape{0, 3});
  CHECK_THROWS_AS(broadcast({}, "", {0}, {3}), ShapeError);
  CHECK_THROWS_AS(broadcast({}, "", {2, 3}, {2}), ShapeError);
}

TEST_CASE("indexing") {
  const Tensor x = numbers({4, 3, 2});
  CHECK(x(1, 2, 1).item() == 11);
  CHECK(x(-1, -1, -1).item() == 23);
  CHECK(x(0).shape() == Shape{3, 2});
  CHECK(x(_, 1).shape() == Shape{4, 2});
  CHECK(x(3, _, range(0, 1)).to_vector() == std::vector<double>{18, 20, 22});
  CHECK(x(range(-2, 4), 0, 0).to_vector() == std::vector<double>{12, 18});
  CHECK(x(range(0, 100, 3), 0, 0).to_vector() == std::vector<double>{0, 18});
  CHECK(x(range(3, 1)).shape() == Shape{0, 3, 2});
  CHECK(slice(x, 0, 0, INT64_MAX, INT64_MAX).shape() == Shape{1, 3, 2});
  CHECK(x(std::size_t{1}, short{2}, 1u).item() == 11);  // any integer
  CHECK(x(1).array().storage() == x.array().storage());
}

TEST_CASE("indexing by tensors") {
  const Tensor x = numbers({4, 3, 2}), i = tensor({3, 0, -1}, i64), j = tensor({{0}, {1}}, i64);
  CHECK(x(i).shape() == Shape{3, 3, 2});
  CHECK(equal(x(i), index_select(x, 0, tensor({3, 0, 3}, i64))));
  CHECK(equal(x(_, i - 1, 1)(0), tensor({5, 5, 3}, f64)));
  CHECK(x(i, j).shape() == Shape{2, 3, 2});                  // beside each other: in their place
  CHECK(x(_, j, tensor(1, i64)).shape() == Shape{4, 2, 1});  // without dimensions: a number
  CHECK(x(range(0, 3), i - 1, j).shape() == Shape{3, 2, 3});
  CHECK(x(i, _, j).shape() == Shape{2, 3, 3});  // apart: in front
  CHECK(x(i, 1, j).shape() == Shape{2, 3});
  CHECK(x(i, _, j)(1, 2, 0).item() == x(-1, 0, 1).item());
  const Tensor mask = x > 15;
  CHECK(x(mask).to_vector() == std::vector<double>{16, 17, 18, 19, 20, 21, 22, 23});
  CHECK(x(mask(_, _, 0), 1).to_vector() == std::vector<double>{17, 19, 21, 23});
  CHECK(x(_, mask(2)).shape() == Shape{4, 2});
  CHECK(x(x < 0).shape() == Shape{0});
  CHECK(x(0, 0, 0)(ones({}, boolean)).to_vector() == std::vector<double>{0});
  CHECK(x(0, 0, 0)(zeros({}, boolean)).shape() == Shape{0});
  CHECK(equal(x(arange(0)), zeros({0, 3, 2}, f64)));
  CHECK(x(tensor(1, i64)).array().storage() == x.array().storage());
  const Tensor v = variable({4}, 1), g = grad(sum(v(tensor({1, 1, -1}, i64)) * 2), {v})[0];
  CHECK(g.to_vector() == std::vector<double>{0, 4, 0, 2});
}

TEST_CASE("reshaping without copies") {
  const Tensor x = noise({2, 3, 4}, 1);
  auto shares = [&](const Tensor& y) { return y.array().storage() == x.array().storage(); };
  CHECK(shares(view(x, {6, -1})));
  CHECK(shares(view(x(_, range(0, 2)), {2, 2, 2, 2})));
  CHECK(shares(view(transpose(x, 0, 1), {3, 2, 2, 2})));
  CHECK(view(zeros({0, 3}), {7, 0}).shape() == Shape{7, 0});
  CHECK(shares(squeeze(x(range(0, 1)))));
  CHECK(squeeze(x(range(0, 1), range(1, 2)), {0, 2}).shape() == Shape{1, 4});
  CHECK(squeeze(zeros({1, 1}), {}).shape() == Shape{1, 1});
  CHECK(flatten(x, 1).shape() == Shape{2, 12});
  CHECK(flatten(tensor(2)).shape() == Shape{1});
  CHECK(shares(select(x, -1, -2)));
  CHECK(equal(select(x, -1, -2), x(_, _, 2)));
  CHECK(shares(narrow(x, 1, -2, 1)));
  CHECK(equal(movedim(x, 2, 0), permute(x, {2, 0, 1})));
  CHECK(equal(movedim(x, {0, 1}, {-1, 0}), permute(x, {1, 2, 0})));
}

TEST_CASE("parts") {
  auto sizes = [](const std::vector<Tensor>& parts) {
    std::vector<int64_t> r;
    for (const Tensor& x : parts) r.push_back(x.size(0));
    return r;
  };
  using Sizes = std::vector<int64_t>;
  CHECK(sizes(split(arange(7), 3)) == Sizes{3, 3, 1});
  CHECK(sizes(split(arange(6), 3)) == Sizes{3, 3});
  CHECK(sizes(split(arange(0), 3)) == Sizes{0});
  CHECK(sizes(split(arange(5), {5})) == Sizes{5});  // a list of one size
  CHECK(sizes(split(arange(5), {1, 0, 4})) == Sizes{1, 0, 4});
  CHECK(sizes(chunk(arange(7), 3)) == Sizes{3, 3, 1});
  CHECK(sizes(chunk(arange(5), 4)) == Sizes{2, 2, 1});  // fewer: as in PyTorch
  CHECK(sizes(chunk(arange(0), 2)) == Sizes{0, 0});
  const Tensor x = variable({2, 5}, 1);
  const std::vector<Tensor> parts = split(x, 2, -1);
  CHECK(equal(concat(parts, 1), x));
  CHECK(parts[2].array().storage() == x.array().storage());
  for (const int64_t size : {1, 2, 3, 5}) {  // five slices, or parts of one op, of which one alone is used
    const Tensor g = grad(sum(split(x, size, -1)[0] * 3), {x})[0];
    CHECK(equal(g, cast(arange(5) < size, x.dtype()) * 3 + zeros_like(x)));
  }
  const Tensor d = diagonal(x, 1);
  CHECK(d.array().storage() == x.array().storage());
  CHECK(d.to_vector() == std::vector<double>{x(0, 1).item(), x(1, 2).item()});
  CHECK(diagonal(x, -2).shape() == Shape{0});
  CHECK(diagonal(x, INT64_MAX).shape() == Shape{0});
  CHECK(diagonal(x, INT64_MIN).shape() == Shape{0});
}

TEST_CASE("rearranged copies") {
  const Tensor x = numbers({2, 3}, i64);
  CHECK(equal(pad(x, {1, 0, 0, 1}, -1), tensor({{-1, 0, 1, 2}, {-1, 3, 4, 5}, {-1, -1, -1, -1}}, i64)));
  CHECK(equal(pad(x, {-2, 0}), tensor({{2}, {5}}, i64)));
  CHECK(equal(pad(x > 1, {0, 1}, 1), tensor({{0, 0, 1, 1}, {1, 1, 1, 1}}, boolean)));
  CHECK(equal(flip(x, {0, 1}), tensor({{5, 4, 3}, {2, 1, 0}}, i64)));
  CHECK(equal(flip(transpose(x), 0), tensor({{2, 5}, {1, 4}, {0, 3}}, i64)));
  CHECK(equal(roll(x, 7, -1), tensor({{2, 0, 1}, {5, 3, 4}}, i64)));
  CHECK(equal(roll(x, -1, 0), flip(x, 0)));
  CHECK(equal(repeat(arange(2), {2, 3}), tensor({{0, 1, 0, 1, 0, 1}, {0, 1, 0, 1, 0, 1}}, i64)));
  CHECK(equal(repeat_interleave(x, 2, 0), tensor({{0, 1, 2}, {0, 1, 2}, {3, 4, 5}, {3, 4, 5}}, i64)));
  CHECK(equal(tril(x), tensor({{0, 0, 0}, {3, 4, 0}}, i64)));
  CHECK(equal(triu(x, 1), tensor({{0, 1, 2}, {0, 0, 5}}, i64)));
  CHECK(equal(tril(ones({2, 2}, boolean)), tensor({{1, 0}, {1, 1}}, boolean)));
  for (Dtype t : {f32, f64, bf16, i64, boolean}) {  // nothing is computed: every type
    const Tensor y = cast(x, t);
    CHECK(equal(cast(flip(y, 1), f64), cast(flip(cast(y, f64), 1), f64)));
    CHECK(equal(cast(pad(y, {1, 1}), f64), pad(cast(y, f64), {1, 1})));
    CHECK(equal(cast(unfold(y, 1, 2, 1), f64), unfold(cast(y, f64), 1, 2, 1)));
    CHECK(equal(cast(index_select(y, 1, arange(2)), f64), index_select(cast(y, f64), 1, arange(2))));
    CHECK(equal(cast(scatter(y, 1, zeros({2, 1}, i64), 1), f64), scatter(cast(y, f64), 1, zeros({2, 1}, i64), 1)));
    CHECK(equal(nonzero(y), nonzero(x)));
  }
}

TEST_CASE("scatter: the last of equal indices wins, and has the gradient") {
  const Tensor x = variable({4}, 1), src = variable({5}, 2), at = tensor({2, 0, 2, 2, 0}, i64);
  const Tensor y = scatter(x, 0, at, src);
  CHECK(equal(y, stack({src(4), x(1), src(3), x(3)})));
  const auto g = grad(sum(y * tensor({1, 2, 3, 4}, f64)), {x, src});
  CHECK(g[0].to_vector() == std::vector<double>{0, 2, 0, 4});
  CHECK(g[1].to_vector() == std::vector<double>{0, 0, 0, 3, 1});
}

TEST_CASE("sort: stable, NaN above everything") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Tensor x = tensor({2, nan, 1, 2, nan, 0}, f64);
  CHECK(sort(x).indices.to_vector() == std::vector<double>{5, 2, 0, 3, 1, 4});
  CHECK(sort(x, 0, true).indices.to_vector() == std::vector<double>{1, 4, 0, 3, 2, 5});
  CHECK(topk(x, 3).indices.to_vector() == std::vector<double>{1, 4, 0});
  CHECK(equal(sort(tensor({3, -1, 2}, i64)).values, tensor({-1, 2, 3}, i64)));
  CHECK(sort(zeros({0, 3}), 0).indices.shape() == Shape{0, 3});
}

TEST_CASE("indices out of values") {
  CHECK(equal(one_hot(tensor({1, 0}, i64)), tensor({{0, 1}, {1, 0}}, i64)));
  CHECK(equal(one_hot(tensor(1, i64), 3), tensor({0, 1, 0}, i64)));
  CHECK(one_hot(arange(0), 3).shape() == Shape{0, 3});
  CHECK(equal(nonzero(tensor({{0, 2}, {-1, 0}})), tensor({{0, 1}, {1, 0}}, i64)));
  CHECK(nonzero(tensor(3)).shape() == Shape{1, 0});
  CHECK(nonzero(zeros({3, 2})).shape() == Shape{0, 2});
  CHECK(nonzero(full({1}, std::numeric_limits<double>::quiet_NaN())).shape() == Shape{1, 1});
  CHECK(index_add(zeros({3}, i64), 0, tensor({2, 0, 2}, i64), ones({3}, i64), 2).to_vector() ==
        std::vector<double>{2, 0, 4});
}

TEST_CASE("einsum against what it stands for") {
  const Tensor a = noise({3, 4}, 1), b = noise({4, 5}, 2), c = noise({5, 2}, 3), s = noise({4, 4}, 4);
  const std::vector<Tensor> chain{a, b, c};
  auto close = [](const Tensor& x, const Tensor& y) { return x.shape() == y.shape() && allclose(x, y, 1e-13, 1e-13); };
  CHECK(close(einsum("ij,jk,kl->il", chain), matmul(matmul(a, b), c)));
  CHECK(close(einsum("ij,jk,kl", chain), matmul(matmul(a, b), c)));
  CHECK(close(einsum("ij->", {a}), sum(a)));
  CHECK(close(einsum("ba", {a}), transpose(a)));  // in order of the alphabet
  CHECK(close(einsum("ii", {s}), sum(diagonal(s))));
  CHECK(close(einsum("i,i->i", {s(0), s(1)}), s(0) * s(1)));
  CHECK(close(einsum(",ij->ji", {tensor(2, f64), a}), 2 * transpose(a)));
  CHECK(einsum("ij->ij", {a}).array().storage() == a.array().storage());
  CHECK(einsum("ij,jk->ik", {zeros({3, 0}), zeros({0, 2})}).to_vector() == std::vector<double>(6));

  std::vector<Shape> made;  // of products: the pair with the smallest result comes first
  const Observe watch([&](const Event& e) {
    if (std::string_view(e.op) == "matmul") made.push_back(e.outputs[0].shape());
  });
  einsum("ij,jk,k->i", {noise({30, 40}, 1), noise({40, 50}, 2), noise({50}, 3)});
  CHECK(made.size() == 2);
  CHECK(made[0].numel() == 40);
}

TEST_CASE("unfold: windows as a view, their gradient added up") {
  const Tensor x = variable({5}, 1), y = unfold(x, 0, 3, 1);
  CHECK(equal(unfold(arange(5), 0, 3, 2), tensor({{0, 1, 2}, {2, 3, 4}}, i64)));
  CHECK(y.array().storage() == x.array().storage());
  CHECK(grad(sum(y), {x})[0].to_vector() == std::vector<double>{1, 2, 3, 2, 1});
  CHECK(unfold(x, 0, 2, INT64_MAX).shape() == Shape{1, 2});
  CHECK(unfold(x, 0, 0, INT64_MAX).shape() == Shape{1, 0});
  const Tensor apart = zeros({6});  // windows that do not overlap can be written
  assign(unfold(apart, 0, 2, 4), tensor({{1, 2}, {3, 4}}));
  CHECK(apart.to_vector() == std::vector<double>{1, 2, 0, 0, 3, 4});
}

TEST_CASE("views of views read what a copy reads") {
  for (const Tensor& v : strided_views()) {
    CAPTURE(v.shape().str());
    const Tensor p = plain(v);
    CHECK(equal(v, p));
    CHECK(equal(v.contiguous(), p));
    CHECK(equal(v * 2 + v, p * 2 + p));
    CHECK(equal(exp(v), exp(p)));
    CHECK(equal(cast(v, f32), cast(p, f32)));
    CHECK(equal(where(v > 0, v, -v), where(p > 0, p, -p)));
    CHECK(equal(reshape(v, {-1}), reshape(p, {v.numel()})));
    CHECK(allclose(sum(v), sum(p), 1e-14, 1e-14));
    for (int d = 0; d < v.dim(); ++d) {
      CHECK(allclose(sum(v, d), sum(p, d), 1e-14, 1e-14));
      CHECK(equal(softmax(v, d), softmax(p, d)));
      if (v.size(d)) CHECK(equal(max(v, d), max(p, d)));
      CHECK(equal(slice(v, d, 0, 3, 2), slice(p, d, 0, 3, 2)));
      CHECK(equal(concat({v, p}, d), concat({p, p}, d)));
    }
    if (v.dim() >= 2) {
      const Tensor w = noise({v.size(-1), 3}, 7);
      CHECK(equal(matmul(v, w), matmul(p, w)));
      CHECK(equal(matmul(transpose(w), transpose(v)), matmul(transpose(w), transpose(p))));
    }
  }
}

TEST_CASE("gradients through views are those through copies") {
  for (const Tensor& v : strided_views()) {
    CAPTURE(v.shape().str());
    const Tensor a = v.requires_grad(), b = plain(v).requires_grad(), c = noise(v.shape(), 9);
    auto f = [&](const Tensor& x) { return sum(tanh(x) * c * x + exp(x) * sum(x)); };
    CHECK(allclose(grad(f(a), {a})[0], grad(f(b), {b})[0], 1e-13, 1e-13));
  }
}

TEST_CASE("reshape: a view where strides allow, else a copy, always the same elements") {
  const Shape targets[] = {{24}, {4, 6}, {2, 12}, {2, 2, 6}, {3, 8}, {1, 24, 1}, {2, 3, 4}, {2, 3, 2, 2}, {12, 2}};
  const Tensor x = noise({2, 3, 4}, 1), y = noise({4, 6, 4}, 2);
  for (const Tensor& v : {x, transpose(x), permute(x, {2, 0, 1}), y(range(0, 2), range(0, 6, 2)),
                          y(range(0, 4, 2), range(0, 3)), expand(x(range(0, 1)), {2, 3, 4}),
                          expand(noise({1, 1, 4}, 3), {2, 3, 4}), transpose(y, 0, 1)(range(0, 2), range(0, 3))})
    for (const Shape& s : targets) {
      CAPTURE(v.shape().str(), s.str());
      const Tensor r = reshape(v, s);
      CHECK(r.shape() == s);
      CHECK(r.to_vector() == v.to_vector());
    }
  auto shares = [](const Tensor& a, const Tensor& b) { return a.array().storage() == b.array().storage(); };
  CHECK(shares(reshape(x, {6, 4}), x));
  CHECK(shares(reshape(y(_, range(0, 3)), {4, 3, 2, 2}), y));  // a split keeps the outer stride
  CHECK(shares(reshape(y(range(1, 3)), {12, 4}), y));
  CHECK(shares(reshape(transpose(x, 0, 1), {3, 2, 2, 2}), x));
  CHECK_FALSE(shares(reshape(transpose(x), {24}), x));
  CHECK_FALSE(shares(reshape(y(_, range(0, 3)), {12, 4}), y));
}

TEST_CASE("negative dimensions count from the back") {
  const Tensor x = noise({2, 3, 4}, 1), m = noise({3, 3, 3}, 2), index = zeros({2, 1, 4}, i64);
  CHECK(equal(sum(x, -2), sum(x, 1)));
  CHECK(equal(sum(x, {-1, 0}), sum(x, {0, 2})));
  CHECK(equal(mean(x, -3, keepdim), mean(x, 0, keepdim)));
  CHECK(equal(max(x, -2), max(x, 1)));
  CHECK(equal(argmax(x, -3), argmax(x, 0)));
  CHECK(equal(logsumexp(x, -2), logsumexp(x, 1)));
  CHECK(equal(softmax(x, -2), softmax(x, 1)));
  CHECK(equal(log_softmax(x, -3), log_softmax(x, 0)));
  CHECK(equal(sort(x, -2).values, sort(x, 1).values));
  CHECK(equal(flip(x, {-1, 0}), flip(x, {2, 0})));
  CHECK(equal(unfold(x, -2, 2, 1), unfold(x, 1, 2, 1)));
  CHECK(equal(index_select(x, -2, arange(2)), index_select(x, 1, arange(2))));
  CHECK(equal(index_add(m, -3, arange(3), m), index_add(m, 0, arange(3), m)));
  CHECK(equal(scatter(m, -2, zeros({3, 1, 3}, i64), 2), scatter(m, 1, zeros({3, 1, 3}, i64), 2)));
  CHECK(equal(topk(x, 2, -2).values, topk(x, 2, 1).values));
  CHECK(equal(transpose(x, -3, -1), transpose(x, 0, 2)));
  CHECK(equal(permute(x, {-1, 0, -2}), permute(x, {2, 0, 1})));
  CHECK(equal(slice(x, -1, 1, -1), x(_, _, range(1, 3))));
  CHECK(equal(concat({x, x}, -2), concat({x, x}, 1)));
  CHECK(equal(stack({x, x}, -1), stack({x, x}, 3)));
  CHECK(equal(gather(x, -2, index), gather(x, 1, index)));
  CHECK(equal(scatter_add(m, -1, zeros({3, 3, 3}, i64), m), scatter_add(m, 2, zeros({3, 3, 3}, i64), m)));
}

TEST_CASE("tensors without dimensions") {
  const Tensor x = tensor(0.5, f64).requires_grad(), y = tensor(2, f64);
  CHECK((x * y + 1).item() == 2);
  CHECK((x * y).shape() == Shape{});
  CHECK(sum(x).item() == 0.5);
  CHECK(mean(x).item() == 0.5);
  CHECK(max(x).item() == 0.5);
  CHECK(reshape(x, {1, 1}).shape() == Shape{1, 1});
  CHECK(reshape(noise({1, 1}, 1), {}).shape() == Shape{});
  CHECK(expand(x, {2, 2}).to_vector() == std::vector<double>{0.5, 0.5, 0.5, 0.5});
  CHECK(stack({x, y}).to_vector() == std::vector<double>{0.5, 2});
  CHECK(where(x > 0, x, y).item() == 0.5);
  CHECK(permute(x, {}).item() == 0.5);
  CHECK(embedding(tensor(1, i64), numbers({3, 2})).to_vector() == std::vector<double>{2, 3});
  CHECK(cross_entropy(zeros({2}, f64), tensor(1, i64)).item() == Approx(std::log(2.0)).epsilon(1e-15));
  CHECK(dropout(x, {0.5, 3}).shape() == Shape{});
  CHECK(grad(exp(x) * x, {x})[0].item() == Approx(1.5 * std::exp(0.5)).epsilon(1e-15));
  CHECK(grad(sum(expand(x, {3}) * 2), {x})[0].item() == 6);
  CHECK(linear(noise({3}, 1), noise({2, 3}, 2)).shape() == Shape{2});
  CHECK(matmul(numbers({3}), numbers({3})).item() == 5);
}

// ---- nothing at all
TEMPLATE_TEST_CASE("zero-size tensors through every op, forward and backward", "", float, double) {
  const Dtype t = dtype_of<TestType>;
  auto empty = [&](const Shape& s) { return zeros(s, t).requires_grad(); };
  // The gradient of the sum of f's outputs has x's shape, and no elements or zeros.
  auto check = [&](const Tensor& y, const Shape& want, std::initializer_list<Tensor> xs) {
    CHECK(y.shape() == want);
    CHECK(finite(y));
    for (const Tensor& x : xs) {
      const Tensor g = grad(sum(y), {x})[0], recorded = grad(sum(y), {x}, create_graph)[0];
      CHECK(g.shape() == x.shape());
      CHECK(finite(g));
      CHECK(equal(g, recorded.detach()));
    }
  };
  for (const Shape& s : {Shape{0}, Shape{0, 3}, Shape{3, 0}, Shape{2, 0, 4}}) {
    CAPTURE(s.str());
    const Tensor x = empty(s);
    for (auto f :
         {exp, log, heed::sqrt, heed::tanh, sigmoid, relu, heed::erf, silu, heed::abs, sign, heed::round, rsqrt})
      check(f(x), s, {x});
    check(x + x, s, {x});
    check(x * x - x / x, s, {x});
    check(pow(x, 2), s, {x});
    check(where(x > 0, x, 1), s, {x});
    check(x + ones({}, t), s, {x});
    check(sum(x), {}, {x});
    check(dropout(x, {0.5, 1}), s, {x});
    check(reshape(x, {0, 7}), {0, 7}, {x});
    check(stack({x, x}), Shape(s).rank() == 1 ? Shape{2, 0} : stack({x, x}).shape(), {x});
    check(concat({x, x}, 0), concat({x, x}, 0).shape(), {x});
    check(transpose(reshape(x, {0, 2})), {2, 0}, {x});
    check(slice(x, 0, 0, 2), slice(x, 0, 0, 2).shape(), {x});
    check(flip(x, -1), s, {x});
    check(roll(x, 1, -1), s, {x});
    check(pad(x, {1, 1}), pad(x, {1, 1}).shape(), {x});
    check(repeat_interleave(x, 2, 0), s.with(0, 2 * s[0]), {x});
    check(sort(x).values, s, {x});
    check(x(x > 0), {0}, {x});
    check(einsum("...->...", {x}), s, {x});
    check(softmax(x), s, {x});
    check(log_softmax(x), s, {x});
    check(softmax(x, 0), s, {x});
    check(cast(x, f64), s, {x});
    for (int d = 0; d < x.dim(); ++d) check(sum(x, d), s.without(d), {x});
  }
  const Tensor a = empty({0, 3}), w = empty({3, 0}), f = noise({3, 4}, 1, t).requires_grad();
  check(max(a, 1), {0}, {a});
  check(logsumexp(a), {0}, {a});
  CHECK(equal(logsumexp(w), full({3}, -std::numeric_limits<double>::infinity(), t)));
  check(sum(w, 1), {3}, {w});
  check(topk(a, 2).values, {0, 2}, {a});
  check(topk(w, 0).values, {3, 0}, {w});
  check(matmul(a, f), {0, 4}, {a, f});
  check(matmul(w, a), {3, 3}, {w, a});  // sums of nothing: zeros
  CHECK(equal(matmul(w, a), zeros({3, 3}, t)));
  check(matmul(transpose(f), w), {4, 0}, {f, w});
  check(matmul(empty({0, 2, 3}), f), {0, 2, 4}, {f});
  check(matmul(empty({5, 2, 0}), empty({0, 4})), {5, 2, 4}, {});
  check(matmul(empty({2, 0, 3}), empty({2, 3, 0})), {2, 0, 0}, {});
  const Tensor weight = noise({4, 3}, 2, t).requires_grad(), bias = noise({4}, 3, t).requires_grad();
  check(linear(a, weight, bias), {0, 4}, {a, weight, bias});
  check(linear(empty({2, 0, 3}), weight, bias), {2, 0, 4}, {weight, bias});
  const Tensor no_inputs = empty({2, 0}), thin = empty({4, 0});
  check(linear(no_inputs, thin, bias), {2, 4}, {no_inputs, thin, bias});
  check(linear(noise({2, 3}, 4, t), empty({0, 3}), empty({0})), {2, 0}, {});
  const Tensor gain = ones({3}, t).requires_grad();
  check(layer_norm(a, gain, gain), {0, 3}, {a, gain});
  check(rms_norm(a, gain), {0, 3}, {a, gain});
  check(cross_entropy(a, zeros({0}, i64)), {}, {a});
  const Tensor planes = empty({2, 0, 4, 5}), no_planes = empty({4, 0, 3, 2});
  check(conv2d(planes, no_planes, bias), {2, 4, 2, 4}, {planes, no_planes, bias});
  check(conv2d(empty({0, 3, 4, 5}), empty({0, 3, 3, 2})), {0, 0, 2, 4}, {});
  check(max_pool2d(planes, 2), {2, 0, 2, 2}, {planes});
  check(avg_pool2d(planes, 2), {2, 0, 2, 2}, {planes});
  CHECK(cross_entropy(a, zeros({0}, i64)).item() == 0);
  const Tensor ignored = noise({2, 3}, 5, t).requires_grad();
  check(cross_entropy(ignored, full({2}, -100, i64)), {}, {ignored});
  check(embedding(zeros({0}, i64), f), {0, 4}, {f});
  check(embedding(zeros({2, 0}, i64), w.detach()), {2, 0, 0}, {});
  check(embedding(zeros({2}, i64), w), {2, 0}, {w});
  check(gather(f, 0, zeros({0, 4}, i64)), {0, 4}, {f});
  check(scatter_add(f, 0, zeros({0, 4}, i64), empty({0, 4})), {3, 4}, {f});
  CHECK(argmax(a, 1).shape() == Shape{0});
}

TEMPLATE_TEST_CASE("attention with no queries, keys, features, values or pages", "", float, double) {
  const Dtype t = dtype_of<TestType>;
  struct Case {
    int64_t B, T, S, D, E;
  };
  for (const Case& c : {Case{0, 3, 4, 2, 5}, Case{2, 0, 4, 2, 5}, Case{2, 3, 0, 2, 5}, Case{2, 3, 4, 0, 5},
                        Case{2, 3, 4, 2, 0}, Case{2, 0, 0, 0, 0}, Case{2, 3, 0, 0, 5}}) {
    const Tensor q = variable({c.B, c.T, c.D}, 1, t), k = variable({c.B, c.S, c.D}, 2, t),
                 v = variable({c.B, c.S, c.E}, 3, t), bias = variable({c.T, c.S}, 4, t);
    for (Causal causal : {Causal::off, Causal::lower_right, Causal::upper_left})
      for (bool masked : {false, true}) {
        CAPTURE(c.B, c.T, c.S, c.D, c.E, int(causal), masked);
        AttentionOptions options{.bias = bias, .causal = causal};
        if (masked) options.mask = ones({c.T, c.S}, boolean);
        const Tensor y = scaled_dot_product_attention(q, k, v, options);
        CHECK(y.shape() == Shape{c.B, c.T, c.E});
        CHECK(finite(y));
        if (c.S == 0) CHECK(equal(y.detach(), zeros({c.B, c.T, c.E}, t)));
        const std::vector<Tensor> xs{q, k, v, bias}, g = grad(sum(y * y), xs), r = grad(sum(y * y), xs, create_graph);
        Tensor defined;
        {
          DefinitionsOnly on;
          defined = scaled_dot_product_attention(q, k, v, options);
        }
        CHECK(allclose(y, defined, 1e-5, 1e-6));
        for (std::size_t i = 0; i < xs.size(); ++i) {
          CHECK(g[i].shape() == xs[i].shape());
          CHECK(finite(g[i]));
          CHECK(allclose(g[i], r[i], 1e-4, 1e-5));
        }
      }
  }
}

TEMPLATE_TEST_CASE("a fully masked row of attention gives 0 and gradient 0, never NaN", "", float, double) {
  const Dtype t = dtype_of<TestType>;
  const Tensor q = variable({2, 3, 4}, 1, t), k = variable({2, 5, 4}, 2, t), v = variable({2, 5, 4}, 3, t),
               bias = variable({3, 5}, 4, t);
  const Tensor none = reshape(arange(3), {3, 1}) != 1, mask = expand(none, {3, 5});  // the second query sees nothing
  const double infinity = std::numeric_limits<double>::infinity();
  const Tensor as_bias = where(mask, zeros({}, t), -infinity);
  auto check = [&](const AttentionOptions& options, const std::vector<Tensor>& xs) {
    const Tensor y = scaled_dot_product_attention(q, k, v, options);
    CHECK(equal(y.detach()(_, 1), zeros({2, 4}, t)));
    CHECK(finite(y));
    const auto g = grad(sum(y * y), xs), second = grad(sum(grad(sum(y * y), xs, create_graph)[0] * 2), xs);
    for (const Tensor& x : g) CHECK(finite(x));
    for (const Tensor& x : second) CHECK(finite(x));
    CHECK(equal(g[0](_, 1), zeros({2, 4}, t)));
    CHECK(equal(second[0](_, 1), zeros({2, 4}, t)));
    return g;
  };
  const auto g = check({.bias = bias, .mask = mask}, {q, k, v, bias});
  CHECK(equal(g[3](1), zeros({5}, t)));
  check({.bias = bias, .mask = mask, .dropout = {0.3, 5}}, {q, k, v, bias});
  check({.mask = zeros({3, 5}, boolean)}, {q, k, v});
  const Tensor y = scaled_dot_product_attention(q, k, v, {.bias = as_bias});  // -inf as a bias means the same
  CHECK(allclose(y, scaled_dot_product_attention(q, k, v, {.mask = mask}), 1e-6, 1e-7));
  for (const Tensor& x : grad(sum(y * y), {q, k, v})) CHECK(finite(x));

  const Tensor few = variable({2, 2, 4}, 6, t),
               z = scaled_dot_product_attention(q, few, few, {.causal = Causal::lower_right});
  CHECK(equal(z.detach()(_, 0), zeros({2, 4}, t)));  // three queries, two keys: the first sees none
  for (const Tensor& x : grad(sum(z * z), {q, few})) CHECK(finite(x));
}
