#include <heed/core/grad.h>
#include <heed/core/gradcheck.h>
#include <heed/core/mode.h>
#include <heed/models/data/reversed.h>
#include <heed/models/seq2seq/seq2seq.h>
#include <cmath>
#include <string>
#include "catch.h"
using namespace heed;

namespace {

const Vocabulary letters("abcdef");

Seq2Seq small(bool attends) {
  seed(7);
  return {.source_vocab = letters.size(), .target_vocab = letters.size(), .width = 3, .hidden = 4, .attends = attends};
}
Batch batch_of(std::initializer_list<const char*> sources) {
  std::vector<Example> examples;
  for (std::string s : sources)
    examples.push_back({letters.encode(s), letters.encode(std::string(s.rbegin(), s.rend()))});
  return collate(examples);
}
Tensor loss_of(const Seq2Seq& model, const Batch& batch) {
  const Tensor wanted = batch.target.ids(_, range(1, batch.target.ids.size(1)));
  return cross_entropy(model(batch), wanted, {.ignore_index = Vocabulary::pad});
}

}  // namespace

TEST_CASE("additive attention: weights are a distribution over the keys that count, and can come close to one") {
  seed(1);
  const AdditiveAttention a = cast(AdditiveAttention{3, 4, 5}, f64);
  Rng rng{2};
  const Tensor query = randn({2, 3}, rng, f64), keys = randn({2, 24, 4}, rng, f64);
  const Tensor mask = length_mask(tensor({24, 7}, i64), 24);
  const auto [context, weights] = a(query, keys, a.project(keys), mask);
  CHECK(context.shape() == Shape{2, 4});
  CHECK(max_difference(sum(weights, -1), ones({2}, f64)) < 1e-15);
  CHECK(max_difference(weights(1, range(7, 24)), zeros({17}, f64)) == 0);
  CHECK(max_difference(context, sum(reshape(weights, {2, 24, 1}) * keys, 1)) < 1e-15);

  // Without v, a mean of tanh lies in [-1, 1], and no weight over n keys exceeds 1 / (1 + (n - 1) e^-2). With v it
  // does.
  const double bound = 1 / (1 + 23 * std::exp(-2.0));
  const Tensor mean_of_tanh = mean(tanh(100 * (a.project(keys) + reshape(a.query(query), {2, 1, 5}))), -1);
  CHECK(max(softmax(mean_of_tanh)).item() <= bound);
  assign(a.score.weight, a.score.weight.detach() * 1000);
  CHECK(max(a(query, keys, a.project(keys)).weights).item() > 0.9);
}

TEST_CASE("the gradients of the whole encoder-decoder, with attention and without") {
  const bool attends = GENERATE(true, false);
  const Seq2Seq model = cast(small(attends), f64);
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
      p, {});
  INFO(report.str());
  CHECK(report.ok);
  CHECK(report.total.inconclusive == 0);
  // Digits are of the largest gradient of each parameter, and those of attention.query are 1e-6 in a fresh model.
  CHECK(report.total.certified_digits >= (attends ? 7 : 9));
}

TEST_CASE("a row of a batch is what it would be alone") {
  const Seq2Seq model = cast(small(true), f64);
  const Batch both = batch_of({"abcde", "fb"}), alone = batch_of({"fb"});
  const Tensor together = model(both), single = model(alone);
  CHECK(max_difference(together(range(1, 2), range(0, 3)), single) < 1e-14);
  const auto a = model.translate(both.source, 8), b = model.translate(alone.source, 8);
  const int64_t steps = std::min(a.ids.size(1), b.ids.size(1));
  CHECK(equal(a.ids(1, range(0, steps)), b.ids(0, range(0, steps))));
  CHECK(max_difference(a.weights(1, range(0, steps), range(2, 5)), zeros({steps, 3}, f64)) == 0);
}

TEST_CASE("the keys are projected once per source") {
  const Seq2Seq model = small(true);
  const Batch batch = batch_of({"abcde", "fb"});
  int projections = 0;
  {
    Observe count([&](const Event& e) {
      projections += path_of(model, e.module) == "attention.key" && std::string(e.op) == "linear";
    });
    model(batch);
  }
  CHECK(projections == 1);
}

TEST_CASE("teacher forcing gives the gold symbol with its probability") {
  const Seq2Seq model = small(true);
  const Batch batch = batch_of({"abcdefabcdef", "fbfbfbfbfbfb"});
  Rng a{3}, b{3}, c{4};
  CHECK(equal(model(batch, 1, &a), model(batch)));
  CHECK(a.counter == 0);
  CHECK_FALSE(equal(model(batch, 0, &b), model(batch)));
  CHECK(b.counter == uint64_t(batch.target.ids.size(1) - 1));
  CHECK(equal(model(batch, 0, &b), model(batch, 0, &c)));  // nothing is drawn between gold and guess
}

TEST_CASE("without attention the decoder sees the source through its first state only") {
  const Seq2Seq model = small(false);
  CHECK_FALSE(model.attention);
  const Batch batch = batch_of({"abc"});
  CHECK_FALSE(model.translate(batch.source, 4).weights.defined());
  CHECK(model.output.weight.size(1) == model.hidden);
}
