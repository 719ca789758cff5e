// Are the bounds of extrapolated differences bounds? Against derivatives that are exact but for the rounding of long
// double: the imaginary part of f(x + ih) / h, with h = 1e-30 (Squire and Trapp 1998).
#include <heed/core/differences.h>
#include <complex>
#include "gradcheck_ops.h"

using namespace heed;

namespace {

struct Sizes {
  int64_t heads, queries, keys, width, out;
};

using Real = long double;
using Complex = std::complex<Real>;
using Row = std::vector<Complex>;

// <g, attention(q, k, v)> with bias, one number after another.
Complex attention_loss(const std::array<Row, 4>& x, const Sizes& s, const std::vector<bool>& seen, const Row& g) {
  const auto& [q, k, v, bias] = x;
  auto at = [](const Row& a, int64_t i, int64_t width, int64_t j) { return a[std::size_t(i * width + j)]; };
  Complex loss = 0;
  for (int64_t h = 0; h < s.heads; ++h)
    for (int64_t t = 0; t < s.queries; ++t) {
      Complex sum = 0, weighted = 0;
      for (int64_t j = 0; j < s.keys; ++j) {
        if (!seen[std::size_t(t * s.keys + j)]) continue;
        Complex score = 0, value = 0;
        for (int64_t d = 0; d < s.width; ++d)
          score += at(q, h * s.queries + t, s.width, d) * at(k, h * s.keys + j, s.width, d);
        for (int64_t e = 0; e < s.out; ++e)
          value += at(g, h * s.queries + t, s.out, e) * at(v, h * s.keys + j, s.out, e);
        const Complex weight = std::exp(score / std::sqrt(Real(s.width)) + at(bias, t, s.keys, j));
        sum += weight;
        weighted += weight * value;
      }
      loss += weighted / sum;
    }
  return loss;
}

Row numbers(const Tensor& x) {
  const std::vector<double> v = x.to_vector();
  return {v.begin(), v.end()};
}

// The largest of several things, each relative to the largest gradient of its kind.
struct Figures {
  int64_t elements = 0;
  double error = 0, bound = 0, error_of_vjp = 0;
};

void check_attention(const Sizes& s, bool causal, bool masked, bool biased, uint64_t seed, Figures& worst) {
  const Tensor q = variable({s.heads, s.queries, s.width}, seed + 1),
               k = variable({s.heads, s.keys, s.width}, seed + 2), v = variable({s.heads, s.keys, s.out}, seed + 3),
               bias = variable({s.queries, s.keys}, seed + 4), g = noise({s.heads, s.queries, s.out}, seed + 5);
  std::vector<double> mask;
  std::vector<bool> seen;
  for (int64_t t = 0; t < s.queries; ++t)
    for (int64_t j = 0; j < s.keys; ++j) {
      mask.push_back(!masked || j == 0 || unit(seed, mask.size()) < 0.6);
      seen.push_back(mask.back() != 0 && (!causal || j <= t));
    }
  AttentionOptions options{.causal = causal ? Causal::on : Causal::off};
  if (masked) options.mask = tensor(mask, {s.queries, s.keys}, boolean);
  if (biased) options.bias = bias;

  std::vector<Tensor> leaves{q, k, v};
  if (biased) leaves.push_back(bias);
  std::vector<checking::Variable> variables;
  for (const Tensor& x : leaves) variables.push_back({"", x});
  auto f = [&] { return std::vector{scaled_dot_product_attention(q, k, v, options)}; };
  const std::vector<Tensor> y = f(), gy{g}, ours = vjp(y, gy, leaves);
  checking::Function function(f, variables, y, gy);

  std::array<Row, 4> x{numbers(q), numbers(k), numbers(v), numbers(biased ? bias : zeros_like(bias))};
  double largest = 0;
  Figures here;
  for (std::size_t n = 0; n < variables.size(); ++n) {
    const std::vector<double> by_vjp = ours[n].to_vector();
    for (std::size_t i = 0; i < by_vjp.size(); ++i) {
      constexpr Real h = 1e-30;
      x[n][i] += Complex(0, h);
      const auto exact = double(attention_loss(x, s, seen, numbers(g)).imag() / h);
      x[n][i] = x[n][i].real();
      const checking::Slope slope = function.slope(variables[n].values() + i);
      const double error = std::abs(slope.value - exact), blur = 1e-18;  // of a gradient that is zero
      CAPTURE(causal, masked, biased, n, i, exact, error * 1e15, slope.bound * 1e15);
      CHECK(error <= slope.bound + blur);
      largest = std::max(largest, std::abs(exact));
      here.error = std::max(here.error, error);
      here.bound = std::max(here.bound, slope.bound);
      here.error_of_vjp = std::max(here.error_of_vjp, std::abs(by_vjp[i] - exact));
      ++worst.elements;
    }
  }
  worst.error = std::max(worst.error, here.error / largest);
  worst.bound = std::max(worst.bound, here.bound / largest);
  worst.error_of_vjp = std::max(worst.error_of_vjp, here.error_of_vjp / largest);
}

}  // namespace

