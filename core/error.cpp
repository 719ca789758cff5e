#include "error.h"

namespace heed {

std::string Where::str() const { return file ? std::string(file) + ":" + std::to_string(line) : "heed"; }

std::string message(Where at, std::string_view op, const std::string& what) {
  return at.str() + ": " + std::string(op) + ": " + what;
}

}  // namespace heed
