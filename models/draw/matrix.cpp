#include "matrix.h"
#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace heed::draw {
namespace {

// OKLab: lightness, green to red, blue to yellow.
struct Lab {
  double l, a, b;
};

uint8_t gamma_encoded(double linear) {
  const double v = std::clamp(linear, 0.0, 1.0);
  const double srgb = v <= 0.0031308 ? 12.92 * v : 1.055 * std::pow(v, 1 / 2.4) - 0.055;
  return static_cast<uint8_t>(std::lround(255 * srgb));
}

Rgb to_rgb(const Lab& c) {
  const double l = std::pow(c.l + 0.3963377774 * c.a + 0.2158037573 * c.b, 3);
  const double m = std::pow(c.l - 0.1055613458 * c.a - 0.0638541728 * c.b, 3);
  const double s = std::pow(c.l - 0.0894841775 * c.a - 1.2914855480 * c.b, 3);
  return {gamma_encoded(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
          gamma_encoded(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
          gamma_encoded(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s)};
}

void check_labels(const char* op, const char* what, const std::vector<std::string>& labels, int64_t count) {
  if (labels.empty() || std::ssize(labels) == count) return;
  throw std::invalid_argument(std::string(op) + ": cannot label " + std::to_string(count) + " " + what +
                              "s: " + std::to_string(labels.size()) + " " + what + " labels are given");
}

}  // namespace

void check(const char* op, const Matrix& matrix) {
  const auto& [rows, cols, values, row_labels, col_labels, title, row_name, col_name] = matrix;
  const bool fits = rows >= 0 && cols >= 0 &&
                    (rows == 0 ? values.empty() : std::ssize(values) / rows == cols && std::ssize(values) % rows == 0);
  if (!fits)
    throw std::invalid_argument(std::string(op) + ": cannot draw a " + std::to_string(rows) + " x " +
                                std::to_string(cols) + " matrix: " + std::to_string(values.size()) +
                                " values are given");
  check_labels(op, "row", row_labels, rows);
  check_labels(op, "column", col_labels, cols);
}

std::vector<Matrix> cropped(std::vector<Matrix> matrices) {
  int64_t longest = 0;
  for (const Matrix& m : matrices) {
    check("cropped", m);
    longest = std::max({longest, m.rows, m.cols});
  }
  const auto fit = [&](int64_t side) {
    int64_t left = most_cells;
    for (const Matrix& m : matrices) left -= std::min(m.rows, side) * std::min(m.cols, side);
    return left >= 0;
  };
  int64_t side = 0, beyond = longest + 1;  // side fits, beyond does not or is not needed
  while (beyond - side > 1) (fit((side + beyond) / 2) ? side : beyond) = (side + beyond) / 2;
  for (Matrix& m : matrices) {
    const int64_t rows = std::min(m.rows, side), cols = std::min(m.cols, side);
    if (rows == m.rows && cols == m.cols) continue;
    std::vector<double> values;
    for (int64_t r = 0; r < rows; ++r)
      values.insert(values.end(), m.values.begin() + r * m.cols, m.values.begin() + r * m.cols + cols);
    m.title += (m.title.empty() ? "" : ", ") + ("the first " + std::to_string(rows) + " x " + std::to_string(cols)) +
               " of " + std::to_string(m.rows) + " x " + std::to_string(m.cols);
    m.rows = rows, m.cols = cols, m.values = std::move(values);
    if (!m.row_labels.empty()) m.row_labels.resize(std::size_t(rows));
    if (!m.col_labels.empty()) m.col_labels.resize(std::size_t(cols));
  }
  return matrices;
}

Scale fit_scale(std::span<const Matrix> matrices) {
  Scale seen{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
  for (const Matrix& matrix : matrices)
    for (const double v : matrix.values)
      if (std::isfinite(v)) seen = {std::min(seen.low, v), std::max(seen.high, v)};
  return seen.low >= 0 && seen.high <= 1 ? Scale{} : seen;
}

std::optional<double> position(double value, const Scale& scale) {
  if (!std::isfinite(value)) return std::nullopt;
  if (!(scale.low < scale.high)) return 0.0;
  return std::clamp((value / 2 - scale.low / 2) / (scale.high / 2 - scale.low / 2), 0.0, 1.0);
}

Rgb ramp(double position, bool dark) {
  constexpr Lab white_page[3] = {{0.975, -0.001, -0.007}, {0.395, -0.020, -0.165}, {0.435, 0.110, 0.090}};
  constexpr Lab dark_page[3] = {{0.245, -0.006, -0.025}, {0.800, -0.048, -0.106}, {0.780, 0.075, 0.105}};
  const auto& [page, above, below] = dark ? dark_page : white_page;
  const Lab& to = position < 0 ? below : above;
  const auto mix = [position](double a, double b) { return a + std::abs(position) * (b - a); };
  return to_rgb({mix(page.l, to.l), mix(page.a, to.a), mix(page.b, to.b)});
}

}  // namespace heed::draw
