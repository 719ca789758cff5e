#include <heed/core/blas.h>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>
#include "catch.h"
#include "program.h"

extern "C" __attribute__((weak)) void gotoblas_dynamic_init();  // null where OpenBLAS has but one set of kernels

using namespace heed;

namespace {

template <class T>
std::vector<T> random_values(int64_t n, unsigned seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<T> uniform(-1, 1);
  std::vector<T> x(static_cast<size_t>(n));
  for (T& value : x) value = uniform(generator);
  return x;
}

// Compares gemm with its definition. |error| <= (k + 2) u (|alpha| |a| |b| + |beta c|), u = epsilon / 2 (Higham
// 2002, 3.5); the values between the rows of c must stay.
template <class T>
void check_gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, T alpha, T beta, int64_t gap) {
  CAPTURE(transpose_a, transpose_b, m, n, k, alpha, beta, gap);
  const int64_t lda = (transpose_a ? m : k) + gap, ldb = (transpose_b ? k : n) + gap, ldc = n + gap;
  const std::vector<T> a = random_values<T>((transpose_a ? k : m) * lda, 1);
  const std::vector<T> b = random_values<T>((transpose_b ? n : k) * ldb, 2);
  const std::vector<T> before = random_values<T>(m * ldc, 3);
  std::vector<T> c = before;
  if (beta == 0)  // nothing of c may be read
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j) c[static_cast<size_t>(i * ldc + j)] = std::numeric_limits<T>::quiet_NaN();
  blas::gemm(transpose_a, transpose_b, m, n, k, alpha, a.data(), lda, b.data(), ldb, beta, c.data(), ldc);

  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < ldc; ++j) {
      const auto at = static_cast<size_t>(i * ldc + j);
      if (j >= n) {
        REQUIRE(c[at] == before[at]);
        continue;
      }
      long double sum = 0, size = 0;
      for (int64_t l = 0; l < k; ++l) {
        const long double x = a[static_cast<size_t>(transpose_a ? l * lda + i : i * lda + l)];
        const long double term = x * b[static_cast<size_t>(transpose_b ? j * ldb + l : l * ldb + j)];
        sum += term;
        size += std::abs(term);
      }
      const long double rest = beta == 0 ? 0 : beta * static_cast<long double>(before[at]);
      const long double u = std::numeric_limits<T>::epsilon() / 2;
      const long double bound = static_cast<long double>(k + 2) * u * (std::abs(alpha) * size + std::abs(rest));
      REQUIRE(std::abs(c[at] - (alpha * sum + rest)) <= bound);
    }
  }
}

}  // namespace

TEMPLATE_TEST_CASE("gemm is the matrix product", "[blas]", float, double) {
  const bool transpose_a = GENERATE(false, true), transpose_b = GENERATE(false, true);
  const int64_t gap = GENERATE(0, 3);
  for (const int64_t m : {1, 2, 7, 33})
    for (const int64_t n : {1, 5, 16, 67})
      for (const int64_t k : {1, 3, 64, 131})
        check_gemm<TestType>(transpose_a, transpose_b, m, n, k, TestType(1), TestType(0), gap);
  check_gemm<TestType>(transpose_a, transpose_b, 12, 34, 56, TestType(-0.5), TestType(1), gap);
  check_gemm<TestType>(transpose_a, transpose_b, 12, 34, 56, TestType(2), TestType(0.25), gap);
}

TEMPLATE_TEST_CASE("gemm of nothing: no rows, no columns, an empty sum", "[blas]", float, double) {
  for (const TestType beta : {TestType(0), TestType(1), TestType(-2)}) {
    check_gemm<TestType>(false, false, 0, 4, 5, 1, beta, 1);
    check_gemm<TestType>(false, false, 4, 0, 5, 1, beta, 1);
    check_gemm<TestType>(false, true, 4, 6, 0, 1, beta, 1);
    check_gemm<TestType>(true, false, 4, 6, 0, 1, beta, 0);
  }
}

TEST_CASE("gemm refuses sizes beyond OpenBLAS's integers", "[blas]") {
  const float x = 1;
  float y = 2;
  const int64_t huge = int64_t{1} << 31;
  CHECK_THROWS_AS(blas::gemm(false, false, 1, 1, huge, 1.0f, &x, huge, &x, 1, 0.0f, &y, 1), std::length_error);
  CHECK(y == 2);
}

TEST_CASE("OpenBLAS runs the kernels of this machine", "[blas]") {
  CHECK(blas::core_name() == blas::core_wanted());
  CHECK_FALSE(blas::core_name().empty());
#if defined(__x86_64__)
  if (!std::getenv("OPENBLAS_CORETYPE") && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    for (const char* old : {"Prescott", "Nehalem", "Sandybridge", "Core2"}) CHECK(blas::core_name() != old);
#endif
}

#if defined(__x86_64__)
TEST_CASE("OpenBLAS keeps the kernels that a user asks for and not those it takes for an older processor", "[blas]") {
  if (!gotoblas_dynamic_init) return;
  const char* asked = std::getenv("OPENBLAS_CORETYPE");
  const std::string before = asked ? asked : "";
  if (before != "Prescott") {  // then this, in a process that begins with those of 2004
    ::setenv("OPENBLAS_CORETYPE", "Prescott", 1);
    const Said said = run_program_of_build("heed_tests", "\"OpenBLAS keeps*\"");
    if (asked) ::setenv("OPENBLAS_CORETYPE", before.c_str(), 1);
    else ::unsetenv("OPENBLAS_CORETYPE");
    INFO(said.text);
    CHECK(said.code == 0);
    CHECK(said.text.find("heed: ") == std::string::npos);
    CHECK(said.text.find("in 1 test case)") != std::string::npos);
    return;
  }
  CHECK(blas::core_name() == "Prescott");
  CHECK(blas::core_wanted() == "Prescott");
  ::unsetenv("OPENBLAS_CORETYPE");
  const blas::Core core = blas::choose_core();
  CHECK(core.name == core.wanted);
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  CHECK((core.name == "Haswell" || core.name == "SkylakeX") == avx2);
  check_gemm<float>(false, true, 33, 67, 131, 1, 0, 3);
  check_gemm<double>(true, false, 33, 67, 131, 1, 0, 3);
}
#endif
