// 10  Additive attention      (Bahdanau, Cho and Bengio 2015, appendix A.1.2)
//
// Query and key need not be of one width, nor alike: a small network with one hidden layer says how well they suit.
//
//   P = Q Wq^T   R = K Wk^T                    each is computed once
//   h_tn = tanh(p_t + r_n)                     for every pair of query and key, a vector of width a
//   s_tn = <v, h_tn>
//   A = softmax(S)      O = A V                as in lesson 07, where dS comes from
//
// P is copied to all keys and R to all queries: what comes back is summed over the copies.
#include <heed/tools/lessons/lesson.h>
using namespace heed;

struct Forward {
  int64_t T, N, q, k, a, e;
  Tensor Q = input({T, q}), K = input({N, k}), V = input({N, e});
  Tensor Wq = input({a, q}), Wk = input({a, k}), v = input({a});

  Tensor P = matmul(Q, transpose(Wq));           // [T, a]
  Tensor R = matmul(K, transpose(Wk));           // [N, a]
  Tensor Z = unsqueeze(P, 1) + unsqueeze(R, 0);  // [T, N, a]
  Tensor H = tanh(Z);                            // [T, N, a]
  Tensor S = matmul(H, v);                       // [T, N]
  Tensor A = softmax(S);
  Tensor O = matmul(A, V);  // [T, e]
};

// s_tn = <v, h_tn>
Tensor dv(const Tensor& H, const Tensor& dS) { return todo(H, dS); }  // [a]
Tensor dH(const Tensor& v, const Tensor& dS) { return todo(v, dS); }  // [T, N, a]

// H = tanh(Z)
Tensor dZ(const Tensor& H, const Tensor& dH) { return todo(H, dH); }  // [T, N, a]

// z_tn = p_t + r_n
Tensor dP(const Tensor& dZ) { return todo(dZ); }  // [T, a]
Tensor dR(const Tensor& dZ) { return todo(dZ); }  // [N, a]

// P = Q Wq^T
Tensor dWq(const Tensor& Q, const Tensor& dP) { return todo(Q, dP); }
Tensor dQ(const Tensor& Wq, const Tensor& dP) { return todo(Wq, dP); }

Answers answers{{"dv(H, dS)", dv}, {"dH(v, dS)", dH},   {"dZ(H, dH)", dZ}, {"dP(dZ)", dP},
                {"dR(dZ)", dR},    {"dWq(Q, dP)", dWq}, {"dQ(Wq, dP)", dQ}};
