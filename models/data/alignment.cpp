#include "alignment.h"
#include <algorithm>
#include <cstdlib>

namespace heed {

void AlignmentScore::add(const Tensor& weights, const Alignment& gold, int64_t near, Where at) {
  constexpr auto op = "AlignmentScore";
  if (weights.dim() != 2) fail<ShapeError>(at, op, "weights must be [T, S], not " + weights.shape().str());
  const int64_t T = weights.size(0), S = weights.size(1);
  const std::vector<double> w = weights.to_vector();
  for (std::size_t t = 0; t < gold.size(); ++t) {
    if (gold[t].empty()) continue;
    for (int64_t place : gold[t])
      if (place < 0 || place >= S)
        fail<IndexError>(at, op,
                         "token " + std::to_string(t) + " comes from place " + std::to_string(place) +
                             ", which is not among the " + std::to_string(S) + " of the source");
    ++tokens;
    if (int64_t(t) >= T) continue;
    auto is_gold = [&](int64_t s) {
      return std::any_of(gold[t].begin(), gold[t].end(), [&](int64_t place) { return std::abs(place - s) <= near; });
    };
    const auto row = w.begin() + int64_t(t) * S;
    for (int64_t s = 0; s < S; ++s)
      if (is_gold(s)) attention += row[s];
    found += is_gold(std::max_element(row, row + S) - row);
  }
}

}  // namespace heed
