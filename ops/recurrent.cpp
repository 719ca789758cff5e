#include <algorithm>
#include "../core/op.h"
#include "checks.h"
#include "kernels/gemm.h"
#include "kernels/map.h"
#include "kernels/matmul.h"
#include "kernels/rows.h"
#include "ops.h"

namespace heed {
namespace {

namespace rows = kernels::rows;

using rows::Gates;

// Fetches what comes next: rows lie too far apart for the processor to foresee them.
template <class T>
void prefetch(Gates<T> x, int64_t gates, int64_t n) {
  for (int64_t k = 0; k < gates; ++k)
    for (int64_t i = 0; i < n; i += 64 / int64_t(sizeof(T))) __builtin_prefetch(x[k] + i);
}

// What one step does, as ops on a batch and as loops over n neighbouring values of one row of it. x is what the input
// gives to the gates, u = W h + b what the state before gives to them. A row remembers `kept` values for each of h's; a
// cell beside h comes last among them. On the way back dh and dc are the gradients of the new state, then those of the
// state before, except for what comes through u. dx and du are one, du, unless x_and_u_apart.

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
  static void forward(Gates<const T> x, Gates<const T> u, const T*, T* h, T* c, Gates<T> kept, int64_t n) {
    rows::lstm(x, u, c, h, kept, n);
  }
  template <class T>
  static void backward(Gates<const T> kept, const T*, const T* c_before, const T*, T* dh, T* dc, Gates<T>, Gates<T> du,
                       int64_t n) {
    rows::lstm_grad(kept, c_before, dh, dc, du, n);
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
  static void forward(Gates<const T> x, Gates<const T> u, const T* h_before, T* h, T*, Gates<T> kept, int64_t n) {
    rows::gru(x, u, h_before, h, kept, n);
  }
  template <class T>
  static void backward(Gates<const T> kept, const T* h_before, const T*, const T*, T* dh, T*, Gates<T> dx, Gates<T> du,
                       int64_t n) {
    rows::gru_grad(kept, h_before, dh, dx, du, n);
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
  static void forward(Gates<const T> x, Gates<const T> u, const T*, T* h, T*, Gates<T>, int64_t n) {
    rows::add(x[0], u[0], h, n);
    is_relu ? rows::relu(h, h, n) : rows::tanh(h, h, n);
  }
  template <class T>
  static void backward(Gates<const T>, const T*, const T*, const T* h, T* dh, T*, Gates<T>, Gates<T> du, int64_t n) {
    is_relu ? rows::relu_grad(h, dh, du[0], n) : rows::tanh_grad(h, dh, du[0], n);
    std::fill_n(dh, n, T(0));
  }
};

// ---- all steps of a batch in one direction, each row to its own length. In a step a task takes a slice of h for a
// block of rows: its products with the packed weight, and all that follows from them there, so that threads meet once a
// step.
template <class Step>
struct Recurrence {
  static constexpr std::size_t states = Step::states;
  bool reverse;

  struct Kept {
    Array values;  // [T, B, kept H], in each step task by task
  };
  struct Sizes {
    static constexpr int64_t slice = 32, block = 64;  // of h, of rows
    int64_t B, T, G, H, K;
    int64_t slices, tasks, grain;
    explicit Sizes(const Shape& x) : B(x[0]), T(x[1]), G(x[2]), H(G / Step::gates), K(Step::kept * H) {
      slices = ceil_div(H, slice);
      tasks = slices * ceil_div(B, block);
      grain = std::max<int64_t>(1, (1 << 18) / std::max<int64_t>(1, std::min(B, block) * slice * G));
    }
    struct Task {
      int64_t slice, j, width, row, rows;
    };
    Task task(int64_t i) const {
      const int64_t s = i % slices, r = i / slices * block;
      return {s, s * slice, std::min(slice, H - s * slice), r, std::min(block, B - r)};
    }
    int64_t kept(const Task& x, int64_t t, int64_t row) const {  // where a row's are: those of a task lie together
      return (t * B + x.row) * K + (x.rows * x.j + (row - x.row) * x.width) * Step::kept;
    }
  };
  static constexpr int64_t apart(int64_t n) { return n % 512 ? n : n + 16; }  // no rows on the same lines of the cache
  static constexpr int64_t ahead = 4;  // rows that are fetched before they are needed
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
    const Array in = x.contiguous(), w = weight.contiguous();
    const Array b = filled_or(bias, {n.G}, x.dtype());
    const std::vector<int64_t> count = counts(lengths, n);
    Array y({n.B, n.T, n.H}, x.dtype()), kept({n.T, n.B, n.K}, x.dtype());
    std::array<Array, states> state;
    for (std::size_t k = 0; k < states; ++k) state[k] = copied(first[k], {n.B, n.H}, x.dtype());
    visit_floating(x.dtype(), [&]<class T>(T) {
      constexpr int64_t gates = Step::gates, wide = Sizes::slice;
      const T *px = in.data<T>(), *pw = w.data<T>(), *pb = b.data<T>();
      T *py = y.mutable_data<T>(), *pk = kept.mutable_data<T>();
      T *h = values<T>(state[0]), *c = values<T>(state[states - 1]);
      const int64_t panel = kernels::packed_size(wide, n.H), lead = apart(n.H);
      const Workspace<T> packed(n.slices * gates * panel), h_odd(n.B * lead), h_even(n.B * lead);
      parallel_for(n.slices, 4, [&](int64_t begin, int64_t end) {
        for (int64_t s = begin; s < end; ++s)
          for (int64_t g = 0; g < gates; ++g)
            kernels::pack<T>(n.task(s).width, n.H, {pw + (g * n.H + s * wide) * n.H, 1, n.H},
                             packed.data() + (s * gates + g) * panel);
      });
      T *before = h_even.data(), *after = h_odd.data();
      for (int64_t r = 0; r < n.B; ++r) std::copy_n(h + r * n.H, n.H, before + r * lead);
      for (int64_t step = 0; step < n.T; ++step, std::swap(before, after)) {
        const int64_t t = time(step, n.T);
        const int64_t depth = step > 0 || first[0].defined() ? n.H : 0;  // of the product: none with zeros
        parallel_for(n.tasks, n.grain, [&](int64_t begin, int64_t end) {
          const Workspace<T> products(Sizes::block * gates * wide);
          T* u = products.data();
          for (int64_t i = begin; i < end; ++i) {
            const auto task = n.task(i);
            const auto [slice, j, width, row, rows] = task;
            for (int64_t g = 0; g < gates; ++g)
              kernels::gemm_packed<T>(rows, width, depth, 1, {before + row * lead, lead, 1},
                                      packed.data() + (slice * gates + g) * panel, {pb + g * n.H + j}, u + g * wide,
                                      gates * wide);
            for (int64_t r = row; r < row + rows; ++r) {
              const int64_t at = r * n.T + t;
              const Gates<const T> x_r{px + at * n.G + j, n.H};
              const Gates<T> kept_r{pk + n.kept(task, t, r), width};
              if (r + ahead < row + rows) prefetch<const T>({x_r.first + ahead * n.T * n.G, n.H}, gates, width);
              T *y_r = py + at * n.H + j, *h_r = after + r * lead + j;
              if (t < count[std::size_t(r)]) {
                Step::template forward<T>(x_r, {u + (r - row) * gates * wide, wide}, before + r * lead + j, h_r,
                                          c + r * n.H + j, kept_r, width);
                std::copy_n(h_r, width, y_r);
              } else {
                std::copy_n(before + r * lead + j, width, h_r);
                std::fill_n(y_r, width, T(0));
              }
            }
          }
        });
      }
      for (int64_t r = 0; r < n.B; ++r) std::copy_n(before + r * lead, n.H, h + r * n.H);
    });
    std::array<Array, 1 + states> made{y};
    std::copy(state.begin(), state.end(), made.begin() + 1);
    return {made, {kept}};
  }

  // Back through time: gradients of x, weight, bias, and of the first state
  std::array<Array, 3 + states> backward(const Array& g, const std::array<Array, states>& g_state, const Array& weight,
                                         const std::array<Array, states>& first, const Array& lengths, const Array& y,
                                         const Array& kept, bool bias_wanted, bool state_wanted) const {
    const Sizes n(y.shape().with(-1, weight.shape()[0]));
    const Dtype type = y.dtype();
    const Array up = g.defined() ? g.contiguous() : g, w = weight.contiguous();
    const std::vector<int64_t> count = counts(lengths, n);
    const int64_t lead = apart(n.G);
    auto rows_apart = [&] { return Array({n.B, n.T, lead}, type).sliced(2, 0, n.G); };
    Array dx = rows_apart(), du = Step::x_and_u_apart ? rows_apart() : dx;
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
      constexpr int64_t gates = Step::gates, wide = Sizes::slice;
      const int64_t panel = kernels::packed_size(wide, n.G), previous = reverse ? 1 : -1;
      const Workspace<T> packed(n.slices * panel), d_odd(n.B * lead), d_even(n.B * lead);
      parallel_for(n.slices, 4, [&](int64_t begin, int64_t end) {
        for (int64_t s = begin; s < end; ++s)
          kernels::pack<T>(n.task(s).width, n.G, {pw + s * wide, n.H, 1}, packed.data() + s * panel);
      });
      T *from = d_even.data(), *to = d_odd.data();  // du of the step after, and of this one
      auto through_u = [&](const typename Sizes::Task& k) {
        T* d = dh + k.row * n.H + k.j;
        kernels::gemm_packed<T>(k.rows, k.width, n.G, 1, {from + k.row * lead, lead, 1},
                                packed.data() + k.slice * panel, {d, n.H}, d, n.H);
      };
      for (int64_t step = n.T - 1; step >= 0; --step, std::swap(from, to)) {
        const int64_t t = time(step, n.T);
        parallel_for(n.tasks, n.grain, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) {
            const auto task = n.task(i);
            const int64_t j = task.j, width = task.width;
            if (step + 1 < n.T) through_u(task);
            for (int64_t r = task.row; r < task.row + task.rows; ++r) {
              const int64_t at = r * n.T + t, last = count[std::size_t(r)] - 1;
              const bool opens = t == (reverse ? last : 0);
              const T* h = opens ? h0 + r * n.H + j : py + (at + previous) * n.H + j;
              const T* c =
                  opens || states == 1 ? c0 + r * n.H + j : pk + n.kept(task, t + previous, r) + (Step::kept - 1) * width;
              const Gates<T> d{to + r * lead + j, n.H}, x{pdx + at * lead + j, n.H}, u{pdu + at * lead + j, n.H};
              const Gates<const T> kept_r{pk + n.kept(task, t, r), width};
              if (r + ahead < task.row + task.rows) {
                prefetch<T>({x.first + ahead * n.T * lead, n.H}, gates, width);
                if (pg) prefetch<const T>({pg + (at + ahead * n.T) * n.H + j, 0}, 1, width);
              }
              T *dh_r = dh + r * n.H + j, *dc_r = dc + r * n.H + j, *before_r = pbefore + at * n.H + j;
              if (t <= last) {
                if (pg) rows::accumulate(dh_r, pg + at * n.H + j, width);
                Step::template backward<T>(kept_r, h, c, py + at * n.H + j, dh_r, dc_r, x, d, width);
                std::copy_n(h, width, before_r);
              } else {
                for (int64_t k = 0; k < gates; ++k) {
                  std::fill_n(d[k], width, T(0));
                  std::fill_n(x[k], width, T(0));
                }
                std::fill_n(before_r, width, T(0));
              }
              for (int64_t k = 0; k < gates; ++k) std::copy_n(d[k], width, u[k]);
            }
          }
        });
      }
      if (n.T > 0 && state_wanted)
        parallel_for(n.tasks, n.grain, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) through_u(n.task(i));
        });
    });
    const Array all = du.reshaped({n.B * n.T, n.G});
    Array dbias;
    if (bias_wanted)
      dbias = visit_floating(type, [&]<class T>(T) {
        return kernels::sum_rows<T>(
            n.B * n.T, 1, n.G, [&, p = all.data<T>()](int64_t i, T* sum) { rows::accumulate(sum, p + i * lead, n.G); });
      });
    std::array<Array, 3 + states> r{dx, kernels::matmul(all.transposed(0, 1), before.reshaped({n.B * n.T, n.H})),
                                    bias_wanted ? dbias.reshaped({n.G}) : dbias};
    if (state_wanted) std::copy(d.begin(), d.end(), r.begin() + 3);
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
    auto [dx, dweight, dbias, dh, dc] = all.backward(g, {gh.array(), gc.array()}, weight, {h.array(), c.array()},
                                                     lengths, y, kept.values, needs[2], needs[3] || needs[4]);
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
        all.backward(g, {gh.array()}, weight, {h.array()}, lengths, y, kept.values, needs[2], needs[3]);
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
    check_defined(op, at, *h);
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
