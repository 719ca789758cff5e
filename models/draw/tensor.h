#pragma once
#include "../../core/tensor.h"
#include "matrix.h"

namespace heed::draw {

// x [rows, cols] to draw, with the labels and names of `named`.
inline Matrix matrix_of(const Tensor& x, Matrix named = {}) {
  named.rows = x.size(0), named.cols = x.size(1), named.values = x.to_vector();
  return named;
}

}  // namespace heed::draw
