// PyTorch's side of bench's small ops from C++, as heed's are: what its Python adds would flatter heed. peer.py builds
// it where PyTorch's headers are (Debian: libtorch-dev); it is no part of heed's build.
//
//   peer_ops SECONDS LABEL ITEM...
#include <torch/torch.h>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

namespace {

using torch::Tensor;
using Op = Tensor (*)(const Tensor& a, const Tensor& b);
constexpr int times = 100;

std::string label;
double seconds;
std::vector<std::string> wanted;

// As time() of measure.h: a quarter of `seconds`, at least 20 runs of 5 calls, after 20 that do not count.
void measure(const std::string& name, double per_run, const std::function<void()>& f) {
  if (std::find(wanted.begin(), wanted.end(), "overhead_" + name) == wanted.end()) return;
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  for (int i = 0; i < 20; ++i) f();
  std::vector<double> runs;
  const auto start = Clock::now();
  while (runs.size() < 20 || (since(start) < seconds / 4 && runs.size() < 400)) {
    const auto run = Clock::now();
    for (int i = 0; i < 5; ++i) f();
    runs.push_back(since(run) / 5);
  }
  std::sort(runs.begin(), runs.end());
  const double median = (runs[(runs.size() - 1) / 2] + runs[runs.size() / 2]) / 2;
  std::printf(
      "{\"name\": \"overhead_%s\", \"label\": \"%s\", \"torch\": \"%s\", \"median_ms\": %.5f, \"min_ms\": %.5f, "
      "\"max_ms\": %.5f, \"n\": %zu, \"ns_per_op\": %.1f, \"from\": \"C++\"}\n",
      name.c_str(), label.c_str(), TORCH_VERSION, 1e3 * median, 1e3 * runs.front(), 1e3 * runs.back(), runs.size(),
      1e9 * median / per_run);
}
template <class F>
void unrecorded(const std::string& name, F op) {
  const torch::NoGradGuard off;
  measure(name, times, [&] {
    for (int i = 0; i < times; ++i) op();
  });
}

template <class Optimizer, class Options>
void tiny_mlp(const std::string& name, const Options& options) {
  torch::nn::Sequential model(torch::nn::Linear(2, 16), torch::nn::Tanh(), torch::nn::Linear(16, 16), torch::nn::Tanh(),
                              torch::nn::Linear(16, 1));
  Optimizer optimizer(model->parameters(), options);
  const Tensor x = torch::randn({4, 2}), y = torch::randn({4, 1});
  measure(name, 1, [&] {
    optimizer.zero_grad();
    torch::mse_loss(model->forward(x), y).backward();
    optimizer.step();
  });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return std::fputs("usage: peer_ops SECONDS LABEL ITEM...\n", stderr), 2;
  seconds = std::atof(argv[1]), label = argv[2], wanted.assign(argv + 3, argv + argc);

  const Tensor a = torch::randn({4, 4}), b = torch::randn({4, 4}), one = torch::ones({4, 4});
  struct Named {
    std::string name;
    Op f;
    Tensor w;
  };
  for (const Named& op :
       {Named{"add", [](const Tensor&x, const Tensor&y) { return x + y; }, one},
        Named{"mul", [](const Tensor&x, const Tensor&y) { return x * y; }, one},
        Named{"matmul", [](const Tensor&x, const Tensor&y) { return torch::matmul(x, y); }, torch::eye(4)}}) {
    unrecorded(op.name + "_nograd", [&] { op.f(a, b); });
    Tensor p = a.clone().requires_grad_(), w = op.w.clone().requires_grad_();
    const auto chain = [&] {
      Tensor h = p;
      for (int i = 0; i < times; ++i) h = op.f(h, w);
      return h;
    };
    measure(op.name + "_grad_fwd_only", times, chain);
    measure(op.name + "_grad_fwd_bwd", times, [&] { torch::autograd::grad({chain()}, {p, w}, {one}); });
  }
  unrecorded("empty", [] { torch::empty({4, 4}); });
  unrecorded("zeros", [] { torch::zeros({4, 4}); });
  unrecorded("tensor_from_list", [] { torch::tensor({1.f, 2.f, 3.f, 4.f}); });
  unrecorded("view", [&] { a.view({16}); });
  unrecorded("index_int", [&] { a[1]; });
  torch::nn::Linear linear(4, 4);
  unrecorded("nn_linear_module_nograd", [&] { linear(a); });

  tiny_mlp<torch::optim::SGD>("mlp_2_16_16_1_sgd", torch::optim::SGDOptions(0.01));
  tiny_mlp<torch::optim::AdamW>("mlp_2_16_16_1_adamw", torch::optim::AdamWOptions(1e-3));
  torch::nn::GRUCell cell(32, 32);
  const Tensor x = torch::randn({32, 8, 32}), first = torch::zeros({8, 32});
  measure("gru_cell_T32_H32_B8", 1, [&] {
    Tensor h = first;
    for (int t = 0; t < 32; ++t) h = cell(x[t], h);
    torch::autograd::grad({h.sum()}, cell->parameters());
  });
}
