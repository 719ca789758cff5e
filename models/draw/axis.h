#pragma once

#include <span>
#include <string>
#include <vector>

namespace heed::draw {

struct Point {
  double x, y;
};

// Round numbers in [low, high], about `count` of them: multiples of 1, 2 or 5 times a power of ten. Needs low < high.
std::vector<double> linear_ticks(double low, double high, int count);

// The same for a logarithmic axis: powers of ten, with their 2 and 5 folds between them where there is room, and linear
// ticks within a single decade. Needs 0 < low < high.
std::vector<double> log_ticks(double low, double high, int count);

// One text per tick of a linear axis, all with the same decimals and the same unit: "0.50", "20k", "3M".
std::vector<std::string> tick_texts(std::span<const double> ticks);

// From values to pixels. `at` is linear in the value or in its logarithm.
struct Axis {
  double low, high;
  bool log;
  double from, to;  // the pixels of low and high

  double at(double value) const;
  std::vector<double> ticks(int count) const {
    return log ? log_ticks(low, high, count) : linear_ticks(low, high, count);
  }
};

// Whether an axis can show the value: finite (beyond 1e300 counts as infinite), and positive if the axis is
// logarithmic.
bool can_show(double value, bool log);

// The same line with at most four points per unit of x: the first, least, greatest and last of each run of consecutive
// points between two whole numbers of x. The extremes of y survive.
std::vector<Point> decimate(std::span<const Point> line);

}  // namespace heed::draw
