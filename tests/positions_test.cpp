// What tells places apart: sinusoids, turns, distances, and tables of places that a model learns.
#include <heed/models/positions/distance_reader.h>
#include <algorithm>
#include <cmath>
#include <limits>
#include "common.h"
#include "files.h"
#include "program.h"

using namespace heed;

namespace {

double frequency(int64_t pair, int64_t width) { return std::pow(10000, -2 * double(pair) / double(width)); }

// |PE(p) - PE(q)| by their distance alone, as the law below allows.
double apart(int64_t distance, int64_t width) {
  double square = 0;
  for (int64_t i = 0; i < width / 2; ++i) square += 2 - 2 * std::cos(frequency(i, width) * double(distance));
  return std::sqrt(square);
}

}  // namespace

TEST_CASE("sinusoids: sine and cosine of one angle stand side by side, at any length") {
  const int64_t width = 32, length = 5000;
  const Tensor table = sinusoids(length, width, f64);
  auto off = [&](const Tensor& t) {  // by how much sin^2 + cos^2 is not 1
    return max(abs(sum(square(reshape(t, {t.size(0), width / 2, 2})), -1) - 1)).item();
  };
  CHECK(off(table) < 1e-15);
  CHECK(equal(sinusoids(100, width, f64), table(range(0, 100))));
  CHECK(off(sinusoids(100'000, width, f64)) < 1e-15);
  // A common mistake counts columns where the paper counts pairs, and pairs share no angle.
  const Tensor column = arange(width),
               angle = cast(unsqueeze(arange(100), 1), f64) * pow(10000, cast(column, f64) * (-2.0 / double(width)));
  CHECK(off(where(remainder(column, 2) == 0, sin(angle), cos(angle))) > 0.5);
}

TEST_CASE("sinusoids: the product of two places depends on their distance only") {
  const int64_t length = 5000;
  for (int64_t width : {16, 512}) {
    const Tensor table = sinusoids(length, width, f64);
    const double rounding = double(length) * std::numeric_limits<double>::epsilon() * double(width);
    for (int64_t k : {0, 1, 7, 100, 4000}) {
      double exact = 0;
      for (int64_t i = 0; i < width / 2; ++i) exact += std::cos(frequency(i, width) * double(k));
      const Tensor products = sum(table(range(0, length - k)) * table(range(k, length)), -1);
      CHECK(max(abs(products - exact)).item() <= rounding);
    }
  }
}

TEST_CASE("sinusoids: one rotation leads k places on, wherever one stands") {
  const int64_t width = 16, length = 2000, k = 37;
  const Tensor table = sinusoids(length, width, f64);
  std::vector<double> turn(static_cast<std::size_t>(width * width));  // PE(p + k) = R_k PE(p)
  for (int64_t i = 0; i < width; i += 2) {
    const double angle = frequency(i / 2, width) * double(k);
    turn[std::size_t(i * width + i)] = turn[std::size_t((i + 1) * width + i + 1)] = std::cos(angle);
    turn[std::size_t(i * width + i + 1)] = std::sin(angle);
    turn[std::size_t((i + 1) * width + i)] = -std::sin(angle);
  }
  const Tensor R = tensor(turn, {width, width}, f64);
  CHECK(allclose(matmul(R, transpose(R)), eye(width, f64), 1e-15, 1e-15));
  CHECK(max_difference(matmul(table(range(0, length - k)), transpose(R)), table(range(k, length))) < 1e-12);
}

TEST_CASE("sinusoids: of 10,000 places no two are alike, and neighbours are the most so") {
  const int64_t length = 10'000;
  const std::pair<int64_t, double> least[] = {{16, 1.015}, {32, 1.172}, {64, 1.472}, {128, 1.953}, {512, 3.714}};
  for (const auto& [width, expected] : least) {
    CHECK(apart(1, width) == Approx(expected).margin(5e-4));
    double next = apart(2, width);
    for (int64_t k = 3; k < length; ++k) next = std::min(next, apart(k, width));
    CHECK(next > apart(1, width));
  }
  const Tensor table = sinusoids(length, 16, f64);  // all pairs: |p|^2 = 8
  double closest = -1;
  for (int64_t p = 0; p < length; p += 500) {
    const Tensor products = matmul(table(range(p, p + 500)), transpose(table));
    const Tensor self = unsqueeze(arange(500) + p, 1) == arange(length);
    closest = std::max(closest, max(where(self, -8, products)).item());
  }
  CHECK(std::sqrt(16 - 2 * closest) == Approx(apart(1, 16)).epsilon(1e-9));
}

TEST_CASE("relative biases: a number for each distance, the far ones alike") {
  const auto m = scattered(cast(RelativeBias{.heads = 2, .distance = 3}, f64), 1, 1);
  const Tensor b = m(6, 9);
  REQUIRE(b.shape() == Shape{2, 6, 9});
  for (int64_t h = 0; h < 2; ++h)
    for (int64_t t = 0; t < 6; ++t)
      for (int64_t s = 0; s < 9; ++s) {
        const int64_t ahead = std::clamp<int64_t>(s - (t + 3), -3, 3);  // the last query stands at the last key
        CHECK(b(h, t, s).item() == m.weight(h, ahead + 3).item());
      }
}

// ---- what stood three places before
namespace {

DistanceReader reader(const char* kind, int64_t rank = 2) {
  seed(1);
  const ScoreSizes sizes{.query_width = 4, .key_width = 4, .length = 6, .rank = rank};
  return {.vocab = 5, .width = 4, .attention = {.score = make_score(kind, sizes)}};
}

}  // namespace

TEST_CASE("by places alone, whatever stands there, and no further than it has learned") {
  const Tensor a = tensor({{0, 1, 2, 3, 4, 0}}, i64), b = tensor({{4, 4, 0, 2, 1, 1}}, i64);
  for (const char* kind : {"positional", "factorized"}) {
    const DistanceReader m = scattered(cast(reader(kind), f64), 1, 1);
    CHECK(equal(m.weights(a), m.weights(b)));
    CHECK_FALSE(equal(m(a), m(b)));
    CHECK_THROWS_AS(m(concat({a, b}, 1)), ShapeError);
  }
  const DistanceReader dot = scattered(cast(reader("dot"), f64), 1, 1);
  CHECK_FALSE(equal(dot.weights(a), dot.weights(b)));
}

TEST_CASE("without places, what came before the last word is a bag of words") {
  const Tensor a = tensor({{0, 1, 2, 3, 4, 0}}, i64), b = tensor({{3, 1, 4, 0, 2, 0}}, i64);
  for (const char* kind : {"dot", "general"}) {
    const DistanceReader m = scattered(cast(reader(kind), f64), 1, 1);
    CHECK(allclose(m(a)(0, -1), m(b)(0, -1), 1e-13, 1e-13));
  }
  const DistanceReader m = scattered(cast(reader("positional"), f64), 1, 1);
  CHECK_FALSE(allclose(m(a)(0, -1), m(b)(0, -1), 1e-3, 1e-3));
}

TEST_CASE("gradients of a reader by places, to nine digits") {
  const Tensor ids = tensor({{0, 1, 2, 3, 4, 0}, {4, 4, 0, 2, 1, 1}}, i64);
  for (const char* kind : {"positional", "factorized", "general"}) {
    const GradcheckReport r = gradcheck(scattered(reader(kind), 2, 0.7), {ids}, {.order = 2});
    INFO(kind << "\n" << r.str());
    CHECK(r);
    CHECK(r.total.certified_digits >= 9);
  }
}

TEST_CASE("train_distance says how many numbers its scores have, and draws them") {
  for (const char* kind : {"positional", "factorized"}) {
    const std::string out = fresh_folder("distance");
    const Said said =
        run_program_of_build("train_distance", std::string("--steps 2 --attention ") + kind + " --out " + out);
    INFO(said.text);
    REQUIRE(said.code == 0);
    CHECK(said.after("scores of ") == (kind == std::string("positional") ? 32 * 32 : 2 * 32 * 4));
    for (const char* picture : {"/scores.svg", "/weights.svg", "/loss.svg"})
      CHECK(std::filesystem::file_size(out + picture) > 1000);
    std::filesystem::remove_all(out);
  }
  const Said said = run_program_of_build("train_distance", "--length 3");
  CHECK(said.code == 2);
  CHECK(contains(said.text, "--length"));
}
