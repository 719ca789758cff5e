// What attention sees in pictures: what the next word is about, and where to look next.
#include <algorithm>
#include "acceptance.h"
#include "catch.h"

namespace {

struct Captions {
  double exact, first, second;
};
Captions captions(int seed, const std::string& arguments) {
  const Said said = train("train_captions", seed, arguments);
  return {said.after("exact match "), said.after("on the first object "), said.after("on the second ")};
}
Outcome looks_at_objects(int seed, const std::string& arguments) {
  const Captions c = captions(seed, arguments);
  return {text("%.1f %%, on the first object %.3f, on the second %.3f", c.exact, c.first, c.second),
          c.exact >= 98 && std::min(c.first, c.second) >= 0.85};
}

Baseline mean_of_all(const std::string& arguments = "") {
  return {"mean", [arguments](int seed) {
            const double exact = captions(seed, "--attention mean" + arguments).exact;
            return Outcome{text("%.1f %%", exact), exact <= 60};
          }};
}

struct Glimpses {
  double right, found;
};
Glimpses glimpses(int seed, const std::string& attention) {
  const Said said = train("train_glimpse", seed, "--attention " + attention);
  return {said.after("form right "), said.after("if it has not been seen, ")};
}

}  // namespace

TEST_CASE("captions: the model looks at what it names, softly and hard; the mean of the picture does not tell enough") {
  accept({.task = "captions, two objects in a 3 x 3 grid",
          .mechanism = "soft attention",
          .threshold = "exact ≥ 98 %, on each object when first named ≥ 0.85; mean ≤ 60 %",
          .steps = 1200,
          .train = [](int seed) { return looks_at_objects(seed, "--attention soft"); },
          .baselines = {mean_of_all()}});
  accept({.task = "captions, two objects in a 3 x 3 grid",
          .mechanism = "hard attention (--batch 256)",
          .threshold = "exact ≥ 98 %, on each object when first named ≥ 0.85; mean ≤ 60 %",
          .steps = 1200,
          .train = [](int seed) { return looks_at_objects(seed, "--attention hard --batch 256"); },
          .baselines = {mean_of_all(" --batch 256")}});
}

TEST_CASE("glimpses: hard attention finds the cell that the sign points at nearly as often as soft") {
  accept({.task = "glimpses, the cued cell of 9",
          .mechanism = "hard attention",
          .threshold = "right ≥ 95 % of what soft attention has, on the cell ≥ 0.95; mean ≤ 60 %",
          .steps = 1000,
          .train =
              [](int seed) {
                const Glimpses hard = glimpses(seed, "hard"), soft = glimpses(seed, "soft");
                return Outcome{text("%.1f %%, on the cell %.3f; soft %.1f %%, %.3f", hard.right, hard.found, soft.right,
                                    soft.found),
                               soft.right >= 95 && hard.right >= 0.95 * soft.right && hard.found >= 0.95};
              },
          .baselines = {{"mean", [](int seed) {
                           const double right = glimpses(seed, "mean").right;
                           return Outcome{text("%.1f %%", right), right <= 60};
                         }}}});
}
