#include "bleu.h"
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include "words.h"

namespace heed {
namespace {

using Words = std::vector<std::string>;
using Counts = std::map<Words, int64_t>;

Counts ngrams(const Words& words, std::size_t n) {
  Counts counts;
  for (std::size_t i = 0; i + n <= words.size(); ++i)
    ++counts[Words(words.begin() + std::ptrdiff_t(i), words.begin() + std::ptrdiff_t(i + n))];
  return counts;
}

struct Tally {
  double matches = 0, all = 0;
  double precision() const { return all > 0 ? matches / all : 0; }
};

void count(Tally& tally, const Words& candidate, const std::vector<Words>& references, std::size_t n) {
  Counts most;  // of each n-gram, in one reference
  for (const Words& reference : references)
    for (const auto& [gram, times] : ngrams(reference, n)) most[gram] = std::max(most[gram], times);
  for (const auto& [gram, times] : ngrams(candidate, n)) {
    tally.all += double(times);
    if (const auto found = most.find(gram); found != most.end())
      tally.matches += double(std::min(times, found->second));
  }
}

}  // namespace

Bleu bleu(std::span<const std::string> candidates, std::span<const std::vector<std::string>> references,
          const BleuOptions& options, Where at) {
  constexpr auto op = "bleu";
  if (candidates.size() != references.size())
    fail<Error>(at, op,
                "there are " + std::to_string(candidates.size()) + " candidates and references of " +
                    std::to_string(references.size()));
  if (options.order < 1)
    fail<Error>(at, op, "the order of n-grams must be at least 1, not " + std::to_string(options.order));

  std::vector<Tally> tallies(std::size_t(options.order));
  Bleu r;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (references[i].empty()) fail<Error>(at, op, "candidate " + std::to_string(i) + " has no reference");
    const Words candidate = words_of(candidates[i]);
    std::vector<Words> wanted;
    for (const std::string& text : references[i]) wanted.push_back(words_of(text));
    for (std::size_t n = 1; n <= tallies.size(); ++n) count(tallies[n - 1], candidate, wanted, n);
    const auto nearest = std::min_element(wanted.begin(), wanted.end(), [&](const Words& a, const Words& b) {
      auto rank = [&](const Words& w) { return std::pair(std::abs(std::ssize(w) - std::ssize(candidate)), w.size()); };
      return rank(a) < rank(b);
    });
    r.length += std::ssize(candidate);
    r.reference_length += std::ssize(*nearest);
  }

  double sum = 0;
  for (std::size_t n = 1; n <= tallies.size(); ++n) {
    Tally t = tallies[n - 1];
    if (options.smooth && n > 1) ++t.matches, ++t.all;
    r.precisions.push_back(t.precision());
    sum += std::log(t.precision());  // -inf where nothing matches: the score is 0
  }
  const auto c = double(r.length), wanted = double(r.reference_length);
  r.brevity_penalty = c > wanted ? 1 : c > 0 ? std::exp(1 - wanted / c) : 0;
  r.score = r.brevity_penalty * std::exp(sum / double(options.order));
  return r;
}

Bleu bleu(std::span<const std::string> candidates, std::span<const std::string> references, const BleuOptions& options,
          Where at) {
  std::vector<std::vector<std::string>> one_each;
  for (const std::string& reference : references) one_each.push_back({reference});
  return bleu(candidates, one_each, options, at);
}

}  // namespace heed
