// What stood three places before: scores of places learn it, scores of words count words.
#include "acceptance.h"
#include "catch.h"

namespace {

struct Distance {
  double right, blind, band, weight;
  std::string score() const { return text("%.2f %%, largest weight in the band %.1f %%", right, band); }
};
Distance repeat(const std::string& attention, int seed) {
  const Said said = train("train_distance", seed, "--attention " + attention);
  return {said.after("answers right "), said.after("at best "), said.after("3 places back in "),
          said.after("weight there ")};
}
Baseline blind(const std::string& attention) {
  return {attention, [attention](int seed) {
            const Distance r = repeat(attention, seed);
            return Outcome{r.score(), r.right <= r.blind + 0.7};  // three deviations of 29,000 answers
          }};
}

}  // namespace

TEST_CASE("what stood three places before: a table of places, or factors of one, show the band") {
  for (const std::string attention : {"positional", "factorized"})
    accept({.task = "what stood three places before",
            .mechanism = attention,
            .threshold =
                "≥ 99.9 %, largest weight in the band ≥ 99 %, weight ≥ 0.5; others no better than a bag of words, 21 %",
            .steps = 600,
            .train =
                [&](int seed) {
                  const Distance r = repeat(attention, seed);
                  return Outcome{r.score(), r.right >= 99.9 && r.band >= 99 && r.weight >= 0.5};
                },
            .baselines = {blind("general"), blind("dot")}});
}
