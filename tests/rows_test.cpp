#include <heed/ops/kernels/rows.h>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <type_traits>
#include <vector>
#include "catch.h"

namespace rows = heed::kernels::rows;
namespace reference = heed::kernels::rows::reference;
using heed::DropoutKey;
using Real = long double;

namespace {

template <class T>
constexpr T infinity = std::numeric_limits<T>::infinity();
template <class T>
constexpr T not_a_number = std::numeric_limits<T>::quiet_NaN();
template <class T>
constexpr Real u = std::numeric_limits<T>::epsilon() / 2;  // the relative error of one rounding

template <class T>
std::vector<T> random_values(int64_t n, T low, T high, unsigned seed = 1) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<T> uniform(low, high);
  std::vector<T> x(static_cast<size_t>(n));
  for (T& value : x) value = uniform(generator);
  return x;
}

template <class T>
std::vector<Real> widen(const std::vector<T>& x) {
  return {x.begin(), x.end()};
}

template <class T>
bool same(T a, T b) {
  return (std::isnan(a) && std::isnan(b)) || (a == b && std::signbit(a) == std::signbit(b));
}

// |got - want| in units in the last place of T at want
template <class T>
Real ulps(T got, Real want) {
  const T near = static_cast<T>(want);
  if (std::isnan(want) || std::isinf(near)) return same(got, near) ? 0 : infinity<Real>;
  const T size = std::max(std::abs(near), std::numeric_limits<T>::min());
  return std::abs(got - want) / (static_cast<Real>(std::nextafter(size, infinity<T>)) - size);
}

// The roundings between a term and a pairwise sum of n: in chains of at most 1024 / 8 terms within a block.
Real depth(int64_t n) { return static_cast<Real>(std::min<int64_t>(n, 136)) + std::log2(Real(n) / 1024 + 2); }

const std::vector<int64_t>& lengths() {
  static const std::vector<int64_t> all = [] {
    std::vector<int64_t> n(68);
    for (size_t i = 0; i < n.size(); ++i) n[i] = static_cast<int64_t>(i);
    n.insert(n.end(), {1000, 1024, 1025, 5003});
    return n;
  }();
  return all;
}

// Fails at the first i with |got - want| > bound(i).
template <class T, class Bound>
void check_near(const std::vector<T>& got, const std::vector<Real>& want, Bound bound) {
  REQUIRE(got.size() == want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    if (std::abs(got[i] - want[i]) <= bound(i)) continue;
    CAPTURE(i, got[i], want[i], bound(i));
    FAIL("too far from the reference");
  }
  SUCCEED();
}

template <class T>
using Unary = void (*)(const T*, T*, int64_t);

template <class T>
using Binary = void (*)(const T*, const T*, T*, int64_t);

// A value's bits are the same wherever it stands; nothing beyond the row is written; y may be x.
template <class T, class Loop>
void check_places(Loop loop, T low, T high) {
  const std::vector<T> x = random_values<T>(80, low, high), g = random_values<T>(80, low, high, 2);
  const auto run = [&](const T* from, const T* also, T* to, int64_t n) {
    if constexpr (std::is_same_v<Loop, Unary<T>>) loop(from, to, n);
    else loop(from, also, to, n);
  };
  std::vector<T> alone(x.size());
  for (size_t i = 0; i < x.size(); ++i) run(&x[i], &g[i], &alone[i], 1);
  for (int64_t n = 0; n <= 67; ++n) {
    for (size_t start = 0; start < 5; ++start) {
      CAPTURE(n, start);
      std::vector<T> y(80, T(-77)), in_place = x;
      run(&x[start], &g[start], &y[start + 1], n);
      run(&in_place[start], &g[start], &in_place[start], n);
      bool right = true;
      for (size_t i = 0; i < y.size(); ++i) {
        const bool inside = i > start && i <= start + static_cast<size_t>(n);
        right = right && same(y[i], inside ? alone[i - 1] : T(-77));
        const bool inside_place = i >= start && i < start + static_cast<size_t>(n);
        right = right && same(in_place[i], inside_place ? alone[i] : x[i]);
      }
      REQUIRE(right);
    }
  }
}

// Within `bound` ulps of the reference loop, for every power of two between `low` and `high` and for uniform values.
template <class T>
void check_unary(Unary<T> fast, Unary<Real> slow, T low, T high, double bound) {
  check_places<T>(fast, low, high);
  std::vector<T> x = random_values<T>(40000, low, high);
  for (T size = std::numeric_limits<T>::denorm_min(); size <= std::max(std::abs(low), high) && size < 1; size *= 2)
    for (const T value : {size, -size, size * T(1.37), size * T(-1.83)})
      if (value >= low && value <= high) x.push_back(value);
  std::vector<T> y(x.size());
  std::vector<Real> wide = widen(x), want(x.size());
  fast(x.data(), y.data(), static_cast<int64_t>(x.size()));
  slow(wide.data(), want.data(), static_cast<int64_t>(x.size()));
  Real worst = 0;
  T at = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const Real error = ulps(y[i], want[i]);
    if (error > worst) worst = error, at = x[i];
  }
  CAPTURE(at, worst);
  CHECK(worst <= bound);
}

template <class T>
T at(Unary<T> loop, T x) {
  T y;
  loop(&x, &y, 1);
  return y;
}

