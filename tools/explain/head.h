#pragma once
// One head of attention by itself, in float64: what the page shows of it, element by element.
#include "json.h"

namespace heed::explain {

// y = weights(scores(q, k)) v
struct Head {
  Tensor q, k, v;    // [T, D], [S, D], [S, E], without a history
  Tensor mask = {};  // [T, S] boolean, true = may attend; undefined: all may
  double scale = 1;  // of the product q k^T
  Tensor bend = {};  // [D]: scores are bend . tanh(q + k); undefined: scale q k^T
  Tensor dy = {};    // [T, E]: what flows back to y

  Tensor scores(const Tensor& q, const Tensor& k) const;  // [T, S], before the mask
  Tensor weights(const Tensor& scores) const { return normalize(scores, Normalizer::softmax, {.mask = mask}); }
};

struct Shown {  // of what a head goes through: the value of each matrix, and its gradient
  Tensor q, k, v, s, a, y;
  Tensor dq, dk, dv, ds, da;
};
Shown run(const Head& head);

// Everything about a head; with `checked`, each gradient beside the slopes that the values alone have. `least` becomes
// the least number of certified digits, if that is less.
json json_of(const Head& head, bool checked, double& least);

// Other ways to weigh the same keys for the same queries: [{"name", "A", "dS", "O", "sum"}, ..]
json mechanisms(const Head& head);

}  // namespace heed::explain
