#include <heed/models/draw/axis.h>
#include <heed/models/draw/svg.h>
#include <heed/models/draw/terminal.h>
#include <heed/models/draw/text.h>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>
#include "catch.h"

using namespace heed::draw;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

size_t count(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// What is wrong with a document without comments, declarations and CDATA, or "well-formed".
std::string verdict(const std::string& xml) {
  std::vector<std::string> open;
  size_t roots = 0;
  for (size_t i = 0; i < xml.size();) {
    if (static_cast<unsigned char>(xml[i]) < 0x20 && xml[i] != '\n') return "control character";
    if (xml[i] == '&') {
      const std::string entity = xml.substr(i, xml.find(';', i) + 1 - i);
      if (entity != "&amp;" && entity != "&lt;" && entity != "&gt;" && entity != "&quot;" && entity != "&apos;")
        return "entity " + entity;
    }
    if (xml[i] != '<') {
      ++i;
      continue;
    }
    const size_t end = xml.find('>', i);
    if (end == std::string::npos) return "unfinished tag";
    const std::string tag = xml.substr(i + 1, end - i - 1);
    if (contains(tag, "<") || count(tag, "\"") % 2 != 0) return "tag " + tag;
    if (tag.front() == '/') {
      if (open.empty() || "/" + open.back() != tag) return "closed " + tag;
      open.pop_back();
    } else if (tag.back() != '/') {
      roots += open.empty();
      open.push_back(tag.substr(0, tag.find(' ')));
    }
    i = end + 1;
  }
  if (roots != 1) return std::to_string(roots) + " roots";
  return open.empty() ? "well-formed" : "open " + open.back();
}

// The value of an attribute of each element of a class.
std::vector<double> attribute(const std::string& svg, const std::string& kind, const std::string& name) {
  std::vector<double> values;
  const std::string head = "class=\"" + kind + "\"", key = " " + name + "=\"";
  for (size_t at = svg.find(head); at != std::string::npos; at = svg.find(head, at + 1))
    values.push_back(std::stod(svg.substr(svg.find(key, at) + key.size())));
  return values;
}

Matrix zeros(int64_t rows, int64_t cols) {
  return {.rows = rows, .cols = cols, .values = std::vector<double>(static_cast<size_t>(rows * cols))};
}

double luminance(Rgb c) {
  const auto linear = [](int v) { return v <= 10 ? v / 255.0 / 12.92 : std::pow((v / 255.0 + 0.055) / 1.055, 2.4); };
  return 0.2126 * linear(c.red) + 0.7152 * linear(c.green) + 0.0722 * linear(c.blue);
}

template <class Exception>
std::string message(auto f) {
  try {
    f();
  } catch (const Exception& e) {
    return e.what();
  }
  return "nothing was thrown";
}

// Whether a number is 1, 2 or 5 times a power of ten.
bool is_round(double value) {
  const double digit = value / std::pow(10, std::floor(std::log10(value) + 1e-6));
  const auto near = [digit](double d) { return std::abs(digit - d) < 1e-5; };
  return near(1) || near(2) || near(5);
}

}  // namespace

TEST_CASE("every picture is well-formed XML, whatever its labels say", "[draw]") {
  const std::string hostile = "<&>\"' \x01\x7f\n\t \xff\xc3 ü 日本 </text>";
  Matrix m = zeros(2, 3);
  m.row_labels = {hostile, ""};
  m.col_labels = {"a", hostile, "ü"};
  m.title = m.row_name = m.col_name = hostile;
  m.values[4] = not_a_number;
  const std::vector<Series> series = {{.name = hostile, .y = {1, 2, not_a_number, 4}}};
  Matrix seen = zeros(2, 2);
  seen.title = hostile;
  const Picture picture{.height = 1, .width = 2, .pixels = {{1, 2, 3}, {4, 5, 6}}, .title = hostile, .maps = {seen}};
  const std::vector<std::string> drawn = {
      heat_map(m),
      pictures({picture, picture}, hostile),
      pictures({}),
      heat_maps({m, m, zeros(0, 0)}, {.title = hostile}),
      heat_maps({}),
      labelled_matrix(m),
      labelled_matrices({m, zeros(3, 1)}),
      curve(series, {.title = hostile, .x_label = hostile, .y_label = hostile}),
      curve({}),
      bars({hostile, "b"}, {1, not_a_number}, {.title = hostile, .caption = hostile, .unit = hostile, .mark = 2}),
      bars({}, {}),
  };
  for (const std::string& svg : drawn) {
    CHECK(verdict(svg) == "well-formed");
    CHECK(count(svg, "http") == 1);  // the name space, and nothing to fetch
    CHECK(contains(svg, "prefers-color-scheme: dark"));
  }
}

