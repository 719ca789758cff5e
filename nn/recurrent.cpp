#include "recurrent.h"
#include "../core/mode.h"
#include "../core/tree.h"
#include "../ops/ops.h"

namespace heed {
namespace {

// One step from the gates' inputs [B, 4 hidden].
LstmState step(const LstmCell& cell, const Tensor& from_input, const LstmState& s) {
  const int64_t H = cell.hidden;
  const Tensor gates = from_input + linear(s.h, cell.weight_hh, cell.bias_hh);  // [B, 4 H]
  auto gate = [&](int64_t k) { return gates(_, range(k * H, (k + 1) * H)); };   // [B, H]
  const Tensor c = sigmoid(gate(1)) * s.c + sigmoid(gate(0)) * tanh(gate(2));
  return {sigmoid(gate(3)) * tanh(c), c};
}

void check_state(Where at, const char* op, const Tensor& t, const Shape& wanted) {
  if (t.shape() != wanted) fail<ShapeError>(at, op, "the state must be " + wanted.str() + ", not " + t.shape().str());
}

}  // namespace

LstmState LstmCell::operator()(In x, const LstmState& state, Rng*) const {
  Scope here{*this, x};
  LstmState s = state;
  for (Tensor* t : {&s.h, &s.c}) {
    if (!t->defined()) *t = zeros({x->size(0), hidden}, x->dtype());
    check_state(line_of(x), "LstmCell", *t, {x->size(0), hidden});
  }
  return step(*this, linear(x, weight_ih, bias_ih), s);
}

Lstm::Lstm(Setting setting) : setting_(setting) {
  for (int64_t layer = 0; layer < setting.layers; ++layer)
    for (int64_t d = 0; d < directions(); ++d)
      cells_.push_back(LstmCell{layer ? setting.hidden * directions() : setting.in, setting.hidden});
}

LstmResult Lstm::operator()(In x, const Tensor& lengths, const LstmState& state, Rng* training) const {
  Scope here{*this, x};
  const Where at = line_of(x);
  if (x->dim() != 3 || x->size(2) != setting_.in)
    fail<ShapeError>(at, "Lstm",
                     "the input must be [B, T, " + std::to_string(setting_.in) + "], not " + x->shape().str());
  const int64_t B = x->size(0), T = x->size(1), H = setting_.hidden, n = int64_t(cells_.size());
  if (T == 0) fail<ShapeError>(at, "Lstm", "there is no step in " + x->shape().str());
  Tensor counts;  // [T, B, 1]: does step t of row b count?
  if (lengths.defined()) {
    if (lengths.shape() != Shape{B} || lengths.dtype() != i64)
      fail<ShapeError>(
          at, "Lstm",
          "the lengths must be i64 " + Shape{B}.str() + ", not " + name(lengths.dtype()) + " " + lengths.shape().str());
    for (int64_t l : lengths.to_vector<int64_t>())
      if (l < 1 || l > T)
        fail<IndexError>(at, "Lstm", "a length must be 1 to " + std::to_string(T) + ", not " + std::to_string(l));
    counts = reshape(arange(T), {T, 1, 1}) < reshape(lengths, {1, B, 1});
  }
  for (const Tensor* t : {&state.h, &state.c})
    if (t->defined()) check_state(at, "Lstm", *t, {n, B, H});

  std::vector<Tensor> last_h, last_c;
  Tensor input = x;
  for (int64_t layer = 0; layer < setting_.layers; ++layer) {
    std::vector<Tensor> sides;
    for (int64_t d = 0; d < directions(); ++d) {
      const int64_t number = layer * directions() + d;
      const LstmCell& cell = cells_[std::size_t(number)];
      const Tensor gates = linear(input, cell.weight_ih, cell.bias_ih);  // [B, T, 4 H]
      LstmState s{state.h.defined() ? state.h(number) : zeros({B, H}, x->dtype()),
                  state.c.defined() ? state.c(number) : zeros({B, H}, x->dtype())};
      std::vector<Tensor> steps(static_cast<std::size_t>(T));
      for (int64_t i = 0; i < T; ++i) {
        const int64_t t = d ? T - 1 - i : i;
        const LstmState next = step(cell, gates(_, t), s);
        if (!counts.defined()) {
          s = next;
          steps[std::size_t(t)] = s.h;
        } else {
          const Tensor on = counts(t);  // [B, 1]
          s = {where(on, next.h, s.h), where(on, next.c, s.c)};
          steps[std::size_t(t)] = where(on, next.h, 0);
        }
      }
      sides.push_back(stack(steps, 1));  // [B, T, H]
      last_h.push_back(s.h), last_c.push_back(s.c);
    }
    input = sides.size() == 1 ? sides[0] : concat(sides, -1);
    if (layer + 1 < setting_.layers) input = dropout(input, setting_.dropout, training);
  }
  return {input, {stack(last_h), stack(last_c)}};
}

}  // namespace heed
