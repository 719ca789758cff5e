#pragma once
#include "../core/mode.h"
#include "alignment.h"

namespace heed {

// log p(choice) of one-hot choices, and of no choice 0: p, choice [.., S] -> [..]
Tensor log_probability(In p, In choice);

// A loss whose gradient, by the choices s that a model made, is on average that of -E[log p(y | s)]:
//   -(d log p(y | s) + reward (log p(y | s) - b) d log p(s) + entropy dH)
// (Williams 1992; Xu et al. 2015, section 4.1). The baseline b, moved by each call to decay b + (1 - decay) mean
// log p(y | s), makes the gradient less noisy and does not change its mean. Xu et al. also replace, with probability
// 1/2, the choices by their probabilities.
struct Reinforce {
  double reward = 1, entropy = 0, decay = 0.9;
  Tensor baseline = zeros({});  // b

  // Of B examples, each [B]: log p(y | s), log p(s) summed over the choices, H[p(s)] likewise.
  Tensor operator()(In log_likelihood, In log_choice, In choice_entropy) const;
};

}  // namespace heed
