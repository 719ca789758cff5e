#pragma once
// The parts of an attention, found among the ops that made it.
#include "../../core/trace.h"
#include "head.h"

namespace heed::explain {

struct Parts {  // each as it was computed, with its history
  Tensor q, k, v, y;
  Tensor mask = {}, bend = {};  // as a Head's
};
// Of weights that softmax has made of q k^T or bend . tanh(q + k).
Parts parts_of(const Tensor& weights, const std::vector<AppliedOp>& ops);

const AppliedOp& maker_of(const Tensor& x, const std::vector<AppliedOp>& ops);  // that x came out of

// Those of a layer, with what flows back to each from the loss.
std::vector<Head> heads_of(const MultiHeadAttention& layer, const Tensor& weights, const std::vector<AppliedOp>& ops,
                           const Tensor& loss);

}  // namespace heed::explain
