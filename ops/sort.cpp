#include <algorithm>
#include <numeric>
#include "../core/op.h"
#include "checks.h"
#include "kernels/map.h"
#include "kernels/order.h"
#include "ops.h"

namespace heed {
namespace {

// The first k of each row in order, and where they were; of equals the first. Indices carry no history.
template <bool whole>
struct Order {
  static constexpr auto name = whole ? "sort" : "topk";
  int64_t k;
  bool descending;
  Shape from;
  std::array<Array, 2> forward(const Array& x) const {
    const Array in = x.contiguous();
    Array values(from.with(-1, k), x.dtype()), indices(values.shape(), i64);
    const int64_t n = from[-1];
    visit_dtype(x.dtype(), [&]<class T>(T) {
      if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double> || std::is_same_v<T, int64_t>) {
        const T* p = in.data<T>();
        T* v = values.mutable_data<T>();
        int64_t* at = indices.mutable_data<int64_t>();
        parallel_for(k ? values.numel() / k : 0, kernels::rows_per_task(n), [&](int64_t begin, int64_t end) {
          std::vector<int64_t> order(static_cast<std::size_t>(n));
          for (int64_t row = begin; row < end; ++row) {
            std::iota(order.begin(), order.end(), int64_t{0});
            first_of(order, p + row * n);
            for (int64_t i = 0; i < k; ++i) {
              at[row * k + i] = order[std::size_t(i)];
              v[row * k + i] = p[row * n + order[std::size_t(i)]];
            }
          }
        });
      }
    });
    return {values, indices};
  }
  Tensor d0(Grad g, OutputOf<1> indices) const { return scatter_add(zeros(from, g.dtype()), -1, indices, g); }

 private:
  template <class T>
  void first_of(std::vector<int64_t>& order, const T* x) const {
    const auto before = [x, this](int64_t a, int64_t b) {
      const T &p = x[descending ? a : b], &q = x[descending ? b : a];
      return kernels::above(p, q) || (!kernels::above(q, p) && a < b);
    };
    if constexpr (whole) std::sort(order.begin(), order.end(), before);
    else std::partial_sort(order.begin(), order.begin() + k, order.end(), before);
  }
};

void check_ordered(const char* op, Where at, const In& x) {
  check_defined(op, at, x);
  if (x->dtype() != i64) check_computed(op, at, x->dtype());
}

// Of dimension d, which is moved to the end and back.
template <bool whole>
std::array<Tensor, 2> ordered(const In& x, int d, int64_t k, bool descending) {
  Scope here{x};
  const Tensor last = transpose(x, d, -1);
  const auto [values, indices] = apply(x.at, Order<whole>{k, descending, last.shape()}, last);
  return {transpose(values, d, -1), transpose(indices, d, -1)};
}

}  // namespace

TopK topk(In x, int64_t k, int dim) {
  const Where at = line_of(x);
  check_ordered("topk", at, x);
  const int d = checked_dim(at, "topk", dim, x->dim());
  if (k < 0 || k > x->size(d))
    fail<IndexError>(at, "topk",
                     "cannot take " + std::to_string(k) + " of the " + std::to_string(x->size(d)) +
                         " elements of dimension " + std::to_string(dim) + " of " + x->shape().str());
  const auto [values, indices] = ordered<false>(x, d, k, true);
  return {values, indices};
}

Sorted sort(In x, int dim, bool descending) {
  const Where at = line_of(x);
  check_ordered("sort", at, x);
  const int d = checked_dim(at, "sort", dim, x->dim());
  const auto [values, indices] = ordered<true>(x, d, x->size(d), descending);
  return {values, indices};
}

}  // namespace heed
