// 07  Scaled dot-product attention      (Vaswani et al. 2017, eq. 1)
//
// T queries ask N keys; each reads the values, the more of one the better its key suits:
//
//   S = Q K^T / sqrt(d)      how well key n suits query t
//   A = softmax(S)           what share of its reading query t takes from value n: each row sums to 1
//   O = A V                  what is read
//
// The loss comes back as dO. It goes through V straight, and through A into S, and from there to Q and K: three matrix
// products (lesson 02) and one softmax (lesson 04).
#include <heed/tools/lessons/lesson.h>
using namespace heed;

struct Forward {
  int64_t T, N, d, e;
  Tensor Q = input({T, d}), K = input({N, d}), V = input({N, e});

  Tensor S = matmul(Q, transpose(K)) / std::sqrt(double(d));  // [T, N]
  Tensor A = softmax(S);                                      // [T, N]
  Tensor O = matmul(A, V);                                    // [T, e]
};

// O = A V: value n was read by all queries, by query t with weight a_tn
Tensor dV(const Tensor& A, const Tensor& dO) { return todo(A, dO); }  // [N, e]

// O = A V: more of value n in row t moves o_t by v_n
Tensor dA(const Tensor& V, const Tensor& dO) { return todo(V, dO); }  // [T, N]

// A = softmax(S), row by row
Tensor dS(const Tensor& A, const Tensor& dA) { return todo(A, dA); }  // [T, N]

// S = Q K^T / sqrt(d)
Tensor dQ(const Tensor& K, const Tensor& dS) { return todo(K, dS); }  // [T, d]
Tensor dK(const Tensor& Q, const Tensor& dS) { return todo(Q, dS); }  // [N, d]

Answers answers{{"dV(A, dO)", dV}, {"dA(V, dO)", dA}, {"dS(A, dA)", dS}, {"dQ(K, dS)", dQ}, {"dK(Q, dS)", dK}};
