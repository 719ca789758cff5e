// 12  A residual block: the derivation, the known mistakes, the hints.
#include <heed/tools/lessons/judge/exercise.h>

namespace heed::lessons {
namespace {

namespace task {               // the forward pass is written there, and nowhere else
#include "../12_residual.cpp"  // NOLINT(bugprone-suspicious-include)
}

// ---- the derivation
// What was dropped has no gradient, what was kept was made larger: the same mask and the same factor.
Tensor dF(const Tensor& K, const Tensor& dY) { return dY * K / (1 - task::p); }
Tensor dA(const Tensor& W2, const Tensor& dF) { return matmul(dF, W2); }

// The rule for a product: sigmoid(U) + U sigmoid'(U).
Tensor dU(const Tensor& U, const Tensor& dA) {
  const Tensor s = sigmoid(U);
  return dA * (s + U * s * (1 - s));
}
Tensor dN(const Tensor& W1, const Tensor& dU) { return matmul(dU, W1); }

// Around, as it is; and through layer norm (lesson 06). However small the second becomes, the first is there: that is
// why deep networks of such blocks can be trained.
Tensor dX(const Tensor& N, const Tensor& R, const Tensor& dN, const Tensor& dY) {
  return dY + R * (dN - mean(dN, -1, keepdim) - N * mean(dN * N, -1, keepdim));
}

// ---- the exercise
}  // namespace

Exercise residual_block() {
  return {
      .file = "12_residual",
      .title = "A residual block",
      .cases = cases<task::Forward>({{3, 5, 4}, {5, 4, 3}, {4, 4, 4}}, {{"Y"}},
                                    {{"eps", full({}, task::eps, f64)}, {"p", full({}, task::p, f64)}}),
      .parts =
          {
              {"dF",
               "dY * K / (1 - p)",
               {{"/ (1 - p)", "", "dropout's factor 1 / (1 - p) is missing"},
                {"/ (1 - p)", "* (1 - p)", "it is multiplied by 1 - p: scaling goes the same way backward"},
                {"/ (1 - p)", "/ p", "it is divided by p, the share that is dropped, not by the share that is kept"},
                {"* K", "", "the mask is missing: what was dropped has no gradient"},
                {"K", "(1 - K)", "the mask is the wrong way round: it passes what was dropped"}}},
              {"dA",
               "dF W2",
               {{"W2", "W2^T", "W2 is transposed: it was in F = A W2^T"},
                {"dF", "dY", "dY stands where dF should: it has not gone through dropout"}}},
              {"dU",
               "dA * (sigmoid(U) + U * sigmoid(U) * (1 - sigmoid(U)))",
               {{"+ U * sigmoid(U) * (1 - sigmoid(U))", "",
                 "the second term of the product rule is missing: sigmoid(U) depends on U, too"},
                {"sigmoid(U) + U * sigmoid(U) * (1 - sigmoid(U))", "U * sigmoid(U) * (1 - sigmoid(U))",
                 "the first term of the product rule is missing"},
                {"+ U * sigmoid(U) * (1 - sigmoid(U))", "+ sigmoid(U) * (1 - sigmoid(U))",
                 "the factor U is missing in the second term"},
                {"sigmoid(U) + U * sigmoid(U) * (1 - sigmoid(U))", "sigmoid(U) * (1 - sigmoid(U))",
                 "that is sigmoid's derivative: silu is U * sigmoid(U)"},
                {"sigmoid(U) + U * sigmoid(U) * (1 - sigmoid(U))", "A",
                 "A itself stands where its derivative should"}}},
              {"dN",
               "dU W1",
               {{"W1", "W1^T", "W1 is transposed: it was in U = N W1^T"},
                {"dU", "dA", "dA stands where dU should: it has not gone through silu"}}},
              {"dX", "dY + R * (dN - rowmean(dN) - N * rowmean(dN * N))",
               Mistakes{{"dY +", "", "the way around is missing: X is added to what the network makes of it"},
                        {"dY + R * (dN - rowmean(dN) - N * rowmean(dN * N))", "dY",
                         "the way through the network is missing"},
                        {"dY + R * (dN - rowmean(dN) - N * rowmean(dN * N))", "dY + dN",
                         "layer norm is missing on the way through"},
                        {"dY +", "dY *", "the two ways are multiplied, but what comes back both ways is added"}} +
                   mistakes_in_layer_norm()},
          },
      .hints = {"dF: the same elements are dropped backward as forward, and the rest is scaled by the same factor.",
                "dU: A = U * sigmoid(U) is a product of two functions of U: f g has the derivative f' g + f g'.",
                "dX = dY + what lesson 06 makes of dN."},
      .quotes = {{"ops/dropout.cpp", "DropoutOp", {"d0"}}, {"ops/layer_norm.cpp", "LayerNormOp", {"definition"}}},
      .right = {{"dF(K, dY)", dF}, {"dA(W2, dF)", dA}, {"dU(U, dA)", dU}, {"dN(W1, dU)", dN}, {"dX(N, R, dN, dY)", dX}},
      .unfilled = task::answers,
  };
}

}  // namespace heed::lessons
