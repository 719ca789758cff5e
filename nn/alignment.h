#pragma once
// What attention looks like: measures of weights [.., T, S], one number for each page, [..].
#include "../ops/ops.h"

namespace heed {

struct AlignmentOptions {
  Tensor rows = {};  // boolean, broadcasts to [.., T]: the first ones, those that count; undefined: all
  Tensor keys = {};  // boolean, broadcasts to [.., S]: the first ones, those that are no padding; undefined: all
};

// A diagonal goes from the first row and key to the last ones that count; an anti-diagonal, from the last key to the
// first. Of no rows, all measures are 0 but for coverage_penalty, which counts the keys: none is looked at.
enum class Diagonal { main, anti };
// The mean over rows of the weight that lies within `width` keys of the diagonal: 0 .. 1 if rows sum to 1.
Tensor diagonal_mass(In weights, Diagonal diagonal = Diagonal::main, double width = 1,
                     const AlignmentOptions& options = {});
// The mean over rows of how many keys the largest weight is away from the diagonal: 0 where they go hand in hand.
Tensor monotonicity(In weights, Diagonal diagonal = Diagonal::main, const AlignmentOptions& options = {});

// -sum p log p over the last dimension, in nats: [.., S] -> [..]
Tensor entropy(In p);
// Its mean over rows: 0 for one key, log S for all alike.
Tensor mean_entropy(In weights, const AlignmentOptions& options = {});

// How much each key is looked at: the sum over rows, [.., S].
Tensor coverage(In weights, const AlignmentOptions& options = {});
// sum over keys of (1 - coverage)^2: the doubly stochastic penalty   (Xu et al. 2015, eq. 14)
Tensor coverage_penalty(In weights, const AlignmentOptions& options = {});

// Against gold alignments, boolean [.., T, S]; rows without gold do not count.
Tensor gold_mass(In weights, In gold);        // the mean over rows of the weight on gold keys
Tensor argmax_accuracy(In weights, In gold);  // the share of rows whose largest weight is on a gold key
// 1 - 2 |A and G| / (|A| + |G|), A the largest weights of the rows that count, G gold   (Och and Ney 2003, all of it
// sure)
Tensor alignment_error_rate(In weights, In gold, const AlignmentOptions& options = {});

}  // namespace heed
