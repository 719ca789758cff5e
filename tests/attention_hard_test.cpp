// Attention to one key: how it is drawn, and how what it is drawn from is trained.
#include <cmath>
#include <cstdio>
#include "common.h"

using namespace heed;

namespace {

constexpr int64_t samples = 100000;

Tensor each_row(const Tensor& x, int64_t n) { return broadcast_to(x, {n, x.size(0)}).contiguous(); }
double variance(const Tensor& x) { return sum(var(x, 0)).item(); }

}  // namespace

TEST_CASE("a key is drawn with its probability, one at a time, and never a masked one") {
  const Tensor s = tensor({0.5, -1, 2, 0}, f64), p = softmax(s);
  for (Normalizer how : {Normalizer::sampled, Normalizer::straight_through}) {
    Rng rng{1};
    const Tensor w = normalize(each_row(s, samples), how, {}, &rng);
    CHECK(equal(sum(cast(w == 1, i64), -1), ones({samples}, i64)));
    CHECK(equal(sum(cast(w == 0, i64), -1), full({samples}, 3, i64)));
    const std::vector<double> found = mean(w, 0).to_vector(), wanted = p.to_vector();
    for (std::size_t i = 0; i < 4; ++i)
      CHECK(std::abs(found[i] - wanted[i]) < 4 * std::sqrt(wanted[i] * (1 - wanted[i]) / double(samples)));
    const Tensor some = normalize(each_row(s, 1000), how, {.mask = arange(4) != 2}, &rng);
    CHECK(equal(some(_, 2), zeros({1000}, f64)));
    CHECK(equal(sum(some, -1), ones({1000}, f64)));
    CHECK(equal(normalize(s, how, {.mask = zeros({4}, boolean)}, &rng), zeros({4}, f64)));
    CHECK(equal(normalize(s, how), tensor({0, 0, 1, 0}, f64)));  // no generator: the most likely
  }
}

TEST_CASE("what is drawn is a function of the generator alone") {
  const Tensor s = noise({50, 6}, 1);
  for (Normalizer how : {Normalizer::sampled, Normalizer::straight_through, Normalizer::gumbel}) {
    Rng a{3}, b{3};
    const Tensor first = normalize(s, how, {}, &a);
    CHECK(equal(normalize(s, how, {}, &b), first));
    CHECK(a.counter == 1);
    CHECK_FALSE(equal(normalize(s, how, {}, &a), first));
    CHECK(normalize(cast(s, f32), how, {}, &a).dtype() == f32);
  }
}

TEST_CASE("straight-through: the choice, with the gradient of the probabilities") {
  const Tensor s = variable({20, 5}, 1), gy = noise({20, 5}, 2);
  Rng a{3}, b{3};
  const Tensor w = normalize(s, Normalizer::straight_through, {}, &a);
  const Tensor choice = normalize(s, Normalizer::sampled, {}, &b);
  CHECK(equal(w, choice));
  CHECK_FALSE(choice.tracked());
  CHECK(allclose(vjp(w, gy, {s})[0], vjp(softmax(s), gy, {s})[0], 1e-15, 1e-15));
}

TEST_CASE("Gumbel-softmax: nearly the choice when it is cold, nearly even when it is hot") {
  const Tensor s = noise({200, 5}, 1);
  auto drawn = [&](Normalizer how, double temperature) {
    Rng rng{3};
    return normalize(s, how, {.temperature = temperature}, &rng);
  };
  CHECK(allclose(sum(drawn(Normalizer::gumbel, 1), -1), ones({200}, f64), 1e-14));
  const Tensor choice = drawn(Normalizer::sampled, 1);
  for (double temperature : {0.01, 1.0, 100.0})
    CHECK(equal(argmax(drawn(Normalizer::gumbel, temperature)), argmax(choice)));
  CHECK(mean(abs(drawn(Normalizer::gumbel, 0.01) - choice)).item() < 0.01);
  CHECK(max(drawn(Normalizer::gumbel, 1000)).item() < 0.21);
}

TEST_CASE("a draw at a temperature has the probabilities of the scores divided by it") {
  const Tensor scores = tensor({0, 1, 2}, f64), s = expand(scores, {20000, 3});
  for (double temperature : {0.5, 1.0, 4.0})
    for (Normalizer how : {Normalizer::sampled, Normalizer::straight_through}) {
      Rng rng{1};
      const Tensor often = mean(normalize(s, how, {.temperature = temperature}, &rng), 0);
      CHECK(max_difference(often, softmax(scores / temperature)) < 5 * std::sqrt(0.25 / 20000));
    }
  const Tensor x = variable({20, 5}, 1), gy = noise({20, 5}, 2);
  Rng rng{3};
  const Tensor w = normalize(x, Normalizer::straight_through, {.temperature = 2}, &rng);
  CHECK(allclose(vjp(w, gy, {x})[0], vjp(softmax(x / 2), gy, {x})[0], 1e-14, 1e-15));
}

TEST_CASE("the probability of a choice, and of none") {
  const Tensor s = variable({3, 4}, 1), choice = tensor({{0, 1, 0, 0}, {0, 0, 0, 1}, {0, 0, 0, 0}}, f64);
  const Tensor l = log_probability(softmax(s), choice), all = log_softmax(s);
  CHECK(l(0).item() == Approx(all(0, 1).item()));
  CHECK(l(1).item() == Approx(all(1, 3).item()));
  CHECK(l(2).item() == 0);
  const Tensor d = grad(sum(l), {s})[0], p = softmax(s.detach());
  CHECK(allclose(d(0), choice(0) - p(0), 1e-14, 1e-15));
  CHECK(equal(d(2), zeros({4}, f64)));
}

