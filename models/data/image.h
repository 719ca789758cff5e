#pragma once
// Pictures as tensors and back: PNG (Portable Network Graphics, W3C 2003), PGM and PPM (netpbm.sourceforge.net).
#include "../../core/tensor.h"

namespace heed {

// [C, H, W] f32, 0 to 1: C is 1 for grey, 2 for grey and alpha, 3 for RGB, 4 for RGB and alpha. What is stored, 8 or 16
// bits, divided by the greatest value that can be (torchvision's to_tensor); palettes are resolved, gamma and colour
// profiles not applied. FileError: neither PNG nor P2, P3, P5 or P6 of PGM and PPM, or damaged.
Tensor load_image(const std::string& path, Where at = Where::here());

struct ImageOptions {
  int bits = 8;        // or 16
  bool plain = false;  // as text (P2, P3): not of a PNG
};
// [C, H, W] f32 or f64, as above, to .png, .pgm (C = 1) or .ppm (C = 3). What lies outside 0 to 1 is clamped, the rest
// rounded. ShapeError, DtypeError: another shape or type; FileError: another ending, a NaN, or it cannot be written.
void save_image(const std::string& path, const Tensor& image, const ImageOptions& options = {},
                Where at = Where::here());

}  // namespace heed
