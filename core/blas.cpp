#include "blas.h"
#include <cblas.h>
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <stdexcept>

// Exported by every OpenBLAS built for more than one processor (DYNAMIC_ARCH); null in the others.
extern "C" __attribute__((weak)) void gotoblas_dynamic_init();
extern "C" __attribute__((weak)) void gotoblas_dynamic_quit();

namespace heed::blas {
namespace {

// Widths of the vectors that a processor, or a set of OpenBLAS kernels, works with.
enum class Simd { sse, avx2, avx512 };

#if defined(__x86_64__)
Simd of_processor() {
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  return avx512 ? Simd::avx512 : avx2 ? Simd::avx2 : Simd::sse;
}
#else
Simd of_processor() { return Simd::sse; }
#endif

Simd of_core(std::string_view core) {
  const auto among = [core](auto... names) { return ((core == names) || ...); };
  if (among("SkylakeX", "Cooperlake", "SapphireRapids")) return Simd::avx512;
  if (among("Haswell", "Zen", "Excavator")) return Simd::avx2;
  return Simd::sse;
}

// The kernels to prefer when OpenBLAS chose some for a lesser processor: the widest. On AMD Zen 4 too, where SkylakeX
// is even with Zen on the usual products (geometric means 1 % in f32, 2 % in f64 ahead) and 3 times faster when m is 1.
const char* widest_core(Simd simd) { return simd == Simd::avx512 ? "SkylakeX" : "Haswell"; }

const Core& core() {
  static const Core core = choose_core();
  return core;
}

// Before main where possible: the environment is written while there is one thread.
[[maybe_unused]] const Core& at_start = core();

int to_int(int64_t size) {
  if (size < 0 || size > std::numeric_limits<int>::max())
    throw std::length_error("gemm: a size of " + std::to_string(size) + " is out of OpenBLAS's range");
  return static_cast<int>(size);
}

CBLAS_TRANSPOSE flag(bool transpose) { return transpose ? CblasTrans : CblasNoTrans; }

}  // namespace

Core choose_core() {
  openblas_set_num_threads(1);
  Core core{openblas_get_corename(), openblas_get_corename()};
  if (std::getenv("OPENBLAS_CORETYPE") || of_core(core.name) >= of_processor()) return core;
  core.wanted = widest_core(of_processor());
  if (gotoblas_dynamic_init && gotoblas_dynamic_quit) {
    setenv("OPENBLAS_CORETYPE", core.wanted.c_str(), 1);
    gotoblas_dynamic_quit();
    gotoblas_dynamic_init();
    unsetenv("OPENBLAS_CORETYPE");
    core.name = openblas_get_corename();
  }
  if (core.name != core.wanted)
    std::fprintf(stderr, "heed: OpenBLAS runs its %s kernels, this machine's are %s\n", core.name.c_str(),
                 core.wanted.c_str());
  return core;
}

template <class T>
void gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, T alpha, const T* a, int64_t lda,
          const T* b, int64_t ldb, T beta, T* c, int64_t ldc) {
  core();
  const std::array<int, 6> size{to_int(m), to_int(n), to_int(k), to_int(lda), to_int(ldb), to_int(ldc)};
  if (m == 0 || n == 0) return;
  if (k == 0) {
    for (int64_t i = 0; i < m; ++i)
      std::transform(c + i * ldc, c + i * ldc + n, c + i * ldc, [beta](T x) { return beta == 0 ? T(0) : beta * x; });
    return;
  }
  const auto multiply = [&](auto* cblas_gemm) {
    cblas_gemm(CblasRowMajor, flag(transpose_a), flag(transpose_b), size[0], size[1], size[2], alpha, a, size[3], b,
               size[4], beta, c, size[5]);
  };
  if constexpr (sizeof(T) == sizeof(float)) multiply(cblas_sgemm);
  else multiply(cblas_dgemm);
}

template void gemm(bool, bool, int64_t, int64_t, int64_t, float, const float*, int64_t, const float*, int64_t, float,
                   float*, int64_t);
template void gemm(bool, bool, int64_t, int64_t, int64_t, double, const double*, int64_t, const double*, int64_t,
                   double, double*, int64_t);

std::string_view core_name() { return core().name; }
std::string_view core_wanted() { return core().wanted; }

}  // namespace heed::blas
