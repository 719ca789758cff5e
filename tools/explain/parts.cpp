#include "parts.h"
#include <algorithm>
#include <string_view>

namespace heed::explain {
namespace {

bool same(const Tensor& a, const Tensor& b) {
  return a.tracked() && a.edge().node.get() == b.edge().node.get() && a.edge().output == b.edge().output;
}
bool is(const AppliedOp& op, std::string_view name) { return op.op == name; }

}  // namespace

const AppliedOp& maker_of(const Tensor& x, const std::vector<AppliedOp>& ops) {
  return *std::find_if(ops.begin(), ops.end(), [&](const AppliedOp& op) {
    return std::any_of(op.outputs.begin(), op.outputs.end(), [&](const Tensor& y) { return same(y, x); });
  });
}

Parts parts_of(const Tensor& weights, const std::vector<AppliedOp>& ops) {
  auto maker = [&](const Tensor& x) -> const AppliedOp& { return maker_of(x, ops); };
  const AppliedOp& softmax = maker(weights);
  const AppliedOp& mix = *std::find_if(
      ops.begin(), ops.end(), [&](const AppliedOp& op) { return is(op, "matmul") && same(op.inputs[0], weights); });
  Parts r;
  r.scores = softmax.inputs[0], r.weights = weights, r.v = mix.inputs[1], r.y = mix.outputs[0];
  if (softmax.inputs.size() > 1) r.mask = softmax.inputs[1];

  const AppliedOp* op = &maker(r.scores);
  while (!is(*op, "matmul") && !is(*op, "tanh")) {
    if (is(*op, "linear")) r.bend = op->inputs[1];
    op = &maker(op->inputs[0]);
  }
  if (r.bend.defined()) {
    const AppliedOp& sum = maker(op->inputs[0]);  // of keys and queries, each with a new dimension
    r.k = maker(sum.inputs[0]).inputs[0], r.q = maker(sum.inputs[1]).inputs[0];
  } else {
    r.q = op->inputs[0], r.k = maker(op->inputs[1]).inputs[0];  // which was transposed
  }
  return r;
}

std::vector<Head> heads_of(const MultiHeadAttention& layer, const Tensor& weights, const std::vector<AppliedOp>& ops,
                           const Tensor& loss) {
  const Parts p = parts_of(weights, ops);
  const Tensor dy = grad(loss, {p.y})[0];
  std::vector<Head> r;
  for (int64_t h = 0; h < layer.heads; ++h) {
    auto of = [h](const Tensor& x) { return x.detach()(0, h).contiguous(); };
    r.push_back({.q = of(p.q), .k = of(p.k), .v = of(p.v), .dy = of(dy)});
    r.back().scale = layer.scale != 0 ? layer.scale : ScaledDotScore{}.products(p.q, p.k).scale;
    if (p.mask.defined()) r.back().mask = expand(p.mask, weights.shape())(0, h);
  }
  return r;
}

}  // namespace heed::explain
