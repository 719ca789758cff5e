#include "text.h"
#include <algorithm>
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

}  // namespace heed
