// 09  Multi-head self-attention: the derivation, the known mistakes, the hints.
#include <heed/tools/lessons/judge/exercise.h>

namespace heed::lessons {
namespace {

namespace task {                 // the forward pass is written there, and nowhere else
#include "../09_multi_head.cpp"  // NOLINT(bugprone-suspicious-include)
}

// ---- the derivation
// A linear layer.
Tensor dWo(const Tensor& O, const Tensor& dY) { return matmul(transpose(dY), O); }
Tensor dO(const Tensor& Wo, const Tensor& dY) { return matmul(dY, Wo); }

// merge moves numbers and changes none; its backward moves them back, which is split. And the other way round.
Tensor dOh(const Tensor& Oh, const Tensor& dO) { return task::split(dO, Oh.size(0)); }
Tensor dQ(const Tensor& dQh) { return task::merge(dQh); }

// Three more linear layers, of one X: what comes back three ways is added.
Tensor dWq(const Tensor& X, const Tensor& dQ) { return matmul(transpose(dQ), X); }
Tensor dX(const Tensor& Wq, const Tensor& Wk, const Tensor& Wv, const Tensor& dQ, const Tensor& dK, const Tensor& dV) {
  return matmul(dQ, Wq) + matmul(dK, Wk) + matmul(dV, Wv);
}

// ---- the exercise
}  // namespace

Exercise multi_head_attention() {
  return {
      .file = "09_multi_head",
      .title = "Multi-head self-attention",
      .cases = cases<task::Forward>({{4, 2, 3}, {5, 3, 2}, {4, 2, 2}}, {{"Y"}}),
      .parts =
          {
              {"dWo",
               "dY^T O",
               {{"", "O^T dY", "it is transposed: row i of dWo belongs to output i"},
                {"O", "X", "X stands where O should: Wo multiplies what was read"}}},
              {"dO",
               "dY Wo",
               {{"Wo", "Wo^T", "Wo is transposed: it was in Y = O Wo^T"}, {"Wo", "Wq", "Wq stands where Wo should"}}},
              {"dOh",
               "split(dO, h)",
               {{"split", "cut",
                 "the transpose of heads and places is missing: a plain reshape gives a head other places' columns"},
                {"split(dO, h)", "dO", "it has not been split into heads"},
                {"h", "d", "there are h heads of width d, not d of width h"}}},
              {"dQ",
               "merge(dQh)",
               {{"merge", "flat",
                 "the transpose of heads and places is missing: a plain reshape puts whole heads one after the other"},
                {"merge(dQh)", "dQh", "the heads have not been put side by side"},
                {"merge(dQh)", "sum(dQh, 0)", "the heads are summed: each has columns of its own"},
                {"dQh", "dKh", "dKh stands where dQh should"}}},
              {"dWq",
               "dQ^T X",
               {{"", "X^T dQ", "it is transposed: row i of dWq belongs to column i of Q"},
                {"dQ", "dK", "dK stands where dQ should"},
                {"X", "Q", "Q stands where X should: Wq multiplies X"}}},
              {"dX",
               "dQ Wq + dK Wk + dV Wv",
               {{"+ dV Wv", "", "the way through V is missing: X is used three times"},
                {"+ dK Wk", "", "the way through K is missing: X is used three times"},
                {"dQ Wq +", "", "the way through Q is missing: X is used three times"},
                {"dQ Wq + dK Wk + dV Wv", "dQ Wq^T + dK Wk^T + dV Wv^T",
                 "the weights are transposed: they were in Q = X Wq^T"},
                {"dK Wk", "dK Wq", "Wq stands where Wk should"},
                {"dV Wv", "dV Wq", "Wq stands where Wv should"},
                {"dQ Wq + dK Wk + dV Wv", "(dQ Wq + dK Wk + dV Wv) / 3",
                 "it is a mean of three ways: what comes back is added"}}},
          },
      .hints =
          {"Four linear layers as in lesson 02, and two functions that only move numbers: split and merge.",
           "What undoes merge? It stands above Forward, and you may call it.",
           "dX: dQ came of X through Wq, dK through Wk, dV through Wv. Each gives a dX as in lesson 02; add them."},
      .quotes = {{"ops/matmul.cpp", "LinearOp", {"d0", "d1"}}},
      .right = {{"dWo(O, dY)", dWo},
                {"dO(Wo, dY)", dO},
                {"dOh(Oh, dO)", dOh},
                {"dQ(dQh)", dQ},
                {"dWq(X, dQ)", dWq},
                {"dX(Wq, Wk, Wv, dQ, dK, dV)", dX}},
      .unfilled = task::answers,
  };
}

}  // namespace heed::lessons
