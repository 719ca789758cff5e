#include "csv.h"
#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <locale>
#include <map>
#include <set>
#include <sstream>
#include "../../core/disk.h"

namespace heed {
namespace {

std::string place_text(int64_t line, std::size_t column) {
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

// Field by field; quotes written twice become one where they stand, so every field is a part of the text.
class Parser {
 public:
  Parser(const FileTask& t, char separator, std::vector<char>& file)
      : task(t), sep(separator), at(file.data()), end(at + file.size()) {
    if (std::string_view(at, end).starts_with("\xef\xbb\xbf")) at += 3;
    while (end != at && (end[-1] == '\n' || end[-1] == '\r')) --end;
    if (at == end) at = nullptr;
  }

  bool done() const { return at == nullptr; }
  int64_t line() const { return line_; }

  // Appends the fields of a row.
  void row(std::vector<std::string_view>& fields) {
    column = 1;
    for (;; ++column, ++at) {
      fields.push_back(at != end && *at == '"' ? quoted() : plain());
      if (at == end || *at != sep) break;
    }
    if (at == end) {
      at = nullptr;
      return;
    }
    if (*at == '\r') ++at;
    ++at;
    ++line_;
  }

 private:
  const FileTask& task;
  char sep;
  char *at, *end;  // what is not read yet; at is null behind the last row
  int64_t line_ = 1;
  std::size_t column = 1;

  [[noreturn]] void broken(const char* why) const { task.cannot_read(place_text(line_, column) + ": " + why); }

  bool at_line_end() const {
    if (*at == '\n') return true;
    if (*at != '\r') return false;
    if (at + 1 == end || at[1] != '\n') broken("a carriage return without a line feed");
    return true;
  }
  std::string_view plain() {
    const char* begin = at;
    for (; at != end && *at != sep && !at_line_end(); ++at)
      if (*at == '"') broken("quotes within a field: all of it must be in quotes, and these written twice");
    return {begin, at};
  }
  std::string_view quoted() {
    char *begin = ++at, *to = begin;
    int64_t lines = 0;
    for (;; ++at) {
      if (at == end) broken("the quotes do not end");
      if (*at == '"' && (++at == end || *at != '"')) break;
      lines += *at == '\n';
      *to++ = *at;
    }
    if (at != end && *at != sep && !at_line_end()) broken("text behind the quotes");
    line_ += lines;
    return {begin, to};
  }
};

std::string_view trimmed(std::string_view s) {
  const auto first = s.find_first_not_of(" \t");
  return first == s.npos ? std::string_view() : s.substr(first, s.find_last_not_of(" \t") + 1 - first);
}

template <class T>
struct Parsed {
  T value{};
  const char* why = nullptr;  // there is none
};
template <class T>
Parsed<T> parsed(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  Parsed<T> r;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), r.value);
  if (error == std::errc::invalid_argument || end != text.data() + text.size())
    r.why = std::is_integral_v<T> ? "is no integer" : "is no number";
  else if (error != std::errc()) {
    if constexpr (std::is_integral_v<T>) {
      r.why = "is beyond i64";
    } else {  // too large or too small, which from_chars does not tell apart
      std::istringstream stream{std::string(text)};
      stream.imbue(std::locale::classic());
      stream >> r.value;
      if (std::abs(r.value) > 1) r.why = "is beyond f64";
    }
  }
  return r;
}
template <>
Parsed<float> parsed<float>(std::string_view text) {
  const auto [value, why] = parsed<double>(text);
  if (std::isfinite(value) && std::abs(value) > double(std::numeric_limits<float>::max())) return {0, "is beyond f32"};
  return {static_cast<float>(value), why};
}

template <class T>
bool holds(double v) {
  return !std::is_integral_v<T> || (v == std::floor(v) && std::abs(v) < 0x1p63);
}

}  // namespace

