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
std::vector<Tensor> list(const TopK& t) { return {t.values, t.indices}; }
std::vector<Tensor> list(const Sorted& s) { return {s.values, s.indices}; }

Tensor every_third(const Tensor& x) {  // a mask of x's shape
  std::vector<double> v(std::size_t(x.numel()));
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = i % 3 == 0;
  return tensor(v, x.shape(), boolean);
}

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
       .remembers = "0 +",
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
      {.name = "view",
       .f =
           [](X x) {
             return view(x[0].contiguous(), {-1, 3});
           },
       .inputs = {{2, 6}},
       .also = {{{3}}, {{0, 3}}},
       .large = {{300, 333}}},
      {.name = "flatten",
       .f = [](X x) { return flatten(x[0]); },
       .inputs = {{2, 3, 2}},
       .also = {{{}}, {{0, 3}}, {{4}}},
       .large = {{30, 41, 103}},
       .shortest = 0},
      {.name = "flatten",
       .form = "some dimensions",
       .f = [](X x) { return flatten(x[0], 1, -2); },
       .inputs = {{2, 3, 2, 4}},
       .sets = "from to",
       .also = {{{2, 0, 3}}}},
      {.name = "squeeze",
       .f = [](X x) { return squeeze(x[0]); },
       .inputs = {{1, 3, 1, 2}},
       .also = {{{}}, {{1}}, {{0, 1}}},
       .large = {{300, 1, 333}},
       .shortest = 0},
      {.name = "squeeze",
       .form = "some dimensions",
       .f =
           [](X x) {
             return squeeze(x[0], {0, -1});
           },
       .inputs = {{1, 1, 3}},
       .also = {{{1, 2, 1}}}},
      {.name = "squeeze",
       .form = "one dimension",
       .f = [](X x) { return squeeze(x[0], 1); },
       .inputs = {{2, 1, 3}},
       .also = {{{2, 3}}}},
      {.name = "unsqueeze",
       .f = [](X x) { return unsqueeze(x[0], -1); },
       .inputs = {{2, 3}},
       .also = {{{}}, {{0}}},
       .large = {{300, 333}},
       .shortest = 0},
      {.name = "movedim",
       .f = [](X x) { return movedim(x[0], 0, -1); },
       .inputs = {{2, 3, 4}},
       .also = {{{3}}, {{2, 0}}},
       .large = {{30, 41, 103}},
       .shortest = 0},
      {.name = "movedim",
       .form = "two dimensions",
       .f =
           [](X x) {
             return movedim(x[0], {0, -1}, {-2, 0});
           },
       .inputs = {{2, 3, 4}}},
      {.name = "narrow",
       .f = [](X x) { return narrow(x[0], -1, 1, 2); },
       .inputs = {{2, 5}},
       .also = {{{0, 3}}, {{3}}},
       .large = {{300, 333}},
       .shortest = 3},
      {.name = "narrow", .form = "from the back", .f = [](X x) { return narrow(x[0], 0, -2, 2); }, .inputs = {{3, 2}}},
      {.name = "select",
       .f = [](X x) { return select(x[0], 1, -1); },
       .inputs = {{2, 3, 4}},
       .also = {{{0, 3}}, {{2, 1}}},
       .large = {{70, 3, 1003}},
       .shortest = 0},
      {.name = "split",
       .f = [](X x) { return split(x[0], 2); },
       .inputs = {{5, 3}},
       .also = {{{2, 0}}, {{0, 3}}, {{1}}},
       .large = {{300, 333}},
       .shortest = 0},
      {.name = "split",
       .form = "sizes",
       .f =
           [](X x) {
             return split(x[0], {2, 0, 3}, -1);
           },
       .inputs = {{2, 5}},
       .sets = "dim",
       .also = {{{0, 5}}}},
      {.name = "chunk",
       .f = [](X x) { return chunk(x[0], 3); },
       .inputs = {{5, 3}},
       .also = {{{2, 0}}, {{0, 3}}, {{1}}},
       .large = {{300, 333}},
       .shortest = 0},
      {.name = "chunk",
       .form = "of the last",
       .f = [](X x) { return chunk(x[0], 2, -1); },
       .inputs = {{2, 5}},
       .sets = "dim"},
      {.name = "diagonal",
       .f = [](X x) { return diagonal(x[0]); },
       .inputs = {{3, 4}},
       .also = {{{4, 3}}, {{0, 3}}, {{2, 3, 2}}},
       .large = {{300, 333, 5}},
       .shortest = 0},
      {.name = "diagonal",
       .form = "above, of other dimensions",
       .f = [](X x) { return diagonal(x[0], 1, -1, 0); },
       .inputs = {{3, 2, 4}},
       .sets = "offset dim1 dim2",
       .also = {{{1, 2, 1}}}},
      {.name = "diagonal",
       .form = "below",
       .f = [](X x) { return diagonal(x[0], -2); },
       .inputs = {{4, 3}},
       .sets = "offset",
       .also = {{{1, 3}}}},
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
      {.name = "pad",
       .f =
           [](X x) {
             return pad(x[0], {1, 2});
           },
       .inputs = {{2, 3}},
       .also = {{{0}}, {{2, 0}}},
       .large = {{70, 1003}},
       .shortest = 0},
      {.name = "pad",
       .form = "two dimensions, with a value",
       .f =
           [](X x) {
             return pad(x[0], {2, 0, 1, 1}, 0.5);
           },
       .inputs = {{2, 3, 2}},
       .sets = "value"},
      {.name = "pad",
       .form = "cropped",
       .f =
           [](X x) {
             return pad(x[0], {-1, 2, 1, -2});
           },
       .inputs = {{3, 4}}},
      {.name = "flip",
       .f = [](X x) { return flip(x[0], -1); },
       .inputs = {{2, 5}},
       .also = {{{0}}, {{2, 0}}, {{1}}},
       .large = {{70, 1003}},
       .shortest = 0},
      {.name = "flip",
       .form = "two dimensions",
       .f =
           [](X x) {
             return flip(x[0], {0, -1});
           },
       .inputs = {{2, 3, 4}}},
      {.name = "roll",
       .f = [](X x) { return roll(x[0], 2, -1); },
       .inputs = {{2, 5}},
       .also = {{{0}}, {{2}}},
       .large = {{70, 1003}},
       .shortest = 0},
      {.name = "roll", .form = "backwards", .f = [](X x) { return roll(x[0], -4, 0); }, .inputs = {{3, 2}}},
      {.name = "repeat",
       .f =
           [](X x) {
             return repeat(x[0], {2, 3});
           },
       .inputs = {{2, 3}},
       .also = {{{}}, {{0, 3}}, {{3}}},
       .large = {{70, 203}},
       .shortest = 0},
      {.name = "repeat",
       .form = "no times",
       .f =
           [](X x) {
             return repeat(x[0], {2, 0, 3});
           },
       .inputs = {{2, 3}},
       .also = {{{3}}}},
      {.name = "repeat_interleave",
       .f = [](X x) { return repeat_interleave(x[0], 3, -1); },
       .inputs = {{2, 3}},
       .also = {{{3}}, {{0, 3}}},
       .large = {{70, 203}},
       .shortest = 0},
      {.name = "repeat_interleave",
       .form = "the first",
       .f = [](X x) { return repeat_interleave(x[0], 2, 0); },
       .inputs = {{2, 3, 2}}},
      {.name = "tril",
       .f = [](X x) { return tril(x[0]); },
       .inputs = {{3, 5}},
       .remembers = "+",
       .also = {{{2, 4, 3}}, {{0, 3}}, {{1, 1}}},
       .large = {{300, 333}},
       .shortest = 0},
      {.name = "tril",
       .form = "beside the diagonal",
       .f = [](X x) { return tril(x[0], 1); },
       .inputs = {{4, 3}},
       .remembers = "+",
       .sets = "diagonal"},
      {.name = "triu",
       .f = [](X x) { return triu(x[0]); },
       .inputs = {{3, 5}},
       .remembers = "+",
       .also = {{{2, 4, 3}}, {{0, 3}}, {{1, 1}}},
       .large = {{300, 333}},
       .shortest = 0},
      {.name = "triu",
       .form = "beside the diagonal",
       .f = [](X x) { return triu(x[0], -2); },
       .inputs = {{4, 3}},
       .remembers = "+",
       .sets = "diagonal"},
      {.name = "index",
       .f = [](X x) { return x[0](1, _, range(-3, -1), range(0, 4, 3)); },
       .inputs = {{2, 3, 4, 4}},
       .large = {{2, 100, 100, 10}}},
      {.name = "index",
       .form = "a tensor",
       .f = [](X x) { return x[0](x[1]); },
       .inputs = {{4, 3}, index({2, 5}, 4)},
       .remembers = "+",
       .also = {{{4}, {3}}, {{4, 2}, {0}}, {{4, 3}, {}}},
       .large = {{4, 200}, {2000}}},
      {.name = "index",
       .form = "tensors apart",
       .f = [](X x) { return x[0](x[1], _, x[2]); },
       .inputs = {{3, 2, 4}, index({5}, 3), index({2, 1}, 4)},
       .remembers = "+",
       .large = {{3, 20, 4}, {100}, {200, 1}}},
      {.name = "index",
       .form = "tensors beside each other, a range and a number",
       .f = [](X x) { return x[0](range(1, 4), x[1], x[2], 1); },
       .inputs = {{5, 3, 4, 2}, index({2, 1}, 3), index({3}, 4)},
       .remembers = "+"},
      {.name = "index",
       .form = "a mask",
       .f = [](X x) { return x[0](every_third(x[0])); },
       .inputs = {{3, 4}},
       .remembers = "+",
       .also = {{{}}, {{0, 3}}},
       .large = {{70, 1003}},
       .shortest = 0},
      {.name = "index",
       .form = "a mask and a tensor",
       .f = [](X x) { return x[0](every_third(x[0](_, 0, 0)), 1, x[1]); },
       .inputs = {{4, 2, 3}, index({3, 2}, 3)},
       .remembers = "+"},
      {.name = "index",
       .form = "a mask of nothing",
       .f = [](X x) { return x[0](zeros({3}, boolean), _) * 2; },
       .inputs = {{3, 4}}},
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
      {.name = "take_along",
       .f = [](X x) { return take_along(x[0], x[1], 1); },
       .inputs = {{3, 4}, index({3, 6}, 4)},
       .remembers = "1",
       .also = {{{1, 4}, {3, 2}}, {{3, 4}, {1, 2}}, {{0, 4}, {1, 2}}},
       .large = {{300, 4}, {1, 333}}},
      {.name = "scatter",
       .f = [](X x) { return scatter(x[0], 1, x[1], x[2]); },
       .inputs = {{3, 4}, index({3, 6}, 4), {3, 6}},
       .remembers = "1",
       .also = {{{3, 4}, {3, 0}, {3, 0}}, {{0, 4}, {0, 2}, {0, 2}}},
       .large = {{300, 4}, {300, 333}, {300, 333}}},
      {.name = "scatter",
       .form = "a number",
       .f = [](X x) { return scatter(x[0], 0, x[1], 0.5); },
       .inputs = {{3, 4}, index({2, 4}, 3)},
       .remembers = "1"},
      {.name = "scatter_add",
       .f = [](X x) { return scatter_add(x[0], 1, x[1], x[2]); },
       .inputs = {{3, 4}, index({3, 6}, 4), {3, 6}},
       .remembers = "1",
       .also = {{{3, 4}, {3, 0}, {3, 0}}, {{0, 4}, {0, 2}, {0, 2}}},
       .large = {{300, 4}, {300, 333}, {300, 333}}},
      {.name = "index_select",
       .f = [](X x) { return index_select(x[0], 1, x[1]); },
       .inputs = {{3, 4, 2}, index({6}, 4)},
       .remembers = "1",
       .also = {{{3, 4}, {0}}, {{0, 4}, {2}}, {{3, 4, 0}, {2}}},
       .large = {{300, 4, 5}, {333}}},
      {.name = "index_select",
       .form = "twice",
       .f = [](X x) { return index_select(x[0], 0, x[1]) * index_select(x[0], -1, x[1]); },
       .inputs = {{4, 4}, index({4}, 4)},
       .remembers = "1 +"},
      {.name = "index_add",
       .f = [](X x) { return index_add(x[0], 1, x[1], x[2]); },
       .inputs = {{3, 4, 2}, index({6}, 4), {3, 6, 2}},
       .remembers = "1",
       .also = {{{3, 4}, {0}, {3, 0}}, {{0, 4}, {2}, {0, 2}}},
       .large = {{300, 4, 5}, {333}, {300, 333, 5}}},
      {.name = "index_add",
       .form = "scaled",
       .f = [](X x) { return index_add(x[0], 0, x[1], x[2], -0.5); },
       .inputs = {{3}, index({4}, 3), {4}},
       .remembers = "1",
       .sets = "alpha",
       .large = {{4}, {20000}, {20000}}},
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
      {.name = "one_hot",
       .f = [](X x) { return one_hot(x[0]); },
       .inputs = {fixed(index({2, 3}, 4), {1, 0, 3, 3, 2, 1})},
       .large = {{70, 103}},
       .order = 0},
      {.name = "one_hot",
       .form = "given how many",
       .f = [](X x) { return one_hot(x[0], 6); },
       .inputs = {index({2, 3}, 4)},
       .sets = "classes",
       .also = {{{}}, {{0}}},
       .order = 0},
      {.name = "nonzero",
       .f = [](X x) { return nonzero(x[0]); },
       .inputs = {few({3, 5})},
       .also = {{{}}, {{0, 2}}, {{2, 1, 3}}},
       .large = {{70, 1003}},
       .shortest = 0,
       .order = 0},
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
      {.name = "sort",
       .f = [](X x) { return list(sort(x[0])); },
       .inputs = {distinct({3, 5})},
       .remembers = "y",
       .also = {{{1}}, {{0, 3}}, {{3, 0}}, {{2, 3, 4}}},
       .large = {{70, 1003}},
       .shortest = 0},
      {.name = "sort",
       .form = "descending, the first",
       .f = [](X x) { return list(sort(x[0], 0, true)); },
       .inputs = {distinct({4, 3})},
       .remembers = "y",
       .sets = "dim descending"},
      {.name = "sort",
       .form = "with equals",
       .f = [](X x) { return sort(x[0]).indices; },
       .inputs = {few({3, 5})},
       .large = {{70, 1003}},
       .order = 0},
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
      {.name = "bmm",
       .f = [](X x) { return bmm(x[0], x[1]); },
       .inputs = {{2, 3, 4}, {2, 4, 2}},
       .remembers = "0 1",
       .also = {{{0, 3, 4}, {0, 4, 2}}},
       .large = {{4, 60, 70}, {4, 70, 80}}},
      {.name = "outer",
       .f = [](X x) { return outer(x[0], x[1]); },
       .inputs = {{3}, {4}},
       .remembers = "0 1",
       .also = {{{0}, {2}}},
       .large = {{300}, {333}},
       .shortest = 0},
      {.name = "einsum",
       .f =
           [](X x) {
             return einsum("bij,bjk->bik", {x[0], x[1]});
           },
       .inputs = {{2, 3, 4}, {2, 4, 2}},
       .remembers = "0 1",
       .also = {{{0, 3, 4}, {0, 4, 2}}, {{2, 3, 0}, {2, 0, 2}}, {{1, 3, 4}, {2, 1, 2}}},
       .large = {{4, 60, 70}, {4, 70, 80}}},
      {.name = "einsum",
       .form = "no result named",
       .f =
           [](X x) {
             return einsum("b h t d, b s h d", {x[0], x[1]});
           },
       .inputs = {{2, 1, 3, 2}, {2, 4, 1, 2}},
       .remembers = "+"},
      {.name = "einsum",
       .form = "dots",
       .f =
           [](X x) {
             return einsum("...ij,...kj->...ki", {x[0], x[1]});
           },
       .inputs = {{2, 3, 4}, {2, 4}},
       .remembers = "0 1",
       .also = {{{2, 1, 3, 2}, {3, 4, 2}}, {{3, 2}, {1, 2}}}},
      {.name = "einsum",
       .form = "dots, no result named",
       .f =
           [](X x) {
             return einsum("...i,...i", {x[0], x[1]});
           },
       .inputs = {{2, 3}, {3}},
       .remembers = "0 1"},
      {.name = "einsum",
       .form = "dots summed",
       .f = [](X x) { return einsum("...i->i", {x[0]}); },
       .inputs = {{2, 3, 2}}},
      {.name = "einsum",
       .form = "a chain",
       .f =
           [](X x) {
             return einsum("ij,jk,kl->il", {x[0], x[1], x[2]});
           },
       .inputs = {{2, 3}, {3, 4}, {4, 2}},
       .remembers = "0 1 2 +"},
      {.name = "einsum", .form = "a trace", .f = [](X x) { return einsum("ii", {x[0]}); }, .inputs = {{3, 3}}},
      {.name = "einsum",
       .form = "a diagonal",
       .f = [](X x) { return einsum("iji->ij", {x[0]}); },
       .inputs = {{3, 2, 3}}},
      {.name = "einsum",
       .form = "a diagonal in a product",
       .f =
           [](X x) {
             return einsum("iij,ik->kj", {x[0], x[1]});
           },
       .inputs = {{3, 3, 2}, {3, 2}},
       .remembers = "0 1"},
      {.name = "einsum",
       .form = "elementwise",
       .f =
           [](X x) {
             return einsum("ij,ij->ij", {x[0], x[1]});
           },
       .inputs = {{3, 2}, {3, 2}},
       .remembers = "0 1"},
      {.name = "einsum",
       .form = "a sum, then an outer product",
       .f =
           [](X x) {
             return einsum("ij,k->jk", {x[0], x[1]});
           },
       .inputs = {{3, 2}, {4}},
       .remembers = "1 +"},
      {.name = "einsum",
       .form = "a number between",
       .f =
           [](X x) {
             return einsum("i,,j->ji", {x[0], x[1], x[2]});
           },
       .inputs = {{3}, {}, {2}},
       .remembers = "0 2 +"},
      {.name = "einsum",
       .form = "three",
       .f =
           [](X x) {
             return einsum("bqd,bkd,bkv->bqv", {x[0], x[1], x[2]});
           },
       .inputs = {{2, 3, 2}, {2, 4, 2}, {2, 4, 3}},
       .remembers = "0 1 2 +"},
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
                      random_rows, attention_rows, core_rows})
      for (OpRow& row : rows()) r.push_back(std::move(row));
    return r;
  }();
  return table;
}

}  // namespace heed
