// The parts of a Neural Turing Machine, and all of it against its equations.
#include <heed/models/data/copy.h>
#include "common.h"
#include "program.h"

using namespace heed;

namespace {

using Numbers = std::vector<double>;

NeuralTuringMachine machine(Controller::Kind kind, uint64_t key, double size) {
  return scattered(
      cast(
          NeuralTuringMachine{
              .in = 3, .out = 2, .hidden = 4, .slots = 5, .width = 3, .reads = 2, .writes = 2, .kind = kind},
          f64),
      key, size);
}

struct Saying {  // what a machine says
  NeuralTuringMachine m;
  Tensor operator()(In x) const { return m(x).y; }
};

double softplus_of(double x) { return std::log1p(std::exp(x)); }
double sigmoid_of(double x) { return 1 / (1 + std::exp(-x)); }
Numbers divided(Numbers x) {  // by its sum
  double total = 0;
  for (double v : x) total += v;
  for (double& v : x) v /= total;
  return x;
}

}  // namespace

TEST_CASE("circular shift: one-hot shifts turn the weights, others mix") {
  const Tensor w = noise({2, 5}, 1), s = noise({2, 3}, 2);
  for (int64_t by : {-1, 0, 1})
    CHECK(equal(circular_shift(w, cast(expand(arange(3) == by + 1, {2, 3}), f64)), roll(w, by, -1)));
  const Tensor y = circular_shift(w, s);
  for (int64_t b = 0; b < 2; ++b)
    for (int64_t i = 0; i < 5; ++i) {
      double sum = 0;
      for (int64_t j = -1; j <= 1; ++j) sum += w(b, (i - j + 5) % 5).item() * s(b, j + 1).item();
      CHECK(std::abs(y(b, i).item() - sum) < 1e-15);
    }
  CHECK(circular_shift(w, noise({2, 5}, 3)).shape() == Shape{2, 5});
  CHECK_ERROR(ShapeError, circular_shift(w, ones({2, 2}, f64)),
              "circular_shift: there must be an odd number of shifts, at most that of the slots, not 2 for 5 slots");
  CHECK_ERROR(ShapeError, circular_shift(w, ones({2, 7}, f64)),
              "circular_shift: there must be an odd number of shifts, at most that of the slots, not 7 for 5 slots");
}

TEST_CASE("sharpening: gamma 1 changes nothing, a large one leaves the largest") {
  const Tensor w = softmax(noise({3, 6}, 1)), one = ones({3, 1}, f64);
  CHECK(max_difference(sharpen(w, one), w) < 1e-15);
  CHECK(max_difference(sharpen(w, 2.5 * one), pow(w, 2.5) / sum(pow(w, 2.5), -1, keepdim)) < 1e-15);
  CHECK(max_difference(sharpen(w, 1000 * one), cast(one_hot(argmax(w), 6), f64)) < 1e-3);
  // Where no power is left of any weight there is still a largest one, and zeros have a gradient.
  const Tensor small = tensor({{1e-20, 3e-20, 0}}, f32).requires_grad(), gamma = full({1, 1}, 3);
  CHECK(allclose(sharpen(small, gamma), tensor({{1.0 / 28, 27.0 / 28, 0}}), 1e-5, 1e-6));
  CHECK(finite(grad(sum(square(sharpen(small, gamma))), {small})[0]));
}

TEST_CASE("content: the nearest slot in direction, evenly where all are empty, with a gradient there") {
  const Tensor memory = noise({1, 6, 4}, 1), key = memory(_, range(2, 3)) * 7;
  const Tensor w = content_weights(key, full({1, 1, 1}, 200, f64), memory);
  CHECK(argmax(w).item() == 2);
  CHECK(w(0, 0, 2).item() > 0.99);
  const Tensor empty = variable({1, 6, 4}, 1).detach() * 0;
  const Tensor v = empty.requires_grad(), even = content_weights(key, full({1, 1, 1}, 5, f64), v);
  CHECK(equal(even, full({1, 1, 6}, 1.0 / 6, f64)));
  CHECK(max(abs(grad(sum(even * noise({1, 1, 6}, 2)), {v})[0])).item() < 5 / 1e-3);
}

