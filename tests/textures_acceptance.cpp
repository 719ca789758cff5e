// What attention sees in textures: which channel counts, and which place.
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
Baseline plain(const std::string& arguments = "") {
  return {"none", [arguments](int seed) {
            const double right = textures(seed, "--attention none" + arguments).right;
            return Outcome{text("%.1f %%", right), right <= 70 && right >= 50};
          }};
}
Baseline blind(const std::string& attention) {
  return {attention, [attention](int seed) {
            const double right = textures(seed, "--task place --attention " + attention).right;
            return Outcome{text("%.1f %%", right), right <= 28};  // three deviations above chance
          }};
}

}  // namespace

TEST_CASE("the texture of the colour that a corner names: squeeze and excitation passes it on, and nothing else does") {
  accept({.task = "textures, asked for by a bright corner",
          .mechanism = "squeeze and excitation",
          .threshold = "≥ 97 %, gates of the colour asked for 0.05 above others; without ≤ 70 %",
          .steps = 1200,
          .train = [](int seed) { return by_channels(seed, "--attention se"); },
          .baselines = {plain()}});
  accept({.task = "textures, asked for by a bright corner",
          .mechanism = "CBAM (--reduction 4 --lr 1e-2 --batch 64)",
          .threshold = "≥ 97 %, gates of the colour asked for 0.05 above others; without ≤ 70 %",
          .steps = 1200,
          .train = [](int seed) { return by_channels(seed, "--attention cbam --reduction 4 --lr 1e-2 --batch 64"); },
          .baselines = {plain(" --lr 1e-2 --batch 64")}});
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

// Each place asks what stands around it, and looks at the dot if it is near. To look around, whatever stands there, is
// enough: offsets alone have 100 % right with seed 1.
TEST_CASE("the texture around the red dot: places that look at each other find the dot that is theirs") {
  auto train_with = [](const std::string& terms, int seed) {
    return train("train_textures", seed,
                 "--task place --attention generalized --steps 1500 --lr 5e-3 --batch 32 --terms " + terms);
  };
  accept({.task = "textures, asked for by a red dot",
          .mechanism = "four terms of space",
          .threshold = "≥ 95 %, weight on the dot from its quarter ≥ 5 times that from others; without ≤ 28 %",
          .steps = 1500,
          .train =
              [&](int seed) {
                const Said s = train_with("all", seed);
                const double right = s.after("texture right "), near = s.after("weight on the red dot ");
                const double far = s.after("from its quarter, ");
                return Outcome{text("%.1f %%, from its quarter %.3f, from others %.3f", right, near, far),
                               right >= 95 && near >= 5 * far};
              },
          .baselines = {{"terms of content alone", [&](int seed) {
                           const double right = train_with("content", seed).after("texture right ");
                           return Outcome{text("%.1f %%", right), right <= 28};
                         }}}});
}
