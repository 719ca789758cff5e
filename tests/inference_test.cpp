// Decomposable attention: its equations, how often it computes what, and what order and padding mean to it.
#include <heed/models/inference/decomposable.h>
#include <cmath>
#include "common.h"
#include "files.h"
#include "program.h"

using namespace heed;

namespace {

Padded sentences(const std::vector<std::vector<int64_t>>& ids) { return pad_sequence(ids); }
const Padded a = sentences({{3, 4, 5, 6}, {7, 3}}), b = sentences({{4, 8, 3}, {9, 5, 6}});

Decomposable model(bool intra = false, bool attends = true) {
  seed(1);
  return scattered(
      cast(Decomposable{.vocab = 10, .width = 3, .hidden = 4, .classes = 3, .attends = attends, .intra = intra}, f64),
      1, 0.7);
}

struct Loss {  // for gradcheck
  Decomposable m;
  Tensor a_lengths, b_ids, b_lengths;
  Tensor operator()(In a_ids) const {
    return cross_entropy(m({a_ids, a_lengths}, {b_ids, b_lengths}).logits, tensor({2, 0}, i64));
  }
};

}  // namespace

TEST_CASE("decomposable attention is its equations, normalised over rows and over columns") {
  const Decomposable m = model();
  const Decomposable::Result r = m(a, b);
  const Tensor x = m.project(m.word(a.ids(0))), y = m.project(m.word(b.ids(0)));  // [4, 4], [3, 4]
  const Tensor e = matmul(m.attend(x), transpose(m.attend(y)));
  const Tensor beta = softmax(e, 1), alpha = softmax(e, 0);
  const Tensor v1 = sum(m.compare(concat({x, matmul(beta, y)}, 1)), 0);
  const Tensor v2 = sum(m.compare(concat({y, matmul(transpose(alpha), x)}, 1)), 0);
  CHECK(allclose(r.logits(0), m.output(m.aggregate(concat({v1, v2}))), 1e-13, 1e-13));
  CHECK(allclose(r.beta(0), beta, 1e-13, 1e-13));
  CHECK(allclose(r.alpha(0), transpose(alpha), 1e-13, 1e-13));
  CHECK(allclose(sum(r.beta, 2), ones({2, 4}, f64), 1e-14, 1e-14));
  CHECK(allclose(sum(r.alpha, 2), ones({2, 3}, f64), 1e-14, 1e-14));
  CHECK_FALSE(allclose(sum(r.beta, 1), ones({2, 3}, f64), 0.01, 0.01));
}

TEST_CASE("words look at their own sentence by what they are and how far away they stand") {
  const IntraSentence m = scattered(cast(IntraSentence{4}, f64), 1, 0.7);
  const Tensor x = noise({1, 5, 4}, 2), f = m.transform(x(0)), own = m(x, ones({1, 5}, boolean));
  Tensor scores = matmul(f, transpose(f)) + m.bias(5, 5)(0);
  CHECK(allclose(own(0), concat({x(0), matmul(softmax(scores), x(0))}, 1), 1e-13, 1e-13));
  const Tensor d = m.bias(25, 25)(0);
  CHECK(d(0, 10).item() == d(0, 24).item());
  CHECK(d(0, 9).item() != d(0, 10).item());
  CHECK(d(0, 1).item() != d(1, 0).item());
}

TEST_CASE("F is computed once for each word, not for each pair") {
  const Decomposable m = model();
  for (const int64_t n : {3, 6, 12}) {
    const Padded x{full({1, n}, 3, i64), tensor({n}, i64)}, y{full({1, 2 * n}, 4, i64), tensor({2 * n}, i64)};
    int64_t rows = 0;
    {
      Observe count([&](const Event& e) {
        if (path_of(m, e.module) == "attend.1" && std::string(e.op) == "linear")
          rows += e.inputs[0]->numel() / e.inputs[0]->size(-1);
      });
      m(x, y);
    }
    CHECK(rows == n + 2 * n);
  }
}

TEST_CASE("order means nothing without intra-sentence attention, and something with it") {
  const Padded turned{flip(a.ids(range(0, 1)), 1), a.lengths(range(0, 1))};
  const Padded one{a.ids(range(0, 1)), a.lengths(range(0, 1))}, other{b.ids(range(0, 1)), b.lengths(range(0, 1))};
  CHECK(allclose(model()(one, other).logits, model()(turned, other).logits, 1e-13, 1e-13));
  CHECK_FALSE(allclose(model(true)(one, other).logits, model(true)(turned, other).logits, 1e-4, 1e-4));
}

TEST_CASE("a pair in a padded batch is judged as it would be alone") {
  const Padded short_a = sentences({{7, 3}}), short_b = sentences({{9, 5, 6}});
  for (bool intra : {false, true})
    for (bool attends : {false, true}) {
      const Decomposable m = model(intra, attends);
      const Decomposable::Result both = m(a, b), alone = m(short_a, short_b);
      CHECK(max_difference(both.logits(1), alone.logits(0)) <= 1e-12);
      CHECK(both.beta.defined() == attends);
      if (attends) CHECK(max_difference(both.alpha(1, _, range(2, 4)), zeros({3, 2}, f64)) == 0);
    }
  const BagOfWords bag = scattered(cast(BagOfWords{.vocab = 10, .classes = 3}, f64), 1, 1);
  CHECK(max_difference(bag(a, b)(1), bag(short_a, short_b)(0)) <= 1e-14);
  CHECK(max_difference(bag(a, b)(1), bag.a.weight(7) + bag.a.weight(3) + bag.b.weight(9) + bag.b.weight(5) +
                                         bag.b.weight(6)) <= 1e-14);
}

TEST_CASE("dropout stands before each linear layer of F, G and H, and draws only in training") {
  seed(1);
  const Decomposable m{.vocab = 10, .width = 3, .hidden = 4, .classes = 3, .dropout = 0.2};
  Rng rng{1};
  CHECK_FALSE(equal(m(a, b, &rng).logits, m(a, b).logits));
  CHECK(rng.counter == 2 * (2 + 2 + 1));  // F and G of both, H
  CHECK(equal(m(a, b).logits, m(a, b).logits));
}

TEST_CASE("gradients of decomposable attention, to nine digits") {
  for (bool intra : {false, true}) {
    const Loss loss{model(intra), a.lengths, b.ids, b.lengths};
    const GradcheckReport r = gradcheck(loss, {a.ids}, {.order = 2});
    INFO(r.str());
    CHECK(r);
    CHECK(r.total.certified_digits >= 9);
    CHECK(r.total.inconclusive + r.total.kinks == 0);
  }
}

TEST_CASE("train_inference says what it reached, and draws what it compares") {
  for (const char* arguments :
       {"--steps 5 --intra --dropout 0.1", "--steps 5 --attention none", "--steps 5 --attention bag"}) {
    const std::string out = fresh_folder("inference");
    const Said said = run_program_of_build("train_inference", std::string(arguments) + " --out " + out);
    INFO(said.text);
    CHECK(said.code == 0);
    CHECK(said.after("labels right ") > 20);
    const bool aligned = !contains(arguments, "--attention");
    CHECK(std::filesystem::exists(out + "/alignment.svg") == aligned);
    CHECK((said.after("weight on the same word ") > 0) == aligned);
    std::filesystem::remove_all(out);
  }
  const Said said = run_program_of_build("train_inference", "--dropout 2");
  CHECK(said.code == 2);
  CHECK(contains(said.text, "--dropout"));
}
