// ONNX's Attention (version 24) and LinearAttention (version 27) are calls of heed's: their formulas, written as loops
// over single numbers, in the cases that their specifications tell apart.
#include <cmath>
#include <limits>
#include "common.h"
#include "worst.h"

using namespace heed;

namespace {

using Numbers = std::vector<long double>;
Numbers numbers(const Tensor& x) {
  const std::vector<double> v = x.to_vector();
  return {v.begin(), v.end()};
}
double difference(const Tensor& x, const Numbers& wanted) {
  const std::vector<double> got = x.to_vector();
  REQUIRE(got.size() == wanted.size());
  long double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i)
    worst = worse(worst, std::abs(got[i] - wanted[i]) / std::max(1.0L, std::abs(wanted[i])));
  return double(worst);
}

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr int64_t B = 2, K = 2, D = 3;  // batch, heads of keys and values, width

// softmax(softcap(q k^T scale) + bias) v: q [B, H, T, D], k [B, K, S, D], v [B, K, S, E], bias [B, H, T, S], where -inf
// forbids; heads h of queries share head h K / H of keys
struct Looked {
  Numbers y, weights;  // [B, H, T, E], [B, H, T, S]
};
Looked look(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& bias, double scale, double softcap) {
  const int64_t H = q.size(1), T = q.size(2), S = k.size(2), E = v.size(3);
  const Numbers a = numbers(q), b = numbers(k), c = numbers(v), over = numbers(bias);
  Looked r;
  for (int64_t page = 0; page < B * H; ++page) {
    const int64_t keys = page / H * K + page % H * K / H;
    for (int64_t t = 0; t < T; ++t) {
      Numbers p;
      long double sum = 0;
      for (int64_t s = 0; s < S; ++s) {
        long double score = 0;
        for (int64_t d = 0; d < D; ++d)
          score += a[std::size_t((page * T + t) * D + d)] * b[std::size_t((keys * S + s) * D + d)];
        score *= scale;
        if (softcap > 0) score = softcap * std::tanh(score / softcap);
        p.push_back(std::exp(score + over[std::size_t((page * T + t) * S + s)]));
        sum += p.back();
      }
      for (int64_t e = 0; e < E; ++e) {
        long double y = 0;
        for (int64_t s = 0; s < S; ++s) y += p[std::size_t(s)] / sum * c[std::size_t((keys * S + s) * E + e)];
        r.y.push_back(y);
      }
      for (const long double w : p) r.weights.push_back(w / sum);
    }
  }
  return r;
}

enum class Mask { none, boolean_2d, boolean_4d, float_2d, float_3d, float_4d };
Tensor mask_of(Mask kind, int64_t H, int64_t T, int64_t S) {
  const Tensor all = noise({B, H, T, S}, 9), first = arange(S) == 0;  // everyone may look at the first key
  switch (kind) {
    case Mask::none:
      return {};
    case Mask::boolean_2d:
      return (all(0, 0) > 0) | first;
    case Mask::boolean_4d:
      return (all > 0) | first;
    case Mask::float_2d:
      return all(0, 0);
    case Mask::float_3d:
      return all(0);
    case Mask::float_4d:
      return where((all > -0.5) | first, all, -infinity);
  }
  return {};
}
// [.., H, T, S] -> [.., K, H / K, T, S]
Tensor grouped(const Tensor& x) {
  if (x.dim() < 3) return x;
  Shape s = x.shape();
  const int64_t H = s[-3];
  std::vector<int64_t> sizes;
  for (int64_t i = 0; i < x.dim() - 3; ++i) sizes.push_back(x.size(int(i)));
  for (int64_t n : {K, H / K, x.size(-2), x.size(-1)}) sizes.push_back(n);
  return reshape(x, Shape(sizes));
}

// [B, T, heads x width] as the operators have it -> [B, heads, T, width]
Tensor unpacked(const Tensor& x, int64_t heads) {
  return transpose(reshape(x, {x.size(0), x.size(1), heads, x.size(2) / heads}), 1, 2);
}

}  // namespace