// A gradient: |error| <= `roundings` u g (sum of the sizes of its terms), which `size` gives
template <class T, class Size>
void check_grad(Binary<T> fast, Binary<Real> slow, T low, T high, double roundings, Size size) {
  check_places<T>(fast, low, high);
  const std::vector<T> x = random_values<T>(40000, low, high), g = random_values<T>(40000, -1, 1, 3);
  std::vector<T> dx(x.size());
  std::vector<Real> want(x.size());
  fast(x.data(), g.data(), dx.data(), static_cast<int64_t>(x.size()));
  slow(widen(x).data(), widen(g).data(), want.data(), static_cast<int64_t>(x.size()));
  const Real tiny = std::numeric_limits<T>::denorm_min();
  check_near(dx, want, [&](size_t i) { return Real(roundings) * (u<T> * std::abs(g[i]) * size(Real(x[i])) + tiny); });
}

}  // namespace

// The bounds are one ulp for exp, and one for each rounding that reaches the result undiminished.
TEMPLATE_TEST_CASE("functions of values are within a few ulps", "[rows]", float, double) {
  using T = TestType;
  const bool single = std::is_same_v<T, float>;
  check_unary<T>(rows::exp<T>, reference::exp<Real>, single ? T(-110) : T(-760), single ? T(90) : T(711), 1.5);
  check_unary<T>(rows::exp<T>, reference::exp<Real>, -3, 3, 1.5);
  check_unary<T>(rows::log<T>, reference::log<Real>, 0, 4, 1.5);
  check_unary<T>(rows::log<T>, reference::log<Real>, 0, std::numeric_limits<T>::max(), 1.5);
  check_unary<T>(rows::sqrt<T>, reference::sqrt<Real>, 0, std::numeric_limits<T>::max(), 0.5001);
  check_unary<T>(rows::tanh<T>, reference::tanh<Real>, -3, 3, 2);
  check_unary<T>(rows::tanh<T>, reference::tanh<Real>, -25, 25, 2);
  check_unary<T>(rows::sigmoid<T>, reference::sigmoid<Real>, -3, 3, 3);
  check_unary<T>(rows::sigmoid<T>, reference::sigmoid<Real>, single ? T(-110) : T(-760), 50, 3);
  check_unary<T>(rows::relu<T>, reference::relu<Real>, -10, 10, 0);
  check_unary<T>(rows::gelu<T>, reference::gelu<Real>, -3, 3, 10);
  check_unary<T>(rows::gelu<T>, reference::gelu<Real>, single ? T(-15) : T(-39), 10, 10);
}

TEMPLATE_TEST_CASE("more functions of values", "[rows]", float, double) {
  using T = TestType;
  const bool single = std::is_same_v<T, float>;
  check_unary<T>(rows::expm1<T>, reference::expm1<Real>, -2, 2, 4);
  check_unary<T>(rows::expm1<T>, reference::expm1<Real>, single ? T(-110) : T(-760), single ? T(90) : T(711), 4);
  check_unary<T>(rows::log1p<T>, reference::log1p<Real>, T(-0.9), 2, 4);
  check_unary<T>(rows::log1p<T>, reference::log1p<Real>, 0, std::numeric_limits<T>::max(), 4);
  check_unary<T>(rows::sin<T>, reference::sin<Real>, -7, 7, 3);
  check_unary<T>(rows::sin<T>, reference::sin<Real>, -50000, 50000, 3);
  check_unary<T>(rows::sin<T>, reference::sin<Real>, 38999, 39002, 3);
  check_unary<T>(rows::cos<T>, reference::cos<Real>, -7, 7, 3);
  check_unary<T>(rows::cos<T>, reference::cos<Real>, -50000, 50000, 3);
  check_unary<T>(rows::cos<T>, reference::cos<Real>, 38999, 39002, 3);
  check_unary<T>(rows::erf<T>, reference::erf<Real>, -2, 2, 4);
  check_unary<T>(rows::erf<T>, reference::erf<Real>, -8, 8, 4);
  check_unary<T>(rows::floor<T>, reference::floor<Real>, -9, 9, 0);
  check_unary<T>(rows::round<T>, reference::round<Real>, -9, 9, 0);
  check_unary<T>(rows::silu<T>, reference::silu<Real>, -9, 9, 4);
  check_unary<T>(rows::gelu_tanh<T>, reference::gelu_tanh<Real>, -2, 9, 10);
  for (const T exponent : {T(-1), T(-0.5), T(0.5), T(1), T(2), T(3), T(1.7)}) {
    const std::vector<T> x = random_values<T>(67, 0, 3);
    std::vector<T> y(x.size());
    std::vector<Real> want(x.size());
    rows::pow(x.data(), exponent, y.data(), 67);
    reference::pow(widen(x).data(), Real(exponent), want.data(), 67);
    check_near(y, want, [&](size_t i) { return 3 * u<T> * want[i]; });
  }
}

TEMPLATE_TEST_CASE("more special values", "[rows]", float, double) {
  using T = TestType;
  const T most = std::numeric_limits<T>::max(), inf = infinity<T>;
  for (const Unary<T> loop : {rows::expm1<T>, rows::log1p<T>, rows::sin<T>, rows::cos<T>, rows::erf<T>, rows::floor<T>,
                              rows::round<T>, rows::silu<T>, rows::gelu_tanh<T>})
    CHECK(std::isnan(at(loop, not_a_number<T>)));
  for (const Unary<T> loop :
       {rows::expm1<T>, rows::log1p<T>, rows::sin<T>, rows::erf<T>, rows::floor<T>, rows::round<T>})
    for (const T zero : {T(0), T(-0.0)}) CHECK(same(at(loop, zero), zero));
  CHECK(at<T>(rows::expm1<T>, inf) == inf);
  CHECK(at<T>(rows::expm1<T>, most) == inf);
  CHECK(at<T>(rows::expm1<T>, -inf) == -1);
  CHECK(at<T>(rows::log1p<T>, inf) == inf);
  CHECK(at<T>(rows::log1p<T>, -1) == -inf);
  CHECK(std::isnan(at<T>(rows::log1p<T>, T(-1.5))));
  for (const T sign : {T(1), T(-1)}) {
    CHECK(at<T>(rows::erf<T>, sign * inf) == sign);
    CHECK(std::isnan(at<T>(rows::sin<T>, sign * inf)));
    CHECK(std::isnan(at<T>(rows::cos<T>, sign * inf)));
  }
  CHECK(at<T>(rows::cos<T>, 0) == 1);
  CHECK(at<T>(rows::silu<T>, inf) == inf);
  CHECK(at<T>(rows::gelu_tanh<T>, inf) == inf);
  const T x[] = {-inf, T(-0.0), T(4)};
  T y[3];
  rows::pow(x, T(0.5), y, 3);
  CHECK((y[0] == inf && same(y[1], T(0)) && y[2] == 2));
  rows::pow(x, T(-0.5), y, 3);
  CHECK((same(y[0], T(0)) && y[1] == inf && y[2] == T(0.5)));
}

