// 14  The second derivative of softmax: the derivation, the known mistakes, the hints.
#include <heed/tools/lessons/judge/exercise.h>

namespace heed::lessons {
namespace {

namespace task {                        // the forward pass is written there, and nowhere else
#include "../14_second_derivative.cpp"  // NOLINT(bugprone-suspicious-include)
}

// ---- the derivation
// B = Y * G - Y * s, and one s has been taken from a whole row.
Tensor ds(const Tensor& Y, const Tensor& dB) { return -sum(dB * Y, -1, keepdim); }

// Straight to B with the factor Y; and through s = sum(Y * G) with the factor Y: Y * dB - Y * rowsum(Y * dB), which is
// lesson 04 again. It must be: B is linear in G, by the Jacobian of softmax, and that is symmetric.
Tensor dG(const Tensor& Y, const Tensor& dB, const Tensor& ds) { return Y * (dB + ds); }

// Straight to B with the factor G - s; and through s with the factor G.
Tensor dY(const Tensor& G, const Tensor& s, const Tensor& dB, const Tensor& ds) { return dB * (G - s) + G * ds; }

// And through softmax. Autograd finds this by itself where a rule is recorded while it runs: the d0 below is made of
// ops, and ops can be differentiated.
Tensor dX(const Tensor& Y, const Tensor& dY) { return Y * (dY - sum(Y * dY, -1, keepdim)); }

// ---- the exercise
}  // namespace

Exercise second_derivative() {
  return {
      .file = "14_second_derivative",
      .title = "The second derivative of softmax",
      .cases = cases<task::Forward>({{3, 4}, {5, 3}, {4, 4}}, {{"B"}}),
      .parts =
          {
              {"ds",
               "-rowsum(dB * Y)",
               {{"-rowsum", "rowsum", "the sign is wrong: s is taken away"},
                {"rowsum(dB * Y)", "(dB * Y)", "the sum along the row is missing: one s was taken from all of it"},
                {"* Y", "", "the factor Y is missing: B = Y * (G - s)"},
                {"* Y", "* G", "G stands where Y should"},
                {"rowsum", "colsum", "the sum runs down the columns, but each row has an s of its own"}}},
              {"dG",
               "Y * (dB + ds)",
               {{"+ ds", "", "the way through s is missing: G is used twice"},
                {"dB + ds", "ds", "the way straight to B is missing: G is used twice"},
                {"+ ds", "- ds", "ds has its sign already"},
                {"Y *", "G *", "G stands where Y should"},
                {"Y *", "", "the factor Y is missing"}}},
              {"dY",
               "dB * (G - s) + G * ds",
               {{"+ G * ds", "", "the way through s is missing: Y is used twice"},
                {"dB * (G - s) +", "", "the way straight to B is missing: Y is used twice"},
                {"G - s", "G", "s is missing: B = Y * (G - s)"},
                {"G * ds", "Y * ds", "Y stands where G should: s = sum(Y * G) changes with Y as G says"},
                {"+ G * ds", "+ ds", "the factor G is missing in the way through s"},
                {"+ G * ds", "- G * ds", "ds has its sign already"}}},
              {"dX", "Y * (dY - rowsum(Y * dY))",
               mistakes_in_softmax("Y", "dY") +
                   Mistakes{{"dY", "dB", "dB stands where dY should: this is softmax, not its backward"},
                            {"dY", "G", "G stands where dY should: that is the first derivative"}}},
          },
      .hints = {"Nothing here is new: s is taken from a whole row (as R in lesson 06), Y and G are used twice each, "
                "and dX is lesson 04.",
                "B = Y * G - Y * s. Take s, G and Y in turn, and do not forget that s = sum(Y * G) depends on both.",
                "dG: Y times (what comes straight + what comes through s). dY: the straight way has the factor G - s, "
                "the other one G."},
      .quotes = {{"ops/softmax.cpp", "Softmax", {"d0"}}},
      .right = {{"ds(Y, dB)", ds}, {"dG(Y, dB, ds)", dG}, {"dY(G, s, dB, ds)", dY}, {"dX(Y, dY)", dX}},
      .unfilled = task::answers,
  };
}

}  // namespace heed::lessons
