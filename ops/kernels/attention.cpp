#include "attention.h"
#include <algorithm>
#include <cmath>
#include <limits>
#include "../../core/parallel.h"
#include "matmul.h"
#include "rows.h"

// The reference is AttentionOp::definition in ops/attention.cpp.
namespace heed::kernels {
namespace {

// What is added to the scores, or forbids them, seen in the scores' shape.
template <class T>
struct Over {
  Array array;
  std::vector<int64_t> begin;
  Over(const Array& x, const Shape& scores) : array(x.defined() ? x.expanded(scores) : x) {
    if (x.defined()) begin = page_offsets(array);
  }
  explicit operator bool() const { return array.defined(); }
  Strided<T> operator()(int64_t page) const {
    return {array.data<T>() + begin[std::size_t(page)], array.stride(-2), array.stride(-1)};
  }
};

struct Sizes {
  int64_t pages, T, S, D, E;
  Shape scores;  // [.., T, S]
  Sizes(const Array& q, const Array& k, const Array& v)
      : pages(kernels::pages(q.shape())),
        T(q.shape()[-2]),
        S(k.shape()[-2]),
        D(q.shape()[-1]),
        E(v.shape()[-1]),
        scores(q.shape().with(-1, S)) {}
  // Into how many tasks the blocks of a page are dealt out, in turn: causal blocks grow longer.
  int64_t parts(int64_t blocks) const {
    return std::clamp<int64_t>(16 / std::max<int64_t>(1, pages), 1, std::max<int64_t>(1, blocks));
  }
};

template <class T>
struct Problem {
  const AttentionSetting& how;
  const Sizes& n;
  Pages<T> q, k, v;
  Over<T> bias;
  Over<bool> mask;
  Problem(const AttentionSetting& how, const Sizes& n, const Array& q, const Array& k, const Array& v,
          const Array& bias, const Array& mask)
      : how(how), n(n), q(q), k(k), v(v), bias(bias, n.scores), mask(mask, n.scores) {}

  // How many of `keys` keys from s0 on query t may see as far as causality goes.
  int64_t visible(int64_t t, int64_t s0, int64_t keys) const {
    return how.causal ? std::clamp<int64_t>(t + how.offset + 1 - s0, 0, keys) : keys;
  }

  // A row of scores: the bias is added, and -inf stands where the mask forbids.
  void finish_scores(int64_t page, int64_t t, int64_t s0, int64_t seen, T* row) const {
    if (bias) {
      const Strided<T> b = bias(page).from(t, s0);
      for (int64_t j = 0; j < seen; ++j) row[j] += b.data[j * b.column];
    }
    if (mask) {
      const Strided<bool> m = mask(page).from(t, s0);
      for (int64_t j = 0; j < seen; ++j)
        if (!m.data[j * m.column]) row[j] = -std::numeric_limits<T>::infinity();
    }
  }
  void drop(int64_t page, int64_t t, int64_t s0, int64_t keys, T* row) const {
    if (how.dropout) rows::drop(row, (page * n.T + t) * n.S + s0, how.dropout, row, keys);
  }
};

// A right operand that a few rows use where it stands, and many in packed form.
template <class T>
class Right {
 public:
  Right(int64_t n, int64_t k, Strided<T> b, bool packs) : b_(b), k_(k), packed_(packs ? packed_size(n, k) : 0) {
    if (packs) pack(n, k, b, packed_.data()), data_ = packed_.data();
  }
  // c = alpha a b, columns [j, j + n); j is a multiple of 64 if b is packed
  void multiply(int64_t m, int64_t j, int64_t n, T alpha, Strided<T> a, T* c, int64_t c_row) const {
    if (data_) gemm_packed<T>(m, n, k_, alpha, a, data_ + j * k_, {}, c, c_row);
    else gemm<T>(m, n, k_, alpha, a, b_.from(0, j), {}, c, c_row);
  }

