#include <heed/core/grad.h>
#include <heed/core/gradcheck.h>
#include <heed/core/mode.h>
#include <heed/models/data/reversed.h>
#include <heed/models/seq2seq/seq2seq.h>
#include <algorithm>
#include <cmath>
#include <string>
#include "common.h"
#include "files.h"
using namespace heed;

namespace {

const Vocabulary letters("abcdef");

Seq2Seq small(Attends attends, Cell cell = Cell::lstm) {
  seed(7);
  return {.source_vocab = letters.size(),
          .target_vocab = letters.size(),
          .width = 3,
          .hidden = 4,
          .attends = attends,
          .cell = cell,
          .attention = Seq2Seq::attention_of(attends, 3, 4, Normalizer::softmax, 12)};
}
Seq2Seq scattered(Cell cell, double size,
                  Attends attends = Attends::additive) {  // weights far from the small ones it begins with
  Seq2Seq model = cast(small(attends, cell), f64);
  uint64_t key = 1;
  walk(model, [&](const Item& p) {
    if (p.kind == Item::trained) assign(*p.tensor, size * noise(p.tensor->shape(), key++));
  });
  return model;
}
Batch batch_of(std::initializer_list<const char*> sources) {
  std::vector<Example> examples;
  for (std::string s : sources)
    examples.push_back({letters.encode(s), letters.encode(std::string(s.rbegin(), s.rend()))});
  return collate(examples);
}
Attends any_attention() { return attends_named(attends_names[GENERATE(range<std::size_t>(0, 9))]); }

}  // namespace

TEST_CASE("the gradients of the whole encoder-decoder, with each attention and without") {
  const Attends attends = any_attention();
  const Cell cell = GENERATE(Cell::rnn, Cell::lstm, Cell::gru);
  const Seq2Seq model = scattered(cell, 0.7, attends);
  const Batch batch = batch_of({"abc", "f"});
  const std::vector<Tensor> p = parameters(model).values;
  const GradcheckReport report = gradcheck(
      [&](const std::vector<Tensor>& values) {
        const Seq2Seq copy = clone(model);
        std::size_t i = 0;
        walk(copy, [&](const Item& x) {
          if (x.kind == Item::trained) *x.tensor = values[i++];
        });
        return loss_of(copy, batch);
      },
      p, {.order = cell == Cell::rnn ? 2 : 1});
  INFO(report.str());
  CHECK(report.ok);
  CHECK(report.total.inconclusive + report.total.kinks == 0);
  CHECK(report.total.certified_digits >= 9);
}

TEST_CASE("a row of a batch is what it would be alone") {
  const Seq2Seq model = cast(small(any_attention(), GENERATE(Cell::rnn, Cell::lstm, Cell::gru)), f64);
  const Batch both = batch_of({"abcde", "fb"}), alone = batch_of({"fb"});
  const Tensor together = model(both), single = model(alone);
  CHECK(max_difference(together(range(1, 2), range(0, 3)), single) < 1e-14);
  const auto a = model.translate(both.source, 8), b = model.translate(alone.source, 8);
  const int64_t steps = std::min(a.ids.size(1), b.ids.size(1));
  CHECK(equal(a.ids(1, range(0, steps)), b.ids(0, range(0, steps))));
  if (a.weights.defined())
    CHECK(max_difference(a.weights(1, range(0, steps), range(2, 5)), zeros({steps, 3}, f64)) == 0);
}

TEST_CASE("the keys are projected once per source") {
  const Seq2Seq model = small(Attends::additive);
  const Batch batch = batch_of({"abcde", "fb"});
  int projections = 0;
  {
    Observe count([&](const Event& e) {
      projections += path_of(model, e.module) == "attention.score.key" && std::string(e.op) == "linear";
    });
    model(batch);
  }
  CHECK(projections == 1);
}

