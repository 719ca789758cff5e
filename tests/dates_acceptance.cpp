// Dates read: the year is looked at where it stands, and learned in a fraction of the steps.
#include "acceptance.h"
#include "catch.h"

namespace {

Baseline none(const std::string& name, const std::string& arguments, double most) {
  return {name, [=](int seed) {
            const double exact = train("train_dates", seed, "--attention none" + arguments).after("exact match ");
            return Outcome{text("%.1f %%", exact), exact <= most};
          }};
}

}  // namespace

TEST_CASE("dates: all are read, looking at the year; without attention next to none is, in twice the steps not 99 %") {
  accept({.task = "dates",
          .mechanism = "additive",
          .threshold = "≥ 99.5 %, on the year ≥ 0.95; without ≤ 20 %, in twice the steps < 99 %",
          .steps = 400,
          .train =
              [](int seed) {
                const Said said = train("train_dates", seed);
                const double exact = said.after("exact match "), year = said.after("attention on the true year ");
                return Outcome{text("%.1f %%, on the year %.3f", exact, year), exact >= 99.5 && year >= 0.95};
              },
          .baselines = {none("none", "", 20), none("none, 800 steps", " --steps 800", 98.9)}});
}
