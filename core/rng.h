#pragma once
// Random numbers as a value: a seed and a counter. What is drawn depends on them alone, not on threads or on order.
#include <cmath>
#include <cstdint>
#include <numbers>

namespace heed {

// Element `index` of the stream of `key`: SplitMix64's output function on a Weyl sequence (Steele, Lea, Flood 2014).
constexpr uint64_t scramble(uint64_t key, uint64_t index) {
  uint64_t z = key + (index + 1) * 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}
constexpr double unit(uint64_t key, uint64_t index) { return double(scramble(key, index) >> 11) * 0x1p-53; }  // [0, 1)
inline double gaussian(uint64_t key, uint64_t index) {  // standard normal (Box and Muller 1958)
  const double u = 1 - unit(key, 2 * index), v = unit(key, 2 * index + 1);
  return std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
}

struct Rng {
  uint64_t seed = 0;
  uint64_t counter = 0;

  uint64_t key() { return scramble(seed, counter++); }                 // for a stream of its own
  double uniform() { return unit(key(), 0); }                          // [0, 1)
  double normal() { return gaussian(key(), 0); }                       // mean 0, variance 1
  int64_t below(int64_t n) { return int64_t(uniform() * double(n)); }  // 0 .. n-1
};

// Which elements dropout keeps: a function of key and element index alone, the same in definition, kernel and gradient.
struct DropoutKey {
  double rate = 0;  // the probability of being dropped, in [0, 1)
  uint64_t key = 0;
  explicit operator bool() const { return rate > 0; }
  // Of 32 random bits, what is below it is dropped.
  uint32_t threshold() const { return uint32_t(rate * 0x1p32); }
  // What element i is multiplied by. Two elements share a scrambled number, half of its bits each.
  double scale(int64_t i) const {
    const auto bits = uint32_t(scramble(key, uint64_t(i) / 2) >> (i % 2 * 32));
    return bits < threshold() ? 0.0 : 1 / (1 - rate);
  }
};
inline DropoutKey dropout_key(double rate, Rng* training) {  // no generator: evaluation, nothing is dropped
  return training && rate > 0 ? DropoutKey{rate, training->key()} : DropoutKey{};
}

}  // namespace heed
