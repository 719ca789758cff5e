// The kernel that never has the matrix of weights (Dao et al. 2022): the same numbers, at every length, in memory that
// grows with the length alone.
#include <heed/core/storage.h>
#include <heed/ops/kernels/attention.h>
#include <cmath>
#include <cstdio>
#include "common.h"

using namespace heed;

namespace {

struct Case {
  const char* name;
  AttentionOptions options;
};
std::vector<Case> cases(int64_t T) {
  return {{"all", {}},
          {"causal", {.causal = Causal::on}},
          {"mask", {.mask = noise({T, T}, 7) > -0.5}},
          {"dropout", {.dropout = {0.3, 11}}}};
}
// y and the gradients of q, k and v
std::vector<Tensor> all_of(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& g,
                           const AttentionOptions& options) {
  const Tensor y = scaled_dot_product_attention(q, k, v, options);
  std::vector<Tensor> r = vjp(y, g, {q, k, v});
  r.push_back(y);
  return r;
}
double relative(const Tensor& a, const Tensor& b) {
  return max_difference(cast(a, f64), b) / std::max(1.0, max(abs(b)).item());
}

std::size_t extra(int64_t T, int64_t D, bool backward) {  // bytes at the peak, above the operands
  const Tensor q = backward ? variable({T, D}, 1, f32) : noise({T, D}, 1, f32), g = noise({T, D}, 2, f32);
  memory::reset_peak();
  const std::size_t before = memory::in_use();
  const Tensor y = scaled_dot_product_attention(q, q, q);
  if (backward) vjp(y, g, {q});
  return memory::peak() - before;
}

}  // namespace

TEST_CASE("for every length from 1 to 130: values and gradients of the definition, dropout of the same weights") {
  const int64_t D = 5, E = 3;
  double worst64 = 0, worst32 = 0;
  for (int64_t T = 1; T <= 130; ++T) {
    const Tensor q = variable({2, T, D}, 1), k = variable({2, T, D}, 2), v = variable({2, T, E}, 3);
    const Tensor g = noise({2, T, E}, 4);
    auto narrow = [](const Tensor& x) { return cast(x.detach(), f32).requires_grad(); };
    for (const Case& c : cases(T)) {
      const auto fused = all_of(q, k, v, g, c.options);
      const auto single = all_of(narrow(q), narrow(k), narrow(v), narrow(g), c.options);
      const DefinitionsOnly standard;
      const auto wanted = all_of(q, k, v, g, c.options);
      for (std::size_t i = 0; i < 4; ++i) {
        worst64 = std::max(worst64, relative(fused[i], wanted[i]));
        worst32 = std::max(worst32, relative(single[i], wanted[i]));
        if (worst64 > 1e-13 || worst32 > 2e-6) FAIL(c.name << " of length " << T << ": " << worst64 << ", " << worst32);
      }
    }
  }
  std::printf("attention by blocks: at most %.1e from its definition in f64, %.1e in f32\n", worst64, worst32);
}

TEST_CASE("for all tiles of 1 to 64 queries and 1 to 64 keys: values and gradients of the definition") {
  const int64_t T = 67, D = 5, E = 3;
  const std::vector<Case> all = cases(T);
  const Tensor q = variable({T, D}, 1), k = variable({T, D}, 2), v = variable({T, E}, 3), g = noise({T, E}, 4);
  std::vector<std::vector<Tensor>> wanted;
  {
    const DefinitionsOnly standard;
    for (const Case& c : all) wanted.push_back(all_of(q, k, v, g, c.options));
  }
  double worst[2] = {};
  for (const Dtype t : {f64, f32}) {
    auto array = [&](const Tensor& x) { return cast(x.detach(), t).array(); };
    const Array a = array(q), b = array(k), c = array(v), up = array(g);
    for (int64_t rows = 1; rows <= 64; ++rows)
      for (int64_t keys = 1; keys <= 64; ++keys) {
        const std::size_t i = std::size_t(rows + keys) % all.size();
        const AttentionOptions& o = all[i].options;
        const kernels::AttentionSetting how{.scale = 1 / std::sqrt(double(D)),
                                            .causal = o.causal == Causal::on,
                                            .offset = 0,
                                            .dropout = o.dropout,
                                            .tile = {rows, keys}};
        const Array mask = o.mask.defined() ? o.mask.array() : Array();
        const auto [y, lse] = kernels::attention(how, a, b, c, {}, mask);
        const auto d = kernels::attention_grad(how, up, a, b, c, {}, mask, y, lse, false);
        const Array made[] = {d.q, d.k, d.v, y};
        for (std::size_t j = 0; j < 4; ++j)
          worst[t == f32] = std::max(worst[t == f32], relative(Tensor(made[j]), wanted[i][j]));
        if (worst[0] > 1e-13 || worst[1] > 2e-6)
          FAIL(all[i].name << " by " << rows << " x " << keys << ": " << worst[0] << ", " << worst[1]);
      }
  }
  std::printf("tiles of attention: at most %.1e from its definition in f64, %.1e in f32\n", worst[0], worst[1]);
}

TEST_CASE("memory beside the operands grows with the length, that of the definition with its square") {
  auto exponent = [](std::initializer_list<int64_t> lengths, bool backward) {  // of least squares
    double n = 0, sx = 0, sy = 0, sxx = 0, sxy = 0;
    for (int64_t T : lengths) {
      const double x = std::log(double(T)), y = std::log(double(extra(T, 64, backward)));
      n += 1, sx += x, sy += y, sxx += x * x, sxy += x * y;
    }
    return (n * sxy - sx * sy) / (n * sxx - sx * sx);
  };
  CHECK(exponent({256, 512, 1024, 2048, 4096, 8192}, false) == Approx(1).margin(0.05));
  CHECK(exponent({256, 512, 1024, 2048, 4096, 8192}, true) == Approx(1).margin(0.05));
  CHECK(extra(16384, 64, true) < std::size_t{64} << 20);  // the matrix of scores alone would be 1 GiB
  const DefinitionsOnly standard;
  CHECK(exponent({256, 512, 1024, 2048}, true) == Approx(2).margin(0.15));
}
