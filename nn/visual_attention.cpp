#include "visual_attention.h"
#include "../ops/checks.h"

namespace heed {
namespace {

void check_picture(const char* op, const In& x, std::optional<int64_t> channels = {}) {
  if (x->dim() != 4 || (channels && x->size(1) != *channels))
    fail<ShapeError>(
        line_of(x), op,
        "the input must be [N, " + (channels ? std::to_string(*channels) : "C") + ", H, W], not " + x->shape().str());
}

void check_squeezed(const char* op, const In& x, const SqueezeExcitation& m) {
  if (m.squeezed < 1)
    fail<Error>(line_of(x), op,
                std::to_string(m.channels) + " channels cannot be squeezed to " + std::to_string(m.squeezed) +
                    ": the reduction is " + std::to_string(m.reduction) + " and must be at least 1");
}

Tensor mean_over_space(const Tensor& x) { return mean(x, {2, 3}, keepdim); }

}  // namespace

Tensor SqueezeExcitation::gate(In x) const {
  Scope here{*this, x};
  check_picture("SqueezeExcitation", x, channels);
  check_squeezed("SqueezeExcitation", x, *this);
  return sigmoid(scores(mean_over_space(x)));
}
Tensor SqueezeExcitation::operator()(In x, Rng*) const {
  Scope here{*this, x};
  return x * gate(x);
}

Tensor ChannelAttention::gate(In x) const {
  Scope here{*this, x};
  check_picture("ChannelAttention", x, channels);
  check_squeezed("ChannelAttention", x, mlp);
  return sigmoid(mlp.scores(mean_over_space(x)) + mlp.scores(amax(x, {2, 3}, keepdim)));
}
Tensor ChannelAttention::operator()(In x, Rng*) const {
  Scope here{*this, x};
  return x * gate(x);
}

Tensor SpatialAttention::gate(In x) const {
  Scope here{*this, x};
  check_picture("SpatialAttention", x);
  if (kernel % 2 == 0)
    fail<Error>(line_of(x), "SpatialAttention",
                "a kernel of " + std::to_string(kernel) + " has no middle: it must be odd");
  return sigmoid(conv(concat({mean(x, 1, keepdim), max(x, 1, keepdim)}, 1)));
}
Tensor SpatialAttention::operator()(In x, Rng*) const {
  Scope here{*this, x};
  return x * gate(x);
}

Tensor Cbam::operator()(In x, Rng*) const {
  Scope here{*this, x};
  return spatial(channel(x));
}

namespace {

struct Parts {
  Tensor q, k, v, bias;  // [N, heads, H W, D], bias [N or 1, heads, H W, H W] or absent
};

// p_i r_{j-i} for all rows or columns j of i's column or row: p [.., H, W, D] -> [.., H, W, H] or [.., H, W, W]
Tensor of_offsets(const Tensor& p, const Linear& proj, int64_t heads, int64_t n, const Shape& index) {
  const Tensor r = proj(sinusoids(2 * n - 1, proj.in, p.dtype(), 1 - n));  // [2 n - 1, channels]
  const Tensor of_heads =
      permute(reshape(r, {2 * n - 1, heads, 1, p.size(-1)}), {1, 2, 3, 0});  // [heads, 1, D, 2 n - 1]
  return take_along(matmul(p, of_heads), reshape(relative_index(n, n, n - 1), index), -1);
}

Parts parts(const GeneralizedAttention& m, In x) {
  constexpr auto op = "GeneralizedAttention";
  const auto& [query_key, query_offset, key, offset] = m.terms;
  if (m.heads < 1 || m.channels % m.heads)
    fail<ShapeError>(line_of(x), op,
                     std::to_string(m.channels) + " channels cannot be shared by " + std::to_string(m.heads) +
                         " heads: they must be a multiple of them");
  check_picture(op, x, m.channels);
  const int64_t N = x->size(0), H = x->size(2), W = x->size(3), D = m.channels / m.heads;
  const Tensor places = transpose(flatten(x, 2));  // [N, H W, channels]
  auto head = [&](const Linear& proj) { return transpose(reshape(proj(places), {N, H * W, m.heads, D}), 1, 2); };
  auto plus = [](const Tensor& a, const Tensor& b) { return !a.defined() ? b : b.defined() ? a + b : a; };
  const Tensor q = m.q_proj ? head(*m.q_proj) : Tensor();
  Parts r;
  r.v = head(m.v_proj);
  r.k = m.k_proj ? head(*m.k_proj) : zeros_like(r.v);
  r.q = plus(query_key ? q : Tensor(), key ? reshape(widened(m.u), {m.heads, 1, D}) : Tensor());
  r.q = r.q.defined() ? expand(r.q, r.v.shape()) : zeros_like(r.v);
  if (query_offset || offset) {
    const Tensor p = plus(query_offset ? reshape(q, {N, m.heads, H, W, D}) : Tensor(),
                          offset ? reshape(widened(m.v), {1, m.heads, 1, 1, D}) : Tensor());
    const Tensor rows = of_offsets(p, *m.row_proj, m.heads, H, {1, 1, H, 1, H});
    const Tensor columns = of_offsets(p, *m.column_proj, m.heads, W, {1, 1, 1, W, W});
    const Tensor both = unsqueeze(rows, -1) + unsqueeze(columns, -2);  // [N or 1, heads, H, W, H, W]
    r.bias = scale(reshape(both, {both.size(0), m.heads, H * W, H * W}), 1 / std::sqrt(double(D)));
  }
  return r;
}

Tensor join(const GeneralizedAttention& m, const Tensor& y, const Shape& shape) {  // [N, heads, H W, D]
  const Tensor places = reshape(transpose(y, 1, 2), {shape[0], shape[2] * shape[3], m.channels});
  return reshape(transpose(m.out_proj(places)), shape);
}

}  // namespace

Tensor GeneralizedAttention::operator()(In x, Rng*) const {
  Scope here{*this, x};
  const auto [q, k, v, bias] = parts(*this, x);
  return join(*this, Attention{}(q, k, v, {.bias = bias}), x->shape());
}
GeneralizedAttention::Result GeneralizedAttention::with_weights(In x) const {
  Scope here{*this, x};
  const auto [q, k, v, bias] = parts(*this, x);
  const auto [y, weights] = Attention{}.with_weights(q, k, v, {.bias = bias});
  const int64_t H = x->size(2), W = x->size(3);
  return {join(*this, y, x->shape()), reshape(weights, {x->size(0), heads, H, W, H, W})};
}

}  // namespace heed
