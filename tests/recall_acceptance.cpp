// A recurrent net that attends over all its states recalls what one with its last state alone has lost.
#include "acceptance.h"
#include "catch.h"

namespace {

Outcome recall(const std::string& memory, int seed) {
  const Said said = train("train_recall", seed, "--memory " + memory);
  const double right = said.after("recalled "), weight = said.after("looks at its place with weight ");
  if (memory == "lstm") return {text("%.1f %%", right), right <= 80};
  return {text("%.1f %%, on its place %.3f", right, weight), right >= 95 && weight >= 0.85};
}

}  // namespace

TEST_CASE("an LSTMN recalls the symbol under one of eight marks by looking at its place") {
  accept({.task = "recall, 8 marks in 24 places",
          .mechanism = "LSTMN of 64",
          .threshold = "≥ 95 %, on its place ≥ 0.85; LSTM ≤ 80 %",
          .steps = 1000,
          .train = [](int seed) { return recall("lstmn", seed); },
          .baselines = {{"LSTM of 79, as many parameters", [](int seed) { return recall("lstm", seed); }}}});
}
