#pragma once
#include "../../core/rng.h"
#include "../../core/tensor.h"

// The channel task: each colour of a picture has a texture of its own, and a bright square in its upper left corner, in
// one colour alone, says which texture is asked for. It is a matter of attention to channels: what is asked for is
// known in one place, what the answer is in all others.
namespace heed {

struct Texture {
  Tensor image;     // [3, 16, 16] f32
  int64_t kind;     // of the texture asked for: 0 rows, 1 columns, 2 chequers, 3 diagonals
  int64_t channel;  // that it has
};
inline constexpr int64_t texture_kinds = 4;  // how many there are

// Channels are equally likely to be asked for; the kinds of all three are drawn independently, each equally likely, as
// are their phases. Stripes and squares are two pixels wide, of 0 and 1 with noise of deviation 0.1 on both; the bright
// square is 4 x 4 pixels of 3, in the other channels of 0.
Texture sample_texture(Rng& rng);

}  // namespace heed
