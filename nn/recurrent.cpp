#include "recurrent.h"
#include "../core/mode.h"
#include "../ops/ops.h"

namespace heed {
namespace {

// What the input gives to a cell's gates, and the bias of the op that goes through its steps. Where input and state
// only add up, that is the one bias there is: the gradient of both is summed once.
struct Biases {
  Tensor of_input, of_steps;
};
Biases biases(const auto& cell) {
  if (!cell.bias_ih.defined() || !cell.bias_hh.defined()) return {cell.bias_ih, widened(cell.bias_hh)};
  return {{}, widened(cell.bias_ih) + widened(cell.bias_hh)};
}
Biases biases(const GruCell& cell) { return {cell.bias_ih, widened(cell.bias_hh)}; }

Tensor one_step(const auto& cell, const char* op, In x, const Tensor& bias) {  // [B, in] -> [B, 1, gates hidden]
  if (x->dim() != 2 || x->size(1) != cell.in)
    fail<ShapeError>(line_of(x), op, "the input must be [B, " + std::to_string(cell.in) + "], not " + x->shape().str());
  return reshape(linear(x, cell.weight_ih, bias), {x->size(0), 1, cell.weight_ih.size(0)});
}

Tensor of_cell(const Tensor& state, int64_t number) { return state.defined() ? state(number) : Tensor(); }

// Layer upon layer, in one direction or both: [B, T, in] -> [B, T, hidden x directions]. steps(cell, number of the
// cell, what its input gives to the gates, bias, options) runs one cell over all steps and returns its y.
Tensor through_layers(const auto& m, const char* op, In x, const Tensor& lengths, std::initializer_list<Tensor> states,
                      Rng* training, auto steps) {
  const Where at = line_of(x);
  if (x->dim() != 3 || x->size(2) != m.in)
    fail<ShapeError>(at, op, "the input must be [B, T, " + std::to_string(m.in) + "], not " + x->shape().str());
  if (x->size(1) == 0) fail<ShapeError>(at, op, "there is no step in " + x->shape().str());
  const Shape wanted{int64_t(m.cells.size()), x->size(0), m.hidden};
  for (const Tensor& s : states)
    if (s.defined() && s.shape() != wanted)
      fail<ShapeError>(at, op, "the state must be " + wanted.str() + ", not " + s.shape().str());
  Tensor y = x;
  int64_t number = 0;
  for (int64_t layer = 0; layer < m.layers; ++layer) {
    if (layer > 0) y = dropout(y, m.dropout, training);
    std::vector<Tensor> sides;
    for (bool reverse = false; int64_t(sides.size()) < detail::directions(m); reverse = true) {
      const auto& cell = m.cells[std::size_t(number)];
      const RecurrentOptions options{.lengths = lengths, .reverse = reverse};
      const auto [of_input, of_steps] = biases(cell);
      sides.push_back(steps(cell, number++, linear(y, cell.weight_ih, of_input), of_steps, options));
    }
    y = sides.size() == 1 ? sides[0] : concat(sides, -1);
  }
  return y;
}

// What has no state but h.
RnnResult layers_of_h(const auto& m, const char* op, In x, const Tensor& lengths, const Tensor& h0, Rng* training,
                      auto run) {
  Scope here{m, x};
  std::vector<Tensor> last;
  const Tensor y = through_layers(
      m, op, x, lengths, {h0}, training,
      [&](const auto& cell, int64_t n, const Tensor& gates, const Tensor& bias, const RecurrentOptions& options) {
        auto [steps, h] = run(gates, widened(cell.weight_hh), bias, of_cell(h0, n), options);
        last.push_back(h);
        return steps;
      });
  return {y, stack(last)};
}

auto rnn_of(RnnCell::Nonlinearity f) { return f == RnnCell::relu ? rnn_relu : rnn_tanh; }

}  // namespace

Tensor RnnCell::operator()(In x, const Tensor& h, Rng*) const {
  Scope here{*this, x};
  const auto [of_input, of_steps] = biases(*this);
  return rnn_of(nonlinearity)(one_step(*this, "RnnCell", x, of_input), widened(weight_hh), of_steps, h, {}).h;
}
Tensor GruCell::operator()(In x, const Tensor& h, Rng*) const {
  Scope here{*this, x};
  return gru(one_step(*this, "GruCell", x, bias_ih), widened(weight_hh), widened(bias_hh), h).h;
}
LstmState LstmCell::operator()(In x, const LstmState& state, Rng*) const {
  Scope here{*this, x};
  const auto [of_input, of_steps] = biases(*this);
  auto [y, h, c] = lstm(one_step(*this, "LstmCell", x, of_input), widened(weight_hh), of_steps, state.h, state.c);
  return {h, c};
}
LstmGates LstmCell::gates(In x, In h) const {
  Scope here{*this, x};
  const std::vector<Tensor> four = chunk(linear(x, weight_ih, bias_ih) + linear(h, weight_hh, bias_hh), 4, -1);
  return {sigmoid(four[0]), sigmoid(four[1]), tanh(four[2]), sigmoid(four[3])};
}

RnnResult Rnn::operator()(In x, const Tensor& lengths, const Tensor& h0, Rng* training) const {
  return layers_of_h(*this, "Rnn", x, lengths, h0, training, rnn_of(nonlinearity));
}
RnnResult Gru::operator()(In x, const Tensor& lengths, const Tensor& h0, Rng* training) const {
  return layers_of_h(*this, "Gru", x, lengths, h0, training, gru);
}
LstmResult Lstm::operator()(In x, const Tensor& lengths, const LstmState& state, Rng* training) const {
  Scope here{*this, x};
  std::vector<Tensor> h, c;
  const Tensor y = through_layers(
      *this, "Lstm", x, lengths, {state.h, state.c}, training,
      [&](const LstmCell& cell, int64_t n, const Tensor& gates, const Tensor& bias, const RecurrentOptions& options) {
        auto [steps, last_h, last_c] =
            lstm(gates, widened(cell.weight_hh), bias, of_cell(state.h, n), of_cell(state.c, n), options);
        h.push_back(last_h), c.push_back(last_c);
        return steps;
      });
  return {y, {stack(h), stack(c)}};
}

}  // namespace heed
