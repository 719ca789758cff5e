#include <algorithm>
#include <cmath>
#include <numbers>
#include "op_table.h"

namespace heed {
namespace {

using L = long double;
using Shapes = std::vector<std::vector<Shape>>;

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
OpRow comparison(std::string name, Tensor (*f)(In, In)) {
  OpRow r = binary(name, f, few({3, 5}), few({3, 5}), "", nullptr);
  r.order = 0;
  return r;
}
OpRow same(std::string name, std::string form, OpInput x, std::string remembers, OpFunction f) {
  return {.name = name, .form = form, .f = f, .inputs = {x}, .remembers = remembers, .also = one_also};
}

std::vector<OpRow> elementwise_rows() {
  const OpInput x{3, 5}, above = positive({3, 5});
  std::vector<OpRow> r{
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
      unary("exp", exp, x, "y", [](L a, L) { return std::exp(a); }),
      unary("log", log, above, "0", [](L a, L) { return std::log(a); }),
      unary("sqrt", sqrt, above, "y", [](L a, L) { return std::sqrt(a); }),
      unary("tanh", tanh, x, "y", [](L a, L) { return std::tanh(a); }),
      unary("sigmoid", sigmoid, x, "y", [](L a, L) { return 1 / (1 + std::exp(-a)); }),
      unary("relu", relu, x, "y", [](L a, L) { return std::max<L>(a, 0); }),
      unary("erf", erf, x, "0", [](L a, L) { return std::erf(a); }),
      unary("gelu", gelu, x, "0", [](L a, L) { return a * std::erfc(-a / std::numbers::sqrt2_v<L>) / 2; }),
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
      comparison("less", operator<),
      comparison("less_equal", operator<=),
      comparison("greater", operator>),
      comparison("greater_equal", operator>=),
      comparison("equal", operator==),
      comparison("not_equal", operator!=),
  };
  for (OpRow& row : r)
    if (row.name == "relu") row.kinks = {0.0};
  return r;
}

std::vector<OpRow> reduction_rows() {
  return {
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
       .sets = "keepdim",
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
       .sets = "keepdim",
       .large = {{70, 3, 1003}},
       .shortest = 1},
      {.name = "max",
       .f = [](X x) { return max(x[0]); },
       .inputs = {distinct({3, 5})},
       .remembers = "0 y",
       .also = {{{}}, {{1}}},
       .large = {{70, 1003}},
       .shortest = 1},
      {.name = "max",
       .form = "over the last",
       .f = [](X x) { return max(x[0], -1, keepdim); },
       .inputs = {distinct({3, 5})},
       .remembers = "0 y",
       .sets = "keepdim",
       .also = rows_also,
       .large = {{70, 1003}},
       .shortest = 1},
      {.name = "max",
       .form = "over the first",
       .f = [](X x) { return max(x[0], 0); },
       .inputs = {distinct({3, 5})},
       .remembers = "0 y"},
      {.name = "max",
       .form = "with ties",
       .f = [](X x) { return max(x[0], -1); },
       .inputs = {few({6, 5})},
       .remembers = "0 y",
       .order = 1},
      {.name = "argmax",
       .f = [](X x) { return argmax(x[0]); },
       .inputs = {few({3, 5})},
       .also = rows_also,
       .large = {{70, 1003}},
       .shortest = 1,
       .order = 0},
      {.name = "argmax",
       .form = "over the first",
       .f = [](X x) { return argmax(x[0], 0, keepdim); },
       .inputs = {distinct({3, 5})},
       .sets = "dim keepdim",
       .order = 0},
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
       .remembers = "0 1 2 3 y"},
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
