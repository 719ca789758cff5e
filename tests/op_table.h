#pragma once
// The table of ops: a row per op and way to call it. Generic tests run over every row (op_table_test.cpp), and the
// program gradcheck prints it.
#include <heed/core/gradcheck.h>
#include <heed/ops/ops.h>
#include <functional>

namespace heed {

using X = const std::vector<Tensor>&;

struct OpFunction {  // of the inputs, giving a tensor, or a vector or array of them
  std::function<std::vector<Tensor>(X)> call;
  OpFunction() = default;
  template <class F>
  OpFunction(F f) : call([f](X x) { return detail::as_list(f(x)); }) {}
  std::vector<Tensor> operator()(X x) const { return call(x); }
};

struct OpInput {
  Shape shape;
  enum Kind { normal, positive, distinct, few, truth, index } kind = normal;
  int64_t below = 0;             // an index is in 0 .. below - 1
  std::vector<double> values{};  // instead of random ones, where the shape is this one

  OpInput(Shape s, Kind k = normal, int64_t n = 0) : shape(s), kind(k), below(n) {}
  OpInput(std::initializer_list<int64_t> s) : shape(s) {}
  bool floating() const { return kind != truth && kind != index; }
};
inline OpInput positive(Shape s) { return {s, OpInput::positive}; }  // 0.5 .. 2
inline OpInput distinct(Shape s) { return {s, OpInput::distinct}; }  // no two closer than 0.1
inline OpInput few(Shape s) { return {s, OpInput::few}; }            // of 0, 1 and 2: many are equal
inline OpInput truth(Shape s) { return {s, OpInput::truth}; }        // boolean
inline OpInput index(Shape s, int64_t below) { return {s, OpInput::index, below}; }
inline OpInput fixed(OpInput of, std::vector<double> values) {
  of.values = std::move(values);
  return of;
}

struct OpRow {
  std::string name;  // as in ops.h; of an operator: add, sub, mul, div, neg, less, logical_and ..
  std::string form{};
  OpFunction f;
  OpFunction meaning{};  // the same made of other ops, of an op without a definition
  std::vector<OpInput> inputs;
  // What the graph keeps alive when every input has a history: numbers of inputs, y for the output, + for results of
  // ops between them.
  std::string remembers{};
  std::string sets{};                      // defaulted parameters that this row gives another value
  std::vector<std::vector<Shape>> also{};  // other shapes of the inputs
  std::vector<Shape> large{};              // shapes big enough to be shared out over threads
  int shortest = -1;                       // any size of the last dimension from this on is allowed
  std::vector<double> kinks{};             // of the first input
  int order = 2;  // how often it can be differentiated: 1 at corners, 0 where booleans come out
  long double (*value)(long double, long double) = nullptr;  // of an elementwise op

  std::string title() const { return form.empty() ? name : name + ", " + form; }
};

const std::vector<OpRow>& op_table();

// Inputs of a row, untracked. Shapes as in row.inputs, row.also or row.large; t is the type of the floating ones.
std::vector<Tensor> make_inputs(const OpRow& row, const std::vector<Shape>& shapes, Dtype t);
std::vector<Shape> shapes_of(const OpRow& row);
std::vector<Shape> with_length(const OpRow& row,
                               int64_t n);  // the last dimension of the first input made n, everywhere

// The reports of a row: its shapes, its other shapes, its kinks. None for an op without gradient.
std::vector<GradcheckReport> gradcheck_row(const OpRow& row);
bool certified(const GradcheckReport& r);  // to 9 digits, the second order to 7

}  // namespace heed
