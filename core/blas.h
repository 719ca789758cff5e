#pragma once

#include <cstdint>
#include <string>
#include <string_view>

// Dense matrix products, by OpenBLAS on the calling thread: what heed's own are compared with.
namespace heed::blas {

// c = alpha op(a) op(b) + beta c        op(a) [m, k]  op(b) [k, n]  c [m, n], row-major
// op transposes where asked: a is stored [m, k], or [k, m] when transpose_a; b is stored [k, n], or [n, k] when
// transpose_b. lda, ldb, ldc are the distances between stored rows, at least their lengths. With beta = 0, c is
// written without being read. T is float or double. Throws std::length_error for sizes beyond int.
template <class T>
void gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, T alpha, const T* a, int64_t lda,
          const T* b, int64_t ldb, T beta, T* c, int64_t ldc);

// The kernels OpenBLAS runs ("SkylakeX"), and those this machine should run. OpenBLAS does not know processors younger
// than itself and takes kernels for very old ones instead, five times slower; it is corrected at start-up, unless the
// user has set OPENBLAS_CORETYPE, and where it cannot be, a warning on stderr says so and the two names differ.
std::string_view core_name();
std::string_view core_wanted();

struct Core {
  std::string name, wanted;
};
Core choose_core();  // what is done at start-up, for the kernels and the environment as they are

}  // namespace heed::blas