TEMPLATE_TEST_CASE("softplus", "[rows]", float, double) {
  using T = TestType;
  const T beta = 3, threshold = GENERATE(T(2.5), infinity<T>);
  const std::vector<T> x = random_values<T>(1000, -9, 9), g = random_values<T>(1000, -1, 1, 2);
  std::vector<T> y(x.size()), dx(x.size());
  std::vector<Real> want(x.size()), want_dx(x.size());
  rows::softplus(x.data(), beta, threshold, y.data(), 1000);
  rows::softplus_grad(x.data(), g.data(), beta, threshold, dx.data(), 1000);
  reference::softplus(widen(x).data(), Real(beta), Real(threshold), want.data(), 1000);
  reference::softplus_grad(widen(x).data(), widen(g).data(), Real(beta), Real(threshold), want_dx.data(), 1000);
  check_near(y, want, [&](size_t i) { return u<T> * want[i] * (12 + 2 * std::abs(Real(beta) * x[i])); });
  check_near(dx, want_dx,
             [&](size_t i) { return u<T> * std::abs(want_dx[i]) * (8 + 2 * std::abs(Real(beta) * x[i])); });
}

TEMPLATE_TEST_CASE("random loops draw what their streams hold, wherever they start", "[rows]", float, double) {
  using T = TestType;
  const DropoutKey key{0.3, 0x1234567890abcdef};
  for (const int64_t first : {int64_t{0}, int64_t{1}, int64_t{6}, (int64_t{1} << 33) - 5}) {
    for (int64_t n = 0; n <= 67; ++n) {
      CAPTURE(first, n);
      const std::vector<T> x = random_values<T>(n, -1, 1);
      std::vector<T> y(x.size() + 1, T(7)), z(x.size() + 1, T(7));
      rows::drop(x.data(), first, key, y.data(), n);
      reference::drop(x.data(), first, key, z.data(), n);
      REQUIRE(std::equal(y.begin(), y.end(), z.begin(), same<T>));
      rows::uniform(key.key, first, y.data(), n);
      reference::uniform(key.key, first, z.data(), n);
      REQUIRE(y == z);
      rows::normal(key.key, first, y.data(), n);
      reference::normal(key.key, first, z.data(), n);
      for (size_t i = 0; i < x.size(); ++i) REQUIRE(std::abs(y[i] - z[i]) <= 8 * u<T> * (std::abs(z[i]) + 1e-8));
      REQUIRE(y.back() == 7);
    }
  }
}

// Each figure within five standard deviations of what independent draws give.
TEST_CASE("a dropout mask is as good as coins", "[rows]") {
  constexpr int64_t n = 1 << 20;
  const double rate = GENERATE(0.1, 0.5), deviation = std::sqrt(rate * (1 - rate));
  std::vector<float> ones(n, 1), mask(n), other(n);
  for (const uint64_t seed : {uint64_t{0}, uint64_t{1}, ~uint64_t{0}}) {
    rows::drop(ones.data(), 0, {rate, seed}, mask.data(), n);
    rows::drop(ones.data(), 0, {rate, seed ^ 1}, other.data(), n);
    std::vector<double> drops(n);
    for (size_t i = 0; i < n; ++i) drops[i] = (double(mask[i] == 0) - rate) / deviation;
    const auto correlation = [&](auto with) {
      double sum = 0;
      for (size_t i = 0; i < n; ++i) sum += drops[i] * with(i);
      return std::abs(sum) / std::sqrt(double(n));
    };
    CHECK(correlation([](size_t) { return 1; }) < 5);
    CHECK(correlation([&](size_t i) { return (double(other[i] == 0) - rate) / deviation; }) < 5);
    for (const size_t lag : {1u, 2u, 3u, 4u, 7u, 8u, 16u, 64u, 768u, 1024u, 4096u, 65536u})
      CHECK(correlation([&](size_t i) { return drops[(i + lag) % n]; }) < 5);
    double runs = 0;  // of 256 elements: their counts vary as those of coins do
    for (size_t i = 0; i < n; i += 256) {
      const double sum = std::accumulate(&drops[i], &drops[i] + 256, 0.0);
      runs += sum * sum / 256;
    }
    CHECK(std::abs(runs / (n / 256) - 1) < 5 * std::sqrt(2.0 / (n / 256)));
  }
}

