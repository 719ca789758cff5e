// Strings reversed: what attention makes of an encoder and a decoder, by every score, and what is left without it.
#include <cmath>
#include "acceptance.h"
#include "catch.h"

namespace {

struct Reversed {
  double strings = 0, letters = 0, mass = 0;  // per cent
};
struct Lengths {
  Reversed of_5, of_20;
};
Lengths reversed(int seed, const std::string& arguments = "") {
  const Said said = train("train_reverse", seed, arguments);
  auto row = [&](const char* length) {
    Reversed r;
    const std::size_t at = said.text.find(std::string("\n  ") + length);
    REQUIRE(at != std::string::npos);
    std::sscanf(said.text.c_str() + at, "%*d %lf%% %lf%% %lf%%", &r.strings, &r.letters, &r.mass);
    return r;
  };
  return {row("     5 "), row("    20 ")};
}
// Attention does not mind the length.
Outcome by_attention(const Lengths& r, double mass = 90) {
  return {text("%.1f %%, on the letter %.1f %%", r.of_20.strings, r.of_20.mass),
          r.of_20.strings >= 85 && r.of_20.mass >= mass && std::abs(r.of_5.letters - r.of_20.letters) <= 5};
}

}  // namespace

TEST_CASE("strings of 20 letters are reversed along the anti-diagonal; without attention they are not") {
  accept({.task = "reversed strings of 20 letters",
          .mechanism = "additive",
          .threshold = "≥ 85 %, on the letter ≥ 90 %, letters as of 5 within 5 %; without ≤ 20 %, letters fall by 30 %",
          .steps = 600,
          .train = [](int seed) { return by_attention(reversed(seed)); },
          .baselines = {{"none", [](int seed) {
                           const Lengths r = reversed(seed, "--attention none");
                           return Outcome{text("%.1f %%, letters %.1f %% of 5 and %.1f %% of 20", r.of_20.strings,
                                               r.of_5.letters, r.of_20.letters),
                                          r.of_20.strings <= 20 && r.of_20.letters <= r.of_5.letters - 30};
                         }}}});
}

// The scores of Luong, Pham and Manning 2015, after the decoder has moved, with input feeding.
TEST_CASE("strings of 20 letters are reversed by every score that sees letters") {
  for (const std::string attention : {"dot", "general", "concat", "local", "qkv"})
    accept({.task = "reversed strings of 20 letters",
            .mechanism = attention,
            .threshold = "≥ 85 %, on the letter ≥ 90 %",
            .steps = 600,
            .train = [&](int seed) { return by_attention(reversed(seed, "--attention " + attention)); },
            .baselines = {}});
}

// A score for each place, whatever stands there, must be learned for each length.
TEST_CASE("strings of 20 letters are reversed by places alone, too, if the state that looks has moved") {
  accept({.task = "reversed strings of 20 letters",
          .mechanism = "location",
          .threshold = "≥ 85 %, on the letter ≥ 75 %; tutorial ≤ 40 %",
          .steps = 600,
          .train = [](int seed) { return by_attention(reversed(seed, "--attention location"), 75); },
          .baselines = {{"tutorial", [](int seed) {
                           const Lengths r = reversed(seed, "--attention tutorial");
                           return Outcome{text("%.1f %%, on the letter %.1f %%", r.of_20.strings, r.of_20.mass),
                                          r.of_20.strings <= 40};
                         }}}});
}

// ReLU attention, divided by the number of keys (Wortsman et al. 2023): weights that need not sum to 1. It needs more
// steps than softmax. The weight on the letter and beside it may exceed 100 %.
TEST_CASE("strings of 20 letters are reversed with max(s, 0) / n in the place of softmax") {
  const double softmax = reversed(1, "--attention dot --steps 1200").of_20.letters;
  CHECK(softmax >= 99);
  accept({.task = "reversed strings of 20 letters",
          .mechanism = "dot, relu/n",
          .threshold = text("letters ≥ 90 %% of softmax's %.1f %%, on the letter ≥ 90 %%", softmax),
          .steps = 1200,
          .train =
              [&](int seed) {
                const Reversed r = reversed(seed, "--attention dot --normalizer relu/n --steps 1200").of_20;
                return Outcome{text("letters %.1f %%, on the letter %.1f %%", r.letters, r.mass),
                               r.letters >= 0.9 * softmax && r.mass >= 90};
              },
          .baselines = {}});
}
