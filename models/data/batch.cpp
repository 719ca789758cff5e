#include "batch.h"
#include <algorithm>
#include <cstddef>
#include "vocabulary.h"

namespace heed {

Padded pad_sequence(std::span<const std::vector<int64_t>> sequences) {
  Padded padded;
  for (const auto& s : sequences) padded.lengths.push_back(static_cast<int64_t>(s.size()));
  for (int64_t length : padded.lengths) padded.width = std::max(padded.width, length);
  for (const auto& s : sequences) {
    padded.ids.insert(padded.ids.end(), s.begin(), s.end());
    padded.ids.insert(padded.ids.end(), static_cast<std::size_t>(padded.width) - s.size(), Vocabulary::pad);
  }
  return padded;
}

std::vector<uint8_t> length_mask(const Padded& padded) {
  std::vector<uint8_t> mask;
  for (int64_t length : padded.lengths)
    for (int64_t t = 0; t < padded.width; ++t) mask.push_back(t < length);
  return mask;
}

Batch collate(std::span<const Example> examples) {
  std::vector<std::vector<int64_t>> sources, targets;
  for (const Example& e : examples) {
    sources.push_back(e.source);
    targets.push_back({Vocabulary::start});
    targets.back().insert(targets.back().end(), e.target.begin(), e.target.end());
    targets.back().push_back(Vocabulary::end);
  }
  return {pad_sequence(sources), pad_sequence(targets)};
}

}  // namespace heed
