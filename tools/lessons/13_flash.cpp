// 13  Flash attention, backward      (Dao et al. 2022, section 3.1 and appendix B.4)
//
// The T x N matrix A need not be remembered, nor ever be there as a whole. Forward keeps the output and one number for
// each query, lse_t = log sum_n e^s_tn; backward makes a block of columns of A again wherever it needs one:
//
//   a_tn = e^(s_tn - lse_t)
//
// But the row sum of lesson 04, D_t = sum_n a_tn da_tn, runs over all blocks, and is needed in the first. It can be had
// before that, of O and dO alone: put in da_tn = <do_t, v_n>.
//
// First what a block needs; K and V may be any block of rows. Then all of it, block by block: `block` keys at a time.
// Only the values are judged, so it is up to you that nothing is ever larger than a block of columns.
#include <heed/tools/lessons/lesson.h>
using namespace heed;

inline constexpr int64_t block = 2;  // keys; the last block may be smaller

struct Forward {
  int64_t T, N, d, e;
  Tensor Q = input({T, d}), K = input({N, d}), V = input({N, e});

  Tensor S = matmul(Q, transpose(K)) / std::sqrt(double(d));  // [T, N]
  Tensor lse = logsumexp(S, -1, keepdim);                     // [T, 1]
  Tensor A = exp(S - lse);                                    // [T, N]
  Tensor O = matmul(A, V);                                    // [T, e]
};

// The weights of a block of keys
Tensor A(const Tensor& Q, const Tensor& K, const Tensor& lse) { return todo(Q, K, lse); }  // [T, N]

// The row sum, without A
Tensor D(const Tensor& O, const Tensor& dO) { return todo(O, dO); }  // [T, 1]

// The scores' gradient in a block
Tensor dS(const Tensor& A, const Tensor& V, const Tensor& D, const Tensor& dO) { return todo(A, V, D, dO); }  // [T, N]

// Block by block: each gives rows of dV and dK of its own, and something to all of dQ
Tensor dV(const Tensor& Q, const Tensor& K, const Tensor& lse, const Tensor& dO) { return todo(Q, K, lse, dO); }
Tensor dK(const Tensor& Q, const Tensor& K, const Tensor& V, const Tensor& O, const Tensor& lse, const Tensor& dO) {
  return todo(Q, K, V, O, lse, dO);
}
Tensor dQ(const Tensor& Q, const Tensor& K, const Tensor& V, const Tensor& O, const Tensor& lse, const Tensor& dO) {
  return todo(Q, K, V, O, lse, dO);
}

Answers answers{{"A(Q, K, lse)", A},
                {"D(O, dO)", D},
                {"dS(A, V, D, dO)", dS},
                {"dV(Q, K, lse, dO)", dV},
                {"dK(Q, K, V, O, lse, dO)", dK},
                {"dQ(Q, K, V, O, lse, dO)", dQ}};
