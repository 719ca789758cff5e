#pragma once
// What the rows of the table share. They stand in op_rows_*.cpp, in the order of ops.h.
#include <cmath>
#include <limits>
#include "op_table.h"

namespace heed {

using L = long double;
using Shapes = std::vector<std::vector<Shape>>;
inline constexpr double infinity = std::numeric_limits<double>::infinity();

inline const Shapes one_also{{{}}, {{1}}, {{0}}, {{2, 0, 3}}, {{2, 1, 3}}};
inline const std::vector<Shape> one_large{{70, 1003}}, two_large{{70, 1003}, {70, 1003}};
inline const Shapes rows_also{{{1}}, {{2, 3, 5}}, {{0, 3}}, {{1, 1}}};

inline std::vector<Tensor> list(const Normalized& n) { return {n.y, n.mean, n.variance}; }
inline std::vector<Tensor> list(const RnnSteps& r) { return {r.y, r.h}; }
inline std::vector<Tensor> list(const LstmSteps& r) { return {r.y, r.h, r.c}; }
inline std::vector<Tensor> list(const LinearAttentionSteps& r) { return {r.y, r.state}; }
inline std::vector<Tensor> list(const TopK& t) { return {t.values, t.indices}; }
inline std::vector<Tensor> list(const Sorted& s) { return {s.values, s.indices}; }

inline const OpInput attend{
    fixed(truth({2, 3, 4}), {1, 0, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0, 1, 0})};

using Value = L (*)(L, L);
inline OpRow unary(std::string name, Tensor (*f)(In), OpInput x, std::string remembers, Value value) {
  return {.name = name,
          .f = [f](X a) { return f(a[0]); },
          .inputs = {x},
          .remembers = remembers,
          .also = one_also,
          .large = {{70, 1003}},
          .shortest = 0,
          .value = value};
}
inline OpRow binary(std::string name, Tensor (*f)(In, In), OpInput a, OpInput b, std::string remembers, Value value) {
  return {.name = name,
          .f = [f](X x) { return f(x[0], x[1]); },
          .inputs = {a, b},
          .remembers = remembers,
          .also = {{{}, {}}, {{3}, {}}, {{0}, {0}}, {{2, 3}, {3}}, {{3}, {2, 3}}, {{2, 1, 3}, {4, 1}}, {{0, 3}, {3}}},
          .large = {{70, 1003}, {70, 1003}},
          .shortest = 0,
          .value = value};
}
inline OpRow comparison(std::string name, Tensor (*f)(In, In), OpInput (*of)(Shape) = few) {
  OpRow r = binary(name, f, of({3, 5}), of({3, 5}), "", nullptr);
  r.order = 0;
  return r;
}
inline OpRow same(std::string name, std::string form, OpInput x, std::string remembers, OpFunction f) {
  return {.name = name, .form = form, .f = f, .inputs = {x}, .remembers = remembers, .also = one_also};
}
inline OpRow setting(std::string parameters, OpRow row) {
  row.form = "other " + parameters;
  row.sets = parameters;
  return row;
}
inline OpRow kinked(std::vector<double> at, OpRow row) {
  row.kinks = at;
  return row;
}
inline OpRow once(OpRow row) {  // differentiable
  row.order = 1;
  return row;
}
inline OpRow never(OpRow row) {
  row.order = 0;
  return row;
}

inline OpRow meaning(OpFunction meant, OpRow row) {
  row.meaning = meant;
  return row;
}
// The slope of f by argument number `by`, where differences cannot tell it.
inline OpRow slope(std::string name, std::string form, Tensor (*f)(In, In), std::size_t by, OpInput a, OpInput b,
                   Value value) {
  OpRow r = never(binary(name, f, a, b, "", value));
  r.form = form;
  r.f = [f, by](X x) {
    std::vector<Tensor> at{x[0].detach(), x[1].detach()};
    at[by] = at[by].requires_grad();
    return grad(sum(f(at[0], at[1])), {at[by]});
  };
  return r;
}

std::vector<OpRow> elementwise_rows();
std::vector<OpRow> reduction_rows();
std::vector<OpRow> shape_rows();
std::vector<OpRow> index_rows();
std::vector<OpRow> product_rows();
std::vector<OpRow> normalising_rows();
std::vector<OpRow> window_rows();
std::vector<OpRow> loss_rows();
std::vector<OpRow> random_rows();
std::vector<OpRow> attention_rows();
std::vector<OpRow> linear_attention_rows();
std::vector<OpRow> recurrent_rows();
std::vector<OpRow> position_rows();
std::vector<OpRow> core_rows();

}  // namespace heed
