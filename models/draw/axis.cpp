#include "axis.h"
#include <algorithm>
#include <cmath>
#include <cstdint>
#include "text.h"

namespace heed::draw {

std::vector<double> linear_ticks(double low, double high, int count) {
  const double rough = (high - low) / count;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  const double fold = rough / power;
  const double step = power * (fold <= 1 ? 1 : fold <= 2 ? 2 : fold <= 5 ? 5 : 10);
  constexpr double slack = 1e-9;  // a tick that rounding puts just outside still counts
  std::vector<double> ticks;
  const auto first = static_cast<int64_t>(std::ceil(low / step - slack));
  const auto last = static_cast<int64_t>(std::floor(high / step + slack));
  for (int64_t i = first; i <= last; ++i) ticks.push_back(static_cast<double>(i) * step);
  return ticks;
}

std::vector<double> log_ticks(double low, double high, int count) {
  const double decades = std::log10(high) - std::log10(low);
  if (decades < 1) return linear_ticks(low, high, count);
  const bool room = 3 * decades <= count + 3;
  const int stride = std::max(1, static_cast<int>(std::ceil(decades / count)));
  std::vector<double> ticks;
  for (int e = static_cast<int>(std::floor(std::log10(low))); e <= std::log10(high); ++e)
    for (const double fold : {1.0, 2.0, 5.0})
      if (const double tick = fold * std::pow(10, e); tick >= low && tick <= high)
        if (fold == 1 ? e % stride == 0 : room) ticks.push_back(tick);
  return ticks;
}

std::vector<std::string> tick_texts(std::span<const double> ticks) {
  double largest = 0;
  for (const double t : ticks) largest = std::max(largest, std::abs(t));
  double step = largest;
  for (size_t i = 1; i < ticks.size(); ++i) step = std::min(step, ticks[i] - ticks[i - 1]);
  const bool plain = largest < 1e9 && step > 5e-5;
  const double unit = largest < 1e4 ? 1 : largest < 1e6 ? 1e3 : 1e6;
  const char* name = unit == 1 ? "" : unit == 1e3 ? "k" : "M";
  const int decimals = step > 0 ? std::max(0, static_cast<int>(-std::floor(std::log10(step / unit) + 1e-9))) : 0;
  const int digits = step > 0 ? std::min(17, 1 + static_cast<int>(std::ceil(std::log10(largest / step)))) : 1;
  std::vector<std::string> texts;
  for (const double t : ticks)
    texts.push_back(!plain ? number(t, digits) : fixed(t / unit, decimals) + (t == 0 ? "" : name));
  return texts;
}

double Axis::at(double value) const {
  const double t =
      log ? (std::log(value) - std::log(low)) / (std::log(high) - std::log(low)) : (value - low) / (high - low);
  return from + t * (to - from);
}

bool can_show(double value, bool log) { return std::abs(value) <= 1e300 && (!log || value > 1e-300); }

std::vector<Point> decimate(std::span<const Point> line) {
  std::vector<Point> kept;
  for (auto first = line.begin(); first != line.end();) {
    const auto end = std::find_if(
        first, line.end(), [column = std::floor(first->x)](const Point& p) { return std::floor(p.x) != column; });
    const auto [least, greatest] =
        std::minmax_element(first, end, [](const Point& a, const Point& b) { return a.y < b.y; });
    std::vector chosen = {first, least, greatest, end - 1};
    std::sort(chosen.begin(), chosen.end());
    chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
    for (const auto point : chosen) kept.push_back(*point);
    first = end;
  }
  return kept;
}

}  // namespace heed::draw
