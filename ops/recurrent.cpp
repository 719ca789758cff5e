#include <algorithm>
#include "../core/blas.h"
#include "../core/op.h"
#include "checks.h"
#include "kernels/map.h"
#include "kernels/matmul.h"
#include "kernels/rows.h"
#include "ops.h"

namespace heed {
namespace {

namespace rows = kernels::rows;

// What one step does, as ops on a batch and as loops over one row of it. x is what the input gives to the gates,
// u = W h + b what the state before gives to them, both `gates` times as wide as h. A row remembers `kept` values for
// each of h's; a cell beside h comes last among them. On the way back dh and dc are the gradients of the new state,
// then those of the state before, except for what comes through u. dx and du are one, du, unless x_and_u_apart.

struct LstmStep {  // i, f, o = sigmoid(x + u)   g = tanh(x + u)   c' = f c + i g   h' = o tanh(c')
  static constexpr int gates = 4, states = 2, kept = 5;  // kept: i f g o c'
  static constexpr bool x_and_u_apart = false;

  static std::array<Tensor, 2> ops(const Tensor& x, const Tensor& u, const std::array<Tensor, 2>& state) {
    const Tensor all = x + u;  // [B, 4 H]
    const int64_t H = all.size(1) / 4;
    auto gate = [&](int64_t k) { return all(_, range(k * H, (k + 1) * H)); };
    const Tensor c = sigmoid(gate(1)) * state[1] + sigmoid(gate(0)) * tanh(gate(2));
    return {sigmoid(gate(3)) * tanh(c), c};
  }
  template <class T>
  static void forward(const T* __restrict x, const T* __restrict u, T* __restrict h, T* __restrict c,
                      T* __restrict kept, int64_t H) {
    T *i = kept, *f = i + H, *g = f + H, *o = g + H, *cell = o + H;
    rows::add(x, u, kept, 4 * H);
    rows::sigmoid(i, i, 2 * H);
    rows::tanh(g, g, H);
    rows::sigmoid(o, o, H);
    for (int64_t j = 0; j < H; ++j) cell[j] = c[j] = f[j] * c[j] + i[j] * g[j];
    rows::tanh(c, h, H);
    rows::mul(o, h, h, H);
  }
  template <class T>
  static void backward(const T* __restrict kept, const T*, const T* __restrict c_before, const T*, T* __restrict dh,
                       T* __restrict dc, T*, T* __restrict du, int64_t H) {
    const T *i = kept, *f = i + H, *g = f + H, *o = g + H, *cell = o + H;
    T *di = du, *df = di + H, *dg = df + H, *d_o = dg + H;
    rows::tanh(cell, d_o, H);
    for (int64_t j = 0; j < H; ++j) {
      const T t = d_o[j], d = dc[j] + dh[j] * o[j] * (1 - t * t);
      di[j] = d * g[j] * i[j] * (1 - i[j]);
      df[j] = d * c_before[j] * f[j] * (1 - f[j]);
      dg[j] = d * i[j] * (1 - g[j] * g[j]);
      d_o[j] = dh[j] * t * o[j] * (1 - o[j]);
      dc[j] = d * f[j];
      dh[j] = 0;
    }
  }
};

struct GruStep {  // r, z = sigmoid(x + u)   n = tanh(x + r u)   h' = (1 - z) n + z h
  static constexpr auto name = "gru";
  static constexpr int gates = 3, states = 1, kept = 4;  // kept: r z n, and u of n
  static constexpr bool x_and_u_apart = true;