TEST_CASE("a step is its equations: Graves, Wayne and Danihelka 2014, eq. 2 to 9") {
  for (Controller::Kind kind : {Controller::feed_forward, Controller::lstm}) {
    const NeuralTuringMachine m = machine(kind, 1, 0.8);
    constexpr std::size_t N = 5, M = 3, R = 2, H = 4;  // slots, their width, read heads, heads
    NeuralTuringMachine::State state = m.initial(1);
    for (uint64_t t = 0; t < 3; ++t) {
      const NeuralTuringMachine::State before = state;
      state = m.step(noise({1, 3}, 10 + t), before);
      const Numbers said = m.heads(state.controller.h).to_vector();
      const Numbers last = before.weights.to_vector();
      Numbers memory = before.memory.to_vector(), weights;
      auto length = [](const double* v) { return std::max(1e-3, std::hypot(v[0], v[1], v[2])); };
      for (std::size_t h = 0; h < H; ++h) {
        const double* key = &said[h * M];
        const double* s = &said[H * (M + 2) + 3 * h];
        const double strength = softplus_of(said[H * M + h]), gate = sigmoid_of(said[H * (M + 1) + h]),
                     gamma = 1 + softplus_of(said[H * (M + 5) + h]);
        Numbers content, gated(N), turned(N);
        for (std::size_t i = 0; i < N; ++i) {
          const double* slot = &memory[i * M];
          const double dot = key[0] * slot[0] + key[1] * slot[1] + key[2] * slot[2];
          content.push_back(std::exp(strength * dot / (length(key) * length(slot))));
        }
        content = divided(content);
        for (std::size_t i = 0; i < N; ++i) gated[i] = gate * content[i] + (1 - gate) * last[h * N + i];
        const Numbers shift = divided({std::exp(s[0]), std::exp(s[1]), std::exp(s[2])});
        for (std::size_t i = 0; i < N; ++i)
          turned[i] =
              std::pow(gated[(i + 1) % N] * shift[0] + gated[i] * shift[1] + gated[(i + N - 1) % N] * shift[2], gamma);
        for (double w : divided(turned)) weights.push_back(w);
      }
      const double* erase = &said[H * (M + 6)];
      const double* add = erase + 2 * M;
      for (std::size_t i = 0; i < N; ++i)
        for (std::size_t j = 0; j < M; ++j) {
          double& slot = memory[i * M + j];
          for (std::size_t h = 0; h < 2; ++h) slot *= 1 - weights[(R + h) * N + i] * sigmoid_of(erase[h * M + j]);
          for (std::size_t h = 0; h < 2; ++h) slot += weights[(R + h) * N + i] * add[h * M + j];
        }
      Numbers read(R * M);
      for (std::size_t h = 0; h < R; ++h)
        for (std::size_t i = 0; i < N; ++i)
          for (std::size_t j = 0; j < M; ++j) read[h * M + j] += weights[h * N + i] * memory[i * M + j];
      CHECK(max_difference(state.weights, tensor(weights, {1, 4, 5}, f64)) < 1e-13);
      CHECK(max_difference(state.memory, tensor(memory, {1, 5, 3}, f64)) < 1e-13);
      CHECK(max_difference(state.read, tensor(read, {1, 2, 3}, f64)) < 1e-13);
    }
  }
}

TEST_CASE("a machine begins at slot 0 of a constant memory, sharp and walking, and goes on from any state") {
  const NeuralTuringMachine m{.in = 3, .out = 2, .hidden = 4, .slots = 5, .width = 3, .reads = 2};
  const NeuralTuringMachine::State first = m.initial(2);
  CHECK(equal(argmax(first.weights), zeros({2, 3}, i64)));
  CHECK(equal(sum(first.weights, -1), ones({2, 3})));
  CHECK(equal(first.memory, full({2, 5, 3}, 1e-6)));
  const Tensor x = noise({2, 6, 3}, 1, f32);
  const NeuralTuringMachine::Result all = m(x);
  CHECK(all.y.shape() == Shape{2, 6, 2});
  CHECK(all.weights.shape() == Shape{2, 6, 3, 5});
  CHECK(allclose(sum(all.weights, -1), ones({2, 6, 3}), 1e-6, 1e-6));
  NeuralTuringMachine::State state = first;
  for (int64_t t = 0; t < 6; ++t) state = m.step(x(_, t), state);
  CHECK(equal(state.memory, all.state.memory));
  const Tensor said = m.heads.bias;  // 3 keys and 3 strengths before the gates, 3 times 3 shifts before the gammas
  CHECK(max(said(range(12, 15))).item() < -1);
  CHECK(min(said(range(24, 27))).item() > 1);
}

