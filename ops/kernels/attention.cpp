#include "attention.h"
#include <algorithm>
#include <limits>
#include "../../core/blas.h"
#include "../../core/parallel.h"
#include "matmul.h"
#include "rows.h"

namespace heed::kernels {
namespace {

constexpr int64_t block_rows = 64;  // queries of one task

// Matrices whose rows lie together.
struct Pages {
  Array array;
  std::vector<int64_t> begin;
  int64_t lead = 1;
  Pages() = default;
  explicit Pages(const Array& x) : array(x.stride(-1) == 1 && x.stride(-2) >= x.shape()[-1] ? x : x.contiguous()) {
    begin = page_offsets(array);
    lead = std::max<int64_t>({1, array.stride(-2), array.shape()[-1]});  // of a single row the stride is anything
  }
  template <class T>
  const T* page(int64_t i) const {
    return array.data<T>() + begin[std::size_t(i)];
  }
};

// What is added to the scores, or forbids them, seen in the scores' shape.
struct Over {
  Array array;
  std::vector<int64_t> begin;
  Over(const Array& x, const Shape& scores) : array(x.defined() ? x.expanded(scores) : x) {
    if (x.defined()) begin = page_offsets(array);
  }
  template <class T>
  const T* row(int64_t page, int64_t t) const {
    return array.data<T>() + begin[std::size_t(page)] + t * array.stride(-2);
  }
  int64_t step() const { return array.stride(-1); }
};

struct Sizes {
  int64_t pages, T, S, D, E;
  Shape scores;  // [.., T, S]
  Sizes(const Array& q, const Array& k, const Array& v)
      : T(q.shape()[-2]), S(k.shape()[-2]), D(q.shape()[-1]), E(v.shape()[-1]), scores(q.shape().with(-1, S)) {
    pages = 1;
    for (int d = 0; d < scores.rank() - 2; ++d) pages *= scores[d];
  }
};

template <class T>
struct Problem {
  const AttentionSetting& how;
  Sizes n;
  Pages q, k, v;
  Over bias, mask;
  Problem(const AttentionSetting& how, const Array& q, const Array& k, const Array& v, const Array& bias,
          const Array& mask)
      : how(how), n(q, k, v), q(q), k(k), v(v), bias(bias, n.scores), mask(mask, n.scores) {}

  int64_t visible(int64_t t) const {  // keys that query t may see as far as causality goes
    return how.causal ? std::clamp<int64_t>(t + how.offset + 1, 0, n.S) : n.S;
  }

  // s [rows, keys] = q k^T scale + bias, -inf where masked; keys is what the last row may see.
  void scores(int64_t page, int64_t t0, int64_t rows, int64_t keys, T* s) const {
    blas::gemm(false, true, rows, keys, n.D, T(how.scale), q.template page<T>(page) + t0 * q.lead, q.lead,
               k.template page<T>(page), k.lead, T(0), s, keys);
    for (int64_t i = 0; i < rows; ++i) {
      T* row = s + i * keys;
      const int64_t seen = visible(t0 + i);
      if (bias.array.defined()) {
        const T* b = bias.template row<T>(page, t0 + i);
        for (int64_t j = 0; j < seen; ++j) row[j] += b[j * bias.step()];
      }
      if (mask.array.defined()) {
        const bool* m = mask.template row<bool>(page, t0 + i);
        for (int64_t j = 0; j < seen; ++j)
          if (!m[j * mask.step()]) row[j] = -std::numeric_limits<T>::infinity();
      }
    }
  }

