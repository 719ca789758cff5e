#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include "op_table.h"

namespace heed {
namespace {

using L = long double;
using Shapes = std::vector<std::vector<Shape>>;
constexpr double infinity = std::numeric_limits<double>::infinity();

const Shapes one_also{{{}}, {{1}}, {{0}}, {{2, 0, 3}}, {{2, 1, 3}}};
const std::vector<Shape> one_large{{70, 1003}}, two_large{{70, 1003}, {70, 1003}};
const Shapes rows_also{{{1}}, {{2, 3, 5}}, {{0, 3}}, {{1, 1}}};

const DropoutKey half{0.5, 11};

Tensor drop_from_generator(const Tensor& x) {
  Rng rng{7};
  return dropout(x, 0.3, &rng);
}
std::vector<Tensor> list(const Normalized& n) { return {n.y, n.mean, n.variance}; }
std::vector<Tensor> list(const RnnSteps& r) { return {r.y, r.h}; }
std::vector<Tensor> list(const LstmSteps& r) { return {r.y, r.h, r.c}; }
std::vector<Tensor> list(const TopK& t) { return {t.values, t.indices}; }

const OpInput attend{fixed(truth({2, 3, 4}), {1, 0, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0, 1, 0})};

using Value = L (*)(L, L);
OpRow unary(std::string name, Tensor (*f)(In), OpInput x, std::string remembers, Value value) {
  return {.name = name,
          .f = [f](X a) { return f(a[0]); },
          .inputs = {x},
          .remembers = remembers,
          .also = one_also,
          .large = {{70, 1003}},
          .shortest = 0,
          .value = value};
}
OpRow binary(std::string name, Tensor (*f)(In, In), OpInput a, OpInput b, std::string remembers, Value value) {
  return {.name = name,
          .f = [f](X x) { return f(x[0], x[1]); },
          .inputs = {a, b},
          .remembers = remembers,
          .also = {{{}, {}}, {{3}, {}}, {{0}, {0}}, {{2, 3}, {3}}, {{3}, {2, 3}}, {{2, 1, 3}, {4, 1}}, {{0, 3}, {3}}},
          .large = {{70, 1003}, {70, 1003}},
          .shortest = 0,
          .value = value};
}
OpRow comparison(std::string name, Tensor (*f)(In, In), OpInput (*of)(Shape) = few) {
  OpRow r = binary(name, f, of({3, 5}), of({3, 5}), "", nullptr);
  r.order = 0;
  return r;
}
OpRow same(std::string name, std::string form, OpInput x, std::string remembers, OpFunction f) {
  return {.name = name, .form = form, .f = f, .inputs = {x}, .remembers = remembers, .also = one_also};
}
OpRow setting(std::string parameters, OpRow row) {
  row.form = "other " + parameters;
  row.sets = parameters;
  return row;
}
OpRow kinked(std::vector<double> at, OpRow row) {
  row.kinks = at;
  return row;
}
OpRow once(OpRow row) {  // differentiable
  row.order = 1;
  return row;
}
OpRow never(OpRow row) {
  row.order = 0;
  return row;
}

std::vector<OpRow> elementwise_rows() {
  const OpInput x{3, 5}, above = positive({3, 5});
  return {
      binary("add", operator+, x, x, "", [](L a, L b) { return a + b; }),
      binary("sub", operator-, x, x, "", [](L a, L b) { return a - b; }),
      binary("mul", operator*, x, x, "0 1", [](L a, L b) { return a * b; }),
      binary("div", operator/, x, above, "1 y", [](L a, L b) { return a / b; }),
      binary("pow", pow, above, x, "0 1 y", [](L a, L b) { return std::pow(a, b); }),
      same("add", "a number", x, "", [](X a) { return 2 + (a[0] + 0.5); }),
      same("sub", "a number", x, "", [](X a) { return 2 - (a[0] - 0.5); }),
      same("mul", "a number", x, "", [](X a) { return 3 * a[0] * 0.5; }),
      same("mul", "itself", x, "0", [](X a) { return a[0] * a[0]; }),
      same("div", "a number", above, "y +", [](X a) { return 2 / (a[0] / 3); }),
      same("pow", "a whole exponent", x, "0", [](X a) { return pow(a[0], 3); }),
      same("pow", "a square at 0", few({3, 5}), "0", [](X a) { return pow(a[0], 2); }),
      same("pow", "of a number", x, "y", [](X a) { return pow(2, a[0]); }),
      unary("neg", operator-, x, "", [](L a, L) { return -a; }),
      unary("square", square, x, "0", [](L a, L) { return a * a; }),
      unary("reciprocal", reciprocal, above, "0 y", [](L a, L) { return 1 / a; }),
      binary("remainder", remainder, x, above, "0 1 y", [](L a, L b) { return a - b * std::floor(a / b); }),
      same("remainder", "by negative numbers", x, "", [](X a) { return remainder(a[0], -0.7); }),
      never(same("remainder", "of integers", index({3, 5}, 9), "", [](X a) { return remainder(a[0] - 4, -3); })),
      binary("maximum", maximum, x, x, "0 1", [](L a, L b) { return std::max(a, b); }),
      binary("minimum", minimum, x, x, "0 1", [](L a, L b) { return std::min(a, b); }),
      once(binary("maximum", maximum, few({3, 5}), few({3, 5}), "0 1", [](L a, L b) { return std::max(a, b); })),
      once(binary("minimum", minimum, few({3, 5}), few({3, 5}), "0 1", [](L a, L b) { return std::min(a, b); })),
      never(
          binary("maximum", maximum, index({3, 5}, 9), index({3, 5}, 9), "", [](L a, L b) { return std::max(a, b); })),
      never(
          binary("minimum", minimum, index({3, 5}, 9), index({3, 5}, 9), "", [](L a, L b) { return std::min(a, b); })),
      kinked({0.0}, unary("abs", abs, x, "0", [](L a, L) { return std::abs(a); })),
      never(same("abs", "of integers", index({3, 5}, 9), "", [](X a) { return abs(a[0] - 4); })),
      once(unary("sign", sign, x, "", [](L a, L) { return L((a > 0) - (a < 0)); })),
      never(same("sign", "of integers", index({3, 5}, 9), "", [](X a) { return sign(a[0] - 4); })),
      once(unary("floor", floor, x, "", [](L a, L) { return std::floor(a); })),
      same("floor", "times x", x, "0 +", [](X a) { return floor(a[0]) * a[0]; }),
      once(unary("round", round, x, "", [](L a, L) { return std::nearbyint(a); })),
      never(same("round", "of integers", index({3, 5}, 9), "", [](X a) { return round(a[0]) + floor(a[0]); })),
      unary("exp", exp, x, "y", [](L a, L) { return std::exp(a); }),
      unary("expm1", expm1, x, "y", [](L a, L) { return std::expm1(a); }),
      unary("log", log, above, "0", [](L a, L) { return std::log(a); }),
      unary("log1p", log1p, above, "0", [](L a, L) { return std::log1p(a); }),
      unary("sqrt", sqrt, above, "y", [](L a, L) { return std::sqrt(a); }),
      unary("rsqrt", rsqrt, above, "y +", [](L a, L) { return 1 / std::sqrt(a); }),
      unary("sin", sin, x, "0", [](L a, L) { return std::sin(a); }),
      unary("cos", cos, x, "0", [](L a, L) { return std::cos(a); }),
      binary("atan2", atan2, x, x, "0 1", [](L a, L b) { return std::atan2(a, b); }),
      unary("tanh", tanh, x, "y", [](L a, L) { return std::tanh(a); }),
      unary("sigmoid", sigmoid, x, "y", [](L a, L) { return 1 / (1 + std::exp(-a)); }),
      unary("erf", erf, x, "0", [](L a, L) { return std::erf(a); }),
      kinked({-0.5, 0.7}, setting("high", unary(
                                              "clamp", [](In a) { return clamp(a, -0.5, 0.7); }, x, "+",
                                              [](L a, L) { return std::clamp<L>(a, -0.5, 0.7); }))),
      same("clamp", "from above", x, "+", [](X a) { return clamp(a[0], {}, 0.3); }),
      {.name = "clamp",
       .form = "tensors",
       .f = [](X a) { return clamp(a[0], a[1] - 0.5, a[1] + 0.5); },
       .inputs = {{3, 5}, {3, 5}},
       .remembers = "+",
       .also = {{{2, 1}, {3}}, {{}, {3}}, {{0}, {0}}}},
      never(same("clamp", "integers", index({3, 5}, 9), "", [](X a) { return clamp(a[0], 2, 5); })),
      {.name = "lerp",
       .f = [](X a) { return lerp(a[0], a[1], a[2]); },
       .inputs = {{3, 5}, {3, 5}, {3, 5}},
       .remembers = "2 +",
       .also = {{{2, 1}, {3}, {}}, {{0}, {0}, {0}}},
       .large = {{70, 1003}, {70, 1003}, {1003}},
       .shortest = 0},
      {.name = "addcmul",
       .f = [](X a) { return addcmul(a[0], a[1], a[2]); },
       .inputs = {{3, 5}, {3, 5}, {3, 5}},
       .remembers = "1 2",
       .also = {{{2, 1}, {3}, {}}, {{0}, {0}, {0}}},
       .large = {{70, 1003}, {70, 1003}, {1003}},
       .shortest = 0},
      {.name = "addcmul",
       .form = "other value",
       .f = [](X a) { return addcmul(a[0], a[1], a[2], -1.5); },
       .inputs = {{3, 5}, {5}, {3, 1}},
       .remembers = "1 2",
       .sets = "value"},
      kinked({0.0}, unary("relu", relu, x, "y", [](L a, L) { return std::max<L>(a, 0); })),
      kinked({0.0}, unary(
                        "leaky_relu", [](In a) { return leaky_relu(a); }, x, "+",
                        [](L a, L) { return a > 0 ? a : L(0.01) * a; })),
      setting("negative_slope", unary(
                                    "leaky_relu", [](In a) { return leaky_relu(a, 0.3); }, x, "+",
                                    [](L a, L) { return a > 0 ? a : L(0.3) * a; })),
      unary(
          "elu", [](In a) { return elu(a); }, x, "+", [](L a, L) { return a > 0 ? a : std::expm1(a); }),
      kinked({0.0}, setting("alpha", unary(
                                         "elu", [](In a) { return elu(a, 1.7); }, x, "+",
                                         [](L a, L) { return a > 0 ? a : L(1.7) * std::expm1(a); }))),
      unary(
          "gelu", [](In a) { return gelu(a); }, x, "0",
          [](L a, L) { return a * std::erfc(-a / std::numbers::sqrt2_v<L>) / 2; }),
      setting("approximate", unary(
                                 "gelu", [](In a) { return gelu(a, Approximate::tanh); }, x, "0 +",
                                 [](L a, L) {
                                   const L u = std::sqrt(2 / std::numbers::pi_v<L>) * (a + L(0.044715) * a * a * a);
                                   return a * (1 + std::tanh(u)) / 2;
                                 })),
      unary(
          "softplus", [](In a) { return softplus(a); }, x, "0", [](L a, L) { return std::log1p(std::exp(a)); }),
      setting("beta threshold", unary(
                                    "softplus", [](In a) { return softplus(a, 3, 2.5); }, x, "0",
                                    [](L a, L) { return 3 * a > 2.5 ? a : std::log1p(std::exp(3 * a)) / 3; })),
      unary("silu", silu, x, "0 +", [](L a, L) { return a / (1 + std::exp(-a)); }),
      {.name = "glu",
       .f = [](X a) { return glu(a[0]); },
       .inputs = {{3, 4}},
       .remembers = "0 +",
       .also = {{{2}}, {{2, 0}}, {{0, 2}}},
       .large = {{70, 1004}}},
      {.name = "glu",
       .form = "of the first dimension",
       .f = [](X a) { return glu(a[0], 0); },
       .inputs = {{4, 3}},
       .remembers = "0 +",
       .sets = "dim",
       .shortest = 0},
      {.name = "swiglu",
       .f = [](X a) { return swiglu(a[0], a[1]); },
       .inputs = {x, x},
       .remembers = "0 1 +",
       .also = {{{}, {}}, {{0, 3}, {0, 3}}, {{2, 3}, {3}}},
       .large = two_large,
       .shortest = 0},
      {.name = "where",
       .f = [](X a) { return where(a[0], a[1], a[2]); },
       .inputs = {truth({3, 4}), {3, 4}, {3, 4}},
       .remembers = "0",
       .also = {{{}, {}, {}}, {{3, 1}, {4}, {2, 1, 1}}, {{0}, {0}, {0}}, {{2, 3}, {}, {3}}},
       .large = {{70, 1003}, {70, 1003}, {1003}},
       .shortest = 0},
      {.name = "where",
       .form = "a number",
       .f = [](X a) { return where(a[0], a[1], 0) + where(a[0], 1, a[1]); },
       .inputs = {truth({3, 4}), {3, 4}},
       .remembers = "0"},
      {.name = "masked_fill",
       .f = [](X a) { return masked_fill(a[0], a[1], a[2]); },
       .inputs = {{3, 4}, truth({3, 4}), {3, 4}},
       .remembers = "1",
       .also = {{{}, {}, {}}, {{4}, {3, 1}, {}}, {{0}, {0}, {}}},
       .large = {{70, 1003}, {70, 1003}, {1003}},
       .shortest = 0},
      same("masked_fill", "a number", x, "+", [](X a) { return masked_fill(a[0], a[0] < 0, 0.5); }),
      comparison("less", operator<),
      comparison("less_equal", operator<=),
      comparison("greater", operator>),
      comparison("greater_equal", operator>=),
      comparison("equal", operator==),
      comparison("not_equal", operator!=),
      comparison("logical_and", operator&, truth),
      comparison("logical_or", operator|, truth),
      comparison("logical_xor", operator^, truth),
      never(unary("logical_not", operator~, truth({3, 5}), "", nullptr)),
  };
}

const OpInput none_to_three_zeros =
    fixed({4, 5}, {1, -2, 0.5, 3, 1.5, 2, 0, -1.5, 1, 2, 0, 2, 0.7, 0, -1, 1, 0, 0, 3, 0});

OpRow norm_of(double p, OpInput x, std::string remembers) {
  return {.name = "norm",
          .form = "p = " + std::to_string(p),
          .f = [p](X a) { return norm(a[0], p, -1, keepdim); },
          .inputs = {x},
          .remembers = remembers,
          .sets = "p dims keepdim",
          .also = {{{1, 3, 2}}, {{0, 3}}},
          .large = {{70, 1003}},
          .shortest = 1};
}

// max, amax and argmax, or those of min.
void add_extremes(std::vector<OpRow>& rows, const std::string& name, Tensor (*of_all)(In),
                  Tensor (*along)(In, int, bool), Tensor (*over)(In, Dims, bool), Tensor (*place)(In, int, bool)) {
  const std::vector<OpRow> more{
      {.name = name,
       .f = [=](X x) { return of_all(x[0]); },
       .inputs = {distinct({3, 5})},
       .remembers = "0 y",
       .also = {{{}}, {{1}}},
       .large = {{70, 1003}},
       .shortest = 1},
      {.name = name,
       .form = "over the last",
       .f = [=](X x) { return along(x[0], -1, keepdim); },
       .inputs = {distinct({3, 5})},
       .remembers = "0 y",
       .sets = "keepdim",
       .also = rows_also,
       .large = {{70, 1003}},
       .shortest = 1},
      {.name = name,
       .form = "over the first",
       .f = [=](X x) { return along(x[0], 0, false); },
       .inputs = {distinct({3, 5})},
       .remembers = "0 y"},
      {.name = name,
       .form = "with ties",
       .f = [=](X x) { return along(x[0], -1, false); },
       .inputs = {few({6, 5})},
       .remembers = "0 y",
       .order = 1},
      {.name = "a" + name,
       .f = [=](X x) { return over(x[0], {}, false); },
       .inputs = {distinct({3, 5})},
       .remembers = "0 y",
       .also = {{{}}, {{1}}},
       .large = {{70, 1003}},
       .shortest = 1},
      {.name = "a" + name,
       .form = "over several, with ties",
       .f =
           [=](X x) {
             return over(x[0], {0, -1}, keepdim);
           },
       .inputs = {few({3, 2, 4})},
       .remembers = "0 y",
       .sets = "dims keepdim",
       .also = {{{1, 0, 2}}, {{2, 1, 1}}},
       .order = 1},
      {.name = "arg" + name,
       .f = [=](X x) { return place(x[0], -1, false); },
       .inputs = {few({3, 5})},
       .also = rows_also,
       .large = {{70, 1003}},
       .shortest = 1,
       .order = 0},
      {.name = "arg" + name,
       .form = "over the first",
       .f = [=](X x) { return place(x[0], 0, keepdim); },
       .inputs = {distinct({3, 5})},
       .sets = "dim keepdim",
       .order = 0},
      {.name = name,
       .form = "of integers",
       .f = [=](X x) { return along(x[0], 0, false) + of_all(x[0]) + place(x[0], 0, false); },
       .inputs = {index({3, 5}, 9)},
       .order = 0},
  };
  rows.insert(rows.end(), more.begin(), more.end());
}

OpRow truths(std::string name, Tensor (*f)(In, Dims, bool), std::string sets) {
  return {.name = name,
          .f =
              [f](X x) {
                return std::array{f(x[0], {}, false), f(x[0], 1, true), f(x[0], {0, -1}, false)};
              },
          .inputs = {truth({2, 2, 3})},
          .sets = sets,
          .also = {{{0, 3}}, {{3, 0}}, {{1, 1}}},
          .large = {{70, 1003}},
          .shortest = 0,
          .order = 0};
}

std::vector<OpRow> reduction_rows() {
  std::vector<OpRow> r{
      {.name = "sum",
       .f = [](X x) { return sum(x[0]); },
       .inputs = {{3, 5}},
       .also = one_also,
       .large = {{300, 1003}},
       .shortest = 0},
      {.name = "sum",
       .form = "over a dimension",
       .f = [](X x) { return sum(x[0], -1); },
       .inputs = {{3, 5}},
       .also = rows_also,
       .large = {{70, 1003}},
       .shortest = 0},
      {.name = "sum",
       .form = "over several",
       .f =
           [](X x) {
             return sum(x[0], {0, -1}, keepdim);
           },
       .inputs = {{3, 2, 4}},
       .sets = "dims keepdim",
       .also = {{{0, 2, 3}}, {{1, 1, 1}}},
       .large = {{70, 3, 1003}},
       .shortest = 0},
      {.name = "sum",
       .form = "over the first",
       .f = [](X x) { return sum(x[0], 0); },
       .inputs = {{3, 5}},
       .also = {{{0, 3}}, {{200, 3}}},
       .large = {{1003, 70}},
       .shortest = 0},
      {.name = "sum", .form = "boolean", .f = [](X x) { return sum(x[0], 1); }, .inputs = {truth({3, 5})}, .order = 0},
      {.name = "mean",
       .f = [](X x) { return mean(x[0]); },
       .inputs = {{3, 5}},
       .also = {{{}}, {{1}}},
       .large = {{300, 1003}},
       .shortest = 1},
      {.name = "mean",
       .form = "over dimensions",
       .f =
           [](X x) {
             return mean(x[0], {0, -1}, keepdim);
           },
       .inputs = {{3, 2, 4}},
       .sets = "dims keepdim",
       .large = {{70, 3, 1003}},
       .shortest = 1},
      {.name = "var",
       .f = [](X x) { return var(x[0]); },
       .inputs = {{3, 5}},
       .remembers = "+",
       .also = {{{2}}},
       .large = {{70, 1003}},
       .shortest = 1},
      {.name = "var",
       .form = "over dimensions",
       .f =
           [](X x) {
             return var(x[0], {0, -1}, keepdim, 0);
           },
       .inputs = {{3, 2, 4}},
       .remembers = "+",
       .sets = "dims keepdim correction",
       .large = {{70, 3, 1003}},
       .shortest = 1},
      {.name = "std",
       .f = [](X x) { return heed::std(x[0]); },
       .inputs = {{3, 5}},
       .remembers = "+",
       .also = {{{2}}},
       .large = {{70, 1003}},
       .shortest = 1},
      {.name = "std",
       .form = "over dimensions",
       .f =
           [](X x) {
             return heed::std(x[0], {0, -1}, keepdim, 0.5);
           },
       .inputs = {{3, 2, 4}},
       .remembers = "+",
       .sets = "dims keepdim correction",
       .shortest = 1},
      {.name = "norm",
       .f = [](X x) { return norm(x[0]); },
       .inputs = {{3, 5}},
       .remembers = "0",
       .also = {{{}}, {{1}}, {{0}}},
       .large = {{70, 1003}},
       .shortest = 0,
       .kinks = {0.0}},
      norm_of(1, {3, 5}, "0"),
      norm_of(3, {3, 5}, "+"),
      norm_of(0.5, fixed({2, 4}, {0.5, -1, 0.7, 1.2, -1, 2, 0.8, -0.6}), "+"),
      norm_of(-1, positive({3, 5}), "+"),
      norm_of(infinity, distinct({3, 5}), "0 y +"),
      norm_of(-infinity, distinct({3, 5}), "0 y +"),
      never(norm_of(0, few({3, 5}), "")),
      {.name = "prod",
       .f = [](X x) { return prod(x[0]); },
       .inputs = {{3, 5}},
       .remembers = "0 y",
       .also = one_also,
       .large = {{70, 1003}},
       .shortest = 0},
      {.name = "prod",
       .form = "over the first",
       .f = [](X x) { return prod(x[0], 0, keepdim); },
       .inputs = {{3, 5}},
       .remembers = "0 y",
       .sets = "keepdim",
       .also = {{{0, 3}}, {{3, 0}}, {{1}}},
       .large = {{70, 1003}}},
      {.name = "prod",
       .form = "with zeros",
       .f = [](X x) { return prod(x[0], -1); },
       .inputs = {none_to_three_zeros},
       .remembers = "0 y"},
      never(same("prod", "of integers", index({3, 5}, 9), "", [](X x) { return prod(x[0]) + prod(x[0] < 8); })),
      {.name = "cumsum",
       .f = [](X x) { return cumsum(x[0], -1); },
       .inputs = {{3, 5}},
       .also = rows_also,
       .large = {{70, 1003}},
       .shortest = 0},
      {.name = "cumsum",
       .form = "along the first",
       .f = [](X x) { return cumsum(x[0], 0); },
       .inputs = {{3, 5}},
       .also = {{{0, 3}}, {{3, 0}}, {{1, 1, 3}}}},
      never({.name = "cumsum",
             .form = "of truths and integers",
             .f = [](X x) { return cumsum(x[0], 1) + cumsum(x[1], 1); },
             .inputs = {truth({3, 5}), index({3, 5}, 9)}}),
      {.name = "cumprod",
       .f = [](X x) { return cumprod(x[0], -1); },
       .inputs = {{3, 5}},
       .remembers = "0 y",
       .also = rows_also,
       .large = {{70, 1003}},
       .shortest = 0},
      {.name = "cumprod",
       .form = "along the first",
       .f = [](X x) { return cumprod(x[0], 0); },
       .inputs = {{3, 2, 2}},
       .remembers = "0 y",
       .also = {{{0, 3}}, {{3, 0}}, {{1, 1, 3}}}},
      {.name = "cumprod",
       .form = "with zeros",
       .f = [](X x) { return cumprod(x[0], -1); },
       .inputs = {none_to_three_zeros},
       .remembers = "0 y"},
      truths("all", all, "dims keepdim"),
      truths("any", any, "dims keepdim"),
      truths(
          "count_nonzero", [](In x, Dims dims, bool) { return count_nonzero(x, dims); }, "dims"),
      {.name = "logsumexp",
       .f = [](X x) { return logsumexp(x[0]); },
       .inputs = {{3, 5}},
       .remembers = "0 y",
       .also = rows_also,
       .large = {{70, 1003}},
       .shortest = 1},
      {.name = "logsumexp",
       .form = "over the first",
       .f = [](X x) { return logsumexp(x[0], 0, keepdim); },
       .inputs = {{3, 5}},
       .remembers = "0 y",
       .sets = "dim keepdim"},
  };
  add_extremes(r, "max", max, max, amax, argmax);
  add_extremes(r, "min", min, min, amin, argmin);
  return r;
}

std::vector<OpRow> shape_rows() {
  return {
      {.name = "reshape",
       .f =
           [](X x) {
             return reshape(x[0], {-1, 3});
           },
       .inputs = {{2, 6}},
       .also = {{{3}}, {{0, 3}}},
       .large = {{300, 333}}},
      {.name = "transpose",
       .f = [](X x) { return transpose(x[0]); },
       .inputs = {{2, 3, 4}},
       .also = {{{2, 0}}, {{1, 3}}},
       .large = {{300, 333}},
       .shortest = 0},
      {.name = "transpose",
       .form = "two dimensions",
       .f = [](X x) { return transpose(x[0], 0, 2); },
       .inputs = {{2, 3, 4}},
       .sets = "dim0 dim1"},
      {.name = "permute",
       .f =
           [](X x) {
             return permute(x[0], {2, 0, -2});
           },
       .inputs = {{2, 3, 4}},
       .also = {{{2, 0, 1}}},
       .large = {{30, 41, 103}},
       .shortest = 0},
      {.name = "slice",
       .f = [](X x) { return slice(x[0], 1, 1); },
       .inputs = {{2, 5}},
       .also = {{{2, 0}}, {{0, 3}}},
       .large = {{300, 333}},
       .shortest = 0},
      {.name = "slice",
       .form = "with a step",
       .f = [](X x) { return slice(x[0], -1, -6, 6, 2); },
       .inputs = {{2, 7}},
       .sets = "to step",
       .shortest = 0},
      {.name = "slice",
       .form = "parts of one tensor",
       .f = [](X x) { return slice(x[0], 1, 0, 3) * slice(x[0], 1, 2, 5) + slice(x[0], 1, 1, 4); },
       .inputs = {{2, 5}},
       .remembers = "0"},
      {.name = "unfold",
       .f = [](X x) { return unfold(x[0], 1, 3, 1); },
       .inputs = {{2, 5}},
       .also = {{{0, 4}}, {{2, 3}}, {{2, 4, 3}}},
       .large = {{70, 1003}},
       .shortest = 3},
      {.name = "unfold",
       .form = "windows apart, of windows",
       .f = [](X x) { return unfold(unfold(x[0], 0, 2, 3), -2, 2, 1); },
       .inputs = {{6, 3}},
       .also = {{{2, 2}}}},
      {.name = "unfold",
       .form = "empty windows",
       .f = [](X x) { return unfold(x[0], 0, 0, 2); },
       .inputs = {{3, 2}},
       .also = {{{0}}}},
      {.name = "expand",
       .f =
           [](X x) {
             return expand(x[0], {4, 3, -1});
           },
       .inputs = {{3, 1}},
       .also = {{{3, 2}}, {{1, 0}}},
       .large = {{3, 10001}},
       .shortest = 0},
      {.name = "concat",
       .f =
           [](X x) {
             return concat({x[0], x[1], x[0]});
           },
       .inputs = {{2, 3}, {1, 3}},
       .also = {{{0, 3}, {2, 3}}, {{0}, {0}}},
       .large = {{100, 333}, {50, 333}},
       .shortest = 0},
      {.name = "concat",
       .form = "along the last",
       .f = [](X x) { return concat(std::span(x), -1); },
       .inputs = {{2, 3}, {2, 1}},
       .sets = "dim",
       .also = {{{2, 0}, {2, 0}}},
       .large = {{100, 333}, {100, 50}}},
      {.name = "stack",
       .f =
           [](X x) {
             return stack({x[0], x[1]});
           },
       .inputs = {{2, 3}, {2, 3}},
       .also = {{{}, {}}, {{0}, {0}}},
       .large = two_large,
       .shortest = 0},
      {.name = "stack",
       .form = "along the last",
       .f = [](X x) { return stack(std::span(x), -1); },
       .inputs = {{2, 3}, {2, 3}},
       .sets = "dim"},
      {.name = "index",
       .f = [](X x) { return x[0](1, _, range(-3, -1), range(0, 4, 3)); },
       .inputs = {{2, 3, 4, 4}},
       .large = {{2, 100, 100, 10}}},
  };
}

std::vector<OpRow> index_rows() {
  return {
      {.name = "gather",
       .f = [](X x) { return gather(x[0], 1, x[1]); },
       .inputs = {{3, 4}, index({3, 6}, 4)},
       .remembers = "1",
       .also = {{{3, 4}, {3, 0}}, {{0, 4}, {0, 2}}},
       .large = {{300, 4}, {300, 333}}},
      {.name = "gather",
       .form = "the first dimension, twice",
       .f = [](X x) { return gather(x[0], 0, x[1]) * gather(x[0], 0, x[2]); },
       .inputs = {{3, 4, 2}, index({5, 4, 2}, 3), index({5, 4, 2}, 3)},
       .remembers = "1 2 +"},
      {.name = "scatter_add",
       .f = [](X x) { return scatter_add(x[0], 1, x[1], x[2]); },
       .inputs = {{3, 4}, index({3, 6}, 4), {3, 6}},
       .remembers = "1",
       .also = {{{3, 4}, {3, 0}, {3, 0}}, {{0, 4}, {0, 2}, {0, 2}}},
       .large = {{300, 4}, {300, 333}, {300, 333}}},
      {.name = "embedding",
       .f = [](X x) { return embedding(x[0], x[1]); },
       .inputs = {index({2, 3}, 4), {4, 5}},
       .remembers = "0",
       .also = {{{}, {4, 5}}, {{0}, {4, 5}}, {{3}, {4, 0}}},
       .large = {{2000}, {4, 200}}},
      {.name = "embedding",
       .form = "twice",
       .f = [](X x) { return embedding(x[0], x[1]) + embedding(x[0], x[1]); },
       .inputs = {index({2, 3}, 4), {4, 5}},
       .remembers = "0"},
      {.name = "topk",
       .f = [](X x) { return list(topk(x[0], 2)); },
       .inputs = {distinct({3, 5})},
       .remembers = "y",
       .also = {{{2}}, {{0, 3}}},
       .large = {{70, 1003}},
       .shortest = 2},
      {.name = "topk",
       .form = "of the first dimension",
       .f = [](X x) { return list(topk(x[0], 3, 0)); },
       .inputs = {distinct({4, 3})},
       .remembers = "y",
       .sets = "dim"},
  };
}

std::vector<OpRow> product_rows() {
  return {
      {.name = "matmul",
       .f = [](X x) { return matmul(x[0], x[1]); },
       .inputs = {{2, 3}, {3, 4}},
       .remembers = "0 1",
       .also = {{{0, 3}, {3, 2}}, {{2, 0}, {0, 3}}, {{2, 3}, {3, 0}}, {{1, 1}, {1, 1}}},
       .large = {{150, 170}, {170, 190}}},
      {.name = "matmul",
       .form = "batches",
       .f = [](X x) { return matmul(x[0], x[1]); },
       .inputs = {{2, 1, 3, 2}, {3, 2, 2}},
       .remembers = "0 1",
       .also = {{{2, 3, 2}, {2, 2, 4}}, {{0, 3, 2}, {0, 2, 4}}},
       .large = {{4, 1, 60, 70}, {3, 70, 80}}},
      {.name = "matmul",
       .form = "a batch and a matrix",
       .f = [](X x) { return matmul(x[0], x[1]); },
       .inputs = {{2, 3, 4}, {4, 2}},
       .remembers = "0 1",
       .also = {{{0, 3, 4}, {4, 2}}},
       .large = {{4, 60, 70}, {70, 80}}},
      {.name = "matmul",
       .form = "vectors",
       .f =
           [](X x) {
             return std::array{matmul(x[0], x[1]), matmul(x[1], x[0])};
           },
       .inputs = {{4}, {4}},
       .remembers = "0 1",
       .also = {{{0}, {0}}},
       .shortest = 0},
      {.name = "matmul",
       .form = "a matrix and a vector",
       .f =
           [](X x) {
             return std::array{matmul(x[0], x[1]), matmul(x[1], transpose(x[0]))};
           },
       .inputs = {{3, 4}, {4}},
       .remembers = "0 1",
       .shortest = 0},
      {.name = "linear",
       .f = [](X x) { return linear(x[0], x[1]); },
       .inputs = {{2, 3, 4}, {5, 4}},
       .remembers = "0 1",
       .also = {{{4}, {2, 4}}, {{0, 4}, {2, 4}}},
       .large = {{200, 170}, {150, 170}},
       .shortest = 0},
      {.name = "linear",
       .form = "with bias",
       .f = [](X x) { return linear(x[0], x[1], x[2]); },
       .inputs = {{2, 3, 4}, {5, 4}, {5}},
       .remembers = "0 1",
       .sets = "bias",
       .also = {{{4}, {2, 4}, {2}}, {{0, 4}, {2, 4}, {2}}},
       .large = {{200, 170}, {150, 170}, {150}}},
  };
}

std::vector<OpRow> normalising_rows() {
  return {
      {.name = "softmax",
       .f = [](X x) { return softmax(x[0]); },
       .inputs = {{3, 5}},
       .remembers = "y",
       .also = rows_also,
       .large = {{70, 1003}},
       .shortest = 0},
      {.name = "softmax",
       .form = "over the first",
       .f = [](X x) { return softmax(x[0], 0); },
       .inputs = {{3, 5}},
       .remembers = "y",
       .sets = "dim"},
      {.name = "softmax",
       .form = "large logits",
       .f = [](X x) { return softmax(1e4 * x[0]); },
       .inputs = {few({3, 5})},
       .remembers = "y"},
      {.name = "masked_softmax",
       .f = [](X x) { return masked_softmax(x[0], x[1]); },
       .inputs = {{2, 3, 4}, attend},
       .remembers = "1 y +",
       .also = {{{3, 4}, {4}}, {{0, 3}, {3}}, {{2, 0}, {2, 0}}, {{3, 4}, {3, 1}}},
       .large = {{70, 1003}, {1003}},
       .shortest = 1},
      {.name = "log_softmax",
       .f = [](X x) { return log_softmax(x[0]); },
       .inputs = {{3, 5}},
       .remembers = "y",
       .also = rows_also,
       .large = {{70, 1003}},
       .shortest = 0},
      {.name = "log_softmax",
       .form = "over the first",
       .f = [](X x) { return log_softmax(x[0], 0); },
       .inputs = {{3, 5}},
       .remembers = "y",
       .sets = "dim"},
      {.name = "layer_norm",
       .f = [](X x) { return layer_norm(x[0]); },
       .inputs = {{3, 5}},
       .remembers = "0",
       .also = {{{2, 3, 5}}, {{0, 3}}, {{4}}},
       .large = {{70, 1003}},
       .shortest = 2},
      {.name = "layer_norm",
       .form = "with weight and bias",
       .f = [](X x) { return layer_norm(x[0], x[1], x[2]); },
       .inputs = {{3, 5}, {5}, {5}},
       .remembers = "0 1 2",
       .sets = "weight bias",
       .also = {{{2, 2, 4}, {4}, {4}}, {{0, 3}, {3}, {3}}},
       .large = {{70, 1003}, {1003}, {1003}},
       .shortest = 2},
      {.name = "layer_norm",
       .form = "bias only",
       .f = [](X x) { return layer_norm(x[0], {}, x[1], 0.1); },
       .inputs = {{3, 5}, {5}},
       .remembers = "0 1",
       .sets = "bias eps"},
      {.name = "batch_norm",
       .f = [](X x) { return list(batch_norm(x[0])); },
       .inputs = {{4, 3}},
       .remembers = "0 y",
       .also = {{{2, 3, 2, 2}}, {{3, 1}}},
       .large = {{64, 5, 77}},
       .shortest = 1},
      {.name = "batch_norm",
       .form = "with weight and bias",
       .f = [](X x) { return list(batch_norm(x[0], x[1], x[2], 0.1)); },
       .inputs = {{4, 3}, {3}, {3}},
       .remembers = "0 1 2 y",
       .sets = "weight bias eps",
       .also = {{{2, 3, 2}, {3}, {3}}},
       .large = {{64, 5, 77}, {5}, {5}},
       .shortest = 1},
      {.name = "rms_norm",
       .f = [](X x) { return rms_norm(x[0]); },
       .inputs = {positive({3, 5})},  // well above eps, which depends on the type
       .remembers = "0",
       .also = {{{2, 3, 5}}, {{0, 3}}, {{4}}},
       .large = {{70, 1003}}},
      {.name = "rms_norm",
       .form = "with weight",
       .f = [](X x) { return rms_norm(x[0], x[1], 0.1); },
       .inputs = {{3, 5}, {5}},
       .remembers = "0 1",
       .sets = "weight eps",
       .also = {{{2, 2, 4}, {4}}, {{0, 3}, {3}}},
       .large = {{70, 1003}, {1003}},
       .shortest = 1},
      {.name = "group_norm",
       .f = [](X x) { return group_norm(x[0], 2); },
       .inputs = {{2, 4, 3}},
       .remembers = "0",
       .also = {{{2, 8}}, {{0, 4, 3}}, {{2, 2, 2, 2}}},
       .large = {{16, 32, 301}},
       .shortest = 1},
      {.name = "group_norm",
       .form = "with weight and bias",
       .f = [](X x) { return group_norm(x[0], 3, x[1], x[2], 0.1); },
       .inputs = {{2, 6, 2}, {6}, {6}},
       .remembers = "0 +",
       .sets = "weight bias eps",
       .also = {{{2, 12}, {12}, {12}}, {{2, 3, 2, 2}, {3}, {3}}},
       .large = {{16, 30, 301}, {30}, {30}},
       .shortest = 1},
  };
}

std::vector<OpRow> window_rows() {
  return {
      {.name = "conv1d",
       .f = [](X x) { return conv1d(x[0], x[1]); },
       .inputs = {{2, 3, 6}, {2, 3, 3}},
       .remembers = "0 1",
       .also = {{{0, 3, 4}, {2, 3, 2}}, {{1, 1, 1}, {1, 1, 1}}},
       .large = {{3, 20, 1003}, {24, 20, 3}},
       .shortest = 3},
      {.name = "conv1d",
       .form = "everything",
       .f = [](X x) { return conv1d(x[0], x[1], x[2], {.stride = 2, .padding = 3, .dilation = 3, .groups = 2}); },
       .inputs = {{2, 4, 6}, {4, 2, 3}, {4}},
       .remembers = "0 1 2",
       .sets = "bias stride padding dilation groups",
       .shortest = 1},
      {.name = "conv2d",
       .f = [](X x) { return conv2d(x[0], x[1]); },
       .inputs = {{2, 3, 5, 4}, {4, 3, 2, 3}},
       .remembers = "0 1",
       .also = {{{0, 3, 2, 2}, {2, 3, 2, 1}}, {{1, 1, 1, 1}, {1, 1, 1, 1}}, {{2, 3, 3, 3}, {2, 3, 1, 1}}},
       .large = {{3, 20, 40, 30}, {24, 20, 3, 3}}},
      {.name = "conv2d",
       .form = "everything",
       .f =
           [](X x) {
             return conv2d(x[0], x[1], x[2], {.stride = {1, 2}, .padding = {2, 1}, .dilation = {2, 1}, .groups = 2});
           },
       .inputs = {{2, 4, 4, 5}, {4, 2, 2, 3}, {4}},
       .remembers = "0 1 2",
       .sets = "bias stride padding dilation groups",
       .large = {{2, 40, 40, 31}, {24, 20, 3, 3}, {24}}},
      {.name = "conv2d",
       .form = "a group for each channel",
       .f = [](X x) { return conv2d(x[0], x[1], {}, {.padding = 1, .groups = 3}); },
       .inputs = {{2, 3, 4, 4}, {6, 1, 3, 3}},
       .remembers = "0 1",
       .sets = "padding groups"},
      {.name = "max_pool2d",
       .f = [](X x) { return max_pool2d(x[0], 2); },
       .inputs = {distinct({2, 2, 5, 4})},
       .also = {{{2, 2}}, {{0, 3, 4}}, {{2, 1, 1, 1, 2, 3}}},
       .large = {{8, 20, 40, 40}},
       .shortest = 2},
      {.name = "max_pool2d",
       .form = "everything",
       .f =
           [](X x) {
             return max_pool2d(x[0], {3, 2},
                               {.stride = {2, 1}, .padding = {1, 2}, .dilation = {1, 3}, .ceil_mode = true});
           },
       .inputs = {distinct({2, 4, 6})},
       .sets = "stride padding dilation ceil_mode",
       .shortest = 3},
      {.name = "max_pool2d",
       .form = "with ties",
       .f = [](X x) { return max_pool2d(x[0], 2, {.stride = 1}); },
       .inputs = {few({2, 4, 4})},
       .order = 1},
      {.name = "avg_pool2d",
       .f = [](X x) { return avg_pool2d(x[0], 2); },
       .inputs = {{2, 2, 5, 4}},
       .also = {{{2, 2}}, {{0, 3, 4}}, {{2, 1, 1, 1, 2, 3}}},
       .large = {{8, 20, 40, 40}},
       .shortest = 2},
      {.name = "avg_pool2d",
       .form = "overlapping, without padding in the mean",
       .f =
           [](X x) {
             return avg_pool2d(x[0], {3, 2}, {.stride = 2, .padding = {1, 0}, .count_include_pad = false});
           },
       .inputs = {{2, 6, 5}},
       .sets = "stride padding count_include_pad",
       .shortest = 2},
      {.name = "avg_pool2d",
       .form = "with what stands over",
       .f =
           [](X x) {
             return avg_pool2d(x[0], {2, 3}, {.padding = 1, .ceil_mode = true});
           },
       .inputs = {{2, 5, 7}},
       .sets = "padding ceil_mode",
       .shortest = 1},
      {.name = "adaptive_avg_pool2d",
       .f =
           [](X x) {
             return adaptive_avg_pool2d(x[0], {3, 2});
           },
       .inputs = {{2, 2, 5, 4}},
       .also = {{{6, 4}}, {{2, 1}}, {{0, 4, 4}}},
       .large = {{8, 20, 40, 40}},
       .shortest = 1},
  };
}

std::vector<OpRow> loss_rows() {
  const OpInput x{4, 5}, target = index({4}, 5), share = positive({4, 5}), classes = positive({5});
  const OpInput zero = fixed({4, 5}, std::vector<double>(20, 0));
  const std::vector<Shape> large{{700, 103}, {700, 103}};
  return {
      {.name = "cross_entropy",
       .f = [](X x) { return cross_entropy(x[0], x[1]); },
       .inputs = {{4, 5}, index({4}, 5)},
       .remembers = "0 1",
       .also = {{{5}, {}}, {{2, 3, 5}, {2, 3}}, {{0, 5}, {0}}},
       .large = {{700, 103}, {700}}},
      {.name = "cross_entropy",
       .form = "some ignored",
       .f = [](X x) { return cross_entropy(x[0], x[1], {.ignore_index = 2}); },
       .inputs = {{4, 5}, fixed(index({4}, 5), {2, 0, 4, 2})},
       .remembers = "0 1",
       .sets = "ignore_index"},
      {.name = "cross_entropy",
       .form = "all ignored",
       .f = [](X x) { return cross_entropy(x[0], x[1], {.ignore_index = 2}); },
       .inputs = {{2, 5}, fixed(index({2}, 5), {2, 2})},
       .remembers = "0 1"},
      {.name = "cross_entropy",
       .form = "weights",
       .f = [](X x) { return cross_entropy(x[0], x[1], {.weight = x[2], .ignore_index = 2}); },
       .inputs = {x, fixed(target, {2, 0, 4, 1}), classes},
       .remembers = "0 1 y +",
       .sets = "weight ignore_index",
       .also = {{{2, 3, 5}, {2, 3}, {5}}, {{5}, {}, {5}}},
       .large = {{700, 103}, {700}, {103}}},
      {.name = "cross_entropy",
       .form = "of each target",
       .f = [](X x) { return cross_entropy(x[0], x[1], {.ignore_index = 2, .reduction = Reduction::none}); },
       .inputs = {x, fixed(target, {2, 0, 4, 1})},
       .remembers = "0 1",
       .sets = "ignore_index reduction"},
      {.name = "cross_entropy",
       .form = "smoothed",
       .f = [](X x) { return cross_entropy(x[0], x[1], {.label_smoothing = 0.2}); },
       .inputs = {x, target},
       .remembers = "0 1 +",
       .sets = "label_smoothing",
       .large = {{700, 103}, {700}}},
      {.name = "cross_entropy",
       .form = "everything",
       .f =
           [](X x) {
             return cross_entropy(
                 x[0], x[1], {.weight = x[2], .ignore_index = 2, .reduction = Reduction::sum, .label_smoothing = 0.2});
           },
       .inputs = {x, fixed(target, {2, 0, 4, 1}), classes},
       .remembers = "0 1 2 +",
       .sets = "weight ignore_index reduction label_smoothing"},
      {.name = "cross_entropy",
       .form = "probabilities",
       .f = [](X x) { return cross_entropy(x[0], x[1]); },
       .inputs = {x, share},
       .remembers = "1 +",
       .also = {{{5}, {5}}, {{2, 3, 5}, {2, 3, 5}}},
       .large = large,
       .shortest = 1},
      {.name = "cross_entropy",
       .form = "probabilities, everything",
       .f =
           [](X x) {
             return cross_entropy(x[0], x[1], {.weight = x[2], .reduction = Reduction::none, .label_smoothing = 0.2});
           },
       .inputs = {x, share, classes},
       .remembers = "2 +",
       .sets = "weight reduction label_smoothing"},
      {.name = "nll_loss",
       .f = [](X x) { return nll_loss(x[0], x[1]); },
       .inputs = {x, target},
       .remembers = "+",
       .also = {{{5}, {}}, {{2, 3, 5}, {2, 3}}},
       .large = {{700, 103}, {700}}},
      {.name = "nll_loss",
       .form = "everything",
       .f = [](X x) { return nll_loss(x[0], x[1], {.weight = x[2], .ignore_index = 2, .reduction = Reduction::sum}); },
       .inputs = {x, fixed(target, {2, 0, 4, 1}), classes},
       .remembers = "+",
       .sets = "weight ignore_index reduction"},
      {.name = "binary_cross_entropy_with_logits",
       .f = [](X x) { return binary_cross_entropy_with_logits(x[0], x[1]); },
       .inputs = {x, share},
       .remembers = "0 1 +",
       .also = {{{}, {}}, {{2, 3}, {2, 3}}},
       .large = large,
       .shortest = 1},
      {.name = "binary_cross_entropy_with_logits",
       .form = "everything",
       .f =
           [](X x) {
             return binary_cross_entropy_with_logits(
                 x[0], x[1], {.weight = x[2], .pos_weight = x[3], .reduction = Reduction::none});
           },
       .inputs = {x, share, positive({4, 1}), classes},
       .remembers = "0 1 2 3 +",
       .sets = "weight pos_weight reduction"},
      {.name = "mse_loss",
       .f = [](X x) { return mse_loss(x[0], x[1]); },
       .inputs = {x, x},
       .remembers = "+",
       .also = {{{}, {}}, {{2, 1, 3}, {2, 1, 3}}},
       .large = large,
       .shortest = 1},
      {.name = "mse_loss",
       .form = "of each",
       .f = [](X x) { return mse_loss(x[0], x[1], Reduction::none); },
       .inputs = {x, x},
       .remembers = "+",
       .sets = "reduction",
       .also = {{{0, 3}, {0, 3}}}},
      {.name = "l1_loss",
       .f = [](X x) { return l1_loss(x[0], x[1]); },
       .inputs = {x, x},
       .remembers = "+",
       .also = {{{}, {}}},
       .large = large,
       .shortest = 1},
      {.name = "l1_loss",
       .form = "at its corner",
       .f = [](X x) { return l1_loss(x[0], x[1], Reduction::sum); },
       .inputs = {x, zero},
       .remembers = "+",
       .sets = "reduction",
       .kinks = {0.0}},
      {.name = "huber_loss",
       .f = [](X x) { return huber_loss(x[0], x[1]); },
       .inputs = {x, x},
       .remembers = "+",
       .also = {{{}, {}}},
       .large = large,
       .shortest = 1},
      {.name = "huber_loss",
       .form = "a short parabola",
       .f = [](X x) { return huber_loss(x[0], x[1], 0.5, Reduction::batchmean); },
       .inputs = {x, x},
       .remembers = "+",
       .sets = "delta reduction"},
      {.name = "kl_div",
       .f = [](X x) { return kl_div(x[0], x[1]); },
       .inputs = {x, share},
       .remembers = "1 +",
       .also = {{{}, {}}},
       .large = large,
       .shortest = 1},
      {.name = "kl_div",
       .form = "logarithms",
       .f = [](X x) { return kl_div(x[0], x[1], {.reduction = Reduction::batchmean, .log_target = true}); },
       .inputs = {x, x},
       .remembers = "+",
       .sets = "reduction log_target",
       .also = {{{}, {}}}},
      {.name = "cosine_similarity",
       .f = [](X x) { return cosine_similarity(x[0], x[1]); },
       .inputs = {x, x},
       .remembers = "0 1 +",
       .also = {{{4, 5}, {5}}, {{2, 1, 3}, {3, 3}}, {{0, 2}, {0, 2}}},
       .large = large,
       .shortest = 1},
      {.name = "cosine_similarity",
       .form = "short vectors",
       .f = [](X x) { return cosine_similarity(x[0], x[1], 0, 2); },
       .inputs = {x, x},
       .remembers = "0 1 +",
       .sets = "dim eps"},
  };
}

std::vector<OpRow> random_rows() {
  return {
      {.name = "dropout",
       .f = [](X x) { return dropout(x[0], half); },
       .inputs = {{3, 5}},
       .also = one_also,
       .large = one_large,
       .shortest = 0},
      {.name = "dropout",
       .form = "from a generator",
       .f = [](X x) { return drop_from_generator(x[0]); },
       .inputs = {{3, 5}}},
      {.name = "dropout",
       .form = "evaluation",
       .f = [](X x) { return dropout(x[0], 0.3, nullptr) * 2; },
       .inputs = {{3, 5}}},
  };
}

std::vector<OpRow> attention_rows() {
  const std::vector<OpInput> qkv{{2, 3, 2}, {2, 4, 2}, {2, 4, 3}};
  const Shapes also{{{3, 2}, {4, 2}, {4, 3}},
                    {{1, 1}, {1, 1}, {1, 1}},
                    {{0, 3, 2}, {0, 4, 2}, {0, 4, 3}},
                    {{2, 0, 2}, {2, 4, 2}, {2, 4, 3}},
                    {{2, 3, 2}, {2, 0, 2}, {2, 0, 3}}};
  auto with = [&](std::initializer_list<OpInput> more) {
    std::vector<OpInput> r = qkv;
    r.insert(r.end(), more);
    return r;
  };
  const std::string name = "scaled_dot_product_attention";
  return {
      {.name = name,
       .f = [](X x) { return scaled_dot_product_attention(x[0], x[1], x[2]); },
       .inputs = qkv,
       .remembers = "0 1 2 y",
       .also = also,
       .large = {{2, 3, 130, 16}, {2, 3, 150, 16}, {2, 3, 150, 8}}},
      {.name = name,
       .form = "batches that broadcast",
       .f = [](X x) { return scaled_dot_product_attention(x[0], x[1], x[2]); },
       .inputs = {{2, 1, 3, 2}, {3, 4, 2}, {4, 3}},
       .remembers = "0 1 2 y"},
      {.name = name,
       .form = "bias",
       .f = [](X x) { return scaled_dot_product_attention(x[0], x[1], x[2], {.bias = x[3]}); },
       .inputs = with({{3, 4}}),
       .remembers = "0 1 2 3 y",
       .sets = "bias",
       .large = {{2, 3, 130, 16}, {2, 3, 150, 16}, {2, 3, 150, 8}, {3, 130, 150}}},
      {.name = name,
       .form = "mask, one row empty",
       .f = [](X x) { return scaled_dot_product_attention(x[0], x[1], x[2], {.mask = x[3]}); },
       .inputs = with({attend}),
       .remembers = "0 1 2 3 y",
       .sets = "mask"},
      {.name = name,
       .form = "causal",
       .f = [](X x) { return scaled_dot_product_attention(x[0], x[1], x[2], {.causal = Causal::on}); },
       .inputs = {{2, 4, 3}, {2, 4, 3}, {2, 4, 3}},
       .remembers = "0 1 2 y",
       .sets = "causal",
       .large = {{6, 130, 16}, {6, 130, 16}, {6, 130, 8}}},
      {.name = name,
       .form = "causal, upper left",
       .f = [](X x) { return scaled_dot_product_attention(x[0], x[1], x[2], {.causal = Causal::upper_left}); },
       .inputs = qkv,
       .remembers = "0 1 2 y",
       .sets = "causal"},
      {.name = name,
       .form = "causal, lower right",
       .f = [](X x) { return scaled_dot_product_attention(x[0], x[1], x[2], {.causal = Causal::lower_right}); },
       .inputs = {{4, 2}, {2, 2}, {2, 3}},
       .remembers = "0 1 2 y",
       .sets = "causal"},
      {.name = name,
       .form = "everything",
       .f =
           [](X x) {
             return scaled_dot_product_attention(
                 x[0], x[1], x[2],
                 {.bias = x[3], .mask = x[4], .causal = Causal::lower_right, .scale = 0.3, .dropout = {0.4, 5}});
           },
       .inputs = with({{2, 1, 4}, attend}),
       .remembers = "0 1 2 3 4 y",
       .sets = "scale dropout"},
  };
}

using Recurrent = RnnSteps (*)(In, In, In, In, const RecurrentOptions&);
std::vector<OpRow> one_state_rows(std::string name, Recurrent f, int64_t gates) {
  auto x = [gates](int64_t B, int64_t T, int64_t H) { return Shape{B, T, gates * H}; };
  auto weight = [gates](int64_t H) { return Shape{gates * H, H}; };
  const OpInput bias({gates * 2}), state({3, 2}), lengths = fixed(index({3}, 4), {2, 4, 1});
  return {
      {.name = name,
       .f = [f](X a) { return list(f(a[0], a[1], {}, {}, {})); },
       .inputs = {x(3, 4, 2), weight(2)},
       .remembers = "0 1 y",
       .also = {{x(0, 2, 2), weight(2)}, {x(2, 1, 1), weight(1)}, {x(2, 2, 0), weight(0)}, {x(1, 2, 5), weight(5)}},
       .large = {x(130, 3, 384 / gates), weight(384 / gates)}},
      {.name = name,
       .form = "bias and first state, backwards",
       .f = [f](X a) { return list(f(a[0], a[1], a[2], a[3], {.reverse = true})); },
       .inputs = {x(3, 4, 2), weight(2), bias, state},
       .remembers = "0 1 2 3 y",
       .sets = "bias h0 reverse"},
      {.name = name,
       .form = "lengths",
       .f = [f](X a) { return list(f(a[0], a[1], a[2], a[3], {.lengths = a[4]})); },
       .inputs = {x(3, 4, 2), weight(2), bias, state, lengths},
       .remembers = "0 1 2 3 4 y",
       .sets = "lengths"},
      {.name = name,
       .form = "lengths, backwards, the last state alone",
       .f = [f](X a) { return f(a[0], a[1], {}, a[2], {.lengths = a[3], .reverse = true}).h; },
       .inputs = {x(3, 4, 2), weight(2), state, lengths},
       .remembers = "0 1 2 3"},
  };
}

std::vector<OpRow> recurrent_rows() {
  std::vector<OpRow> r;
  for (const auto& rows : {one_state_rows("rnn_tanh", rnn_tanh, 1), one_state_rows("rnn_relu", rnn_relu, 1),
                           one_state_rows("gru", gru, 3)})
    r.insert(r.end(), rows.begin(), rows.end());
  const OpInput lengths = fixed(index({3}, 4), {2, 4, 1});
  const std::vector<OpRow> lstm_rows{
      {.name = "lstm",
       .f = [](X a) { return list(lstm(a[0], a[1])); },
       .inputs = {{3, 4, 8}, {8, 2}},
       .remembers = "0 1 y",
       .also = {{{0, 2, 8}, {8, 2}}, {{2, 1, 4}, {4, 1}}, {{2, 2, 0}, {0, 0}}, {{1, 2, 20}, {20, 5}}},
       .large = {{130, 3, 384}, {384, 96}}},
      {.name = "lstm",
       .form = "no steps",
       .f = [](X a) { return list(lstm(a[0], a[1], {}, a[2], a[3])); },
       .inputs = {{2, 0, 8}, {8, 2}, {2, 2}, {2, 2}},
       .remembers = "1 2 3 y"},
      {.name = "lstm",
       .form = "bias and first state, backwards",
       .f = [](X a) { return list(lstm(a[0], a[1], a[2], a[3], a[4], {.reverse = true})); },
       .inputs = {{3, 4, 8}, {8, 2}, {8}, {3, 2}, {3, 2}},
       .remembers = "0 1 2 3 4 y",
       .sets = "bias h0 c0 reverse"},
      {.name = "lstm",
       .form = "lengths",
       .f = [](X a) { return list(lstm(a[0], a[1], a[2], a[3], a[4], {.lengths = a[5]})); },
       .inputs = {{3, 4, 8}, {8, 2}, {8}, {3, 2}, {3, 2}, lengths},
       .remembers = "0 1 2 3 4 5 y",
       .sets = "lengths"},
      {.name = "lstm",
       .form = "lengths, backwards, the last cell alone",
       .f = [](X a) { return lstm(a[0], a[1], {}, a[2], a[3], {.lengths = a[4], .reverse = true}).c; },
       .inputs = {{3, 4, 8}, {8, 2}, {3, 2}, {3, 2}, lengths},
       .remembers = "0 1 2 3 4"},
  };
  r.insert(r.end(), lstm_rows.begin(), lstm_rows.end());
  return r;
}

std::vector<OpRow> position_rows() {
  return {
      {.name = "rope",
       .f = [](X x) { return rope(x[0]); },
       .inputs = {{2, 3, 4}},
       .remembers = "+",
       .also = {{{3, 2}}, {{2, 0, 4}}, {{3, 0}}, {{2, 2, 1, 6}}},
       .large = {{2, 3, 130, 64}}},
      {.name = "rope",
       .form = "interleaved, later",
       .f = [](X x) { return rope(x[0], {.offset = 7, .base = 100, .interleaved = true}); },
       .inputs = {{2, 3, 4}},
       .remembers = "+",
       .sets = "offset base interleaved",
       .also = {{{3, 2}}, {{2, 2, 1, 6}}},
       .large = {{2, 3, 130, 64}}},
      {.name = "rope",
       .form = "positions, some of the columns",
       .f = [](X x) { return rope(x[0], {.positions = x[1], .width = 4}); },
       .inputs = {{2, 2, 3, 5}, index({2, 1, 3}, 1000)},
       .remembers = "+",
       .sets = "positions width",
       .also = {{{3, 4}, {3}}, {{3, 4}, {}}},
       .shortest = 4},
      {.name = "rope",
       .form = "interleaved, some of the columns",
       .f = [](X x) { return rope(x[0], {.positions = x[1], .interleaved = true, .width = 2}); },
       .inputs = {{2, 3, 5}, index({3}, 1000)},
       .remembers = "+",
       .sets = "positions interleaved width",
       .shortest = 2},
  };
}

std::vector<OpRow> core_rows() {  // what reverse mode itself needs
  return {
      {.name = "scale",
       .f = [](X x) { return scale(x[0], -1.5); },
       .inputs = {{3, 5}},
       .also = one_also,
       .large = one_large,
       .shortest = 0},
      {.name = "sum_to",
       .f =
           [](X x) {
             return sum_to(x[0], {3, 1});
           },
       .inputs = {{2, 3, 4}},
       .also = {{{0, 3, 2}}},
       .large = {{70, 3, 1003}},
       .shortest = 0},
      {.name = "broadcast_to",
       .f =
           [](X x) {
             return broadcast_to(x[0], {2, 3, 4});
           },
       .inputs = {{3, 1}}},
      {.name = "cast",
       .f = [](X x) { return cast(cast(x[0], f64), x[0].dtype()); },
       .inputs = {{3, 5}},
       .also = one_also,
       .large = one_large,
       .shortest = 0},
      {.name = "stop_gradient", .f = [](X x) { return stop_gradient(x[0]) == x[0]; }, .inputs = {{3, 5}}, .order = 0},
  };
}

}  // namespace

const std::vector<OpRow>& op_table() {
  static const std::vector<OpRow> table = [] {
    std::vector<OpRow> r;
    for (auto rows : {elementwise_rows, reduction_rows, shape_rows, index_rows, product_rows, normalising_rows,
                      window_rows, loss_rows, random_rows, attention_rows, recurrent_rows, position_rows, core_rows})
      for (OpRow& row : rows()) r.push_back(std::move(row));
    return r;
  }();
  return table;
}

}  // namespace heed
