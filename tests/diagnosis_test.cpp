#include <heed/core/diagnosis.h>
#include <heed/core/gradcheck.h>
#include <heed/ops/ops.h>
#include <cmath>
#include <iomanip>
#include <limits>
#include <sstream>
#include "common.h"

using namespace heed;

namespace {

// ---- ops with one defect each
struct Detached {  // e^x, of whose rule nothing is left
  static constexpr auto name = "detached";
  Array forward(const Array& x) const { return exp(Tensor(x)).array(); }
  Tensor d0(Grad g) const { return g * 0; }
};
struct Difference {  // a - b
  static constexpr auto name = "difference";
  Array forward(const Array& a, const Array& b) const { return (Tensor(a) - Tensor(b)).array(); }
  Tensor d0(Grad g) const { return g; }
  Tensor d1(Grad g) const { return g; }  // the sign
};
struct Square {
  static constexpr auto name = "square";
  Array forward(const Array& x) const { return square(Tensor(x)).array(); }
  Tensor d0(Grad g, Input<0> x) const { return g * x; }  // 2 is missing
};
struct Mean {
  static constexpr auto name = "mean";
  Shape shape;
  Array forward(const Array& x) const { return mean(Tensor(x)).array(); }
  Tensor d0(Grad g) const { return expand(g, shape); }  // 1/n is missing
};
struct MeanOfRows {
  static constexpr auto name = "mean_of_rows";
  Shape shape;
  Array forward(const Array& x) const { return mean(Tensor(x), -1, keepdim).array(); }
  Tensor d0(Grad g) const { return expand(g, shape) / double(shape.numel()); }  // divided by too many
};
struct Scores {  // q k^T / sqrt(d)
  static constexpr auto name = "scores";
  double root;
  Array forward(const Array& q, const Array& k) const {
    return (matmul(Tensor(q), transpose(Tensor(k))) / root).array();
  }
  Tensor d0(Grad g, Input<1> k) const { return matmul(g, k); }  // 1 / sqrt(d) is missing
  Tensor d1(Grad g, Input<0> q) const { return matmul(transpose(g), q) / root; }
};
struct Product {  // a b
  static constexpr auto name = "product";
  bool laid_out;
  Array forward(const Array& a, const Array& b) const { return matmul(Tensor(a), Tensor(b)).array(); }
  Tensor d0(Grad g, Input<1> b) const { return matmul(g, transpose(b)); }
  Tensor d1(Grad g, Input<0> a) const {  // transposed: read as such, or written as such
    const Tensor d = matmul(transpose(a), g);
    return laid_out ? reshape(transpose(d), d.shape()) : transpose(d);
  }
};
struct Next {  // x_(i + by) at place i, 0 past the end
  static constexpr auto name = "next";
  int64_t by;
  Array forward(const Array& x) const { return exp(pad(Tensor(x)(_, range(by, 1000)), {0, by})).array(); }
  Tensor d0(Grad g, Output y) const { return pad((g * y)(_, range(0, -by)), {0, by}); }  // on the wrong side
};
struct AddBias {  // x + b
  static constexpr auto name = "add_bias";
  int64_t part;
  Array forward(const Array& x, const Array& b) const { return (Tensor(x) + Tensor(b)).array(); }
  Tensor d0(Grad g) const { return g; }
  Tensor d1(Grad g, Input<1> b) const { return reshape(sum_rows(g), b.shape()); }
  Tensor sum_rows(const Tensor& g) const {  // overwritten by every row where it should be added to
    return g.dim() == 2 ? g(part) : sum(g(_, part), 0);
  }
};
struct RowSum {  // of a square
  static constexpr auto name = "row_sum";
  Array forward(const Array& x) const { return sum(Tensor(x), 1).array(); }
  Tensor d0(Grad g) const { return expand(g, {g.size(0), g.size(0)}); }  // to the rows, not the columns
};
struct SoftmaxOver {  // of rows; the rule is that of another dimension
  static constexpr auto name = "softmax_over";
  Array forward(const Array& x) const { return softmax(Tensor(x)).array(); }
  Tensor d0(Grad g, Input<0> x) const {
    const Tensor y = softmax(x, 0);
    return y * (g - sum(g * y, 0, keepdim));
  }
};
struct Softmax {  // of rows
  static constexpr auto name = "softmax";
  bool taken;  // does the rule take away <g, y>, if over the columns?
  Array forward(const Array& x) const { return softmax(Tensor(x)).array(); }
  Tensor d0(Grad g, Output y) const { return taken ? y * (g - sum(g * y, 0, keepdim)) : g * y; }
};
struct LogSoftmax {
  static constexpr auto name = "log_softmax";
  Array forward(const Array& x) const { return log_softmax(Tensor(x)).array(); }
  Tensor d0(Grad g) const { return g; }  // the sum is missing
};
struct Residual {  // x + tanh(x)
  static constexpr auto name = "residual";
  int times;
  Array forward(const Array& x) const { return (Tensor(x) + tanh(Tensor(x))).array(); }
  Tensor d0(Grad g, Input<0> x) const { return times * g + g * (1 - square(tanh(x))); }
};
struct TwoWays {  // tanh(a + b) + a
  static constexpr auto name = "two_ways";
  int times;
  Array forward(const Array& a, const Array& b) const { return (tanh(Tensor(a) + Tensor(b)) + Tensor(a)).array(); }
  Tensor d0(Grad g, Input<0> a, Input<1> b) const { return g + times * g * (1 - square(tanh(a + b))); }
  Tensor d1(Grad g, Input<0> a, Input<1> b) const { return g * (1 - square(tanh(a + b))); }
};
struct OneElement {
  static constexpr auto name = "one_element";
  Array forward(const Array& x) const { return exp(Tensor(x)).array(); }
  Tensor d0(Grad g, Output y) const {
    Array d = (g * y).array();
    d.mutable_data<double>()[1] *= 1.01;
    return Tensor(d);
  }
};
struct ProductRule {  // x e^x
  static constexpr auto name = "product_rule";
  Array forward(const Array& x) const { return (Tensor(x) * exp(Tensor(x))).array(); }
  Tensor d0(Grad g, Input<0> x) const { return g * exp(x); }
};

// ---- what is said of them
constexpr const char* said[] = {"",
                                "zero: the path is detached",
                                "with the opposite sign",
                                "times the right gradient",
                                "the wrong dim",
                                "transposed: right with",
                                "off by",
                                "not summed over what it was broadcast to",
                                "a term is missing",
                                "a term is there twice"};
constexpr std::size_t kinds = std::size(said);

struct Defect {
  Diagnosis::Kind kind;
  std::string text;  // what the diagnosis must say
  GradcheckReport report;
};

std::vector<Defect> defects(uint64_t seed) {
  const Tensor a = noise({3, 4}, seed), b = noise({3, 4}, seed + 100), square = noise({4, 4}, seed + 200);
  const Tensor wide = noise({4, 5}, seed + 300), row = noise({4}, seed + 400), deep = noise({2, 3, 4}, seed + 500);
  using D = Diagnosis;
  return {
      {D::detached, "or its rule returns zero", gradcheck(Detached{}, {a})},
      {D::sign, "The gradient of input 1", gradcheck(Difference{}, {a, b})},
      {D::factor, "0.5 times the right gradient: 1/2", gradcheck(Square{}, {a})},
      {D::factor, "12, 12 being the number of elements of input 0", gradcheck(Mean{{3, 4}}, {a})},
      {D::factor, "1/3, 3 being the size of dimension 0 of input 0", gradcheck(MeanOfRows{{3, 4}}, {a})},
      {D::factor, "sqrt(5), 5 being the size of dimension 1 of input 0",
       gradcheck(Scores{std::sqrt(5.0)}, {wide, noise({3, 5}, seed)})},
      {D::transposed, "dimensions 0 and 1 swapped", gradcheck(Product{false}, {a, square})},
      {D::transposed, "dimensions 0 and 1 swapped", gradcheck(Product{true}, {a, wide})},
      {D::shifted, "off by 1: every element stands 1 too early along dimension 1", gradcheck(Next{1}, {a})},
      {D::shifted, "off by 2: every element stands 2 too early along dimension 1", gradcheck(Next{2}, {wide})},
      {D::broadcast_sum, "only the first of 3 along dimension 0", gradcheck(AddBias{0}, {a, row})},
      {D::broadcast_sum, "only the last of 3 along dimension 0", gradcheck(AddBias{2}, {a, row})},
      {D::broadcast_sum, "only the last of 3 along dimension 1", gradcheck(AddBias{-1}, {deep, row})},
      {D::wrong_dim, "is the same all along dimension 0, the right gradient along dimension 1",
       gradcheck(RowSum{}, {square})},
      {D::wrong_dim, "sums to zero along dimension 0, the right gradient along dimension 1",
       gradcheck(SoftmaxOver{}, {a})},
      {D::wrong_dim, "sums to zero along dimension 0", gradcheck(SoftmaxOver{}, {square})},
      {D::missing_term, "sums to zero along dimension 1, like", gradcheck(Softmax{false}, {a})},
      {D::missing_term, "or taken over another dimension", gradcheck(Softmax{true}, {a})},
      {D::missing_term, "sums to zero along dimension 1, like", gradcheck(LogSoftmax{}, {a})},
      {D::missing_term, "equals the gradient of output 0", gradcheck(Residual{0}, {a})},
      {D::doubled_term, "equals the gradient of output 0", gradcheck(Residual{2}, {a})},
      {D::missing_term, "equals the gradient of input 1", gradcheck(TwoWays{0}, {a, b})},
      {D::doubled_term, "equals the gradient of input 1", gradcheck(TwoWays{2}, {a, b})},
      {D::none, "", gradcheck(OneElement{}, {a})},
      {D::none, "", gradcheck(ProductRule{}, {a})},
      {D::none, "", gradcheck(ProductRule{}, {square})},
  };
}

}  // namespace

