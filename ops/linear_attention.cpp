#include "kernels/linear_attention.h"
#include "../core/op.h"
#include "checks.h"
#include "kernels/matmul.h"
#include "ops.h"

namespace heed {

// The sum rule: y = tril(q k^T) v + q state, and k^T v + state        batch dimensions are equal
struct LinearAttentionOp {
  static constexpr auto name = "linear_attention";
  int64_t chunk;

  static int64_t multiply_adds(const Shape& y, const Shape& q, const Shape&, const Shape&, const Shape&) {
    return 2 * q.numel() * y[-1];
  }
  std::array<Tensor, 2> definition(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& state) const {
    const Tensor y = matmul(tril(matmul(q, transpose(k))), v), last = matmul(transpose(k), v);
    if (!state.defined()) return {y, last};
    return {y + matmul(q, state), last + state};
  }
  std::array<Array, 2> forward(const Array& q, const Array& k, const Array& v, const Array& state) const {
    return kernels::linear_attention(chunk, q, k, v, state);
  }
  std::array<Array, 4> backward(Grad g, GradOf<1> g_state, Input<0> q, Input<1> k, Input<2> v, Input<3> state) const {
    return kernels::linear_attention_grad(chunk, g, g_state, q, k, v, state);
  }
};

namespace {

// (I + l)^-1 of a strictly lower triangular l [.., n, n]: the inverses of neighbouring blocks A and C on the diagonal,
// with B below A, make that of twice the size, (A 0, B C)^-1 = (A^-1 0, -C^-1 B A^-1 C^-1).
Tensor inverse_of_unit_lower(const Tensor& l) {
  const int64_t n = l.size(-1);
  const Tensor i = unsqueeze(arange(n), 1), j = arange(n);
  auto below = [&](int64_t size) {  // all B at once, and 0 elsewhere
    const Tensor row = remainder(i, 2 * size), column = remainder(j, 2 * size);
    return where((i - row == j - column) & (row >= size) & (column < size), l, 0);
  };
  Tensor x = eye(n, l.dtype()) - below(1);
  for (int64_t size = 2; size < n; size *= 2) x = x - matmul(x, matmul(below(size), x));
  return x;
}

// The rules without a kernel, on pages: q, k [P, T, D], v [P, T, E], beta and log_decay [P, T] or undefined, state
// [P, D, E]. Row i of a chunk adds k_i u_i^T to the state S that the chunk begins with, where, with f_ij the fading
// between rows j and i and f_i that since the beginning,
//   u_i = beta_i (v_i - f_i S^T k_i - sum_{j<i} f_ij (k_i . k_j) u_j).
// That is a triangular system whose matrix does not depend on S: all chunks solve it at once, up to S (the WY
// representation: Yang et al. 2024, Parallelizing Linear Transformers with the Delta Rule over Sequence Length; with
// fading: Yang, Kautz and Hatamizadeh 2025).
LinearAttentionSteps by_chunks(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& beta,
                               const Tensor& log_decay, Tensor state, int64_t chunk) {
  const int64_t P = q.size(0), T = q.size(1), N = std::max<int64_t>(1, ceil_div(T, chunk));
  const int64_t C = std::max<int64_t>(1, ceil_div(T, N));
  auto chunks = [&](const Tensor& x) {  // [P, T, n] -> [P, N, C, n]; what is added behind writes nothing
    return reshape(pad(x, {0, 0, 0, N * C - T}), {P, N, C, x.size(2)});
  };
  Tensor queries = chunks(q), keys = chunks(k), values = chunks(v), written = keys, seen = keys, kept;
  Tensor scores = tril(matmul(queries, transpose(keys))), overlaps = tril(matmul(keys, transpose(keys)), -1);
  if (log_decay.defined()) {
    const Tensor since = cumsum(chunks(unsqueeze(log_decay, -1)), 2);  // [P, N, C, 1]
    const Tensor all = since(_, _, range(C - 1, C)), fading = exp(tril(since - transpose(since)));
    scores = scores * fading, overlaps = overlaps * fading;
    queries = queries * exp(since), seen = keys * exp(since), written = keys * exp(all - since);
    kept = exp(all);
  }
  if (beta.defined()) {
    const Tensor rate = chunks(unsqueeze(beta, -1));  // [P, N, C, 1]
    const Tensor solve = inverse_of_unit_lower(rate * overlaps);
    values = matmul(solve, rate * values), seen = matmul(solve, rate * seen);
  }
  std::vector<Tensor> states, updates;
  for (int64_t n = 0; n < N; ++n) {
    const Tensor u = beta.defined() ? values(_, n) - matmul(seen(_, n), state) : values(_, n);
    states.push_back(state), updates.push_back(u);
    state = (kept.defined() ? kept(_, n) * state : state) + matmul(transpose(written(_, n)), u);
  }
  const Tensor y = matmul(queries, stack(states, 1)) + matmul(scores, stack(updates, 1));  // [P, N, C, E]
  return {slice(reshape(y, {P, N * C, v.size(2)}), 1, 0, T), state};
}

}  // namespace

LinearAttentionSteps linear_attention(In q, In k, In v, const LinearAttentionOptions& options) {
  const Where at = line_of(q);
  const char* op = LinearAttentionOp::name;
  const Shape batch = check_attention(op, at, q, k, v);
  const int64_t T = q->size(-2), D = q->size(-1), E = v->size(-1);
  if (k->size(-2) != T)
    fail<ShapeError>(
        at, op,
        "there must be as many queries as keys, not " + std::to_string(T) + " and " + std::to_string(k->size(-2)));
  if (options.chunk < 1) fail<Error>(at, op, "a chunk has one place at least, not " + std::to_string(options.chunk));
  const int64_t chunk = std::min(options.chunk, std::max<int64_t>(T, 1));
  using kernels::with_matrix;
  const Shape states = with_matrix(batch, {D, E});
  Shape places = batch;
  places.push_back(T);
  auto check = [&](const char* what, const Tensor& x, const char* of, const Shape& to) {
    if (!x.defined()) return;
    check_same_dtype(op, at, q->dtype(), x.dtype());
    check_over(op, at, what, x, of, to);
  };
  check("beta", options.beta, "the places ", places);
  check("log_decay", options.log_decay, "the places ", places);
  check("state", options.state, "the states ", states);

  Scope here{q};
  const Tensor queries = broadcast_to(q, with_matrix(batch, q->shape())),
               keys = broadcast_to(k, with_matrix(batch, k->shape())),
               values = broadcast_to(v, with_matrix(batch, v->shape())),
               state = options.state.defined() ? broadcast_to(options.state, states) : Tensor();
  if (!options.beta.defined() && !options.log_decay.defined()) {
    auto [y, last] = apply(at, LinearAttentionOp{chunk}, queries, keys, values, state);
    return {y, last};
  }
  const int64_t P = batch.numel();
  auto pages = [&](const Tensor& x) { return reshape(x, {P, x.size(-2), x.size(-1)}); };
  auto of_places = [&](const Tensor& x) { return x.defined() ? reshape(broadcast_to(x, places), {P, T}) : Tensor(); };
  const auto [y, last] =
      by_chunks(pages(queries), pages(keys), pages(values), of_places(options.beta), of_places(options.log_decay),
                state.defined() ? pages(state) : zeros({P, D, E}, q->dtype()), chunk);
  return {reshape(y, with_matrix(batch, {T, E})), reshape(last, states)};
}

}  // namespace heed
