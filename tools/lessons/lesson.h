#pragma once
// What an exercise is written against. In its struct Forward every line is a value: first the sizes, then the inputs,
// then what is computed from them. The learner's functions are listed in `answers`.
#include <heed/ops/ops.h>
#include <cmath>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

namespace heed {

// An input whose gradient is asked for: standard normal, in float64.
inline Tensor input(const Shape& shape) { return randn(shape, default_rng(), f64).requires_grad(); }

// The value of a function that is not written yet.
template <class... T>
Tensor todo(const T&...) {
  return {};
}

// {"dS(A, dA)", dS}: a function, and the names of the values it wants. Any value of Forward may be asked for, and the
// gradient dX of any value X.
struct Answer {
  std::string name;
  std::vector<std::string> givens;
  std::size_t arity;
  std::function<Tensor(std::span<const Tensor>)> function;  // of so many

  template <class... T>
  Answer(const std::string& call, Tensor (*f)(T...)) : name(call.substr(0, call.find('('))), arity(sizeof...(T)) {
    std::string list = call.substr(std::min(call.size(), name.size() + 1)), given;
    std::erase_if(list, [](char c) { return c == ' ' || c == ')'; });
    for (std::istringstream in(list); std::getline(in, given, ',');) givens.push_back(given);
    function = [f](std::span<const Tensor> x) {
      return [&]<std::size_t... I>(std::index_sequence<I...>) { return f(x[I]...); }
      (std::index_sequence_for<T...>{});
    };
  }
};
using Answers = std::vector<Answer>;

}  // namespace heed
