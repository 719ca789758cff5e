#pragma once
// Schedules: pure functions from a step (0, 1, ..) to a factor of the optimizer's lr.
#include <cmath>
#include <cstdint>
#include <numbers>

namespace heed {

constexpr double constant(int64_t /*step*/) { return 1; }  // the optimizer's lr itself

// (step + 1) / steps, then 1
constexpr double warmup(int64_t step, int64_t steps) { return step < steps ? double(step + 1) / double(steps) : 1; }

// Warm-up over the first `warm` steps, then half a cosine down to `floor` at `total`   (Loshchilov and Hutter 2017, eq.
// 5)
inline double cosine(int64_t step, int64_t warm, int64_t total, double floor = 0) {
  if (step < warm) return warmup(step, warm);
  const double done = step < total ? double(step - warm) / double(total - warm) : 1;
  return floor + (1 - floor) * (1 + std::cos(std::numbers::pi * done)) / 2;
}

}  // namespace heed
