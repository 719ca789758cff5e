// Loops that compute each value from the one that stands there.
#include "rows.h"
#include <numeric>
#include <type_traits>

using heed::DropoutKey;

namespace {
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
