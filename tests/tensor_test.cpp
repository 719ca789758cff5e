// Values: types and their promotion, casts, factories, random numbers, comparing, printing, assign.
#include <algorithm>
#include <limits>
#include <sstream>
#include "common.h"

using namespace heed;

namespace {
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
}  // namespace

// ---- types
TEST_CASE("numbers take the tensor's type, integers and booleans the floating one's") {
  const Tensor s = ones({3}), d = ones({3}, f64), n = arange(3), m = n < 2;
  CHECK((s * 2).dtype() == f32);
  CHECK((d * 2).dtype() == f64);
  CHECK((2.5 - s).dtype() == f32);
  CHECK((n + 2).dtype() == i64);
  CHECK((n * 2.0).dtype() == i64);
  CHECK((n + s).dtype() == f32);
  CHECK((d + n).dtype() == f64);
  CHECK((m * s).dtype() == f32);
  CHECK((m * n).dtype() == i64);
  CHECK((m + 1).dtype() == i64);
  CHECK((2 * m).dtype() == i64);
  CHECK((1 - m).to_vector() == std::vector<double>{0, 0, 1});
  CHECK((n < s).dtype() == boolean);
  CHECK((m == 1).dtype() == boolean);
  CHECK(where(m, n, 0).dtype() == i64);
  CHECK(where(m, m, 0).dtype() == i64);
  CHECK(where(m, m, false).dtype() == boolean);
  CHECK(where(m, n, d).dtype() == f64);
  CHECK(sum(m).dtype() == i64);
  CHECK(sum(m).item() == 2);
  CHECK((n * s).to_vector() == std::vector<double>{0, 1, 2});
  CHECK((m * d).to_vector() == std::vector<double>{1, 1, 0});
  CHECK_ERROR(DtypeError, s + d, "add: cannot mix f32 with f64: types are not promoted here, use cast(x, f32)");
}

TEST_CASE("numbers do not lose bits on the way into a tensor") {
  constexpr int64_t big = (int64_t{1} << 53) + 1;
  const Tensor n = zeros({1}, i64);
  CHECK((n + big).to_vector<int64_t>()[0] == big);
  CHECK((n - big).to_vector<int64_t>()[0] == -big);
  CHECK((zeros({1}, f64) + 0.1).item() == 0.1);
  CHECK((zeros({1}) + 0.1).item() == double(0.1f));
  CHECK(tensor(std::vector<int64_t>{big}, {1}).to_vector<int64_t>()[0] == big);
  constexpr int64_t least = std::numeric_limits<int64_t>::min(), most = std::numeric_limits<int64_t>::max();
  CHECK(tensor({{big, -big}, {least, most}}, i64).to_vector<int64_t>() == std::vector<int64_t>{big, -big, least, most});
  CHECK(tensor({2.0, -3.0}, i64).to_vector<int64_t>() == std::vector<int64_t>{2, -3});
  CHECK(tensor({big, int64_t{1}}).to_vector() == std::vector<double>{0x1p53, 1});
  CHECK((n + most).to_vector<int64_t>()[0] == most);
  CHECK(where(tensor({1, 0}, boolean), arange(2), most).to_vector<int64_t>() == std::vector<int64_t>{0, most});
  CHECK_ERROR(DtypeError, tensor({0.5}, i64), "tensor: 0.5 has no place among the values of i64: use cast");
  CHECK_ERROR(DtypeError, tensor({0x1p63}, i64), "tensor: 9.22337e+18 has no place among the values of i64: use cast");
  CHECK_ERROR(DtypeError, tensor({uint64_t{1} << 63}, i64),
              "tensor: 9.22337e+18 has no place among the values of i64: use cast");
  CHECK_ERROR(DtypeError, n + (uint64_t{1} << 63), "add: 9.22337e+18 has no place among the values of i64: use cast");
}

TEST_CASE("bf16 rounds to the nearest, ties to even") {
  auto rounded = [](float v) { return float(BFloat16(v)); };
  CHECK(rounded(1.0f) == 1.0f);
  CHECK(rounded(1.0f + 0x1p-8f) == 1.0f);                      // halfway: even is below
  CHECK(rounded(1.0f + 0x1p-7f + 0x1p-8f) == 1.0f + 0x1p-6f);  // halfway: even is above
  CHECK(rounded(1.0f + 0x1p-8f + 0x1p-20f) == 1.0f + 0x1p-7f);
  CHECK(rounded(-1.0f - 0x1p-8f - 0x1p-20f) == -1.0f - 0x1p-7f);
  CHECK(std::isinf(rounded(std::numeric_limits<float>::max())));
  CHECK(rounded(float(infinity)) == float(infinity));
  CHECK(std::isnan(rounded(float(not_a_number))));
  CHECK(std::signbit(rounded(-0.0f)));
  Rng rng{1};
  for (int i = 0; i < 1000; ++i) {  // within half a unit of 8 bits
    const auto v = float(rng.normal());
    if (!(std::abs(rounded(v) - v) <= std::ldexp(1.0, std::ilogb(v) - 8))) FAIL(v);
  }
  const Tensor x = noise({100}, 1, f32);
  CHECK(equal(cast(cast(cast(x, bf16), f32), bf16), cast(x, bf16)));
}

