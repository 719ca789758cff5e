// 04  Softmax: the derivation, the known mistakes, the hints.
#include <heed/tools/lessons/judge/exercise.h>

namespace heed::lessons {
namespace {

namespace task {              // the forward pass is written there, and nowhere else
#include "../04_softmax.cpp"  // NOLINT(bugprone-suspicious-include)
}

// ---- the derivation
// y_i = e_i / s, so the derivative by s is -e_i / s^2, for every element of the row: they are summed.
Tensor ds(const Tensor& E, const Tensor& s, const Tensor& dY) { return -sum(dY * E, -1, keepdim) / (s * s); }

// e_i is in y_i, over s, and in s, with the factor 1.
Tensor dE(const Tensor& s, const Tensor& dY, const Tensor& ds) { return dY / s + ds; }

// dX = dE * E, as e^x is its own derivative. Put in the two above, and E / s = Y:
//
//   dX = (dY / s - rowsum(dY * E) / s^2) * E = Y * dY - Y * rowsum(dY * Y)
//
// The Jacobian of a row is diag(y) - y y^T: the first term is its diagonal, the second what s brings about.
Tensor dX(const Tensor& Y, const Tensor& dY) { return Y * (dY - sum(Y * dY, -1, keepdim)); }

// ---- the exercise
}  // namespace

Exercise softmax_rows() {
  return {
      .file = "04_softmax",
      .title = "Softmax",
      .cases = cases<task::Forward>({{3, 4}, {5, 2}, {4, 4}}, {{"Y"}}),
      .parts =
          {
              {"ds",
               "-rowsum(dY * E) / s^2",
               {{"-rowsum", "rowsum", "the sign is wrong: 1 / s falls as s grows"},
                {"s^2", "s", "s is not squared: 1 / s has the derivative -1 / s^2"},
                {"rowsum(dY * E)", "dY * E", "the sum along the row is missing: one s has divided all of it"},
                {"dY * E", "dY", "the factor E is missing: y = e / s"},
                {"dY * E", "dY * Y", "Y stands where E should: it has been divided by s already"},
                {"rowsum", "colsum", "the sum runs down the columns, but each row has an s of its own"}}},
              {"dE",
               "dY / s + ds",
               {{"+ ds", "", "the way through s is missing: E is used twice"},
                {"dY / s + ds", "ds", "the way straight to Y is missing: E is used twice"},
                {"dY / s", "dY", "the division by s is missing"},
                {"+ ds", "- ds", "ds has its sign already"},
                {"+ ds", "+ ds / s", "ds is divided by s: s is a plain sum of E, with the factor 1"}}},
              {"dX", "Y * (dY - rowsum(Y * dY))",
               mistakes_in_softmax("Y", "dY") +
                   Mistakes{{"Y", "E", "E stands where Y = E / s should: the shares must sum to 1"}}},
          },
      .hints = {"ds: all elements of a row were divided by the same s, so what comes back is summed along the row.",
                "dE has two terms, as E is used twice: y = e / s, and s = sum of e. dX is dE * E: put dE and ds in, "
                "and write Y for E / s.",
                "(dY / s - rowsum(dY * E) / s^2) * E: take E / s out of both terms and call it Y."},
      .quotes = {{"ops/softmax.cpp", "Softmax", {"definition", "d0"}}},
      .right = {{"ds(E, s, dY)", ds}, {"dE(s, dY, ds)", dE}, {"dX(Y, dY)", dX}},
      .unfilled = task::answers,
  };
}

}  // namespace heed::lessons
