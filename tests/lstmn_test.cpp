// An LSTMN: an LSTM where it looks at its last state alone, its equations where it looks at all of them.
#include <heed/models/data/recall.h>
#include <heed/models/lstmn/lstmn.h>
#include <heed/models/lstmn/translator.h>
#include "common.h"
#include "program.h"

using namespace heed;

namespace {

Lstmn reader(uint64_t key, double size) {
  return scattered(cast(Lstmn{.in = 3, .hidden = 4, .width = 5}, f64), key, size);
}
LstmnDecoder writer(LstmnDecoder::Fusion fusion, uint64_t key, double size, int64_t hidden = 4) {
  return scattered(cast(LstmnDecoder{.in = 2, .hidden = hidden, .width = 3, .fusion = fusion}, f64), key, size);
}
Tensor h_at(const Tape& tape, int64_t t) { return tape.states(_, t, range(0, 4)); }

struct Reading {  // what an LSTMN says
  Lstmn m;
  Tensor operator()(In x) const { return m(x).y; }
};
struct Writing {  // an encoder and a decoder
  Lstmn reader;
  LstmnDecoder writer;
  Tensor mask;  // [B, S]
  Tensor operator()(In source, In x) const { return writer(x, writer.look_at(reader(source).tape, mask)).y; }
};

void certify(const auto& m, const std::vector<Tensor>& in) {
  const GradcheckReport r = gradcheck(m, in, {.order = 2});
  INFO(r.str());
  CHECK(r);
  CHECK(r.total.certified_digits >= 9);
  CHECK(r.total.inconclusive + r.total.kinks == 0);
}

}  // namespace

TEST_CASE("looking at the last state alone it is an LSTM, bit for bit") {
  for (Dtype type : {f32, f64}) {
    const Lstmn m = cast(Lstmn{.in = 5, .hidden = 7}, type);
    const Tensor x = noise({3, 12, 5}, 1, type);
    Tape tape;
    LstmState state;
    for (int64_t t = 0; t < 12; ++t) {
      const Tensor last = t ? cast(expand(arange(t) == t - 1, {3, t}), type) : Tensor();
      tape = m.step(x(_, t), tape, last);
      state = m.cell(x(_, t), state);
      CHECK(equal(tape.states(_, t), concat({state.h, state.c}, -1)));
    }
  }
}

TEST_CASE("the tape grows by one state a step, and nothing on it changes") {
  const Lstmn m = reader(1, 0.7);
  const Tensor x = noise({2, 6, 3}, 1);
  Tape tape;
  for (int64_t t = 0; t < 6; ++t) {
    const Tape next = m.step(x(_, t), tape, m.weights(x(_, t), tape));
    CHECK(next.states.shape() == Shape{2, t + 1, 8});
    CHECK(next.projected.shape() == Shape{2, t + 1, 5});
    if (t > 0) CHECK(equal(next.states(_, range(0, t)), tape.states));
    tape = next;
  }
  const Lstmn::Result r = m(x);
  CHECK(equal(r.tape.states, tape.states));
  CHECK(equal(r.y, tape.states(_, _, range(0, 4))));
  CHECK(equal(triu(r.weights), zeros({2, 6, 6}, f64)));  // only what stood before
  CHECK(equal(r.weights(_, 0), zeros({2, 6}, f64)));
  CHECK(allclose(sum(r.weights, -1)(_, range(1, 6)), ones({2, 5}, f64), 1e-15, 1e-15));
}

TEST_CASE("a step is its equations: Cheng, Dong and Lapata 2016, section 3.2") {
  const Lstmn m = reader(1, 0.7);
  const Tensor x = noise({1, 4, 3}, 1);
  Tensor seen = zeros({1, 4}, f64);  // h~_{t-1}
  Tape tape;
  for (int64_t t = 0; t < 4; ++t) {
    const Tensor now = x(_, t);
    LstmState before;
    if (t > 0) {
      const Tensor w = m.score.query.weight;  // W_x and W_h~ beside each other
      std::vector<Tensor> a;
      for (int64_t i = 0; i < t; ++i)
        a.push_back(m.score.v(tanh(linear(h_at(tape, i), m.score.key.weight) + linear(now, w(_, range(0, 3))) +
                                   linear(seen, w(_, range(3, 7))) + m.score.query.bias)));
      const Tensor s = softmax(concat(a, -1));
      CHECK(max_difference(m.weights(now, tape), s) < 1e-14);
      const Tensor mean = matmul(s, tape.states(0));
      before = {mean(_, range(0, 4)), mean(_, range(4, 8))};
      seen = before.h;
    }
    tape = m.step(now, tape, m.weights(now, tape));
    const LstmState state = m.cell(now, before);
    CHECK(max_difference(tape.states(_, t), concat({state.h, state.c}, -1)) < 1e-14);
  }
}