 private:
  Strided<T> b_;
  int64_t k_;
  Workspace<T> packed_;
  const T* data_ = nullptr;
};

}  // namespace

// Softmax over a row of which one block is seen at a time (Milakov and Gimelshein 2018): with the maximum m so far, the
// sum l and the products y are of e^(s - m), and are scaled when m grows.
std::pair<Array, Array> attention(const AttentionSetting& how, const Array& q, const Array& k, const Array& v,
                                  const Array& bias, const Array& mask) {
  const Sizes n(q, k, v);
  const int64_t block_rows = how.tile.rows, block_keys = how.tile.keys, row_step = how.tile.row_step();
  Array y = laid_out_like(q, n.E), lse({n.pages * n.T}, q.dtype());
  visit_floating(q.dtype(), [&]<class T>(T) {
    constexpr T none = -std::numeric_limits<T>::infinity();
    const Problem<T> p(how, n, q, k, v, bias, mask);
    const std::vector<int64_t> y_begin = page_offsets(y);
    const int64_t y_row = y.stride(-2), blocks = ceil_div(n.T, block_rows), parts = n.parts(blocks);
    T *out = y.mutable_data<T>(), *l = lse.mutable_data<T>();
    parallel_for(n.pages * parts, 1, [&](int64_t begin, int64_t end) {
      const Workspace<T> scores(block_rows * row_step), maxima(block_rows), sums(block_rows);
      T *s = scores.data(), *largest = maxima.data(), *sum = sums.data();
      for (int64_t task = begin; task < end; ++task) {
        const int64_t page = task / parts;
        const Right<T> keys(n.S, n.D, p.k(page).transposed(), n.T >= 16 && block_keys % 64 == 0);
        for (int64_t block = task % parts; block < blocks; block += parts) {
          const int64_t t0 = block * block_rows, rows = std::min(block_rows, n.T - t0);
          const int64_t seen = p.visible(t0 + rows - 1, 0, n.S);
          T* to = out + y_begin[std::size_t(page)] + t0 * y_row;
          std::fill_n(largest, rows, none);
          std::fill_n(sum, rows, T(0));
          for (int64_t s0 = 0; s0 < seen; s0 += block_keys) {
            const int64_t width = std::min(block_keys, seen - s0);
            keys.multiply(rows, s0, width, T(how.scale), p.q(page).from(t0, 0), s, row_step);
            for (int64_t i = 0; i < rows; ++i) {
              T *row = s + i * row_step, *y_i = to + i * y_row, &m = largest[i];
              const int64_t count = p.visible(t0 + i, s0, width);
              p.finish_scores(page, t0 + i, s0, count, row);
              const T higher = rows::max(row, count), before = m;
              if (!(higher <= before)) m = higher;  // also a NaN
              if (m == none) {                      // nothing to attend to so far
                std::fill_n(row, width, T(0));
                continue;
              }
              if (m != before) {
                const T by = std::exp(before - m);
                sum[i] *= by;
                if (s0) rows::mul(y_i, by, y_i, n.E);
              }
              sum[i] += rows::exp_sum(row, m, count);
              std::fill(row + count, row + width, T(0));
              p.drop(page, t0 + i, s0, count, row);
            }
            gemm<T>(rows, n.E, width, T(1), {s, row_step, 1}, p.v(page).from(s0, 0), {s0 ? to : nullptr, y_row}, to,
                    y_row);
          }
          for (int64_t i = 0; i < rows; ++i) {
            T* y_i = to + i * y_row;
            if (largest[i] == none) std::fill_n(y_i, n.E, T(0));
            else rows::mul(y_i, 1 / sum[i], y_i, n.E);
            l[page * n.T + t0 + i] = largest[i] == none ? none : largest[i] + std::log(sum[i]);
          }
        }
      }
    });
  });
  return {y, lse};
}

// With weights P and g = dL/dy:  dv = P^T g,  ds = P (g v^T - rowsum(g y)),  dq = ds k scale,  dk = ds^T q scale
// A block of keys meets all queries that see it, so that its dk and dv stay in cache; the parts of a page add up their
// dq apart.
AttentionGradients attention_grad(const AttentionSetting& how, const Array& g, const Array& q, const Array& k,
                                  const Array& v, const Array& bias, const Array& mask, const Array& y,
                                  const Array& lse, bool bias_wanted) {
  const Sizes n(q, k, v);
  const int64_t block_rows = how.tile.rows, block_keys = how.tile.keys, row_step = how.tile.row_step();
  AttentionGradients d{laid_out_like(q, n.D), laid_out_like(k, n.D), laid_out_like(v, n.E), Array()};
  visit_floating(q.dtype(), [&]<class T>(T) {
    const Problem<T> p(how, n, q, k, v, bias, mask);
    if (bias_wanted) d.scores = filled(n.scores, 0, q.dtype());
    const Pages<T> up(g.stride(-1) == 1 ? g : g.contiguous()), out(y);
    const int64_t blocks = ceil_div(n.S, block_keys), parts = n.parts(blocks), size = n.T * n.D;
    const std::vector<int64_t> q_begin = page_offsets(d.q), k_begin = page_offsets(d.k), v_begin = page_offsets(d.v);
    T *dq = d.q.mutable_data<T>(), *dk = d.k.mutable_data<T>(), *dv = d.v.mutable_data<T>();
    T* dscores = bias_wanted ? d.scores.mutable_data<T>() : nullptr;
    const int64_t q_row = d.q.stride(-2), k_row = d.k.stride(-2), v_row = d.v.stride(-2);
    const Workspace<T> others(n.pages * (parts - 1) * size);  // dq of the parts but the first
    parallel_for(n.pages * parts, 1, [&](int64_t begin, int64_t end) {
      const Workspace<T> weights(block_rows * row_step), gradients(block_rows * row_step), means(n.T);
      T *w = weights.data(), *e = gradients.data(), *mean = means.data();
      const T scale = T(how.scale);
      for (int64_t task = begin; task < end; ++task) {
        const int64_t page = task / parts, part = task % parts;
        T* mine = part ? others.data() + (page * (parts - 1) + part - 1) * size : dq + q_begin[std::size_t(page)];
        const int64_t my_row = part ? n.D : q_row;
        for (int64_t t = 0; t < n.T; ++t) {
          std::fill_n(mine + t * my_row, n.D, T(0));
          mean[t] = rows::dot(up(page).from(t, 0).data, out(page).from(t, 0).data, n.E);
        }
        for (int64_t block = part; block < blocks; block += parts) {
          const int64_t s0 = block * block_keys, width = std::min(block_keys, n.S - s0);
          T *dk_block = dk + k_begin[std::size_t(page)] + s0 * k_row,
            *dv_block = dv + v_begin[std::size_t(page)] + s0 * v_row;
          for (int64_t j = 0; j < width; ++j) {
            std::fill_n(dk_block + j * k_row, n.D, T(0));
            std::fill_n(dv_block + j * v_row, n.E, T(0));
          }
          const Strided<T> k_block = p.k(page).from(s0, 0);
          const Right<T> keys(width, n.D, k_block.transposed(), n.T >= 16);
          const Right<T> values(width, n.E, p.v(page).from(s0, 0).transposed(), n.T >= 16);
          for (int64_t t0 = 0; t0 < n.T; t0 += block_rows) {
            const int64_t rows = std::min(block_rows, n.T - t0), seen = p.visible(t0 + rows - 1, s0, width);
            if (seen == 0) continue;
            const Strided<T> queries = p.q(page).from(t0, 0), gs = up(page).from(t0, 0);
            keys.multiply(rows, 0, seen, scale, queries, w, row_step);
            values.multiply(rows, 0, seen, T(1), gs, e, row_step);
            for (int64_t i = 0; i < rows; ++i) {
              const int64_t t = t0 + i;
              const T total = lse.data<T>()[page * n.T + t];
              const int64_t count = total == -std::numeric_limits<T>::infinity() ? 0 : p.visible(t, s0, width);
              T *w_i = w + i * row_step, *e_i = e + i * row_step;
              p.finish_scores(page, t, s0, count, w_i);
              p.drop(page, t, s0, count, e_i);
              rows::weights_grad(w_i, e_i, total, mean[t], count);
              p.drop(page, t, s0, count, w_i);
              std::fill(w_i + count, w_i + seen, T(0));
              std::fill(e_i + count, e_i + seen, T(0));
              if (dscores) std::copy_n(e_i, seen, dscores + (page * n.T + t) * n.S + s0);
            }
            gemm<T>(seen, n.E, rows, T(1), {w, 1, row_step}, gs, {dv_block, v_row}, dv_block, v_row);
            gemm<T>(seen, n.D, rows, scale, {e, 1, row_step}, queries, {dk_block, k_row}, dk_block, k_row);
            T* dq_block = mine + t0 * my_row;
            gemm<T>(rows, n.D, seen, scale, {e, row_step, 1}, k_block, {dq_block, my_row}, dq_block, my_row);
          }
        }
      }
    });
    if (parts > 1)
      parallel_for(n.pages * n.T, block_rows, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) {
          const int64_t page = r / n.T, t = r % n.T;
          for (int64_t part = 1; part < parts; ++part)
            rows::accumulate(dq + q_begin[std::size_t(page)] + t * q_row,
                             others.data() + (page * (parts - 1) + part - 1) * size + t * n.D, n.D);
        }
      });
  });
  return d;
}

}  // namespace heed::kernels
