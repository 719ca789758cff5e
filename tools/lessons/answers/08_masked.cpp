// 08  Masked attention: the derivation, the known mistakes, the hints.
#include <heed/tools/lessons/judge/exercise.h>

namespace heed::lessons {
namespace {

namespace task {             // the forward pass is written there, and nowhere else
#include "../08_masked.cpp"  // NOLINT(bugprone-suspicious-include)
}

// ---- the derivation
// As in lesson 07, with A made again. Were the mask forgotten here, values would have gradients of queries that have
// never read them.
Tensor dV(const Tensor& S, const Tensor& M, const Tensor& dO) { return matmul(transpose(masked_softmax(S, M)), dO); }
Tensor dA(const Tensor& V, const Tensor& dO) { return matmul(dO, transpose(V)); }

// Softmax over what M lets through: elsewhere A is 0, and with it both terms.
Tensor dS(const Tensor& S, const Tensor& M, const Tensor& dA) {
  const Tensor A = masked_softmax(S, M);
  return A * (dA - sum(A * dA, -1, keepdim));
}

// The bias was added to every row, after the scaling.
Tensor db(const Tensor& dS) { return sum(dS, 0); }
Tensor dQ(const Tensor& K, const Tensor& dS) { return matmul(dS, K) / std::sqrt(double(K.size(-1))); }
Tensor dK(const Tensor& Q, const Tensor& dS) { return matmul(transpose(dS), Q) / std::sqrt(double(Q.size(-1))); }

// ---- the exercise
}  // namespace

Exercise masked_attention() {
  return {
      .file = "08_masked",
      .title = "Masked attention",
      .cases = cases<task::Forward>({{4, 3, 2}, {5, 2, 4}, {4, 4, 4}}, {{"O"}}),
      .parts =
          {
              {"dV",
               "softmax(S, M)^T dO",
               {{"softmax(S, M)", "softmax(S)",
                 "the mask is forgotten when A is made again: values get gradients of queries that may not read them"},
                {"softmax(S, M)", "masked(softmax(S), M)",
                 "the mask is applied after softmax: the shares of a row no longer sum to 1"},
                {"M", "not(M)", "the mask is the wrong way round: true = may attend"},
                {"softmax(S, M)^T", "softmax(S, M)", "A is not transposed: column n of A says who has read value n"},
                {"softmax(S, M)", "S", "S stands where A should: values are weighted by shares, not by scores"}}},
              {"dA",
               "dO V^T",
               {{"V^T", "V", "V is not transposed: da_tn = <do_t, v_n>"},
                {"V^T", "K^T", "K stands where V should: A weighs values"}}},
              {"dS",
               "softmax(S, M) * (dA - rowsum(softmax(S, M) * dA))",
               {{"softmax(S, M)", "softmax(S)",
                 "the mask is forgotten when A is made again: the gradient leaks to keys that were not looked at"},
                {"softmax(S, M)", "masked(softmax(S), M)",
                 "the mask is applied after softmax: the shares of a row no longer sum to 1"},
                {"M", "not(M)", "the mask is the wrong way round: true = may attend"},
                {"- rowsum(softmax(S, M) * dA)", "",
                 "the term -A * rowsum(A * dA) is missing: what one share gains, the others of its row lose"},
                {"rowsum(softmax(S, M) * dA)", "rowsum(softmax(S) * dA)",
                 "the mask is forgotten in the row sum: it runs over keys that were not looked at"},
                {"rowsum(softmax(S, M) * dA)", "rowsum(dA)", "the row sum is of dA alone: it must be weighted by A"},
                {"rowsum", "colsum", "the sum runs down the columns, but softmax is by rows"},
                {"dA - rowsum(softmax(S, M) * dA)", "softmax(S, M) - rowsum(softmax(S, M) * softmax(S, M))",
                 "A stands where dA should"}}},
              {"db",
               "colsum(dS)",
               {{"colsum(dS)", "dS", "the sum over the queries is missing: the bias was copied to each of their rows"},
                {"colsum(dS)", "sum(dS, 1)",
                 "the sum is over the keys: each key has a bias of its own, copied to all queries"},
                {"colsum", "colmean", "it is a mean: each copy of the bias counts in full"},
                {"colsum", "sum", "it is summed over everything: each key has a bias of its own"},
                {"colsum(dS)", "colsum(dS) / sqrt(d)", "it is scaled, but the bias was added after the scaling"}}},
              {"dQ", "dS K / sqrt(d)", mistakes_in_queries()},
              {"dK", "dS^T Q / sqrt(d)", mistakes_in_keys()},
          },
      .hints = {"A = masked_softmax(S, M), an op of heed: make A again with it, then all is as in lesson 07.",
                "The mask needs nothing more in dS: where A is 0, A * (..) is.",
                "db: the bias was broadcast over the rows. What forward copies, backward sums: over dimension 0."},
      .quotes = {{"ops/attention.cpp", "AttentionOp", {"definition"}}},
      .right = {{"dV(S, M, dO)", dV},
                {"dA(V, dO)", dA},
                {"dS(S, M, dA)", dS},
                {"db(dS)", db},
                {"dQ(K, dS)", dQ},
                {"dK(Q, dS)", dK}},
      .unfilled = task::answers,
  };
}

}  // namespace heed::lessons
