#include "svg.h"
#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <span>
#include <stdexcept>
#include <system_error>
#include "axis.h"
#include "text.h"

namespace heed::draw {
namespace {

// ---- the page

constexpr double margin = 24, text_size = 13, title_height = 34;
constexpr int levels = 64;  // shades of the ramp: steps smaller than the eye can tell apart

constexpr auto light_style = R"(.page{fill:#ffffff}
text{fill:#1f2328}
.muted{fill:#636c76}
.grid{stroke:#e4e7eb}
.axis{stroke:#8c959f}
.empty{fill:#ffffff;stroke:#c4cad1;stroke-dasharray:2 2}
.low-ink{fill:#101418}
.mid-ink{fill:#101418}
.high-ink{fill:#ffffff}
)";
constexpr auto dark_style = R"(.page{fill:#0d1117}
text{fill:#e6edf3}
.muted{fill:#919ba6}
.grid{stroke:#252b33}
.axis{stroke:#6e7681}
.empty{fill:#0d1117;stroke:#484f58;stroke-dasharray:2 2}
.low-ink{fill:#f0f6fc}
.mid-ink{fill:#06090d}
.high-ink{fill:#06090d}
)";
constexpr auto shared_style =
    R"(text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,'DejaVu Sans',sans-serif;font-size:13px}
.title{font-size:16px;font-weight:600}
.caption{font-weight:600}
.token,.cell{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace}
.line{fill:none;stroke-width:1.6;stroke-linejoin:round;stroke-linecap:round}
.dashed{stroke-dasharray:6 4}
.crisp{shape-rendering:crispEdges}
)";

struct Hue {
  const char *on_light, *on_dark;
};
constexpr std::array<Hue, 6> hues = {{{"#1f5fbf", "#6cb0ff"},
                                      {"#d4570a", "#ff9a4d"},
                                      {"#1e8450", "#4fd08a"},
                                      {"#8a3fb0", "#cf8ff0"},
                                      {"#b8860b", "#e6c34a"},
                                      {"#5f6873", "#a5afba"}}};

std::string hex(Rgb c) {
  constexpr auto digits = "0123456789abcdef";
  std::string text = "#";
  for (const int v : {c.red, c.green, c.blue}) text += {digits[v / 16], digits[v % 16]};
  return text;
}

std::string shade(int level) { return (level < 0 ? "n" : "v") + std::to_string(std::abs(level)); }

// Coordinates to a hundredth of a pixel, without trailing zeros.
std::string px(double v) {
  std::string text = fixed(v, 2);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

double monospaced_width(std::string_view text) { return 0.61 * text_size * static_cast<double>(width(text)); }

// A generous guess for a proportional font, which only the viewer knows.
double text_width(std::string_view text) { return 0.63 * text_size * static_cast<double>(width(text)); }

enum class Colours { ramp, both_ramps, hues };

// The elements of a picture, drawn from the back to the front.
class Page {
 public:
  void rect(std::string_view kind, double x, double y, double w, double h, std::string_view tooltip = "",
            double radius = 0) {
    body_ += "<rect class=\"" + std::string(kind) + "\" x=\"" + px(x) + "\" y=\"" + px(y) + "\" width=\"" + px(w) +
             "\" height=\"" + px(h) + "\"";
    if (radius > 0) body_ += " rx=\"" + px(radius) + "\"";
    close("rect", tooltip);
  }
  void circle(std::string_view kind, double x, double y, double r, std::string_view tooltip) {
    body_ +=
        "<circle class=\"" + std::string(kind) + "\" cx=\"" + px(x) + "\" cy=\"" + px(y) + "\" r=\"" + px(r) + "\"";
    close("circle", tooltip);
  }
  void line(std::string_view kind, double x1, double y1, double x2, double y2) {
    body_ += "<line class=\"" + std::string(kind) + "\" x1=\"" + px(x1) + "\" y1=\"" + px(y1) + "\" x2=\"" + px(x2) +
             "\" y2=\"" + px(y2) + "\"/>\n";
  }
  // A rectangle of this colour, or of the page's own, that covers so much of what is below it.
  void fill(const std::string& colour, double x, double y, double w, double h) {
    body_ += "<rect class=\"crisp\" x=\"" + px(x) + "\" y=\"" + px(y) + "\" width=\"" + px(w) + "\" height=\"" + px(h) +
             "\" fill=\"" + colour + "\"/>\n";
  }
  void veil(double opacity, double x, double y, double w, double h, std::string_view tooltip) {
    body_ += "<rect class=\"page crisp\" x=\"" + px(x) + "\" y=\"" + px(y) + "\" width=\"" + px(w) + "\" height=\"" +
             px(h) + "\" fill-opacity=\"" + fixed(opacity, 3) + "\"";
    close("rect", tooltip);
  }
  // What is drawn between them is drawn again by `again`, moved by (x, y).
  void begin(const std::string& id) { body_ += "<g id=\"" + id + "\">\n"; }
  void end() { body_ += "</g>\n"; }
  void again(const std::string& id, double x, double y) {
    body_ += "<use href=\"#" + id + "\" x=\"" + px(x) + "\" y=\"" + px(y) + "\"/>\n";
  }
  void path(std::string_view kind, std::span<const Point> points, std::string_view tooltip) {
    body_ += "<path class=\"" + std::string(kind) + "\" d=\"";
    for (size_t i = 0; i < points.size(); ++i) body_ += (i == 0 ? "M" : "L") + px(points[i].x) + " " + px(points[i].y);
    body_ += "\"";
    close("path", tooltip);
  }
  // `anchor` is start, middle or end; the text is turned about (x, y) by `angle` degrees.
  void text(std::string_view kind, double x, double y, std::string_view content, std::string_view anchor = "start",
            double angle = 0) {
    if (content.empty()) return;
    body_ += "<text class=\"" + std::string(kind) + "\" x=\"" + px(x) + "\" y=\"" + px(y) + "\"";
    if (anchor != "start") body_ += " text-anchor=\"" + std::string(anchor) + "\"";
    if (angle != 0) body_ += " transform=\"rotate(" + px(angle) + " " + px(x) + " " + px(y) + ")\"";
    body_ += ">" + escape(content) + "</text>\n";
  }
  std::string svg(double w, double h, std::string_view title, Colours colours) const {
    const std::string size = px(std::ceil(w)) + "\" height=\"" + px(std::ceil(h));
    return "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + size + "\" viewBox=\"0 0 " + px(std::ceil(w)) + " " +
           px(std::ceil(h)) + "\" role=\"img\" aria-label=\"" + escape(title) + "\">\n<style>\n" + shared_style +
           light_style + palette(colours, false) + "@media (prefers-color-scheme: dark) {\n" + dark_style +
           palette(colours, true) + "}\n</style>\n<rect class=\"page\" width=\"" + size + "\"/>\n" + body_ + "</svg>\n";
  }

 private:
  static std::string palette(Colours colours, bool dark) {
    std::string style;
    if (colours != Colours::hues) {
      for (int i = colours == Colours::ramp ? 0 : 1 - levels; i < levels; ++i)
        style += "." + shade(i) + "{fill:" + hex(ramp(i / (levels - 1.0), dark)) + "}\n";
    } else {
      for (size_t i = 0; i < hues.size(); ++i) {
        const std::string colour = dark ? hues[i].on_dark : hues[i].on_light;
        style.append(".s").append(std::to_string(i)).append("{stroke:").append(colour).append("}\n");
        style.append(".f").append(std::to_string(i)).append("{fill:").append(colour).append("}\n");
      }
    }
    return style;
  }
  void close(std::string_view element, std::string_view tooltip) {
    if (tooltip.empty()) {
      body_ += "/>\n";
    } else {
      body_ += "><title>" + escape(tooltip) + "</title></" + std::string(element) + ">\n";
    }
  }

  std::string body_;
};

// ---- matrices

double longest(const std::vector<std::string>& labels) {
  double most = 0;
  for (const std::string& label : labels) most = std::max(most, monospaced_width(visible(label)));
  return most;
}

// What all matrices of a picture share, so that their cells line up.
struct MatrixLayout {
  Scale scale;
  bool around_zero;
  bool numbers;  // in the cells
  int decimals;
  double cell_width = 0, cell_height = 0;
  int64_t every_row = 1, every_col = 1;  // labels that find room
  bool slanted = false;                  // column labels
  double col_name = 0;                   // its base line, from the top of a matrix
  double left = 0, top = 0;              // from the corner of a matrix to its first cell

  int level(double position) const {
    return static_cast<int>(std::lround((around_zero ? 2 * position - 1 : position) * (levels - 1)));
  }
};

MatrixLayout lay_out(std::span<const Matrix> matrices, const MatrixOptions& options, bool numbers) {
  int64_t side = 1;
  double row_labels = 0, col_labels = 0, widest_number = 0;
  bool titles = false, row_names = false, col_names = false;
  for (const Matrix& m : matrices) {
    side = std::max({side, m.rows, m.cols});
    row_labels = std::max(row_labels, longest(m.row_labels));
    col_labels = std::max(col_labels, longest(m.col_labels));
    titles |= !m.title.empty(), row_names |= !m.row_name.empty(), col_names |= !m.col_name.empty();
    if (numbers)
      for (const double v : m.values)
        widest_number = std::max(widest_number, monospaced_width(fixed(v, options.decimals)));
  }
  MatrixLayout l{.scale = options.scale ? *options.scale : fit_scale(matrices),
                 .around_zero = options.around_zero,
                 .numbers = numbers,
                 .decimals = options.decimals};
  if (const double most = std::max(std::abs(l.scale.low), std::abs(l.scale.high)); l.around_zero)
    l.scale = most > 0 ? Scale{-most, most} : Scale{-1, 1};
  l.cell_height = numbers ? 34 : std::clamp(std::floor(900 / static_cast<double>(side)), 3.0, 22.0);
  l.cell_width = numbers ? std::max(48.0, widest_number + 16) : l.cell_height;
  l.every_row = static_cast<int64_t>(std::ceil(17 / l.cell_height));
  l.every_col = static_cast<int64_t>(std::ceil(20 / l.cell_width));
  l.slanted = col_labels > l.cell_width * static_cast<double>(l.every_col) - 3;
  l.col_name = titles ? 37 : 13;
  l.left = (row_labels > 0 ? row_labels + 10 : 0) + (row_names ? 22 : 0);
  l.top = (titles ? 26 : 0) + (col_names ? 22 : 0) + (l.slanted ? 0.71 * col_labels + 18 : col_labels > 0 ? 20 : 0);
  return l;
}

// The ink that can be read on a level of the ramp. The light page changes from dark ink to light at level 43, the dark
// page from light to dark at 36: a contrast of at least 4 to 1 everywhere.
const char* ink(int signed_level) {
  const int level = std::abs(signed_level);
  return level < 36 ? "cell low-ink" : level < 43 ? "cell mid-ink" : "cell high-ink";
}

std::string label_at(const std::vector<std::string>& labels, int64_t i) {
  return labels.empty() ? std::to_string(i) : visible(labels[static_cast<size_t>(i)], 60);
}

void draw_cells(Page& page, const Matrix& m, const MatrixLayout& l, double x0, double y0) {
  const bool roomy = l.cell_width >= 10;
  const double gap = roomy ? 1 : 0;
  for (int64_t row = 0; row < m.rows; ++row)
    for (int64_t col = 0; col < m.cols; ++col) {
      const double v = m.values[static_cast<size_t>(row * m.cols + col)];
      const auto t = position(v, l.scale);
      const double x = x0 + static_cast<double>(col) * l.cell_width, y = y0 + static_cast<double>(row) * l.cell_height;
      const std::string kind = (t ? shade(l.level(*t)) : "empty") + (roomy ? "" : " crisp");
      const double inset = t ? gap / 2 : 1.5;  // the dashes of an empty cell stay inside it
      page.rect(kind, x + inset, y + inset, l.cell_width - 2 * inset, l.cell_height - 2 * inset,
                label_at(m.row_labels, row) + ", " + label_at(m.col_labels, col) + ": " + number(v), roomy ? 2 : 0);
      if (l.numbers)
        page.text(t ? ink(l.level(*t)) : "cell muted", x + l.cell_width / 2, y + l.cell_height / 2 + 4.5,
                  v == 0 ? "0" : fixed(v, l.decimals), "middle");
    }
}

void draw_matrix(Page& page, const Matrix& m, const MatrixLayout& l, double x, double y) {
  const double x0 = x + l.left, y0 = y + l.top;
  page.text("caption", x0, y + 13, visible(m.title, 200));
  if (!m.col_name.empty()) page.text("muted", x0, y + l.col_name, m.col_name + " →");
  if (!m.row_name.empty()) page.text("muted", x + 12, y0, "← " + m.row_name, "end", -90);
  for (int64_t i = 0; i < std::ssize(m.row_labels); i += l.every_row)
    page.text("token", x0 - 8, y0 + (static_cast<double>(i) + 0.5) * l.cell_height + 4.5,
              visible(m.row_labels[static_cast<size_t>(i)]), "end");
  for (int64_t i = 0; i < std::ssize(m.col_labels); i += l.every_col) {
    const double centre = x0 + (static_cast<double>(i) + 0.5) * l.cell_width;
    const std::string label = visible(m.col_labels[static_cast<size_t>(i)]);
    if (l.slanted) page.text("token", centre + 4, y0 - 6, label, "start", -45);
    else page.text("token", centre, y0 - 7, label, "middle");
  }
  draw_cells(page, m, l, x0, y0);
}

void draw_key(Page& page, const MatrixLayout& l, double x, double y) {
  constexpr double length = 192, height = 10;
  const Scale& scale = l.scale;
  for (int i = 0; i < levels; ++i)
    page.rect(shade(l.level(i / (levels - 1.0))) + " crisp", x + i * length / levels, y, length / levels, height);
  page.text("muted", x, y + height + 16, number(scale.low, 3));
  page.text("muted", x + length / 2, y + height + 16, number(scale.low / 2 + scale.high / 2, 3), "middle");
  page.text("muted", x + length, y + height + 16, number(scale.high, 3), "end");
}

Point extent(const Matrix& m, const MatrixLayout& l) {
  double right = l.left + std::max(static_cast<double>(m.cols) * l.cell_width, 1.1 * text_width(visible(m.title, 200)));
  if (!m.col_name.empty()) right = std::max(right, l.left + text_width(m.col_name + " →"));
  for (int64_t i = 0; l.slanted && i < std::ssize(m.col_labels); i += l.every_col)
    right = std::max(right, l.left + (static_cast<double>(i) + 0.5) * l.cell_width + 4 +
                                0.71 * monospaced_width(visible(m.col_labels[static_cast<size_t>(i)])));
  const double height =
      std::max(static_cast<double>(m.rows) * l.cell_height, m.row_name.empty() ? 0 : text_width("← " + m.row_name));
  return {right, l.top + height};
}

void check(const char* op, const MatrixOptions& options) {
  const auto& [title, scale, around_zero, across, decimals] = options;
  const auto refuse = [op](const std::string& why) {
    throw std::invalid_argument(std::string(op) + ": cannot draw " + why);
  };
  if (scale && !(std::isfinite(scale->low) && std::isfinite(scale->high) && scale->low < scale->high))
    refuse("on a scale from " + number(scale->low) + " to " + number(scale->high) + ": it must be finite and rise");
  if (across < 0) refuse(std::to_string(across) + " matrices across");
  if (decimals < 0 || decimals > 17) refuse(std::to_string(decimals) + " decimals: there must be 0 to 17");
}

std::string draw_matrices(const char* op, std::span<const Matrix> matrices, const MatrixOptions& options,
                          bool numbers) {
  int64_t cells = 0;
  for (const Matrix& m : matrices) {
    check(op, m);
    cells += std::ssize(m.values);
  }
  if (cells > most_cells)
    throw std::invalid_argument(std::string(op) + ": cannot draw " + std::to_string(cells) + " cells: at most " +
                                std::to_string(most_cells) + " fit a picture");

  check(op, options);

  const MatrixLayout l = lay_out(matrices, options, numbers);
  Page page;
  page.text("title", margin, margin + 14, options.title);
  constexpr double between = 40, page_width = 1100;
  double x = margin, y = margin + (options.title.empty() ? 0 : title_height), row_height = 0, right = 0;
  int64_t beside = 0;
  for (const Matrix& m : matrices) {
    const auto [width, height] = extent(m, l);
    const bool full = options.across > 0 ? beside == options.across : x + width > page_width;
    if (beside > 0 && full) x = margin, y += row_height + between, row_height = 0, beside = 0;
    draw_matrix(page, m, l, x, y);
    right = std::max(right, x + width);
    row_height = std::max(row_height, height);
    x += width + between;
    ++beside;
  }
  y += row_height;
  if (!numbers) {
    draw_key(page, l, margin + l.left, y + 22);
    y += 48;
    right = std::max(right, margin + l.left + 192);
  }
  right = std::max(right, margin + 1.2 * text_width(options.title));
  const std::string& name = options.title.empty() && !matrices.empty() ? matrices.front().title : options.title;
  return page.svg(right + margin, y + margin, name, options.around_zero ? Colours::both_ramps : Colours::ramp);
}

// ---- pictures

void check(const Picture& p) {
  const auto size = std::ssize(p.pixels);
  if (p.height < 1 || p.width < 1 || size % p.width != 0 || size / p.width != p.height)
    throw std::invalid_argument("pictures: cannot draw " + std::to_string(p.height) + " x " + std::to_string(p.width) +
                                " pixels: " + std::to_string(size) + " are given");
  for (const Matrix& m : p.maps) check("pictures", m);
}

void draw_pixels(Page& page, const Picture& p, double x, double y, double pixel) {
  for (int64_t row = 0; row < p.height; ++row)
    for (int64_t from = 0, to; from < p.width; from = to) {  // pixels of one colour are one rectangle
      const auto at = [&](int64_t col) { return hex(p.pixels[static_cast<size_t>(row * p.width + col)]); };
      for (to = from + 1; to < p.width && at(to) == at(from);) ++to;
      page.fill(at(from), x + pixel * static_cast<double>(from), y + pixel * static_cast<double>(row),
                pixel * static_cast<double>(to - from), pixel);
    }
}

void draw_veils(Page& page, const Matrix& m, double x, double y, double w, double h) {  // w and h are a cell's
  for (int64_t row = 0; row < m.rows; ++row)
    for (int64_t col = 0; col < m.cols; ++col) {
      const double v = m.values[static_cast<size_t>(row * m.cols + col)];
      page.veil(1 - position(v, {}).value_or(0), x + w * static_cast<double>(col), y + h * static_cast<double>(row), w,
                h, number(v));
    }
}

// ---- charts

// The range of an axis: what the values span, never nothing.
Axis fit_axis(const std::vector<double>& values, bool log) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const double v : values) low = std::min(low, v), high = std::max(high, v);
  if (values.empty()) low = log ? 1 : 0, high = log ? 10 : 1;
  const double size = std::max(std::abs(low), std::abs(high));
  if (log && high <= low * 1.001) low /= 2, high *= 2;
  if (!log && high - low <= 1e-9 * size) low -= size > 0 ? size / 2 : 1, high += size > 0 ? size / 2 : 1;
  return {.low = low, .high = high, .log = log, .from = 0, .to = 1};
}

struct Frame {
  Axis x, y;
};

// The stretches of a series between its gaps, in pixels.
using Stretches = std::vector<std::vector<Point>>;

Stretches stretches(const Series& series, const Frame& frame) {
  Stretches result(1);
  for (size_t i = 0; i < series.y.size(); ++i) {
    const double x = series.x.empty() ? static_cast<double>(i) : series.x[i], y = series.y[i];
    if (can_show(x, frame.x.log) && can_show(y, frame.y.log)) result.back().push_back({frame.x.at(x), frame.y.at(y)});
    else if (!result.back().empty()) result.emplace_back();
  }
  if (result.back().empty()) result.pop_back();
  return result;
}

std::vector<std::string> axis_texts(const Axis& axis, std::span<const double> ticks) {
  if (!axis.log) return tick_texts(ticks);
  std::vector<std::string> texts;
  for (const double t : ticks) texts.push_back(number(t, 5));
  return texts;
}

Frame fit_frame(std::span<const Series> series, const CurveOptions& options) {
  std::vector<double> xs, ys;
  for (const Series& s : series)
    for (size_t i = 0; i < s.y.size(); ++i) {
      const double x = s.x.empty() ? static_cast<double>(i) : s.x[i];
      if (!can_show(x, options.log_x) || !can_show(s.y[i], options.log_y)) continue;
      xs.push_back(x);
      ys.push_back(s.y[i]);
    }
  const bool near_zero =
      !ys.empty() && !options.log_y && std::ranges::min(ys) >= 0 && std::ranges::min(ys) < 0.3 * std::ranges::max(ys);
  if (near_zero) ys.push_back(0);
  return {.x = fit_axis(xs, options.log_x), .y = fit_axis(ys, options.log_y)};
}

std::string hue_of(size_t series) { return std::to_string(series % hues.size()); }

std::string line_kind(size_t series) { return "line s" + hue_of(series) + (series < hues.size() ? "" : " dashed"); }

void draw_line(Page& page, const Stretches& line, const std::string& name, size_t series) {
  constexpr size_t few = 30;  // points that are worth a dot each
  size_t points = 0;
  for (const auto& stretch : line) points += stretch.size();
  for (const auto& stretch : line) {
    if (stretch.size() > 1) page.path(line_kind(series), decimate(stretch), name);
    if (stretch.size() > 1 && points > few) continue;
    for (const Point& p : stretch) page.circle("f" + hue_of(series), p.x, p.y, 3, name);
  }
}

// The names of the series at the right, each as near to the end of its line as the others allow. Returns their width.
double draw_names(Page& page, const std::vector<Series>& series, const std::vector<Stretches>& lines,
                  const Frame& frame) {
  constexpr double apart = 20;
  struct Name {
    double y;
    size_t series;
  };
  std::vector<Name> names;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (series[i].name.empty() && !lines[i].empty()) continue;
    names.push_back({lines[i].empty() ? frame.y.from : lines[i].back().back().y, i});
  }
  std::stable_sort(names.begin(), names.end(), [](const Name& a, const Name& b) { return a.y < b.y; });
  double free = frame.y.to;
  for (Name& n : names) n.y = std::max(n.y, free), free = n.y + apart;
  free = frame.y.from;
  for (auto n = names.rbegin(); n != names.rend(); ++n) n->y = std::min(n->y, free), free = n->y - apart;

  const double x = frame.x.to + 12;
  double widest = 0;
  for (const auto& [y, i] : names) {
    const std::string name = series[i].name + (lines[i].empty() ? " (no points)" : "");
    page.path(line_kind(i), std::array{Point{x, y}, Point{x + 16, y}}, "");
    page.text("", x + 24, y + 4.5, name);
    widest = std::max(widest, 36 + text_width(name));
  }
  return widest;
}

}  // namespace

std::string heat_map(const Matrix& matrix, const MatrixOptions& options) {
  return draw_matrices("heat_map", {&matrix, 1}, options, false);
}
std::string heat_maps(const std::vector<Matrix>& matrices, const MatrixOptions& options) {
  return draw_matrices("heat_maps", matrices, options, false);
}
std::string labelled_matrix(const Matrix& matrix, const MatrixOptions& options) {
  return draw_matrices("labelled_matrix", {&matrix, 1}, options, true);
}
std::string labelled_matrices(const std::vector<Matrix>& matrices, const MatrixOptions& options) {
  return draw_matrices("labelled_matrices", matrices, options, true);
}

std::string pictures(const std::vector<Picture>& rows, const std::string& title) {
  constexpr double side = 144, between = 24, caption = 22;  // the longer side of a picture
  Page page;
  page.text("title", margin, margin + 14, title);
  double top = margin + (title.empty() ? 0 : title_height), right = margin + 1.2 * text_width(title);
  for (size_t n = 0; n < rows.size(); ++n) {
    const Picture& p = rows[n];
    check(p);
    const double pixel = side / static_cast<double>(std::max(p.height, p.width));
    const double w = pixel * static_cast<double>(p.width), h = pixel * static_cast<double>(p.height);
    const std::string name = visible(p.title, 200);
    page.text("caption", margin, top + 13, name);
    right = std::max(right, margin + 1.1 * text_width(name));
    top += p.title.empty() ? 0 : caption;
    const bool titled = std::ranges::any_of(p.maps, [](const Matrix& m) { return !m.title.empty(); });
    const auto columns = static_cast<int64_t>((w + between - 8) / monospaced_width("m"));  // of a map's title
    const std::string id = "picture" + std::to_string(n);
    double x = margin, y = top + (titled ? caption : 0);
    page.begin(id);
    draw_pixels(page, p, x, y, pixel);
    page.end();
    for (const Matrix& m : p.maps) {
      x += w + between;
      page.again(id, x - margin, 0);
      page.text("token", x, top + 13, visible(m.title, columns));
      draw_veils(page, m, x, y, w / static_cast<double>(m.cols), h / static_cast<double>(m.rows));
    }
    right = std::max(right, x + w);
    top = y + h + between;
  }
  return page.svg(right + margin, top - between + margin, title, Colours::ramp);
}

std::string curve(const std::vector<Series>& series, const CurveOptions& options) {
  for (const Series& s : series)
    if (!s.x.empty() && s.x.size() != s.y.size())
      throw std::invalid_argument("curve: cannot draw series '" + s.name + "': it has " + std::to_string(s.x.size()) +
                                  " x and " + std::to_string(s.y.size()) + " y");

  constexpr double plot_width = 640, plot_height = 320;
  Frame frame = fit_frame(series, options);
  const auto x_ticks = frame.x.ticks(8), y_ticks = frame.y.ticks(6);
  const auto x_texts = axis_texts(frame.x, x_ticks), y_texts = axis_texts(frame.y, y_ticks);
  double tick_width = 0;
  for (const std::string& t : y_texts) tick_width = std::max(tick_width, text_width(t));

  const double left = margin + tick_width + 10, right = left + plot_width;
  const double top = margin + (options.title.empty() ? 0 : title_height) + (options.y_label.empty() ? 8 : 24),
               bottom = top + plot_height;
  frame.x.from = left, frame.x.to = right, frame.y.from = bottom, frame.y.to = top;

  Page page;
  page.text("title", margin, margin + 14, options.title);
  page.text("muted", margin, top - 16, options.y_label);
  for (size_t i = 0; i < y_ticks.size(); ++i) {
    const double y = frame.y.at(y_ticks[i]);
    page.line("grid crisp", left, y, right, y);
    page.text("muted", left - 10, y + 4.5, y_texts[i], "end");
  }
  for (size_t i = 0; i < x_ticks.size(); ++i) {
    const double x = frame.x.at(x_ticks[i]);
    page.line("axis crisp", x, bottom, x, bottom + 5);
    page.text("muted", x, bottom + 21, x_texts[i], "middle");
  }
  page.line("axis crisp", left, bottom, right, bottom);
  page.text("muted", right, bottom + 42, options.x_label, "end");

  std::vector<Stretches> lines;
  lines.reserve(series.size());
  for (const Series& s : series) lines.push_back(stretches(s, frame));
  for (size_t i = 0; i < lines.size(); ++i) draw_line(page, lines[i], series[i].name, i);
  const double names = draw_names(page, series, lines, frame);
  return page.svg(std::max(right + names, margin + 1.2 * text_width(options.title)) + margin,
                  bottom + (options.x_label.empty() ? 26 : 46) + margin, options.title, Colours::hues);
}

std::string bars(const std::vector<std::string>& labels, const std::vector<double>& values,
                 const BarsOptions& options) {
  if (labels.size() != values.size())
    throw std::invalid_argument("bars: cannot label " + std::to_string(values.size()) +
                                " bars: " + std::to_string(labels.size()) + " labels are given");

  constexpr double plot_width = 480, thickness = 20, apart = 30;
  const auto& [title, caption, unit, mark] = options;
  double low = std::min(mark.value_or(0), 0.0), high = std::max(mark.value_or(0), 0.0), label_width = 0,
         value_width = 0;
  std::vector<std::string> texts;
  for (size_t i = 0; i < values.size(); ++i) {
    if (can_show(values[i], false)) low = std::min(low, values[i]), high = std::max(high, values[i]);
    texts.push_back(number(values[i]) + (unit.empty() || !std::isfinite(values[i]) ? "" : " " + unit));
    label_width = std::max(label_width, text_width(labels[i]));
    value_width = std::max(value_width, text_width(texts[i]));
  }
  const double left = margin + label_width + 12 + (low < 0 ? value_width + 8 : 0),
               top = margin + (title.empty() ? 0 : title_height);
  const Axis axis{.low = low, .high = low < high ? high : low + 1, .log = false, .from = left, .to = left + plot_width};
  const double zero = axis.at(0), bottom = top + apart * static_cast<double>(values.size());

  Page page;
  page.text("title", margin, margin + 14, title);
  for (size_t i = 0; i < values.size(); ++i) {
    const double y = top + apart * static_cast<double>(i) + (apart - thickness) / 2, base = y + thickness / 2 + 4.5;
    const double end = can_show(values[i], false) ? axis.at(values[i]) : zero;
    page.text("", margin + label_width, base, labels[i], "end");
    if (end != zero)
      page.rect("f0", std::min(zero, end), y, std::abs(end - zero), thickness, labels[i] + ": " + texts[i], 2);
    page.text("muted", end < zero ? end - 8 : end + 8, base, texts[i], end < zero ? "end" : "start");
  }
  page.line("axis crisp", zero, top, zero, bottom);
  if (mark) page.line("axis dashed", axis.at(*mark), top, axis.at(*mark), bottom);
  page.text("muted", margin, bottom + title_height - 12, caption);
  return page.svg(
      std::max({left + plot_width + 8 + value_width, margin + text_width(caption), margin + 1.2 * text_width(title)}) +
          margin,
      bottom + (caption.empty() ? 0 : title_height) + margin, title, Colours::hues);
}

void save_svg(const std::string& path, const std::string& svg) {
  namespace fs = std::filesystem;
  const fs::path target(path), unfinished(path + ".unfinished");
  std::error_code failure;
  if (target.has_parent_path()) fs::create_directories(target.parent_path(), failure);
  if (!failure) {
    errno = 0;
    std::ofstream file(unfinished, std::ios::binary);
    file.write(svg.data(), std::ssize(svg));
    file.close();
    if (!file) failure.assign(errno != 0 ? errno : EIO, std::generic_category());
  }
  if (!failure) fs::rename(unfinished, target, failure);
  if (!failure) return;
  std::error_code ignored;
  fs::remove(unfinished, ignored);
  throw std::runtime_error("save_svg: cannot write " + path + ": " + failure.message());
}

}  // namespace heed::draw
