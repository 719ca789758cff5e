#pragma once
// Sizes of an array, outermost first; up to 8 dimensions, kept in place.
#include <array>
#include <initializer_list>
#include <span>
#include "error.h"

namespace heed {

constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }  // a / b rounded up, for a >= 0, b > 0

inline constexpr int max_rank = 8;  // dimensions

class Shape {
 public:
  Shape() = default;
  // ShapeError: more than 8 sizes.
  Shape(std::initializer_list<int64_t> sizes, Where at = Where::here())
      : Shape(std::span(sizes.begin(), sizes.size()), at) {}
  explicit Shape(std::span<const int64_t> sizes, Where at = Where::here()) {
    for (int64_t s : sizes) {
      if (rank_ == max_rank) fail_rank(at, sizes.size());
      sizes_[static_cast<std::size_t>(rank_++)] = s;
    }
  }

  int rank() const { return rank_; }  // how many dimensions; [-1] is the size of the last
  int64_t& operator[](int dim) { return sizes_[static_cast<std::size_t>(dim < 0 ? dim + rank_ : dim)]; }
  int64_t operator[](int dim) const { return sizes_[static_cast<std::size_t>(dim < 0 ? dim + rank_ : dim)]; }
  const int64_t* begin() const { return sizes_.data(); }
  const int64_t* end() const { return sizes_.data() + rank_; }

  int64_t numel() const {  // the product of the sizes
    int64_t n = 1;
    for (int64_t s : *this) n *= s;
    return n;
  }
  std::size_t bytes(std::size_t width) const {  // of elements so wide; ShapeError: more than can be addressed
    int64_t n = static_cast<int64_t>(width);
    bool fits = true;
    for (int64_t s : *this) fits = !__builtin_mul_overflow(n, s, &n) && fits;
    if (!fits && numel_is_not_0()) fail_size(*this);
    return fits ? static_cast<std::size_t>(n) : 0;
  }
  void push_back(int64_t size) {  // ShapeError: it has 8
    if (rank_ == max_rank) fail_rank({}, max_rank + 1);
    sizes_[static_cast<std::size_t>(rank_++)] = size;
  }
  Shape without(int dim) const {  // dim counts from the front
    Shape r;
    for (int i = 0; i < rank_; ++i)
      if (i != dim) r.push_back((*this)[i]);
    return r;
  }
  Shape with(int dim, int64_t size) const {  // dim may count from the back
    Shape r = *this;
    r[dim] = size;
    return r;
  }
  bool operator==(const Shape& o) const {
    if (rank_ != o.rank_) return false;
    for (int i = 0; i < rank_; ++i)
      if ((*this)[i] != o[i]) return false;
    return true;
  }
  std::string str() const;  // "[2, 3]"

 private:
  // Elsewhere and of a copy: the compiler sees through what calls them, and computes with sizes that it knows.
  [[noreturn, gnu::cold]] static void fail_rank(Where at, std::size_t rank);
  [[noreturn, gnu::cold]] static void fail_size(Shape sizes);
  bool numel_is_not_0() const {
    for (int64_t s : *this)
      if (s == 0) return false;
    return true;
  }

  std::array<int64_t, max_rank> sizes_{};
  int rank_ = 0;
};

struct Around {  // a shape seen from one of its dimensions: [outer, n, inner]
  int64_t outer = 1, n, inner = 1;
  Around(const Shape& s, int dim) : n(s[dim]) {
    for (int i = 0; i < dim; ++i) outer *= s[i];
    for (int i = dim + 1; i < s.rank(); ++i) inner *= s[i];
  }
};

using Strides = std::array<int64_t, max_rank>;  // in elements; those past the rank mean nothing

inline Strides contiguous_strides(const Shape& s) {  // row by row, without gaps
  Strides r{};
  int64_t step = 1;
  for (int i = s.rank() - 1; i >= 0; --i) {
    r[static_cast<std::size_t>(i)] = step;
    step *= s[i];
  }
  return r;
}

// ShapeError unless all sizes are at least 0 and the elements can be counted and addressed.
inline void check_sizes(Where at, std::string_view op, const Shape& s) {
  constexpr int64_t most = int64_t{1} << 60;  // elements of 8 bytes
  int64_t n = 1;
  bool negative = false, countable = true;
  for (int64_t size : s) {
    negative = negative || size < 0;
    countable = countable && (size <= 0 || n <= most / size);
    if (size > 0 && countable) n *= size;
  }
  if (negative) fail<ShapeError>(at, op, "a size of " + s.str() + " is negative");
  if (!countable) fail<ShapeError>(at, op, s.str() + " has more elements than memory can hold");
}

// A dimension counted from the front; negative ones count from the back. IndexError if there is none such.
inline int checked_dim(Where at, std::string_view op, int dim, int rank) {
  if (dim < -rank || dim >= rank)
    fail<IndexError>(at, op,
                     "there is no dimension " + std::to_string(dim) + ": the tensor has " + std::to_string(rank) +
                         (rank == 1 ? " dimension" : " dimensions"));
  return dim < 0 ? dim + rank : dim;
}

// The shape both broadcast to, aligned at the last dimension (NumPy's rule). ShapeError naming both.
inline Shape broadcast(Where at, std::string_view op, const Shape& a, const Shape& b) {
  if (a == b) return a;
  const Shape &more = a.rank() >= b.rank() ? a : b, &less = a.rank() >= b.rank() ? b : a;
  Shape r = more;
  for (int i = 1; i <= less.rank(); ++i) {
    if (more[-i] == less[-i] || less[-i] == 1) continue;
    if (more[-i] != 1)
      fail<ShapeError>(at, op,
                       "cannot broadcast " + a.str() + " with " + b.str() + ": dimension -" + std::to_string(i) +
                           " is " + std::to_string(a[-i]) + " in the first and " + std::to_string(b[-i]) +
                           " in the second");
    r[-i] = less[-i];
  }
  check_sizes(at, op, r);
  return r;
}

// Does a tensor of shape from broadcast to shape to, as it stands?
inline bool broadcasts(const Shape& from, const Shape& to) {
  bool fits = from.rank() <= to.rank();
  for (int i = 1; fits && i <= from.rank(); ++i) fits = from[-i] == to[-i] || from[-i] == 1;
  return fits;
}

}  // namespace heed
