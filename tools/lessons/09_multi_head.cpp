// 09  Multi-head self-attention      (Vaswani et al. 2017, section 3.2.2)
//
// A sequence asks itself: queries, keys and values are all made of the same X. Their columns are shared out over h
// heads, which attend each by itself (lesson 07, h times at once), and what they read is put side by side again.
//
//   Q = X Wq^T   K = X Wk^T   V = X Wv^T      [T, h d]
//   heads: Qh, Kh, Vh                         [h, T, d]
//   Oh = attention(Qh, Kh, Vh)                [h, T, d]
//   O = Oh side by side                       [T, h d]
//   Y = O Wo^T
//
// Between dOh and dQh, dKh, dVh stands lesson 07 as it is: its functions do not mind one more dimension in front.
#include <heed/tools/lessons/lesson.h>
using namespace heed;

inline Tensor split(const Tensor& x, int64_t h) {  // [T, h d] -> [h, T, d]
  return transpose(reshape(x, {x.size(0), h, -1}), 0, 1);
}
inline Tensor merge(const Tensor& x) {  // [h, T, d] -> [T, h d]
  return reshape(transpose(x, 0, 1), {x.size(1), -1});
}

struct Forward {
  int64_t T, h, d;
  Tensor X = input({T, h* d});
  Tensor Wq = input({h * d, h*d}), Wk = input({h * d, h*d}), Wv = input({h * d, h*d}), Wo = input({h * d, h*d});

  Tensor Q = matmul(X, transpose(Wq)), K = matmul(X, transpose(Wk)), V = matmul(X, transpose(Wv));  // [T, h d]
  Tensor Qh = split(Q, h), Kh = split(K, h), Vh = split(V, h);                                      // [h, T, d]
  Tensor Ah = softmax(matmul(Qh, transpose(Kh)) / std::sqrt(double(d)));                            // [h, T, T]
  Tensor Oh = matmul(Ah, Vh);                                                                       // [h, T, d]
  Tensor O = merge(Oh);                                                                             // [T, h d]
  Tensor Y = matmul(O, transpose(Wo));                                                              // [T, h d]
};

// Y = O Wo^T
Tensor dWo(const Tensor& O, const Tensor& dY) { return todo(O, dY); }
Tensor dO(const Tensor& Wo, const Tensor& dY) { return todo(Wo, dY); }

// O = merge(Oh): every element has moved to another place and goes back there. Oh tells the sizes.
Tensor dOh(const Tensor& Oh, const Tensor& dO) { return todo(Oh, dO); }

// Qh = split(Q, h)
Tensor dQ(const Tensor& dQh) { return todo(dQh); }

// Q = X Wq^T
Tensor dWq(const Tensor& X, const Tensor& dQ) { return todo(X, dQ); }

// X is used three times
Tensor dX(const Tensor& Wq, const Tensor& Wk, const Tensor& Wv, const Tensor& dQ, const Tensor& dK, const Tensor& dV) {
  return todo(Wq, Wk, Wv, dQ, dK, dV);
}

Answers answers{{"dWo(O, dY)", dWo}, {"dO(Wo, dY)", dO},  {"dOh(Oh, dO)", dOh},
                {"dQ(dQh)", dQ},     {"dWq(X, dQ)", dWq}, {"dX(Wq, Wk, Wv, dQ, dK, dV)", dX}};
