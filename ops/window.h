#pragma once
// Windows that slide over the last two dimensions, as convolutions and pools see them.
#include <algorithm>
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

// Calls run(tap, place, from, n) for every element (tap) of the window and every row of places begin .. end-1, as far
// as they fall into the plane: tap of place + i is the plane's element from + i stride, i = 0 .. n-1.
template <class F>
void for_each_run(const Windows& windows, int64_t begin, int64_t end, F&& run) {
  const Window &down = windows[0], &along = windows[1];
  const int64_t top = begin / along.count, left = begin % along.count;
  auto past = [&](int64_t x) { return x > 0 ? ceil_div(x, along.stride) : 0; };  // places with x < 0
  for (int64_t i = 0; i < down.size; ++i)
    for (int64_t j = 0; j < along.size; ++j) {
      const int64_t shift = j * along.dilation - along.padding, low = past(-shift), high = past(along.length - shift);
      int64_t place = begin;
      for (int64_t row = top, first = left; place < end; ++row, first = 0) {
        const int64_t last = std::min(along.count, first + end - place), y = down.start(row) + i * down.dilation;
        const int64_t from = std::max(first, low), to = std::min(last, high);
        if (y >= 0 && y < down.length && from < to)
          run(i * along.size + j, place + from - first, y * along.length + from * along.stride + shift, to - from);
        place += last - first;
      }
    }
}

}  // namespace heed