TEMPLATE_TEST_CASE("functions of values know the special values", "[rows]", float, double) {
  using T = TestType;
  const T most = std::numeric_limits<T>::max(), least = std::numeric_limits<T>::denorm_min(), inf = infinity<T>;
  for (const Unary<T> loop :
       {rows::exp<T>, rows::log<T>, rows::sqrt<T>, rows::tanh<T>, rows::sigmoid<T>, rows::relu<T>, rows::gelu<T>}) {
    CHECK(std::isnan(at(loop, not_a_number<T>)));
    CHECK(std::isnan(at(loop, -not_a_number<T>)));
  }
  CHECK(same(at<T>(rows::exp<T>, -inf), T(0)));
  CHECK(same(at<T>(rows::exp<T>, -most), T(0)));
  CHECK(at<T>(rows::exp<T>, inf) == inf);
  CHECK(at<T>(rows::exp<T>, most) == inf);
  for (const T zero : {T(0), T(-0.0), least, -least}) CHECK(at<T>(rows::exp<T>, zero) == 1);

  CHECK(at<T>(rows::log<T>, 0) == -inf);
  CHECK(at<T>(rows::log<T>, T(-0.0)) == -inf);
  CHECK(at<T>(rows::log<T>, inf) == inf);
  CHECK(same(at<T>(rows::log<T>, 1), T(0)));
  for (const T negative : {T(-1), -least, -most, -inf}) CHECK(std::isnan(at<T>(rows::log<T>, negative)));

  CHECK(same(at<T>(rows::sqrt<T>, T(-0.0)), T(-0.0)));
  CHECK(at<T>(rows::sqrt<T>, inf) == inf);
  CHECK(std::isnan(at<T>(rows::sqrt<T>, -1)));

  for (const T sign : {T(1), T(-1)}) {
    for (const T x : {inf, most, T(1e4)}) CHECK(at<T>(rows::tanh<T>, sign * x) == sign);
    for (const T x : {T(0), least}) CHECK(same(at<T>(rows::tanh<T>, sign * x), sign * x));
  }

  for (const T x : {inf, most, T(1e4)}) {
    CHECK(at<T>(rows::sigmoid<T>, x) == 1);
    CHECK(same(at<T>(rows::sigmoid<T>, -x), T(0)));
    CHECK(at<T>(rows::gelu<T>, x) == x);
    CHECK(at<T>(rows::gelu<T>, -x) == 0);
    CHECK(at<T>(rows::relu<T>, x) == x);
    CHECK(same(at<T>(rows::relu<T>, -x), T(0)));
  }
  CHECK(at<T>(rows::sigmoid<T>, 0) == T(0.5));
  for (const T zero : {T(0), T(-0.0)}) CHECK(same(at<T>(rows::gelu<T>, zero), zero));
  CHECK(same(at<T>(rows::relu<T>, T(-0.0)), T(0)));

  const T one = 1, x[] = {not_a_number<T>, inf, -inf}, g[] = {one, one, one};
  T dx[3];
  rows::relu_grad(x, g, dx, 3);
  CHECK((dx[0] == 1 && dx[1] == 1 && dx[2] == 0));
  rows::gelu_grad(x, g, dx, 3);
  CHECK((std::isnan(dx[0]) && dx[1] == 1 && dx[2] == 0));
}

TEMPLATE_TEST_CASE("gradients of functions of values", "[rows]", float, double) {
  using T = TestType;
  check_grad<T>(rows::tanh_grad<T>, reference::tanh_grad<Real>, -1, 1, 3, [](Real y) { return 1 + y * y; });
  check_grad<T>(rows::sigmoid_grad<T>, reference::sigmoid_grad<Real>, 0, 1, 4, [](Real y) { return y * (1 - y); });
  check_grad<T>(rows::relu_grad<T>, reference::relu_grad<Real>, -1, 1, 0, [](Real) { return 0; });
  const auto gelu_terms = [](Real x) {
    Real below, density = std::exp(-x * x / 2) * 0.4L;
    reference::gelu(&x, &below, 1);
    return below / x + std::abs(x) * density;
  };
  check_grad<T>(rows::gelu_grad<T>, reference::gelu_grad<Real>, -3, 3, 14, gelu_terms);
  check_grad<T>(rows::gelu_grad<T>, reference::gelu_grad<Real>, -12, 12, 14, gelu_terms);
  check_grad<T>(rows::silu_grad<T>, reference::silu_grad<Real>, -9, 9, 9, [](Real x) { return 1 + std::abs(x) / 4; });
  check_grad<T>(rows::gelu_tanh_grad<T>, reference::gelu_tanh_grad<Real>, -6, 6, 24, [](Real) { return 1; });
  const std::vector<T> gate = random_values<T>(67, -5, 5), x = random_values<T>(67, -2, 2, 2), ones(67, 1);
  std::vector<T> dgate(67), dx(67), alone(67), y(67);
  rows::swiglu_grad(gate.data(), x.data(), ones.data(), dgate.data(), dx.data(), 67);
  rows::silu_grad(gate.data(), x.data(), alone.data(), 67);
  CHECK(dgate == alone);
  rows::silu(gate.data(), alone.data(), 67);
  check_near(dx, widen(alone), [&](size_t i) { return 4 * u<T> * std::abs(alone[i]); });
  rows::swiglu(gate.data(), ones.data(), y.data(), 67);
  CHECK(y == alone);
}

