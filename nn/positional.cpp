#include "positional.h"
#include "../core/parallel.h"

namespace heed {

Tensor sinusoids(int64_t length, int64_t width, Dtype t, int64_t first, Where at) {
  at = line_of(at);
  check_computed("sinusoids", at, t);
  check_sizes(at, "sinusoids", {length, width});
  Array y({length, width}, t);
  std::vector<double> frequency(static_cast<std::size_t>(width));
  for (int64_t j = 0; j < width; ++j) frequency[std::size_t(j)] = std::pow(10000, -double(j - j % 2) / double(width));
  visit_floating(t, [&]<class T>(T) {
    T* row = y.mutable_data<T>();
    parallel_for(length, 64, [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p)
        for (int64_t j = 0; j < width; ++j) {
          const double angle = double(first + p) * frequency[std::size_t(j)];
          row[p * width + j] = T(j % 2 ? std::cos(angle) : std::sin(angle));
        }
    });
  });
  return Tensor(y);
}

namespace {

void check_rows(const char* op, const In& x, int64_t width) {
  if (x->dim() < 2 || x->size(-1) != width)
    fail<ShapeError>(line_of(x), op,
                     "the input must be [.., T, " + std::to_string(width) + "], not " + x->shape().str());
}

}  // namespace

Tensor SinusoidalPosition::operator()(In x, Rng*) const {
  Scope here{*this, x};
  check_rows("SinusoidalPosition", x, width);
  return x + sinusoids(x->size(-2), width, x->dtype());
}

Tensor LearnedPosition::operator()(In x, Rng*) const {
  Scope here{*this, x};
  check_rows("LearnedPosition", x, width);
  if (x->size(-2) > length)
    fail<ShapeError>(line_of(x), "LearnedPosition",
                     "there is a row for " + std::to_string(length) + " places, not for the " +
                         std::to_string(x->size(-2)) + " of " + x->shape().str());
  return x + widened(weight(range(0, x->size(-2))));
}

}  // namespace heed
