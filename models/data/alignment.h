#pragma once
// Which part of a source each part of a target comes from, as a generator knows it, and how attention agrees.
#include "../../core/tensor.h"

namespace heed {

// Gold: of each target token the source places it comes from; none for one that comes from nowhere, such as a hyphen.
using Alignment = std::vector<std::vector<int64_t>>;

// gold_mass and argmax_accuracy of nn/alignment.h, over the target tokens that have gold places, of as many targets as
// have been added.
struct AlignmentScore {
  int64_t tokens = 0;
  double attention = 0;  // on their gold places, summed
  int64_t found = 0;     // how many have their greatest weight, of equals the first, on a gold place

  // Row t of weights [T, S] is the attention while token t was written. Tokens without a row count as missed, rows
  // beyond the tokens do not count; nor do the columns of padding, which has no weight. What is `near` or fewer places
  // beside a gold one is gold, too. IndexError: a gold place beyond S.
  void add(const Tensor& weights, const Alignment& gold, int64_t near = 0, Where at = Where::here());

  // Shares of the tokens, 0 to 1; not a number if there is none.
  double mass() const { return attention / double(tokens); }
  double accuracy() const { return double(found) / double(tokens); }
};

}  // namespace heed
