#include "batch.h"
#include <algorithm>
#include "../../ops/ops.h"
#include "vocabulary.h"

namespace heed {

Padded pad_sequence(std::span<const std::vector<int64_t>> sequences) {
  std::vector<int64_t> lengths, ids;
  for (const auto& s : sequences) lengths.push_back(int64_t(s.size()));
  const int64_t width = lengths.empty() ? 0 : *std::max_element(lengths.begin(), lengths.end());
  for (const auto& s : sequences) {
    ids.insert(ids.end(), s.begin(), s.end());
    ids.insert(ids.end(), std::size_t(width) - s.size(), Vocabulary::pad);
  }
  return {tensor(ids, {int64_t(sequences.size()), width}), tensor(lengths, {int64_t(sequences.size())})};
}

Tensor length_mask(const Tensor& lengths, int64_t width) {
  return reshape(arange(width), {1, width}) < reshape(lengths, {lengths.numel(), 1});
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
