#pragma once
// Columns of text.
#include <cstdint>
#include <string>
#include <vector>

namespace heed {

std::string grouped(int64_t n);                 // 1,234,567
std::string fixed(double value, int decimals);  // 3.14

class Table {
 public:
  // The first line; its first `left` columns are flush left, the others flush right.
  Table(std::vector<std::string> head, std::size_t left) : lines_{std::move(head)}, left_(left) {}
  void add(std::vector<std::string> line) { lines_.push_back(std::move(line)); }  // as many cells as the first line
  std::string str() const;

 private:
  std::vector<std::vector<std::string>> lines_;
  std::size_t left_;
};

}  // namespace heed