TEST_CASE("a decoder of each fusion is its equations: the same, section 4") {
  const Lstmn source_reader = reader(1, 0.7);
  const Tape source = source_reader(noise({2, 5, 3}, 2)).tape;
  const Tensor x = noise({2, 3, 2}, 3);
  for (auto fusion : {LstmnDecoder::shallow, LstmnDecoder::deep}) {
    const LstmnDecoder m = writer(fusion, 20, 0.7);
    const LstmnDecoder::Source looked_at = m.look_at(source);
    LstmnDecoder::State state;
    Tensor seen = zeros({2, 4}, f64);
    for (int64_t t = 0; t < 3; ++t) {
      const Tensor now = x(_, t);
      const LstmnDecoder::State next = m.step(now, state, looked_at);
      const Tensor p = softmax(
          squeeze(m.inter(unsqueeze(concat({now, seen}, -1), 1), source.states(_, _, range(0, 4))), 1));  // [2, 5]
      const Tensor mean = squeeze(matmul(unsqueeze(p, 1), source.states), 1);
      const Tensor g = mean(_, range(0, 4)), a = mean(_, range(4, 8));
      CHECK(max_difference(next.weights, p) < 1e-14);
      CHECK(max_difference(next.seen, g) < 1e-14);
      const Tensor in = fusion == LstmnDecoder::shallow ? concat({now, g}, -1) : now;
      const LstmState before = Lstmn::summary(state.tape, m.target.weights(in, state.tape));
      LstmState wanted = m.target.cell(in, before);
      if (fusion == LstmnDecoder::deep) {  // what came in through the gate, before the tanh
        const LstmCell& cell = m.target.cell;
        const Tensor o = sigmoid(slice(linear(now, cell.weight_ih, cell.bias_ih) +
                                           (before.h.defined() ? linear(before.h, cell.weight_hh, cell.bias_hh)
                                                               : linear(zeros_like(g), cell.weight_hh, cell.bias_hh)),
                                       -1, 12));
        wanted.c = wanted.c + sigmoid((*m.gate)(concat({g, now}, -1))) * a;
        wanted.h = o * tanh(wanted.c);
      }
      CHECK(max_difference(next.tape.states(_, t), concat({wanted.h, wanted.c}, -1)) < 1e-14);
      seen = g, state = next;
    }
    const LstmnDecoder::Result r = m(x, looked_at);
    CHECK(equal(r.state.tape.states, state.tape.states));
    CHECK(equal(r.y, state.tape.states(_, _, range(0, 4))));
    CHECK(equal(r.weights(_, 2), state.weights));
    // What is no token is not seen, whatever stands there.
    const Tensor mask = expand(arange(5) < 3, {2, 5});
    CHECK(max_difference(m(x, m.look_at(source, mask)).y,
                         m(x, {looked_at.states(_, range(0, 3)), looked_at.projected(_, range(0, 3)), {}}).y) < 1e-14);
    const Tape poisoned{where(unsqueeze(mask, -1), source.states, std::nan("")), {}, {}};
    const Tensor clean = m(x, m.look_at(source, mask)).y, y = m(x, m.look_at(poisoned, mask)).y;
    CHECK(equal(y, clean));
    const std::vector<Tensor> wanted = grad(sum(square(clean)), m).values, d = grad(sum(square(y)), m).values;
    for (std::size_t i = 0; i < d.size(); ++i) CHECK(equal(d[i], wanted[i]));
  }
}

TEST_CASE("what a tape does not fit is refused on the line that hands it over") {
  const Tape tape = reader(1, 0.7)(noise({2, 5, 3}, 2)).tape;
  const LstmnDecoder m = writer(LstmnDecoder::deep, 20, 0.7), wide = writer(LstmnDecoder::deep, 20, 0.7, 6);
  CHECK_ERROR(ShapeError, wide.look_at(tape),
              "linear: cannot apply a weight [3, 6] to [2, 5, 4]: the last dimension must be 6");
  CHECK_ERROR(ShapeError, m.look_at(tape, ones({2, 6}, boolean)),
              "LstmnDecoder: the mask [2, 6] does not broadcast to the states [2, 5]");
  CHECK_ERROR(ShapeError, Lstmn::summary(tape, ones({2, 4}, f64)),
              "matmul: cannot multiply [2, 1, 4] by [2, 5, 8]: the last dimension of the first (4) must equal the "
              "second-to-last of the second (5)");
  CHECK_ERROR(ShapeError, m.target.longer(tape, {}, {ones({2, 6}, f64), ones({2, 6}, f64)}),
              "linear: cannot apply a weight [3, 4] to [2, 6]: the last dimension must be 4");
}

TEST_CASE("a cell's gates are those of its step") {
  seed(1);
  const LstmCell cell = cast(LstmCell{3, 4}, f64);
  const Tensor x = noise({2, 3}, 1), h = noise({2, 4}, 2), c = noise({2, 4}, 3);
  const LstmGates of = cell.gates(x, h);
  const LstmState next = cell(x, {h, c});
  CHECK(max_difference(of.f * c + of.i * of.g, next.c) < 1e-15);
  CHECK(max_difference(of.o * tanh(next.c), next.h) < 1e-15);
}

