#include "parts.h"
#include <algorithm>
#include <stdexcept>
#include <string_view>

namespace heed::explain {
namespace {

bool same(const Tensor& a, const Tensor& b) {
  return a.tracked() && a.edge().node.get() == b.edge().node.get() && a.edge().output == b.edge().output;
}
bool is(const AppliedOp& op, auto... names) { return ((op.op == std::string_view(names)) || ...); }
const AppliedOp& the(const std::vector<AppliedOp>& ops, auto which) {
  const auto found = std::find_if(ops.begin(), ops.end(), which);
  if (found == ops.end()) throw std::logic_error("explain: attention is not made as it was when this was written");
  return *found;
}

}  // namespace

const AppliedOp& maker_of(const Tensor& x, const std::vector<AppliedOp>& ops) {
  return the(ops, [&](const AppliedOp& op) {
    return std::any_of(op.outputs.begin(), op.outputs.end(), [&](const Tensor& y) { return same(y, x); });
  });
}

Parts parts_of(const Tensor& weights, const std::vector<AppliedOp>& ops) {
  auto maker = [&](const Tensor& x) { return &maker_of(x, ops); };
  const AppliedOp& mix = the(ops, [&](const AppliedOp& op) { return is(op, "matmul") && same(op.inputs[0], weights); });
  Parts r;
  r.v = mix.inputs[1], r.y = mix.outputs[0];

  const AppliedOp* op = maker(weights);  // up through softmax, which with a mask is of several ops
  while (is(*op, "softmax", "div", "where", "exp", "sub")) {
    const bool where = is(*op, "where");
    if (where) r.mask = op->inputs[0];
    op = maker(op->inputs[where]);
  }
  for (; !is(*op, "matmul", "tanh"); op = maker(op->inputs[0]))  // and through what is done with products, or v tanh
    if (is(*op, "linear")) r.bend = op->inputs[1];
  if (r.bend.defined()) {
    const AppliedOp& sum = *maker(op->inputs[0]);  // of keys and queries, each with a new dimension
    r.k = maker(sum.inputs[0])->inputs[0], r.q = maker(sum.inputs[1])->inputs[0];
  } else {
    r.q = op->inputs[0], r.k = maker(op->inputs[1])->inputs[0];  // which was transposed
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
