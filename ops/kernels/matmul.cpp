#include "matmul.h"
#include <algorithm>
#include "../../core/blas.h"
#include "../../core/rows.h"

namespace heed::kernels {
namespace {

// A matrix as BLAS takes it: rows or columns that lie together, `lead` elements apart.
struct Matrix {
  Array array;
  bool transposed;
  int64_t lead;
  explicit Matrix(const Array& x) : array(x) {
    auto fits = [&](int along,
                    int across) {  // is `along` contiguous, and `across` at least as far apart as that is long?
      const Shape& s = array.shape();
      return (array.stride(along) == 1 || s[along] == 1) && (array.stride(across) >= s[along] || s[across] == 1);
    };
    transposed = !fits(-1, -2) && fits(-2, -1);
    if (!transposed && !fits(-1, -2)) array = array.contiguous();
    const int along = transposed ? -2 : -1, across = transposed ? -1 : -2;
    lead = std::max<int64_t>({1, array.shape()[along], array.shape()[across] == 1 ? 0 : array.stride(across)});
  }
};

// A tile of c is some 10^6 to 10^7 multiply-adds: large enough to pack well, small enough to share out.
struct Tiles {
  int64_t n, m;
  Tiles(int64_t rows, int64_t columns, int64_t k) : n(rows), m(columns) {
    constexpr int64_t work = int64_t{4} << 20, shortest = 32;
    auto chunk = [&](int64_t size, int64_t other) {  // multiples of 16
      const int64_t wanted = work / std::max<int64_t>(1, other * k);
      return std::min(size, std::max(shortest, (wanted + 15) / 16 * 16));
    };
    if (n * m * k <= work) return;
    if (n >= m) {
      n = chunk(n, m);
      if (n == shortest) m = chunk(m, n);
    } else {
      m = chunk(m, n);
      if (m == shortest) n = chunk(n, m);
    }
    n = std::max(n, std::min<int64_t>(rows, 128));
    m = std::max(m, std::min<int64_t>(columns, 128));
  }
};

}  // namespace

std::vector<int64_t> page_offsets(const Array& x) {
  const Shape& s = x.shape();
  std::vector<int64_t> offsets{0};
  for (int d = 0; d < s.rank() - 2; ++d) {
    std::vector<int64_t> finer;
    finer.reserve(offsets.size() * std::size_t(s[d]));
    for (int64_t o : offsets)
      for (int64_t i = 0; i < s[d]; ++i) finer.push_back(o + i * x.stride(d));
    offsets = std::move(finer);
  }
  return offsets;
}

Array matmul(const Array& a, const Array& b) {
  const Matrix left(a), right(b);
  const int64_t n = a.shape()[-2], k = a.shape()[-1], m = b.shape()[-1];
  Array c(a.shape().with(-1, m), a.dtype());
  const std::vector<int64_t> at_a = page_offsets(left.array), at_b = page_offsets(right.array);
  visit_floating(a.dtype(), [&]<class T>(T) {
    const T *p = left.array.data<T>(), *q = right.array.data<T>();
    T* r = c.mutable_data<T>();
    const Tiles tile(n, m, k);
    const int64_t down = n ? (n + tile.n - 1) / tile.n : 0, along = m ? (m + tile.m - 1) / tile.m : 0;
    const int64_t tiles = down * along, small = std::max<int64_t>(1, (1 << 17) / std::max<int64_t>(1, n * m * k));
    parallel_for(int64_t(at_a.size()) * tiles, small, [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        const auto batch = std::size_t(t / tiles);
        const int64_t i = t % tiles / along * tile.n, j = t % along * tile.m;
        const int64_t rows = std::min(tile.n, n - i), columns = std::min(tile.m, m - j);
        blas::gemm(left.transposed, right.transposed, rows, columns, k, T(1),
                   p + at_a[batch] + (left.transposed ? i : i * left.lead), left.lead,
                   q + at_b[batch] + (right.transposed ? j * right.lead : j), right.lead, T(0),
                   r + (int64_t(batch) * n + i) * m + j, m);
      }
    });
  });
  return c;
}

}  // namespace heed::kernels
