#include "linear_attention.h"
#include <algorithm>
#include "../../core/parallel.h"
#include "matmul.h"
#include "rows.h"

// The reference is LinearAttentionOp::definition in ops/linear_attention.cpp.
namespace heed::kernels {
namespace {

// The rows of a page are cut into parts of equal numbers of chunks, where there are few pages. A part sums up what it
// adds to the state before any begins, so that each knows the state it begins with.
struct Sizes {
  int64_t pages, T, D, E, chunk, chunks, parts;
  Sizes(int64_t chunk, const Array& q, const Array& v)
      : pages(kernels::pages(q.shape())),
        T(q.shape()[-2]),
        D(q.shape()[-1]),
        E(v.shape()[-1]),
        chunk(chunk),
        chunks(ceil_div(T, chunk)),
        parts(std::clamp<int64_t>(16 / std::max<int64_t>(1, pages), 1, std::max<int64_t>(1, chunks / 4))) {}

  struct Part {
    int64_t page, number;
    int64_t begin, end;  // of its chunks
  };
  Part part(int64_t task) const {
    const int64_t number = task % parts;
    return {task / parts, number, chunks * number / parts, chunks * (number + 1) / parts};
  }
  int64_t row(int64_t c) const { return std::min(c * chunk, T); }  // the first of chunk c
};

// For each part the sum of a_t b_t^T over its rows: D x E.
template <class T>
class Sums {
 public:
  Sums(const Sizes& n, const Pages<T>& a, const Pages<T>& b)
      : n_(n), sums_(n.parts > 1 ? n.pages * n.parts * n.D * n.E : 0) {
    if (n.parts > 1)
      parallel_for(n.pages * n.parts, 1, [&](int64_t begin, int64_t end) {
        for (int64_t task = begin; task < end; ++task) {
          const auto part = n.part(task);
          const int64_t t = n.row(part.begin), rows = n.row(part.end) - t;
          gemm<T>(n.D, n.E, rows, T(1), a(part.page).from(t, 0).transposed(), b(part.page).from(t, 0), {},
                  sums_.data() + task * n.D * n.E, n.E);
        }
      });
  }
  // The state between parts: `start` [pages, D, E] (undefined: zeros) and the sums of parts first .. last-1 of a page.
  void add_up(const Array& start, int64_t page, int64_t first, int64_t last, T* state) const {
    const int64_t size = n_.D * n_.E;
    if (start.defined()) std::copy_n(start.data<T>() + page * size, size, state);
    else std::fill_n(state, size, T(0));
    for (int64_t part = first; part < last; ++part)
      rows::accumulate(state, sums_.data() + (page * n_.parts + part) * size, size);
  }

