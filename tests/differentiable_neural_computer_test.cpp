// What must hold of a Differentiable Neural Computer whatever it has learned, and its parts by hand.
#include "common.h"

using namespace heed;

namespace {

DifferentiableNeuralComputer computer(Controller::Kind kind, int64_t reads, uint64_t key, double size) {
  return scattered(cast(
                       DifferentiableNeuralComputer{
                           .in = 3, .out = 2, .hidden = 4, .slots = 5, .width = 3, .reads = reads, .kind = kind},
                       f64),
                   key, size);
}
Tensor at(std::initializer_list<double> slots) {
  return unsqueeze(tensor(std::vector<double>(slots), {int64_t(slots.size())}, f64), 0);
}

struct Saying {  // what a computer says
  DifferentiableNeuralComputer m;
  Tensor operator()(In x) const { return m(x).y; }
};

}  // namespace

TEST_CASE("allocation picks the free slot, and what is left of it goes to the next") {
  CHECK(equal(allocation_weights(at({1, 1, 0, 1})), at({0, 0, 1, 0})));
  CHECK(equal(allocation_weights(at({1, 1, 1})), at({0, 0, 0})));
  CHECK(equal(allocation_weights(at({0, 0, 0})), at({1, 0, 0})));
  // phi = 2, 0, 1
  CHECK(max_difference(allocation_weights(at({0.5, 0.8, 0.25})), at({0.25 * 0.5, 0.25 * 0.5 * 0.2, 0.75})) < 1e-15);
}

TEST_CASE("allocation has a gradient beside the places where it jumps") {
  const GradcheckReport r = gradcheck(allocation_weights, {softmax(noise({3, 6}, 1))}, {.order = 2});
  INFO(r.str());
  CHECK(r);
  CHECK(r.total.certified_digits >= 9);
  const double a = 0.5, more = 0.5 + 1e-12;  // of equals the freer has it all
  CHECK(max_difference(allocation_weights(at({a, more})), at({0.5, 0.25})) < 1e-11);
  CHECK(max_difference(allocation_weights(at({more, a})), at({0.25, 0.5})) < 1e-11);
  CHECK(gradcheck(allocation_weights, {at({a, a})}, {.jumps = true}));
}

TEST_CASE("usage: writing takes slots, free gates release what was read") {
  const Tensor write = at({0, 0.5, 1}), none = zeros({1, 1, 3}, f64), gate = ones({1, 1, 1}, f64);
  const Tensor used = usage_after(at({0.2, 0.5, 0.5}), write, none, gate);
  CHECK(equal(used, at({0.2, 0.75, 1})));
  const Tensor read = unsqueeze(at({0, 0.5, 1}), 1);
  CHECK(equal(usage_after(used, at({0, 0, 0}), read, gate), at({0.2, 0.375, 0})));
  CHECK(equal(usage_after(used, at({0, 0, 0}), read, 0 * gate), used));
  // Each head frees what it has read.
  const Tensor both = concat({read, unsqueeze(at({1, 0, 0}), 1)}, 1);
  CHECK(equal(usage_after(used, at({0, 0, 0}), both, tensor({{{0.0}, {1.0}}}, f64)), at({0, 0.75, 1})));
}

TEST_CASE("links lead from what was written to what was written next, and back") {
  Links l{zeros({1, 5, 5}, f64), zeros({1, 5}, f64)};
  auto slot = [](int64_t i) { return cast(reshape(arange(5) == i, {1, 5}), f64); };
  for (int64_t i : {3, 1, 4}) l = linked(l, slot(i));
  CHECK(equal(matmul(slot(3), transpose(l.matrix(0))), slot(1)));
  CHECK(equal(matmul(slot(1), transpose(l.matrix(0))), slot(4)));
  CHECK(equal(matmul(slot(4), l.matrix(0)), slot(1)));
  CHECK(equal(matmul(slot(1), l.matrix(0)), slot(3)));
  CHECK(equal(l.precedence, slot(4)));
  l = linked(l, slot(1));  // written again: it follows 4, and no more 3
  CHECK(equal(matmul(slot(4), transpose(l.matrix(0))), slot(1)));
  CHECK(sum(matmul(slot(3), transpose(l.matrix(0)))).item() == 0);
}

