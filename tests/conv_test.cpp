#include <heed/core/grad.h>
#include <heed/ops/ops.h>
#include <cmath>
#include <limits>
#include "common.h"

using namespace heed;

namespace {

// Calls f(x, w, y) with the places in memory of the factors of every product and of the sum it belongs to.
template <class F>
void each_product(const Shape& x, const Shape& w, const Shape& y, const Conv2dOptions& o, F&& f) {
  const int64_t out = w[0] / o.groups;
  for (int64_t n = 0; n < y[0]; ++n)
    for (int64_t k = 0; k < y[1]; ++k)
      for (int64_t h = 0; h < y[2]; ++h)
        for (int64_t v = 0; v < y[3]; ++v)
          for (int64_t c = 0; c < w[1]; ++c)
            for (int64_t i = 0; i < w[2]; ++i)
              for (int64_t j = 0; j < w[3]; ++j) {
                const int64_t row = h * o.stride[0] - o.padding[0] + i * o.dilation[0];
                const int64_t column = v * o.stride[1] - o.padding[1] + j * o.dilation[1];
                if (row < 0 || row >= x[2] || column < 0 || column >= x[3]) continue;
                f(((n * x[1] + k / out * w[1] + c) * x[2] + row) * x[3] + column,
                  ((k * w[1] + c) * w[2] + i) * w[3] + j, ((n * y[1] + k) * y[2] + h) * y[3] + v);
              }
}

// Each sum is within (terms + 4) u sum |terms| of what plain loops in double give; that is beyond double's own error.
void check_sums(const Tensor& got, const std::vector<double>& sums, const std::vector<double>& sizes, double terms) {
  const std::vector<double> values = got.to_vector<double>();
  REQUIRE(values.size() == sums.size());
  double worst = 0;  // of the bound
  for (std::size_t i = 0; i < sums.size(); ++i)
    worst = std::max(worst, std::abs(values[i] - sums[i]) / (sizes[i] + std::numeric_limits<double>::min()));
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

  const auto xs = x.to_vector<float>(), ws = w.to_vector<float>(), gs = g.to_vector<float>();
  struct Sums {
    std::vector<double> sum, size;
    explicit Sums(std::size_t n) : sum(n), size(n) {}
    void add(int64_t at, float a, float b) {
      sum[std::size_t(at)] += double(a) * double(b);
      size[std::size_t(at)] += std::abs(double(a) * double(b));
    }
  } ys(gs.size()), dx(xs.size()), dw(ws.size());
  each_product(c.x, c.weight, y.shape(), c.options, [&](int64_t i, int64_t j, int64_t k) {
    const float a = xs[std::size_t(i)], b = ws[std::size_t(j)], up = gs[std::size_t(k)];
    ys.add(k, a, b), dx.add(i, up, b), dw.add(j, up, a);
  });
  check_sums(y, ys.sum, ys.size, double(w.numel() / w.size(0)));
  check_sums(d[0], dx.sum, dx.size, double(w.numel() / w.size(1)));
  check_sums(d[1], dw.sum, dw.size, double(y.numel() / y.size(1)));
}
