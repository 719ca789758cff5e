#pragma once
#include <span>
#include <string>
#include <vector>
#include "../../core/error.h"

namespace heed {

struct BleuOptions {
  int64_t order = 4;    // n-grams of 1 .. order words
  bool smooth = false;  // one more match of one more n-gram, for n > 1   (Lin and Och 2004, BLEU+1)
};

struct Bleu {
  double score = 0;                // 0 to 1: brevity_penalty x the geometric mean of precisions
  std::vector<double> precisions;  // p_n: matches of n-grams / n-grams of the candidates; 0 if they have none
  double brevity_penalty = 0;      // 1 for c > r, else exp(1 - r / c)
  int64_t length = 0;              // c: words of the candidates
  int64_t reference_length = 0;    // r: of each candidate's references the length nearest its own, of equals the less
};

// BLEU of a corpus (Papineni et al. 2002). An n-gram of a candidate matches as often as it occurs in that of its
// references which has most of it. Matches and n-grams are summed over all candidates before they are divided, so that
// the score is not the mean of scores of sentences, and it is 0 where no n-gram of some order matches. Words are what
// stands between white space (words_of): nothing is split off, capitals count. references: those of each candidate.
// Error: there are not as many as candidates, a candidate has none, or order is below 1.
Bleu bleu(std::span<const std::string> candidates, std::span<const std::vector<std::string>> references,
          const BleuOptions& options = {}, Where at = Where::here());

// With one reference for each candidate.
Bleu bleu(std::span<const std::string> candidates, std::span<const std::string> references,
          const BleuOptions& options = {}, Where at = Where::here());

}  // namespace heed