TEST_CASE("what holds after every step, whatever the weights") {
  for (auto kind : {Controller::feed_forward, Controller::lstm})
    for (int64_t reads : {1, 3})
      for (double size : {0.5, 3.0}) {
        const DifferentiableNeuralComputer m = computer(kind, reads, 1, size);
        CHECK(m.heads.out == reads * 3 + 3 * 3 + 5 * reads + 3);
        DifferentiableNeuralComputer::State s = m.initial(4);
        for (uint64_t t = 0; t < 30; ++t) {
          s = m.step(3 * noise({4, 3}, 100 + t), s);
          auto within = [](const Tensor& x) { return min(x).item() >= -1e-14 && max(x).item() <= 1 + 1e-14; };
          CHECK(within(s.usage));
          CHECK(within(allocation_weights(s.usage)));
          CHECK(within(sum(allocation_weights(s.usage), -1)));
          CHECK((within(s.write) && within(sum(s.write, -1))));
          CHECK((within(s.weights) && within(sum(s.weights, -1))));
          CHECK((within(s.links.precedence) && within(sum(s.links.precedence, -1))));
          CHECK(within(s.links.matrix));
          CHECK((within(sum(s.links.matrix, -1)) && within(sum(s.links.matrix, -2))));
          CHECK(equal(diagonal(s.links.matrix, 0, -2, -1), zeros({4, 5}, f64)));
        }
      }
}

TEST_CASE("a step writes, then reads what it has written: the memory's equation") {
  const DifferentiableNeuralComputer m = computer(Controller::lstm, 2, 1, 0.8);
  DifferentiableNeuralComputer::State s = m.initial(1);
  for (uint64_t t = 0; t < 4; ++t) {
    const DifferentiableNeuralComputer::State before = s;
    s = m.step(noise({1, 3}, 10 + t), before);
    const Tensor said = m.heads(s.controller.h)(0);
    const Tensor w = unsqueeze(s.write(0), 1), erase = sigmoid(said(range(12, 15))), add = said(range(15, 18));
    CHECK(max_difference(s.memory(0), before.memory(0) * (1 - w * erase) + w * add) < 1e-14);
    const Tensor free = reshape(sigmoid(said(range(18, 20))), {1, 2, 1});
    CHECK(max_difference(s.usage, usage_after(before.usage, before.write, before.weights, free)) < 1e-15);
    const Tensor allocation = sigmoid(said(20)), gate = sigmoid(said(21));
    CHECK(equal(s.gates(0), sigmoid(said(range(18, 22)))));
    const Tensor key = reshape(said(range(8, 11)), {1, 1, 3}), strength = 1 + softplus(reshape(said(11), {1, 1, 1}));
    const Tensor content = content_weights(key, strength, before.memory)(0, 0);
    CHECK(max_difference(s.write(0),
                         gate * (allocation * allocation_weights(s.usage)(0) + (1 - allocation) * content)) < 1e-14);
    for (int64_t i = 0; i < 2; ++i) {
      const Tensor mode = softmax(said(range(22 + 3 * i, 25 + 3 * i))), last = before.weights(0, i);
      const Tensor by_content = content_weights(reshape(said(range(3 * i, 3 * i + 3)), {1, 1, 3}),
                                                1 + softplus(reshape(said(6 + i), {1, 1, 1})), s.memory)(0, 0);
      const Tensor wanted = mode(0) * matmul(transpose(s.links.matrix(0)), last) + mode(1) * by_content +
                            mode(2) * matmul(s.links.matrix(0), last);
      CHECK(max_difference(s.weights(0, i), wanted) < 1e-14);
      CHECK(max_difference(s.read(0, i), matmul(wanted, s.memory(0))) < 1e-14);
    }
  }
  DifferentiableNeuralComputer full = clone(m);
  full.frees = false;
  Tensor usage = zeros({2, 5}, f64);
  for (int64_t T : {1, 4, 8}) {  // without free gates it only ever grows
    const Tensor next = full(noise({2, 8, 3}, 3)(_, range(0, T))).state.usage;
    CHECK(min(next - usage).item() >= -1e-14);
    usage = next;
  }
}

TEST_CASE("a computer's trace is that of its steps") {
  const DifferentiableNeuralComputer m = computer(Controller::feed_forward, 2, 1, 0.8);
  const Tensor x = noise({2, 3, 3}, 1);
  const DifferentiableNeuralComputer::Result r = m(x);
  DifferentiableNeuralComputer::State s = m.initial(2);
  for (int64_t t = 0; t < 3; ++t) {
    s = m.step(x(_, t), s);
    CHECK(equal(r.weights(_, t), concat({s.weights, unsqueeze(s.write, 1)}, 1)));
    CHECK((equal(r.usage(_, t), s.usage) && equal(r.gates(_, t), s.gates)));
  }
}

TEST_CASE("gradients through four steps of all heads of a computer", "[gradcheck]") {
  for (auto kind : {Controller::feed_forward, Controller::lstm}) {
    const GradcheckReport r = gradcheck(Saying{computer(kind, 2, 1, 0.7)}, {noise({2, 4, 3}, 2)}, {.order = 2});
    INFO(r.str());
    CHECK(r);
    CHECK(r.total.certified_digits >= 9);
    CHECK(r.total.inconclusive + r.total.kinks == 0);
  }
}