TEMPLATE_TEST_CASE("arithmetic is that of the processor, wherever a value stands", "[rows]", float, double) {
  using T = TestType;
  const T special[] = {
      0, T(-0.0), 1, -3, infinity<T>, -infinity<T>, not_a_number<T>, std::numeric_limits<T>::denorm_min()};
  std::vector<T> a = random_values<T>(80, -2, 2), b = random_values<T>(80, -2, 2, 2);
  for (size_t i = 0; i < 64; i += 3) a[i] = special[i % 8], b[i] = special[i / 8];
  const auto check = [&](auto fast, auto slow) {
    for (int64_t n = 0; n <= 67; ++n) {
      for (size_t start = 0; start < 4; ++start) {
        std::vector<T> y(80, 5), z(80, 5);
        fast(&a[start], &b[start], &y[start + 1], n);
        slow(&a[start], &b[start], &z[start + 1], n);
        REQUIRE(std::equal(y.begin(), y.end(), z.begin(), same<T>));
      }
    }
  };
#define CHECK_ARITHMETIC(name)                                                          \
  check([](auto... x) { rows::name(x...); }, [](auto... x) { reference::name(x...); }); \
  check([](auto x, auto z, auto... y) { rows::name(x, *z, y...); },                     \
        [](auto x, auto z, auto... y) { reference::name(x, *z, y...); });               \
  check([](auto x, auto z, auto... y) { rows::name(*x, z, y...); },                     \
        [](auto x, auto z, auto... y) { reference::name(*x, z, y...); })
  CHECK_ARITHMETIC(add);
  CHECK_ARITHMETIC(sub);
  CHECK_ARITHMETIC(mul);
  CHECK_ARITHMETIC(div);
#undef CHECK_ARITHMETIC
  check([](auto x, auto, auto y, auto n) { rows::accumulate(y, x, n); },
        [](auto x, auto, auto y, auto n) { reference::accumulate(y, x, n); });
}

TEMPLATE_TEST_CASE("sums are pairwise, and the same wherever the row starts", "[rows]", float, double) {
  using T = TestType;
  for (const int64_t n : lengths()) {
    CAPTURE(n);
    const std::vector<T> x = random_values<T>(n, -1, 2), y = random_values<T>(n, -2, 1, 2);
    std::vector<T> shifted(static_cast<size_t>(n) + 1), shifted_y(static_cast<size_t>(n) + 3);
    std::copy(x.begin(), x.end(), shifted.begin() + 1);
    std::copy(y.begin(), y.end(), shifted_y.begin() + 3);
    CHECK(rows::sum(x.data(), n) == rows::sum(shifted.data() + 1, n));
    CHECK(rows::squares(x.data(), n) == rows::squares(shifted.data() + 1, n));
    CHECK(rows::dot(x.data(), y.data(), n) == rows::dot(shifted.data() + 1, shifted_y.data() + 3, n));
    CHECK(rows::max(x.data(), n) == reference::max(x.data(), n));

    std::vector<Real> size = widen(x);
    const std::vector<Real> wide = widen(x), wide_y = widen(y);
    for (Real& value : size) value = std::abs(value);
    const Real sizes = reference::sum(size.data(), n);
    CHECK(std::abs(rows::sum(x.data(), n) - reference::sum(wide.data(), n)) <= depth(n) * u<T> * sizes);
    const Real squares = reference::squares(wide.data(), n);
    CHECK(std::abs(rows::squares(x.data(), n) - squares) <= (depth(n) + 1) * u<T> * squares);
    for (size_t i = 0; i < size.size(); ++i) size[i] *= std::abs(wide_y[i]);
    const Real products = reference::sum(size.data(), n);
    const Real dot = reference::dot(wide.data(), wide_y.data(), n);
    CHECK(std::abs(rows::dot(x.data(), y.data(), n) - dot) <= (depth(n) + 1) * u<T> * products);
  }
}

TEST_CASE("a long sum keeps its accuracy", "[rows]") {
  const std::vector<float> x(3'000'017, 0.1f);
  const Real want = Real(0.1f) * 3'000'017;
  CHECK(std::abs(rows::sum(x.data(), 3'000'017) - want) <= depth(3'000'017) * u<float> * want);
  CHECK(std::abs(reference::sum(x.data(), 3'000'017) - want) > depth(3'000'017) * u<float> * want);
}

TEMPLATE_TEST_CASE("max finds the largest value, min the smallest, both every NaN", "[rows]", float, double) {
  using T = TestType;
  CHECK(rows::max<T>(nullptr, 0) == -infinity<T>);
  CHECK(rows::min<T>(nullptr, 0) == infinity<T>);
  for (int64_t n = 1; n <= 67; ++n) {
    std::vector<T> x = random_values<T>(n, -9, -1);
    for (T& value : x) {
      const T kept = value;
      for (const T top : {T(-0.5), T(7), infinity<T>}) {
        value = top;
        REQUIRE(rows::max(x.data(), n) == top);
      }
      for (const T bottom : {T(-9.5), -infinity<T>}) {
        value = bottom;
        REQUIRE(rows::min(x.data(), n) == bottom);
      }
      value = not_a_number<T>;
      REQUIRE(std::isnan(rows::max(x.data(), n)));
      REQUIRE(std::isnan(rows::min(x.data(), n)));
      value = kept;
    }
  }
}

