#include <heed/core/grad.h>
#include <heed/ops/kernels/conv.h>
#include <heed/ops/ops.h>
#include <cmath>
#include <limits>
#include "common.h"
#include "worst.h"

using namespace heed;

namespace {

// By the reference loops in double: y = x w, and dx and dw where y's gradient is g.
struct Sums {
  std::vector<double> y, dx, dw;
  Sums(const kernels::reference::Conv2d& sizes, const std::vector<double>& x, const std::vector<double>& w,
       const std::vector<double>& g)
      : y(g.size()), dx(x.size()), dw(w.size()) {
    kernels::reference::conv2d(sizes, x.data(), w.data(), y.data());
    kernels::reference::conv2d_grad(sizes, x.data(), w.data(), g.data(), dx.data(), dw.data());
  }
};

// Each sum is within (terms + 4) u sum |terms| of what plain loops in double give; that is beyond double's own error.
void check_sums(const Tensor& got, const std::vector<double>& sums, const std::vector<double>& sizes, double terms) {
  const std::vector<double> values = got.to_vector<double>();
  REQUIRE(values.size() == sums.size());
  double worst = 0;  // of the bound
  for (std::size_t i = 0; i < sums.size(); ++i)
    worst = worse(worst, std::abs(values[i] - sums[i]) / (sizes[i] + std::numeric_limits<double>::min()));
  CHECK(worst <= (terms + 4) * double(std::numeric_limits<float>::epsilon()) / 2);
}

}  // namespace

TEST_CASE("conv2d and its gradients are those of plain loops, however a plane falls into blocks", "[ops]") {
  struct Case {
    Shape x, weight;
    Conv2dOptions options{};
  };
  const Case c = GENERATE(values<Case>({
      {{1, 3, 5, 7}, {2, 3, 3, 2}},
      {{2, 2, 1, 40000}, {3, 2, 1, 4}},                                    // parts of a row
      {{1, 2, 3, 30000}, {3, 2, 3, 3}, {.stride = {1, 2}, .padding = 1}},  // with rows above each other
      {{1, 8, 300, 90}, {40, 8, 3, 3}, {.padding = 1}},                    // blocks of rows, parts of the outputs
      {{3, 6, 19, 23}, {34, 6, 3, 5}, {.stride = {2, 3}, .padding = {1, 2}, .dilation = {2, 1}}},
      {{2, 4, 20, 17}, {6, 2, 2, 3}, {.stride = {3, 2}, .padding = {0, 3}, .dilation = {3, 2}, .groups = 2}},
      {{2, 3, 9, 9}, {3, 1, 1, 2}, {.stride = 4, .padding = 2, .groups = 3}},  // values that no tap sees
      {{2, 3, 6, 6}, {5, 3, 3, 3}, {.padding = 2}},                            // every tap sees every value
      {{18, 50, 4, 4}, {16, 50, 3, 3}},                                        // more terms than one slice of depth
      {{2, 3, 2, 3}, {2, 3, 1, 1}, {.padding = 4}},
  }));
  CAPTURE(c.x.str(), c.weight.str());
  Rng rng{3};
  const Tensor x = randn(c.x, rng).requires_grad(), w = randn(c.weight, rng).requires_grad();
  const Tensor y = conv2d(x, w, {}, c.options), g = randn(y.shape(), rng);
  const std::vector<Tensor> d = grad(sum(y * g), {x, w});

  const Conv2dOptions& o = c.options;
  const kernels::reference::Conv2d sizes{c.x, c.weight, y.shape(), o.stride, o.padding, o.dilation, o.groups};
  const Sums sum(sizes, x.to_vector(), w.to_vector(), g.to_vector());
  const Sums size(sizes, abs(x).to_vector(), abs(w).to_vector(), abs(g).to_vector());  // of the terms
  check_sums(y, sum.y, size.y, double(w.numel() / w.size(0)));
  check_sums(d[0], sum.dx, size.dx, double(w.numel() / w.size(1)));
  check_sums(d[1], sum.dw, size.dw, double(y.numel() / y.size(1)));
}
