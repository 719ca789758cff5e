// The loops of core.
#include "../../core/plus.h"
#include <numeric>
#include "../../core/loops.h"
#include "../../core/rows.h"
#include "rows.h"

namespace heed::kernels {
namespace {

template <class T>
constexpr bool has_loops = std::is_floating_point_v<T>;

template <class T>
void add_row(T* y, const T* a, int64_t sa, const T* b, int64_t sb, int64_t n) {
  if (!has_loops<T> || (!sa && !sb)) {
    for (int64_t i = 0; i < n; ++i) y[i] = T(a[i * sa] + b[i * sb]);
  } else if constexpr (has_loops<T>) {
    if (sa && sb) rows::add(a, b, y, n);
    else if (sa) rows::add(a, *b, y, n);
    else rows::add(*a, b, y, n);
  }
}
template <class T>
void add_row_to(T* y, int64_t sy, const T* x, int64_t sx, int64_t n) {
  if (!has_loops<T> || sy != 1 || sx != 1)
    for (int64_t i = 0; i < n; ++i) y[i * sy] = added(y[i * sy], x[i * sx]);
  else if constexpr (has_loops<T>) rows::accumulate(y, x, n);
}

}  // namespace

Array add(const Array& a, const Array& b) {
  return visit_dtype(a.dtype(), [&]<class T>(T) -> Array {
    if constexpr (std::is_same_v<T, BFloat16>) return {};  // refused by the public function
    else return map_rows<T, T>(a, b, add_row<T>);
  });
}

Array scale(const Array& x, double by) {
  return visit_dtype(x.dtype(), [&]<class T>(T) -> Array {
    if constexpr (std::is_same_v<T, BFloat16> || std::is_same_v<T, bool>) {
      return {};  // refused by the public function
    } else {
      return map_rows<T, T>(x, x, [factor = T(by)](T* y, const T* p, int64_t step, const T*, int64_t, int64_t n) {
        if (!has_loops<T> || step != 1)
          for (int64_t i = 0; i < n; ++i) y[i] = p[i * step] * factor;
        else if constexpr (has_loops<T>) rows::mul(p, factor, y, n);
      });
    }
  });
}

void scale_in_place(Array& x, double by) {
  visit_floating(x.dtype(), [&]<class T>(T) {
    T* p = x.mutable_data<T>();
    parallel_for(x.numel(), piece,
                 [&](int64_t begin, int64_t end) { rows::mul(p + begin, T(by), p + begin, end - begin); });
  });
}

void add_to(Array& sum, const Array& x) {
  visit_dtype(sum.dtype(), [&]<class T>(T) {
    T* y = sum.mutable_data<T>();
    const T* p = x.data<T>();
    if (sum.is_contiguous() && x.is_contiguous() && sum.shape() == x.shape())
      return parallel_for(sum.numel(), piece,
                          [&](int64_t begin, int64_t end) { add_row_to(y + begin, 1, p + begin, 1, end - begin); });
    const Rows<2> rows(sum.shape(), {&sum, &x});
    for_each_piece(rows, [&](const std::array<int64_t, 2>& at, int64_t n) {
      add_row_to(y + at[0], rows.step(0), p + at[1], rows.step(1), n);
    });
  });
}

// Runs of reduced dimensions, from the last one on.
Array sum_to(const Array& x, const Shape& to) {
  const int missing = x.shape().rank() - to.rank();
  Shape shape = x.shape();
  const auto reduced = [&](int d) { return d < missing || to[d - missing] != shape[d]; };
  return visit_dtype(x.dtype(), [&]<class T>(T) -> Array {
    if constexpr (std::is_same_v<T, BFloat16> || std::is_same_v<T, bool>) {
      return {};  // refused by the public function
    } else {
      const auto row = [](const T* p, int64_t n) {
        if constexpr (!has_loops<T>) return std::accumulate(p, p + n, T(0));
        else return rows::sum(p, n);
      };
      const auto join = [](T* sum, const T* p, int64_t n) { add_row_to(sum, 1, p, 1, n); };
      if (x.numel() == 0) return filled(to, 0, x.dtype());
      Array y = x.contiguous();
      int64_t outer = x.numel(), inner = 1;
      for (int d = shape.rank() - 1; d >= 0; --d) {
        int64_t n = 1;
        for (; d >= 0 && reduced(d); --d) n *= shape[d];
        outer /= n;
        if (n > 1) y = reduce_middle<T>(y, outer, n, inner, row, join);
        if (d >= 0) outer /= shape[d], inner *= shape[d];
      }
      return y.reshaped(to);
    }
  });
}

}  // namespace heed::kernels
