#pragma once
// Gradients form a vector space, and reverse mode needs its operations: plus, a number times a tensor, and sum_to with
// its dual, broadcast_to. And how two operands are made to fit each other, here and in every elementwise op.
#include "tensor.h"

namespace heed {

Tensor operator+(In a, In b);
Tensor scale(In x, double by);  // by x
// The sum over every dimension that broadcasting `to` to x's shape would add or stretch. ShapeError: it would not.
Tensor sum_to(In x, const Shape& to);
// A view of x stretched to a shape that it broadcasts to. ShapeError: it does not.
Tensor broadcast_to(In x, const Shape& to);

// Numbers take the tensor's type, but beside a boolean tensor all but true and false are i64; i64 and boolean are
// promoted to the floating one; two floating types are a DtypeError.
class Operands {
 public:
  Operands(const char* op, Where at, const In& x, const In& y);  // ShapeError, DtypeError
  Operands(const Operands&) = delete;
  Operands& operator=(const Operands&) = delete;
  // As they were made to fit, and their common type.
  const Tensor& a() const { return *a_; }
  const Tensor& b() const { return *b_; }
  Dtype dtype() const { return a_->dtype(); }

 private:
  const Tensor *a_, *b_;
  std::optional<Tensor> made_a_, made_b_;
};

void check_defined(const char* op, Where at, const Tensor& x);      // ShapeError unless it is
void check_defined(const char* op, Where at, const In& x);          // and unless it is a tensor
void check_computed(const char* op, Where at, Dtype t);             // DtypeError unless f32 or f64
void check_numeric(const char* op, Where at, Dtype t);              // DtypeError unless f32, f64 or i64
void check_whole(const char* op, Where at, const In& v, Dtype t);   // DtypeError: no value of t, which is not floating
void check_same_dtype(const char* op, Where at, Dtype a, Dtype b);  // DtypeError unless equal

namespace kernels {
template <class T>
T added(T a, T b) {  // in float where T is for storage
  if constexpr (std::is_same_v<T, BFloat16>) return T(float(a) + float(b));
  else return T(a + b);
}
void add_to(Array& sum, const Array& x);  // in place: for values that nobody else holds, or a view of them
Array sum_to(const Array& x, const Shape& to);
}  // namespace kernels

}  // namespace heed
