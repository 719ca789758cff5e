// 08  Masked attention
//
// A text is read from left to right: query t may look at keys 0 .. t and no further. M is true where it may. And every
// key has a bias b_n of its own, added to its scores whoever asks:
//
//   S = Q K^T / sqrt(d) + b      A = softmax of what M lets through, 0 elsewhere      O = A V
//
// What was not looked at cannot have mattered: its gradient is 0, exactly. This time A is not remembered: it is made
// again from S and M where it is needed, and the mask must be applied again, too.
#include <heed/tools/lessons/lesson.h>
using namespace heed;

struct Forward {
  int64_t T, d, e;
  Tensor Q = input({T, d}), K = input({T, d}), V = input({T, e}), b = input({T});
  Tensor M = cast(tril(ones({T, T}, i64)), boolean);  // [T, T]  true = may attend

  Tensor S = matmul(Q, transpose(K)) / std::sqrt(double(d)) + b;  // [T, T]
  Tensor A = masked_softmax(S, M);                                // [T, T]
  Tensor O = matmul(A, V);                                        // [T, e]
};

// O = A V
Tensor dV(const Tensor& S, const Tensor& M, const Tensor& dO) { return todo(S, M, dO); }
Tensor dA(const Tensor& V, const Tensor& dO) { return todo(V, dO); }

// A = masked_softmax(S, M)
Tensor dS(const Tensor& S, const Tensor& M, const Tensor& dA) { return todo(S, M, dA); }

// S = Q K^T / sqrt(d) + b: the bias was copied to every row
Tensor db(const Tensor& dS) { return todo(dS); }  // [T]
Tensor dQ(const Tensor& K, const Tensor& dS) { return todo(K, dS); }
Tensor dK(const Tensor& Q, const Tensor& dS) { return todo(Q, dS); }

Answers answers{{"dV(S, M, dO)", dV}, {"dA(V, dO)", dA}, {"dS(S, M, dA)", dS},
                {"db(dS)", db},       {"dQ(K, dS)", dQ}, {"dK(Q, dS)", dK}};