TEST_CASE("casts between all types") {
  const Tensor x = tensor({0, 1, 2.75, -3}, f64);
  for (Dtype t : {f32, f64, bf16}) CHECK(cast(x, t).to_vector() == std::vector<double>{0, 1, 2.75, -3});
  CHECK(cast(x, i64).to_vector() == std::vector<double>{0, 1, 2, -3});
  CHECK(cast(x, boolean).to_vector() == std::vector<double>{0, 1, 1, 1});
  for (Dtype from : {f32, f64, bf16, i64, boolean})
    for (Dtype to : {f32, f64, bf16, i64, boolean}) {
      const Tensor y = cast(cast(tensor({0, 1}), from), to);
      CHECK(y.dtype() == to);
      CHECK(y.to_vector() == std::vector<double>{0, 1});
    }
  CHECK(cast(x, f64).array().storage() == x.array().storage());
  CHECK(cast(transpose(tensor({{1, 2}, {3, 4}})), i64).to_vector() == std::vector<double>{1, 3, 2, 4});
}

// ---- factories
TEST_CASE("factories") {
  CHECK(equal(full({2}, 3), tensor({3, 3})));
  CHECK(equal(arange(3), tensor({0, 1, 2}, i64)));
  CHECK(equal(eye(2), tensor({{1, 0}, {0, 1}})));
  CHECK(equal(ones_like(arange(2)), tensor({1, 1}, i64)));
  CHECK(tensor(5).shape() == Shape{});
  CHECK(tensor({{{1, 2}}, {{3, 4}}}).shape() == Shape{2, 1, 2});
  CHECK(tensor({1, 0}, boolean).data<bool>()[0]);
  CHECK(zeros({2, 0, 3}).numel() == 0);
  CHECK(zeros({2, 0, 3}).to_vector().empty());
  for (const int64_t n : {(int64_t{32} << 20) + 1, (int64_t{33} << 20) + 131}) {  // bytes: past the caches
    full({n}, 1, boolean);                                                        // what lay there before
    const Tensor none = zeros({n}, boolean);
    CHECK(std::ranges::count(none.data<bool>(), true) == 0);
  }
}

// ---- random numbers
TEST_CASE("uniform and normal numbers have the mean and variance they should") {
  constexpr int64_t n = 1 << 20;
  for (Dtype t : {f32, f64}) {
    Rng rng{7};
    const Tensor u = cast(rand({n}, rng, t), f64), g = cast(randn({n}, rng, t), f64);
    CHECK(std::abs(mean(u).item() - 0.5) < 4 * std::sqrt(1.0 / 12 / n));
    CHECK(std::abs(mean((u - 0.5) * (u - 0.5)).item() - 1.0 / 12) < 4 * std::sqrt(1.0 / 180 / n));
    CHECK(std::abs(mean(g).item()) < 4 * std::sqrt(1.0 / n));
    CHECK(std::abs(mean(g * g).item() - 1) < 4 * std::sqrt(2.0 / n));
    CHECK(max(u).item() < 1);
    CHECK(max(-u).item() <= 0);
    CHECK(std::abs(mean(u(range(1, n)) * u(range(0, n - 1))).item() - 0.25) <
          4 * std::sqrt(13.0 / 144 / n));  // neighbours
  }
}

TEST_CASE("integers and dropout have the frequencies they should") {
  constexpr int64_t n = 600000;
  Rng rng{3};
  const Tensor dice = randint(-2, 4, {n}, rng);
  for (int64_t face = -2; face < 4; ++face)
    CHECK(std::abs(sum(dice == face).item() - n / 6.0) < 4 * std::sqrt(n * 5.0 / 36));
  CHECK(sum(dice < -2).item() + sum(dice > 3).item() == 0);
  const Tensor kept = dropout(ones({n}), {0.3, 11});
  CHECK(std::abs(sum(kept == 0).item() - 0.3 * n) < 4 * std::sqrt(0.21 * n));
  CHECK(max(kept).item() == double(1 / 0.7f));
}

