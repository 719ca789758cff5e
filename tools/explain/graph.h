#pragma once
// The graph of a loss: its ops, what they gave, and what flows back.
#include "../../core/trace.h"
#include "json.h"

namespace heed::explain {

struct Names {  // of what a model is made of
  std::vector<ModulePath> modules;
  Parameters parameters;
};
template <class M>
Names names_of(const M& m) {
  return {modules(m), state(m)};
}

// ops: all that were applied on the way to the loss. With `values`, small tensors are given whole.
json graph(const Tensor& loss, const std::vector<AppliedOp>& ops, const Names& names, bool values);

}  // namespace heed::explain
