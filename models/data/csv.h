#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "../../core/tensor.h"

namespace heed {

struct CsvOptions {
  char separator = ',';
  bool header = true;                  // the first line names the columns; else they are "1", "2", ..
  std::optional<double> missing = {};  // the number that an empty field stands for (NaN, say); absent: it is an error
};

// A table of texts, which become numbers when they are asked for as such. Every function throws FileError, naming the
// file, its line and its column, both counted from 1.
class Csv {
 public:
  // What there is: lines without the header's, and names.
  int64_t rows() const { return int64_t(lines_.size()); }
  const std::vector<std::string>& columns() const { return names_; }

  // [rows, columns], f32, f64 or i64: the columns named, in that order, or all. Spaces around a number do not matter.
  // FileError: a field is no number, or none of that type; a column is not there.
  Tensor tensor(const std::vector<std::string>& columns = {}, Dtype t = f32, Where at = Where::here()) const;

  std::vector<std::string> text(std::string_view column, Where at = Where::here()) const;  // [rows]

  // A column of class names: the different ones, sorted; and each row's place among them, [rows] i64. The classes may
  // be those of another file. FileError: a row's is not among them.
  std::vector<std::string> classes(std::string_view column, Where at = Where::here()) const;
  Tensor labels(std::string_view column, const std::vector<std::string>& classes, Where at = Where::here()) const;

 private:
  friend Csv load_csv(const std::string& path, const CsvOptions& options, Where at);
  std::size_t find(const char* op, std::string_view column, Where at) const;
  std::string_view field(std::size_t row, std::size_t column) const { return fields_[row * names_.size() + column]; }
  std::string place(std::size_t row, std::size_t column) const;

  std::string path_;
  CsvOptions options_;
  std::shared_ptr<const std::vector<char>> file_;  // what fields_ point into
  std::vector<std::string> names_;                 // of the columns
  std::vector<std::string_view> fields_;           // row by row
  std::vector<int64_t> lines_;                     // that the rows begin on
};

// RFC 4180: a field may stand in quotes, and separators, line ends and quotes (written twice) in it; lines end in LF or
// CRLF. Every line has as many fields as the first; empty lines at the end are none, nor is a byte order mark a part of
// the text. FileError: fields too many or too few, text before or behind quotes, quotes that do not end, a CR alone.
Csv load_csv(const std::string& path, const CsvOptions& options = {}, Where at = Where::here());

}  // namespace heed