// With d the largest x - max: e^(x - max) has a relative error of (d + 2) u (the subtraction, and one ulp of exp); the
// sum adds its depth, quotient and product one each.
TEMPLATE_TEST_CASE("softmax and its kin", "[rows]", float, double) {
  using T = TestType;
  const T spread = GENERATE(T(1), T(8)), offset = GENERATE(T(0), T(1000));
  for (const int64_t n : lengths()) {
    if (n == 0) continue;
    CAPTURE(n, spread, offset);
    const auto count = static_cast<size_t>(n);
    const std::vector<T> x = random_values<T>(n, offset - spread, offset + spread), g = random_values<T>(n, -1, 1, 2);
    const std::vector<Real> wide = widen(x), wide_g = widen(g);
    std::vector<T> y(count);
    std::vector<Real> want(count);
    const Real m = reference::max(wide.data(), n), d = 2 * spread;
    const Real error = (2 * (d + 3) + depth(n) + 4) * u<T>;

    rows::softmax(x.data(), y.data(), n);
    reference::softmax(wide.data(), want.data(), n);
    check_near(y, want, [&](size_t i) { return error * want[i]; });

    const Real lse = reference::logsumexp(wide.data(), n);
    CHECK(std::abs(rows::logsumexp(x.data(), n) - lse) <= error + u<T> * (3 * std::abs(lse - m) + std::abs(lse)));

    const std::vector<Real> wide_y = widen(y);
    std::vector<T> dx(count);
    rows::softmax_grad(y.data(), g.data(), dx.data(), n);
    reference::softmax_grad(wide_y.data(), wide_g.data(), want.data(), n);
    check_near(dx, want, [&](size_t i) {  // <|g|, y> <= 1
      return y[i] * (depth(n) + 5) * u<T> * (std::abs(wide_g[i]) + 1) + std::numeric_limits<T>::denorm_min();
    });

    std::vector<T> logs(count);
    rows::log_softmax(x.data(), logs.data(), n);
    reference::log_softmax(wide.data(), want.data(), n);
    check_near(logs, want, [&](size_t i) { return error + u<T> * (d + 3 * (lse - m) + std::abs(want[i])); });

    const std::vector<Real> wide_logs = widen(logs);
    rows::log_softmax_grad(logs.data(), g.data(), dx.data(), n);
    reference::log_softmax_grad(wide_logs.data(), wide_g.data(), want.data(), n);
    check_near(dx, want,
               [&](size_t i) { return u<T> * (1 + (depth(n) + 5) * static_cast<Real>(n) * std::exp(wide_logs[i])); });

    const T rest = static_cast<T>(lse - m), shift = static_cast<T>(m);
    rows::shifted_exp(x.data(), shift, rest, T(0.5), T(0.25), y.data(), n);
    reference::shifted_exp(wide.data(), m, Real(rest), Real(0.5), Real(0.25), want.data(), n);
    check_near(y, want, [&](size_t) { return error + u<T>; });
    const Real above = reference::sum_above(wide.data(), m, n);
    CHECK(std::abs(rows::sum_above(x.data(), shift, n) - above) <= (depth(n) + 2) * u<T> * (std::abs(above) + d * n));

    rows::softmax(x.data(), y.data(), n);
    std::vector<T> in_place = x;
    rows::softmax(in_place.data(), in_place.data(), n);
    CHECK(in_place == y);
  }
}

// Weights e^(s - lse) have a relative error of (d + 3) u, with d the largest |s - lse|; (e - mean) adds a rounding.
TEMPLATE_TEST_CASE("weights of attention and their gradient", "[rows]", float, double) {
  using T = TestType;
  for (const int64_t n : lengths()) {
    if (n == 0) continue;
    CAPTURE(n);
    const std::vector<T> s = random_values<T>(n, -8, 8), e = random_values<T>(n, -1, 1, 2);
    const T lse = T(8.5), mean = T(0.25);
    const Real error = (17 + 3) * u<T>;
    std::vector<T> y = s, d = e;
    std::vector<Real> want = widen(s), want_d = widen(e);
    const Real sum = reference::exp_sum(want.data(), Real(lse), n);
    CHECK(std::abs(rows::exp_sum(y.data(), lse, n) - sum) <= sum * (error + depth(n) * u<T>));
    check_near(y, want, [&](size_t i) { return error * want[i]; });

    y = s, want = widen(s);
    rows::weights_grad(y.data(), d.data(), lse, mean, n);
    reference::weights_grad(want.data(), want_d.data(), Real(lse), Real(mean), n);
    check_near(y, want, [&](size_t i) { return error * want[i]; });
    check_near(d, want_d, [&](size_t i) { return (error + 3 * u<T>)*want[i] * 1.25; });
  }
  T nothing = not_a_number<T>;
  CHECK(std::isnan(rows::exp_sum(&nothing, T(0), 1)));
  T masked = -infinity<T>;
  CHECK(rows::exp_sum(&masked, T(0), 1) == 0);
}

// Values below 2 in size pass through at most 12 roundings, or functions within 4 ulps, none of which magnifies errors.
TEMPLATE_TEST_CASE("steps of recurrent layers", "[rows]", float, double) {
  using T = TestType;
  using rows::Gates;
  for (const int64_t n : lengths()) {
    CAPTURE(n);
    const int64_t step = n + 3;
    auto in = [&](int64_t gates, unsigned seed) { return random_values<T>(gates * step, -1, 1, seed); };
    const std::vector<T> x = in(4, 1), w = in(4, 2), before = in(1, 3), dh = in(1, 4), dc = in(1, 5);
    const std::vector<Real> wide_x = widen(x), wide_w = widen(w), wide_before = widen(before);
    auto compare = [&](const std::vector<T>& got, const std::vector<Real>& want) {
      check_near(got, want, [](size_t) { return 64 * u<T>; });
    };
    {
      std::vector<T> c = before, h = in(1, 6), kept = in(5, 7);
      std::vector<Real> wide_c = widen(c), wide_h = widen(h), wide_kept = widen(kept);
      rows::lstm<T>({x.data(), step}, {w.data(), step}, c.data(), h.data(), {kept.data(), step}, n);
      reference::lstm<Real>({wide_x.data(), step}, {wide_w.data(), step}, wide_c.data(), wide_h.data(),
                            {wide_kept.data(), step}, n);
      compare(c, wide_c), compare(h, wide_h), compare(kept, wide_kept);

      std::vector<T> from_h = dh, from_c = dc, d = in(4, 8);
      std::vector<Real> wide_from_h = widen(dh), wide_from_c = widen(dc), wide_d = widen(d);
      wide_kept = widen(kept);
      rows::lstm_grad<T>({kept.data(), step}, before.data(), from_h.data(), from_c.data(), {d.data(), step}, n);
      reference::lstm_grad<Real>({wide_kept.data(), step}, wide_before.data(), wide_from_h.data(), wide_from_c.data(),
                                 {wide_d.data(), step}, n);
      compare(from_h, wide_from_h), compare(from_c, wide_from_c), compare(d, wide_d);
    }
    {
      std::vector<T> h = in(1, 6), kept = in(4, 7);
      std::vector<Real> wide_h = widen(h), wide_kept = widen(kept);
      rows::gru<T>({x.data(), step}, {w.data(), step}, before.data(), h.data(), {kept.data(), step}, n);
      reference::gru<Real>({wide_x.data(), step}, {wide_w.data(), step}, wide_before.data(), wide_h.data(),
                           {wide_kept.data(), step}, n);
      compare(h, wide_h), compare(kept, wide_kept);

      std::vector<T> from_h = dh, d = in(3, 8), d_w = in(3, 9);
      std::vector<Real> wide_from_h = widen(dh), wide_d = widen(d), wide_d_w = widen(d_w);
      wide_kept = widen(kept);
      rows::gru_grad<T>({kept.data(), step}, before.data(), from_h.data(), {d.data(), step}, {d_w.data(), step}, n);
      reference::gru_grad<Real>({wide_kept.data(), step}, wide_before.data(), wide_from_h.data(), {wide_d.data(), step},
                                {wide_d_w.data(), step}, n);
      compare(from_h, wide_from_h), compare(d, wide_d), compare(d_w, wide_d_w);
    }
  }
}

