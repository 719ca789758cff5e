#pragma once
// What the tests of loops over rows share: values, and how far from the reference in long double they may be.
#include <heed/ops/kernels/rows.h>
#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>
#include "catch.h"

namespace rows = heed::kernels::rows;
namespace reference = heed::kernels::rows::reference;
using Real = long double;

template <class T>
constexpr T infinity = std::numeric_limits<T>::infinity();
template <class T>
constexpr T not_a_number = std::numeric_limits<T>::quiet_NaN();
template <class T>  // the NaN of which every bit is 1
const T full_of_bits = std::bit_cast<T>(std::conditional_t<sizeof(T) == 4, int32_t, int64_t>(-1));
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
  if (std::isnan(got) || std::isnan(want) || std::isinf(near)) return same(got, near) ? 0 : infinity<Real>;
  const T size = std::max(std::abs(near), std::numeric_limits<T>::min());
  return std::abs(got - want) / (static_cast<Real>(std::nextafter(size, infinity<T>)) - size);
}

// The roundings between a term and a pairwise sum of n: in chains of at most 1024 / 8 terms within a block.
inline Real depth(int64_t n) { return static_cast<Real>(std::min<int64_t>(n, 136)) + std::log2(Real(n) / 1024 + 2); }

inline const std::vector<int64_t>& lengths() {
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
