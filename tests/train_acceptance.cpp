// What takes minutes: models trained with the usual settings of their programs, from several seeds, and what they fall
// back to without the mechanism in question, at the same budget.

#include <cstdio>
#include <vector>
#include "catch.h"
#include "program.h"

namespace {

Said train(const std::string& program, int seed, const std::string& arguments = "") {
  const std::string out = fresh_folder(program);
  const Said said = run_program_of_build(program, "--seed " + std::to_string(seed) + " --out " + out + " " + arguments);
  std::filesystem::remove_all(out);
  CHECK(said.code == 0);
  if (said.code != 0) std::printf("%s\n", said.text.c_str());
  return said;
}

// Seeds first, first + 1, .. until two agree: whether they agree that it is good.
template <class F>
bool two_of_three(int first, F good) {
  int yes = 0, no = 0;
  for (int seed = first; yes < 2 && no < 2; ++seed) ++(good(seed) ? yes : no);
  return yes == 2;
}

}  // namespace

TEST_CASE("train_dates reads all dates in 400 steps and looks at the year; without attention it reads next to none") {
  CHECK(two_of_three(11, [](int seed) {
    const Said said = train("train_dates", seed);
    const double exact = said.after("exact match "), year = said.after("attention on the true year ");
    std::printf("dates, seed %d: exact match %.1f%%, on the year %.3f\n", seed, exact, year);
    return exact >= 99.5 && year >= 0.95;
  }));
  const double without = train("train_dates", 11, "--attention none").after("exact match ");
  std::printf("dates, seed 11, without attention: exact match %.1f%%\n", without);
  CHECK(without <= 20);
}

TEST_CASE("train_reverse: at 20 letters attention writes the string, along the anti-diagonal; the baseline does not") {
  CHECK(two_of_three(1, [](int seed) {
    const Said said = train("train_reverse", seed);
    double with = 0, characters = 0, mass = 0, without = 100;
    const std::size_t row = said.text.find("\n      20  ");
    if (row != std::string::npos)
      std::sscanf(said.text.c_str() + row, " 20 %lf%% %lf%% %lf%% %lf%%", &with, &characters, &mass, &without);
    std::printf("reverse, seed %d: with attention %.1f%%, on the letter %.1f%%, without %.1f%%\n", seed, with, mass,
                without);
    return with >= 85 && mass >= 90 && without <= 20;
  }));
}

// The greatest weight is not always on a word translated: what follows from the words written (pas, dans) or depends on
// the word to come (de or d', ne or n') is not looked up where it comes from; the decoder looks ahead. Nouns,
// adjectives and verbs are nearly always found.
TEST_CASE("train_french translates unseen sentences and looks at the words translated; without attention it does not") {
  CHECK(two_of_three(1, [](int seed) {
    const Said said = train("train_french", seed);
    const double exact = said.after("exact match "), bleu = said.after("BLEU "),
                 found = said.after("its greatest weight on one of them "), diagonal = said.after("the diagonal ");
    std::printf("french, seed %d: exact match %.1f%%, BLEU %.4f, on a word translated %.1f%% (the diagonal %.1f%%)\n",
                seed, exact, bleu, found, diagonal);
    return exact >= 98 && bleu >= 0.97 && found >= 80 && diagonal <= 60;
  }));
  const Said without = train("train_french", 1, "--attention none");
  std::printf("french, seed 1, without attention: exact match %.1f%%, BLEU %.4f\n", without.after("exact match "),
              without.after("BLEU "));
  CHECK(without.after("exact match ") <= 20);
  CHECK(without.after("BLEU ") <= 0.5);
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
