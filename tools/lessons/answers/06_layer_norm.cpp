// 06  Layer norm: the derivation, the known mistakes, the hints.
#include <heed/tools/lessons/judge/exercise.h>

namespace heed::lessons {
namespace {

namespace task {                 // the forward pass is written there, and nowhere else
#include "../06_layer_norm.cpp"  // NOLINT(bugprone-suspicious-include)
}

// ---- the derivation
// g and b were copied to every row: sums over the rows.
Tensor db(const Tensor& dY) { return sum(dY, 0); }
Tensor dg(const Tensor& N, const Tensor& dY) { return sum(dY * N, 0); }
Tensor dN(const Tensor& g, const Tensor& dY) { return dY * g; }

// N = C * R, and one R has scaled a whole row.
Tensor dR(const Tensor& C, const Tensor& dN) { return sum(dN * C, -1, keepdim); }

// R = (v + eps)^(-1/2) has the derivative -1/2 (v + eps)^(-3/2).
Tensor dv(const Tensor& v, const Tensor& dR) { return -dR / (2 * (v + task::eps) * sqrt(v + task::eps)); }

// Straight to N with the factor R; and to v = sum(C^2) / m with the factor 2 C / m.
Tensor dC(const Tensor& C, const Tensor& R, const Tensor& dN, const Tensor& dv) {
  return dN * R + 2 * dv * C / double(C.size(-1));
}

// From C = X - mean(X): dX = dC - rowmean(dC), as each mean was taken from all of its row, 1/m of it due to each
// element. Put all in. dv = -rowsum(dN * C) R^3 / 2 and C R = N, so the second term of dC is -N * rowmean(dN * N) * R.
// Its own row mean is 0, as N's is. So
//
//   dX = R * (dN - rowmean(dN) - N * rowmean(dN * N))
//
// What is left of dN when all that a shift and a scaling of the row could do is taken away (but for eps).
Tensor dX(const Tensor& N, const Tensor& R, const Tensor& dN) {
  return R * (dN - mean(dN, -1, keepdim) - N * mean(dN * N, -1, keepdim));
}

// ---- the exercise
}  // namespace

Exercise layer_norm_rows() {
  return {
      .file = "06_layer_norm",
      .title = "Layer norm",
      .cases = cases<task::Forward>({{3, 5}, {5, 4}, {4, 4}}, {{"Y"}}, {{"eps", full({}, task::eps, f64)}}),
      .parts =
          {
              {"db",
               "colsum(dY)",
               {{"colsum(dY)", "dY", "the sum over the rows is missing: b was copied to each of them"},
                {"colsum(dY)", "sum(dY, 1)",
                 "the sum is along the rows: b was copied to every row, so it is over the rows"}}},
              {"dg",
               "colsum(dY * N)",
               {{"colsum(dY * N)", "dY * N", "the sum over the rows is missing: g was copied to each of them"},
                {"* N", "* X", "X stands where N should: g scales what is normalised"},
                {"* N", "* C", "C stands where N should: it has not been divided by the deviation"},
                {"* N", "", "the factor N is missing"},
                {"colsum(dY * N)", "sum(dY * N, 1)",
                 "the sum is along the rows: g was copied to every row, so it is over the rows"}}},
              {"dN", "dY * g", {{"* g", "", "the factor g is missing"}, {"* g", "/ g", "it is divided by g"}}},
              {"dR",
               "rowsum(dN * C)",
               {{"rowsum(dN * C)", "dN * C", "the sum along the row is missing: one R has scaled all of it"},
                {"* C", "* X", "X stands where C should"},
                {"* C", "* N", "N stands where C should: R is in it already"},
                {"rowsum", "rowmean", "it is a mean: R was copied along its row, so it is a sum"}}},
              {"dv",
               "-dR / (2 (v + eps) * sqrt(v + eps))",
               {{"v + eps", "v", "eps is forgotten"},
                {"-dR", "dR", "the sign is wrong: R falls as the variance grows"},
                {"2 (v + eps)", "(v + eps)", "the 1/2 of the root's derivative is missing"},
                {"(v + eps) *", "", "the power is -3/2, not -1/2"},
                {"* sqrt(v + eps)", "", "the power is -3/2, not -1"}}},
              {"dC",
               "dN * R + 2 dv * C / m",
               {{"+ 2 dv * C / m", "", "the way through the variance is missing: C is used twice"},
                {"dN * R + 2 dv * C / m", "2 dv * C / m", "the way straight to N is missing: C is used twice"},
                {"2 dv", "dv", "the 2 of the square is missing"},
                {"/ m", "", "the 1/m of the mean is missing"},
                {"dN * R", "dN", "the factor R is missing"}}},
              {"dX", "R * (dN - rowmean(dN) - N * rowmean(dN * N))", mistakes_in_layer_norm()},
          },
      .hints =
          {"g, b: copied to every row. R, v: one for a row. What forward copies, backward sums.",
           "dC has two terms: N = C * R, and v = sum(C^2) / m. dX then is dC - rowmean(dC), because C = X - mean(X).",
           "Put dR in dv and dv in dC, write N for C * R: the second term of dC is -R * N * rowmean(dN * N). Its row "
           "mean is 0."},
      .quotes = {{"ops/layer_norm.cpp", "LayerNormOp", {"definition"}}},
      .right = {{"db(dY)", db},
                {"dg(N, dY)", dg},
                {"dN(g, dY)", dN},
                {"dR(C, dN)", dR},
                {"dv(v, dR)", dv},
                {"dC(C, R, dN, dv)", dC},
                {"dX(N, R, dN)", dX}},
      .unfilled = task::answers,
  };
}

}  // namespace heed::lessons
