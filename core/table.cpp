#include "table.h"
#include <algorithm>
#include <cstdio>

namespace heed {

std::string grouped(int64_t n) {
  std::string s = std::to_string(n);
  for (std::ptrdiff_t i = std::ssize(s) - 3; i > (n < 0); i -= 3) s.insert(std::size_t(i), ",");
  return s;
}

std::string fixed(double value, int decimals) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

std::string Table::str() const {
  std::vector<std::size_t> widths(lines_[0].size());
  for (const auto& line : lines_)
    for (std::size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  std::string r;
  for (const auto& line : lines_) {
    for (std::size_t i = 0; i < widths.size(); ++i) {
      const std::string space(widths[i] - line[i].size(), ' ');
      r += (i ? "  " : "") + (i < left_ ? line[i] + space : space + line[i]);
    }
    r.resize(r.find_last_not_of(' ') + 1);
    r += '\n';
  }
  return r;
}

}  // namespace heed