TEST_CASE("text is escaped and made visible", "[draw]") {
  CHECK(escape("<a href=\"x\">&'") == "&lt;a href=&quot;x&quot;&gt;&amp;&apos;");
  CHECK(escape(std::string("\0\x1f", 2)) == "��");
  CHECK(escape("ü 日") == "ü 日");
  CHECK(visible(" the ") == "␣the␣");
  CHECK(visible("New York") == "New York");
  CHECK(visible("\n") == "␊");
  CHECK(visible("abcdef", 6) == "abcdef");
  CHECK(visible("abcdefg", 6) == "abcde…");
  CHECK(visible("日本語", 5) == "日本…");
  CHECK(width("日本") == 4);
  CHECK(width("e\xcc\x81") == 1);  // e and a combining acute
}

TEST_CASE("malformed UTF-8 becomes the replacement character", "[draw]") {
  const auto repaired = [](const std::string& bytes) { return encode(decode(bytes)); };
  CHECK(repaired("aß日🙂") == "aß日🙂");
  CHECK(repaired("\xff") == "�");
  CHECK(repaired("\xc3") == "�");
  CHECK(repaired("\xc0\xaf") == "��");            // overlong
  CHECK(repaired("\xe0\x80\x80") == "���");       // overlong
  CHECK(repaired("\xed\xa0\x80") == "���");       // surrogate
  CHECK(repaired("\xf4\x90\x80\x80") == "����");  // beyond U+10FFFF
  CHECK(repaired("\xef\xbf\xbf") == "���");       // not a character
  CHECK(repaired("\xe6\x97z") == "��z");
}

TEST_CASE("numbers are short", "[draw]") {
  CHECK(number(0.25) == "0.25");
  CHECK(number(-0.0) == "0");
  CHECK(number(1e-5) == "1e-5");
  CHECK(number(123456) == "1.235e5");
  CHECK(number(1e100) == "1e100");
  CHECK(number(not_a_number) == "nan");
  CHECK(number(-infinity) == "-inf");
  CHECK(fixed(-0.001, 2) == "0.00");
  CHECK(fixed(2.5, 2) == "2.50");
  CHECK(fixed(1e300, 2).size() == 304);
}

TEST_CASE("a heat map has a cell per value, and names each", "[draw]") {
  Matrix m = zeros(10, 25);
  m.row_labels.assign(10, "r");
  m.col_labels.assign(25, "c");
  m.values[7] = 0.125;
  m.values[8] = not_a_number;
  const std::string svg = heat_map(m);
  CHECK(count(svg, "<title>r, c: ") == 250);
  CHECK(count(svg, ">c</text>") == 25);
  CHECK(count(svg, ">r</text>") == 10);
  CHECK(count(svg, "<title>r, c: 0.125</title>") == 1);
  CHECK(count(svg, "<title>r, c: nan</title>") == 1);
  CHECK(count(svg, "class=\"empty\"") == 1);
  for (const char* text : {">0</text>", ">0.5</text>", ">1</text>"}) CHECK(contains(svg, text));  // the key
}

