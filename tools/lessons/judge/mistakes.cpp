// The mistakes that are made in more than one exercise.
#include "exercise.h"

namespace heed::lessons {

Mistakes operator+(Mistakes a, const Mistakes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Mistakes mistakes_in_softmax(const std::string& y, const std::string& dy) {
  const std::string of_both = y + " * " + dy, row_sum = "rowsum(" + of_both + ")";
  return {
      {"- " + row_sum, "",
       "the term -" + y + " * " + row_sum + " is missing: what one share gains, the others of its row lose"},
      {"rowsum", "colsum", "the sum runs down the columns, but softmax is by rows"},
      {dy + " - " + row_sum, y + " - rowsum(" + y + " * " + y + ")", y + " stands where " + dy + " should"},
      {row_sum, "rowsum(" + dy + ")", "the row sum is of " + dy + " alone: it must be weighted by " + y},
      {row_sum, "rowsum(" + y + "^2 * " + dy + ")", y + " is squared in the row sum: it stands there once"},
      {row_sum, "rowmean(" + of_both + ")", "it is a mean of the row: the shares are weights already, so it is a sum"},
      {dy + " - " + row_sum, dy + " * (1 - " + y + ")",
       "that is the diagonal of the Jacobian alone, as if each share had its score to itself"},
      {y + " * (" + dy, "(" + dy, "the factor " + y + " in front is missing"},
      {"", dy + " - " + y + " * " + row_sum, "the factor " + y + " is missing at " + dy + ": it multiplies both terms"},
      {"", of_both + " - " + row_sum, "the factor " + y + " is missing at the row sum: it multiplies both terms"},
      {"- rowsum", "+ rowsum", "the sign of the row sum is wrong: what one share gains, the others lose"}};
}

Mistakes mistakes_in_layer_norm() {
  return {{"- rowmean(dN)", "", "the first mean term is missing: X acts on the mean of its row"},
          {"- N * rowmean(dN * N)", "", "the second mean term is missing: X acts on the variance of its row"},
          {"N * rowmean(dN * N)", "rowmean(dN * N)",
           "the factor N is missing in the second mean term: the variance changes with X as N says"},
          {"rowmean(dN * N)", "rowmean(dN)", "the second mean is of dN alone: it must be of dN * N"},
          {"rowmean", "rowsum", "sums stand where means should: the 1/m is missing"},
          {"rowmean", "colmean", "the means run down the columns, but layer norm is by rows"},
          {"R *", "", "the factor R is missing: the row was divided by its deviation"},
          {"R *", "R^2 *", "R is squared: that divides by the variance, not by the deviation"}};
}

namespace {
const Mistakes scaled{{"/ sqrt(d)", "", "the factor 1 / sqrt(d) is missing: the scores were scaled"},
                      {"sqrt(d)", "d", "it is divided by d: the scores were by sqrt(d)"},
                      {"/ sqrt", "* sqrt", "it is multiplied by sqrt(d): scaling goes the same way backward"}},
    no_gradient{{"dS", "dA", "dA stands where dS should: it has not gone through softmax"},
                {"dS", "A", "A stands where dS should: it is no gradient"}};
}  // namespace

Mistakes mistakes_in_queries() {
  return scaled +
         Mistakes{{"dS", "dS^T", "dS is transposed: row t of dS belongs to query t"},
                  {"K", "Q", "Q stands where K should: the gradient of a factor is the other factor"}} +
         no_gradient;
}
Mistakes mistakes_in_keys() {
  return scaled +
         Mistakes{{"dS^T", "dS", "dS is not transposed: column n of dS belongs to key n"},
                  {"Q", "K", "K stands where Q should: the gradient of a factor is the other factor"}} +
         no_gradient;
}

}  // namespace heed::lessons
