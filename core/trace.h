#pragma once
// What a function does, op by op, to look at afterwards.
#include "grad.h"
#include "op.h"

namespace heed {

struct AppliedOp {  // what it was given, and what came out
  const char* op;
  Where at;
  ModuleId module;
  std::vector<Tensor> inputs, outputs;

  Node* node() const {  // null if nothing that came out has a history
    for (const Tensor& y : outputs)
      if (y.tracked()) return y.edge().node.get();
    return nullptr;
  }
};

// The ops that f() applies, in order, those inside of checkpoints as well; not the ops of rules.
template <class F>
std::vector<AppliedOp> applied_ops(F&& f) {
  std::vector<AppliedOp> r;
  const Observe watch{[&r](const Event& e) {
    if (e.backward || mode.in_rule) return;
    r.push_back({e.op, e.at, e.module, {}, {e.outputs.begin(), e.outputs.end()}});
    for (const Tensor* input : e.inputs) r.back().inputs.push_back(*input);
  }};
  mode.checkpointing = false;  // until watch ends
  f();
  return r;
}

}  // namespace heed
