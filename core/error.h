#pragma once
// One family of errors, one form: file:line: op: what cannot be done: why, with the numbers. The line is the user's.
#include <stdexcept>
#include <string>
#include <string_view>

namespace heed {

struct Where {  // a place in the user's source; file is null where none is known
  const char* file = nullptr;
  int line = 0;
  // The line that calls, also as the default of a function's argument.
  static constexpr Where here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) { return {file, line}; }
  explicit operator bool() const { return file; }
  std::string str() const;  // "train.cpp:7"
};

struct Error : std::runtime_error {
  using runtime_error::runtime_error;
};
struct ShapeError : Error {  // sizes or dimensions that do not fit
  using Error::Error;
};
struct DtypeError : Error {  // types that do not mix or that an op does not take
  using Error::Error;
};
struct IndexError : Error {  // an index or a dimension out of range
  using Error::Error;
};
struct GradError : Error {  // no history, a consumed graph, an overwritten value
  using Error::Error;
};
struct FileError : Error {  // a file that is missing, broken, or of another model
  using Error::Error;
};

std::string message(Where at, std::string_view op, const std::string& what);  // of the form above

// Throws an E of such a message: fail<ShapeError>(at, "my_op", "cannot ..").
template <class E>
[[noreturn]] void fail(Where at, std::string_view op, const std::string& what) {
  throw E(message(at, op, what));
}

}  // namespace heed