TEST_CASE("choices: a key in each row that is drawn, the probabilities in the others, and what each is worth") {
  const Tensor s = variable({200, 5}, 1), p = softmax(s);
  const Tensor drawn = arange(200) < 100;
  Rng a{3}, b{3};
  const Choice all = choose(s, &a), half = choose(s, &b, drawn);
  CHECK(equal(all.log_probability, log_probability(p, all.weights)));
  CHECK(allclose(all.entropy, entropy(p), 1e-15));
  CHECK_FALSE(all.weights.tracked());
  CHECK(equal(half.weights(range(0, 100)), all.weights(range(0, 100))));
  CHECK(equal(half.weights(range(100, 200)), p(range(100, 200))));
  CHECK(equal(half.log_probability(range(0, 100)), all.log_probability(range(0, 100))));
  CHECK(equal(half.log_probability(range(100, 200)), zeros({100}, f64)));
  const Tensor gy = noise({200, 5}, 2), d = vjp(half.weights, gy, {s})[0];
  CHECK(equal(d(range(0, 100)), zeros({100, 5}, f64)));
  CHECK(allclose(d(range(100, 200)), vjp(p, gy, {s})[0](range(100, 200)), 1e-15, 1e-15));
  CHECK(equal(argmax(choose(s, nullptr).weights), argmax(s)));
  CHECK_ERROR(ShapeError, choose(s, nullptr, drawn(range(0, 5))),
              "choose: drawn must be true or false of each row of [200, 5], not [5]");
}

TEST_CASE("REINFORCE's gradient is right on average, with a baseline and without, and the baseline calms it") {
  // log p(y | s) of looking at each of four keys, and scores of the keys: both are learned. The exact objective is
  // sum_s p(s) log p(y | s) + 0.3 H[p].
  const Tensor scores = tensor({0.5, -1, 1, 0}, f64), likelihoods = tensor({-3.1, -2.2, -2.8, -3.9}, f64);
  const Tensor a = scores.requires_grad(), v = likelihoods.requires_grad();
  const std::vector<Tensor> exact = grad(sum(softmax(a) * v) + 0.3 * sum(entropy(softmax(a))), {a, v});

  auto gradients = [&](const Reinforce& reinforce, Rng& rng) {  // one of each sample
    const Tensor s = each_row(scores, samples).requires_grad(), l = each_row(likelihoods, samples).requires_grad();
    const Tensor p = softmax(s), choice = normalize(s, Normalizer::sampled, {}, &rng);
    const Tensor loss = reinforce(sum(choice * l, -1), log_probability(p, choice), entropy(p));
    std::vector<Tensor> d = grad(loss, {s, l});
    for (Tensor& g : d) g = -double(samples) * g;
    return d;
  };
  Rng rng{1};
  const Reinforce without{.entropy = 0.3, .decay = 1}, with{.entropy = 0.3};
  for (int i = 0; i < 60; ++i)  // to where the mean reward is
    with(full({4}, sum(softmax(scores) * likelihoods).item(), f64), zeros({4}, f64), zeros({4}, f64));
  double spread[2];
  for (const Reinforce* reinforce : {&without, &with}) {
    const std::vector<Tensor> d = gradients(*reinforce, rng);
    for (std::size_t k = 0; k < 2; ++k) {
      const Tensor sigma = heed::std(d[k], 0) / std::sqrt(double(samples));
      INFO(to_string(mean(d[k], 0)) << " is " << to_string(exact[k]) << " within " << to_string(sigma));
      CHECK(all(abs(mean(d[k], 0) - exact[k]) <= 3 * sigma).item() != 0);
    }
    spread[reinforce == &with] = variance(d[0]);
  }
  std::printf("variance %.3f without a baseline, %.3f with: %.1f times less\n", spread[0], spread[1],
              spread[0] / spread[1]);
  CHECK(spread[0] >= 2 * spread[1]);
}

TEST_CASE("the baseline is a moving average, saved with the model, and reward weighs the choice alone") {
  const Reinforce r;
  const Tensor nothing = zeros({2});
  r(tensor({-4, -2}), nothing, nothing);
  CHECK(r.baseline.item() == Approx(0.1 * -3));
  r(tensor({-4, -2}), nothing, nothing);
  CHECK(r.baseline.item() == Approx(0.9 * 0.1 * -3 + 0.1 * -3));
  {
    Unrecorded off;  // an evaluation
    const double before = r.baseline.item();
    r(tensor({-4, -2}), nothing, nothing);
    CHECK(r.baseline.item() == before);
  }
  const double before = r.baseline.item();
  r(zeros({0}), zeros({0}), zeros({0}));  // of nobody there is nothing to learn
  CHECK(r.baseline.item() == before);
  CHECK(state(r).paths == std::vector<std::string>{"baseline"});
  const Tensor log_likelihood = tensor({-1}).requires_grad(), log_choice = tensor({-2}).requires_grad();
  const Reinforce half{.reward = 0.5, .baseline = full({}, -3)};
  const std::vector<Tensor> d = grad(half(log_likelihood, log_choice, zeros({1})), {log_likelihood, log_choice});
  CHECK(d[0].item() == -1);
  CHECK(d[1].item() == -0.5 * (-1 + 3));
  CHECK_ERROR(ShapeError, half(ones({2}), ones({3}), ones({2})),
              "Reinforce: log p(y | s), log p(s) and the entropy must be [B], not [2], [3] and [2]");
}