namespace {

// Which of the symbols that the decoder is given are gold, [B, T - 2]: a model that always guesses `start`, which gold
// never is behind the first column.
Tensor gold_given(const Batch& batch, const Forcing& forcing, Rng& rng) {
  const Seq2Seq model = small(Attends::none);
  assign(model.output.bias, 100.0 * cast(arange(letters.size()) == Vocabulary::start, f32));
  std::vector<Tensor> given;
  Observe watch([&](const Event& e) {
    if (path_of(model, e.module) != "target") return;
    for (const Tensor* x : e.inputs)
      if (x->dtype() == i64) given.push_back(*x);
  });
  model(batch, forcing, &rng);
  REQUIRE(std::ssize(given) == batch.target.ids.size(1) - 1);
  const Tensor symbols = stack(given, 1), gold = batch.target.ids(_, range(0, std::ssize(given)));
  const Tensor is_gold = symbols == gold;
  CHECK(equal(is_gold | (symbols == Vocabulary::start), ones_like(is_gold)));
  CHECK(equal(symbols(_, 0), gold(_, 0)));
  return is_gold(_, Range{1});
}
Batch random_batch(int64_t rows, int64_t length) {
  Rng rng{5};
  const Tensor x = randint(Vocabulary::end + 1, letters.size(), {rows, length}, rng);
  const Tensor lengths = full({rows}, double(length), i64);
  return {{x, lengths}, {concat({full({rows, 1}, Vocabulary::start, i64), x}, 1), lengths + 1}};
}

}  // namespace

TEST_CASE("teacher forcing per step: each symbol is gold with its probability, whatever the others are") {
  const Batch batch = random_batch(100, 101);
  Rng rng{11};
  const Tensor gold = cast(gold_given(batch, {.probability = 0.5}, rng), f64);
  REQUIRE(gold.shape() == Shape{100, 100});
  CHECK(mean(gold).item() == Approx(0.5).margin(0.01));
  CHECK(mean(gold(_, range(1, 100)) * gold(_, range(0, 99))).item() == Approx(0.25).margin(0.015));
  CHECK(mean(gold(range(1, 100)) * gold(range(0, 99))).item() == Approx(0.25).margin(0.015));
  CHECK(mean(cast(gold_given(batch, {.probability = 0.9}, rng), f64)).item() == Approx(0.9).margin(0.01));
}

