#pragma once
// Who may attend to whom, and what is added to the scores: for .mask and .bias of whatever attends, from T queries to S
// keys. Places are counted so that the last query stands at the last key, as with a cache of earlier keys.
#include "../ops/ops.h"
#include "init.h"

namespace heed {

// ---- masks: boolean, true = may attend
// As Causal says: [T, S]. ShapeError: Causal::on, and T is not S.
Tensor causal_mask(int64_t T, int64_t S, Causal causal = Causal::on, Where at = Where::here());
// Keys from `before` places before the query to `after` places after it: [T, S]   (Beltagy, Peters and Cohan 2020)
Tensor local_mask(int64_t T, int64_t S, int64_t before, int64_t after, Where at = Where::here());
// Lengths [B] i64, 0 .. width -> [B, width], true where a real token stands. IndexError: a length is none of these.
Tensor length_mask(const Tensor& lengths, int64_t width, Where at = Where::here());

// ---- biases
// -m |distance|, m = 2^(-8 / heads), 2^(-16 / heads), .. 2^-8: [heads, T, S]. If heads is no power of two, those of the
// power below come first, then every second one of the power above.   (Press, Smith and Lewis 2022)
Tensor alibi(int64_t heads, int64_t T, int64_t S, Dtype t = f32, Where at = Where::here());

// A learned number for each head and distance, those beyond `distance` as the farthest: [heads, T, S]   (Parikh et al.
// 2016, section 3.4, with one head; as in Raffel et al. 2020, which puts far distances into classes)
struct RelativeBias {
  int64_t heads, distance;
  Parameter weight = parameter(init::normal({heads, 2 * distance + 1}, 0, 0.02));  // of -distance .. distance

  Tensor operator()(int64_t T, int64_t S, Where at = Where::here()) const;
};

// [T, S] i64: how many places after the query the key stands, -distance .. distance, plus distance: what a table of
// 2 distance + 1 rows is indexed by.
Tensor relative_index(int64_t T, int64_t S, int64_t distance, Where at = Where::here());

}  // namespace heed