Csv load_csv(const std::string& path, const CsvOptions& options, Where at) {
  const FileTask task{"load_csv", path, at};
  if (options.separator == '"' || options.separator == '\n' || options.separator == '\r')
    task.cannot_read("quotes and line ends do not separate fields");
  const MappedFile file(task);
  const std::string_view bytes(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  const auto text = std::make_shared<std::vector<char>>(bytes.begin(), bytes.end());
  Parser parser(task, options.separator, *text);
  if (parser.done()) task.cannot_read("there is nothing in it but line ends");

  Csv r;
  r.path_ = path;
  r.options_ = options;
  r.file_ = text;
  parser.row(r.fields_);
  const std::size_t columns = r.fields_.size();
  if (options.header) {
    r.names_.assign(r.fields_.begin(), r.fields_.end());
    r.fields_.clear();
  } else {
    for (std::size_t i = 1; i <= columns; ++i) r.names_.push_back(std::to_string(i));
    r.lines_.push_back(1);
  }
  while (!parser.done()) {
    const std::size_t before = r.fields_.size();
    r.lines_.push_back(parser.line());
    parser.row(r.fields_);
    if (const std::size_t n = r.fields_.size() - before; n != columns)
      task.cannot_read("line " + std::to_string(r.lines_.back()) + " has " + std::to_string(n) +
                       (n == 1 ? " field" : " fields") + ", the first line has " + std::to_string(columns));
  }
  return r;
}

std::size_t Csv::find(const char* op, std::string_view column, Where at) const {
  const auto found = std::find(names_.begin(), names_.end(), column);
  if (found == names_.end())
    FileTask{op, path_, at}.cannot_read("there is no column " + in_quotes(column) + " among its " +
                                        std::to_string(names_.size()));
  if (std::find(found + 1, names_.end(), column) != names_.end())
    FileTask{op, path_, at}.cannot_read("there are two columns " + in_quotes(column));
  return std::size_t(found - names_.begin());
}

std::string Csv::place(std::size_t row, std::size_t column) const {
  return place_text(lines_[row], column + 1) + (options_.header ? " (" + in_quotes(names_[column]) + ")" : "") + ": ";
}

Tensor Csv::tensor(const std::vector<std::string>& columns, Dtype t, Where at) const {
  const FileTask task{"tensor", path_, at};
  if (t != f32 && t != f64 && t != i64)
    fail<DtypeError>(at, task.op, std::string("numbers are read as f32, f64 or i64, not ") + name(t));
  std::vector<std::size_t> chosen;
  for (const std::string& column : columns) chosen.push_back(find(task.op, column, at));
  for (std::size_t i = 0; columns.empty() && i < names_.size(); ++i) chosen.push_back(i);

  Array a({rows(), int64_t(chosen.size())}, t);
  auto fill = [&]<class T>(T* to) {
    for (std::size_t row = 0; row < lines_.size(); ++row)
      for (std::size_t column : chosen) {
        const std::string_view text = trimmed(field(row, column));
        if (text.empty()) {
          if (!options_.missing) task.cannot_read(place(row, column) + "the number is missing");
          if (!holds<T>(*options_.missing))
            task.cannot_read(place(row, column) + "what stands for the missing number is no integer");
          *to++ = static_cast<T>(*options_.missing);
        } else {
          const auto [value, why] = parsed<T>(text);
          if (why) task.cannot_read(place(row, column) + in_quotes(text) + " " + why);
          *to++ = value;
        }
      }
  };
  if (t == i64) fill(a.mutable_data<int64_t>());
  else visit_floating(t, [&]<class T>(T) { fill(a.mutable_data<T>()); });
  return Tensor(std::move(a));
}

std::vector<std::string> Csv::text(std::string_view column, Where at) const {
  const std::size_t i = find("text", column, at);
  std::vector<std::string> r;
  for (std::size_t row = 0; row < lines_.size(); ++row) r.emplace_back(field(row, i));
  return r;
}

std::vector<std::string> Csv::classes(std::string_view column, Where at) const {
  const std::size_t i = find("classes", column, at);
  std::set<std::string_view> r;
  for (std::size_t row = 0; row < lines_.size(); ++row) r.insert(field(row, i));
  return {r.begin(), r.end()};
}

Tensor Csv::labels(std::string_view column, const std::vector<std::string>& classes, Where at) const {
  const FileTask task{"labels", path_, at};
  const std::size_t i = find(task.op, column, at);
  std::map<std::string_view, int64_t> places;
  for (const std::string& c : classes) places.emplace(c, int64_t(places.size()));
  std::vector<int64_t> r;
  for (std::size_t row = 0; row < lines_.size(); ++row) {
    const auto found = places.find(field(row, i));
    if (found == places.end())
      task.cannot_read(place(row, i) + in_quotes(field(row, i)) + " is none of the " + std::to_string(classes.size()) +
                       " classes");
    r.push_back(found->second);
  }
  return heed::tensor(r, {rows()});
}

}  // namespace heed