  static std::array<Tensor, 1> ops(const Tensor& x, const Tensor& u, const std::array<Tensor, 1>& state) {
    const int64_t H = x.size(1) / 3;
    auto gate = [&](const Tensor& t, int64_t k) { return t(_, range(k * H, (k + 1) * H)); };
    const Tensor r = sigmoid(gate(x, 0) + gate(u, 0)), z = sigmoid(gate(x, 1) + gate(u, 1));
    return {(1 - z) * tanh(gate(x, 2) + r * gate(u, 2)) + z * state[0]};
  }
  template <class T>
  static void forward(const T* __restrict x, const T* __restrict u, T* __restrict h, T*, T* __restrict kept,
                      int64_t H) {
    T *r = kept, *z = r + H, *n = z + H, *un = n + H;
    rows::add(x, u, r, 2 * H);
    rows::sigmoid(r, r, 2 * H);
    std::copy_n(u + 2 * H, H, un);
    for (int64_t j = 0; j < H; ++j) n[j] = x[2 * H + j] + r[j] * un[j];
    rows::tanh(n, n, H);
    for (int64_t j = 0; j < H; ++j) h[j] = (1 - z[j]) * n[j] + z[j] * h[j];
  }
  template <class T>
  static void backward(const T* __restrict kept, const T* __restrict h_before, const T*, const T*, T* __restrict dh, T*,
                       T* __restrict dx, T* __restrict du, int64_t H) {
    const T *r = kept, *z = r + H, *n = z + H, *un = n + H;
    for (int64_t j = 0; j < H; ++j) {
      const T dn = dh[j] * (1 - z[j]) * (1 - n[j] * n[j]);
      dx[j] = du[j] = dn * un[j] * r[j] * (1 - r[j]);
      dx[H + j] = du[H + j] = dh[j] * (h_before[j] - n[j]) * z[j] * (1 - z[j]);
      dx[2 * H + j] = dn;
      du[2 * H + j] = dn * r[j];
      dh[j] *= z[j];
    }
  }
};

template <bool is_relu>
struct RnnStep {  // h' = tanh(x + u), or relu(x + u)
  static constexpr auto name = is_relu ? "rnn_relu" : "rnn_tanh";
  static constexpr int gates = 1, states = 1, kept = 0;
  static constexpr bool x_and_u_apart = false;

  static std::array<Tensor, 1> ops(const Tensor& x, const Tensor& u, const std::array<Tensor, 1>&) {
    return {is_relu ? relu(x + u) : tanh(x + u)};
  }
  template <class T>
  static void forward(const T* x, const T* u, T* h, T*, T*, int64_t H) {
    rows::add(x, u, h, H);
    is_relu ? rows::relu(h, h, H) : rows::tanh(h, h, H);
  }
  template <class T>
  static void backward(const T*, const T*, const T*, const T* h, T* dh, T*, T*, T* du, int64_t H) {
    is_relu ? rows::relu_grad(h, dh, du, H) : rows::tanh_grad(h, dh, du, H);
    std::fill_n(dh, H, T(0));
  }
};

// ---- all steps of a batch in one direction, each row to its own length
template <class Step>
struct Recurrence {
  static constexpr std::size_t states = Step::states;
  bool reverse;

  struct Kept {
    Array values;  // [T, B, kept H]
  };
  struct Sizes {
    int64_t B, T, G, H, K;
    explicit Sizes(const Shape& x) : B(x[0]), T(x[1]), G(x[2]), H(G / Step::gates), K(Step::kept * H) {}
    int64_t rows_per_task() const {
      return std::max<int64_t>(32, (int64_t{8} << 20) / std::max<int64_t>(1, T * G * H));
    }
  };
  int64_t time(int64_t step, int64_t T) const { return reverse ? T - 1 - step : step; }

  std::array<Tensor, 1 + states> definition(const Tensor& x, const Tensor& weight, const Tensor& bias,
                                            std::array<Tensor, states> state, const Tensor& lengths) const {
    const Sizes n(x.shape());
    for (Tensor& s : state)
      if (!s.defined()) s = zeros({n.B, n.H}, x.dtype());
    std::vector<Tensor> y(static_cast<std::size_t>(n.T));
    for (int64_t step = 0; step < n.T; ++step) {
      const int64_t t = time(step, n.T);
      std::array<Tensor, states> next = Step::ops(x(_, t), linear(state[0], weight, bias), state);
      y[std::size_t(t)] = next[0];
      if (lengths.defined()) {
        const Tensor counts = reshape(lengths, {n.B, 1}) > t;
        for (std::size_t k = 0; k < states; ++k) next[k] = where(counts, next[k], state[k]);
        y[std::size_t(t)] = where(counts, y[std::size_t(t)], 0);
      }
      state = next;
    }
    std::array<Tensor, 1 + states> r{n.T ? stack(y, 1) : zeros({n.B, 0, n.H}, x.dtype())};
    std::copy(state.begin(), state.end(), r.begin() + 1);
    return r;
  }

