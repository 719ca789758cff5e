#pragma once
#include <algorithm>
#include <cmath>
#include "../../core/tensor.h"
#include "svg.h"

namespace heed::draw {

// x [rows, cols] to draw, with the labels and names of `named`.
inline Matrix matrix_of(const Tensor& x, Matrix named = {}) {
  named.rows = x.size(0), named.cols = x.size(1), named.values = x.to_vector();
  return named;
}

// image [3, height, width], red, green and blue from 0 to 1, what is beyond as the nearest; with the title and maps of
// `named`.
inline Picture picture_of(const Tensor& image, Picture named = {}) {
  named.height = image.size(1), named.width = image.size(2);
  const std::vector<double> v = image.to_vector();
  const std::size_t size = v.size() / 3;
  for (std::size_t i = 0; i < size; ++i) {
    auto level = [&](std::size_t c) { return uint8_t(std::lround(255 * std::clamp(v[c * size + i], 0.0, 1.0))); };
    named.pixels.push_back({level(0), level(1), level(2)});
  }
  return named;
}

}  // namespace heed::draw
