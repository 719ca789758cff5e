// Readers of stories: their equations, what padding and order mean to them, and what their training says.
#include <heed/models/reading/attentive_reader.h>
#include <heed/models/reading/memory_network.h>
#include "common.h"
#include "files.h"
#include "program.h"

using namespace heed;

namespace {

const WordVocabulary words(story_words);
const Story anna{
    {"Anna walks to the garden", "Omar takes the lamp", "Anna walks to the attic"}, "where is Anna", "attic", {2}},
    lena{{"Lena walks to the hall"}, "where is the cup", "hall", {0}};

StoryBatch batch_of(std::vector<Story> stories) { return collate(stories, words); }
MemoryNetwork network(int64_t hops, int64_t width = 4) {
  seed(1);
  return {.vocab = words.size(), .width = width, .hops = hops, .times = 5};
}
AttentiveReader reader() {
  seed(1);
  return {.vocab = words.size(), .width = 3, .hidden = 2};
}
template <class M>
M spread(M model) {
  return scattered(cast(model, f64), 1, 0.5);
}

template <class M>
struct Loss {  // of a reader, for gradcheck
  M model;
  Tensor question, answer;
  Tensor operator()(In sentences) const {
    return cross_entropy(model(StoryBatch{sentences, question, answer}).logits, answer);
  }
};

}  // namespace

TEST_CASE("stories as tensors: the shorter ones end with sentences of padding") {
  const StoryBatch b = batch_of({anna, lena});
  CHECK(b.sentences.shape() == Shape{2, 3, 5});
  CHECK(b.question.shape() == Shape{2, 4});
  CHECK(equal(has_words(b.sentences), tensor({{1, 1, 1}, {1, 0, 0}}, boolean)));
  CHECK(words.decode(b.sentences(0, 1).to_vector<int64_t>()) == "Omar takes the lamp");
  CHECK(words.word(int64_t(b.answer(0).item())) == "attic");
  CHECK_THROWS_AS(batch_of({{{"Nora walks to the hall"}, "where is Nora", "hall", {0}}}), IndexError);
}

TEST_CASE("position encoding is the paper's, for each length, and 0 for padding") {
  const Tensor ids = tensor({{5, 6, 7}, {8, 9, 0}, {0, 0, 0}}, i64), l = position_encoding(ids, 4, f64);
  REQUIRE(l.shape() == Shape{3, 3, 4});
  for (int64_t row = 0; row < 3; ++row)
    for (int64_t j = 1; j <= 3; ++j)
      for (int64_t k = 1; k <= 4; ++k) {
        const double at = double(j) / double(3 - row), wanted = (1 - at) - double(k) / 4 * (1 - 2 * at);
        CHECK(l(row, j - 1, k - 1).item() == Approx(j <= 3 - row && row < 2 ? wanted : 0).margin(1e-15));
      }
}

TEST_CASE("a memory network is its equations, hop by hop") {
  const MemoryNetwork m = spread(network(2));
  const StoryBatch b = batch_of({anna});
  auto sentence = [&](const MemoryNetwork::Table& table, const Tensor& ids) {
    return sum(position_encoding(ids, 4, f64) * table.word(ids), -2);
  };
  Tensor u = sentence(m.tables[0], b.question(0));  // B = A^1
  std::vector<Tensor> p;
  for (std::size_t k = 0; k < 2; ++k) {
    auto memories = [&](const MemoryNetwork::Table& table) {  // the last sentence has time 0
      return sentence(table, b.sentences(0)) + table.time(tensor({2, 1, 0}, i64));
    };
    p.push_back(softmax(matmul(memories(m.tables[k]), u)));
    u = u + matmul(p.back(), memories(m.tables[k + 1]));
  }
  const Reading r = m(b);
  CHECK(allclose(r.logits(0), matmul(m.tables[2].word.weight, u), 1e-13, 1e-13));
  CHECK(allclose(r.weights(0), stack(p), 1e-13, 1e-13));
  const Reading linear = m(b, nullptr, Normalizer::none);
  CHECK_FALSE(allclose(sum(linear.weights, -1), ones({1, 2}, f64)));
}