TEST_CASE("pictures: a rectangle for each run of one colour, drawn again under each map", "[draw]") {
  const Rgb red{255, 0, 0}, blue{0, 0, 255};
  Matrix map = zeros(1, 2);
  map.values = {0.25, 7};
  map.title = "seen";
  const std::string svg = pictures({{.height = 2,
                                     .width = 3,
                                     .pixels = {red, red, blue, blue, blue, blue},
                                     .title = "one",
                                     .maps = {map, zeros(1, 1)}}},
                                   "all");
  CHECK(count(svg, "fill=\"#ff0000\"") == 1);
  CHECK(count(svg, "fill=\"#0000ff\"") == 2);
  CHECK(count(svg, "<use href=\"#picture0\"") == 2);
  CHECK(attribute(svg, "page crisp", "fill-opacity") == std::vector<double>{0.75, 0, 1});
  CHECK(attribute(svg, "page crisp", "width") == std::vector<double>{72, 72, 144});
  CHECK(attribute(svg, "page crisp", "height") == std::vector<double>{96, 96, 96});
  for (const char* text : {">all<", ">one<", ">seen<", "<title>7</title>"}) CHECK(contains(svg, text));
}

TEST_CASE("long texts end on the page, and before the next picture", "[draw]") {
  const auto page = [](const std::string& svg) { return std::stod(svg.substr(svg.find("width=\"") + 7)); };
  const std::string label(24, 'm'), text(90, 'm');
  Matrix labelled = zeros(1, 9), named = zeros(1, 1);
  labelled.col_labels.assign(9, "a");
  labelled.col_labels[7] = label;
  const std::string slanted = heat_map(labelled);
  CHECK(page(slanted) >= attribute(slanted, "token", "x")[7] + 0.71 * 24 * 0.6 * 13);
  named.col_name = text;
  const Picture picture{.height = 2, .width = 1, .pixels = {{}, {}}, .title = text};
  for (const std::string& svg : {heat_map(named), pictures({picture})}) CHECK(page(svg) >= 90 * 0.6 * 13);
  for (const std::string& svg : {curve({}, {.title = text}), bars({}, {}, {.title = text})})
    CHECK(page(svg) >= 90 * 0.6 * 16);

  Matrix map = zeros(1, 1);
  map.title = label;
  const std::string side_by_side = pictures({{.height = 2, .width = 1, .pixels = {{}, {}}, .maps = {map, map}}});
  const std::vector<double> x = attribute(side_by_side, "token", "x");
  CHECK(x[1] - x[0] >= 11 * 0.6 * 13);
  CHECK(count(side_by_side, ">" + std::string(10, 'm') + "…<") == 2);
}

TEST_CASE("a labelled matrix prints every number", "[draw]") {
  const Matrix m{.rows = 2, .cols = 3, .values = {0.5, -12.25, not_a_number, 3, 0, 1e-9}};
  const std::string svg = labelled_matrix(m, {.decimals = 1});
  for (const char* text : {">0.5</text>", ">-12.2</text>", ">nan</text>", ">3.0</text>", ">0</text>", ">0.0</text>"})
    CHECK(contains(svg, text));
}

TEST_CASE("several heat maps share a scale and stand beside each other as asked", "[draw]") {
  const Matrix small{.rows = 1, .cols = 1, .values = {2}}, large{.rows = 1, .cols = 1, .values = {6}};
  const std::string shared = heat_maps({small, large, large}, {.across = 2});
  CHECK(contains(shared, ">2</text>"));
  CHECK(contains(shared, ">6</text>"));
  const auto x = attribute(shared, "v63", "x"), y = attribute(shared, "v63", "y");
  REQUIRE(x.size() == 2);
  CHECK(x[0] > x[1]);  // the third starts a new line
  CHECK(y[0] < y[1]);
  CHECK(contains(heat_map(small, {.scale = Scale{0, 4}}), ">4</text>"));
}

