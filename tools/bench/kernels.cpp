// Single ops: elementwise and row kernels, attention, products.
#include <heed/core/grad.h>
#include <heed/core/mode.h>
#include <heed/ops/ops.h>
#include <algorithm>
#include "measure.h"

namespace heed::bench {
namespace {

using Inputs = std::vector<Tensor>;

Inputs random(const std::vector<Shape>& shapes) {
  Rng rng{1};
  Inputs x;
  for (const Shape& shape : shapes) x.push_back(randn(shape, rng));
  return x;
}

Timing forward(const Patience& patience, const Inputs& x, const std::function<Tensor(const Inputs&)>& f) {
  const Unrecorded off;
  return time(patience, [&] { f(x); });
}
Timing forward_and_backward(const Patience& patience, Inputs x, const std::function<Tensor(const Inputs&)>& f) {
  for (Tensor& t : x) t = t.requires_grad();
  Rng rng{2};
  const Tensor g = randn(f(x).shape(), rng);
  return time(patience, [&] {
    Tensor y = f(x);
    if (y.numel() == 1) grad(consume(y), x);
    else vjp(y, g, x);
  });
}

// ---- rows and elements
struct Kernel {
  std::string name;
  std::vector<Shape> inputs;  // of random numbers, each with a gradient
  double forward, both;       // bytes that must move; 0: only forward
  std::function<Tensor(const Inputs&)> f;
};

std::vector<Kernel> all_kernels() {
  constexpr double M = 4096 * 1024 * 4, L = 4096 * 768 * 4, G = 4096 * 3072 * 4, V = 256.0 * 50257 * 4;
  Rng rng{3};
  const Tensor classes = randint(0, 50257, {256}, rng), ids = randint(0, 50257, {4096}, rng);
  std::vector<Kernel> r{
      {"softmax_4096x1024", {{4096, 1024}}, 2 * M, 5 * M, [](const Inputs& x) { return softmax(x[0]); }},
      {"log_softmax_4096x1024", {{4096, 1024}}, 2 * M, 5 * M, [](const Inputs& x) { return log_softmax(x[0]); }},
      {"cross_entropy_256x50257",
       {{256, 50257}},
       V,
       3 * V,
       [classes](const Inputs& x) { return cross_entropy(x[0], classes); }},
      {"layernorm_4096x768",
       {{4096, 768}, {768}, {768}},
       2 * L,
       5 * L,
       [](const Inputs& x) { return layer_norm(x[0], x[1], x[2]); }},
  };
  auto elementwise = [&](const std::string& name, Tensor (*f)(const Tensor& x)) {
    r.push_back({name + "_4096x3072", {{4096, 3072}}, 2 * G, 5 * G, [f](const Inputs& x) { return f(x[0]); }});
  };
  elementwise("gelu_tanh", [](const Tensor& x) { return gelu(x, Approximate::tanh); });
  elementwise("gelu_exact", [](const Tensor& x) { return gelu(x); });
  elementwise("relu", [](const Tensor& x) { return relu(x); });
  elementwise("tanh", [](const Tensor& x) { return tanh(x); });
  elementwise("sigmoid", [](const Tensor& x) { return sigmoid(x); });
  elementwise("exp", [](const Tensor& x) { return exp(x); });
  elementwise("dropout", [](const Tensor& x) { return dropout(x, 0.1, &default_rng()); });
  r.push_back(
      {"bias_add_4096x3072", {{4096, 3072}, {3072}}, 2 * G, 4 * G, [](const Inputs& x) { return x[0] + x[1]; }});
  r.push_back(
      {"add_4096x3072", {{4096, 3072}, {4096, 3072}}, 3 * G, 5 * G, [](const Inputs& x) { return x[0] + x[1]; }});
  r.push_back({"embedding_50257x768_4096ids", {{50257, 768}}, 2 * L, 2 * L + 50257.0 * 768 * 4, [ids](const Inputs& x) {
                 return embedding(ids, x[0]);
               }});
  auto reduction = [&](const std::string& name, Tensor (*f)(const Tensor& x, Dims dims)) {
    for (int dim : {0, 1})
      r.push_back(
          {name + "_dim" + std::to_string(dim) + "_4096x1024", {{4096, 1024}}, M, 2 * M, [f, dim](const Inputs& x) {
             return f(x[0], dim);
           }});
    if (name != "amax")
      r.push_back({name + "_all_4096x1024", {{4096, 1024}}, M, 2 * M, [f](const Inputs& x) { return f(x[0], {}); }});
  };
  reduction("sum", [](const Tensor& x, Dims dims) { return sum(x, dims); });
  reduction("mean", [](const Tensor& x, Dims dims) { return mean(x, dims); });
  reduction("amax", [](const Tensor& x, Dims dims) { return amax(x, dims); });
  return r;
}

// Without a gradient, under names without an ending.
std::vector<Kernel> all_copies() {
  constexpr double M = 4096 * 1024 * 4;
  const std::vector<Shape> one{{4096, 1024}};
  return {
      {"transpose_copy_4096x1024", one, 2 * M, 0, [](const Inputs& x) { return transpose(x[0]).contiguous(); }},
      {"head_permute_4x256x6x64",
       {{4, 256, 6, 64}},
       2.0 * 4 * 256 * 6 * 64 * 4,
       0,
       [](const Inputs& x) { return transpose(x[0], 1, 2).contiguous(); }},
      {"clone_4096x1024", one, 2 * M, 0, [](const Inputs& x) { return clone(x[0]); }},
      {"copy_4096x1024",
       {one[0], one[0]},
       2 * M,
       0,
       [](const Inputs& x) {
         assign(x[1], x[0]);
         return x[1];
       }},
      {"randn_4096x1024",
       {},
       M,
       0,
       [](const Inputs&) {
         return randn({4096, 1024}, default_rng());
       }},
      {"rand_4096x1024",
       {},
       M,
       0,
       [](const Inputs&) {
         return rand({4096, 1024}, default_rng());
       }},
      {"bernoulli_4096x1024",
       {},
       M,
       0,
       [](const Inputs&) {
         return cast(rand({4096, 1024}, default_rng()) < 0.9, f32);
       }},
  };
}

Patience second(double seconds) { return {.seconds = seconds / 4}; }  // a quarter of what a workload is given

// ---- attention: 12 heads
Result attention(int64_t width, int64_t length, bool causal, bool backward, double seconds) {
  const Shape shape{1, 12, length, width};
  const Inputs x = random({shape, shape, shape});
  auto f = [causal](const Inputs& in) {
    return scaled_dot_product_attention(in[0], in[1], in[2], {.causal = causal ? Causal::on : Causal::off});
  };
  Result r;
  r.flops = 4 * 12 * double(length * length * width) / (causal ? 2 : 1) * (backward ? 3.5 : 1);
  reset_resident_peak();
  const double before = resident();
  const Patience patience{.seconds = seconds / 4, .least = 3, .warm = 2};
  r.timing = backward ? forward_and_backward(patience, x, f) : forward(patience, x, f);
  r.more["peak_delta_mb"] = std::lround(resident_peak() - before);
  return r;
}

// ---- products
Result product(const Tensor& a, const Tensor& b, double seconds) {
  Result r;
  r.flops = 2 * double(a.numel() * b.size(-1));
  const Patience patience{.seconds = seconds / 8, .inner = std::max<int64_t>(1, int64_t(2e9 / r.flops))};
  r.timing = forward(patience, {a, b}, [](const Inputs& x) { return matmul(x[0], x[1]); });
  return r;
}

std::string size_text(std::initializer_list<int64_t> sizes) {
  std::string s;
  for (int64_t n : sizes) s += (s.empty() ? "" : "x") + std::to_string(n);
  return s;
}

}  // namespace

std::vector<Item> kernels() {
  std::vector<Item> r;
  for (const Kernel& k : all_kernels()) {
    r.push_back({k.name + "_fwd", "kernels", [k](double seconds) {
                   return Result{.timing = forward(second(seconds), random(k.inputs), k.f), .bytes = k.forward};
                 }});
    r.push_back({k.name + "_fwdbwd", "kernels", [k](double seconds) {
                   return Result{.timing = forward_and_backward(second(seconds), random(k.inputs), k.f),
                                 .bytes = k.both};
                 }});
  }
  for (const Kernel& k : all_copies())
    r.push_back({k.name, "kernels", [k](double seconds) {
                   return Result{.timing = forward(second(seconds), random(k.inputs), k.f), .bytes = k.forward};
                 }});

  for (int64_t width : {64, 128})
    for (int64_t length : {256, 1024, 4096, 8192})
      for (bool causal : {true, false})
        for (bool backward : {false, true})
          r.push_back({std::string("sdpa_") + (width == 64 ? "" : "d128_") + "T" + std::to_string(length) +
                           (causal ? "_causal" : "_full") + (backward ? "_fwdbwd" : "_fwd"),
                       "sdpa", [=](double seconds) { return attention(width, length, causal, backward, seconds); }});

  struct Sizes {
    int64_t m, k, n;
    bool transposed = false;
  };
  for (const Sizes& s : {Sizes{256, 256, 256}, Sizes{512, 512, 512}, Sizes{1024, 1024, 1024}, Sizes{2048, 2048, 2048},
                         Sizes{256, 768, 2304}, Sizes{256, 768, 50257}, Sizes{4096, 384, 1536}, Sizes{1, 768, 50257}})
    r.push_back({"mm_" + size_text({s.m, s.k, s.n}), "gemm", [s](double seconds) {
                   const Inputs x = random({{s.m, s.k}, {s.k, s.n}});
                   return product(x[0], x[1], seconds);
                 }});
  for (const Sizes& s : {Sizes{64, 64, 64}, Sizes{256, 64, 256}, Sizes{256, 64, 256, true}, Sizes{256, 256, 64}})
    r.push_back({"bmm96_" + size_text({s.m, s.k, s.n}) + (s.transposed ? "_BT" : ""), "gemm", [s](double seconds) {
                   const Inputs x = random({{96, s.m, s.k}, s.transposed ? Shape{96, s.n, s.k} : Shape{96, s.k, s.n}});
                   return product(x[0], s.transposed ? transpose(x[1]) : x[1], seconds);
                 }});
  r.push_back(
      {"bmm128_32x32x64_heads", "gemm", [](double seconds) {  // QK' of 32 times 4 heads where a projection left them
         const Tensor qkv = random({{32, 32, 3, 4, 64}})[0];
         const Tensor q = transpose(qkv(_, _, 0), 1, 2), k = transpose(qkv(_, _, 1), 1, 2);  // [32, 4, 32, 64]
         return product(q, transpose(k), seconds);
       }});
  return r;
}

}  // namespace heed::bench
