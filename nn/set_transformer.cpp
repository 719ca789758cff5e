#include "set_transformer.h"

namespace heed {
namespace {

Tensor rows_for(const Tensor& x, const Tensor& rows) {  // [k, width] -> [B, k, width]
  return expand(rows, {x.size(0), rows.size(0), rows.size(1)});
}
Tensor then_feed_forward(const Mab& m, const Tensor& x, const Tensor& attended) {
  const Tensor h = m.norm1(x + attended);
  return m.norm2(h + relu(m.feed_forward(h)));
}

}  // namespace

Tensor Mab::operator()(In x, In y, const Tensor& mask, Rng* training) const {
  Scope here{*this, x};
  return then_feed_forward(*this, x, attention(x, y, y, {.key_mask = mask}, training));
}
Attended Mab::with_weights(In x, In y, const Tensor& mask) const {
  Scope here{*this, x};
  const auto [attended, weights] = attention.with_weights(x, y, y, {.key_mask = mask});
  return {then_feed_forward(*this, x, attended), weights};
}

Tensor Sab::operator()(In x, const Tensor& mask, Rng* training) const {
  Scope here{*this, x};
  return block(x, x, mask, training);
}

Tensor Isab::operator()(In x, const Tensor& mask, Rng* training) const {
  Scope here{*this, x};
  return spread(x, gather(rows_for(x, widened(inducing)), x, mask, training), {}, training);
}
Attended Isab::with_weights(In x, const Tensor& mask) const {
  Scope here{*this, x};
  const auto [gathered, weights] = gather.with_weights(rows_for(x, widened(inducing)), x, mask);
  return {spread(x, gathered), weights};
}

Tensor Pma::operator()(In x, const Tensor& mask, Rng* training) const {
  Scope here{*this, x};
  return block(rows_for(x, widened(seed)), relu(feed_forward(x)), mask, training);
}
Attended Pma::with_weights(In x, const Tensor& mask) const {
  Scope here{*this, x};
  return block.with_weights(rows_for(x, widened(seed)), relu(feed_forward(x)), mask);
}

}  // namespace heed