TEST_CASE("an attentive reader is its equations") {
  const AttentiveReader m = spread(reader());
  const StoryBatch b = batch_of({{{anna.sentences[0], anna.sentences[2]}, anna.question, anna.answer, {1}}});
  const Tensor y = m.story(m.word(reshape(b.sentences, {1, 10}))).y(0);
  const Tensor last = m.question(m.word(b.question)).state.h, u = concat({last(0, 0), last(1, 0)});
  const auto weights = parameters(m.attention);
  REQUIRE(weights.paths ==
          std::vector<std::string>{"score.query.weight", "score.query.bias", "score.key.weight", "score.v.weight"});
  const auto& w = weights.values;
  const Tensor s = softmax(linear(tanh(linear(y, w[2]) + linear(u, w[0], w[1])), w[3])(_, 0));
  const Tensor r = matmul(s, y), g = tanh(m.from_story(r) + m.from_question(u));
  CHECK(allclose(m(b).logits(0), m.output(g), 1e-13, 1e-13));
  CHECK(allclose(m(b).weights(0, 0), sum(reshape(s, {2, 5}), 1), 1e-13, 1e-13));
}

TEST_CASE("a story in a padded batch is read as it would be alone, and padding is not looked at") {
  const StoryBatch both = batch_of({anna, lena}), alone = batch_of({lena});
  auto check = [&](const auto& m) {
    const Reading together = m(both), single = m(alone);
    CHECK(max_difference(together.logits(1), single.logits(0)) <= 1e-12);
    CHECK(max_difference(together.weights(1, _, 0), single.weights(0, _, 0)) <= 1e-12);
    CHECK(max_difference(together.weights(1, _, range(1, 3)), zeros_like(together.weights(1, _, range(1, 3)))) == 0);
    CHECK(allclose(sum(together.weights, -1), ones_like(together.weights(_, _, 0)), 1e-13, 1e-13));
  };
  check(spread(network(3)));
  check(spread(reader()));
  MemoryNetwork even = spread(network(1));
  even.attends = false;
  CHECK(allclose(even(both).weights(0, 0), full({3}, 1.0 / 3, f64), 1e-15, 1e-15));
}

TEST_CASE("times tell sentences apart, and are uncertain in training") {
  const MemoryNetwork m = spread(network(1));
  const Story turned{{anna.sentences[2], anna.sentences[1], anna.sentences[0]}, anna.question, "garden", {2}};
  CHECK_FALSE(allclose(m(batch_of({anna})).logits, m(batch_of({turned})).logits, 1e-3, 1e-3));
  for (const MemoryNetwork::Table& table : m.tables) assign(table.time.weight, zeros({5, 4}, f64));
  CHECK(allclose(m(batch_of({anna})).logits, m(batch_of({turned})).logits, 1e-12, 1e-12));

  CHECK(equal(m.ages(ones({1, 7}, boolean), nullptr), tensor({{4, 4, 4, 3, 2, 1, 0}}, i64)));  // no more than there are
  const MemoryNetwork far{.vocab = 3, .width = 2, .hops = 1, .times = 100};
  Rng rng{1};
  const Tensor mask = ones({2000, 10}, boolean), age = far.ages(mask, &rng);
  CHECK(min(age(_, range(0, 9)) - age(_, range(1, 10))).item() == 1);     // still in order
  CHECK(mean(cast(age(_, 0) - 9, f64)).item() == Approx(1).margin(0.1));  // of ten, one is empty
}

TEST_CASE("gradients of both readers, to nine digits") {
  const StoryBatch b = batch_of({anna, lena});
  auto certify = [&](const char* name, const auto& loss) {
    const GradcheckReport r = gradcheck(loss, {b.sentences}, {.order = 2});
    INFO(name << "\n" << r.str());
    CHECK(r);
    CHECK(r.total.certified_digits >= 9);
    CHECK(r.total.inconclusive + r.total.kinks == 0);
  };
  certify("MemoryNetwork", scattered(Loss<MemoryNetwork>{network(3, 3), b.question, b.answer}, 1, 0.7));
  certify("AttentiveReader", scattered(Loss<AttentiveReader>{reader(), b.question, b.answer}, 1, 0.7));
}

TEST_CASE("train_stories says what it reached, and draws where it looked") {
  for (const char* arguments : {"--steps 20 --hops 2", "--steps 5 --model reader --hidden 4 --width 4",
                                "--steps 5 --facts 2 --sentences 4 --attention even",
                                "--steps 1 --batch 1 --lr 0 --width 1 --sentences 1"}) {  // the last says pad
    const std::string out = fresh_folder("stories");
    const Said said = run_program_of_build("train_stories", std::string(arguments) + " --out " + out);
    INFO(said.text);
    CHECK(said.code == 0);
    CHECK(said.after("answers right ") > 5);
    CHECK(said.after("on the supporting sentences ") > 0);
    CHECK(std::filesystem::file_size(out + "/attention.svg") > 1000);
    std::filesystem::remove_all(out);
  }
  const Said said = run_program_of_build("train_stories", "--facts 2 --sentences 1");
  CHECK(said.code == 2);
  CHECK(contains(said.text, "--sentences"));
}
