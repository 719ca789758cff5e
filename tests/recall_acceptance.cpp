// A recurrent net that attends over all its states recalls what one with its last state alone has lost; two of them
// write what was read, if the one that writes looks at the states of the other.
#include "acceptance.h"
#include "catch.h"

namespace {

Outcome recall(const std::string& memory, int seed) {
  const Said said = train("train_recall", seed, "--memory " + memory);
  const double right = said.after("recalled "), weight = said.after("looks at its place with weight ");
  if (memory == "lstm") return {text("%.1f %%", right), right <= 80};
  return {text("%.1f %%, on its place %.3f", right, weight), right >= 95 && weight >= 0.85};
}

struct Written {
  double strings, weight;
};
Written backwards(const std::string& fusion, int seed) {
  const Said said = train("train_fusion", seed, "--fusion " + fusion);
  return {said.after("strings right "), said.after("within a place of the letter ")};
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

TEST_CASE("an LSTMN writes a string backwards by looking at what another has read, in either fusion") {
  for (const std::string fusion : {"shallow", "deep"})
    accept({.task = "strings of 12 letters backwards",
            .mechanism = "LSTMN, " + fusion + " fusion",
            .threshold = "≥ 90 %, within a place of the letter ≥ 0.6; without fusion ≤ 40 %",
            .steps = 2000,
            .train =
                [&](int seed) {
                  const Written w = backwards(fusion, seed);
                  return Outcome{text("%.1f %%, within a place of the letter %.3f", w.strings, w.weight),
                                 w.strings >= 90 && w.weight >= 0.6};
                },
            .baselines = {{"no fusion", [](int) {
                             static const double strings = backwards("none", 1).strings;  // of both
                             return Outcome{text("%.1f %%", strings), strings <= 40};
                           }}}});
}
