#pragma once
// Products of matrices, batched, over strided operands.
#include <vector>
#include "../../core/array.h"
#include "gemm.h"

namespace heed::kernels {

// c [.., n, m] = a [.., n, k] b [.., k, m] + bias [m], where there is one; batch dimensions are equal, strides are any.
// b may be bf16 where a is f32; it is widened as it is read.
// The result is the same bits for any number of threads: tiles depend on the sizes alone, and k is never split over
// tasks.
Array matmul(const Array& a, const Array& b, const Array& bias = {});

// ---- batches of matrices [.., n, m]
Shape batch_of(const Shape& s);                                // what is before the last two dimensions
Shape with_matrix(const Shape& batch, const Shape& last_two);  // the batch, then the last two dimensions of the other

int64_t pages(const Shape& s);  // how many matrices there are
// Where each of them begins, in elements from x's first.
std::vector<int64_t> page_offsets(const Array& x);

template <class T>
struct Pages {
  Array array;
  std::vector<int64_t> begin;
  explicit Pages(const Array& x) : array(x), begin(page_offsets(x)) {}
  Strided<T> operator()(int64_t page) const {
    return {array.data<T>() + begin[std::size_t(page)], array.stride(-2), array.stride(-1)};
  }
};

// An array like x, but with rows of `last`, that lies in memory in the order x lies in: what was split into heads is
// joined again without a copy.
Array laid_out_like(const Array& x, int64_t last);

}  // namespace heed::kernels
