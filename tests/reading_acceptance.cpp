// Stories: one fact takes one look at the right sentence; two facts take looks that follow each other.
#include "acceptance.h"
#include "catch.h"

namespace {

struct Stories {
  double right, weight;
  std::string score() const { return text("%.1f %%, on the supporting sentences %.2f", right, weight); }
};
Stories read(const std::string& arguments, int seed) {
  const Said said = train("train_stories", seed, arguments);
  return {said.after("answers right "), said.after("on the supporting sentences ")};
}
Baseline behind(const std::string& name, const std::string& arguments, double most) {
  return {name, [=](int seed) {
            const Stories r = read(arguments, seed);
            return Outcome{r.score(), r.right <= most};
          }};
}

}  // namespace

TEST_CASE("one fact: both readers look at the sentence that says it") {
  struct Kind {
    const char *name, *mechanism, *threshold;
    int64_t steps;
    double least;  // weight
  };
  for (const Kind& k :
       {Kind{"memory", "memory network, 3 hops", "≥ 99 %, on the supporting sentence ≥ 0.9; even ≤ 60 %", 1000, 0.9},
        // Its LSTM carries what a sentence says to words of the next one, and that is looked at, too.
        Kind{"reader", "attentive reader", "≥ 99 %, on the supporting sentence ≥ 0.8; even ≤ 60 %", 1500, 0.8}}) {
    const std::string model = std::string("--model ") + k.name;
    accept({.task = "stories, one fact",
            .mechanism = k.mechanism,
            .threshold = k.threshold,
            .steps = k.steps,
            .train =
                [&](int seed) {
                  const Stories r = read(model, seed);
                  return Outcome{r.score(), r.right >= 99 && r.weight >= k.least};
                },
            .baselines = {behind("all sentences alike", "--attention even " + model, 60)}});
  }
}

TEST_CASE("two facts: a memory network finds them by three looks, not by one") {
  accept({.task = "stories, two facts",
          .mechanism = "memory network, 3 hops",
          .threshold = "≥ 90 %, on the supporting sentences ≥ 0.9; one hop ≤ 60 %",
          .steps = 3000,
          .train =
              [](int seed) {
                const Stories r = read("--facts 2", seed);
                return Outcome{r.score(), r.right >= 90 && r.weight >= 0.9};
              },
          .baselines = {behind("1 hop", "--facts 2 --hops 1", 60)}});
}