TEST_CASE("gradients through six steps, and through a reader and a writer of each fusion", "[gradcheck]") {
  certify(Reading{reader(1, 0.7)}, {noise({2, 6, 3}, 2)});
  for (auto fusion : {LstmnDecoder::shallow, LstmnDecoder::deep})
    certify(Writing{reader(3, 0.7), writer(fusion, 40, 0.7), tensor({{1, 1, 1, 1}, {1, 1, 0, 0}}, boolean)},
            {noise({2, 4, 3}, 4), noise({2, 3, 2}, 5)});
}

TEST_CASE("strings to recall from: each mark once, the answer under the one that is asked for") {
  Rng rng{1};
  const RecallTask task{.symbols = 5, .marks = 3, .length = 7};
  CHECK(task.vocab() == 23);
  const Recalls r = sample_recalls(task, 50, rng);
  for (int64_t b = 0; b < 50; ++b) {
    const auto ids = r.ids(b).to_vector<int64_t>();
    std::vector<int64_t> seen(4);
    for (std::size_t t = 0; t < 6; ++t) ++seen[std::size_t(ids[t] / 5)];
    CHECK(seen == std::vector<int64_t>{3, 1, 1, 1});
    const int64_t asked = ids.back() - task.question(0), there = ids[std::size_t(r.place(b).item())];
    CHECK(there / 5 == asked + 1);
    CHECK(double(there % 5) == r.answer(b).item());
  }
  CHECK_ERROR(IndexError, sample_recalls({.marks = 3, .length = 3}, 1, rng),
              "sample_recalls: 3 places do not hold 3 marked ones of 16 symbols and a question: there must be some of "
              "all, and marks + 1 places");
}

TEST_CASE("a translator of each fusion: given what to write, and left alone") {
  const Tensor read = tensor({{3, 4, 5, 2}, {5, 5, 3, 2}}, i64), gold = tensor({{5, 4, 3}, {3, 5, 5}}, i64);
  using Fusion = std::optional<LstmnDecoder::Fusion>;
  for (const Fusion fusion : {Fusion(LstmnDecoder::shallow), Fusion(LstmnDecoder::deep), Fusion()}) {
    const LstmnTranslator m =
        scattered(cast(LstmnTranslator{.vocab = 6, .width = 3, .hidden = 4, .fusion = fusion}, f64), 1, 0.7);
    const auto [logits, weights] = m(read, gold);
    CHECK(logits.shape() == Shape{2, 3, 6});
    CHECK(weights.defined() == fusion.has_value());
    if (fusion) CHECK(allclose(sum(weights, -1), ones({2, 3}, f64), 1e-14, 1e-14));
    // What comes first knows nothing of gold, and what comes later only of what was before it.
    CHECK(equal(m(read, 0 * gold + 4).logits(_, 0), logits(_, 0)));
    CHECK_FALSE(equal(m(read, 0 * gold + 4).logits(_, 1), logits(_, 1)));
    // Left alone, it goes on from its own guesses.
    const Tensor alone = m(read, gold, false).logits;
    CHECK(max_difference(m(read, argmax(alone)).logits, alone) < 1e-14);
    // All of the source matters, from the first step on.
    for (int64_t place = 0; place < 4; ++place)
      CHECK_FALSE(equal(m(where(arange(4) == place, 4, where(read == 4, 3, read)), gold).logits(_, 0),
                        m(where(read == 4, 3, read), gold).logits(_, 0)));
  }
}

TEST_CASE("train_fusion with each: what it says and draws") {
  for (const std::string fusion : {"shallow", "deep", "none"}) {
    const std::string out = fresh_folder("fusion");
    const Said said =
        run_program_of_build("train_fusion", "--longest 3 --steps 2 --out " + out + " --fusion " + fusion);
    INFO(said.text);
    REQUIRE(said.code == 0);
    CHECK(said.after("letters ") <= 100);
    CHECK((said.after("within a place of the letter ") > 0) == (fusion != "none"));
    CHECK(std::filesystem::exists(out + "/attention.svg") == (fusion != "none"));
    std::filesystem::remove_all(out);
  }
  CHECK(run_program_of_build("train_fusion", "--fusion both").code == 2);
}

TEST_CASE("train_recall with each memory: what it says and draws, of as many parameters") {
  double parameters[2] = {};
  for (bool tape : {false, true}) {
    const std::string out = fresh_folder("recall");
    const Said said = run_program_of_build(
        "train_recall", std::string("--memory ") + (tape ? "lstmn" : "lstm") + " --steps 2 --out " + out);
    INFO(said.text);
    REQUIRE(said.code == 0);
    CHECK(said.after("recalled ") <= 20);
    CHECK(std::isnan(said.after("looks at its place with weight ")) == !tape);
    CHECK(std::filesystem::exists(out + "/attention.svg") == tape);
    CHECK(std::filesystem::exists(out + "/loss.svg"));
    parameters[tape] = std::atof(said.text.c_str());
    std::filesystem::remove_all(out);
  }
  CHECK(parameters[1] > 40000);
  CHECK(parameters[0] / parameters[1] >= 1);
  CHECK(parameters[0] / parameters[1] < 1.03);
  CHECK(run_program_of_build("train_recall", "--marks 30").code == 2);
}
