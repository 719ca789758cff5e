#include "alignment.h"
#include <algorithm>
#include <cmath>
#include "../../nn/alignment.h"

namespace heed {

void AlignmentScore::add(const Tensor& weights, const Alignment& gold, int64_t near, Where at) {
  constexpr auto op = "AlignmentScore";
  if (weights.dim() != 2) fail<ShapeError>(at, op, "weights must be [T, S], not " + weights.shape().str());
  const int64_t T = weights.size(0), S = weights.size(1);
  std::vector<double> places(std::size_t(T * S));  // 1 where gold is
  int64_t rows = 0;                                // that have gold
  for (int64_t t = 0; t < std::ssize(gold); ++t) {
    const std::vector<int64_t>& from = gold[std::size_t(t)];
    for (int64_t place : from) {
      if (place < 0 || place >= S)
        fail<IndexError>(at, op,
                         "token " + std::to_string(t) + " comes from place " + std::to_string(place) +
                             ", which is not among the " + std::to_string(S) + " of the source");
      for (int64_t s = std::max<int64_t>(place - near, 0); t < T && s <= std::min(place + near, S - 1); ++s)
        places[std::size_t(t * S + s)] = 1;
    }
    tokens += !from.empty(), rows += !from.empty() && t < T;
  }
  const Tensor w = cast(weights, f64), is_gold = tensor(places, {T, S}, f64) > 0;
  attention += gold_mass(w, is_gold).item() * double(rows);
  found += std::lround(argmax_accuracy(w, is_gold).item() * double(rows));
}

}  // namespace heed
