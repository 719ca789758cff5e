// What attention sees in pictures: which channel counts, which place, what the next word is about, where to look next.
#include <algorithm>
#include "acceptance.h"
#include "catch.h"

namespace {

struct Textures {
  double right, asked, others, even;
};
Textures textures(int seed, const std::string& arguments) {
  const Said said = train("train_textures", seed, arguments);
  return {said.after("texture right "), said.after("filters that see the colour asked for "),
          said.after(", of others "), said.after("the same at all places ")};
}
Outcome by_channels(int seed, const std::string& arguments) {
  const Textures t = textures(seed, arguments);
  return {text("%.1f %%, gates %.3f, of others %.3f", t.right, t.asked, t.others),
          t.right >= 97 && t.asked >= t.others + 0.05};
}
// What sees 3 x 3 pixels and forgets where; with the textures of all channels known, 56.3 % can be right.
const Baseline plain{"none", [](int seed) {
                       const double right = textures(seed, "--attention none").right;
                       return Outcome{text("%.1f %%", right), right <= 70 && right >= 50};
                     }};
Baseline blind(const std::string& attention) {
  return {attention, [attention](int seed) {
            const double right = textures(seed, "--task place --attention " + attention).right;
            return Outcome{text("%.1f %%", right), right <= 28};  // three deviations above chance
          }};
}

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

struct Glimpses {
  double right, found;
};
Glimpses glimpses(int seed, const std::string& attention) {
  const Said said = train("train_glimpse", seed, "--attention " + attention);
  return {said.after("form right "), said.after("if it has not been seen, ")};
}

}  // namespace

TEST_CASE("the texture of the colour that a corner names: squeeze and excitation passes it on, and nothing else does") {
  accept({.task = "textures, asked for by a bright corner",
          .mechanism = "squeeze and excitation",
          .threshold = "≥ 97 %, gates of the colour asked for 0.05 above others; without ≤ 70 %",
          .steps = 1200,
          .train = [](int seed) { return by_channels(seed, "--attention se"); },
          .baselines = {plain}});
  accept({.task = "textures, asked for by a bright corner",
          .mechanism = "CBAM",
          .threshold = "≥ 97 %, gates of the colour asked for 0.05 above others",
          .steps = 1200,
          .train = [](int seed) { return by_channels(seed, "--attention cbam --reduction 4 --lr 1e-2 --batch 64"); },
          .baselines = {}});
}

TEST_CASE("the texture around the red dot: CBAM keeps it apart, attention to channels cannot") {
  accept({.task = "textures, asked for by a red dot",
          .mechanism = "CBAM",
          .threshold = "≥ 95 %, with the mean of the gates ≤ 40 %; others ≤ 28 %",
          .steps = 1200,
          .train =
              [](int seed) {
                const Textures t = textures(seed, "--task place --attention cbam");
                return Outcome{text("%.1f %%, with the mean of the gates %.1f %%", t.right, t.even),
                               t.right >= 95 && t.even <= 40};
              },
          .baselines = {blind("se"), blind("none")}});
}

TEST_CASE("captions: the model looks at what it names, softly and hard; the mean of the picture does not tell enough") {
  accept({.task = "captions, two objects in a 3 x 3 grid",
          .mechanism = "soft attention",
          .threshold = "exact ≥ 98 %, on each object when first named ≥ 0.85; mean ≤ 60 %",
          .steps = 1200,
          .train = [](int seed) { return looks_at_objects(seed, "--attention soft"); },
          .baselines = {{"mean", [](int seed) {
                           const double exact = captions(seed, "--attention mean").exact;
                           return Outcome{text("%.1f %%", exact), exact <= 60};
                         }}}});
  accept({.task = "captions, two objects in a 3 x 3 grid",
          .mechanism = "hard attention, batches of 256",
          .threshold = "exact ≥ 98 %, on each object when first named ≥ 0.85",
          .steps = 1200,
          .train = [](int seed) { return looks_at_objects(seed, "--attention hard --batch 256"); },
          .baselines = {}});
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
