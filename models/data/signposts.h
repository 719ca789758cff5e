#pragma once
#include "../../core/tensor.h"

// The task of looking around: a picture of 3 x 3 cells, each with a form in it and a sign that points at a cell, itself
// perhaps. Whoever starts in the middle and goes where the signs point, so many times, shall say what form is there.
namespace heed {

struct Signposts {
  Tensor images;  // [B, 3, 24, 24] f32: cells of 8 x 8, row after row
  Tensor path;    // [B, hops + 1] i64: cells 0 .. 8, from the middle to the one asked for
  Tensor form;    // [B] i64: what stands there, 0 .. forms - 1 (scenes.h)
};

// Forms and signs are drawn independently, each equally likely. Forms are blue, up to a pixel beside the middle of
// their cells. A sign is a red square of 2 x 2 pixels, which lies in its cell as the cell that it points at lies in the
// picture. IndexError: fewer than no hops.
Signposts sample_signposts(int64_t hops, int64_t batch, Rng& rng, Where at = Where::here());

}  // namespace heed