 private:
  const Sizes& n_;
  Workspace<T> sums_;
};

// s = a b^T of two chunks, where the row of b is not after that of a; else 0
template <class T>
void causal_products(int64_t rows, int64_t depth, Strided<T> a, Strided<T> b, T* s) {
  gemm<T>(rows, rows, depth, T(1), a, b.transposed(), {}, s, rows);
  for (int64_t i = 0; i < rows; ++i) std::fill(s + i * rows + i + 1, s + (i + 1) * rows, T(0));
}

}  // namespace

std::array<Array, 2> linear_attention(int64_t chunk, const Array& q, const Array& k, const Array& v,
                                      const Array& state) {
  const Sizes n(chunk, q, v);
  const Array start = state.contiguous();
  Array y = laid_out_like(q, n.E), last(with_matrix(batch_of(q.shape()), {n.D, n.E}), q.dtype());
  visit_floating(q.dtype(), [&]<class T>(T) {
    const Pages<T> queries(q), keys(k), values(v);
    const Sums<T> sums(n, keys, values);
    const std::vector<int64_t> y_begin = page_offsets(y);
    const int64_t y_row = y.stride(-2);
    T *out = y.mutable_data<T>(), *to = last.mutable_data<T>();
    parallel_for(n.pages * n.parts, 1, [&](int64_t begin, int64_t end) {
      const Workspace<T> products(n.chunk * n.chunk), states(n.D * n.E);
      T *s = products.data(), *S = states.data();
      for (int64_t task = begin; task < end; ++task) {
        const auto [page, part, first, past] = n.part(task);
        sums.add_up(start, page, 0, part, S);
        for (int64_t c = first; c < past; ++c) {
          const int64_t t = n.row(c), rows = n.row(c + 1) - t;
          const Strided<T> q_c = queries(page).from(t, 0), k_c = keys(page).from(t, 0), v_c = values(page).from(t, 0);
          T* y_c = out + y_begin[std::size_t(page)] + t * y_row;
          causal_products(rows, n.D, q_c, k_c, s);
          gemm<T>(rows, n.E, n.D, T(1), q_c, {S, n.E, 1}, {}, y_c, y_row);
          gemm<T>(rows, n.E, rows, T(1), {s, rows, 1}, v_c, {y_c, y_row}, y_c, y_row);
          gemm<T>(n.D, n.E, rows, T(1), k_c.transposed(), v_c, {S, n.E}, S, n.E);
        }
        if (part + 1 == n.parts) std::copy_n(S, n.D * n.E, to + page * n.D * n.E);
      }
    });
  });
  return {y, last};
}

// With Z_t = dL/dS_t = Z_{t+1} + q_{t+1} g_{t+1}^T:  dq_t = S_t g_t,  dk_t = (Z_t + q_t g_t^T) v_t,
// dv_t = (Z_t + q_t g_t^T)^T k_t. S runs forwards over the chunks, Z backwards.
std::array<Array, 4> linear_attention_grad(int64_t chunk, const Array& g, const Array& g_state, const Array& q,
                                           const Array& k, const Array& v, const Array& state) {
  const Sizes n(chunk, q, v);
  const Array start = state.contiguous(), end_gradient = g_state.contiguous();
  const Array up = g.defined() ? g : filled({}, 0, q.dtype()).expanded(v.shape());
  Array dq = laid_out_like(q, n.D), dk = laid_out_like(k, n.D), dv = laid_out_like(v, n.E);
  Array dstate = state.defined() ? Array(state.shape(), q.dtype()) : Array();
  visit_floating(q.dtype(), [&]<class T>(T) {
    const Pages<T> queries(q), keys(k), values(v), gs(up);
    const Sums<T> before(n, keys, values), after(n, queries, gs);
    const std::vector<int64_t> q_begin = page_offsets(dq), k_begin = page_offsets(dk), v_begin = page_offsets(dv);
    const int64_t q_row = dq.stride(-2), k_row = dk.stride(-2), v_row = dv.stride(-2);
    T *to_q = dq.mutable_data<T>(), *to_k = dk.mutable_data<T>(), *to_v = dv.mutable_data<T>();
    T* to_state = state.defined() ? dstate.mutable_data<T>() : nullptr;
    parallel_for(n.pages * n.parts, 1, [&](int64_t begin, int64_t end) {
      const Workspace<T> products(n.chunk * n.chunk), states(n.D * n.E);
      T *s = products.data(), *S = states.data(), *Z = S;
      for (int64_t task = begin; task < end; ++task) {
        const auto [page, part, first, past] = n.part(task);
        before.add_up(start, page, 0, part, S);
        for (int64_t c = first; c < past; ++c) {
          const int64_t t = n.row(c), rows = n.row(c + 1) - t;
          const Strided<T> k_c = keys(page).from(t, 0), v_c = values(page).from(t, 0), g_c = gs(page).from(t, 0);
          T* dq_c = to_q + q_begin[std::size_t(page)] + t * q_row;
          causal_products(rows, n.E, g_c, v_c, s);
          gemm<T>(rows, n.D, n.E, T(1), g_c, {S, 1, n.E}, {}, dq_c, q_row);
          gemm<T>(rows, n.D, rows, T(1), {s, rows, 1}, k_c, {dq_c, q_row}, dq_c, q_row);
          gemm<T>(n.D, n.E, rows, T(1), k_c.transposed(), v_c, {S, n.E}, S, n.E);
        }
        after.add_up(end_gradient, page, part + 1, n.parts, Z);
        for (int64_t c = past - 1; c >= first; --c) {
          const int64_t t = n.row(c), rows = n.row(c + 1) - t;
          const Strided<T> q_c = queries(page).from(t, 0), k_c = keys(page).from(t, 0);
          const Strided<T> v_c = values(page).from(t, 0), g_c = gs(page).from(t, 0);
          T *dk_c = to_k + k_begin[std::size_t(page)] + t * k_row,
            *dv_c = to_v + v_begin[std::size_t(page)] + t * v_row;
          causal_products(rows, n.E, g_c, v_c, s);
          gemm<T>(rows, n.D, n.E, T(1), v_c, {Z, 1, n.E}, {}, dk_c, k_row);
          gemm<T>(rows, n.D, rows, T(1), {s, 1, rows}, q_c, {dk_c, k_row}, dk_c, k_row);
          causal_products(rows, n.D, q_c, k_c, s);
          gemm<T>(rows, n.E, n.D, T(1), k_c, {Z, n.E, 1}, {}, dv_c, v_row);
          gemm<T>(rows, n.E, rows, T(1), {s, 1, rows}, g_c, {dv_c, v_row}, dv_c, v_row);
          gemm<T>(n.D, n.E, rows, T(1), q_c.transposed(), g_c, {Z, n.E}, Z, n.E);
        }
        if (to_state && part == 0) std::copy_n(Z, n.D * n.E, to_state + page * n.D * n.E);
      }
    });
  });
  return {dq, dk, dv, dstate};
}

}  // namespace heed::kernels
