#include "init.h"
#include "../ops/ops.h"

namespace heed::init {
namespace {

struct Fans {
  double in, out;
  explicit Fans(const Shape& s) {
    if (s.rank() < 2) throw ShapeError("init: a weight needs two dimensions at least, [out, in, ..], not " + s.str());
    const double field = double(s.numel()) / double(s[0] * s[1]);
    in = double(s[1]) * field;
    out = double(s[0]) * field;
  }
};

}  // namespace

Tensor uniform(const Shape& shape, double low, double high, Dtype t) {
  return rand(shape, default_rng(), t) * (high - low) + low;
}
Tensor normal(const Shape& shape, double mean, double std, Dtype t) {
  return randn(shape, default_rng(), t) * std + mean;
}
Tensor xavier_uniform(const Shape& shape, double gain, Dtype t) {
  const Fans f(shape);
  const double a = gain * std::sqrt(6 / (f.in + f.out));
  return uniform(shape, -a, a, t);
}
Tensor xavier_normal(const Shape& shape, double gain, Dtype t) {
  const Fans f(shape);
  return normal(shape, 0, gain * std::sqrt(2 / (f.in + f.out)), t);
}
Tensor kaiming_uniform(const Shape& shape, double gain, Dtype t) {
  const double a = gain * std::sqrt(3 / Fans(shape).in);
  return uniform(shape, -a, a, t);
}
Tensor kaiming_normal(const Shape& shape, double gain, Dtype t) {
  return normal(shape, 0, gain / std::sqrt(Fans(shape).in), t);
}

}  // namespace heed::init
