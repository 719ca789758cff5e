#include "init.h"
#include <algorithm>
#include <numeric>
#include "../core/mode.h"
#include "../ops/ops.h"

namespace heed::init {
namespace {

struct Fans {
  double in, out;
  Fans(const Shape& s, Where at) {
    if (s.rank() < 2)
      fail<ShapeError>(line_of(at), "init", "a weight needs two dimensions at least, [out, in, ..], not " + s.str());
    const double field = double(s.numel()) / double(s[0] * s[1]);
    in = double(s[1]) * field;
    out = double(s[0]) * field;
  }
  double of(Fan fan) const { return fan == Fan::in ? in : out; }
};

}  // namespace

Tensor uniform(const Shape& shape, double low, double high, Dtype t, Where at) {
  return rand(shape, default_rng(), t, at) * (high - low) + low;
}
Tensor normal(const Shape& shape, double mean, double std, Dtype t, Where at) {
  return randn(shape, default_rng(), t, at) * std + mean;
}
Tensor xavier_uniform(const Shape& shape, double gain, Dtype t, Where at) {
  const Fans f(shape, at);
  const double a = gain * std::sqrt(6 / (f.in + f.out));
  return uniform(shape, -a, a, t, at);
}
Tensor xavier_normal(const Shape& shape, double gain, Dtype t, Where at) {
  const Fans f(shape, at);
  return normal(shape, 0, gain * std::sqrt(2 / (f.in + f.out)), t, at);
}
Tensor kaiming_uniform(const Shape& shape, double gain, Dtype t, Fan fan, Where at) {
  const double a = gain * std::sqrt(3 / Fans(shape, at).of(fan));
  return uniform(shape, -a, a, t, at);
}
Tensor kaiming_normal(const Shape& shape, double gain, Dtype t, Fan fan, Where at) {
  return normal(shape, 0, gain / std::sqrt(Fans(shape, at).of(fan)), t, at);
}

// By rejection: of normal draws where the interval is wide, of uniform ones where it is narrow. Either way one in 50 is
// taken at least, as the mean is not far outside.
Tensor truncated_normal(const Shape& shape, double mean, double std, double low, double high, Dtype t, Where at) {
  const double a = (low - mean) / std, b = (high - mean) / std;
  if (!(std > 0 && a <= 2 && b >= -2 && a < b))
    fail<Error>(
        line_of(at), "init",
        "truncated_normal: mean " + std::to_string(mean) + ", std " + std::to_string(std) + " and bounds " +
            std::to_string(low) + " to " + std::to_string(high) +
            ": std must be above 0, the first bound below the second, and the mean at most 2 std outside of them");
  const double nearest = std::clamp(0.0, a, b);
  auto draw = [&](uint64_t key) {
    for (uint64_t attempt = 0;; ++attempt) {
      if (b - a > 2.5) {
        const double z = gaussian(key, attempt);
        if (a <= z && z <= b) return z;
      } else {
        const double z = a + (b - a) * unit(key, 2 * attempt);
        if (unit(key, 2 * attempt + 1) < std::exp((nearest * nearest - z * z) / 2)) return z;
      }
    }
  };
  const uint64_t key = default_rng().key();
  std::vector<double> values(std::size_t(shape.numel()));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = std::clamp(mean + std * draw(scramble(key, i)), low, high);
  return tensor(values, shape, t);
}

// Rows of normal numbers, each made orthogonal to those before it: twice, as once is not exact (Giraud et al. 2005).
Tensor orthogonal(const Shape& shape, double gain, Dtype t, Where at) {
  Fans{shape, at};
  const int64_t out = shape[0], rest = shape.numel() / std::max<int64_t>(out, 1), length = std::max(out, rest);
  std::vector<std::vector<double>> rows;
  for (int64_t i = 0; i < std::min(out, rest); ++i) {
    std::vector<double> row = randn({length}, default_rng(), f64).to_vector();
    auto dot = [&](const std::vector<double>& a) { return std::inner_product(a.begin(), a.end(), row.begin(), 0.0); };
    for (int pass = 0; pass < 2; ++pass)
      for (const std::vector<double>& before : rows) {
        const double along = dot(before);
        for (std::size_t j = 0; j < row.size(); ++j) row[j] -= along * before[j];
      }
    const double norm = std::sqrt(dot(row));
    for (double& x : row) x /= norm;
    rows.push_back(std::move(row));
  }
  std::vector<double> values(std::size_t(shape.numel()));
  for (int64_t i = 0; i < out; ++i)
    for (int64_t j = 0; j < rest; ++j)
      values[std::size_t(i * rest + j)] =
          gain * (out <= rest ? rows[std::size_t(i)][std::size_t(j)] : rows[std::size_t(j)][std::size_t(i)]);
  return tensor(values, shape, t);
}

}  // namespace heed::init
