// 05  Cross entropy: the derivation, the known mistakes, the hints.
#include <heed/tools/lessons/judge/exercise.h>

namespace heed::lessons {
namespace {

namespace task {                    // the forward pass is written there, and nowhere else
#include "../05_cross_entropy.cpp"  // NOLINT(bugprone-suspicious-include)
}

// ---- the derivation
// L = -(1/n) sum Y * log(P): log' = 1 / P, and only where Y is 1.
Tensor dP(const Tensor& Y, const Tensor& P) { return -Y / P / double(P.size(0)); }

// Lesson 04 with this dP: P * (dP - rowsum(P * dP)). There P * dP = -Y / n, whose row sum is -1/n, as a row of Y sums
// to 1. So dZ = -Y / n + P / n: how much too large each share is. Nothing is divided by a small P any more, which is
// why softmax and the logarithm are one op.
Tensor dZ(const Tensor& Y, const Tensor& P) { return (P - Y) / double(P.size(0)); }

// ---- the exercise
}  // namespace

Exercise cross_entropy_loss() {
  return {
      .file = "05_cross_entropy",
      .title = "Cross entropy",
      .cases = cases<task::Forward>({{3, 5}, {4, 3}, {4, 4}}, {{"L"}}),
      .parts =
          {
              {"dP",
               "-Y / P / n",
               {{"-Y", "Y", "the sign is wrong: the loss is minus a logarithm"},
                {"/ n", "", "1 / n is missing: the loss is the mean over the rows"},
                {"/ n", "/ m", "it is divided by the number of classes: the mean is over the rows"},
                {"/ P", "", "1 / P, the derivative of the logarithm, is missing"},
                {"Y / P", "Y * log(P)", "that is the loss itself: the derivative of log(P) is 1 / P"},
                {"-Y", "-1", "Y is missing: only the class that was right is in the loss"}}},
              {"dZ",
               "(P - Y) / n",
               {{"P - Y", "P", "Y is missing: the class that was right must be taken away"},
                {"P - Y", "P - 1", "1 is taken from every class, not from the right one alone"},
                {"P - Y", "Y - P", "the sign is wrong: a share that is too large must have a positive gradient"},
                {"/ n", "", "1 / n is missing: the loss is the mean over the rows"},
                {"/ n", "/ m", "it is divided by the number of classes: the mean is over the rows"},
                {"/ n", "/ n / m", "it is divided by the number of elements: the mean is over the rows"},
                {"P - Y", "softmax(P) - Y", "softmax is applied twice: P is softmax(Z) already"},
                {"P - Y", "Z - Y", "Z stands where P = softmax(Z) should"},
                {"P - Y", "(P - Y) * P * (1 - P)", "softmax's derivative is there twice: P - Y has it already"},
                {"(P - Y)", "-Y / P", "that is dP: it has not gone through softmax yet"},
                {"(P - Y)", "(-Y)", "the row sum of softmax is missing: it leaves P"}}},
          },
      .hints = {"dP: the derivative of a logarithm, only where Y is 1; the minus and the 1/n of the loss.",
                "dZ: write P * (dP - rowsum(P * dP)), as in lesson 04, and put dP in. What is P * dP?",
                "P * dP = -Y / n. Its row sum is -1/n, as a row of Y sums to 1."},
      .quotes = {{"ops/loss.cpp", "CrossEntropy", {"definition"}}},
      .right = {{"dP(Y, P)", dP}, {"dZ(Y, P)", dZ}},
      .unfilled = task::answers,
  };
}

}  // namespace heed::lessons
