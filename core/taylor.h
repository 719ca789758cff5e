#pragma once
// The order of what a Taylor expansion leaves. Along a random direction v of unit length
//
//   r(h) = f(x + h v) - f(x) - h g.v                    falls as h^2, if g is the gradient of f; else as h
//   r(h) = f(x + h v) - f(x) - h g.v - h^2/2 v.H v      falls as h^3, if H is the second derivative too; else as h^2
//
// A wrong gradient and a noisy difference look alike at any one h; over decades of h they do not.
//
//   taylor_test(model, {x}, {.order = 2})       as gradcheck: a lambda, an op struct or a module
#include <array>
#include "gradcheck.h"

namespace heed {

struct TaylorOptions {
  int order = 1;      // 2: the second derivatives too
  uint64_t seed = 1;  // of the first direction and of the output gradients
};

struct TaylorReport {
  enum Verdict {
    pass,          // the slope is order + 1, within 0.1, over at least three decades; or f is a straight line along v
    kink,          // one-sided: f has a corner or a jump at x
    inconclusive,  // fewer decades than three show any one slope
    fail           // the slope is smaller: the derivative is wrong
  };
  struct Order {
    Verdict verdict = inconclusive;
    double slope = 0;          // of log r over log h; 0 if nothing is left but rounding
    double low = 0, high = 0;  // the steps it was seen between
    double decades = 0;        // log10(high / low)
    std::string note;
  };
  struct Row {
    double h;
    std::array<double, 2> remainder{}, slope{};  // by order; the slope between both neighbours, NaN where there is none
  };

  std::vector<Order> orders;  // first, second
  std::vector<Row> rows;      // from the largest h down
  double noise = 0;           // what rounding adds to f
  uint64_t seed = 0;
  Where at;

  explicit operator bool() const;  // all orders passed
  std::string str() const;         // for a person
};

namespace detail {
TaylorReport taylor_test(Checked f, const std::vector<Tensor>& inputs, const Parameters& parameters,
                         const TaylorOptions& options, Where at);
}  // namespace detail

// f and inputs as those of gradcheck; outputs are contracted with random output gradients. The remainder is the mean of
// those at h and -h, each without its sign, so that orders of the other parity do not bend the line. The steps used are
// found from the smallest on: from where the remainder is 20 times the measured noise of f up to where it no longer
// falls as it does there. Where that is less than three decades, up to seven other directions are tried. A gradient
// wrong by 1e-6 of itself along v fails; by about 1e-7 it is where rounding begins, and less passes. Errors: those of
// gradcheck.
template <class F>
TaylorReport taylor_test(const F& f, const std::vector<Tensor>& inputs, const TaylorOptions& options = {},
                         Where at = Where::here()) {
  return detail::as_checked(f, at,
                            [&](detail::Checked values, const Parameters& parameters, const std::vector<ModulePath>&) {
                              return detail::taylor_test(values, inputs, parameters, options, at);
                            });
}

}  // namespace heed
