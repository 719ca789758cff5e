// 02  A linear layer: the derivation, the known mistakes, the hints.
#include <heed/tools/lessons/judge/exercise.h>

namespace heed::lessons {
namespace {

namespace task {             // the forward pass is written there, and nowhere else
#include "../02_linear.cpp"  // NOLINT(bugprone-suspicious-include)
}

// ---- the derivation
// y_ti = sum_j x_tj w_ij + b_i. The loss changes by sum_ti dy_ti (change of y_ti).
//
// Change x_tj: y_ti changes by w_ij, for every i. So dx_tj = sum_i dy_ti w_ij: row t of dY with column j of W.
Tensor dX(const Tensor& W, const Tensor& dY) { return matmul(dY, W); }

// Change w_ij: y_ti changes by x_tj, for every t. So dw_ij = sum_t dy_ti x_tj: column i of dY with column j of X.
Tensor dW(const Tensor& X, const Tensor& dY) { return matmul(transpose(dY), X); }

// Change b_i: y_ti changes by 1, for every t. What forward copies, backward sums.
Tensor db(const Tensor& dY) { return sum(dY, 0); }

// ---- the exercise
}  // namespace

Exercise linear_layer() {
  return {
      .file = "02_linear",
      .title = "A linear layer",
      .cases = cases<task::Forward>({{4, 3, 5}, {5, 2, 3}, {4, 4, 4}}, {{"Y"}}),
      .parts =
          {
              {"dX",
               "dY W",
               {{"W", "W^T", "W is transposed: dx_tj sums over the outputs i, and these are the rows of W"},
                {"dY W", "W^T dY",
                 "the factors are the wrong way round and W is transposed: rows of dX belong to rows of dY"},
                {"dY", "Y", "Y stands where dY should"}}},
              {"dW",
               "dY^T X",
               {{"", "X^T dY", "it is transposed: W is [out, in], so row i of dW belongs to output i"},
                {"dY^T", "dY", "dY is not transposed: dw_ij sums over the rows t of both"},
                {"dY^T X", "dY^T X / n",
                 "it is divided by the number of rows: a mean belongs to the loss, here it is a sum"},
                {"dY", "Y", "Y stands where dY should"}}},
              {"db",
               "colsum(dY)",
               {{"colsum(dY)", "dY", "the sum over the rows is missing: b was copied to each of them"},
                {"colsum(dY)", "sum(dY, 1)",
                 "the sum is over the outputs: it must be over the rows that b was copied to"},
                {"colsum", "colmean", "it is a mean over the rows: each copy of b counts in full, so it is a sum"},
                {"colsum", "sum", "it is summed over everything: each output has a b_i of its own"}}},
          },
      .hints =
          {"The gradient of X has the shape of X. Which product of dY and W has it? Which of dY and X has the shape of "
           "W?",
           "b was copied to every row. What forward copies, backward sums.",
           "dx_tj = sum_i dy_ti w_ij. dw_ij = sum_t dy_ti x_tj. db_i = sum_t dy_ti. Write each as a product or a sum."},
      .quotes = {{"ops/matmul.cpp", "LinearOp", {"d0", "d1", "d2"}}},
      .right = {{"dX(W, dY)", dX}, {"dW(X, dY)", dW}, {"db(dY)", db}},
      .unfilled = task::answers,
  };
}

}  // namespace heed::lessons