TEST_CASE("ONNX Attention: groups of heads, widths, scales, masks, causality, softcap, and keys of the past") {
  const int64_t T = 4;
  double worst64 = 0, worst32 = 0;
  int64_t count = 0;
  for (const int64_t groups : {1, 3})
    for (const int64_t E : {D, int64_t{5}})
      for (const double scale : {0.0, 0.7})
        for (const bool causal : {false, true})
          for (const int64_t past : {0, 3})
            for (const double softcap : {0.0, 1.5})
              for (const Mask kind :
                   {Mask::none, Mask::boolean_2d, Mask::boolean_4d, Mask::float_2d, Mask::float_3d, Mask::float_4d}) {
                const int64_t H = groups * K, fresh = causal && past ? T : 6, S = past + fresh;
                const Tensor q = unpacked(noise({B, T, H * D}, 1), H), v = noise({B, K, S, E}, 3);
                const Tensor k = noise({B, K, S, D}, 2), mask = mask_of(kind, H, T, S);
                KvCache cache;  // past_key and past_value, and what is present then
                if (past) cache.append(k(_, _, range(0, past)), v(_, _, range(0, past)));
                cache.append(k(_, _, range(past, S)), v(_, _, range(past, S)));
                CHECK((equal(cache.keys(), k) && equal(cache.values(), v)));

                const bool floats = kind >= Mask::float_2d;
                Tensor bias = zeros({B, H, T, S}, f64);
                if (kind != Mask::none) bias = bias + (floats ? mask : where(mask, zeros({1}, f64), -infinity));
                const Tensor earlier = arange(S) <= unsqueeze(arange(T), 1) + past;
                if (causal) bias = where(earlier, bias, -infinity);
                const Looked wanted = look(q, k, v, bias, scale != 0 ? scale : 1 / std::sqrt(double(D)), softcap);

                const AttentionOptions options{.bias = floats ? grouped(mask) : Tensor(),
                                               .mask = kind == Mask::none || floats ? Tensor() : grouped(mask),
                                               .causal = !causal ? Causal::off
                                                         : past  ? Causal::lower_right
                                                                 : Causal::upper_left,
                                               .scale = scale};
                auto made = [&](Dtype t) {
                  const Tensor queries = reshape(cast(q, t), {B, K, groups, T, D});
                  const Tensor keys = unsqueeze(cast(cache.keys(), t), 2),
                               values = unsqueeze(cast(cache.values(), t), 2);
                  AttentionOptions o = options;
                  if (o.bias.defined()) o.bias = cast(o.bias, t);
                  if (softcap == 0)
                    return reshape(scaled_dot_product_attention(queries, keys, values, o), {B, H, T, E});
                  // Scores of one's own
                  const double factor = scale != 0 ? scale : 1 / std::sqrt(double(D));
                  const Tensor s = softcap * tanh(matmul(queries, transpose(keys)) * (factor / softcap));
                  const Tensor p = softmax(s + grouped(cast(bias, t)));
                  CHECK(difference(p, wanted.weights) < (t == f64 ? 1e-14 : 2e-6));
                  return reshape(matmul(p, values), {B, H, T, E});
                };
                worst64 = worse(worst64, difference(made(f64), wanted.y));
                worst32 = worse(worst32, difference(made(f32), wanted.y));
                ++count;
                if (worst64 > 1e-14 || worst32 > 2e-6)
                  FAIL(worst64 << ", " << worst32 << ": " << groups << " to a head, E " << E << ", scale " << scale
                               << ", causal " << causal << ", past " << past << ", softcap " << softcap << ", mask "
                               << int(kind));
              }
  std::printf("ONNX Attention, %lld cases: at most %.1e in f64, %.1e in f32\n", static_cast<long long>(count), worst64,
              worst32);
}

