// The largest number of a set: attention looks at it, a mean has lost it.
#include <algorithm>
#include "acceptance.h"
#include "catch.h"

namespace {

struct Maximum {
  double of_5, of_10;                         // the mean error, of numbers from 0 to 100
  double set, set_weight, pool, pool_weight;  // how often they look most at it, and by which weight a head of theirs
};
Maximum find(const std::string& arguments, int seed) {
  const Said said = train("train_maximum", seed, arguments);
  return {said.after("error of 5 numbers "),
          said.after("error of 10 numbers "),
          said.after("the set looks most at the largest in "),
          said.after("a head of the set with weight "),
          said.after("the pool looks most at the largest in "),
          said.after("a head of the pool with weight ")};
}

}  // namespace

TEST_CASE("the largest of a set: attention is nearer than a mean, and looks at it") {
  const Maximum mean = find("--pooling mean", 1);
  const Baseline pooled{"pooled by mean", [&](int) {
                          return Outcome{text("%.2f of 5, %.2f of 10", mean.of_5, mean.of_10), mean.of_10 > 0.8};
                        }};
  auto near = [&](const Maximum& r) {
    return r.of_5 <= std::min(0.8, 0.5 * mean.of_5) && r.of_10 <= std::min(0.8, 0.5 * mean.of_10);
  };
  accept({.task = "largest of a set of numbers, 0 to 100",
          .mechanism = "SAB and PMA",
          .threshold =
              "error ≤ 0.8 and half of the mean's, a head of the SAB at the largest ≥ 0.8, SAB most at it ≥ 98 %, "
              "PMA ≥ 90 %",
          .steps = 3400,
          .train =
              [&](int seed) {
                const Maximum r = find("", seed);
                return Outcome{text("%.2f of 5, %.2f of 10, a head at the largest %.2f", r.of_5, r.of_10, r.set_weight),
                               near(r) && r.set >= 98 && r.set_weight >= 0.8 && r.pool >= 90};
              },
          .baselines = {pooled}});
  accept({.task = "largest of a set of numbers, 0 to 100",
          .mechanism = "ISAB of 4 points and PMA",
          .threshold = "error ≤ 0.8 and half of the mean's, a point or a head of the pool at the largest ≥ 0.8, both "
                       "most at it ≥ 98 %",
          .steps = 3400,
          .train =
              [&](int seed) {
                const Maximum r = find("--encoder isab", seed);
                return Outcome{text("%.2f of 5, %.2f of 10, a point at the largest %.2f, a head of the pool %.2f",
                                    r.of_5, r.of_10, r.set_weight, r.pool_weight),
                               near(r) && r.set >= 98 && r.pool >= 98 && std::max(r.set_weight, r.pool_weight) >= 0.8};
              },
          .baselines = {pooled}});
}
