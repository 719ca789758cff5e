#pragma once
// The types a tensor's elements can have. f32 and f64 are computed in; bf16 is a storage format; i64 and boolean index,
// count and select, and carry no gradient.
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace heed {

enum class Dtype : uint8_t { f32, f64, bf16, i64, boolean };
using enum Dtype;

struct BFloat16 {  // the upper half of a float, rounded to nearest even
  uint16_t bits = 0;
  BFloat16() = default;
  template <class T>
  explicit BFloat16(T v) {
    const auto u = std::bit_cast<uint32_t>(static_cast<float>(v));
    const bool nan = (u & 0x7fffffffu) > 0x7f800000u;
    bits = static_cast<uint16_t>(nan ? (u >> 16) | 0x40u : (u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
  }
  explicit operator float() const { return std::bit_cast<float>(uint32_t{bits} << 16); }
  explicit operator double() const { return double(float(*this)); }
  explicit operator int64_t() const { return int64_t(float(*this)); }
  explicit operator bool() const { return (bits & 0x7fffu) != 0; }
};

constexpr bool floating(Dtype t) { return t == f32 || t == f64 || t == bf16; }
constexpr std::size_t width(Dtype t) {  // bytes of one element
  switch (t) {
    case f32:
      return 4;
    case f64:
    case i64:
      return 8;
    case bf16:
      return 2;
    case boolean:
      return 1;
  }
  return 0;
}
constexpr const char* name(Dtype t) {
  constexpr const char* names[] = {"f32", "f64", "bf16", "i64", "boolean"};
  return names[static_cast<std::size_t>(t)];
}

template <class T>
struct DtypeOf;
template <>
struct DtypeOf<float> {
  static constexpr Dtype value = f32;
};
template <>
struct DtypeOf<double> {
  static constexpr Dtype value = f64;
};
template <>
struct DtypeOf<BFloat16> {
  static constexpr Dtype value = bf16;
};
template <>
struct DtypeOf<int64_t> {
  static constexpr Dtype value = i64;
};
template <>
struct DtypeOf<bool> {
  static constexpr Dtype value = boolean;
};
template <class T>
inline constexpr Dtype dtype_of = DtypeOf<T>::value;

// Calls f with a value of the C++ type of t's elements.
template <class F>
decltype(auto) visit_dtype(Dtype t, F&& f) {
  switch (t) {
    case f64:
      return f(double{});
    case bf16:
      return f(BFloat16{});
    case i64:
      return f(int64_t{});
    case boolean:
      return f(bool{});
    case f32:
      break;
  }
  return f(float{});
}
// The same for the types that are computed in; the public functions have refused the others.
template <class F>
decltype(auto) visit_floating(Dtype t, F&& f) {
  return t == f64 ? f(double{}) : f(float{});
}
// The same, with i64 among them.
template <class F>
decltype(auto) visit_numeric(Dtype t, F&& f) {
  return t == i64 ? f(int64_t{}) : visit_floating(t, f);
}

}  // namespace heed