TEST_CASE("ONNX LinearAttention: four rules, groups of heads, prefill and decode") {
  struct Rule {
    const char* name;
    bool decays, corrects;
  };
  const int64_t E = 4;
  double worst64 = 0, worst32 = 0;
  for (const Rule& rule :
       {Rule{"linear", false, false}, {"gated", true, false}, {"delta", false, true}, {"gated_delta", true, true}})
    for (const int64_t groups : {1, 2})
      for (const int64_t T : {1, 9})
        for (const bool past : {false, true}) {
          const int64_t H = groups * K;
          const double scale = 1 / std::sqrt(double(D));
          const Tensor q = unpacked(noise({B, T, H * D}, 1), H), v = unpacked(noise({B, T, K * E}, 3), K);
          const Tensor any = unpacked(noise({B, T, K * D}, 2), K), k = any / norm(any, 2, -1, keepdim);
          const Tensor decay = -softplus(transpose(noise({B, T, K}, 4))),
                       beta = sigmoid(transpose(noise({B, T, K}, 5)));
          const Tensor state = past ? noise({B, K, D, E}, 6) : zeros({B, K, D, E}, f64);
          const Numbers qs = numbers(q), ks = numbers(k), vs = numbers(v), g = numbers(decay), b = numbers(beta);

          Numbers S = numbers(state), y(std::size_t(B * H * T * E));
          for (int64_t page = 0; page < B * K; ++page)
            for (int64_t t = 0; t < T; ++t) {
              const std::size_t now = std::size_t(page * T + t);
              auto at = [&](int64_t d, int64_t e) -> long double& { return S[std::size_t((page * D + d) * E + e)]; };
              for (int64_t e = 0; e < E; ++e) {
                long double seen = 0;
                for (int64_t d = 0; d < D; ++d) {
                  if (rule.decays) at(d, e) *= std::exp(g[now]);
                  seen += at(d, e) * ks[now * D + std::size_t(d)];
                }
                const long double value = vs[now * std::size_t(E) + std::size_t(e)];
                const long double put = rule.corrects ? b[now] * (value - seen) : value;
                for (int64_t d = 0; d < D; ++d) at(d, e) += ks[now * D + std::size_t(d)] * put;
                for (int64_t i = 0; i < groups; ++i) {
                  const std::size_t head = std::size_t(page / K * H + page % K * groups + i);
                  long double read = 0;
                  for (int64_t d = 0; d < D; ++d)
                    read += at(d, e) * qs[(head * std::size_t(T) + std::size_t(t)) * D + std::size_t(d)];
                  y[(head * std::size_t(T) + std::size_t(t)) * std::size_t(E) + std::size_t(e)] = scale * read;
                }
              }
            }

          // Queries of a group share a state: their batch stands before that of the heads.
          auto made = [&](Dtype t, double& worst) {
            auto narrow = [&](const Tensor& x) { return cast(x, t); };
            const Tensor of_groups = permute(reshape(narrow(q) * scale, {B, K, groups, T, D}), {2, 0, 1, 3, 4});
            const LinearAttentionOptions options{.beta = rule.corrects ? narrow(beta) : Tensor(),
                                                 .log_decay = rule.decays ? narrow(decay) : Tensor(),
                                                 .state = past ? narrow(state) : Tensor()};
            const auto [out, last] = linear_attention(of_groups, narrow(k), narrow(v), options);
            const Tensor heads = reshape(permute(out, {1, 2, 0, 3, 4}), {B, H, T, E});
            for (const double error : {difference(heads, y), difference(last.dim() == 5 ? last(0) : last, S)})
              worst = worse(worst, error);
          };
          made(f64, worst64), made(f32, worst32);
          INFO(rule.name << ", " << groups << " to a head, " << T << " places, past " << past);
          CHECK(worst64 < 1e-14);
          CHECK(worst32 < 2e-6);
        }
  std::printf("ONNX LinearAttention: at most %.1e in f64, %.1e in f32\n", worst64, worst32);
}
