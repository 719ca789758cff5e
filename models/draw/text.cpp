#include "text.h"
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include "../../core/text.h"

namespace heed::draw {
namespace {

constexpr char32_t replacement = 0xFFFD;

struct Interval {
  char32_t first, last;
};

constexpr std::array combining = {Interval{0x0300, 0x036F}, Interval{0x0483, 0x0489}, Interval{0x0591, 0x05BD},
                                  Interval{0x064B, 0x065F}, Interval{0x0E47, 0x0E4E}, Interval{0x1AB0, 0x1AFF},
                                  Interval{0x200B, 0x200F}, Interval{0x20D0, 0x20FF}, Interval{0xFE00, 0xFE0F},
                                  Interval{0xFE20, 0xFE2F}};
constexpr std::array wide = {Interval{0x1100, 0x115F},   Interval{0x2E80, 0x303E},   Interval{0x3041, 0xA4CF},
                             Interval{0xAC00, 0xD7A3},   Interval{0xF900, 0xFAFF},   Interval{0xFE30, 0xFE6F},
                             Interval{0xFF00, 0xFF60},   Interval{0xFFE0, 0xFFE6},   Interval{0x1F300, 0x1F64F},
                             Interval{0x1F680, 0x1F6FF}, Interval{0x1F900, 0x1F9FF}, Interval{0x20000, 0x3FFFD}};

bool within(const auto& intervals, char32_t c) {
  return std::any_of(intervals.begin(), intervals.end(), [c](Interval i) { return i.first <= c && c <= i.last; });
}

int64_t width(char32_t c) { return within(combining, c) ? 0 : within(wide, c) ? 2 : 1; }

std::string to_text(double value, std::chars_format format, int precision) {
  std::array<char, 400> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format, precision).ptr;
  return {buffer.data(), end};
}

}  // namespace

std::u32string decode(std::string_view utf8) {
  std::u32string points;
  while (!utf8.empty()) {
    const auto [c, length] = first_character(utf8);
    const bool valid = length > 0 && c != 0xFFFE && c != 0xFFFF;
    points.push_back(valid ? c : replacement);
    utf8.remove_prefix(valid ? length : 1);
  }
  return points;
}

std::string encode(std::u32string_view points) {
  std::string utf8;
  for (const char32_t c : points) append_utf8(utf8, c);
  return utf8;
}

int64_t width(std::string_view utf8) {
  int64_t columns = 0;
  for (const char32_t c : decode(utf8)) columns += width(c);
  return columns;
}

std::string visible(std::string_view label, int64_t longest) {
  std::u32string points = decode(label);
  for (auto c = points.begin(); c != points.end() && *c == U' '; ++c) *c = U'␣';
  for (auto c = points.rbegin(); c != points.rend() && *c == U' '; ++c) *c = U'␣';
  for (char32_t& c : points)
    if (is_control(c)) c = c < 0x20 ? 0x2400 + c : c == 0x7F ? 0x2421 : replacement;
  int64_t columns = 0;
  size_t kept = 0;
  while (kept < points.size() && columns + width(points[kept]) <= longest) columns += width(points[kept++]);
  if (kept < points.size()) {
    while (kept > 0 && columns >= longest) columns -= width(points[--kept]);
    points.resize(kept);
    points.push_back(U'…');
  }
  return encode(points);
}

std::string escape(std::string_view text) {
  std::string escaped;
  for (const char32_t c : decode(text)) {
    switch (c) {
      case U'&':
        escaped += "&amp;";
        break;
      case U'<':
        escaped += "&lt;";
        break;
      case U'>':
        escaped += "&gt;";
        break;
      case U'"':
        escaped += "&quot;";
        break;
      case U'\'':
        escaped += "&apos;";
        break;
      default:
        escaped += encode(std::u32string(1, is_control(c) ? replacement : c));
    }
  }
  return escaped;
}

std::string number(double value, int digits) {
  if (std::isnan(value)) return "nan";
  std::string text = to_text(value == 0 ? 0 : value, std::chars_format::general, digits);
  const size_t exponent = text.find('e');  // "1e-05" becomes "1e-5", "1e+06" becomes "1e6"
  if (exponent == std::string::npos) return text;
  const size_t sign = exponent + 1;
  const size_t zeros = text.find_first_not_of('0', sign + 1) - (sign + 1);
  text.erase(sign + 1, zeros);
  if (text[sign] == '+') text.erase(sign, 1);
  return text;
}

std::string fixed(double value, int decimals) {
  if (!std::isfinite(value)) return number(value);
  std::string text = to_text(value, std::chars_format::fixed, decimals);
  if (text.find_first_not_of("-0.") == std::string::npos && text.front() == '-') text.erase(0, 1);
  return text;
}

}  // namespace heed::draw
