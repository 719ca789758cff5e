// Strings of bits twice and four times as long as in training are copied by a memory and a head that walks along it.
#include "acceptance.h"
#include "catch.h"

namespace {

struct Copying {
  double trained, twice, four_times;  // strings without an error, of a length seen in training and of longer ones
  double by_one, where_written;       // of the steps of the read head
  std::string score() const {
    return text("%.1f, %.1f, %.1f %%, by one %.3f, where written %.3f", trained, twice, four_times, by_one,
                where_written);
  }
};
Copying copies(const std::string& memory, int seed) {
  const Said said = train("train_copy", seed, "--memory " + memory);
  return {said.after("length 10: "), said.after("length 20: "), said.after("length 40: "),
          said.after("moves by one slot in "), said.after("written in ")};
}
Baseline lstm() {
  return {"LSTM, 2 layers of 128", [](int seed) {
            const Copying c = copies("lstm", seed);
            return Outcome{text("%.1f, %.1f, %.1f %%", c.trained, c.twice, c.four_times), c.twice <= 5};
          }};
}

}  // namespace

TEST_CASE("a Neural Turing Machine copies strings four times as long as any it was trained on") {
  accept({.task = "copy, trained on up to 10 bytes: 10, 20, 40",
          .mechanism = "Neural Turing Machine",
          .threshold = "≥ 99, 90, 50 %, by one ≥ 0.95, where written ≥ 0.95; LSTM ≤ 5 % at 20",
          .steps = 1500,
          .train =
              [](int seed) {
                const Copying c = copies("ntm", seed);
                return Outcome{c.score(), c.trained >= 99 && c.twice >= 90 && c.four_times >= 50 && c.by_one >= 0.95 &&
                                              c.where_written >= 0.95};
              },
          .baselines = {lstm()}});
}

TEST_CASE("a Differentiable Neural Computer copies strings twice as long as any it was trained on") {
  accept({.task = "copy, trained on up to 10 bytes: 10, 20, 40",
          .mechanism = "Differentiable Neural Computer",
          .threshold = "≥ 99 % at 10, 95 % at 20, where written ≥ 0.95; LSTM ≤ 5 % at 20",
          .steps = 1500,
          .train =
              [](int seed) {
                const Copying c = copies("dnc", seed);
                return Outcome{c.score(), c.trained >= 99 && c.twice >= 95 && c.where_written >= 0.95};
              },
          .baselines = {lstm()}});
}
