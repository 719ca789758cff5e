#include "terminal.h"
#include <unistd.h>
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <stdexcept>
#include <string_view>
#include "text.h"

namespace heed::draw {
namespace {

constexpr const char* shades[] = {"  ", "░░", "▒▒", "▓▓", "██"};
constexpr const char* heights[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string cell(std::optional<double> t, Colour colour) {
  if (!t) return "··";
  if (colour == Colour::none) return shades[std::lround(*t * 4)];
  const auto [red, green, blue] = ramp(*t, true);
  const int grey = 232 + static_cast<int>(std::lround(*t * 23));
  const std::string code = colour == Colour::indexed
                               ? "5;" + std::to_string(grey)
                               : "2;" + std::to_string(red) + ";" + std::to_string(green) + ";" + std::to_string(blue);
  return "\x1b[48;" + code + "m  \x1b[0m";
}

std::string spaces(int64_t count) { return std::string(static_cast<size_t>(std::max<int64_t>(count, 0)), ' '); }

// Column labels written downwards, ending just above their columns.
std::string column_heads(const Matrix& m, const std::string& indent) {
  std::vector<std::u32string> labels;
  size_t height = 0;
  for (const std::string& label : m.col_labels) {
    labels.push_back(decode(visible(label, 12)));
    height = std::max(height, labels.back().size());
  }
  std::string text;
  for (size_t line = 0; line < height; ++line) {
    text += indent;
    for (const auto& label : labels) {
      const size_t above = height - label.size();
      const std::string c = line < above ? " " : encode(label.substr(line - above, 1));
      text += c + spaces(2 - width(c));
    }
    text += '\n';
  }
  return text;
}

}  // namespace

Colour terminal_colour() {
  const std::string_view term = environment("TERM"), depth = environment("COLORTERM");
  if (isatty(STDOUT_FILENO) == 0 || term.empty() || term == "dumb" || !environment("NO_COLOR").empty())
    return Colour::none;
  return depth == "truecolor" || depth == "24bit" ? Colour::full : Colour::indexed;
}

std::string terminal_heat_map(const Matrix& matrix, Colour colour) {
  check("terminal_heat_map", matrix);
  const Scale scale = fit_scale({&matrix, 1});
  int64_t label_width = 0;
  for (const std::string& label : matrix.row_labels) label_width = std::max(label_width, width(visible(label)));
  const std::string indent = spaces(label_width == 0 ? 0 : label_width + 1);

  std::string text = matrix.title.empty() ? "" : visible(matrix.title, 200) + "\n";
  text += column_heads(matrix, indent);
  for (int64_t row = 0; row < matrix.rows; ++row) {
    if (!matrix.row_labels.empty()) {
      const std::string label = visible(matrix.row_labels[static_cast<size_t>(row)]);
      text += spaces(label_width - width(label)) + label + " ";
    }
    for (int64_t col = 0; col < matrix.cols; ++col)
      text += cell(position(matrix.values[static_cast<size_t>(row * matrix.cols + col)], scale), colour);
    text += '\n';
  }
  text += indent + number(scale.low, 3) + " ";
  for (int i = 0; i <= 4; ++i) text += cell(i / 4.0, colour);
  return text + " " + number(scale.high, 3) + "\n";
}

std::string sparkline(std::span<const double> values, int64_t columns) {
  if (columns < 1) throw std::invalid_argument("sparkline: cannot draw in " + std::to_string(columns) + " columns");
  const int64_t count = std::ssize(values), groups = std::min(count, columns);
  Scale scale{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
  std::vector<double> means;
  for (int64_t g = 0; g < groups; ++g) {
    const auto group = values.subspan(static_cast<size_t>(g * count / groups),
                                      static_cast<size_t>((g + 1) * count / groups - g * count / groups));
    double sum = 0, finite = 0;
    for (const double v : group)
      if (std::isfinite(v)) sum += v, ++finite;
    means.push_back(sum / finite);
    if (finite > 0) scale = {std::min(scale.low, means.back()), std::max(scale.high, means.back())};
  }
  std::string line;
  for (const double mean : means) {
    const auto t = position(mean, scale);
    line += t ? heights[std::lround(*t * 7)] : " ";
  }
  return line;
}

}  // namespace heed::draw
