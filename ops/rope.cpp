#include <cmath>
#include "../core/op.h"
#include "checks.h"
#include "kernels/map.h"
#include "ops.h"

namespace heed {

// Pairs (a, b) of columns are turned: (a cos - b sin, b cos + a sin).      x [.., T, D]
// cos, sin [.., T, d / 2], broadcasting; the pairs are (2i, 2i + 1) where interleaved, else (i, i + d / 2)
struct RopeOp {
  static constexpr auto name = "rope";
  static constexpr auto constant = inputs<1, 2>;
  bool interleaved;

  Tensor definition(const Tensor& x, const Tensor& cos, const Tensor& sin) const {
    const int64_t half = cos.size(-1), step = interleaved ? 2 : 1;
    const Tensor a = slice(x, -1, 0, half * step, step);
    const Tensor b = slice(x, -1, interleaved ? 1 : half, 2 * half, step);
    const Tensor turned[] = {a * cos - b * sin, b * cos + a * sin};
    const Tensor y = interleaved ? reshape(stack(turned, -1), x.shape().with(-1, 2 * half)) : concat(turned, -1);
    return concat({y, slice(x, -1, 2 * half)}, -1);
  }
  Array forward(const Array& x, const Array& cos, const Array& sin) const {
    Array y = x.cast(x.dtype());
    const int64_t half = cos.shape()[-1], apart = interleaved ? 1 : half;
    const Array first = y.sliced(-1, 0, half, interleaved ? 2 : 1);
    const Rows<3> rows(first.shape(), {&first, &cos, &sin});
    visit_floating(x.dtype(), [&]<class T>(T) {
      for_each_piece(rows, [&](const std::array<int64_t, 3>& at, int64_t n) {
        T* p = y.mutable_data<T>() + at[0];
        const T *c = cos.data<T>() + at[1], *s = sin.data<T>() + at[2];
        for (int64_t i = 0; i < n; ++i, p += rows.step(0), c += rows.step(1), s += rows.step(2)) {
          const T a = p[0], b = p[apart];
          p[0] = a * *c - b * *s;
          p[apart] = b * *c + a * *s;
        }
      });
    });
    return y;
  }
  Tensor d0(Grad g, Input<1> cos, Input<2> sin) const { return apply({}, *this, g, cos, -sin); }  // turned back
};

Tensor rope(In x, const RopeOptions& options) {
  const Where at = line_of(x);
  check_floating(RopeOp::name, at, x);
  if (x->dim() < 2) fail<ShapeError>(at, RopeOp::name, "the input must be [.., T, D], not " + x->shape().str());
  const int64_t width = options.width ? options.width : x->size(-1), half = width / 2;
  if (width < 0 || width > x->size(-1) || width % 2)
    fail<ShapeError>(at, RopeOp::name,
                     "cannot turn " + std::to_string(width) + " of the " + std::to_string(x->size(-1)) +
                         " columns of " + x->shape().str() + " in pairs");
  if (!(options.base > 0))
    fail<Error>(at, RopeOp::name, "the base must be positive, not " + std::to_string(options.base));
  const Tensor& given = options.positions;
  if (given.defined()) {
    if (given.dtype() != i64)
      fail<DtypeError>(at, RopeOp::name,
                       std::string("the positions must be i64, not ") + name(given.dtype()) + ": use cast(x, i64)");
    check_over(RopeOp::name, at, "tensor of positions", given, "", x->shape().without(x->dim() - 1));
  }
  Scope here{x};
  const Tensor positions = (given.defined() ? given : arange(x->size(-2))).contiguous();
  Shape shape = positions.shape();
  shape.push_back(half);
  Array cos(shape, x->dtype()), sin(shape, x->dtype());
  const int64_t* position = positions.array().data<int64_t>();
  std::vector<double> frequency;
  for (int64_t i = 0; i < half; ++i) frequency.push_back(std::pow(options.base, -2 * double(i) / double(width)));
  visit_floating(x->dtype(), [&]<class T>(T) {
    T *c = cos.mutable_data<T>(), *s = sin.mutable_data<T>();
    parallel_for(positions.numel(), kernels::rows_per_task(half), [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t)
        for (int64_t i = 0; i < half; ++i) {
          const double angle = double(position[t] + options.offset) * frequency[std::size_t(i)];
          c[t * half + i] = T(std::cos(angle));
          s[t * half + i] = T(std::sin(angle));
        }
    });
  });
  return apply(at, RopeOp{options.interleaved}, x.tensor(), Tensor(cos), Tensor(sin));
}

}  // namespace heed
