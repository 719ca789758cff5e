#include "window.h"

namespace heed {

Window checked_window(const char* op, Where at, const Shape& x, int dim, Window w, bool ceil) {
  w.length = x[dim];
  auto check = [&](const char* what, int64_t value, int64_t least) {
    constexpr int64_t most = 1 << 30;  // sums of their products are numbers, too
    if (value < least || value > most)
      fail<Error>(at, op,
                  std::string("the ") + what + " must be at " +
                      (value < least ? "least " + std::to_string(least) : "most " + std::to_string(most)) + ", not " +
                      std::to_string(value));
  };
  check("kernel", w.size, 1);
  check("stride", w.stride, 1);
  check("padding", w.padding, 0);
  check("dilation", w.dilation, 1);
  const int64_t rest = w.length + 2 * w.padding - w.extent() + (ceil ? w.stride - 1 : 0);
  if (rest < 0)
    fail<ShapeError>(at, op,
                     "a kernel of " + std::to_string(w.size) + ", dilated by " + std::to_string(w.dilation) +
                         ", is longer than dimension " + std::to_string(dim) + " of " + x.str() + ", padded by " +
                         std::to_string(w.padding));
  w.count = rest / w.stride + 1;
  if (ceil && w.start(w.count - 1) >= w.length) --w.count;
  return w;
}

Tensor windowed(const Tensor& x, int dim, const Window& w, double outside) {
  auto edge = [&](int64_t n) { return full(x.shape().with(dim, n), outside, x.dtype()); };
  const int64_t behind = std::max<int64_t>(0, w.start(w.count - 1) + w.extent() - w.length);
  const Tensor padded = concat({edge(w.padding), x, edge(behind)}, dim);
  return slice(unfold(padded, dim, w.extent(), w.stride), -1, 0, INT64_MAX, w.dilation);
}

}  // namespace heed
