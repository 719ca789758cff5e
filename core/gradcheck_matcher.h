#pragma once
// Gradient checks as assertions of Catch2, version 2 or 3:
//
//   REQUIRE_THAT(f, heed::HasCorrectGradient({a, b}))                   a function, an op struct or a module
//   CHECK_THAT(Cube{}, heed::HasCorrectGradient({x}, {.order = 2}))
//
// A failure shows gradcheck's report.
#if __has_include(<catch2/matchers/catch_matchers_templated.hpp>)
#include <catch2/matchers/catch_matchers_templated.hpp>
#else
#include <catch2/catch.hpp>
#endif
#include "gradcheck.h"

namespace heed {

namespace detail {
#if __has_include(<catch2/matchers/catch_matchers_templated.hpp>)
using AnyMatcher = Catch::Matchers::MatcherGenericBase;
#else
struct AnyMatcher {};
#endif
}  // namespace detail

// gradcheck(f, inputs, options), as a matcher of f.
class HasCorrectGradient : public detail::AnyMatcher {
 public:
  // Takes what gradcheck takes.
  explicit HasCorrectGradient(std::vector<Tensor> inputs, GradcheckOptions options = {}, Where at = Where::here())
      : inputs_(std::move(inputs)), options_(std::move(options)), at_(at) {}

  // Is the gradient of f right?
  template <class F>
  bool match(const F& f) const {
    const GradcheckReport report = gradcheck(f, inputs_, options_, at_);
    said_ = report.str();
    return report.ok;
  }
  // What was asserted, and the report of the last match.
  std::string describe() const { return "has a correct gradient\n" + said_; }
  std::string toString() const { return describe(); }  // as Catch2 version 2 calls it

 private:
  std::vector<Tensor> inputs_;
  GradcheckOptions options_;
  Where at_;
  mutable std::string said_;
};

}  // namespace heed
