#pragma once
#include <string>
#include <string_view>
#include "../../core/rng.h"
#include "alignment.h"

// The reversal task: a random string over 20 letters -> the same string backwards.
namespace heed {

struct ReversedPair {
  std::string source, target;
  Alignment alignment;  // gold: target character t is source character T - 1 - t
};

inline constexpr std::string_view reversed_characters = "abcdefghijklmnopqrst";  // the letters that are drawn

// Length uniform in [shortest, longest], letters uniform. Lengths other than 1 <= shortest <= longest are an
// IndexError.
ReversedPair sample_reversed(int64_t shortest, int64_t longest, Rng& rng, Where at = Where::here());

}  // namespace heed
