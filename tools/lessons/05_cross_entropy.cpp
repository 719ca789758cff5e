// 05  Cross entropy
//
// n rows of scores for m classes, and the class that was right, as a row that is 1 there and else 0:
//
//   P = softmax(Z)      L = -(1/n) sum_t log p_t,right(t) = -(1/n) sum Y * log(P)
//
// dL = 1. Through P step by step; then all at once, where almost everything cancels.
#include <heed/tools/lessons/lesson.h>
using namespace heed;

struct Forward {
  int64_t n, m;
  Tensor Z = input({n, m});                                             // scores, called logits
  Tensor Y = cast(one_hot(randint(0, m, {n}, default_rng()), m), f64);  // [n, m]  the right classes

  Tensor P = softmax(Z);  // [n, m]
  Tensor L = -sum(Y * log(P)) / double(n);
};

// L = -(1/n) sum Y * log(P)
Tensor dP(const Tensor& Y, const Tensor& P) { return todo(Y, P); }

// P = softmax(Z): lesson 04 with this dP. Each row of Y sums to 1.
Tensor dZ(const Tensor& Y, const Tensor& P) { return todo(Y, P); }

Answers answers{{"dP(Y, P)", dP}, {"dZ(Y, P)", dZ}};