TEST_CASE("random numbers are a function of seed and counter") {
  Rng a{5}, b{5};
  const Tensor first = rand({100}, a), second = rand({100}, a);
  CHECK_FALSE(equal(first, second));
  CHECK(equal(first, rand({100}, b)));
  CHECK(a.counter == 2);
  Rng resumed{5, 1};
  CHECK(equal(second, rand({100}, resumed)));
  Rng longer{5};
  CHECK(equal(first, rand({200}, longer)(range(0, 100))));  // an element depends on its index, not on the size
  seed(9);
  const Tensor x = init::normal({4}, 0, 1);
  seed(9);
  CHECK(equal(x, init::normal({4}, 0, 1)));
}

// ---- comparing
TEST_CASE("equal, allclose, max_difference") {
  const Tensor a = tensor({1, 2}), nan = tensor({1, not_a_number}), inf = tensor({1, infinity});
  CHECK(equal(a, a));
  CHECK_FALSE(equal(a, cast(a, f64)));
  CHECK_FALSE(equal(a, tensor({{1, 2}})));
  CHECK_FALSE(equal(nan, nan));
  CHECK(equal(Tensor(), Tensor()));
  CHECK_FALSE(equal(Tensor(), zeros({})));
  CHECK(equal(transpose(tensor({{1, 2}, {3, 4}})), tensor({{1, 3}, {2, 4}})));
  CHECK(allclose(a, a + 1e-6));
  CHECK_FALSE(allclose(a, a + 1e-3));
  CHECK_FALSE(allclose(nan, nan));
  CHECK(allclose(inf, inf));
  CHECK_FALSE(allclose(inf, -inf));
  CHECK_FALSE(allclose(a, inf));
  CHECK_FALSE(allclose(inf, a));
  CHECK(max_difference(a, tensor({1, 5})) == 3);
  CHECK(max_difference(a, nan) == infinity);
  CHECK(max_difference(inf, inf) == 0);
  CHECK(equal(zeros({0, 3}), zeros({0, 3})));
}

TEST_CASE("nan is the largest") {
  const Tensor x = tensor({1, not_a_number, 3, not_a_number, 5});
  CHECK(argmax(x).item() == 1);
  CHECK(std::isnan(max(x).item()));
  CHECK(topk(x, 4).indices.to_vector() == std::vector<double>{1, 3, 4, 2});
  CHECK(topk(tensor({2, 1, 2, 2}), 3).indices.to_vector() == std::vector<double>{0, 2, 3});
  CHECK(argmax(tensor({1, 7, 7})).item() == 1);
}

// ---- printing
TEST_CASE("printing") {
  CHECK(to_string(Tensor()) == "undefined");
  CHECK(to_string(tensor(2.5)) == "2.5000");
  CHECK(to_string(tensor({1, 2, 30})) == "[ 1.,  2., 30.]");
  CHECK(to_string(tensor({1.5, -2})) == "[ 1.5000, -2.0000]");
  CHECK(to_string(tensor({{1, 2}, {3, 4}}, i64)) == "[[1, 2],\n [3, 4]]");
  CHECK(to_string(arange(3) < 1) == "[ true, false, false]");
  CHECK(to_string(tensor({1e-5, 1})) == "[0.0000, 1.0000]");
  CHECK(to_string(tensor({1e-5, 2e-5})) == "[1.0000e-05, 2.0000e-05]");
  CHECK(to_string(tensor({1e7, 1}, f64)) == "[1.0000e+07, 1.0000e+00]");
  CHECK(to_string(tensor({1, not_a_number, -infinity, infinity})) == "[  1.,  nan, -inf,  inf]");
  CHECK(to_string(tensor({-not_a_number})) == "[nan]");
  CHECK(to_string(arange(20)) == "[ 0,  1,  2, ..., 17, 18, 19]");
  CHECK(to_string(arange(8)) == "[0, 1, 2, 3, 4, 5, 6, 7]");
  CHECK(to_string(reshape(arange(8), {2, 2, 2})) == "[[[0, 1],\n  [2, 3]],\n\n [[4, 5],\n  [6, 7]]]");
  CHECK(to_string(transpose(tensor({{1, 2}, {3, 4}}, i64))) == "[[1, 3],\n [2, 4]]");
  CHECK(to_string(zeros({0})) == "[]");
  CHECK(to_string(zeros({2, 0})) == "[[],\n []]");
  CHECK(to_string(tensor(std::vector<int64_t>{9007199254740993}, {1})) == "[9007199254740993]");
  CHECK(to_string(cast(tensor({1.5}), bf16)) == "[1.5000]");
  std::ostringstream stream;
  stream << tensor({1}) << "!";
  CHECK(stream.str() == "[1.]!");
}

