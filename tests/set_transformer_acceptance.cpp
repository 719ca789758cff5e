// The largest number of a set: attention looks at it, a mean has lost it.
#include <algorithm>
#include "acceptance.h"
#include "catch.h"

namespace {

struct Maximum {
  double of_5, of_10;  // the mean error, of numbers from 0 to 100
  double set, set_weight, pool;
};
Maximum find(const std::string& pooling, int seed) {
  const Said said = train("train_maximum", seed, "--pooling " + pooling);
  return {said.after("error of 5 numbers "), said.after("error of 10 numbers "),
          said.after("the set looks most at the largest in "), said.after("one of its heads with weight "),
          said.after("the pool looks most at the largest in ")};
}

}  // namespace

TEST_CASE("the largest of a set: attention is nearer than a mean, and looks at it") {
  const Maximum mean = find("mean", 1);
  accept({.task = "largest of a set of numbers, 0 to 100",
          .mechanism = "SAB and PMA",
          .threshold =
              "error ≤ 0.8 and half of the mean's, a head of the SAB at the largest ≥ 0.8, SAB most at it ≥ 98 %, "
              "PMA ≥ 90 %",
          .steps = 3400,
          .train =
              [&](int seed) {
                const Maximum r = find("attention", seed);
                return Outcome{text("%.2f of 5, %.2f of 10, a head at the largest %.2f", r.of_5, r.of_10, r.set_weight),
                               r.of_5 <= std::min(0.8, 0.5 * mean.of_5) && r.of_10 <= std::min(0.8, 0.5 * mean.of_10) &&
                                   r.set >= 98 && r.set_weight >= 0.8 && r.pool >= 90};
              },
          .baselines = {{"pooled by mean", [&](int) {
                           return Outcome{text("%.2f of 5, %.2f of 10", mean.of_5, mean.of_10), mean.of_10 > 0.8};
                         }}}});
}
