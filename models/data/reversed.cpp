#include "reversed.h"

namespace heed {

ReversedPair sample_reversed(int64_t shortest, int64_t longest, Rng& rng, Where at) {
  if (shortest < 1 || longest < shortest)
    fail<IndexError>(at, "sample_reversed",
                     "cannot draw a length from " + std::to_string(shortest) + " to " + std::to_string(longest) +
                         ": the shortest must be at least 1 and at most the longest");
  const int64_t length = shortest + rng.below(longest - shortest + 1);
  constexpr auto letters = static_cast<int64_t>(reversed_characters.size());
  ReversedPair pair;
  for (int64_t i = 0; i < length; ++i) {
    pair.source += reversed_characters[static_cast<std::size_t>(rng.below(letters))];
    pair.alignment.push_back({length - 1 - i});
  }
  pair.target.assign(pair.source.rbegin(), pair.source.rend());
  return pair;
}

}  // namespace heed
