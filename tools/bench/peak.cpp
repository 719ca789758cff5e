#include "peak.h"
#include <heed/core/array.h>
#include <heed/core/parallel.h>
#include <hwy/cache_control.h>
#include <algorithm>
#include <chrono>

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "heed/tools/bench/peak.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace heed::bench::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int chains = 12;  // that do not wait for each other: latency 4, two units, and some to spare

// x = x / 2 + 1 in every lane of every chain, from other values each, so that none is another's; their sum, so that
// none can be left out.
float multiply_add(int64_t rounds) {
  const hn::ScalableTag<float> d;
  const auto half = hn::Set(d, 0.5f), one = hn::Set(d, 1.0f);
  const auto from = [=](float first) HWY_ATTR { return hn::Iota(d, first); };
  auto x0 = from(0), x1 = from(1), x2 = from(2), x3 = from(3), x4 = from(4), x5 = from(5), x6 = from(6), x7 = from(7),
       x8 = from(8), x9 = from(9), x10 = from(10), x11 = from(11);
  for (int64_t i = 0; i < rounds; ++i) {
    x0 = hn::MulAdd(x0, half, one), x1 = hn::MulAdd(x1, half, one), x2 = hn::MulAdd(x2, half, one);
    x3 = hn::MulAdd(x3, half, one), x4 = hn::MulAdd(x4, half, one), x5 = hn::MulAdd(x5, half, one);
    x6 = hn::MulAdd(x6, half, one), x7 = hn::MulAdd(x7, half, one), x8 = hn::MulAdd(x8, half, one);
    x9 = hn::MulAdd(x9, half, one), x10 = hn::MulAdd(x10, half, one), x11 = hn::MulAdd(x11, half, one);
  }
  const auto a = hn::Add(hn::Add(x0, x1), hn::Add(x2, x3)), b = hn::Add(hn::Add(x4, x5), hn::Add(x6, x7)),
             c = hn::Add(hn::Add(x8, x9), hn::Add(x10, x11));
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(a, b), c)));
}
double operations(int64_t rounds) {
  return 2.0 * chains * double(rounds) * double(hn::Lanes(hn::ScalableTag<float>()));
}

// a = b + 3 c, past the caches; n is a multiple of the lanes.
void triad(float* a, const float* b, const float* c, int64_t n) {
  const hn::ScalableTag<float> d;
  const auto three = hn::Set(d, 3.0f);
  for (int64_t i = 0; i < n; i += int64_t(hn::Lanes(d)))
    hn::Stream(hn::MulAdd(three, hn::Load(d, c + i), hn::Load(d, b + i)), d, a + i);
  hwy::FlushStream();
}

}  // namespace heed::bench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace heed::bench {
namespace {
HWY_EXPORT(multiply_add);
HWY_EXPORT(operations);
HWY_EXPORT(triad);

// The best rate of `work` per call: a limit is what has been seen.
double rate(double work, FunctionRef<void()> f) {
  f();
  double best = 0;
  for (int i = 0; i < 15; ++i) {
    const auto start = std::chrono::steady_clock::now();
    f();
    best = std::max(best, work / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

double measure_fma() {
  constexpr int64_t rounds = 4'000'000;  // about 20 ms
  const int64_t threads = num_threads();
  volatile float seen = 0;
  return rate(double(threads) * HWY_DYNAMIC_DISPATCH(operations)(rounds), [&] {
    parallel_for(threads, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) seen = HWY_DYNAMIC_DISPATCH(multiply_add)(rounds);
    });
  });
}

double measure_triad() {
  constexpr int64_t n = 8 << 20, grain = 1 << 18;  // three arrays of 32 MiB
  const Array b = filled({n}, 1, f32), c = filled({n}, 2, f32);
  Array a({n}, f32);
  float* const to = a.mutable_data<float>();
  return rate(3.0 * sizeof(float) * n, [&] {
    parallel_for(n, grain, [&](int64_t begin, int64_t end) {
      HWY_DYNAMIC_DISPATCH(triad)(to + begin, b.data<float>() + begin, c.data<float>() + begin, end - begin);
    });
  });
}

}  // namespace

double fma_peak() {
  static const double measured = measure_fma();
  return measured;
}
double triad_peak() {
  static const double measured = measure_triad();
  return measured;
}
}  // namespace heed::bench
#endif
