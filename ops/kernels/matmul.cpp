#include "matmul.h"
#include <algorithm>
#include <numeric>
#include "../../core/rows.h"
#include "../../core/storage.h"

namespace heed::kernels {
namespace {

// Tiles of c that one task computes. All rows that a slab of b serves belong together, so slabs are narrow and tiles
// high; but wide where there are so many rows that a does not stay in cache.
struct Tiles {
  int64_t n, m;
  Tiles(int64_t pages, int64_t rows, int64_t columns, int64_t k) : n(rows), m(columns) {
    constexpr int64_t least = int64_t{1} << 20, highest = 2048, lowest = 128, enough = 32;
    const int64_t work = rows * columns * k;  // multiply-adds
    if (work <= (rows == 1 ? least / 4 : 2 * least) || (work <= 16 * least && pages >= enough)) return;
    if (rows == 1) {  // b is read once
      m = std::max<int64_t>(64, ceil_div(least / 32 / k, 16) * 16);
      return;
    }
    if (rows >= highest && rows > 2 * columns) {
      n = rows > 8 * highest ? 512 : 256;
      m = std::min(columns, std::max<int64_t>(96, (192 << 10) / std::min<int64_t>(k, 768) / 32 * 32));
    } else {
      n = std::min(rows, highest);
      m = std::min(columns, even_width(columns));
      auto tasks = [&] { return ceil_div(rows, n) * ceil_div(columns, m); };
      while (tasks() < enough && n >= 2 * lowest && n * m * k > 2 * least) n = (n + 1) / 2;
    }
    n = std::min(rows, ceil_div(n, tile_height()) * tile_height());  // tasks begin where packed rows do
  }
  // The width of a slab by which columns fall into an even number of slabs with the least left over.
  static int64_t even_width(int64_t columns) {
    auto covered = [columns](int64_t width) { return ceil_div(columns, 2 * width) * 2 * width; };
    int64_t best = 96;
    for (int64_t width : {128, 64})
      if (covered(width) < covered(best)) best = width;
    return best;
  }
};

// b [k, columns] packed for tasks that read it in slabs of `width` columns, which begin `apart` values apart.
template <class T>
void pack_slabs(int64_t columns, int64_t width, int64_t k, Strided<T> b, int64_t apart, T* packed) {
  constexpr int64_t part = 64;
  const int64_t parts = ceil_div(width, part);
  parallel_for(ceil_div(columns, width) * parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const int64_t slab = t / parts, within = t % parts * part, j = slab * width + within;
      const int64_t count = std::min({part, columns - j, width - within});
      if (count > 0) pack(count, k, b.from(0, j), packed + slab * apart + within * k);
    }
  });
}

// What several tasks read is packed once for all of them, as much at a time as stays in the third-level cache: all of k
// or one slice, which is how every product sums it.
template <class T>
void multiply_shared(const Tiles& tile, int64_t rows, int64_t columns, int64_t k, Strided<T> a, Strided<T> b,
                     Start<T> start, T* c) {
  constexpr int64_t room = (4 << 20) / sizeof(T);
  const int64_t slice = slice_depth<T>(k),
                slabs = std::clamp<int64_t>(room / (slice * tile.m), 1, ceil_div(columns, tile.m));
  const int64_t wide = slabs * tile.m, deep = k * wide <= room ? k : slice;
  const int64_t down = ceil_div(rows, tile.n), slab = packed_size(tile.m, deep), height = tile_height();
  const bool packs = slabs > 1 && packs_left(k, a);
  const int64_t tall = packs ? std::clamp<int64_t>(room / (deep * tile.n), 1, down) * tile.n : rows;
  const Workspace<T> right(slabs * slab), left(packs ? ceil_div(tall, height) * height * deep : 0);
  for (int64_t j0 = 0; j0 < columns; j0 += wide)
    for (int64_t p = 0; p < k; p += deep) {
      const int64_t width = std::min(wide, columns - j0), depth = std::min(deep, k - p),
                    along = ceil_div(width, tile.m);
      const Start<T> from = p ? Start<T>{c, columns} : start;
      pack_slabs(width, tile.m, depth, b.from(p, j0), slab, right.data());
      for (int64_t i0 = 0; i0 < rows; i0 += tall) {
        const int64_t some = std::min(tall, rows - i0);
        if (packs)
          parallel_for(some, 8 * height, [&](int64_t begin, int64_t end) {
            pack_rows(end - begin, depth, a.from(i0 + begin, p), left.data() + begin * depth);
          });
        parallel_for(ceil_div(some, tile.n) * along, 1, [&](int64_t begin, int64_t end) {
          for (int64_t t = begin; t < end; ++t) {
            const int64_t i = i0 + t / along * tile.n, s = t % along, j = j0 + s * tile.m;
            const int64_t high = std::min(tile.n, rows - i), broad = std::min(tile.m, columns - j);
            const T* packed = right.data() + s * slab;
            T* to = c + i * columns + j;
            if (packs)
              gemm_packed(high, broad, depth, T(1), left.data() + (i - i0) * depth, packed, from.from(i, j), to,
                          columns);
            else gemm_packed(high, broad, depth, T(1), a.from(i, p), packed, from.from(i, j), to, columns);
          }
        });
      }
    }
}

