#include "mask.h"
#include <bit>
#include <cmath>
#include "../core/mode.h"
#include "../ops/allowed.h"
#include "../ops/checks.h"

namespace heed {
namespace {

Tensor distances(int64_t T, int64_t S) { return arange(S) - (unsqueeze(arange(T), 1) + (S - T)); }  // [T, S]

}  // namespace

Tensor causal_mask(int64_t T, int64_t S, Causal causal, Where at) {
  at = line_of(at);
  check_sizes(at, "causal_mask", {T, S});
  check_allowed("causal_mask", at, {T, S}, f32, {}, {}, causal);
  return allowed(T, S, {}, ones({T, S}, boolean), causal_offset(causal, T, S));
}

Tensor local_mask(int64_t T, int64_t S, int64_t before, int64_t after, Where at) {
  check_sizes(line_of(at), "local_mask", {T, S});
  const Tensor d = distances(T, S);
  return (d >= -before) & (d <= after);
}

Tensor length_mask(const Tensor& lengths, int64_t width, Where at) {
  at = line_of(at);
  check_defined("length_mask", at, lengths);
  check_index_dtype("length_mask", at, lengths);
  check_sizes(at, "length_mask", {width});
  if (lengths.dim() != 1)
    fail<ShapeError>(at, "length_mask", "there must be a length for each row, [B], not " + lengths.shape().str());
  for (int64_t n : lengths.to_vector<int64_t>())
    if (n < 0 || n > width)
      fail<IndexError>(
          at, "length_mask",
          "a length of " + std::to_string(n) + " is outside 0 to " + std::to_string(width) + ", the width");
  return reshape(arange(width), {1, width}) < reshape(lengths, {lengths.numel(), 1});
}

Tensor alibi(int64_t heads, int64_t T, int64_t S, Dtype t, Where at) {
  at = line_of(at);
  check_computed("alibi", at, t);
  check_sizes(at, "alibi", {heads, T, S});
  const auto power = int64_t(std::bit_floor(uint64_t(heads)));
  std::vector<double> slopes;
  for (int64_t i = 1; i <= power; ++i) slopes.push_back(std::exp2(-8.0 * double(i) / double(power)));
  for (int64_t i = 1; i <= heads - power; ++i) slopes.push_back(std::exp2(-4.0 * double(2 * i - 1) / double(power)));
  return -tensor(slopes, {heads, 1, 1}, t) * cast(abs(distances(T, S)), t);
}

Tensor relative_index(int64_t T, int64_t S, int64_t distance, Where at) {
  check_sizes(line_of(at), "relative_index", {T, S});
  return clamp(distances(T, S), -distance, distance) + distance;
}

Tensor RelativeBias::operator()(int64_t T, int64_t S, Where at) const {
  check_sizes(line_of(at), "RelativeBias", {T, S});
  const Tensor index = relative_index(T, S, distance, at);
  return reshape(index_select(widened(weight), 1, reshape(index, {T * S})), {heads, T, S});
}

}  // namespace heed
