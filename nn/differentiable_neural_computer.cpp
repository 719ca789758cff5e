#include "differentiable_neural_computer.h"
#include "../ops/checks.h"
#include "score.h"

namespace heed {

Tensor usage_after(In usage, In write, In read, In free) {
  Scope here{usage};
  const Tensor retention = prod(1 - free * read, -2);  // psi
  return (usage + write - usage * write) * retention;
}

Tensor allocation_weights(In usage) {
  Scope here{usage};
  const auto [u, order] = sort(usage);
  const Tensor before = pad(slice(cumprod(u, -1), -1, 0, -1), {1, 0}, 1);  // prod_{i<j}
  return scatter(zeros_like(u), -1, order, (1 - u) * before);
}

Links linked(const Links& before, In write) {
  Scope here{write};
  const Tensor to = unsqueeze(write, -1), from = unsqueeze(write, -2),
               off = cast(~(eye(write->size(-1)) > 0), write->dtype());
  return {off * ((1 - to - from) * before.matrix + to * unsqueeze(before.precedence, -2)),
          (1 - sum(write, -1, keepdim)) * before.precedence + write};
}

DifferentiableNeuralComputer::State DifferentiableNeuralComputer::initial(int64_t batch) const {
  const Dtype t = type_of_state(output);
  const Tensor each = zeros({batch, slots}, t);
  return {.controller = {},
          .memory = zeros({batch, slots, width}, t),
          .usage = each,
          .gates = zeros({batch, reads + 2}, t),
          .links = {zeros({batch, slots, slots}, t), each},
          .write = each,
          .weights = zeros({batch, reads, slots}, t),
          .read = zeros({batch, reads, width}, t)};
}

DifferentiableNeuralComputer::State DifferentiableNeuralComputer::step(In x, const State& before) const {
  Scope here{*this, x};
  const int64_t batch = x->size(0);
  State now;
  now.controller = controller(concat({x, flatten(before.read, 1)}, -1), before.controller);
  const std::vector<Tensor> said =
      split(heads(now.controller.h), {reads * width, reads, width, 1, width, width, reads, 1, 1, 3 * reads}, -1);
  auto of_each = [&](std::size_t i, int64_t n) { return reshape(said[i], {batch, reads, n}); };
  auto strength = [](const Tensor& v) { return 1 + softplus(v); };

  const Tensor free = frees ? sigmoid(of_each(6, 1)) : zeros({batch, reads, 1}, x->dtype());
  const Tensor allocate = sigmoid(said[7]), write = sigmoid(said[8]);
  now.gates = concat({squeeze(free, 2), allocate, write}, -1);
  now.usage = usage_after(before.usage, before.write, before.weights, free);
  const Tensor key = unsqueeze(said[2], 1),
               content = content_weights(key, unsqueeze(strength(said[3]), 1), before.memory);
  now.write = write * lerp(squeeze(content, 1), allocation_weights(now.usage), allocate);
  const Tensor w = unsqueeze(now.write, 2);
  now.memory = before.memory * (1 - w * unsqueeze(sigmoid(said[4]), 1)) + w * unsqueeze(said[5], 1);

  now.links = linked(before.links, now.write);
  const Tensor ahead = matmul(before.weights, transpose(now.links.matrix)),
               back = matmul(before.weights, now.links.matrix);
  const Tensor found = content_weights(of_each(0, width), strength(of_each(1, 1)), now.memory),
               mode = softmax(of_each(9, 3));
  auto by = [&](int64_t i) { return slice(mode, -1, i, i + 1); };
  now.weights = by(0) * back + by(1) * found + by(2) * ahead;
  now.read = matmul(now.weights, now.memory);
  return now;
}

DifferentiableNeuralComputer::Result DifferentiableNeuralComputer::operator()(In x, Rng*) const {
  Scope here{*this, x};
  check_sequence("DifferentiableNeuralComputer", line_of(x), x, in);
  State state = initial(x->size(0));
  std::vector<Tensor> found, weights, usage, gates;
  for (int64_t t = 0; t < x->size(1); ++t) {
    state = step(select(x, 1, t), state);
    found.push_back(concat({state.controller.h, flatten(state.read, 1)}, -1));
    weights.push_back(concat({state.weights, unsqueeze(state.write, 1)}, 1));
    usage.push_back(state.usage), gates.push_back(state.gates);
  }
  return {output(stack(found, 1)), stack(weights, 1), stack(usage, 1), stack(gates, 1), state};
}

}  // namespace heed