TEST_CASE("teacher forcing per sequence: all symbols of a row are gold, with one probability, or none is") {
  const Batch batch = random_batch(10'000, 4);
  Rng rng{12};
  const Tensor gold = cast(gold_given(batch, {.probability = 0.5, .per_sequence = true}, rng), f64);
  CHECK(rng.counter == 1);
  CHECK(mean(gold).item() == Approx(0.5).margin(0.01));
  for (int64_t t = 0; t < 3; ++t) CHECK(equal(gold(_, t), gold(_, 0)));
  CHECK(mean(gold(range(1, 10'000), 0) * gold(range(0, 9'999), 0)).item() == Approx(0.25).margin(0.01));
}

TEST_CASE("teacher forcing draws nothing where nothing is left to chance") {
  const Seq2Seq model = small(Attends::additive);
  const Batch batch = batch_of({"abcdefabcdef", "fbfbfbfbfbfb"});
  Rng a{3}, b{3}, c{4};
  CHECK(equal(model(batch, {.probability = 1}, &a), model(batch)));
  CHECK(a.counter == 0);
  CHECK_FALSE(equal(model(batch, {.probability = 0}, &b), model(batch)));
  CHECK(b.counter == uint64_t(batch.target.ids.size(1) - 1));
  CHECK(equal(model(batch, {.probability = 0}, &b), model(batch, {.probability = 0}, &c)));
  const Seq2Seq::Written free = model.translate(batch.source, batch.target.ids.size(1) - 1);  // the same, unforced
  CHECK(equal(argmax(model(batch, {.probability = 0}, &b))(_, range(0, free.ids.size(1))), free.ids));
}

TEST_CASE("without attention the decoder sees the source through its first state only") {
  const Seq2Seq model = small(Attends::none);
  CHECK_FALSE(model.attention);
  const Batch batch = batch_of({"abc"});
  CHECK_FALSE(model.translate(batch.source, 4).weights.defined());
  CHECK(model.output.weight.size(1) == model.hidden);
}

TEST_CASE("encoder and decoder of each cell: the same names, and a state that fits") {
  for (const char* name : {"rnn", "lstm", "gru"}) {
    INFO(name);
    const Cell cell = cell_named(name);
    const Seq2Seq model = small(Attends::additive, cell);
    const int64_t gates = cell == Cell::rnn ? 1 : cell == Cell::gru ? 3 : 4;
    const Parameters p = parameters(model);
    auto shape_of = [&](const std::string& path) {
      const auto found = std::find(p.paths.begin(), p.paths.end(), path);
      return found == p.paths.end() ? Shape{} : p.values[std::size_t(found - p.paths.begin())].shape();
    };
    CHECK(shape_of("encoder.weight_ih_l0_reverse") == Shape{4 * gates, 3});
    CHECK(shape_of("decoder.weight_ih") == Shape{4 * gates, 3 + 8});
    CHECK(shape_of("first_c.weight") == (cell == Cell::lstm ? Shape{4, 8} : Shape{}));
    CHECK(model.encode(batch_of({"abc"}).source).state.c.defined() == (cell == Cell::lstm));

    const files::Folder folder;
    save(folder / "model.safetensors", model);
    seed(8);
    Seq2Seq other{
        .source_vocab = letters.size(), .target_vocab = letters.size(), .width = 3, .hidden = 4, .cell = cell};
    const Batch batch = batch_of({"abcd", "fe"});
    CHECK_FALSE(equal(other(batch), model(batch)));
    load(folder / "model.safetensors", other);
    CHECK(equal(other(batch), model(batch)));
    CHECK(equal(clone(model)(batch), model(batch)));
  }
  // How many places scores know is part of a model where scores are of places, and of no other.
  auto for_sources_of = [](Attends attends, int64_t longest) {
    return Seq2Seq{.source_vocab = 9,
                   .target_vocab = 9,
                   .width = 3,
                   .hidden = 4,
                   .attends = attends,
                   .attention = Seq2Seq::attention_of(attends, 3, 4, Normalizer::softmax, longest)};
  };
  const files::Folder folder;
  for (const std::string& name : attends_names) {
    const Attends attends = attends_named(name);
    save(folder / "model.safetensors", for_sources_of(attends, 12));
    Seq2Seq other = for_sources_of(attends, 13);
    if (attends == Attends::location || attends == Attends::tutorial)
      CHECK(contains(thrown<FileError>([&] { load(folder / "model.safetensors", other); }), "length"));
    else CHECK_NOTHROW(load(folder / "model.safetensors", other));
  }
  CHECK_ERROR(Error, attends_named("dott"),
              "attends_named: there is no dott: known are additive, dot, general, concat, location, local, qkv, "
              "tutorial, none");
  CHECK_ERROR(Error, cell_named("lsmt"), "cell_named: there is no cell lsmt: there are rnn, lstm and gru");
}

TEST_CASE("a layer or cell chosen when the program runs computes what it is") {
  const Tensor x = noise({2, 5, 3}, 1, f32), lengths = tensor({5, 3}, i64), h = noise({2, 4}, 2, f32),
               c = noise({2, 4}, 3, f32);
  const auto [gy, gs] = (seed(1), any_recurrent(Cell::gru, {.in = 3, .hidden = 4, .layers = 2}))(x, lengths);
  const auto gru = (seed(1), Gru{.in = 3, .hidden = 4, .layers = 2})(x, lengths);
  CHECK((equal(gy, gru.y) && equal(gs.h, gru.h) && !gs.c.defined()));
  const auto rnn = (seed(1), any_recurrent(Cell::rnn, {.in = 3, .hidden = 4, .bidirectional = true}))(x);
  CHECK(equal(rnn.y, (seed(1), Rnn{.in = 3, .hidden = 4, .bidirectional = true})(x).y));
  const LstmState one = (seed(1), any_cell(Cell::lstm, 3, 4))(x(_, 0), {h, c});
  const LstmState same = (seed(1), LstmCell{3, 4})(x(_, 0), {h, c});
  CHECK((equal(one.h, same.h) && equal(one.c, same.c)));
  CHECK(equal((seed(1), any_cell(Cell::rnn, 3, 4))(x(_, 0), {h, {}}).h, (seed(1), RnnCell{3, 4})(x(_, 0), h)));
  CHECK(equal((seed(1), any_cell(Cell::gru, 3, 4))(x(_, 0), {h, {}}).h, (seed(1), GruCell{3, 4})(x(_, 0), h)));
}

TEST_CASE("Luong et al.: what is seen goes into the next step, and what the tutorial is given is what it sees") {
  const Batch batch = batch_of({"abcd"});
  const Seq2Seq model = scattered(Cell::lstm, 0.8, Attends::general);
  const Seq2Seq::Encoded e = model.encode(batch.source);
  const auto one = model.step(tensor({4}, i64), e.state, e);
  const Tensor x = model.target(tensor({4}, i64));
  const LstmState next = model.decoder(concat({x, zeros({1, 4}, f64)}, -1), {e.state.h, e.state.c});
  const auto& general = model.attention->score.as<GeneralScore>();
  const Tensor p = softmax(matmul(matmul(next.h, general.weight), transpose(e.source.v(0))));
  CHECK(allclose(p, one.weights, 1e-14, 1e-14));
  const Tensor seen = tanh((*model.combine)(concat({matmul(p, e.source.v(0)), next.h}, -1)));  // equation 5
  CHECK(allclose(seen, one.state.seen, 1e-14, 1e-14));
  CHECK(allclose(model.output(seen), one.logits, 1e-14, 1e-14));
  const auto two = model.step(tensor({5}, i64), one.state, e);  // input feeding, section 3.3
  const Tensor given = concat({model.target(tensor({5}, i64)), seen}, -1);
  CHECK(allclose(model.decoder(given, next).h, two.state.h, 1e-14, 1e-14));

  const Seq2Seq tutorial = scattered(Cell::gru, 0.8, Attends::tutorial);
  const Seq2Seq::Encoded f = tutorial.encode(batch.source);
  const auto r = tutorial.step(tensor({4}, i64), f.state, f);
  const Tensor y = tutorial.target(tensor({4}, i64));
  const Tensor context = tutorial.look(concat({y, f.state.h}, -1), f).y;
  const Tensor h = tutorial.decoder(relu((*tutorial.combine)(concat({y, context}, -1))), {f.state.h, {}}).h;
  CHECK(allclose(tutorial.output(h), r.logits, 1e-14, 1e-14));
  CHECK_ERROR(ShapeError, tutorial(batch_of({"abcdefabcdefa"})),
              "LocationScore: there are scores for 12 keys, not for the 13 of [1, 13, 4]");
}

// ---- beams
namespace {

double log_probability(const Seq2Seq& model, const Padded& source, const std::vector<int64_t>& ids) {
  std::vector<int64_t> target{Vocabulary::start};
  target.insert(target.end(), ids.begin(), ids.end());
  const Tensor logp = log_softmax(model(Batch{source, pad_sequence(std::vector<std::vector<int64_t>>{target})}));
  double sum = 0;
  for (std::size_t t = 0; t < ids.size(); ++t) sum += logp(0, int64_t(t), ids[t]).item();
  return sum;
}
double score_of(double log_probability, std::size_t length, double penalty) {
  return log_probability / std::pow((5 + double(length)) / 6, penalty);
}
std::vector<int64_t> until_end(const Tensor& ids) {
  std::vector<int64_t> r = ids.to_vector<int64_t>();
  const auto end = std::find(r.begin(), r.end(), Vocabulary::end);
  r.erase(end == r.end() ? end : end + 1, r.end());
  return r;
}

}  // namespace

TEST_CASE("translations by beams: one is greedy, more are never worse, and all end with <end>") {
  const Cell cell = GENERATE(Cell::rnn, Cell::lstm, Cell::gru);
  const Attends attends = GENERATE(Attends::additive, Attends::general, Attends::local);
  const Seq2Seq model = scattered(cell, 0.9, attends);
  const Batch batch = batch_of({"abcde", "fb", "a", "cafe"});
  const Seq2Seq::Written greedy = model.translate(batch.source, 9);
  const Seq2Seq::Written one = model.translate(batch.source, {.beams = 1, .max_new_tokens = 9, .length_penalty = 0});
  REQUIRE(one.weights.shape() == Shape{4, one.ids.size(1), 5});
  for (int64_t i = 0; i < 4; ++i) {
    const auto ids = until_end(greedy.ids(i));
    const auto n = std::ssize(ids);
    CHECK(until_end(one.ids(i, range(0, n))) == ids);
    CHECK(max_difference(one.weights(i, range(0, n)), greedy.weights(i, range(0, n))) < 1e-14);
    for (double penalty : {0.0, 0.6, 2.0}) {
      const Padded source{batch.source.ids(range(i, i + 1), range(0, int64_t(batch.source.lengths(i).item()))),
                          batch.source.lengths(range(i, i + 1))};
      const double least = score_of(log_probability(model, source, ids), ids.size(), penalty);
      for (int64_t beams : {1, 2, 3, 8}) {
        const auto found = beam_search(Translator{model, model.encode(source)}, {Vocabulary::start},
                                       {.beams = beams, .max_new_tokens = 9, .length_penalty = penalty, .end = 2});
        CHECK(found[0].score >= least - 1e-12);
        for (const Hypothesis& h : found) {
          CHECK(h.log_probability == Approx(log_probability(model, source, h.tokens)).epsilon(1e-12));
          CHECK(std::count(h.tokens.begin(), h.tokens.end(), Vocabulary::end) ==
                (h.tokens.back() == Vocabulary::end || h.tokens.size() < 9));
        }
      }
    }
  }
}

TEST_CASE("translations by beams: with enough of them the best of all") {
  const Cell cell = GENERATE(Cell::rnn, Cell::lstm, Cell::gru);
  const Seq2Seq model = scattered(cell, 1.2);
  const Padded source = batch_of({"abcf"}).source;
  const int64_t V = letters.size();
  std::vector<int64_t> best;
  double score = -INFINITY;
  auto consider = [&](const std::vector<int64_t>& ids) {
    const double s = score_of(log_probability(model, source, ids), ids.size(), 0.6);
    if (s > score) score = s, best = ids;
  };
  for (int64_t a = 0; a < V; ++a) {
    if (a == Vocabulary::end) {
      consider({a});
      continue;
    }
    for (int64_t b = 0; b < V; ++b) {
      if (b == Vocabulary::end) consider({a, b});
      else
        for (int64_t c = 0; c < V; ++c) consider({a, b, c});
    }
  }
  const Seq2Seq::Written found = model.translate(source, {.beams = V * V, .max_new_tokens = 3, .length_penalty = 0.6});
  CHECK(until_end(found.ids(0)) == best);
}

TEST_CASE("generate writes translations, too: greedily what translate does, of prompts of one length") {
  const Seq2Seq model = scattered(Cell::lstm, 0.9);
  const Padded source = batch_of({"abcde"}).source;
  const Translator translator{model, model.encode(source)};
  const Prompts made = generate(translator, {{Vocabulary::start}, {Vocabulary::start}},
                                {.max_new_tokens = 9, .sampling = {.temperature = 0}, .end = Vocabulary::end});
  CHECK(made[0] == until_end(model.translate(source, 9).ids(0)));
  CHECK(made[1] == made[0]);
  CHECK_THROWS_AS(generate(translator, {{1}, {1, 3}}, {.max_new_tokens = 2}), Error);
}
