// 13  Flash attention, backward: the derivation, the known mistakes, the hints.
#include <heed/tools/lessons/judge/exercise.h>

namespace heed::lessons {
namespace {

namespace task {            // the forward pass is written there, and nowhere else
#include "../13_flash.cpp"  // NOLINT(bugprone-suspicious-include)
}

// ---- the derivation
// softmax(S) = e^S / sum e^S = e^(S - lse): a block of its columns needs the scores of that block and lse, no more.
Tensor A(const Tensor& Q, const Tensor& K, const Tensor& lse) {
  return exp(matmul(Q, transpose(K)) / std::sqrt(double(Q.size(-1))) - lse);
}

// rowsum(A * dA), where da_tn = <do_t, v_n>: sum_n a_tn <do_t, v_n> = <do_t, sum_n a_tn v_n> = <do_t, o_t>.
Tensor D(const Tensor& O, const Tensor& dO) { return sum(dO * O, -1, keepdim); }

// Lesson 07 with D for the row sum: dA = dO V^T.
Tensor dS(const Tensor& A, const Tensor& V, const Tensor& D, const Tensor& dO) {
  return A * (matmul(dO, transpose(V)) - D);
}

// One block after the other; A and dS are never larger than [T, block]. Rows of dV and dK belong to one block of keys
// and are put one under the other; every query has read all blocks, so that dQ is a sum.
Tensor rows(const Tensor& x, int64_t from) { return x(range(from, from + task::block)); }
Tensor dV(const Tensor& Q, const Tensor& K, const Tensor& lse, const Tensor& dO) {
  std::vector<Tensor> parts;
  for (int64_t n = 0; n < K.size(0); n += task::block) parts.push_back(matmul(transpose(A(Q, rows(K, n), lse)), dO));
  return concat(parts, 0);
}
Tensor dK(const Tensor& Q, const Tensor& K, const Tensor& V, const Tensor& O, const Tensor& lse, const Tensor& dO) {
  std::vector<Tensor> parts;
  const Tensor sums = D(O, dO);
  for (int64_t n = 0; n < K.size(0); n += task::block) {
    const Tensor scores = dS(A(Q, rows(K, n), lse), rows(V, n), sums, dO);  // their gradient
    parts.push_back(matmul(transpose(scores), Q) / std::sqrt(double(Q.size(-1))));
  }
  return concat(parts, 0);
}
Tensor dQ(const Tensor& Q, const Tensor& K, const Tensor& V, const Tensor& O, const Tensor& lse, const Tensor& dO) {
  Tensor total = zeros_like(Q);
  const Tensor sums = D(O, dO);
  for (int64_t n = 0; n < K.size(0); n += task::block)
    total = total + matmul(dS(A(Q, rows(K, n), lse), rows(V, n), sums, dO), rows(K, n));
  return total / std::sqrt(double(Q.size(-1)));
}

// ---- the exercise
}  // namespace

Exercise flash_attention() {
  return {
      .file = "13_flash",
      .title = "Flash attention, backward",
      .cases = cases<task::Forward>({{4, 5, 3, 2}, {3, 7, 2, 4}, {5, 5, 5, 5}}, {{"O"}},
                                    {{"block", full({}, double(task::block), f64)}}),
      .parts =
          {
              {"A",
               "exp(Q K^T / sqrt(d) - lse)",
               {{"/ sqrt(d)", "", "the scores are not scaled: lse is of scaled ones"},
                {"- lse", "", "lse is not taken away: these are not shares"},
                {"- lse", "+ lse", "lse is added: it must be taken away"},
                {"exp(Q K^T / sqrt(d) - lse)", "exp(Q K^T / sqrt(d)) / lse",
                 "it is divided by lse, which is the logarithm of the sum"},
                {"exp(Q K^T / sqrt(d) - lse)", "Q K^T / sqrt(d) - lse", "the exponential is missing: that is log A"}}},
              {"D",
               "rowsum(dO * O)",
               {{"dO * O", "dO * dO", "dO stands where O should: D is <do, o>"},
                {"dO * O", "O * O", "O stands where dO should: D is <do, o>"},
                {"rowsum(dO * O)", "rowsum(dO)", "the factor O is missing: D is <do, o>"},
                {"rowsum(dO * O)", "dO * O", "the sum along the row is missing"},
                {"rowsum", "rowmean", "it is a mean: the row sum of A * dA is a sum over the width of O, too"},
                {"rowsum", "colsum", "the sum runs down the columns: each query has a D of its own"}},
               "-dlse"},
              {"dS",
               "A * (dO V^T - D)",
               {{"- D", "", "the term -A * D, the row sum of softmax, is missing"},
                {"- D", "+ D", "the sign of D is wrong: what one share gains, the others lose"},
                {"- D", "- lse", "lse stands where D should"},
                {"A *", "", "the factor A in front is missing"},
                {"V^T", "V", "V is not transposed: da_tn = <do_t, v_n>"},
                {"dO V^T", "A", "A stands where dA = dO V^T should"}}},
              {"dV",
               "A^T dO",
               {{"A^T", "A", "A is not transposed: column n of A says who has read value n"},
                {"", "wholerows(A^T dO, block)", "the last block is missing: it may be smaller than the others"},
                {"A", "exp(Q K^T - lse)", "the scores of the weights are not scaled: lse is of scaled ones"},
                {"A", "exp(S)", "lse is not taken away: these are not shares"},
                {"A", "S", "S stands where A should: values are weighted by shares, not by scores"}}},
              {"dK",
               "dS^T Q / sqrt(d)",
               {{"/ sqrt(d)", "", "the factor 1 / sqrt(d) is missing: the scores were scaled"},
                {"", "wholerows(dS^T Q / sqrt(d), block)",
                 "the last block is missing: it may be smaller than the others"},
                {"dS", "(A * (dO V^T - blocksum(A * (dO V^T), block)))",
                 "the row sum is of each block by itself: it runs over all of them, which is what D is for"},
                {"dS^T", "dS", "dS is not transposed: column n of dS belongs to key n"},
                {"dS", "(A * (dO V^T))", "D is missing in dS"},
                {"dS", "(A * (dO V^T - rowsum(dO * dO)))", "D is made of dO alone: it is the row sum of dO * O"},
                {"dS", "dA", "dA stands where dS should: it has not gone through softmax"},
                {"Q", "K", "K stands where Q should: the gradient of a factor is the other factor"}}},
              {"dQ",
               "dS K / sqrt(d)",
               {{"/ sqrt(d)", "", "the factor 1 / sqrt(d) is missing: the scores were scaled"},
                {"dS K", "lastcols(dS, 1) lastrows(K, 1)",
                 "only the last block has arrived: dQ is overwritten where it should be added to"},
                {"dS K", "wholecols(dS, block) wholerows(K, block)",
                 "the last block is missing: it may be smaller than the others"},
                {"dS", "(A * (dO V^T - blocksum(A * (dO V^T), block)))",
                 "the row sum is of each block by itself: it runs over all of them, which is what D is for"},
                {"dS", "dS^T", "dS is transposed: row t of dS belongs to query t"},
                {"dS", "(A * (dO V^T))", "D is missing in dS"},
                {"dS", "(A * (dO V^T - rowsum(dO * dO)))", "D is made of dO alone: it is the row sum of dO * O"},
                {"dS", "dA", "dA stands where dS should: it has not gone through softmax"},
                {"K", "Q", "Q stands where K should: the gradient of a factor is the other factor"}}},
          },
      .hints = {"A: softmax(S) = e^S / sum e^S, and lse is the logarithm of that sum. D: the row sum of A * dA, with "
                "dA = dO V^T: pull the sum over n inside.",
                "dS is A * (dA - D), with A and dA of the block at hand. For the whole: for (int64_t n = 0; n < "
                "K.size(0); n += block), with K(range(n, n + block)) and the same rows of V.",
                "dV and dK: each block gives its own rows, concat(parts, 0). dQ: start with zeros_like(Q) and add dS K "
                "/ sqrt(d) of each block."},
      .quotes = {{"ops/attention.cpp", "AttentionOp", {"forward", "backward"}}},
      .right = {{"A(Q, K, lse)", A},
                {"D(O, dO)", D},
                {"dS(A, V, D, dO)", dS},
                {"dV(Q, K, lse, dO)", dV},
                {"dK(Q, K, V, O, lse, dO)", dK},
                {"dQ(Q, K, V, O, lse, dO)", dQ}},
      .unfilled = task::answers,
  };
}

}  // namespace heed::lessons