TEST_CASE("the scale is [0, 1] if the values lie in it, and otherwise theirs", "[draw]") {
  const auto fitted = [](const std::vector<double>& values) {
    const Matrix m{.rows = 1, .cols = std::ssize(values), .values = values};
    const Scale s = fit_scale({&m, 1});
    return std::vector{s.low, s.high};
  };
  CHECK(fitted({0.2, 0.3}) == std::vector{0.0, 1.0});
  CHECK(fitted({0.2, 1.5, not_a_number, infinity}) == std::vector{0.2, 1.5});
  CHECK(fitted({not_a_number}) == std::vector{0.0, 1.0});
  CHECK(position(3, {2, 6}) == 0.25);
  CHECK(position(9, {2, 6}) == 1.0);
  CHECK(position(5, {5, 5}) == 0.0);
  CHECK(position(0, {-1.5e308, 1.5e308}) == 0.5);
  CHECK_FALSE(position(not_a_number, {0, 1}).has_value());
}

TEST_CASE("the ramp moves away from the page, in one direction above 0 and in one below", "[draw]") {
  for (const bool dark : {false, true})
    for (const double side : {63.0, -63.0})
      for (int i = 1; i < 64; ++i) {
        const double before = luminance(ramp((i - 1) / side, dark)), after = luminance(ramp(i / side, dark));
        CHECK((dark ? after > before : after < before));
      }
  const Rgb above = ramp(1, false), below = ramp(-1, false);
  CHECK(above.blue > above.red);
  CHECK(below.red > below.blue);
}

TEST_CASE("numbers can be read on every colour, on both pages", "[draw]") {
  Matrix m = zeros(1, 127);
  for (int i = -63; i < 64; ++i) m.values[static_cast<size_t>(i + 63)] = i / 63.0;
  const std::string svg = labelled_matrix(m, {.around_zero = true}), number_class = "<text class=\"cell ";
  const size_t dark_page = svg.find("@media");
  size_t number = 0;
  for (int i = -63; i < 64; ++i) {
    number = svg.find(number_class, number) + number_class.size();
    const std::string ink = "." + svg.substr(number, svg.find('"', number) - number) + "{fill:#";
    for (const bool dark : {false, true}) {
      const auto rgb = std::stoul(svg.substr(svg.find(ink, dark ? dark_page : 0) + ink.size(), 6), nullptr, 16);
      const Rgb text{static_cast<uint8_t>(rgb >> 16), static_cast<uint8_t>(rgb >> 8 & 255),
                     static_cast<uint8_t>(rgb & 255)};
      const auto [less, more] = std::minmax({luminance(text), luminance(ramp(i / 63.0, dark))});
      INFO("level " << i << (dark ? " on the dark page" : " on the light page"));
      CHECK((more + 0.05) / (less + 0.05) >= 4);  // WCAG 2.1, relative contrast
    }
  }
}

TEST_CASE("a scale around 0 reaches as far below as above, and has a colour of its own for each sign", "[draw]") {
  const Matrix m{.rows = 1, .cols = 3, .values = {-1, 0, 4}};
  const std::string svg = heat_map(m, {.around_zero = true});
  for (const char* text : {">-4</text>", ">0</text>", ">4</text>"}) CHECK(contains(svg, text));
  CHECK(contains(svg, "class=\"n16\" x"));
  CHECK(contains(svg, "class=\"v0\" x"));
  CHECK(contains(svg, "class=\"v63\" x"));
  CHECK(!contains(heat_map(m), ".n16"));
  CHECK(contains(heat_map(zeros(1, 1), {.around_zero = true}), "class=\"v0\" x"));
}

TEST_CASE("ticks are 1-2-5 numbers inside the axis", "[draw]") {
  const std::vector<std::pair<double, double>> axes = {{0, 1},       {0, 3.7},     {-2.5, 2.5},     {0, 123456},
                                                       {1e-7, 9e-7}, {0.31, 0.37}, {-1e300, 1e300}, {1e9, 1e9 + 10}};
  for (const auto& [low, high] : axes) {
    INFO(low << " to " << high);
    const auto ticks = linear_ticks(low, high, 6);
    const auto texts = tick_texts(ticks);
    REQUIRE(ticks.size() >= 3);
    CHECK(ticks.size() <= 7);
    const double step = ticks[1] - ticks[0];
    CHECK(is_round(step));
    for (size_t i = 0; i < ticks.size(); ++i) {
      CHECK(std::abs(ticks[i] / step - std::round(ticks[i] / step)) < 1e-6);
      CHECK(ticks[i] >= low - 1e-6 * step);
      CHECK(ticks[i] <= high + 1e-6 * step);
      if (i > 0) CHECK(texts[i] != texts[i - 1]);
    }
  }
}

