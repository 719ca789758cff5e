// 10  Additive attention: the derivation, the known mistakes, the hints.
#include <heed/tools/lessons/judge/exercise.h>

namespace heed::lessons {
namespace {

namespace task {               // the forward pass is written there, and nowhere else
#include "../10_additive.cpp"  // NOLINT(bugprone-suspicious-include)
}

// ---- the derivation
// s_tn = <v, h_tn>. v is in every pair: a sum over both t and n. h_tn is in s_tn alone, with v beside it.
Tensor dv(const Tensor& H, const Tensor& dS) { return sum(unsqueeze(dS, -1) * H, {0, 1}); }
Tensor dH(const Tensor& v, const Tensor& dS) { return unsqueeze(dS, -1) * v; }

// Lesson 03.
Tensor dZ(const Tensor& H, const Tensor& dH) { return dH * (1 - H * H); }

// p_t was copied to all N keys, r_n to all T queries.
Tensor dP(const Tensor& dZ) { return sum(dZ, 1); }
Tensor dR(const Tensor& dZ) { return sum(dZ, 0); }

// Lesson 02.
Tensor dWq(const Tensor& Q, const Tensor& dP) { return matmul(transpose(dP), Q); }
Tensor dQ(const Tensor& Wq, const Tensor& dP) { return matmul(dP, Wq); }

// ---- the exercise
}  // namespace

Exercise additive_attention() {
  return {
      .file = "10_additive",
      .title = "Additive attention",
      .cases = cases<task::Forward>({{3, 4, 2, 5, 6, 2}, {4, 2, 3, 2, 5, 3}, {4, 4, 4, 4, 4, 4}}, {{"O"}}),
      .parts =
          {
              {"dv",
               "sum(sum(column(dS) * H, 0), 0)",
               {{"column(dS) * H", "H", "dS is missing: what comes back is multiplied by the derivative"},
                {"* H", "* Z", "Z stands where H = tanh(Z) should: the scores were made of H"},
                {"sum(sum(column(dS) * H, 0), 0)", "sum(column(dS) * H, 0)",
                 "the sum over the keys is missing: v is in every pair"},
                {"sum(sum(column(dS) * H, 0), 0)", "sum(column(dS) * H, 1)",
                 "the sum over the queries is missing: v is in every pair"},
                {"sum(sum(column(dS) * H, 0), 0)", "mean(mean(column(dS) * H, 0), 0)",
                 "it is a mean over the pairs: v is in each of them in full"},
                {"dS", "S", "S stands where dS should"}}},
              {"dH",
               "column(dS) * v",
               {{"column(dS) * v", "column(dS)", "the factor v is missing: s = <v, h>"},
                {"dS", "S", "S stands where dS should"},
                {"dS", "dA", "dA stands where dS should: it has not gone through softmax"}}},
              {"dZ",
               "dH * (1 - H^2)",
               {{"H^2", "Z^2", "Z stands where H = tanh(Z) should: tanh' is 1 - tanh(Z)^2"},
                {"H^2", "H", "H is not squared"},
                {"1 - H^2", "H * (1 - H)", "that is sigmoid's derivative"},
                {"dH * (1 - H^2)", "dH", "the derivative of tanh is missing"}}},
              {"dP",
               "sum(dZ, 1)",
               {{"sum(dZ, 1)", "sum(dZ, 0)", "the sum is over the queries: p_t was copied to all keys"},
                {"sum(dZ, 1)", "sum(dZ, 2)", "the sum is over the width of the vectors: p_t was copied to all keys"},
                {"sum", "mean", "it is a mean over the keys: each copy of p_t counts in full"},
                {"sum(dZ, 1)", "dZ", "the sum over the keys is missing: p_t was copied to each of them"}}},
              {"dR",
               "sum(dZ, 0)",
               {{"sum(dZ, 0)", "sum(dZ, 1)", "the sum is over the keys: r_n was copied to all queries"},
                {"sum(dZ, 0)", "sum(dZ, 2)", "the sum is over the width of the vectors: r_n was copied to all queries"},
                {"sum", "mean", "it is a mean over the queries: each copy of r_n counts in full"},
                {"sum(dZ, 0)", "dZ", "the sum over the queries is missing: r_n was copied to each of them"}}},
              {"dWq",
               "dP^T Q",
               {{"", "Q^T dP", "it is transposed: row i of dWq belongs to column i of P"},
                {"Q", "P", "P stands where Q should"}}},
              {"dQ",
               "dP Wq",
               {{"Wq", "Wq^T", "Wq is transposed: it was in P = Q Wq^T"},
                {"Wq", "Wk", "Wk stands where Wq should: it makes keys"}}},
          },
      .hints = {"Give dS one more dimension, unsqueeze(dS, -1): [T, N, 1]. Then it broadcasts with H and with v.",
                "v is in every pair of query and key, p_t in all pairs of query t, r_n in all pairs of key n. What "
                "forward copies, backward sums.",
                "dP sums dZ over the keys, dimension 1; dR over the queries, dimension 0; dv sums over both, {0, 1}."},
      .quotes = {{"ops/math.cpp", "TanhOp", {"d0"}}},
      .right = {{"dv(H, dS)", dv},
                {"dH(v, dS)", dH},
                {"dZ(H, dH)", dZ},
                {"dP(dZ)", dP},
                {"dR(dZ)", dR},
                {"dWq(Q, dP)", dWq},
                {"dQ(Wq, dP)", dQ}},
      .unfilled = task::answers,
  };
}

}  // namespace heed::lessons
