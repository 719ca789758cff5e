// Encoder and decoder: what attention makes of them, and what they fall back to without it.
#include "acceptance.h"
#include "catch.h"

namespace {

Outcome dates(int seed, const std::string& arguments = "") {
  const Said said = train("train_dates", seed, arguments);
  const double exact = said.after("exact match "), year = said.after("attention on the true year ");
  return {text("%.1f %%, on the year %.3f", exact, year), exact >= 99.5 && year >= 0.95};
}

struct Reversed {
  double strings = 0, characters = 0, mass = 0;  // per cent, of 20 letters
};
Reversed reversed(int seed, const std::string& arguments = "") {
  const Said said = train("train_reverse", seed, arguments);
  Reversed r;
  const std::size_t row = said.text.find("\n      20  ");
  REQUIRE(row != std::string::npos);
  std::sscanf(said.text.c_str() + row, " 20 %lf%% %lf%% %lf%%", &r.strings, &r.characters, &r.mass);
  return r;
}

struct French {
  double exact, bleu, found, diagonal;
  std::string score() const { return text("%.1f %%, BLEU %.4f, on a word translated %.1f %%", exact, bleu, found); }
};
French french(int seed, const std::string& arguments = "") {
  const Said said = train("train_french", seed, arguments);
  return {said.after("exact match "), said.after("BLEU "), said.after("its greatest weight on one of them "),
          said.after("the diagonal ")};
}

}  // namespace

TEST_CASE("dates: all are read, looking at the year; without attention next to none is") {
  accept({.task = "dates",
          .mechanism = "additive",
          .threshold = "≥ 99.5 %, on the year ≥ 0.95; without ≤ 20 %",
          .steps = 400,
          .train = [](int seed) { return dates(seed); },
          .baselines = {{"none", [](int seed) {
                           const double exact = train("train_dates", seed, "--attention none").after("exact match ");
                           return Outcome{text("%.1f %%", exact), exact <= 20};
                         }}}});
}

TEST_CASE("strings of 20 letters are reversed along the anti-diagonal; without attention they are not") {
  accept(
      {.task = "reversed strings of 20 letters",
       .mechanism = "additive",
       .threshold = "≥ 85 %, on the letter ≥ 90 %; without ≤ 20 %",
       .steps = 600,
       .train =
           [](int seed) {
             const Reversed r = reversed(seed);
             return Outcome{text("%.1f %%, on the letter %.1f %%", r.strings, r.mass), r.strings >= 85 && r.mass >= 90};
           },
       .baselines = {{"none", [](int seed) {
                        const Reversed r = reversed(seed, "--attention none");
                        return Outcome{text("%.1f %%", r.strings), r.strings <= 20};
                      }}}});
}

// ReLU attention, divided by the number of keys (Wortsman et al. 2023): weights that need not sum to 1. It needs more
// steps than softmax.
TEST_CASE("strings of 20 letters are reversed with max(s, 0) / n in the place of softmax") {
  const double softmax = reversed(1, "--attention dot --steps 1200").characters;
  accept({.task = "reversed strings of 20 letters",
          .mechanism = "dot, relu/n",
          .threshold = text("letters ≥ 90 %% of softmax's %.1f %%", softmax),
          .steps = 1200,
          .train =
              [&](int seed) {
                const double letters = reversed(seed, "--attention dot --normalizer relu/n --steps 1200").characters;
                return Outcome{text("letters %.1f %%", letters), letters >= 0.9 * softmax};
              },
          .baselines = {}});
}

// The scores of Luong, Pham and Manning 2015, after the decoder has moved, with input feeding.
TEST_CASE("strings of 20 letters are reversed by every score that sees letters") {
  for (const std::string attention : {"dot", "general", "concat", "local", "qkv"})
    accept({.task = "reversed strings of 20 letters",
            .mechanism = attention,
            .threshold = "≥ 85 %, on the letter ≥ 90 %",
            .steps = 600,
            .train =
                [&](int seed) {
                  const Reversed r = reversed(seed, "--attention " + attention);
                  return Outcome{text("%.1f %%, on the letter %.1f %%", r.strings, r.mass),
                                 r.strings >= 85 && r.mass >= 90};
                },
            .baselines = {}});
}

// The greatest weight is not always on a word translated: what follows from the words written (pas, dans) or depends on
// the word to come (de or d', ne or n') is not looked up where it comes from; the decoder looks ahead. Nouns,
// adjectives and verbs are nearly always found.
TEST_CASE("unseen sentences are translated, looking at the words translated; without attention they are not") {
  accept({.task = "English to French",
          .mechanism = "additive",
          .threshold = "≥ 98 %, BLEU ≥ 0.97, on a word translated ≥ 80 % (the diagonal ≤ 60 %); without ≤ 20 %",
          .steps = 1000,
          .train =
              [](int seed) {
                const French r = french(seed);
                return Outcome{r.score(), r.exact >= 98 && r.bleu >= 0.97 && r.found >= 80 && r.diagonal <= 60};
              },
          .baselines = {{"none", [](int seed) {
                           const French r = french(seed, "--attention none");
                           return Outcome{text("%.1f %%, BLEU %.4f", r.exact, r.bleu), r.exact <= 20 && r.bleu <= 0.5};
                         }}}});
}

TEST_CASE("a decoder that has never seen its own guesses loses most by them") {
  std::vector<double> gaps;
  for (const char* forcing : {"0", "0.5", "1"}) {
    const Said said = train("train_french", 1, std::string("--attention none --steps 400 --forcing ") + forcing);
    const double forced = said.after("given the true ones before "), free = said.after("given its own ");
    std::printf("french without attention, forcing %s: words right given the true ones %.2f%%, its own %.2f%%\n",
                forcing, forced, free);
    gaps.push_back(forced - free);
  }
  CHECK(gaps[2] > gaps[1]);
  CHECK(gaps[1] > gaps[0]);
}
