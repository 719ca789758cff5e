// What an op costs besides its arithmetic: 4 by 4 elements, a hundred times.
#include <heed/core/grad.h>
#include <heed/core/mode.h>
#include <heed/nn/activation.h>
#include <heed/nn/linear.h>
#include <heed/nn/recurrent.h>
#include <heed/nn/sequential.h>
#include <heed/ops/ops.h>
#include <heed/optim/adam.h>
#include <heed/optim/sgd.h>
#include "measure.h"

namespace heed::bench {
namespace {

using Op = Tensor (*)(const Tensor& a, const Tensor& b);
constexpr int times = 100;

Result overhead(double seconds, FunctionRef<void()> hundred) {
  Result r{.timing = time({.seconds = seconds / 4, .least = 20, .warm = 20, .inner = 5}, hundred)};
  r.more["ns_per_op"] = std::round(1e10 * r.timing.median / times) / 10;
  return r;
}
template <class F>
Result unrecorded(double seconds, F op) {
  const Unrecorded off;
  return overhead(seconds, [&] {
    for (int i = 0; i < times; ++i) op();
  });
}

// w makes neither zeros nor denormal numbers of what it is added to or multiplied by, however often.
Tensor chain(Op f, const Tensor& p, const Tensor& w) {
  Tensor h = p;
  for (int i = 0; i < times; ++i) h = f(h, w);
  return h;
}

Timing steps(double seconds, FunctionRef<void()> step) {
  return time({.seconds = seconds / 4, .least = 20, .warm = 20, .inner = 5}, step);
}

template <class Optimizer>
Result tiny_mlp(Optimizer optimizer, double seconds) {
  const Sequential model{make<Linear>(2, 16), Tanh{}, make<Linear>(16, 16), Tanh{}, make<Linear>(16, 1)};
  Rng rng{1};
  const Tensor x = randn({4, 2}, rng), y = randn({4, 1}, rng);
  return {.timing = steps(seconds, [&] { optimizer.step(model, grad(mse_loss(model(x), y), model)); })};
}

Result gru_steps(double seconds) {  // forward and backward, step by step
  const GruCell cell{32, 32};
  Rng rng{1};
  const Tensor x = randn({32, 8, 32}, rng), first = zeros({8, 32});
  return {.timing = steps(seconds, [&] {
            Tensor h = first;
            for (int t = 0; t < 32; ++t) h = cell(x(t), h);
            grad(sum(h), cell);
          })};
}

}  // namespace

std::vector<Item> overheads() {
  std::vector<Item> r;
  auto item = [&](const std::string& name, std::function<Result(double)> run) {
    r.push_back({"overhead_" + name, "overhead", std::move(run)});
  };
  struct Named {
    std::string name;
    Op f;
    Tensor w;
  };
  Rng rng{1};
  const Tensor a = randn({4, 4}, rng), b = randn({4, 4}, rng), one = ones({4, 4});
  for (const Named& op : {Named{"add", [](const Tensor&x, const Tensor&y) { return x + y; }, one},
                          Named{"mul", [](const Tensor&x, const Tensor&y) { return x * y; }, one},
                          Named{"matmul", [](const Tensor&x, const Tensor&y) { return matmul(x, y); }, eye(4)}}) {
    item(op.name + "_nograd", [=](double s) { return unrecorded(s, [&] { op.f(a, b); }); });
    item(op.name + "_grad_fwd_only", [=](double s) {
      const Tensor p = a.requires_grad(), w = op.w.requires_grad();
      return overhead(s, [&] { chain(op.f, p, w); });
    });
    item(op.name + "_grad_fwd_bwd", [=](double s) {
      const Tensor p = a.requires_grad(), w = op.w.requires_grad();
      return overhead(s, [&] { vjp(chain(op.f, p, w), one, {p, w}); });
    });
  }
  item("empty", [](double s) { return unrecorded(s, [] { Tensor(Array({4, 4}, f32)); }); });
  item("zeros", [](double s) { return unrecorded(s, [] { zeros({4, 4}); }); });
  item("tensor_from_list", [](double s) { return unrecorded(s, [] { tensor({1, 2, 3, 4}); }); });
  item("view", [a](double s) { return unrecorded(s, [&] { view(a, {16}); }); });
  item("index_int", [a](double s) { return unrecorded(s, [&] { a(1); }); });
  item("nn_linear_module_nograd", [a](double s) {
    const Linear linear{4, 4};
    return unrecorded(s, [&] { linear(a); });
  });
  item("mlp_2_16_16_1_sgd", [](double s) { return tiny_mlp(Sgd{.lr = 0.01}, s); });
  item("mlp_2_16_16_1_adamw", [](double s) { return tiny_mlp(AdamW{}, s); });
  item("gru_cell_T32_H32_B8", gru_steps);
  return r;
}

}  // namespace heed::bench
