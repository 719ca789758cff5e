#pragma once
// Who may attend to whom: what the fused op shares with modules that do without it.
#include "ops.h"

namespace heed {

// What is said about scores [.., T, S] of a type. ShapeError: bias or mask do not broadcast to them, or Causal::on
// although T is not S; DtypeError: a bias of another type, a mask that is not boolean.
void check_allowed(const char* op, Where at, const Shape& scores, Dtype t, const Tensor& bias, const Tensor& mask,
                   Causal causal);

// Causal or not, query t of T sees key s of S if s <= t + this.
int64_t causal_offset(Causal causal, int64_t T, int64_t S);

// True where a query may attend: the mask says so, s <= t + offset, and the bias is not -infinity. Boolean, broadcasts
// to [.., T, S]; undefined where nothing is forbidden.
Tensor allowed(int64_t T, int64_t S, const Tensor& bias, const Tensor& mask, int64_t offset);

bool all_finite(const Tensor& x);

// A weight of 0 times NaN is NaN, in results and in gradients. So keys and values that are not finite become 0, and
// queries that may attend to one get NaN at the end: k [.., S, D], v [.., S, E], may [.., T, S] as from `allowed`.
struct Finite {
  Tensor k, v, lost;  // lost: boolean [.., T, 1]
  Finite(const Tensor& k, const Tensor& v, const Tensor& may);
  Tensor result(const Tensor& y) const;  // [.., T, E]
};

}  // namespace heed
