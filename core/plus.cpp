#include "plus.h"
#include <cstdio>
#include "loops.h"
#include "op.h"

namespace heed {

void check_defined(const char* op, Where at, const Tensor& x) {
  if (!x.defined()) fail<ShapeError>(at, op, "the argument is an undefined tensor");
}
void check_defined(const char* op, Where at, const In& x) {
  if (x.is_number()) fail<ShapeError>(at, op, "the argument is a number: a tensor is wanted");
  check_defined(op, at, x.tensor());
}
void check_computed(const char* op, Where at, Dtype t) {
  if (t == f32 || t == f64) return;
  fail<DtypeError>(at, op, std::string("cannot compute in ") + name(t) + ": use cast(x, f32) or cast(x, f64)");
}
void check_numeric(const char* op, Where at, Dtype t) {
  if (t != i64) check_computed(op, at, t);
}
void check_same_dtype(const char* op, Where at, Dtype a, Dtype b) {
  if (a == b) return;
  fail<DtypeError>(at, op,
                   std::string("cannot mix ") + name(a) + " with " + name(b) +
                       ": types are not promoted here, use cast(x, " + name(a) + ")");
}

void check_whole(const char* op, Where at, const In& v, Dtype t) {
  if (v.is_whole()) return;
  char text[40];
  std::snprintf(text, sizeof text, "%g", v.value());
  fail<DtypeError>(at, op, std::string(text) + " has no place among the values of " + name(t) + ": use cast");
}

Operands::Operands(const char* op, Where at, const In& x, const In& y) : a_(&x.tensor()), b_(&y.tensor()) {
  if (!x.defined() || !y.defined()) fail<ShapeError>(at, op, "an argument is an undefined tensor");
  auto number = [&](const In& n, Dtype t) {
    if (!floating(t)) check_whole(op, at, n, t);
    return n.as(t == boolean && !n.is_bool() ? i64 : t);
  };
  if (x.is_number()) a_ = &made_a_.emplace(number(x, y.is_number() ? f32 : y->dtype()));
  if (y.is_number()) b_ = &made_b_.emplace(number(y, a_->dtype()));
  if (a_->shape() != b_->shape()) broadcast(at, op, a_->shape(), b_->shape());
  const Dtype p = a_->dtype(), q = b_->dtype();
  if (p == q) return;
  auto promoted = [at](const Tensor& t, Dtype to) { return cast(In(t, at.file, at.line), to); };
  if (!floating(p) && (floating(q) || p == boolean)) a_ = &made_a_.emplace(promoted(*a_, q));
  else if (!floating(q)) b_ = &made_b_.emplace(promoted(*b_, p));
  else check_same_dtype(op, at, p, q);
}

namespace {

struct Add {
  static constexpr auto name = "add";
  Array forward(const Array& a, const Array& b) const { return kernels::add(a, b); }
  Tensor d0(Grad g) const { return g; }
  Tensor d1(Grad g) const { return g; }
};

struct Scale {
  static constexpr auto name = "scale";
  double by;
  Array forward(const Array& x) const { return kernels::scale(x, by); }
  Tensor d0(Grad g) const { return scale(g, by); }
};

struct SumTo {
  static constexpr auto name = "sum_to";
  Shape from, to;
  Array forward(const Array& x) const { return kernels::sum_to(x, to); }
  Tensor d0(Grad g) const { return broadcast_to(g, from); }
};

struct BroadcastTo {
  static constexpr auto name = "broadcast_to";
  Shape from, to;
  Array forward(const Array& x) const { return x.expanded(to); }
  Tensor d0(Grad g) const { return sum_to(g, from); }
};

void check_broadcasts(const char* op, Where at, const Shape& from, const Shape& to) {
  check_sizes(at, op, to);
  if (!broadcasts(from, to)) fail<ShapeError>(at, op, from.str() + " does not broadcast to " + to.str());
}

}  // namespace

Tensor operator+(In a, In b) {
  const Where at = line_of(a);
  const Operands x(Add::name, at, a, b);
  check_numeric(Add::name, at, x.dtype());
  return apply(at, Add{}, x.a(), x.b());
}

Tensor scale(In x, double by) {
  const Where at = line_of(x);
  check_defined(Scale::name, at, x);
  if (x->dtype() == i64) check_whole(Scale::name, at, by, i64);
  else check_computed(Scale::name, at, x->dtype());
  return apply(at, Scale{by}, x.tensor());
}

Tensor sum_to(In x, const Shape& to) {
  const Where at = line_of(x);
  check_defined(SumTo::name, at, x);
  if (x->shape() == to) return x;
  check_broadcasts(SumTo::name, at, to, x->shape());
  if (x->dtype() == bf16) {
    Scope here{x};
    return cast(sum_to(widened(x), to), bf16);
  }
  check_numeric(SumTo::name, at, x->dtype());
  return apply(at, SumTo{x->shape(), to}, x.tensor());
}

Tensor broadcast_to(In x, const Shape& to) {
  const Where at = line_of(x);
  check_defined(BroadcastTo::name, at, x);
  if (x->shape() == to) return x;
  check_broadcasts(BroadcastTo::name, at, x->shape(), to);
  return apply(at, BroadcastTo{x->shape(), to}, x.tensor());
}

}  // namespace heed
