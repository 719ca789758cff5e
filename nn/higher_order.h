#pragma once
// Units whose inputs are multiplied with each other, and nets whose weights are computed.
#include "linear.h"

namespace heed {

// y = bias + sum_j weight_j prod_{i in S_j} x_i, S_j all sets of 1 .. order inputs      x [.., in] -> [.., out]
// (sigma-pi units: Rumelhart, Hinton and McClelland 1986, before their sigmoid; order 1 is Linear)
struct SigmaPi {
  int64_t in, out, order;
  Parameter weight = initial(out, in, order);  // [out, sets]
  Parameter bias = parameter(zeros({out}));    // [out]

  Tensor operator()(In x, Rng* = nullptr) const;
  Tensor terms(In x) const;  // the products: [.., in] -> [.., sets]
  // The members of each set, the smallest sets first: [sets, order] i64, where `in` fills up those of fewer.
  // ShapeError: the order is not 1 .. in.
  static Tensor sets(int64_t in, int64_t order, Where at = Where::here());
  static Parameter initial(int64_t out, int64_t in, int64_t order, Where at = Where::here());
};

// a + b x1 + c x2 + d x1 x2 + e x1^2 + f x2^2, a node of the group method of data handling (Ivakhnenko 1971)
// x1 and x2 [..] -> [..]
struct GmdhNode {
  Parameter weight = parameter(zeros({6}));  // a .. f

  Tensor operator()(In x1, In x2, Rng* = nullptr) const;
  // The weight with the least squares over examples x1, x2, y [n], computed in f64, of y's type. Error: they do not
  // determine it.
  static GmdhNode fit(In x1, In x2, In y);
};

// y = W(z) x, W(z) = sum_k z_k W_k, a layer whose weight a code z gives      x [.., in], z [.., codes] -> [.., out];
// leading dimensions broadcast (a hypernetwork, static and linear: Ha, Dai and Le 2017, section 3.1)
struct HyperLinear {
  int64_t in, out, codes;
  Parameter weight = parameter(init::kaiming_uniform({codes * out, in}, std::sqrt(1.0 / 3)));  // W_k below each other

  Tensor operator()(In x, In z) const;  // no W(z) is made: each example may have its own
  Tensor weight_of(In z) const;         // W(z) [out, in] of z [codes]
};

}  // namespace heed
