// How long the way through a sequence is: in steps that wait for each other, and for gradients.
#include <cmath>
#include <cstdio>
#include <map>
#include "common.h"

using namespace heed;

namespace {

// The longest chain of ops that leads to y.
int64_t critical_path(const Tensor& y) {
  std::map<const Node*, int64_t> depth;
  for (const Node* n : graph_nodes(std::span(&y, 1))) {  // parents come first
    int64_t before = 0;
    for (const Slot& s : n->parents())
      if (const Node* parent = s.tensor.edge().node.get()) before = std::max(before, depth.at(parent));
    depth[n] = before + 1;
  }
  return depth.at(y.edge().node.get());
}

int64_t products(const auto& f) {  // multiply-adds of f()
  int64_t n = 0;
  Observe watch([&](const Event& e) { n += e.multiply_adds; });
  f();
  return n;
}

// |d<g, y_last> / dx_{last - k}| for k = 0, 1, ..: y and x [1, T, ..]
std::vector<double> reach(const Tensor& y, const Tensor& x) {
  const int64_t T = x.size(1);
  const Tensor d = grad(sum(y(0, -1) * noise({y.size(2)}, 5)), {x})[0];
  std::vector<double> r;
  for (int64_t k = 0; k < T; ++k) r.push_back(norm(d(0, T - 1 - k)).item());
  return r;
}
// By how much the logarithm changes from one step to the next, on average (least squares), from step `from` on.
double slope_of_log(const std::vector<double>& r, std::size_t from, std::size_t to) {
  double n = 0, sk = 0, sl = 0, skk = 0, skl = 0;
  for (std::size_t k = from; k < to; ++k) {
    const auto x = double(k);
    const double l = std::log(r[k]);
    n += 1, sk += x, sl += l, skk += x * x, skl += x * l;
  }
  return (n * skl - sk * sl) / (n * skk - sk * sk);
}

}  // namespace

TEST_CASE("a recurrent net takes as many steps as the sequence is long, a Transformer always as many") {
  const DefinitionsOnly steps;  // a fused recurrence is one op
  const Lstm lstm{.in = 4, .hidden = 4};
  const TransformerEncoder transformer{4, 2, 2, {.hidden = 8}};
  std::vector<int64_t> recurrent, attending;
  for (int64_t n : {16, 32, 64}) {
    const Tensor x = noise({1, n, 4}, 1, f32);
    recurrent.push_back(critical_path(lstm(x).y(0, -1)));
    attending.push_back(critical_path(transformer(x)(0, -1)));
  }
  CHECK(attending[1] == attending[0]);
  CHECK(attending[2] == attending[0]);
  const int64_t per_step = (recurrent[1] - recurrent[0]) / 16;
  CHECK(per_step >= 3);
  CHECK(recurrent[1] - recurrent[0] == 16 * per_step);
  CHECK(recurrent[2] - recurrent[1] == 32 * per_step);
}

TEST_CASE("attention's work grows with the square of the length, a recurrent net's with the length") {
  const Attention attention;
  const Lstm lstm{.in = 4, .hidden = 4};
  auto of_attention = [&](int64_t n, int64_t d) {
    const Tensor x = noise({n, d}, 1, f32);
    return products([&] { attention(x, x, x); });
  };
  auto of_lstm = [&](int64_t n) {
    const Tensor x = noise({1, n, 4}, 1, f32);
    return products([&] { lstm(x); });
  };
  CHECK(of_attention(16, 8) == 2 * 16 * 16 * 8);
  CHECK(of_attention(64, 8) == 16 * of_attention(16, 8));
  CHECK(of_attention(16, 32) == 4 * of_attention(16, 8));
  CHECK(of_lstm(64) == 4 * of_lstm(16));
}

TEST_CASE("gradients fade on their way through a recurrent net, and reach all places through attention") {
  const int64_t T = 48, H = 16;
  const Tensor x = (0.1 * noise({1, T, H}, 1)).requires_grad();
  seed(2);
  const Rnn rnn = cast(Rnn{.in = H, .hidden = H, .bias = false}, f64);
  assign(rnn.cells[0].weight_hh, init::orthogonal({H, H}, 0.7, f64));  // spectral radius 0.7
  const Tensor h = rnn(x).y;
  const std::vector<double> vanilla = reach(h, x);
  const double fading = slope_of_log(vanilla, 1, 41);
  CHECK(fading < -0.3);
  CHECK(fading > std::log(0.7) - 0.1);

  // The product of the Jacobians diag(1 - h_t^2) W, one step after the other.
  Tensor back = noise({H}, 5);
  for (int64_t k = 0; k < T; ++k) {
    const Tensor through = back * (1 - square(h(0, T - 1 - k).detach()));
    const double exact = norm(matmul(through, rnn.cells[0].weight_ih.detach())).item();
    CHECK(std::abs(vanilla[std::size_t(k)] - exact) <= 1e-10 * exact);
    back = matmul(through, rnn.cells[0].weight_hh.detach());
  }

  Lstm lstm = cast(Lstm{.in = H, .hidden = H}, f64);
  assign(lstm.cells[0].bias_ih, cast((arange(4 * H) >= H) & (arange(4 * H) < 2 * H), f64));  // 1 for the forget gate
  assign(lstm.cells[0].bias_hh, zeros({4 * H}, f64));
  const double slower = slope_of_log(reach(lstm(x).y, x), 1, 41);
  CHECK(slower < -0.05);
  CHECK(slower > fading + 0.02);

  const auto attention = cast(MultiHeadAttention{.width = H, .heads = 2}, f64);
  const std::vector<double> flat = reach(attention(x, {.causal = Causal::on}), x);
  CHECK(flat[40] / flat[1] > 0.1);
  CHECK(vanilla[40] / vanilla[1] < 1e-4);
  std::printf("per step: RNN %.3f, LSTM %.3f; 40 steps away: RNN %.1e, attention %.2f\n", fading, slower,
              vanilla[40] / vanilla[1], flat[40] / flat[1]);
}