// Few rows beside a wide weight, transposed as linear has it: c^T = b^T a^T then, so that it is a that is packed, and
// the weight read where it stands.
template <class B>
bool is_low(int64_t rows, int64_t columns, int64_t k, Strided<B> b) {
  constexpr int64_t least = int64_t{1} << 21, highest = 256;
  return rows > 1 && rows <= highest && 2 * rows <= columns && k >= 256 && rows * columns * k > least && b.row == 1 &&
         b.column != 1 && b.transposed().stands_well(2048);
}
template <class T>
void multiply_low(int64_t rows, int64_t columns, int64_t k, Strided<T> a, Strided<T> b, Start<T> bias, T* c) {
  constexpr int64_t tile = 28, many = 32;  // rows of b^T for a task, and how many tiles are shared out in pairs
  const Workspace<T> packed(packed_size(rows, k));
  pack_slabs(rows, rows, k, a.transposed(), 0, packed.data());
  parallel_for(ceil_div(columns, tile), columns / tile > many ? 2 : 1, [&](int64_t begin, int64_t end) {
    const int64_t j = begin * tile, count = std::min(columns, end * tile) - j;
    gemm_transposed(count, rows, k, b.from(0, j).transposed(), packed.data(), bias.from(0, j).data, c + j, columns);
  });
}

int64_t page_offset(const Array& x, int64_t page) {
  int64_t offset = 0;
  for (int d = x.shape().rank() - 3; d >= 0; --d) {
    offset += page % x.shape()[d] * x.stride(d);
    page /= x.shape()[d];
  }
  return offset;
}

}  // namespace

Shape batch_of(const Shape& s) { return Shape(std::span(s.begin(), std::size_t(s.rank() - 2))); }
Shape with_matrix(const Shape& batch, const Shape& last_two) {
  Shape s = batch;
  for (int i : {-2, -1}) s.push_back(last_two[i]);
  return s;
}
int64_t pages(const Shape& s) { return batch_of(s).numel(); }
std::vector<int64_t> page_offsets(const Array& x) {
  std::vector<int64_t> offsets(std::size_t(pages(x.shape())));
  for (std::size_t i = 0; i < offsets.size(); ++i) offsets[i] = page_offset(x, int64_t(i));
  return offsets;
}
Array laid_out_like(const Array& x, int64_t last) {
  const int rank = x.shape().rank();
  std::vector<int> order(static_cast<std::size_t>(rank)), back(order.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end() - 1, [&](int a, int b) { return x.stride(a) > x.stride(b); });
  Shape shape = x.shape();
  for (std::size_t i = 0; i < order.size(); ++i) {
    shape[int(i)] = x.shape()[order[i]];
    back[std::size_t(order[i])] = int(i);
  }
  return Array(shape.with(-1, last), x.dtype()).permuted(back);
}

Array matmul(const Array& a, const Array& b, const Array& bias) {
  const int64_t n = a.shape()[-2], k = a.shape()[-1], m = b.shape()[-1], batch = pages(a.shape());
  Array c(a.shape().with(-1, m), a.dtype());
  const Array row = bias.contiguous();
  const auto multiply = [&]<class T, class B>(T, B) {
    const Strided<T> p{a.data<T>(), a.stride(-2), a.stride(-1)};
    const Strided<B> q{b.data<B>(), b.stride(-2), b.stride(-1)};
    T* r = c.mutable_data<T>();
    const Start<T> start{row.defined() ? row.data<T>() : nullptr};
    constexpr bool same = std::is_same_v<T, B>;
    if constexpr (same)
      if (batch == 1 && is_low(n, m, k, q)) return multiply_low(n, m, k, p, q, start, r);
    const Tiles tile(batch, n, m, k);
    if (batch == 1 && tile.n == n && tile.m == m) return gemm(n, m, k, T(1), p, q, start, r, m);
    const int64_t down = n ? ceil_div(n, tile.n) : 0, along = m ? ceil_div(m, tile.m) : 0;
    const int64_t tiles = down * along, small = std::max<int64_t>(1, (1 << 17) / std::max<int64_t>(1, n * m * k));
    if constexpr (same)
      if (batch == 1 && (down > 1 || (along > 1 && n > 1 && packs_left(k, p))))
        return multiply_shared(tile, n, m, k, p, q, start, r);
    parallel_for(batch * tiles, small, [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        const int64_t page = t / tiles;
        const int64_t i = t % tiles / along * tile.n, j = t % along * tile.m;
        const int64_t rows = std::min(tile.n, n - i), columns = std::min(tile.m, m - j);
        const Strided<T> x{p.data + page_offset(a, page), p.row, p.column};
        const Strided<B> y{q.data + page_offset(b, page), q.row, q.column};
        T* z = r + (page * n + i) * m + j;
        gemm(rows, columns, k, T(1), x.from(i, 0), y.from(0, j), start.from(i, j), z, m);
      }
    });
  };
  if (b.dtype() == bf16) multiply(float{}, BFloat16{});
  else visit_floating(a.dtype(), [&](auto t) { multiply(t, t); });
  return c;
}

}  // namespace heed::kernels