  std::pair<std::array<Array, 1 + states>, Kept> forward(const Array& x, const Array& weight, const Array& bias,
                                                         const std::array<Array, states>& first,
                                                         const Array& lengths) const {
    const Sizes n(x.shape());
    const Array in = x.contiguous(), w = weight.transposed(0, 1).contiguous();  // [H, G]
    const Array b = filled_or(bias, {n.G}, x.dtype());
    const std::vector<int64_t> count = counts(lengths, n);
    Array y({n.B, n.T, n.H}, x.dtype()), kept({n.T, n.B, n.K}, x.dtype());
    std::array<Array, states> state;
    for (std::size_t k = 0; k < states; ++k) state[k] = copied(first[k], {n.B, n.H}, x.dtype());
    visit_floating(x.dtype(), [&]<class T>(T) {
      const T *px = in.data<T>(), *pw = w.data<T>(), *pb = b.data<T>();
      T *py = y.mutable_data<T>(), *pk = kept.mutable_data<T>();
      T *h = values<T>(state[0]), *c = values<T>(state[states - 1]);
      parallel_for(n.B, n.rows_per_task(), [&](int64_t begin, int64_t end) {
        std::vector<T> u(std::size_t((end - begin) * n.G));
        for (int64_t step = 0; step < n.T; ++step) {
          const int64_t t = time(step, n.T);
          for (int64_t r = begin; r < end; ++r) std::copy_n(pb, n.G, u.data() + (r - begin) * n.G);
          blas::gemm(false, false, end - begin, n.G, n.H, T(1), h + begin * n.H, n.H, pw, n.G, T(1), u.data(), n.G);
          for (int64_t r = begin; r < end; ++r) {
            const int64_t at = r * n.T + t;
            if (t < count[std::size_t(r)]) {
              Step::forward(px + at * n.G, u.data() + (r - begin) * n.G, h + r * n.H, c + r * n.H,
                            pk + (t * n.B + r) * n.K, n.H);
              std::copy_n(h + r * n.H, n.H, py + at * n.H);
            } else {
              std::fill_n(py + at * n.H, n.H, T(0));
            }
          }
        }
      });
    });
    std::array<Array, 1 + states> made{y};
    std::copy(state.begin(), state.end(), made.begin() + 1);
    return {made, {kept}};
  }

  // Back through time: gradients of x, weight, bias, and of the first state
  std::array<Array, 3 + states> backward(const Array& g, const std::array<Array, states>& g_state, const Array& weight,
                                         const std::array<Array, states>& first, const Array& lengths, const Array& y,
                                         const Array& kept, bool bias_wanted) const {
    const Sizes n(y.shape().with(-1, weight.shape()[0]));
    const Dtype type = y.dtype();
    const Array up = g.defined() ? g.contiguous() : g, w = weight.contiguous();
    const std::vector<int64_t> count = counts(lengths, n);
    Array dx({n.B, n.T, n.G}, type), du = Step::x_and_u_apart ? Array(dx.shape(), type) : dx;
    Array before(y.shape(), type);  // h before each step
    std::array<Array, states> start, d;
    for (std::size_t k = 0; k < states; ++k) {
      start[k] = filled_or(first[k], {n.B, n.H}, type);
      d[k] = copied(g_state[k], {n.B, n.H}, type);
    }
    visit_floating(type, [&]<class T>(T) {
      const T *pw = w.data<T>(), *py = y.data<T>(), *pk = kept.data<T>(), *pg = up.defined() ? up.data<T>() : nullptr;
      const T *h0 = values<T>(start[0]), *c0 = values<T>(start[states - 1]);
      T *dh = values<T>(d[0]), *dc = values<T>(d[states - 1]);
      T *pdx = dx.mutable_data<T>(), *pdu = du.mutable_data<T>(), *pbefore = before.mutable_data<T>();
      parallel_for(n.B, n.rows_per_task(), [&](int64_t begin, int64_t end) {
        std::vector<T> d_step(std::size_t((end - begin) * n.G));  // du of one step
        for (int64_t step = n.T - 1; step >= 0; --step) {
          const int64_t t = time(step, n.T), previous = reverse ? 1 : -1;
          for (int64_t r = begin; r < end; ++r) {
            const int64_t at = r * n.T + t, last = count[std::size_t(r)] - 1;
            const bool counts = t <= last, opens = t == (reverse ? last : 0);
            const T* h = opens ? h0 + r * n.H : py + (at + previous) * n.H;
            const T* c = opens || states == 1 ? c0 + r * n.H : pk + ((t + previous) * n.B + r + 1) * n.K - n.H;
            T* d = d_step.data() + (r - begin) * n.G;
            if (counts) {
              if (pg) rows::accumulate(dh + r * n.H, pg + at * n.H, n.H);
              Step::backward(pk + (t * n.B + r) * n.K, h, c, py + at * n.H, dh + r * n.H, dc + r * n.H, pdx + at * n.G,
                             d, n.H);
              std::copy_n(h, n.H, pbefore + at * n.H);
            } else {
              std::fill_n(d, n.G, T(0));
              std::fill_n(pdx + at * n.G, n.G, T(0));
              std::fill_n(pbefore + at * n.H, n.H, T(0));
            }
            std::copy_n(d, n.G, pdu + at * n.G);
          }
          blas::gemm(false, false, end - begin, n.H, n.G, T(1), d_step.data(), n.G, pw, n.H, T(1), dh + begin * n.H,
                     n.H);
        }
      });
    });
    const Array all = du.reshaped({n.B * n.T, n.G});
    Array dbias;
    if (bias_wanted)
      dbias = visit_floating(type, [&]<class T>(T) {
        return kernels::sum_rows<T>(
            n.B * n.T, 1, n.G, [&, p = all.data<T>()](int64_t i, T* sum) { rows::accumulate(sum, p + i * n.G, n.G); });
      });
    std::array<Array, 3 + states> r{dx, kernels::matmul(all.transposed(0, 1), before.reshaped({n.B * n.T, n.H})),
                                    bias_wanted ? dbias.reshaped({n.G}) : dbias};
    std::copy(d.begin(), d.end(), r.begin() + 3);
    return r;
  }