TEMPLATE_TEST_CASE("softmax in the corners", "[rows]", float, double) {
  using T = TestType;
  const T inf = infinity<T>;
  CHECK(rows::logsumexp<T>(nullptr, 0) == -inf);
  rows::softmax<T>(nullptr, nullptr, 0);
  rows::log_softmax<T>(nullptr, nullptr, 0);
  for (int64_t n = 1; n <= 67; ++n) {
    const auto count = static_cast<size_t>(n);
    std::vector<T> x(count, -inf), y(count);
    CHECK(rows::logsumexp(x.data(), n) == -inf);
    rows::softmax(x.data(), y.data(), n);
    CHECK(std::all_of(y.begin(), y.end(), [](T value) { return std::isnan(value); }));
    x.back() = T(1e4);  // one place may be chosen
    CHECK(rows::logsumexp(x.data(), n) == T(1e4));
    rows::softmax(x.data(), y.data(), n);
    CHECK((y.back() == 1 && std::count(y.begin(), y.end(), T(0)) == n - 1));
    x.front() = inf;
    CHECK(rows::logsumexp(x.data(), n) == inf);
    x.front() = not_a_number<T>;
    CHECK(std::isnan(rows::logsumexp(x.data(), n)));
  }
}

TEMPLATE_TEST_CASE("layer norm and its gradients", "[rows]", float, double) {
  using T = TestType;
  const bool has_weight = GENERATE(true, false), has_bias = GENERATE(true, false);
  for (const int64_t n : lengths()) {
    if (n == 0) continue;
    CAPTURE(n, has_weight, has_bias);
    const auto count = static_cast<size_t>(n);
    const std::vector<T> x = random_values<T>(n, -1, 2), g = random_values<T>(n, -1, 1, 2);
    const std::vector<T> w = random_values<T>(n, -2, 2, 3), b = random_values<T>(n, -1, 1, 4);
    const std::vector<Real> xs = widen(x), gs = widen(g), ws = widen(w), bs = widen(b);
    const T eps = T(0.0078125);
    const auto weight = [&](size_t i) { return has_weight ? ws[i] : 1; };

    std::vector<T> y(count);
    std::vector<Real> want(count);
    T mean, rstd;
    Real true_mean, true_rstd;
    rows::layer_norm(x.data(), has_weight ? w.data() : nullptr, has_bias ? b.data() : nullptr, eps, y.data(), n, mean,
                     rstd);
    reference::layer_norm(xs.data(), has_weight ? ws.data() : nullptr, has_bias ? bs.data() : nullptr, Real(eps),
                          want.data(), n, true_mean, true_rstd);
    const Real mean_error = (depth(n) + 1) * u<T> * 2;  // |x| <= 2
    const Real rstd_error = (depth(n) / 2 + 6) * u<T>;  // relative; the mean's error enters squared
    CHECK(std::abs(mean - true_mean) <= mean_error);
    CHECK(std::abs(rstd - true_rstd) <= rstd_error * true_rstd);
    check_near(y, want, [&](size_t i) {
      const Real h = (xs[i] - true_mean) * true_rstd;
      return std::abs(weight(i)) * (true_rstd * mean_error + std::abs(h) * (rstd_error + 4 * u<T>)) +
             u<T> * (std::abs(want[i]) + std::abs(h * weight(i)));
    });

    const auto h = [&](size_t i) { return (xs[i] - Real(mean)) * Real(rstd); };
    Real p_mean = 0, ph_mean = 0;  // of the sizes
    for (size_t i = 0; i < count; ++i) {
      p_mean += std::abs(gs[i] * weight(i)) / static_cast<Real>(n);
      ph_mean += std::abs(gs[i] * weight(i) * h(i)) / static_cast<Real>(n);
    }
    std::vector<T> dx(count);
    rows::layer_norm_grad(x.data(), has_weight ? w.data() : nullptr, g.data(), mean, rstd, dx.data(), n);
    reference::layer_norm_grad(xs.data(), has_weight ? ws.data() : nullptr, gs.data(), Real(mean), Real(rstd),
                               want.data(), n);
    check_near(dx, want, [&](size_t i) {
      const Real size = std::abs(gs[i] * weight(i)) + p_mean + std::abs(h(i)) * ph_mean;
      return (depth(n) + 10) * u<T> * rstd * size;
    });

    std::vector<T> dw = w, db = b;
    std::vector<Real> want_w = ws, want_b = bs;
    rows::layer_norm_param_grad(x.data(), g.data(), mean, rstd, has_weight ? dw.data() : nullptr,
                                has_bias ? db.data() : nullptr, n);
    reference::layer_norm_param_grad(xs.data(), gs.data(), Real(mean), Real(rstd), has_weight ? want_w.data() : nullptr,
                                     has_bias ? want_b.data() : nullptr, n);
    check_near(dw, want_w, [&](size_t i) { return u<T> * (std::abs(want_w[i]) + 4 * std::abs(gs[i] * h(i))); });
    check_near(db, want_b, [&](size_t i) { return u<T> * std::abs(want_b[i]); });
  }
}

