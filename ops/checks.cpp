#include "checks.h"
#include <utility>

namespace heed {

Reduced::Reduced(const char* op, Where at, const Tensor& x, Dims dims) : kept(x.shape()) {
  std::array<bool, max_rank> named{};
  for (int dim : dims.get()) {
    const int d = checked_dim(at, op, dim, x.dim());
    if (std::exchange(named[std::size_t(d)], true))
      fail<ShapeError>(at, op, "dimension " + std::to_string(dim) + " is named twice");
  }
  for (int d = 0; d < x.dim(); ++d) {
    if (named[std::size_t(d)] || dims.get().empty()) kept[d] = 1;
    else dropped.push_back(x.shape()[d]);
  }
}

void check_indices(const char* op, Where at, const Tensor& index, int64_t n, const char* of, int64_t ignored) {
  const Array values = index.array().contiguous();
  const int64_t* p = values.data<int64_t>();
  for (int64_t i = 0; i < values.numel(); ++i) {
    if ((p[i] >= 0 && p[i] < n) || p[i] == ignored) continue;
    fail<IndexError>(at, op,
                     "index " + std::to_string(p[i]) + " at element " + std::to_string(i) + " is outside the " +
                         std::to_string(n) + " " + of);
  }
}

void check_over(const char* op, Where at, const char* what, const Tensor& x, const char* of, const Shape& to) {
  bool fits = x.dim() <= to.rank();
  for (int i = 1; fits && i <= x.dim(); ++i) fits = x.shape()[-i] == to[-i] || x.shape()[-i] == 1;
  if (!fits)
    fail<ShapeError>(at, op,
                     "the " + std::string(what) + " " + x.shape().str() + " does not broadcast to " + of + to.str());
}

void check_vector(const char* op, Where at, const char* what, const Tensor& vector, int64_t n, const Tensor& x) {
  if (!vector.defined()) return;
  check_same_dtype(op, at, x.dtype(), vector.dtype());
  if (vector.shape() != Shape{n})
    fail<ShapeError>(
        at, op,
        std::string(what) + " must be " + Shape{n}.str() + " for " + x.shape().str() + ", not " + vector.shape().str());
}

}  // namespace heed
