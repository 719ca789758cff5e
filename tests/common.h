#pragma once
// What the tests of core, ops, nn and optim share.
#include <heed/core/parallel.h>
#include <heed/heed.h>
#include <typeinfo>
#include "catch.h"

namespace heed {

// The text of the error that f throws, which must be of type E and not of one derived from it.
template <class E, class F>
std::string thrown(F f) {
  try {
    f();
  } catch (const Error& e) {
    return typeid(e) == typeid(E) ? e.what() : std::string("another type of error: ") + e.what();
  }
  return "nothing was thrown";
}
// The text must be the line of this check, then `text`.
#define CHECK_ERROR(Type, expression, text) \
  CHECK(thrown<Type>([&] { (void)(expression); }) == Where::here().str() + ": " + (text))

inline bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

inline Tensor noise(const Shape& shape, uint64_t seed, Dtype t = f64) {
  Rng rng{seed};
  return randn(shape, rng, t);
}
inline Tensor variable(const Shape& shape, uint64_t seed, Dtype t = f64) {
  return noise(shape, seed, t).requires_grad();
}

// How many arrays hold x's values: its own handle, and whoever remembers it.
inline int holders(const Tensor& x) { return int(x.array().storage()->refs.load()); }

struct Threads {  // so many for this block
  int before = num_threads();
  explicit Threads(int n) { set_num_threads(n); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;
  ~Threads() { set_num_threads(before); }
};

// Weights of a size at which every part of a model matters: those it begins with leave attention nearly even.
template <class M>
M scattered(M model, uint64_t key, double size) {
  walk(model, [&](const Item& p) {
    if (p.kind == Item::trained) assign(*p.tensor, size * noise(p.tensor->shape(), key++, p.tensor->dtype()));
  });
  return model;
}

inline bool finite(const Tensor& x) {
  for (double v : x.to_vector())
    if (!std::isfinite(v)) return false;
  return true;
}

}  // namespace heed
