#pragma once
#include <string>
#include <string_view>
#include "../../core/rng.h"
#include "alignment.h"

// The captioning task: a picture of two objects in a 3 x 3 grid -> what they are and how they lie, in five words, the
// object that comes first in reading order first.
//
//   red circle above blue square
//
// The relation is that of the first object to the second: left-of in the same row, above in the same column, else
// above-left-of or above-right-of.
namespace heed {

// All words of captions.
inline constexpr std::string_view scene_words =
    "red green blue yellow square circle triangle cross left-of above above-left-of above-right-of";

// The shapes of objects, 6 x 6 pixels: square, circle, triangle, cross.
inline constexpr int64_t forms = 4;
bool in_form(int64_t form, int64_t y, int64_t x);

struct Scene {
  Tensor image;         // [3, 24, 24] f32, 0 to 1: cells of 8 x 8 on black, row after row
  std::string caption;  // colour shape relation colour shape
  Alignment alignment;  // gold: of each word the cell (0 .. 8) of the object it names, the relation of both
};

// Cells, colours and shapes are all equally likely. An object lies up to one pixel beside the middle of its cell.
Scene sample_scene(Rng& rng);

}  // namespace heed
