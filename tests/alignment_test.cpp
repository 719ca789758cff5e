// Measures of alignment matrices.
#include <cmath>
#include "common.h"

using namespace heed;

namespace {

// "I love you" -> "je t'aime": each row a word that was written.
const Tensor soft = tensor({{0.94, 0.02, 0.04}, {0.11, 0.01, 0.88}, {0.03, 0.95, 0.02}}, f64);
const Tensor gold = tensor({{1, 0, 0}, {0, 0, 1}, {0, 1, 0}}) > 0;

}  // namespace

TEST_CASE("measures of a small alignment, by hand") {
  CHECK(diagonal_mass(soft, Diagonal::main, 0).item() == Approx((0.94 + 0.01 + 0.02) / 3));
  CHECK(diagonal_mass(soft).item() == Approx((0.96 + 1 + 0.97) / 3));
  CHECK(diagonal_mass(soft, Diagonal::anti, 0).item() == Approx((0.04 + 0.01 + 0.03) / 3));
  CHECK(monotonicity(soft).item() == Approx(2.0 / 3));  // the last two are swapped
  CHECK(monotonicity(eye(4, f64)).item() == 0);
  CHECK(monotonicity(flip(eye(4, f64), 1), Diagonal::anti).item() == 0);
  CHECK(monotonicity(flip(eye(4, f64), 1)).item() == 2);
  CHECK(argmax_accuracy(soft, gold).item() == 1);
  CHECK(argmax_accuracy(soft, eye(3, f64) > 0).item() == Approx(1.0 / 3));
  CHECK(gold_mass(soft, gold).item() == Approx((0.94 + 0.88 + 0.95) / 3));
  CHECK(alignment_error_rate(soft, gold).item() == Approx(0).margin(1e-15));
  CHECK(alignment_error_rate(soft, eye(3, f64) > 0).item() == Approx(1 - 2.0 / 6));
  CHECK(allclose(coverage(soft), tensor({1.08, 0.98, 0.94}, f64), 1e-14));
  CHECK(coverage_penalty(soft).item() == Approx(0.08 * 0.08 + 0.02 * 0.02 + 0.06 * 0.06));
  CHECK(allclose(entropy(tensor({{1, 0}, {0.5, 0.5}}, f64)), tensor({0, std::log(2.0)}, f64), 1e-14));
  CHECK(mean_entropy(full({2, 3, 8}, 0.125, f64)).shape() == Shape{2});
  CHECK(mean_entropy(full({2, 3, 8}, 0.125, f64))(1).item() == Approx(std::log(8.0)));
}

TEST_CASE("one source word written as two, and two as one") {
  const Tensor w = tensor({{0.9, 0.1, 0}, {0.6, 0.4, 0}, {0, 0.3, 0.7}, {0.2, 0.5, 0.3}}, f64);
  const Tensor links = tensor({{1, 0, 0}, {1, 0, 0}, {0, 1, 1}, {0, 0, 0}}) > 0;  // the last comes from nowhere
  CHECK(argmax_accuracy(w, links).item() == 1);
  CHECK(gold_mass(w, links).item() == Approx((0.9 + 0.6 + 1) / 3));
  // Four rows say something, four links are gold, three are both.
  CHECK(alignment_error_rate(w, links).item() == Approx(1 - 2.0 * 3 / 8));
  CHECK(alignment_error_rate(w, links, {.rows = arange(4) < 3}).item() == Approx(1 - 2.0 * 3 / 7));
}

TEST_CASE("padding does not count, in rows or keys, and a page is what it would be alone") {
  const Tensor w = softmax(noise({2, 5, 6}, 1));
  const AlignmentOptions options{.rows = length_mask(tensor({5, 3}, i64), 5),
                                 .keys = length_mask(tensor({6, 4}, i64), 6)};
  const Tensor part = w(1, range(0, 3), range(0, 4));
  for (Diagonal d : {Diagonal::main, Diagonal::anti}) {
    CHECK(diagonal_mass(w, d, 1, options)(0).item() == Approx(diagonal_mass(w(0), d).item()));
    CHECK(diagonal_mass(w, d, 1, options)(1).item() == Approx(diagonal_mass(part, d).item()));
    CHECK(monotonicity(w, d, options)(1).item() == Approx(monotonicity(part, d).item()));
  }
  CHECK(allclose(coverage(w, options)(1), sum(w(1, range(0, 3)), 0), 1e-14));
  CHECK(coverage_penalty(w, options)(1).item() == Approx(coverage_penalty(part).item()));
  CHECK(mean_entropy(w, options)(1).item() == Approx(mean_entropy(part).item()));
  const AlignmentOptions none{.rows = zeros({5}, boolean), .keys = zeros({6}, boolean)};
  for (const Tensor& x :
       {diagonal_mass(w, Diagonal::main, 1, none), monotonicity(w, Diagonal::main, none), mean_entropy(w, none),
        coverage(w, none), coverage_penalty(w, none), argmax_accuracy(w, zeros({2, 5, 6}, boolean))})
    CHECK(equal(x, zeros_like(x)));
  const AlignmentOptions no_rows{.rows = zeros({5}, boolean)};
  CHECK(equal(alignment_error_rate(w, ones({2, 5, 6}, boolean), no_rows), zeros({2}, f64)));
  CHECK(equal(coverage_penalty(w, no_rows), full({2}, 6, f64)));  // no key is looked at
}

TEST_CASE("diagonals of alignments that are not square run from corner to corner") {
  const Tensor stretched = repeat_interleave(eye(3, f64), 2, 1);  // 3 rows, 6 keys: 0 1 | 2 3 | 4 5
  CHECK(diagonal_mass(stretched / 2).item() == 1);                // the diagonal is at 0, 2.5 and 5
  CHECK(diagonal_mass(flip(stretched, 0) / 2, Diagonal::anti).item() == 1);
  CHECK(monotonicity(stretched).item() == Approx((0 + 0.5 + 1) / 3));
}

TEST_CASE("the penalty on coverage has gradients, of the second order too") {
  const GradcheckReport r =
      gradcheck([](const Tensor& s) { return coverage_penalty(softmax(s)); }, {noise({3, 4}, 1)}, {.order = 2});
  INFO(r.str());
  CHECK(r);
  CHECK(r.orders[0].certified_digits >= 9);
  const Tensor even = full({4, 4}, 0.25, f64);
  CHECK(coverage_penalty(even).item() == 0);  // rows and columns sum to 1
}

TEST_CASE("errors of measures") {
  CHECK_ERROR(ShapeError, diagonal_mass(ones({3})), "diagonal_mass: the weights must be [.., T, S], not [3]");
  CHECK_ERROR(ShapeError, coverage(ones({2, 3, 4}), {.rows = ones({2, 4}, boolean)}),
              "coverage: the rows [2, 4] does not broadcast to [2, 3]");
  CHECK_ERROR(ShapeError, argmax_accuracy(ones({3, 4}), ones({4, 3}, boolean)),
              "argmax_accuracy: gold must be of the shape of the weights, [3, 4], not [4, 3]");
  CHECK_ERROR(DtypeError, gold_mass(ones({3, 4}), ones({3, 4})),
              "gold_mass: the tensor must be boolean, as x != 0 is, not f32");
}
