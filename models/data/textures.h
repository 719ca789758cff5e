#pragma once
#include "../../core/rng.h"
#include "../../core/tensor.h"

// Two tasks of telling textures apart, that of attention to channels and that of attention to places.
namespace heed {

inline constexpr int64_t texture_kinds = 4;  // rows, columns, chequers, diagonals; stripes and squares 2 pixels wide

// Each colour of a picture has a texture of its own, and a bright square in its upper left corner, in one colour alone,
// says which texture is asked for. What is asked for is known in one place, what the answer is in all others.
struct Texture {
  Tensor image;     // [3, 16, 16] f32
  int64_t kind;     // of the texture asked for
  int64_t channel;  // that it has
};
// Channels are equally likely to be asked for; the kinds of all three are drawn independently, each equally likely, as
// are their phases. Textures are 0 and 1 with noise of deviation 0.1 on both; the bright square is 4 x 4 pixels of 3,
// in the other channels of 0.
Texture sample_texture(Rng& rng);

// Each quarter of a picture has one of the four textures, in blue, with a hole in it, and a dot in each hole: red in
// the quarter that is asked for, green in the others. No window of 3 x 3 pixels has both a dot and a texture in it, and
// all pictures have the same textures and dots: what sees no farther and forgets where knows nothing.
struct DottedTexture {
  Tensor image;     // [3, 20, 20] f32
  int64_t kind;     // of the texture asked for
  int64_t quarter;  // that has it: row after row
};
// The order of the textures, their phases and the quarter asked for are drawn independently, each equally likely. A dot
// is a pixel of 3 in the middle of a hole of 5 x 5, which lies up to a pixel beside the middle of its quarter.
DottedTexture sample_dotted_texture(Rng& rng);

}  // namespace heed