TEMPLATE_TEST_CASE("sgd steps", "[rows]", float, double) {
  using T = TestType;
  const double momentum = GENERATE(0.0, 0.75), weight_decay = GENERATE(0.0, 0.125);
  const bool nesterov = GENERATE(false, true);
  const rows::SgdStep step{.lr = 0.0625, .momentum = momentum, .weight_decay = weight_decay, .nesterov = nesterov};
  for (const int64_t n : lengths()) {
    CAPTURE(n, momentum, weight_decay, nesterov);
    std::vector<T> p = random_values<T>(n, -1, 1), v = random_values<T>(n, -1, 1, 2);
    const std::vector<T> g = random_values<T>(n, -1, 1, 3);
    std::vector<Real> want = widen(p), want_v = widen(v);
    rows::sgd(p.data(), g.data(), momentum > 0 ? v.data() : nullptr, n, step);
    reference::sgd(want.data(), widen(g).data(), momentum > 0 ? want_v.data() : nullptr, n, step);
    check_near(v, want_v, [](size_t) { return 4 * u<T> * 2; });  // four roundings of sums below 2
    check_near(p, want, [](size_t) { return u<T> * (2 + 0.0625L * 8 * 3); });
  }
}

TEST_CASE("sgd, by hand", "[rows]") {
  double p = 1, g = 2, v = 4;
  rows::sgd(&p, &g, &v, 1, {.lr = 0.5, .momentum = 0.25, .weight_decay = 2});
  CHECK((v == 5 && p == -1.5));  // v = 0.25 4 + (2 + 2 1)
  rows::sgd(&p, &g, &v, 1, {.lr = 0.5, .momentum = 0.5, .nesterov = true});
  CHECK((v == 4.5 && p == -3.625));  // p -= 0.5 (2 + 0.5 4.5)
  rows::sgd<double>(&p, &g, nullptr, 1, {.lr = 0.25});
  CHECK(p == -4.125);
}

TEMPLATE_TEST_CASE("adam steps", "[rows]", float, double) {
  using T = TestType;
  const bool decoupled = GENERATE(false, true), amsgrad = GENERATE(false, true);
  const rows::AdamStep step{.lr = 0.01,
                            .beta1 = 0.9,
                            .beta2 = 0.99,
                            .eps = 1e-6,
                            .weight_decay = 0.1,
                            .decoupled = decoupled,
                            .correction1 = 1 - 0.9 * 0.9,
                            .correction2 = 1 - 0.99 * 0.99};
  for (const int64_t n : lengths()) {
    CAPTURE(n, decoupled, amsgrad);
    std::vector<T> p = random_values<T>(n, -1, 1), m = random_values<T>(n, -1, 1, 2);
    std::vector<T> v = random_values<T>(n, 0.125, 1, 3), w = random_values<T>(n, 0.125, 1, 5);
    const std::vector<T> g = random_values<T>(n, -1, 1, 4);
    std::vector<Real> want = widen(p), want_m = widen(m), want_v = widen(v), want_w = widen(w);
    rows::adam(p.data(), g.data(), m.data(), v.data(), amsgrad ? w.data() : nullptr, n, step);
    reference::adam(want.data(), widen(g).data(), want_m.data(), want_v.data(), amsgrad ? want_w.data() : nullptr, n,
                    step);
    check_near(m, want_m, [](size_t) { return 5 * u<T>; });  // the slope, constant, product, product, sum: |m| <= 1.1
    check_near(v, want_v, [&](size_t i) { return 7 * u<T> * want_v[i]; });
    check_near(w, want_w, [&](size_t i) { return 7 * u<T> * want_w[i]; });
    check_near(p, want, [&](size_t i) {
      const Real square = amsgrad ? want_w[i] : want_v[i];
      const Real denominator = std::sqrt(square / Real(step.correction2)) + Real(step.eps);
      return u<T> * (4 + Real(step.lr / step.correction1) / denominator * (5 + 11 * std::abs(want_m[i])));
    });
  }
}

TEST_CASE("adam, by hand", "[rows]") {
  rows::AdamStep step{.lr = 0.5,
                      .beta1 = 0.5,
                      .beta2 = 0.75,
                      .eps = 1,
                      .weight_decay = 0.5,
                      .decoupled = true,
                      .correction1 = 0.5,
                      .correction2 = 0.25};
  double p = 2, g = 3, m = 0, v = 0, largest = 4;
  rows::adam<double>(&p, &g, &m, &v, nullptr, 1, step);
  CHECK((m == 1.5 && v == 2.25));
  CHECK(p == 1.125);  // 2 (1 - 0.25) - 0.5 (1.5 / 0.5) / (sqrt(2.25 / 0.25) + 1)
  step.decoupled = false;
  p = 2, m = v = 0;
  rows::adam(&p, &g, &m, &v, &largest, 1, step);
  CHECK((m == 2 && v == 4 && largest == 4));  // of the gradient 3 + 0.5 2
  CHECK(p == 1.6);                            // 2 - 0.5 (2 / 0.5) / (sqrt(4 / 0.25) + 1)
  g = 0, v = 1, largest = 16;
  rows::adam(&p, &g, &m, &v, &largest, 1, step);
  CHECK(largest == 16);
}