 private:
  template <class T>
  static T* values(Array& x) {
    return x.mutable_data<T>();
  }
  static Array filled_or(const Array& x, const Shape& shape, Dtype t) {
    return x.defined() ? x.contiguous() : filled(shape, 0, t);
  }
  static Array copied(const Array& x, const Shape& shape, Dtype t) {
    return x.defined() ? x.cast(t) : filled(shape, 0, t);
  }
  static std::vector<int64_t> counts(const Array& lengths, const Sizes& n) {
    if (!lengths.defined()) return std::vector<int64_t>(std::size_t(n.B), n.T);
    const Array l = lengths.contiguous();
    return {l.data<int64_t>(), l.data<int64_t>() + n.B};
  }
};

struct LstmOp {
  static constexpr auto name = "lstm";
  static constexpr auto constant = inputs<5>;
  Recurrence<LstmStep> all;
  static int64_t multiply_adds(const Shape&, const Shape& gates, const Shape& weight, const Shape&, const Shape&,
                               const Shape&, const Shape&) {
    return gates.numel() * weight[1];
  }

  std::array<Tensor, 3> definition(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& h,
                                   const Tensor& c, const Tensor& lengths) const {
    return all.definition(x, weight, bias, {h, c}, lengths);
  }
  using Kept = Recurrence<LstmStep>::Kept;
  std::pair<std::array<Array, 3>, Kept> forward(const Array& x, const Array& weight, const Array& bias, const Array& h,
                                                const Array& c, const Array& lengths) const {
    return all.forward(x, weight, bias, {h, c}, lengths);
  }
  std::array<Array, 6> backward(Grad g, GradOf<1> gh, GradOf<2> gc, Input<1> weight, Input<3> h, Input<4> c,
                                Input<5> lengths, Output y, const Kept& kept, const Needs& needs) const {
    auto [dx, dweight, dbias, dh, dc] =
        all.backward(g, {gh.array(), gc.array()}, weight, {h.array(), c.array()}, lengths, y, kept.values, needs[2]);
    return {dx, dweight, dbias, dh, dc, Array()};
  }
};

template <class Step>
struct RecurrentOp {
  static constexpr auto name = Step::name;
  static constexpr auto constant = inputs<4>;
  Recurrence<Step> all;
  static int64_t multiply_adds(const Shape&, const Shape& gates, const Shape& weight, const Shape&, const Shape&,
                               const Shape&) {
    return gates.numel() * weight[1];
  }

