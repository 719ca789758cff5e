#pragma once
// Schedules: pure functions from a step (0, 1, ..) to a factor of the optimizer's lr.
#include <algorithm>
#include <cmath>
#include <numbers>

namespace heed {

constexpr double constant(double /*step*/) { return 1; }

// (step + 1) / steps, then 1
constexpr double warmup(double step, double steps) { return steps > 0 ? std::min(1.0, (step + 1) / steps) : 1; }

// Warm-up over the first `warm` steps, then half a cosine down to `floor` at `total`   (Loshchilov and Hutter 2017, eq.
// 5)
inline double cosine(double step, double warm, double total, double floor = 0) {
  if (step < warm) return warmup(step, warm);
  const double done = total > warm ? std::min(1.0, (step - warm) / (total - warm)) : 1;
  return floor + (1 - floor) * (1 + std::cos(std::numbers::pi * done)) / 2;
}

}  // namespace heed
