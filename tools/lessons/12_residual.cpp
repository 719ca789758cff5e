// 12  A residual block, with layer norm and dropout
//
// Half a layer of a transformer: what the row holds is normalised, goes through a small network, loses some elements at
// random, and is added to what was there.
//
//   N = (X - mean) * R      R = 1 / sqrt(variance + eps), as in lesson 06
//   U = N W1^T      A = U * sigmoid(U)      F = A W2^T
//   Y = X + F * K / (1 - p)
//
// Dropout keeps an element with probability 1 - p (K is 1 there, else 0) and makes what it keeps larger, so that the
// mean stays as it was. X goes two ways: around the network, where nothing is in its way, and through it.
#include <heed/tools/lessons/lesson.h>
using namespace heed;

constexpr double p = 0.25, eps = 1e-5;

struct Forward {
  int64_t n, m, w;
  Tensor X = input({n, m}), W1 = input({w, m}), W2 = input({m, w});
  Tensor K = cast(rand({n, m}, default_rng(), f64) >= p, f64);  // [n, m]  1 = kept

  Tensor C = X - mean(X, -1, keepdim);
  Tensor R = 1 / sqrt(mean(C * C, -1, keepdim) + eps);  // [n, 1]
  Tensor N = C * R;                                     // [n, m]
  Tensor U = matmul(N, transpose(W1));                  // [n, w]
  Tensor A = U * sigmoid(U);                            // [n, w]  silu
  Tensor F = matmul(A, transpose(W2));                  // [n, m]
  Tensor Y = X + F * K / (1 - p);
};

// Y = X + F * K / (1 - p)
Tensor dF(const Tensor& K, const Tensor& dY) { return todo(K, dY); }

// F = A W2^T
Tensor dA(const Tensor& W2, const Tensor& dF) { return todo(W2, dF); }

// A = U * sigmoid(U): a product of two functions of U
Tensor dU(const Tensor& U, const Tensor& dA) { return todo(U, dA); }

// U = N W1^T
Tensor dN(const Tensor& W1, const Tensor& dU) { return todo(W1, dU); }

// Both ways: around, and through N as in lesson 06
Tensor dX(const Tensor& N, const Tensor& R, const Tensor& dN, const Tensor& dY) { return todo(N, R, dN, dY); }

Answers answers{{"dF(K, dY)", dF}, {"dA(W2, dF)", dA}, {"dU(U, dA)", dU}, {"dN(W1, dU)", dN}, {"dX(N, R, dN, dY)", dX}};
