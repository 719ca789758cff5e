#include "text.h"
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <numeric>

namespace heed {

std::string text_of(double v) {
  if (v == std::round(v) && std::abs(v) < 1e15) return std::to_string(int64_t(v));
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, v).ptr};
}

bool matches(std::string_view pattern, std::string_view text) {
  constexpr auto none = std::string_view::npos;
  std::size_t p = 0, t = 0, star = none, taken = 0;  // the last * has taken text up to there
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') star = p++, taken = t;
    else if (p < pattern.size() && pattern[p] == text[t]) ++p, ++t;
    else if (star != none) p = star + 1, t = ++taken;
    else return false;
  }
  return pattern.find_first_not_of('*', p) == none;
}

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (const char letter : a) {
    const bool any = letter == '*';
    std::size_t diagonal = row[0];
    row[0] += any ? 0 : 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (letter != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = any ? std::min(row[j], row[j + 1]) : std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

const std::string& nearest(const std::string& to, const std::vector<std::string>& names) {
  return *std::min_element(names.begin(), names.end(), [&](const std::string& a, const std::string& b) {
    return distance(to, a) < distance(to, b);
  });
}

std::size_t place_of(std::string_view name, const std::vector<std::string>& known, std::string_view op, Where at) {
  const auto found = std::find(known.begin(), known.end(), name);
  if (found != known.end()) return std::size_t(found - known.begin());
  std::string list;
  for (const std::string& k : known) list += (list.empty() ? "" : ", ") + k;
  fail<Error>(at, op, "there is no " + std::string(name) + ": known are " + list);
}

uint64_t fingerprint(std::string_view text, uint64_t before) {
  for (const char c : text) before = (before ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return before;
}

Character first_character(std::string_view text) {
  constexpr std::array<char32_t, 5> smallest{0, 0, 0x80, 0x800, 0x10000};  // of a character of that many bytes
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return {lead, 1};
  const std::size_t length = lead < 0xC0 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF8 ? 4 : 0;
  if (length == 0 || length > text.size()) return {0, 0};
  char32_t c = lead & (0x7Fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xC0) != 0x80) return {0, 0};
    c = c << 6 | (byte & 0x3F);
  }
  if (c < smallest[length] || (c >= 0xD800 && c < 0xE000) || c > 0x10FFFF) return {0, 0};
  return {c, length};
}

std::size_t valid_utf8(std::string_view text) {
  std::size_t i = 0, length = 0;
  while (i < text.size() && (length = first_character(text.substr(i)).length) > 0) i += length;
  return i;
}

static std::string hexadecimal(uint32_t value, std::size_t digits) {
  std::string text;
  for (; value || text.size() < digits; value /= 16) text.insert(text.begin(), "0123456789ABCDEF"[value % 16]);
  return text;
}

std::string why_not_utf8(std::string_view text, std::size_t i) {
  return "no character begins with byte " + std::to_string(i) + " (0x" +
         hexadecimal(static_cast<unsigned char>(text[i]), 2) + ") of " + std::to_string(text.size());
}

void each_character(std::string_view text, std::string_view op, Where at, FunctionRef<void(char32_t)> f) {
  for (std::size_t i = 0; i < text.size();) {
    const auto [point, length] = first_character(text.substr(i));
    if (length == 0) fail<Error>(at, op, "cannot read the text as UTF-8: " + why_not_utf8(text, i));
    f(point);
    i += length;
  }
}

void append_utf8(std::string& to, char32_t point) {
  auto put = [&](char32_t byte) { to += static_cast<char>(static_cast<unsigned char>(byte)); };
  if (point < 0x80) return put(point);
  if (point < 0x800) {
    put(0xC0 | point >> 6);
  } else if (point < 0x10000) {
    put(0xE0 | point >> 12);
    put(0x80 | (point >> 6 & 0x3F));
  } else {
    put(0xF0 | point >> 18);
    put(0x80 | (point >> 12 & 0x3F));
    put(0x80 | (point >> 6 & 0x3F));
  }
  put(0x80 | (point & 0x3F));
}

bool is_control(char32_t point) { return point < 0x20 || (point >= 0x7F && point < 0xA0); }

std::string in_quotes(char32_t point) {
  std::string number = "U+" + hexadecimal(point, 4);
  if (is_control(point)) return number;
  std::string text = "'";
  append_utf8(text, point);
  return text + "' (" + number + ")";
}

}  // namespace heed
