#include "lstmn.h"
#include "../ops/checks.h"

namespace heed {
namespace {

// [B, t] over [B, t, 2 hidden]: the mean of h and that of c
LstmState weighted(const Tensor& s, const Tensor& states) {
  const std::vector<Tensor> both = chunk(squeeze(matmul(unsqueeze(s, 1), states), 1), 2, -1);
  return {both[0], both[1]};
}
Tensor scores(const AdditiveScore& score, const Tensor& x, const Tensor& seen, const Tensor& projected) {  // [B, t]
  return squeeze(score.of(unsqueeze(concat({x, seen}, -1), 1), projected), 1);
}
Tensor h_of(const Tensor& states) { return chunk(states, 2, -1)[0]; }

}  // namespace

Tensor Lstmn::weights(In x, const Tape& tape) const {
  Scope here{*this, x};
  return tape.states.defined() ? softmax(scores(score, x, tape.seen, tape.projected)) : Tensor();
}
LstmState Lstmn::summary(const Tape& tape, const Tensor& s, Where at) {
  Scope here{In(tape.states, at.file, at.line)};
  return tape.states.defined() ? weighted(s, tape.states) : LstmState{};
}
Tape Lstmn::longer(const Tape& tape, const LstmState& summary, const LstmState& next, Where at) const {
  Scope here{*this, In(next.h, at.file, at.line)};
  const Tensor state = unsqueeze(concat({next.h, next.c}, -1), 1), projected = unsqueeze(score.project(next.h), 1);
  if (!tape.states.defined()) return {state, projected, zeros_like(next.h)};
  return {concat({tape.states, state}, 1), concat({tape.projected, projected}, 1), summary.h};
}
Tape Lstmn::step(In x, const Tape& tape, const Tensor& s) const {
  Scope here{*this, x};
  const LstmState before = summary(tape, s);
  return longer(tape, before, cell(x, before));
}

Lstmn::Result Lstmn::operator()(In x, Rng*) const {
  Scope here{*this, x};
  check_sequence("Lstmn", line_of(x), x, in);
  const int64_t T = x->size(1);
  Tape tape;
  std::vector<Tensor> looks{zeros({x->size(0), T}, x->dtype())};
  for (int64_t t = 0; t < T; ++t) {
    const Tensor now = select(x, 1, t), s = weights(now, tape);
    tape = step(now, tape, s);
    if (t > 0) looks.push_back(pad(s, {0, T - t}));
  }
  return {h_of(tape.states), stack(looks, 1), tape};
}

LstmnDecoder::Source LstmnDecoder::look_at(const Tape& source, const Tensor& mask, Where at) const {
  Scope here{*this, In(source.states, at.file, at.line)};
  if (mask.defined())
    check_over("LstmnDecoder", line_of(at), "mask", mask, "the states ", source.states.shape().without(2));
  const Tensor states = mask.defined() ? where(unsqueeze(mask, -1), source.states, 0) : source.states;
  return {states, inter.project(h_of(states)), mask};
}

LstmnDecoder::State LstmnDecoder::step(In x, const State& before, const Source& source) const {
  Scope here{*this, x};
  const Tensor last = before.seen.defined() ? before.seen : zeros({x->size(0), hidden}, x->dtype());
  const Tensor b = scores(inter, x, last, source.projected);
  const Tensor p = source.mask.defined() ? masked_softmax(b, source.mask) : softmax(b);
  const auto [g, a] = weighted(p, source.states);
  if (fusion == shallow) {
    const Tensor both = concat({x, g}, -1);
    return {target.step(both, before.tape, target.weights(both, before.tape)), g, p};
  }
  LstmState from = target.summary(before.tape, target.weights(x, before.tape));
  if (!from.h.defined()) from = {zeros_like(last), zeros_like(last)};
  const LstmGates of = target.cell.gates(x, from.h);
  const Tensor c = sigmoid((*gate)(concat({g, x}, -1))) * a + of.f * from.c + of.i * of.g;
  return {target.longer(before.tape, from, {of.o * tanh(c), c}), g, p};
}

LstmnDecoder::Result LstmnDecoder::operator()(In x, const Source& source) const {
  Scope here{*this, x};
  check_sequence("LstmnDecoder", line_of(x), x, in);
  State state;
  std::vector<Tensor> looks;
  for (int64_t t = 0; t < x->size(1); ++t) {
    state = step(select(x, 1, t), state, source);
    looks.push_back(state.weights);
  }
  return {h_of(state.tape.states), stack(looks, 1), state};
}

}  // namespace heed
