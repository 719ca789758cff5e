#pragma once
// What core asks of ops/kernels, where the loops over vectors stand.
#include "array.h"

namespace heed::kernels {

Array add(const Array& a, const Array& b);
Array scale(const Array& x, double by);
void scale_in_place(Array& x, double by);     // floats that nobody else holds, contiguous
void clear(std::byte* p, std::size_t bytes);  // zeros, past the caches: for more than would stay in them

}  // namespace heed::kernels
