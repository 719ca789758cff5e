// 07  Scaled dot-product attention: the derivation, the known mistakes, the hints.
#include <heed/tools/lessons/judge/exercise.h>

namespace heed::lessons {
namespace {

namespace task {                // the forward pass is written there, and nowhere else
#include "../07_attention.cpp"  // NOLINT(bugprone-suspicious-include)
}

// ---- the derivation
// O = A V is a product: the loss changes by <dO, (change of A) V + A (change of V)>. A^T and V^T move over to dO
// (lesson 02).
Tensor dV(const Tensor& A, const Tensor& dO) { return matmul(transpose(A), dO); }
Tensor dA(const Tensor& V, const Tensor& dO) { return matmul(dO, transpose(V)); }

// Lesson 04, row by row: a share grows with its own score and shrinks with every other of its row. What is left is how
// much more the loss would be with value n than with what query t reads now: rowsum(A * dA) is <o_t, do_t>.
Tensor dS(const Tensor& A, const Tensor& dA) { return A * (dA - sum(A * dA, -1, keepdim)); }

// S = Q K^T / sqrt(d) is a product again, scaled on the way back as on the way forward.
Tensor dQ(const Tensor& K, const Tensor& dS) { return matmul(dS, K) / std::sqrt(double(K.size(-1))); }
Tensor dK(const Tensor& Q, const Tensor& dS) { return matmul(transpose(dS), Q) / std::sqrt(double(Q.size(-1))); }

// ---- the exercise
}  // namespace

Exercise attention() {
  return {
      .file = "07_attention",
      .title = "Scaled dot-product attention",
      .cases = cases<task::Forward>({{4, 5, 3, 2}, {5, 3, 2, 4}, {4, 4, 4, 4}}, {{"O"}}),
      .parts =
          {
              {"dV",
               "A^T dO",
               {{"A^T", "A", "A is not transposed: column n of A says who has read value n"},
                {"A", "S", "S stands where A should: values are weighted by shares, not by scores"},
                {"dO", "O", "O stands where dO should"}}},
              {"dA",
               "dO V^T",
               {{"V^T", "V", "V is not transposed: da_tn = <do_t, v_n>"},
                {"V^T", "K^T", "K stands where V should: A weighs values"},
                {"dO", "O", "O stands where dO should"}}},
              {"dS", "A * (dA - rowsum(A * dA))",
               mistakes_in_softmax("A", "dA") + Mistakes{{"A * (dA - rowsum(A * dA))", "S * (dA - rowsum(S * dA))",
                                                          "S, the scores before softmax, stands where A should"}}},
              {"dQ", "dS K / sqrt(d)", mistakes_in_queries()},
              {"dK", "dS^T Q / sqrt(d)", mistakes_in_keys()},
          },
      .hints = {"O = A V and S = Q K^T are products of matrices, as in lesson 02: the gradient of a factor is what "
                "came back times the other factor. Let the shapes say which is transposed.",
                "dS: every row of A is a softmax of its row of S. You have written that in lesson 04.",
                "dV = A^T dO, dA = dO V^T. dS is A * (dA - something of each row). In dQ and dK do not forget what the "
                "scores were divided by."},
      .quotes = {{"ops/attention.cpp", "AttentionOp", {"definition"}}, {"ops/softmax.cpp", "Softmax", {"d0"}}},
      .right = {{"dV(A, dO)", dV}, {"dA(V, dO)", dA}, {"dS(A, dA)", dS}, {"dQ(K, dS)", dQ}, {"dK(Q, dS)", dK}},
      .unfilled = task::answers,
  };
}

}  // namespace heed::lessons
