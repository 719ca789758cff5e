#pragma once
// Windows that slide over the last two dimensions, as convolutions and pools see them.
#include "ops.h"

namespace heed {

struct Window {  // along one dimension
  int64_t length, size, stride, padding, dilation;
  int64_t count = 0;  // of the places that it takes

  int64_t extent() const { return (size - 1) * dilation + 1; }
  int64_t start(int64_t place) const { return place * stride - padding; }
};
using Windows = std::array<Window, 2>;  // down the height and along the width

// With its count. ShapeError: the window fits nowhere; Error: a size, stride or dilation below 1, a padding below 0.
// ceil: the last place may reach beyond the padding, but starts before it.
Window checked_window(const char* op, Where at, const Shape& x, int dim, Window w, bool ceil = false);

// The elements of every window along dim, as a new last dimension; what lies outside x is `outside`.
Tensor windowed(const Tensor& x, int dim, const Window& w, double outside = 0);

inline int64_t places(const Windows& w) { return w[0].count * w[1].count; }

}  // namespace heed