TEST_CASE("tensors, shapes and types are written to streams") {
  std::ostringstream s;
  s << Shape{2, 0} << ' ' << Shape{} << ' ' << f64 << ' ' << boolean << ' ' << ones({2}, i64);
  CHECK(s.str() == "[2, 0] [] f64 boolean [1, 1]");
}

TEST_CASE("printing reads what it shows") {
  const Tensor huge = expand(ones({}), {1 << 20, 1 << 20});  // a view: 4 TB if it were written out
  const std::string row = "[1., 1., 1., ..., 1., 1., 1.]";
  CHECK(to_string(huge) ==
        "[" + row + ",\n " + row + ",\n " + row + ",\n ...,\n " + row + ",\n " + row + ",\n " + row + "]");
}

// ---- writing
TEST_CASE("assign writes in place, through views, and copes with overlap") {
  const Tensor x = tensor({{1, 2, 3}, {4, 5, 6}}), alias = x, y = x * 1;
  assign(x(0), tensor({7, 8, 9}));
  CHECK(equal(alias(0), tensor({7, 8, 9})));
  CHECK(equal(y(0), tensor({1, 2, 3})));
  assign(x(_, range(0, 3, 2)), zeros({2, 2}));
  CHECK(equal(x, tensor({{0, 8, 0}, {0, 5, 0}})));
  const Tensor line = cast(arange(5), f32);
  assign(line(range(1, 5)), line(range(0, 4)));  // as if the values were read first
  CHECK(equal(line, tensor({0, 0, 1, 2, 3})));
  const Tensor square = tensor({{1, 2}, {3, 4}});
  assign(square, transpose(square));
  CHECK(equal(square, tensor({{1, 3}, {2, 4}})));
  const Parameter p = parameter(ones({2}));
  assign(p, zeros({2}));  // a variable's values may be replaced
  CHECK(equal(p.detach(), zeros({2})));
}

TEST_CASE("a parameter is contiguous, whatever it is made of") {
  const Tensor x = tensor({{1, 2}, {3, 4}});
  const Parameter p = parameter(transpose(x)), q = parameter(expand(ones({1}), {3})), n = parameter(full({}, 2));
  CHECK(p.array().is_contiguous());
  CHECK(q.data<float>().size() == 3);
  CHECK(n.item() == 2);
  CHECK(p.tracked());
  const Parameter written{transpose(x)}, of_history{p * 2}, none{Tensor()};  // as in PyTorch
  CHECK(written.tracked());
  CHECK(of_history.edge().node->leaf);
  CHECK(of_history.edge().node.get() != p.edge().node.get());
  CHECK_FALSE(none.defined());
  const Tensor leaf = transpose(x).requires_grad();
  const Parameter of_leaf{leaf}, again{Tensor(of_leaf)};
  CHECK(of_leaf.array().is_contiguous());
  CHECK(equal(of_leaf, leaf));
  CHECK(again.edge().node.get() == of_leaf.edge().node.get());
  const std::string whole = "requires_grad: only floating tensors have gradients, not i64";
  CHECK_ERROR(DtypeError, parameter(arange(2)), whole);
  CHECK_ERROR(DtypeError, Parameter(arange(2)), whole);
  const Linear linear{2, 2};
  CHECK_ERROR(DtypeError, cast(linear, i64), whole);
}

TEST_CASE("what is moved from is empty, and what was there is gone") {
  Tensor big = ones({1 << 20}), small = ones({4});
  const std::size_t before = memory::in_use();
  big = std::move(small);
  CHECK(memory::in_use() < before - (3 << 20));
  CHECK(big.numel() == 4);
}

TEST_CASE("whole numbers of any range") {
  Rng rng{1};
  constexpr int64_t least = std::numeric_limits<int64_t>::min(), most = std::numeric_limits<int64_t>::max();
  int64_t low = 0, high = 0;
  for (int64_t v : randint(least, most, {1000}, rng).to_vector<int64_t>())
    low = std::min(low, v), high = std::max(high, v);
  CHECK(low < least / 8 * 7);
  CHECK(high > most / 8 * 7);
  for (int64_t v : randint(-5'000'000'000'000'000'000, 5'000'000'000'000'000'000, {1000}, rng).to_vector<int64_t>())
    REQUIRE(std::abs(v) <= 5'000'000'000'000'000'000);
}