TEST_CASE("logarithmic ticks", "[draw]") {
  const auto texts = [](double low, double high, int about) {
    std::vector<std::string> result;
    for (const double tick : log_ticks(low, high, about)) result.push_back(number(tick));
    return result;
  };
  using Texts = std::vector<std::string>;
  CHECK(texts(0.015, 3, 6) == Texts{"0.02", "0.05", "0.1", "0.2", "0.5", "1", "2"});
  CHECK(texts(1e-3, 1e3, 7) == Texts{"0.001", "0.01", "0.1", "1", "10", "100", "1000"});
  CHECK(texts(2, 6, 5) == Texts{"2", "3", "4", "5", "6"});
  CHECK(texts(1e-300, 1e300, 6) == Texts{"1e-300", "1e-200", "1e-100", "1", "1e100", "1e200", "1e300"});
}

TEST_CASE("tick texts share decimals and unit", "[draw]") {
  using Texts = std::vector<std::string>;
  CHECK(tick_texts(std::vector{0.0, 0.5, 1.0}) == Texts{"0.0", "0.5", "1.0"});
  CHECK(tick_texts(std::vector{0.0, 5000.0, 10000.0}) == Texts{"0", "5k", "10k"});
  CHECK(tick_texts(std::vector{0.0, 500000.0, 1000000.0}) == Texts{"0.0", "0.5M", "1.0M"});
  CHECK(tick_texts(std::vector{1e-6, 2e-6}) == Texts{"1e-6", "2e-6"});
}

TEST_CASE("a line breaks at what cannot be shown", "[draw]") {
  const auto stretches = [](const std::vector<double>& y, bool log) {
    return count(curve({{.y = y}}, {.log_y = log}), "<path class=\"line s0\"");
  };
  std::vector<double> y(100, 2);
  CHECK(stretches(y, false) == 1);
  y[50] = not_a_number;
  CHECK(stretches(y, false) == 2);
  y[20] = -infinity;
  CHECK(stretches(y, false) == 3);
  y[80] = 0;
  CHECK(stretches(y, false) == 3);
  CHECK(stretches(y, true) == 4);
  y[22] = not_a_number;  // leaves point 21 alone: a dot
  CHECK(stretches(y, true) == 4);
  CHECK(count(curve({{.y = y}}, {.log_y = true}), "<circle") == 1);
}

TEST_CASE("series that have names are in the legend", "[draw]") {
  CHECK(count(curve({{.y = {1, 2}}, {.name = "b", .y = {2, 3}}}), "<path class=\"line s0\"") == 1);
  CHECK(count(curve({{.y = {1, 2}}, {.name = "b", .y = {2, 3}}}), "<path class=\"line s1\"") == 2);
}

TEST_CASE("charts of nothing, of one point and of equal values", "[draw]") {
  CHECK(contains(curve({{.name = "empty"}}), "empty (no points)"));
  CHECK(contains(curve({{.name = "lost", .y = {not_a_number, not_a_number}}}), "lost (no points)"));
  for (const double v : {0.0, 3.0, -1e300, 1e-299, 1e12})
    for (const bool log : {false, true})
      for (const std::vector<double>& y : {std::vector{v}, std::vector{v, v, v}}) {
        const std::string svg = curve({{.y = y}}, {.log_x = log, .log_y = log});
        CHECK(verdict(svg) == "well-formed");
        CHECK(count(svg, "nan") + count(svg, "inf") == 0);
      }
}

