#include "neural_turing_machine.h"
#include "../ops/checks.h"
#include "score.h"

namespace heed {

Tensor circular_shift(In w, In s) {
  const int64_t slots = w->size(-1), count = s->size(-1), reach = count / 2;
  if (count % 2 == 0 || count > slots)
    fail<ShapeError>(line_of(w), "circular_shift",
                     "there must be an odd number of shifts, at most that of the slots, not " + std::to_string(count) +
                         " for " + std::to_string(slots) + " slots");
  Scope here{w};
  const Tensor around = concat({slice(w, -1, slots - reach), w, slice(w, -1, 0, reach)}, -1);
  return squeeze(matmul(unfold(around, -1, count, 1), unsqueeze(flip(s, -1), -1)), -1);
}

Tensor sharpen(In w, In gamma) {
  Scope here{w};
  return softmax(gamma * log(maximum(w, 1e-30)));
}

Linear NeuralTuringMachine::initial_heads() const {
  const int64_t all = reads + writes, gate = all * (width + 1), gamma = gate + all * (2 * reach + 2);
  Linear r{hidden, gamma + all + 2 * writes * width};
  const Tensor i = arange(r.out);
  auto among = [&](int64_t first) { return cast((i >= first) & (i < first + all), f32); };
  assign(r.bias, r.bias - 2 * among(gate) + 2 * among(gamma));
  return r;
}

NeuralTuringMachine::State NeuralTuringMachine::initial(int64_t batch) const {
  const Dtype t = type_of_state(output);
  return {.controller = {},
          .memory = full({batch, slots, width}, 1e-6, t),
          .weights = expand(cast(arange(slots) == 0, t), {batch, reads + writes, slots}),
          .read = full({batch, reads, width}, 1e-6, t)};
}

NeuralTuringMachine::State NeuralTuringMachine::step(In x, const State& before) const {
  Scope here{*this, x};
  const int64_t batch = x->size(0), all = reads + writes, shifts = 2 * reach + 1;
  State now;
  now.controller = controller(concat({x, flatten(before.read, 1)}, -1), before.controller);
  const std::vector<Tensor> said =
      split(heads(now.controller.h), {all * width, all, all, all * shifts, all, writes * width, writes * width}, -1);
  auto of_each = [&](std::size_t i, int64_t head_count, int64_t n) { return reshape(said[i], {batch, head_count, n}); };

  const Tensor content = content_weights(of_each(0, all, width), softplus(of_each(1, all, 1)), before.memory);
  const Tensor gated = lerp(before.weights, content, sigmoid(of_each(2, all, 1)));  // eq. 7
  now.weights = sharpen(circular_shift(gated, softmax(of_each(3, all, shifts))), 1 + softplus(of_each(4, all, 1)));

  const Tensor write = slice(now.weights, 1, reads), erase = sigmoid(of_each(5, writes, width)),
               add = of_each(6, writes, width);
  now.memory = before.memory;
  for (int64_t head = 0; head < writes; ++head)
    now.memory = now.memory * (1 - unsqueeze(write(_, head), 2) * unsqueeze(erase(_, head), 1));  // eq. 3
  now.memory = now.memory + matmul(transpose(write), add);                                        // eq. 4
  now.read = matmul(slice(now.weights, 1, 0, reads), now.memory);                                 // eq. 2
  return now;
}

NeuralTuringMachine::Result NeuralTuringMachine::operator()(In x, Rng*) const {
  Scope here{*this, x};
  check_sequence("NeuralTuringMachine", line_of(x), x, in);
  State state = initial(x->size(0));
  std::vector<Tensor> found, weights;
  for (int64_t t = 0; t < x->size(1); ++t) {
    state = step(select(x, 1, t), state);
    found.push_back(concat({state.controller.h, flatten(state.read, 1)}, -1));
    weights.push_back(state.weights);
  }
  return {output(stack(found, 1)), stack(weights, 1), state};
}

}  // namespace heed
