#include <algorithm>
#include <numbers>
#include "op_rows.h"

namespace heed {
namespace {

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

// max, amax and argmax, or those of min. end: where the extremes are when they are sorted.
void add_extremes(std::vector<OpRow>& rows, const std::string& name, int end, Tensor (*of_all)(In),
                  Tensor (*along)(In, int, bool), Tensor (*over)(In, Dims, bool), Tensor (*place)(In, int, bool)) {
  auto found = [end](const Tensor& x, int dim) { return x == unsqueeze(select(sort(x, dim).values, dim, end), dim); };
  auto mean_found = [found](const Tensor& x, int dim, bool keep) {  // so those that tie share the gradient
    const Tensor on = found(x, dim);
    return sum(where(on, x, 0), dim, keep) / sum(on, dim, keep);
  };
  auto first_found = [found](const Tensor& x, int dim, bool keep) {
    return sum(cumsum(found(x, dim), dim) == 0, dim, keep);
  };
  auto of_flat = [=](X x) { return mean_found(flatten(x[0]), 0, false); };
  const std::vector<OpRow> more{
      {.name = name,
       .f = [=](X x) { return of_all(x[0]); },
       .meaning = of_flat,
       .inputs = {distinct({3, 5})},
       .remembers = "0 y",
       .also = {{{}}, {{1}}},
       .large = {{70, 1003}},
       .shortest = 1},
      {.name = name,
       .form = "over the last",
       .f = [=](X x) { return along(x[0], -1, keepdim); },
       .meaning = [=](X x) { return mean_found(x[0], -1, keepdim); },
       .inputs = {distinct({3, 5})},
       .remembers = "0 y",
       .sets = "keepdim",
       .also = rows_also,
       .large = {{70, 1003}},
       .shortest = 1},
      {.name = name,
       .form = "over the last but one",
       .f = [=](X x) { return along(x[0], -2, false); },
       .meaning = [=](X x) { return mean_found(x[0], -2, false); },
       .inputs = {distinct({3, 5})},
       .remembers = "0 y",
       .also = {{{2, 2, 3}}},
       .large = {{70, 3, 103}}},
      {.name = name,
       .form = "over the last but one, with ties",
       .f = [=](X x) { return along(x[0], -2, false); },
       .meaning = [=](X x) { return mean_found(x[0], -2, false); },
       .inputs = {few({4, 3, 5})},
       .remembers = "0 y",
       .order = 1},
      {.name = name,
       .form = "with ties",
       .f = [=](X x) { return along(x[0], -1, false); },
       .meaning = [=](X x) { return mean_found(x[0], -1, false); },
       .inputs = {few({6, 5})},
       .remembers = "0 y",
       .order = 1},
      {.name = "a" + name,
       .f = [=](X x) { return over(x[0], {}, false); },
       .meaning = of_flat,
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
       .meaning =
           [=](X x) {
             return reshape(mean_found(flatten(movedim(x[0], 1, 0), 1), 1, false), {1, -1, 1});
           },
       .inputs = {few({3, 2, 4})},
       .remembers = "0 y",
       .sets = "dims keepdim",
       .also = {{{1, 0, 2}}, {{2, 0, 3}}, {{2, 1, 1}}},
       .order = 1},
      {.name = "arg" + name,
       .f = [=](X x) { return place(x[0], -1, false); },
       .meaning = [=](X x) { return first_found(x[0], -1, false); },
       .inputs = {few({3, 5})},
       .also = rows_also,
       .large = {{70, 1003}},
       .shortest = 1,
       .order = 0},
      {.name = "arg" + name,
       .form = "over the first",
       .f = [=](X x) { return place(x[0], 0, keepdim); },
       .meaning = [=](X x) { return first_found(x[0], 0, keepdim); },
       .inputs = {distinct({3, 5})},
       .sets = "dim keepdim",
       .order = 0},
      {.name = "arg" + name,
       .form = "NaN is both",
       .f = [=](X x) { return place(where(x[0] == 1, std::nan(""), x[0]), -1, false); },
       .meaning = [=](X x) { return sum(cumsum(x[0] == 1, -1) == 0, -1); },
       .inputs = {fixed({2, 4}, {2, 1, 0, 1, 1, 0, 2, 0})},
       .order = 0},
      {.name = name,
       .form = "of integers",
       .f = [=](X x) { return along(x[0], 0, false) + of_all(x[0]) + place(x[0], 0, false); },
       .meaning =
           [=](X x) {
             const Tensor wide = cast(x[0], f64), of_all = mean_found(flatten(wide), 0, false);
             return cast(mean_found(wide, 0, false) + of_all, i64) + first_found(x[0], 0, false);
           },
       .inputs = {index({4, 5}, 3)},
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

// Of whole numbers from -4 on, by odd ones from -5 on.
Tensor remainder_of_all_signs(In a, In b) { return remainder(a - 4, 2 * b - 5); }
L value_of_all_signs(L a, L b) { return a - 4 - (2 * b - 5) * std::floor((a - 4) / (2 * b - 5)); }

// The larger of two (half = 1/2) or the smaller (-1/2) where many tie: those share the gradient evenly.
OpRow one_of(std::string name, Tensor (*f)(In, In), double half, Value value) {
  return meaning([half](X x) { return 0.5 * (x[0] + x[1]) + half * abs(x[0] - x[1]); },
                 once(binary(name, f, few({3, 5}), few({3, 5}), "0 1", value)));
}

}  // namespace

std::vector<OpRow> elementwise_rows() {
  const OpInput x{3, 5}, above = positive({3, 5});
  return {
      binary("add", operator+, x, x, "", [](L a, L b) { return a + b; }),
      binary("sub", operator-, x, x, "", [](L a, L b) { return a - b; }),
      binary("mul", operator*, x, x, "0 1", [](L a, L b) { return a * b; }),
      never(binary("sub", operator-, index({3, 5}, 9), index({3, 5}, 9), "", [](L a, L b) { return a - b; })),
      never(binary("mul", operator*, index({3, 5}, 9), index({3, 5}, 9), "", [](L a, L b) { return a * b; })),
      binary("div", operator/, x, above, "1 y", [](L a, L b) { return a / b; }),
      binary("pow", pow, above, x, "0 1 y", [](L a, L b) { return std::pow(a, b); }),
      same("add", "a number", x, "", [](X a) { return 2 + (a[0] + 0.5); }),
      same("sub", "a number", x, "", [](X a) { return 2 - (a[0] - 0.5); }),
      same("mul", "a number", x, "", [](X a) { return 3 * a[0] * 0.5; }),
      same("mul", "itself", x, "0", [](X a) { return a[0] * a[0]; }),
      same("div", "a number", above, "y +", [](X a) { return 2 / (a[0] / 3); }),
      same("pow", "a whole exponent", x, "0", [](X a) { return pow(a[0], 3); }),
      {.name = "pow",
       .form = "exponents without a loop of their own",
       .f =
           [](X a) {
             return std::array{pow(a[0], 4), pow(a[0], -2), pow(a[0], 0.25)};
           },
       .inputs = {above},
       .remembers = "0"},
      same("pow", "a square at 0", few({3, 5}), "0", [](X a) { return pow(a[0], 2); }),
      {.name = "pow",
       .form = "whole exponents, 0 among them",
       .f = [](X a) { return pow(a[0], a[1]); },
       .inputs = {above, few({3, 5})},
       .remembers = "0 1 y"},
      {.name = "pow",
       .form = "whole exponents at 0",
       .f = [](X a) { return pow(a[0], a[1]); },
       .inputs = {few({3, 5}), index({3, 5}, 3)},
       .remembers = "0 +"},
      slope(
          "pow", "by the exponent, from 0 or below", [](In a, In b) { return pow(2 * a - 2, b); }, 1, few({3, 5}),
          few({3, 5}), [](L a, L b) { return a > 1 ? std::pow(2 * a - 2, b) * std::log(2 * a - 2) : 0; }),
      same("pow", "of a number", x, "y", [](X a) { return pow(2, a[0]); }),
      unary("neg", operator-, x, "", [](L a, L) { return -a; }),
      unary("square", square, x, "0", [](L a, L) { return a * a; }),
      unary("reciprocal", reciprocal, above, "0 y", [](L a, L) { return 1 / a; }),
      binary("remainder", remainder, x, above, "0 1 y", [](L a, L b) { return a - b * std::floor(a / b); }),
      same("remainder", "by negative numbers", x, "", [](X a) { return remainder(a[0], -0.7); }),
      never(same("remainder", "of the lowest integer by -1", index({3, 5}, 1), "",
                 [](X a) { return remainder(a[0] + std::numeric_limits<int64_t>::min(), -1); })),
      never(binary("remainder", remainder_of_all_signs, index({3, 5}, 9), index({3, 5}, 9), "", value_of_all_signs)),
      never(binary("remainder", remainder_of_all_signs, few({3, 5}), few({3, 5}), "", value_of_all_signs)),
      binary("maximum", maximum, x, x, "0 1", [](L a, L b) { return std::max(a, b); }),
      binary("minimum", minimum, x, x, "0 1", [](L a, L b) { return std::min(a, b); }),
      one_of("maximum", maximum, 0.5, [](L a, L b) { return std::max(a, b); }),
      one_of("minimum", minimum, -0.5, [](L a, L b) { return std::min(a, b); }),
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
      slope(
          "atan2", "at the origin, too", [](In y, In x) { return atan2(y - 1, x - 1); }, 0, few({3, 5}), few({3, 5}),
          [](L y, L x) { return y == 1 && x == 1 ? 0 : (x - 1) / ((y - 1) * (y - 1) + (x - 1) * (x - 1)); }),
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
                                 "gelu", [](In a) { return gelu(a, Approximate::tanh); }, x, "0",
                                 [](L a, L) {
                                   const L u = std::sqrt(2 / std::numbers::pi_v<L>) * (a + L(0.044715) * a * a * a);
                                   return a * (1 + std::tanh(u)) / 2;
                                 })),
      unary(
          "softplus", [](In a) { return softplus(a); }, x, "0", [](L a, L) { return std::log1p(std::exp(a)); }),
      setting("beta threshold", unary(
                                    "softplus", [](In a) { return softplus(a, 3, 2.5); }, x, "0",
                                    [](L a, L) { return 3 * a > 2.5 ? a : std::log1p(std::exp(3 * a)) / 3; })),
      {.name = "softplus",
       .form = "at the threshold, and its slope",
       .f =
           [](X a) {
             const Tensor v = a[0].detach().requires_grad();
             return std::array{softplus(v).detach(), grad(sum(softplus(v)), {v})[0]};
           },
       .meaning =
           [](X a) {
             return std::array{log1p(exp(a[0])), sigmoid(a[0])};
           },
       .inputs = {fixed({2}, {20, 0})},
       .order = 0},
      unary("silu", silu, x, "0", [](L a, L) { return a / (1 + std::exp(-a)); }),
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
       .remembers = "0 1",
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
       .form = "of nothing",
       .f = [](X x) { return logsumexp(x[0]); },
       .inputs = {{3, 0}},
       .order = 0},
      {.name = "logsumexp",
       .form = "over the first",
       .f = [](X x) { return logsumexp(x[0], 0, keepdim); },
       .inputs = {{3, 5}},
       .remembers = "0 y",
       .sets = "dim keepdim"},
  };
  add_extremes(r, "max", -1, max, max, amax, argmax);
  add_extremes(r, "min", 0, min, min, amin, argmin);
  return r;
}

}  // namespace heed
