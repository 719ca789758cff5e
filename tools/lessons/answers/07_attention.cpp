// 07  Scaled dot-product attention: the derivation, the known mistakes, the hints.
#include <heed/tools/lessons/judge/exercise.h>

namespace heed::lessons {
namespace {

namespace task {                // the forward pass is written there, and nowhere else
#include "../07_attention.cpp"  // NOLINT(bugprone-suspicious-include)
}

// ---- the derivation
// O = A V is a product: <dO, dA V + A dV> is how the loss changes. A^T and V^T move over to dO (lesson 02).
Tensor dV(const Tensor& A, const Tensor& dO) { return matmul(transpose(A), dO); }
Tensor dA(const Tensor& V, const Tensor& dO) { return matmul(dO, transpose(V)); }

// Lesson 04, row by row: a share grows with its own score and shrinks with every other of its row. What is left is how
// much better value n would have been than what query t reads now: rowsum(A * dA) is <o_t, do_t>.
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
              {"dS",
               "A * (dA - rowsum(A * dA))",
               {{"- rowsum(A * dA)", "",
                 "the term -A * rowsum(A * dA) is missing: what one share gains, the others of its row lose"},
                {"rowsum", "colsum", "the sum runs down the columns, but softmax is by rows"},
                {"dA - rowsum(A * dA)", "A - rowsum(A * A)", "A stands where dA should"},
                {"rowsum(A * dA)", "rowsum(dA)", "the row sum is of dA alone: it must be weighted by A"},
                {"rowsum(A * dA)", "rowmean(A * dA)",
                 "it is a mean of the row: the shares are weights already, so it is a sum"},
                {"dA - rowsum(A * dA)", "dA * (1 - A)",
                 "that is the diagonal of the Jacobian alone, as if each share had its score to itself"},
                {"A * (dA", "(dA", "the factor A in front is missing"},
                {"A * (dA - rowsum(A * dA))", "S * (dA - rowsum(S * dA))",
                 "S, the scores before softmax, stands where A should"},
                {"- rowsum", "+ rowsum", "the sign of the row sum is wrong: what one share gains, the others lose"}}},
              {"dQ",
               "dS K / sqrt(d)",
               {{"/ sqrt(d)", "", "the factor 1 / sqrt(d) is missing: the scores were scaled"},
                {"sqrt(d)", "d", "it is divided by d: the scores were by sqrt(d)"},
                {"/ sqrt", "* sqrt", "it is multiplied by sqrt(d): scaling goes the same way backward"},
                {"dS", "dS^T", "dS is transposed: row t of dS belongs to query t"},
                {"K", "Q", "Q stands where K should: the gradient of a factor is the other factor"},
                {"dS", "dA", "dA stands where dS should: it has not gone through softmax"},
                {"dS", "A", "A stands where dS should: it is no gradient"}}},
              {"dK",
               "dS^T Q / sqrt(d)",
               {{"/ sqrt(d)", "", "the factor 1 / sqrt(d) is missing: the scores were scaled"},
                {"sqrt(d)", "d", "it is divided by d: the scores were by sqrt(d)"},
                {"/ sqrt", "* sqrt", "it is multiplied by sqrt(d): scaling goes the same way backward"},
                {"dS^T", "dS", "dS is not transposed: column n of dS belongs to key n"},
                {"Q", "K", "K stands where Q should: the gradient of a factor is the other factor"},
                {"dS", "dA", "dA stands where dS should: it has not gone through softmax"},
                {"dS", "A", "A stands where dS should: it is no gradient"}}},
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