TEST_CASE("on attention differences agree to 1e-11 with the exact gradient, and each within its bound", "[gradcheck]") {
  Figures worst;
  for (const Sizes& s : {Sizes{1, 3, 5, 4, 2}, Sizes{2, 6, 6, 8, 8}, Sizes{3, 1, 9, 2, 5}, Sizes{1, 12, 12, 3, 4}})
    for (bool causal : {false, true})
      for (bool masked : {false, true})
        for (bool biased : {false, true})
          if (!causal || s.queries == s.keys)
            check_attention(s, causal, masked, biased, uint64_t(100 + worst.elements), worst);
  CAPTURE(worst.elements, -std::log10(worst.error), -std::log10(worst.bound), -std::log10(worst.error_of_vjp));
  CHECK(worst.elements > 4000);
  CHECK(worst.error <= 1e-11);
  CHECK(worst.bound <= 1e-10);
  CHECK(worst.error_of_vjp <= 1e-14);
}

TEST_CASE("the noise of a function is measured: bounds cover what was planted, whatever its size", "[gradcheck]") {
  for (double size : {0.0, 1e-13, 1e-11, 1e-9, 1e-7, 1e-5}) {
    const Tensor x = variable({300}, 1);
    auto noisy = [=](double v) { return std::sin(v) + size * (2 * unit(std::bit_cast<uint64_t>(v), 0) - 1); };
    auto f = [&] { return std::vector{Tensor(map(x.array(), noisy))}; };
    const std::vector<checking::Variable> variables{{"x", x}};
    const std::vector<Tensor> y = f(), gy{ones({300}, f64)};
    checking::Function differences(f, variables, y, gy);
    const std::vector<double> at = x.to_vector();
    double furthest = 0, widest = 0;
    for (std::size_t i = 0; i < at.size(); ++i) {
      const checking::Slope s = differences.slope(variables[0].values() + i);
      CAPTURE(size * 1e15, i, (s.value - std::cos(at[i])) * 1e15, s.bound * 1e15);
      CHECK(std::abs(s.value - std::cos(at[i])) <= s.bound);
      furthest = std::max(furthest, std::abs(s.value - std::cos(at[i])));
      widest = std::max(widest, s.bound);
    }
    CAPTURE(size * 1e15, furthest * 1e15, widest * 1e15);
    CHECK(widest <= 3000 * (size + 0x1p-53));
  }
}

TEST_CASE("slopes along a direction are those of its elements, each output with a bound of its own", "[gradcheck]") {
  const Tensor x = variable({4}, 1), scale = tensor({1, 1e-6, 1e6}, f64);
  auto f = [&] { return std::vector{reshape(scale, {3, 1}) * exp(x)}; };
  const std::vector<checking::Variable> variables{{"x", x}};
  const std::vector<Tensor> y = f(), gy{ones({3, 4}, f64)};
  checking::Function differences(f, variables, y, gy);
  const std::vector<double> at = x.to_vector(), u{1, -2, 0, 0.5};
  const std::vector<checking::Slope> s = differences.slopes({variables[0].values(), 4}, u);
  REQUIRE(s.size() == 12);
  for (std::size_t k = 0; k < 12; ++k) {
    const double exact = scale.to_vector()[k / 4] * std::exp(at[k % 4]) * u[k % 4];
    CAPTURE(k);
    CHECK(std::abs(s[k].value - exact) <= s[k].bound);
    CHECK(s[k].bound <= 1e-11 * std::abs(exact));
  }
  CHECK(x.to_vector() == at);
}

TEST_CASE("what wide steps agree on by chance is not held against a right gradient", "[gradcheck]") {
  const Pointwise steeper_outside{[](double v) { return std::abs(v) < 0.01 ? v : 3 * v; }, [](double) { return 1.0; }};
  const Pointwise wrong{steeper_outside.f, [](double) { return 2.0; }};
  for (bool fast : {false, true}) {
    CHECK(gradcheck(steeper_outside, {zeros({20}, f64)}, {.fast = fast}));
    const GradcheckReport r = gradcheck(wrong, {zeros({20}, f64)}, {.fast = fast});
    CHECK_FALSE(r);
    CHECK(r.worst[0].numeric == Approx(1).epsilon(0.1));
  }
}