  // Scores of a row to weights, given their log-sum-exp; nothing to attend to: zeros.
  void weights(int64_t t, int64_t keys, T lse, T* row) const {
    const int64_t seen = lse == -std::numeric_limits<T>::infinity() ? 0 : visible(t);
    rows::sub(row, lse, row, seen);
    rows::exp(row, row, seen);
    std::fill(row + seen, row + keys, T(0));
  }
  void drop(int64_t page, int64_t t, int64_t keys, T* row) const {
    if (!how.dropout) return;
    const int64_t first = (page * n.T + t) * n.S;
    for (int64_t j = 0; j < keys; ++j) row[j] *= T(how.dropout.scale(first + j));
  }
};

}  // namespace

std::pair<Array, Array> attention(const AttentionSetting& how, const Array& q, const Array& k, const Array& v,
                                  const Array& bias, const Array& mask) {
  Array y(q.shape().with(-1, v.shape()[-1]), q.dtype()), lse(q.shape().without(q.shape().rank() - 1), q.dtype());
  visit_floating(q.dtype(), [&]<class T>(T) {
    const Problem<T> p(how, q, k, v, bias, mask);
    const Sizes& n = p.n;
    T *out = y.mutable_data<T>(), *l = lse.mutable_data<T>();
    const int64_t blocks = (n.T + block_rows - 1) / block_rows;
    parallel_for(n.pages * blocks, 1, [&](int64_t begin, int64_t end) {
      std::vector<T> scores;
      for (int64_t task = begin; task < end; ++task) {
        const int64_t page = task / blocks, t0 = task % blocks * block_rows, rows = std::min(block_rows, n.T - t0);
        const int64_t keys = p.visible(t0 + rows - 1);
        scores.resize(static_cast<std::size_t>(rows * keys));
        p.scores(page, t0, rows, keys, scores.data());
        for (int64_t i = 0; i < rows; ++i) {
          T* row = scores.data() + i * keys;
          T& row_lse = l[page * n.T + t0 + i];
          row_lse = rows::logsumexp(row, p.visible(t0 + i));
          p.weights(t0 + i, keys, row_lse, row);
          p.drop(page, t0 + i, keys, row);
        }
        blas::gemm(false, false, rows, n.E, keys, T(1), scores.data(), std::max<int64_t>(keys, 1),
                   p.v.template page<T>(page), p.v.lead, T(0), out + (page * n.T + t0) * n.E, n.E);
      }
    });
  });
  return {y, lse};
}

// With weights P and g = dL/dy:  dv = P^T g,  ds = P (g v^T - rowsum(g y)),  dq = ds k scale,  dk = ds^T q scale
AttentionGradients attention_grad(const AttentionSetting& how, const Array& g, const Array& q, const Array& k,
                                  const Array& v, const Array& bias, const Array& mask, const Array& y,
                                  const Array& lse, bool bias_wanted) {
  AttentionGradients d{filled(q.shape(), 0, q.dtype()), filled(k.shape(), 0, q.dtype()),
                       filled(v.shape(), 0, q.dtype()), Array()};
  visit_floating(q.dtype(), [&]<class T>(T) {
    const Problem<T> p(how, q, k, v, bias, mask);
    const Sizes& n = p.n;
    if (bias_wanted) d.scores = filled(n.scores, 0, q.dtype());
    const Pages up(g);
    const Array out = y.contiguous();
    T *dq = d.q.mutable_data<T>(), *dk = d.k.mutable_data<T>(), *dv = d.v.mutable_data<T>();
    T* dscores = bias_wanted ? d.scores.mutable_data<T>() : nullptr;
    parallel_for(n.pages, 1, [&](int64_t begin, int64_t end) {
      std::vector<T> weights, ds, dropped;
      for (int64_t page = begin; page < end; ++page)
        for (int64_t t0 = 0; t0 < n.T; t0 += block_rows) {
          const int64_t rows = std::min(block_rows, n.T - t0), keys = p.visible(t0 + rows - 1);
          if (keys == 0) continue;
          const auto size = static_cast<std::size_t>(rows * keys);
          weights.resize(size), ds.resize(size);
          const T* gp = up.template page<T>(page) + t0 * up.lead;
          p.scores(page, t0, rows, keys, weights.data());
          blas::gemm(false, true, rows, keys, n.E, T(1), gp, up.lead, p.v.template page<T>(page), p.v.lead, T(0),
                     ds.data(), keys);
          for (int64_t i = 0; i < rows; ++i) {
            const int64_t t = page * n.T + t0 + i;
            T *w = weights.data() + i * keys, *e = ds.data() + i * keys;
            const T delta = rows::dot(gp + i * up.lead, out.data<T>() + t * n.E, n.E);
            p.weights(t0 + i, keys, lse.data<T>()[t], w);
            p.drop(page, t0 + i, keys, e);
            rows::sub(e, delta, e, keys);
            rows::mul(w, e, e, keys);
            std::fill(e + p.visible(t0 + i), e + keys, T(0));
            p.drop(page, t0 + i, keys, w);
            if (dscores) std::copy_n(e, keys, dscores + t * n.S);
          }
          const T scale = T(how.scale);
          blas::gemm(true, false, keys, n.E, rows, T(1), weights.data(), keys, gp, up.lead, T(1), dv + page * n.S * n.E,
                     n.E);
          blas::gemm(false, false, rows, n.D, keys, scale, ds.data(), keys, p.k.template page<T>(page), p.k.lead, T(0),
                     dq + (page * n.T + t0) * n.D, n.D);
          blas::gemm(true, false, keys, n.D, rows, scale, ds.data(), keys, p.q.template page<T>(page) + t0 * p.q.lead,
                     p.q.lead, T(1), dk + page * n.S * n.D, n.D);
        }
    });
  });
  return d;
}

}  // namespace heed::kernels
