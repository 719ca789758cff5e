#pragma once
// Products of matrices, batched, over strided operands.
#include <vector>
#include "../../core/array.h"

namespace heed::kernels {

// c [.., n, m] = a [.., n, k] b [.., k, m] + bias [m], where there is one; batch dimensions are equal, strides are any.
// b may be bf16 where a is f32; it is widened as it is read.
// The result is the same bits for any number of threads: tiles depend on the sizes alone, and k is never split over
// tasks.
Array matmul(const Array& a, const Array& b, const Array& bias = {});

// How many matrices are in a batch [.., n, m].
int64_t pages(const Shape& batch);
// Where each matrix of a batch begins, in elements from x's first: x [.., n, m].
std::vector<int64_t> page_offsets(const Array& x);

}  // namespace heed::kernels
