#include "judge.h"
#include <heed/core/text.h>
#include <heed/core/verdict.h>
#include <heed/ops/ops.h>
#include <algorithm>
#include <cmath>
#include <cstdio>

namespace heed::lessons {
namespace {

constexpr double rounding = 1e-12;  // relative to the largest element

std::string bracketed(const std::vector<int64_t>& index) {
  std::string r;
  for (const int64_t i : index) r += (r.empty() ? "" : ", ") + std::to_string(i);
  return "[" + r + "]";
}

Shape without_ones(const Shape& s) {
  Shape r;
  for (int d = 0; d < s.rank(); ++d)
    if (s[d] != 1) r.push_back(s[d]);
  return r;
}

std::string sizes_of(const Case& c) {  // "T = 4, N = 5"
  std::string r;
  for (const std::string& size : c.sizes)
    r += (r.empty() ? "" : ", ") + size + " = " + std::to_string(std::lround(c.values.at(size).item()));
  return r;
}

// Two numbers with as many digits as tell them apart, 6 at least.
std::pair<std::string, std::string> apart(double a, double b) {
  char x[40], y[40];
  for (int digits = 6; digits <= 17; ++digits) {
    std::snprintf(x, sizeof x, "%.*g", digits, a);
    std::snprintf(y, sizeof y, "%.*g", digits, b);
    if (std::string(x) != y) break;
  }
  return {x, y};
}

}  // namespace

double largest(const Tensor& x) {
  double r = 0;
  for (const double v : x.to_vector()) r = std::max(r, std::abs(v));
  return r;
}

std::string fault(const Tensor& x, const Tensor& right, const std::string& whose) {
  if (x.dtype() != f64)
    return std::string("its type is ") + name(x.dtype()) +
           ", that of the values is f64 (of numbers: tensor(values, shape, f64))";
  if (x.shape() != right.shape())
    return "its shape is " + x.shape().str() + ", it should be " + right.shape().str() +
           (without_ones(x.shape()) == right.shape() ? ", without keepdim" : "");
  const std::vector<double> y = x.to_vector(), r = right.to_vector();
  const double most = rounding * largest(right);
  std::size_t first = 0, count = 0;
  for (std::size_t i = y.size(); i-- > 0;)
    if (!(std::abs(y[i] - r[i]) <= most)) first = i, ++count;
  if (count == 0) return "";
  const auto [a, b] = apart(y[first], r[first]);
  const std::string of = " (" + std::to_string(count) + " of " + std::to_string(y.size()) + " are wrong)";
  return (right.dim() ? "at " + bracketed(checking::index_of(first, right.shape())) + ": " : "") + whose + " " + a +
         ", right " + b + (right.dim() ? of : "");
}

Attempt attempt(const Answer& a, const Part& part) {
  if (a.givens.size() != a.arity)
    throw Error("answers: " + a.name + " names " + std::to_string(a.givens.size()) +
                (a.givens.size() == 1 ? " value" : " values") + ", but the function takes " + std::to_string(a.arity));
  for (const std::string& given : a.givens)
    if (given == part.name) throw Error(part.name + " cannot be given: it is what is asked for");
  return [&a, asked = part.name](const Case& c) {
    std::vector<Tensor> x;
    for (const std::string& given : a.givens) {
      const auto found = c.values.find(given);
      if (found == c.values.end()) {
        std::vector<std::string> names;
        for (const auto& [name, value] : c.values)
          if (name != asked) names.push_back(name);
        throw Error(a.name + " asks for " + given + ", which there is not: did you mean " + nearest(given, names) +
                    "?");
      }
      x.push_back(found->second);
    }
    return a.function(x);
  };
}

Verdict judge(const Exercise& e, const Part& part, const Attempt& yours) {
  const Unrecorded off;
  Verdict r{Verdict::exact};
  double worst = 0;
  for (const Case& c : e.cases) {
    const Tensor& right = c.values.at(part.name);
    Tensor y;
    try {
      y = yours(c);
    } catch (const std::exception& error) {
      if (r.text.empty()) r.text = error.what();
      continue;
    } catch (...) {
      if (r.text.empty()) r.text = "it has thrown what is no std::exception";
      continue;
    }
    if (!y.defined()) return {};
    if (r.text.empty() && !(r.text = fault(y, right)).empty() && &c != &e.cases[0] && !c.sizes.empty())
      r.text += ", with " + sizes_of(c) + "; right with " + sizes_of(e.cases[0]);
    if (r.text.empty() && right.numel()) worst = std::max(worst, max_difference(y, right) / largest(right));
    if (y.dtype() == f64) r.evidence.push_back({&c, y, right});
  }
  if (!r.text.empty()) {
    r.kind = Verdict::wrong;
  } else if (worst > 0) {
    r.kind = Verdict::within_rounding;
    char text[20];
    std::snprintf(text, sizeof text, "%.0e", worst);
    r.text = text;
  }
  return r;
}

}  // namespace heed::lessons
