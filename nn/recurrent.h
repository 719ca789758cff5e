#pragma once
// Recurrent modules, batch first: names, layouts and meanings as torch.nn.RNN, LSTM and GRU and their cells. The maths
// of a step stands at rnn_tanh, lstm and gru in ops.h.
#include "dropout.h"
#include "init.h"

namespace heed {

namespace detail {
inline Parameter recurrent_parameter(const Shape& shape, int64_t hidden) {
  const double bound = init::bias_bound(hidden);
  return parameter(init::uniform(shape, -bound, bound));
}
}  // namespace detail

// ---- one step      x [B, in], state [B, hidden] -> state; an undefined state is zeros
struct RnnCell {
  enum Nonlinearity { tanh, relu };
  int64_t in, hidden;
  Nonlinearity nonlinearity = tanh;
  Parameter weight_ih = detail::recurrent_parameter({hidden, in}, hidden);
  Parameter weight_hh = detail::recurrent_parameter({hidden, hidden}, hidden);
  Parameter bias_ih =
      detail::recurrent_parameter({hidden}, hidden);  // RnnCell{.., .bias_ih = {}, .bias_hh = {}} has none
  Parameter bias_hh = detail::recurrent_parameter({hidden}, hidden);

  Tensor operator()(In x, const Tensor& h = {}, Rng* = nullptr) const;
};

struct GruCell {  // gates r, z and n
  int64_t in, hidden;
  Parameter weight_ih = detail::recurrent_parameter({3 * hidden, in}, hidden);
  Parameter weight_hh = detail::recurrent_parameter({3 * hidden, hidden}, hidden);
  Parameter bias_ih = detail::recurrent_parameter({3 * hidden}, hidden);
  Parameter bias_hh = detail::recurrent_parameter({3 * hidden}, hidden);

  Tensor operator()(In x, const Tensor& h = {}, Rng* = nullptr) const;
};

struct LstmState {  // what is carried from step to step
  Tensor h, c;
};
struct LstmGates {    // c' = f c + i g, h' = o tanh(c')
  Tensor i, f, g, o;  // [B, hidden]
};
struct LstmCell {  // gates i, f, g and o
  int64_t in, hidden;
  Parameter weight_ih = detail::recurrent_parameter({4 * hidden, in}, hidden);
  Parameter weight_hh = detail::recurrent_parameter({4 * hidden, hidden}, hidden);
  Parameter bias_ih = detail::recurrent_parameter({4 * hidden}, hidden);
  Parameter bias_hh = detail::recurrent_parameter({4 * hidden}, hidden);

  LstmState operator()(In x, const LstmState& state = {}, Rng* = nullptr) const;
  LstmGates gates(In x, In h) const;  // of the same step, for a net that has another c' in mind
};

// ---- layers over a sequence      x [B, T, in]
// lengths [B] i64: the steps of each row that count, 1 .. T; undefined: all. The backward direction starts at each
// row's last step. An undefined state is zeros; what is returned is the state after each row's last step.
struct RnnResult {
  Tensor y;  // [B, T, hidden x directions], of the last layer; 0 past a row's length
  Tensor h;  // [layers x directions, B, hidden], layer by layer, forward then backward
};
struct LstmResult {
  Tensor y;
  LstmState state;
};

namespace detail {
int64_t directions(const auto& m) { return m.bidirectional ? 2 : 1; }

auto recurrent_cells(const auto& m, auto make) {  // make(in) gives a cell
  std::vector<decltype(make(m.in))> cells;
  for (int64_t i = 0; i < m.layers * directions(m); ++i) {
    cells.push_back(make(i < directions(m) ? m.in : m.hidden * directions(m)));
    if (!m.bias) cells.back().bias_ih = {}, cells.back().bias_hh = {};
  }
  return cells;
}
void recurrent_fields(auto& m, auto f) {  // weight_ih_l0 .. bias_hh_l0, weight_ih_l0_reverse ..
  f("in", m.in), f("hidden", m.hidden), f("layers", m.layers), f("bidirectional", m.bidirectional);
  f("dropout", m.dropout), f("bias", m.bias);
  if constexpr (requires { m.nonlinearity; }) f("nonlinearity", m.nonlinearity);
  for (std::size_t i = 0; i < m.cells.size(); ++i) {
    const auto n = int64_t(i);
    const std::string end = "_l" + std::to_string(n / directions(m)) + (n % directions(m) ? "_reverse" : "");
    f("weight_ih" + end, m.cells[i].weight_ih), f("weight_hh" + end, m.cells[i].weight_hh);
    f("bias_ih" + end, m.cells[i].bias_ih), f("bias_hh" + end, m.cells[i].bias_hh);
  }
}
}  // namespace detail

struct Rnn {
  int64_t in, hidden, layers = 1;
  bool bidirectional = false;
  double dropout = 0;  // between layers
  bool bias = true;
  RnnCell::Nonlinearity nonlinearity = RnnCell::tanh;
  std::vector<RnnCell> cells = detail::recurrent_cells(*this, [this](int64_t from) {
    return RnnCell{from, hidden, nonlinearity};
  });

  RnnResult operator()(In x, const Tensor& lengths = {}, const Tensor& h0 = {}, Rng* training = nullptr) const;

  void fields(auto f) { detail::recurrent_fields(*this, f); }
  Rnn clone(auto& copy) const { return {in, hidden, layers, bidirectional, dropout, bias, nonlinearity, copy(cells)}; }
};

struct Gru {
  int64_t in, hidden, layers = 1;
  bool bidirectional = false;
  double dropout = 0;  // between layers
  bool bias = true;
  std::vector<GruCell> cells = detail::recurrent_cells(*this, [this](int64_t from) { return GruCell{from, hidden}; });

  RnnResult operator()(In x, const Tensor& lengths = {}, const Tensor& h0 = {}, Rng* training = nullptr) const;

  void fields(auto f) { detail::recurrent_fields(*this, f); }
  Gru clone(auto& copy) const { return {in, hidden, layers, bidirectional, dropout, bias, copy(cells)}; }
};

struct Lstm {
  int64_t in, hidden, layers = 1;
  bool bidirectional = false;
  double dropout = 0;  // between layers
  bool bias = true;
  std::vector<LstmCell> cells = detail::recurrent_cells(*this, [this](int64_t from) { return LstmCell{from, hidden}; });

  LstmResult operator()(In x, const Tensor& lengths = {}, const LstmState& state = {}, Rng* training = nullptr) const;

  void fields(auto f) { detail::recurrent_fields(*this, f); }
  Lstm clone(auto& copy) const { return {in, hidden, layers, bidirectional, dropout, bias, copy(cells)}; }
};

}  // namespace heed
