#include "fruit.h"
#include <array>
#include <cstdio>
#include <memory>
#include "models.h"
#include "parts.h"

namespace heed::explain {
namespace {

constexpr int64_t numbers = 10;
constexpr int64_t facts = 4, questions = 3, length = facts + questions;
constexpr std::array names{"apple", "pear", "plum", "kiwi", "fig", "lime"};

struct FruitBatch {
  Tensor fruit, number, target;  // [B, T] i64; a question has the number `numbers`, a fact the target no_target
};

// Four facts about different fruits, then three questions about three of them: "apple=3 pear=5 .. plum?"
FruitBatch sample(int64_t B, Rng& rng) {
  constexpr auto fruits = int64_t(names.size());
  std::vector<int64_t> fruit, number, target;
  for (int64_t b = 0; b < B; ++b) {
    const auto order = sort(rand({fruits}, rng)).indices.to_vector<int64_t>(),
               asked = sort(rand({facts}, rng)).indices.to_vector<int64_t>();
    const auto values = randint(0, numbers, {facts}, rng).to_vector<int64_t>();
    for (std::size_t i = 0; i < facts; ++i)
      fruit.push_back(order[i]), number.push_back(values[i]), target.push_back(no_target);
    for (std::size_t i = 0; i < questions; ++i) {
      const auto fact = std::size_t(asked[i]);
      fruit.push_back(order[fact]), number.push_back(numbers), target.push_back(values[fact]);
    }
  }
  const Shape shape{B, length};
  return {tensor(fruit, shape), tensor(number, shape), tensor(target, shape)};
}

struct Reading {
  std::vector<AppliedOp> ops;
  Fruit::Read read;
  Tensor loss;
};
Reading reading_of(const Fruit& model, const FruitBatch& batch) {
  Reading r;
  r.ops = applied_ops([&] {
    r.read = model(batch.fruit, batch.number);
    r.loss = cross_entropy(r.read.logits, batch.target, {.ignore_index = no_target});
  });
  return r;
}

// apple=3 pear=5 plum=2 kiwi=7 pear? plum? apple?
FruitBatch shown() {
  const std::vector<int64_t> fruit{0, 1, 2, 3, 1, 2, 0}, number{3, 5, 2, 7, numbers, numbers, numbers},
      target{no_target, no_target, no_target, no_target, 5, 2, 3};
  const Shape shape{1, length};
  return {tensor(fruit, shape), tensor(number, shape), tensor(target, shape)};
}

double accuracy(const Fruit& model, const FruitBatch& batch) {
  const Unrecorded off;
  const Tensor asked = batch.target != no_target,
               right = argmax(model(batch.fruit, batch.number).logits) == batch.target;
  return sum(asked & right).item() / sum(asked).item();
}

json tiny(const Fruit& model, const FruitBatch& batch, const Reading& at) {
  const Parameters p = parameters(model);
  std::vector<Tensor> wanted = p.values;
  wanted.insert(wanted.end(), {at.read.x, at.read.y, at.read.logits});
  const std::vector<Tensor> d = grad(at.loss, wanted);
  json values, gradients;
  for (std::size_t i = 0; i < p.paths.size(); ++i)
    values[p.paths[i]] = json_of(p.values[i]), gradients[p.paths[i]] = json_of(d[i]);
  auto of = [](const Tensor& x, const Tensor& y, const Tensor& logits) {
    return json{{"x", json_of(x(0))}, {"y", json_of(y(0))}, {"logits", json_of(logits(0))}};
  };
  const std::size_t n = p.values.size();
  return {{"parameters", values},
          {"gradients", gradients},
          {"fruit", batch.fruit.to_vector<int64_t>()},
          {"number", batch.number.to_vector<int64_t>()},
          {"targets", batch.target.to_vector<int64_t>()},
          {"heads", model.heads},
          {"values", of(at.read.x, at.read.y, at.read.logits)},
          {"value_gradients", of(d[n], d[n + 1], d[n + 2])}};
}

}  // namespace

Scene explain_fruit(const FruitOptions& options) {
  const FruitBatch batch = shown();
  seed(uint64_t(options.seed));
  const auto trained = std::make_shared<const Fruit>(
      cast(Fruit{.fruits = int64_t(names.size()), .numbers = numbers, .width = 8, .heads = 2, .causal = options.causal},
           f64));
  const Fruit& model = *trained;
  Rng rng{uint64_t(options.seed)};
  AdamW optimizer{.lr = 1e-2, .weight_decay = 0};
  Scene scene;
  scene.model = "attention", scene.step = options.steps;
  auto look = [&](int64_t step) {
    const Reading at = reading_of(model, batch);
    scene.history.push_back({step, at.loss.item(), grad(at.loss, model).norm(), {at.read.weights.detach()(0)}});
  };
  constexpr int64_t looks = 12;
  for (int64_t step = 0; step < options.steps; ++step) {
    if (step * (looks - 1) % options.steps < looks - 1) look(step);
    const FruitBatch b = sample(64, rng);
    Tensor loss = cross_entropy(model(b.fruit, b.number).logits, b.target, {.ignore_index = no_target});
    optimizer.step(model, clip(grad(consume(loss), model), 1.0), cosine(step, 20, options.steps));
  }
  look(options.steps);
  std::printf("trained %lld steps: %.1f%% of the questions of 1000 new sequences are answered right\n",
              static_cast<long long>(options.steps), 100 * accuracy(model, sample(1000, rng)));

  const Reading at = reading_of(model, batch);
  for (int64_t t = 0; t < length; ++t) {
    const auto number = int64_t(batch.number(0, t).item());
    scene.queries.push_back(names[std::size_t(batch.fruit(0, t).item())] +
                            (number == numbers ? "?" : "=" + std::to_string(number)));
  }
  scene.keys = scene.queries;
  scene.targets = batch.target.to_vector<int64_t>();
  for (int64_t i = 0; i < numbers; ++i) scene.answers.push_back(std::to_string(i));
  scene.logits = at.read.logits(0);
  scene.loss = at.loss;
  scene.ops = at.ops;
  scene.names = names_of(model);
  scene.tiny = tiny(model, batch, at);
  scene.layers.push_back({"attention",
                          heads_of(model.attention, at.read.weights, at.ops, at.loss),
                          {.names = {"value", "query", "key", "residual"},
                           .x = at.read.x,
                           .y = {at.read.y},
                           .again = [trained](const std::vector<Tensor>& x) {
                             return x[3] + trained->attention(x[1], x[2], x[0], trained->options());
                           }}});
  return scene;
}

}  // namespace heed::explain
