#pragma once
// What an exercise is written against. In its struct Forward every line is a value: first the sizes, then the inputs,
// then what is computed from them. The learner's functions are listed in `answers`.
//
// They may call all of heed/ops/ops.h. What is needed most:
//   a * b, a / b, 1 - a            element by element; sizes of 1 and dimensions missing in front are copied
//   matmul(a, b), transpose(a)     the last two dimensions
//   sum(x, 0)                      over the rows: [n, m] -> [m]
//   sum(x, -1, keepdim)            of each row, as a column: [n, m] -> [n, 1]. Without keepdim it is [n], and x -
//   sum(x,
//                                  -1) does not fit, or, where n = m, takes away the wrong numbers. mean likewise.
//   square, exp, tanh, sigmoid, softmax, unsqueeze(x, dim), concat({a, b}, dim), zeros_like(x), x(range(from, to))
//   double(x.size(-1))             a size as a number: 1 / x.size(-1) would be a division of whole numbers, and 0
//   tensor(values, shape, f64)     of a std::vector<double>. X(i, j) is a value: X(i, j) = .. would set nothing.
#include <heed/ops/ops.h>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <span>
#include <sstream>
#include <string>
#include <utility>
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
  Answer(std::string call, Tensor (*f)(T...)) : arity(sizeof...(T)) {
    std::erase_if(call, [](char c) { return c == ' ' || c == ')'; });
    std::istringstream in(call);
    std::getline(in, name, '(');
    for (std::string given; std::getline(in, given, ',');) givens.push_back(given);
    function = [f](std::span<const Tensor> x) {
      return [&]<std::size_t... I>(std::index_sequence<I...>) { return f(x[I]...); }
      (std::index_sequence_for<T...>{});
    };
  }
};
using Answers = std::vector<Answer>;

}  // namespace heed
