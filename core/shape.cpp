#include "shape.h"

namespace heed {

std::string Shape::str() const {
  std::string s = "[";
  for (int i = 0; i < rank_; ++i) s += (i ? ", " : "") + std::to_string((*this)[i]);
  return s + "]";
}
void Shape::fail_rank(Where at, std::size_t rank) {
  fail<ShapeError>(at, "shape", "more than 8 dimensions: " + std::to_string(rank));
}
void Shape::fail_size(Shape sizes) { throw ShapeError(sizes.str() + " has more elements than memory can hold"); }

}  // namespace heed
