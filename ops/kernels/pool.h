#pragma once
// Pools over rows of windows, in one thread.
#include <cstdint>

namespace heed::kernels {

struct PoolWindow {  // values of a plane: `first`, and from it so many rows and columns, so far apart
  int64_t first, rows, row, columns, column;
};

// y[i] = the first maximum of the values of x in the window moved by i stride, at[i] its place, i < n; NaN is above
// everything
template <class T>
void max_pool(const T* x, const PoolWindow& w, int64_t stride, int64_t n, T* y, int64_t* at);

}  // namespace heed::kernels