TEST_CASE("every defect is given its own name, and no other", "[gradcheck]") {
  int table[kinds][kinds] = {};  // [what it is][what is said]
  for (uint64_t seed = 1; seed <= 10; ++seed)
    for (const Defect& d : defects(seed)) {
      INFO(d.report.str());
      CHECK_FALSE(d.report);
      std::size_t found = 0;
      const std::string text = d.report.str();
      for (std::size_t k = 1; k < kinds; ++k)
        if (contains(text, said[k])) {
          ++table[d.kind][k];
          ++found;
        }
      if (!found) ++table[d.kind][0];
      CHECK(found == (d.kind != Diagnosis::none));
      CHECK(contains(text, d.text));
    }
  std::ostringstream confusion;
  for (auto& row : table) {
    for (int n : row) confusion << std::setw(4) << n;
    confusion << "\n";
  }
  INFO("rows: what it is; columns: what is said\n" << confusion.str());
  for (std::size_t is = 0; is < kinds; ++is)
    for (std::size_t named = 0; named < kinds; ++named) CHECK((table[is][named] > 0) == (is == named));
}

TEST_CASE("factors are named by the sizes they may come from", "[gradcheck]") {
  const std::vector<double> right{1, -2, 3, 0.5, 4, -1}, bound(6, 1e-14);
  const std::vector<KnownGradient> x{{"x", {7, 3}, std::vector<double>(21)}};
  auto of = [&](double factor) {
    std::vector<double> wrong = right;
    for (double& v : wrong) v *= factor;
    return diagnose({"w", {2, 3}, wrong, right, bound}, x).text;
  };
  CHECK(of(1.0 / 7) == "0.142857142857 times the right gradient: 1/7, 7 being the size of dimension 0 of x");
  CHECK(of(std::sqrt(3)) ==
        "1.73205080757 times the right gradient: sqrt(3), 3 being the size of dimension 1 of w; or "
        "sqrt(3), 3 being the size of dimension 1 of x");
  CHECK(of(-6) == "-6 times the right gradient: minus 6, 6 being the number of elements of w");
  CHECK(of(2) ==
        "2 times the right gradient: a factor of 2, or a term taken twice; or 2, 2 being the size of "
        "dimension 0 of w");
  CHECK(of(1.37) == "1.37 times the right gradient: a constant factor");
  CHECK(of(1 + 1e-9) == "1.000000001 times the right gradient: a constant factor");
  CHECK(of(1 + 1e-15) == "");  // that is rounding
}

TEST_CASE("nothing is said of one element, nor of what was not certain", "[gradcheck]") {
  const double inf = std::numeric_limits<double>::infinity();
  CHECK(diagnose({"w", {1}, std::vector<double>{2}, std::vector<double>{1}, std::vector<double>{0}}, {}).kind ==
        Diagnosis::none);
  const std::vector<double> right{1, -2, 3}, wrong{-1, 2, 7};
  CHECK(diagnose({"w", {3}, wrong, right, std::vector<double>{0, 0, inf}}, {}).kind == Diagnosis::sign);
  CHECK(diagnose({"w", {3}, wrong, right, std::vector<double>{0, inf, inf}}, {}).kind == Diagnosis::none);
  CHECK(diagnose({"w", {3}, wrong, right, std::vector<double>{0, 0, 0}}, {}).kind == Diagnosis::none);
}
