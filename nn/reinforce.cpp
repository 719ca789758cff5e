#include "reinforce.h"
#include "../ops/checks.h"

namespace heed {

Tensor log_probability(In p, In choice) {
  Scope here{p};
  const Tensor chosen = sum(p * choice, -1);
  return log(where(sum(choice, -1) > 0, chosen, 1));
}

Choice choose(In scores, Rng* rng, const Tensor& drawn) {
  const Where at = line_of(scores);
  if (drawn.defined()) {
    check_boolean("choose", at, drawn);
    if (scores->dim() < 1 || drawn.shape() != scores->shape().without(scores->dim() - 1))
      fail<ShapeError>(
          at, "choose",
          "drawn must be true or false of each row of " + scores->shape().str() + ", not " + drawn.shape().str());
  }
  Scope here{scores};
  const Tensor p = softmax(scores), key = normalize(scores, Normalizer::sampled, {}, rng);
  if (!drawn.defined()) return {key, log_probability(p, key), entropy(p)};
  const Tensor rows = unsqueeze(drawn, -1);
  return {where(rows, key, p), log_probability(p, where(rows, key, 0)), entropy(p)};
}

Tensor Reinforce::operator()(In log_likelihood, In log_choice, In choice_entropy) const {
  const Where at = line_of(log_likelihood);
  for (const In& x : {log_likelihood, log_choice, choice_entropy}) {
    check_floating("Reinforce", at, x);
    if (x->dim() != 1 || x->shape() != log_likelihood->shape())
      fail<ShapeError>(at, "Reinforce",
                       "log p(y | s), log p(s) and the entropy must be [B], not " + log_likelihood->shape().str() +
                           ", " + log_choice->shape().str() + " and " + choice_entropy->shape().str());
  }
  Scope here{*this, log_likelihood};
  const double b = baseline.item();
  const Tensor advantage = stop_gradient(log_likelihood) - b;
  if (mode.recording && log_likelihood->numel() > 0)  // else nothing is learned from it
    assign(baseline, cast(decay * b + (1 - decay) * mean(stop_gradient(log_likelihood)), baseline.dtype()), at);
  return -mean(log_likelihood + reward * advantage * log_choice + entropy * choice_entropy);
}

}  // namespace heed
