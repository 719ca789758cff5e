#pragma once
#include "../core/mode.h"
#include "alignment.h"
#include "normalize.h"

namespace heed {

// Hard attention: for each row of scores, one key, drawn with the probabilities p = softmax(scores).
struct Choice {
  Tensor weights;          // [.., S]: 1 at the key, else 0; no gradient
  Tensor log_probability;  // [..]: of the key
  Tensor entropy;          // [..]: of p
};
// Where `drawn` (boolean [..], undefined: everywhere) is false, no key is drawn: the weights are p itself, with its
// gradient. Without a generator it is the likeliest key.
Choice choose(In scores, Rng* rng, const Tensor& drawn = {});

// log p(choice) of one-hot choices, and of no choice 0: p, choice [.., S] -> [..]
Tensor log_probability(In p, In choice);

// A loss whose gradient, by the choices s that a model made, is on average (with a reward of 1 and no entropy) that of
// -E[log p(y | s)]:
//   -(d log p(y | s) + reward (log p(y | s) - b) d log p(s) + entropy dH)
// (Williams 1992; Xu et al. 2015, section 4.1). The baseline b, moved by each call that is recorded to decay b + (1 -
// decay) mean log p(y | s), makes the gradient less noisy and does not change its mean. Xu et al. also replace, with
// probability 1/2, the choices by their probabilities.
struct Reinforce {
  double reward = 1, entropy = 0, decay = 0.9;
  Tensor baseline = zeros({});  // b

  // Of B examples, each [B]: log p(y | s), log p(s) summed over the choices, H[p(s)] likewise.
  Tensor operator()(In log_likelihood, In log_choice, In choice_entropy) const;
};

}  // namespace heed