TEST_CASE("gradients through four steps of all heads", "[gradcheck]") {
  for (Controller::Kind kind : {Controller::feed_forward, Controller::lstm})
    for (bool at_one : {false, true}) {
      Saying task{machine(kind, 1, 0.7)};
      if (at_one) {  // gamma = 1 + 1e-13
        const Tensor i = arange(task.m.heads.out);
        assign(task.m.heads.bias, where((i >= 32) & (i < 36), -30, task.m.heads.bias));
      }
      const GradcheckReport r = gradcheck(task, {noise({2, 4, 3}, 2)}, {.order = 2});
      INFO(r.str());
      CHECK(r);
      CHECK(r.total.certified_digits >= 9);
      CHECK(r.total.inconclusive + r.total.kinks == 0);
    }
}

TEST_CASE("what is read step by step has a step, and the width it was made for") {
  const NeuralTuringMachine m{.in = 3, .out = 2, .hidden = 4, .slots = 5, .width = 2};
  CHECK_ERROR(ShapeError, m(zeros({2, 0, 3})),
              "NeuralTuringMachine: x must be [B, T, 3] of one step at least, not [2, 0, 3]");
  const DifferentiableNeuralComputer computer{.in = 3, .out = 2, .hidden = 4, .slots = 5, .width = 2};
  CHECK_ERROR(ShapeError, computer(zeros({2, 6, 4})),
              "DifferentiableNeuralComputer: x must be [B, T, 3] of one step at least, not [2, 6, 4]");
  const Lstmn lstmn{.in = 3, .hidden = 4};
  CHECK_ERROR(ShapeError, lstmn(zeros({2, 0, 3})), "Lstmn: x must be [B, T, 3] of one step at least, not [2, 0, 3]");
  const LstmnDecoder decoder{.in = 3, .hidden = 4};
  CHECK_ERROR(ShapeError, decoder(zeros({6, 3}), {}),
              "LstmnDecoder: x must be [B, T, 3] of one step at least, not [6, 3]");
}

TEST_CASE("strings to copy: shown, marked, and asked for") {
  Rng rng{1};
  const Copies c = sample_copies({.bits = 3, .shortest = 2, .longest = 2, .strings = 2}, 4, rng);
  CHECK(c.x.shape() == Shape{4, 10, 4});
  CHECK(equal(c.shown, tensor({0, 1, 5, 6}, i64)));
  CHECK(equal(c.asked, tensor({3, 4, 8, 9}, i64)));
  for (int64_t i : {0, 1})
    CHECK(equal(c.x(_, range(5 * i, 5 * i + 2), range(0, 3)), 2 * c.target(_, range(2 * i, 2 * i + 2)) - 1));
  CHECK(equal(c.x(0, _, 3), tensor({0, 0, 1, 0, 0, 0, 0, 1, 0, 0})));
  CHECK(equal(index_select(c.x, 1, c.asked), zeros({4, 4, 4})));
  for (int64_t i = 0; i < 20; ++i) {
    const int64_t n = sample_copies({.shortest = 2, .longest = 4}, 1, rng).target.size(1);
    CHECK((n >= 2 && n <= 4));
  }
  CHECK_ERROR(
      IndexError, sample_copies({.shortest = 3, .longest = 2}, 4, rng),
      "sample_copies: cannot copy 1 strings of 3 to 2 times 8 bits: there must be one of each at least, and the "
      "shortest be at most the longest");
}

TEST_CASE("train_copy with each memory: what it says and draws") {
  for (const std::string memory : {"ntm", "dnc", "lstm"}) {
    const std::string out = fresh_folder("copy");
    const Said said =
        run_program_of_build("train_copy", "--memory " + memory + " --steps 2 --longest 2 --slots 9 --out " + out);
    INFO(said.text);
    REQUIRE(said.code == 0);
    CHECK(said.after("length 8: ") <= 100);
    CHECK(std::filesystem::file_size(out + "/bits.svg") > 1000);
    CHECK(std::filesystem::exists(out + "/heads.svg") == (memory != "lstm"));
    CHECK(std::filesystem::exists(out + "/memory.svg") == (memory != "lstm"));
    CHECK(std::isnan(said.after("moves by one slot in ")) == (memory == "lstm"));
    std::filesystem::remove_all(out);
  }
  const std::string out = fresh_folder("copy");
  const Said said = run_program_of_build(
      "train_copy", "--memory dnc_without_freeing --strings 2 --steps 2 --longest 2 --slots 3 --out " + out);
  INFO(said.text);
  REQUIRE(said.code == 0);
  CHECK(said.after("8 of length 2: ") <= 100);
  CHECK(said.after("free gate of ") == 0);
  CHECK(said.after("strings are shown; ") <= 1);
  std::filesystem::remove_all(out);
  CHECK(run_program_of_build("train_copy", "--memory tape").code == 2);
}
