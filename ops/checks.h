#pragma once
// Checks that several ops share, each before anything is allocated.
#include "ops.h"

namespace heed {

inline void check_index_dtype(const char* op, Where at, const Tensor& index) {
  if (index.dtype() != i64)
    fail<DtypeError>(at, op, std::string("the index must be i64, not ") + name(index.dtype()) + ": use cast(x, i64)");
}
inline void check_rank(const char* op, Where at, int rank) {  // ShapeError: more dimensions than a shape has
  if (rank > max_rank)
    fail<ShapeError>(at, op, "the result would have " + std::to_string(rank) + " dimensions, which is more than 8");
}
// Which dimensions are named. IndexError: there is no such one; ShapeError: one is named twice.
std::array<bool, max_rank> named_dims(const char* op, Where at, Dims dims, int rank);
// IndexError unless every index lies in 0 .. n-1, but for `ignored`.
void check_indices(const char* op, Where at, const Tensor& index, int64_t n, const char* of,
                   int64_t ignored = INT64_MIN);

inline void check_rate(const char* op, Where at, const DropoutKey& key) {
  if (!(key.rate >= 0 && key.rate < 1))
    fail<Error>(at, op, "the dropout rate must be in [0, 1), not " + std::to_string(key.rate));
}

// ShapeError unless x broadcasts to the shape of what it goes with, e.g. "the scores ".
void check_over(const char* op, Where at, const char* what, const Tensor& x, const char* of, const Shape& to);

// An absent tensor, or a vector of n values of x's type.
void check_vector(const char* op, Where at, const char* what, const In& vector, int64_t n, const Tensor& x);

// A floating argument of one tensor: defined, f32 or f64.
inline void check_floating(const char* op, Where at, const In& x) {
  check_defined(op, at, x);
  check_computed(op, at, x->dtype());
}

// What a reduction over dims leaves: x's shape with a size of 1 for what is reduced, and without it. IndexError: there
// is no such dimension; ShapeError: it is named twice.
struct Reduced {
  Shape kept, dropped;
  Reduced(const char* op, Where at, const Tensor& x, Dims dims);
};
inline void check_dims(const char* op, Where at, const Tensor& x, Dims dims) { (void)Reduced(op, at, x, dims); }

// x [B, T, width], T at least 1
void check_sequence(const char* op, Where at, const Tensor& x, int64_t width);

// What attention takes: q [.., T, D], k [.., S, D], v [.., S, E] of one floating type. Returns what their batches
// broadcast to. check_readable: whose scores are no products, so that q and k may differ in their last dimension.
Shape check_readable(const char* op, Where at, const In& q, const In& k, const In& v);
Shape check_attention(const char* op, Where at, const In& q, const In& k, const In& v);

// What x is multiplied by: of x's type, or bf16 beside f32.
inline void check_factor(const char* op, Where at, const Tensor& x, const In& factor) {
  check_defined(op, at, factor);
  if (x.dtype() == f32 && factor->dtype() == bf16) return;
  check_computed(op, at, factor->dtype());
  check_same_dtype(op, at, x.dtype(), factor->dtype());
}

inline void check_boolean(const char* op, Where at, const In& x) {
  check_defined(op, at, x);
  if (x->dtype() != boolean)
    fail<DtypeError>(at, op, std::string("the tensor must be boolean, as x != 0 is, not ") + name(x->dtype()));
}

}  // namespace heed
