#include "linear.h"

namespace heed {

Tensor Bilinear::operator()(In x1, In x2) const {
  Scope here{*this, x1};
  const Where at = line_of(x1);
  for (const auto& [x, width] : {std::pair(x1, in1), std::pair(x2, in2)})
    if (x->dim() < 1 || x->size(-1) != width)
      fail<ShapeError>(at, "Bilinear",
                       "the inputs must be [.., " + std::to_string(in1) + "] and [.., " + std::to_string(in2) +
                           "], not " + x1->shape().str() + " and " + x2->shape().str());
  auto with_last = [](Shape s, int64_t n) {
    s.push_back(n);
    return s;
  };
  const Tensor rows = linear(x2, reshape(weight, {out * in1, in2}));  // [.., out in1]
  const Tensor y = matmul(reshape(rows, with_last(rows.shape().with(-1, out), in1)),
                          reshape(x1, with_last(x1->shape(), 1)));  // [.., out, 1]
  const Tensor flat = reshape(y, y.shape().without(y.dim() - 1));
  return bias.defined() ? flat + widened(bias) : flat;
}

}  // namespace heed
