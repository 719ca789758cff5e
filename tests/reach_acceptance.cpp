// A symbol, a hundred steps of silence, and the question what it was; two numbers of a hundred, and their sum.
#include <map>
#include "acceptance.h"
#include "catch.h"

namespace {

struct First {
  double right, since, before, after;
  std::string score() const {
    return text("%.1f %%, its gradient %.0e, then %.0e of the last place's", right, before, after);
  }
};
First first(const std::string& memory, int seed) {
  const Said said = train("train_first", seed, "--memory " + memory);
  return {said.after("silence: "), said.after("all right since step "), said.after("that of the last place: "),
          said.after("before training, ")};
}

}  // namespace

TEST_CASE("attention and an LSTM reach back a hundred steps, attention in fewer steps of training; an RNN does not") {
  std::map<int, double> slower;  // seed: the step since which the LSTM is right
  accept({.task = "a symbol 100 steps ago",
          .mechanism = "lstm, gates open",
          .threshold = "≥ 99 %",
          .steps = 1500,
          .train =
              [&](int seed) {
                const First r = first("lstm", seed);
                slower[seed] = r.since;
                return Outcome{r.score() + text(", since step %.0f", r.since), r.right >= 99};
              },
          .baselines = {}});
  accept({.task = "a symbol 100 steps ago",
          .mechanism = "attention",
          .threshold =
              "≥ 99 %, before training its gradient ≥ 0.1 of the last place's, in half of the LSTM's steps; RNN "
              "≤ 20 %, gradient ≤ 1e-10",
          .steps = 1500,
          .train =
              [&](int seed) {
                const First r = first("attention", seed);
                return Outcome{r.score() + text(", since step %.0f", r.since),
                               r.right >= 99 && r.before >= 0.1 &&
                                   r.since <= (slower.contains(seed) ? slower[seed] : first("lstm", seed).since) / 2};
              },
          .baselines = {{"rnn", [](int seed) {
                           const First r = first("rnn", seed);
                           return Outcome{r.score(), r.right <= 20 && r.before <= 1e-10};
                         }}}});
}

TEST_CASE("an LSTM adds two of a hundred numbers, and its answer depends on these alone; an RNN does not find them") {
  struct Added {
    double error, marked, others;
  };
  auto added = [](const std::string& memory, int seed) {
    const Said said = train("train_adding", seed, "--memory " + memory);
    return Added{said.after("squared error "), said.after("by a marked number "), said.after("by any other ")};
  };
  accept({.task = "the sum of two of 100 numbers",
          .mechanism = "lstm, gates open",
          .threshold = "squared error ≤ 0.01, slope by the two ≥ 0.9, by others ≤ 0.02; RNN ≥ 0.1, of who says 1 0.167",
          .steps = 2000,
          .train =
              [&](int seed) {
                const Added a = added("lstm", seed);
                return Outcome{text("%.4f, slope %.3f, by others %.3f", a.error, a.marked, a.others),
                               a.error <= 0.01 && a.marked >= 0.9 && a.others <= 0.02};
              },
          .baselines = {{"rnn", [&](int seed) {
                           const double error = added("rnn", seed).error;
                           return Outcome{text("%.4f", error), error >= 0.1};
                         }}}});
}