  std::array<Tensor, 2> definition(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& h,
                                   const Tensor& lengths) const {
    return all.definition(x, weight, bias, {h}, lengths);
  }
  using Kept = typename Recurrence<Step>::Kept;
  std::pair<std::array<Array, 2>, Kept> forward(const Array& x, const Array& weight, const Array& bias, const Array& h,
                                                const Array& lengths) const {
    return all.forward(x, weight, bias, {h}, lengths);
  }
  std::array<Array, 5> backward(Grad g, GradOf<1> gh, Input<1> weight, Input<3> h, Input<4> lengths, Output y,
                                const Kept& kept, const Needs& needs) const {
    auto [dx, dweight, dbias, dh] =
        all.backward(g, {gh.array()}, weight, {h.array()}, lengths, y, kept.values, needs[2]);
    return {dx, dweight, dbias, dh, Array()};
  }
};

void check(const char* op, Where at, int64_t gates, const In& x, const In& weight, const In& bias,
           std::initializer_list<const In*> state, const Tensor& lengths) {
  check_floating(op, at, x);
  check_floating(op, at, weight);
  check_same_dtype(op, at, x->dtype(), weight->dtype());
  const Shape &s = x->shape(), &w = weight->shape();
  if (w.rank() != 2 || w[0] != gates * w[1])
    fail<ShapeError>(
        at, op, "the weight must be [" + (gates > 1 ? std::to_string(gates) + " H" : "H") + ", H], not " + w.str());
  if (s.rank() != 3 || s[2] != w[0])
    fail<ShapeError>(at, op,
                     "what the input gives to the gates must be [B, T, " + std::to_string(w[0]) + "] for a weight " +
                         w.str() + ", not " + s.str());
  check_vector(op, at, "the bias", bias, w[0], weight);
  const Shape wanted = s.without(1).with(-1, w[1]), rows = wanted.without(1);
  for (const In* h : state) {
    if (!h->defined()) continue;
    check_same_dtype(op, at, x->dtype(), (*h)->dtype());
    if ((*h)->shape() != wanted)
      fail<ShapeError>(at, op, "the state must be " + wanted.str() + ", not " + (*h)->shape().str());
  }
  if (!lengths.defined()) return;
  if (lengths.shape() != rows || lengths.dtype() != i64)
    fail<ShapeError>(
        at, op,
        "the lengths must be i64 " + rows.str() + ", not " + name(lengths.dtype()) + " " + lengths.shape().str());
  for (int64_t l : lengths.to_vector<int64_t>())
    if (l < 1 || l > s[1])
      fail<IndexError>(at, op, "a length must be 1 to " + std::to_string(s[1]) + ", not " + std::to_string(l));
}

template <class Step>
RnnSteps apply_recurrent(const In& x, const In& weight, const In& bias, const In& h0, const RecurrentOptions& o) {
  const Where at = line_of(x);
  check(Step::name, at, Step::gates, x, weight, bias, {&h0}, o.lengths);
  auto [y, h] =
      apply(at, RecurrentOp<Step>{{o.reverse}}, x.tensor(), weight.tensor(), bias.tensor(), h0.tensor(), o.lengths);
  return {y, h};
}

}  // namespace

RnnSteps rnn_tanh(In x, In weight, In bias, In h0, const RecurrentOptions& options) {
  return apply_recurrent<RnnStep<false>>(x, weight, bias, h0, options);
}
RnnSteps rnn_relu(In x, In weight, In bias, In h0, const RecurrentOptions& options) {
  return apply_recurrent<RnnStep<true>>(x, weight, bias, h0, options);
}
RnnSteps gru(In x, In weight, In bias, In h0, const RecurrentOptions& options) {
  return apply_recurrent<GruStep>(x, weight, bias, h0, options);
}
LstmSteps lstm(In x, In weight, In bias, In h0, In c0, const RecurrentOptions& options) {
  const Where at = line_of(x);
  check(LstmOp::name, at, LstmStep::gates, x, weight, bias, {&h0, &c0}, options.lengths);
  auto [y, h, c] = apply(at, LstmOp{{options.reverse}}, x.tensor(), weight.tensor(), bias.tensor(), h0.tensor(),
                         c0.tensor(), options.lengths);
  return {y, h, c};
}

}  // namespace heed