TEST_CASE("decimation keeps the extremes of every pixel column", "[draw]") {
  std::vector<Point> line(1'000'000);
  for (size_t i = 0; i < line.size(); ++i) line[i] = {static_cast<double>(i) / 1e4, std::sin(static_cast<double>(i))};
  line[123'456].y = 50;
  line[654'321].y = -70;
  const auto kept = decimate(line);
  CHECK(kept.size() <= 4 * 100);
  CHECK(std::is_sorted(kept.begin(), kept.end(), [](const Point& a, const Point& b) { return a.x < b.x; }));
  const auto extremes = [](const std::vector<Point>& points, int column) {
    std::pair range{infinity, -infinity};
    for (const Point& p : points)
      if (std::floor(p.x) == column) range = {std::min(range.first, p.y), std::max(range.second, p.y)};
    return range;
  };
  for (const int column : {0, 12, 65, 99}) CHECK(extremes(kept, column) == extremes(line, column));
  CHECK(extremes(kept, 12).second == 50);
  CHECK(extremes(kept, 65).first == -70);
  CHECK(decimate(std::vector<Point>{}).empty());
  CHECK(curve({{.y = std::vector<double>(1'000'000, 1)}}).size() < 100'000);
}

TEST_CASE("bars are as long as their values, on both sides of zero", "[draw]") {
  const BarsOptions plain{.title = "t", .unit = "ms"};
  const std::string svg = bars({"a", "b", "c", "d"}, {1, 2, -1, not_a_number}, plain);
  const auto lengths = attribute(svg, "f0", "width");
  REQUIRE(lengths.size() == 3);
  CHECK(std::abs(lengths[1] - 2 * lengths[0]) < 0.016);  // each is rounded to 0.01
  CHECK(std::abs(lengths[2] - lengths[0]) < 0.016);
  CHECK(contains(svg, ">-1 ms</text>"));
  CHECK(contains(svg, ">nan</text>"));
  CHECK(count(svg, "axis dashed") == 0);

  const std::string marked = bars({"a", "b"}, {1, 2}, {.caption = "two of them", .mark = 1});
  const std::vector<double> end = attribute(marked, "f0", "width"), start = attribute(marked, "f0", "x");
  const std::vector<double> line = attribute(marked, "axis dashed", "x1");
  REQUIRE(line.size() == 1);
  CHECK(std::abs(line[0] - (start[0] + end[0])) < 0.016);
  CHECK(contains(marked, ">two of them</text>"));
  CHECK(attribute(bars({"a"}, {1}, {.mark = 4}), "f0", "width") == std::vector<double>{120});  // it is in the picture
}

TEST_CASE("what cannot be drawn is refused with the numbers", "[draw]") {
  const auto refused = [](auto f) { return message<std::invalid_argument>(f); };
  const Matrix good = zeros(2, 3);
  Matrix m = good;
  m.rows = 4;
  CHECK(refused([&] { heat_map(m); }) == "heat_map: cannot draw a 4 x 3 matrix: 6 values are given");
  CHECK(refused([&] { terminal_heat_map(m); }) == "terminal_heat_map: cannot draw a 4 x 3 matrix: 6 values are given");
  m.rows = -2, m.cols = -3;
  CHECK(refused([&] { heat_map(m); }) == "heat_map: cannot draw a -2 x -3 matrix: 6 values are given");
  m = good;
  m.col_labels = {"a", "b"};
  CHECK(refused([&] { labelled_matrix(m); }) == "labelled_matrix: cannot label 3 columns: 2 column labels are given");
  m = good;
  m.row_labels = {"a"};
  CHECK(refused([&] { heat_maps({good, m}); }) == "heat_maps: cannot label 2 rows: 1 row labels are given");
  CHECK(refused([] { heat_map(zeros(513, 512)); }) ==
        "heat_map: cannot draw 262656 cells: at most 262144 fit a picture");
  CHECK(refused([&] {
          heat_map(good, {.scale = Scale{1, 0}});
        }) == "heat_map: cannot draw on a scale from 1 to 0: it must be finite and rise");
  CHECK(refused([&] { heat_maps({good}, {.across = -1}); }) == "heat_maps: cannot draw -1 matrices across");
  CHECK(refused([&] { labelled_matrix(good, {.decimals = 18}); }) ==
        "labelled_matrix: cannot draw 18 decimals: there must be 0 to 17");
  CHECK(refused([] {
          curve({{.name = "a", .x = {1, 2}, .y = {1}}});
        }) == "curve: cannot draw series 'a': it has 2 x and 1 y");
  CHECK(refused([] { bars({"a"}, {1, 2}); }) == "bars: cannot label 2 bars: 1 labels are given");
  CHECK(refused([] {
          pictures({{.height = 2, .width = 2, .pixels = {{}, {}}}});
        }) == "pictures: cannot draw 2 x 2 pixels: 2 are given");
  CHECK(refused([] { pictures({{}}); }) == "pictures: cannot draw 0 x 0 pixels: 0 are given");
  CHECK(refused([&] {
          pictures({{.height = 1, .width = 1, .pixels = {{}}, .maps = {{.rows = 1, .cols = 2, .values = {1}}}}});
        }) == "pictures: cannot draw a 1 x 2 matrix: 1 values are given");
  CHECK(refused([] { sparkline(std::vector{1.0}, 0); }) == "sparkline: cannot draw in 0 columns");
}

TEST_CASE("a picture is saved whole, or the error names path and reason", "[draw]") {
  namespace fs = std::filesystem;
  const fs::path folder = fs::temp_directory_path() / "heed_draw_test";
  fs::remove_all(folder);
  const std::string path = (folder / "runs" / "a.svg").string();
  save_svg(path, "first");
  save_svg(path, "second");
  std::ifstream file(path);
  CHECK(std::string(std::istreambuf_iterator<char>(file), {}) == "second");
  CHECK(std::distance(fs::directory_iterator(folder / "runs"), {}) == 1);

  const std::string below_a_file = path + "/b.svg", a_folder = (folder / "runs").string();
  CHECK(message<std::runtime_error>([&] { save_svg(below_a_file, "x"); }) ==
        "save_svg: cannot write " + below_a_file + ": Not a directory");
  CHECK(message<std::runtime_error>([&] { save_svg(a_folder, "x"); }) ==
        "save_svg: cannot write " + a_folder + ": Is a directory");
  CHECK(std::distance(fs::directory_iterator(folder), {}) == 1);
  fs::remove_all(folder);
}

TEST_CASE("a terminal heat map lines its labels up with its cells", "[draw]") {
  const Matrix m{.rows = 2,
                 .cols = 3,
                 .values = {0, 0.5, 1, 0.25, not_a_number, 0.75},
                 .row_labels = {"je", "aime"},
                 .col_labels = {"I", "go", " "},
                 .title = "t"};
  CHECK(terminal_heat_map(m, Colour::none) ==
        "t\n"
        "       g   \n"
        "     I o ␣ \n"
        "  je   ▒▒██\n"
        "aime ░░··▓▓\n"
        "     0   ░░▒▒▓▓██ 1\n");
  const std::string full = terminal_heat_map(m, Colour::full), indexed = terminal_heat_map(m, Colour::indexed);
  CHECK(count(full, "\x1b[48;2;") == 5 + 5);  // finite cells and the key
  CHECK(count(indexed, "\x1b[48;5;") == 5 + 5);
  CHECK(count(full, "\x1b[0m") == 10);
  CHECK(contains(indexed, "\x1b[48;5;232m  \x1b[0m\x1b[48;5;244m  \x1b[0m\x1b[48;5;255m"));  // 0, 0.5, 1
}

TEST_CASE("a sparkline", "[draw]") {
  CHECK(sparkline(std::vector<double>{0, 1, 2, 3, 4, 5, 6, 7}) == "▁▂▃▄▅▆▇█");
  CHECK(sparkline(std::vector<double>{7, not_a_number, 0}) == "█ ▁");
  CHECK(sparkline(std::vector<double>{5, 5}) == "▁▁");
  CHECK(sparkline(std::vector<double>{}).empty());
  CHECK(sparkline(std::vector<double>{0, 2, 9, 7, 4, 4}, 3) == "▁█▄");
  CHECK(width(sparkline(std::vector<double>(1000, 1))) == 60);
}
