#include <heed/models/data/bleu.h>
#include <cmath>
#include "common.h"
using namespace heed;

namespace {

using Texts = std::vector<std::string>;

void check_precisions(const Bleu& b, const std::vector<double>& precisions) {
  REQUIRE(b.precisions.size() == precisions.size());
  for (std::size_t n = 0; n < precisions.size(); ++n) CHECK(b.precisions[n] == Approx(precisions[n]).epsilon(1e-15));
}

}  // namespace

TEST_CASE("BLEU by hand: one sentence, one reference") {
  // Words 6 of 7 (the second "the" has none left), pairs 4 of 6, threes 2 of 5, fours 1 of 4; c = 7 > r = 6.
  const Bleu b = bleu(Texts{"we saw the old house the today"}, Texts{"today we saw the old house"});
  check_precisions(b, {6.0 / 7, 4.0 / 6, 3.0 / 5, 2.0 / 4});
  CHECK(b.length == 7);
  CHECK(b.reference_length == 6);
  CHECK(b.brevity_penalty == 1);
  CHECK(b.score == Approx(std::pow(6.0 / 7 * 4 / 6 * 3 / 5 * 2 / 4, 0.25)).epsilon(1e-15));
}

TEST_CASE("BLEU by hand: a word counts as often as one of the references has it") {
  const Texts four_times{"rain rain rain rain"};
  const std::vector<Texts> references{{"rain and more rain", "rain rain go away"}};
  check_precisions(bleu(four_times, references, {.order = 2}), {2.0 / 4, 1.0 / 3});
  // Of "a b" one reference has one, of "b c" the other: both count.
  check_precisions(bleu(Texts{"a b c"}, std::vector<Texts>{{"a b x", "x b c"}}, {.order = 3}), {1, 1, 0});
}

TEST_CASE("BLEU by hand: what is too short is punished, by the reference nearest in length") {
  // Candidates have 4 + 3 words, the nearest references 5 (of 3 and 5 equally near the 3 would be, of 5 and 9 the 5)
  // and 3.
  const Texts candidates{"the sea is cold", "I know it"};
  const std::vector<Texts> references{{"the sea is cold today", "the sea of the north is cold this year"},
                                      {"I know it", "you know it"}};
  const Bleu b = bleu(candidates, references, {.order = 2});
  CHECK(b.length == 7);
  CHECK(b.reference_length == 8);
  check_precisions(b, {1, 1});
  CHECK(b.brevity_penalty == Approx(std::exp(1 - 8.0 / 7)).epsilon(1e-15));
  CHECK(b.score == b.brevity_penalty);
  CHECK(bleu(Texts{"a b c d"}, std::vector<Texts>{{"a b c d e", "a b c"}}, {.order = 1}).reference_length == 3);
  CHECK(bleu(Texts{"a b c d"}, Texts{"a b c d"}).score == 1);
}

TEST_CASE("BLEU is of the corpus: matches are summed before they are divided") {
  // Words 4 of 4 and 1 of 2, pairs 3 of 3 and 0 of 1. The second sentence alone would score 0.
  const Texts candidates{"one two three four", "five nine"}, references{"one two three four", "five six"};
  const Bleu b = bleu(candidates, references, {.order = 2});
  check_precisions(b, {5.0 / 6, 3.0 / 4});
  CHECK(b.score == Approx(std::sqrt(5.0 / 6 * 3 / 4)).epsilon(1e-15));
  CHECK(bleu(Texts{candidates[1]}, Texts{references[1]}, {.order = 2}).score == 0);
}

TEST_CASE("BLEU smoothed: one more match of one more n-gram, but not of words") {
  const Texts candidate{"five nine"}, reference{"five six"};
  check_precisions(bleu(candidate, reference, {.smooth = true}), {1.0 / 2, 1.0 / 2, 1, 1});
  CHECK(bleu(candidate, reference).score == 0);
  CHECK(bleu(Texts{"nine"}, Texts{"five"}, {.smooth = true}).score == 0);
}

TEST_CASE("BLEU: what has no n-gram scores 0, and words are what stands between white space") {
  CHECK(bleu(Texts{"a b c"}, Texts{"a b c"}).score == 0);  // no four of them
  check_precisions(bleu(Texts{""}, Texts{"a b c d"}), {0, 0, 0, 0});
  CHECK(bleu(Texts{""}, Texts{""}).score == 0);
  CHECK(bleu(Texts{}, Texts{}).score == 0);
  CHECK(bleu(Texts{" a\tb \n c d "}, Texts{"a b c d"}).score == 1);
  CHECK(bleu(Texts{"A b"}, Texts{"a b,"}, {.order = 1}).score == 0);
}

TEST_CASE("errors of BLEU") {
  CHECK_ERROR(Error, bleu(Texts{"a", "b"}, Texts{"a"}), "bleu: there are 2 candidates and references of 1");
  CHECK_ERROR(Error, bleu(Texts{"a"}, std::vector<Texts>{{}}), "bleu: candidate 0 has no reference");
  CHECK_ERROR(Error, bleu(Texts{"a"}, Texts{"a"}, {.order = 0}),
              "bleu: the order of n-grams must be at least 1, not 0");
}
