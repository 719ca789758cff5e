#include "plus.h"
#include <cmath>
#include <cstdio>
#include "op.h"
#include "rows.h"

namespace heed {

void check_defined(const char* op, Where at, const Tensor& x) {
  if (!x.defined()) fail<ShapeError>(at, op, "the argument is an undefined tensor");
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

void check_whole(const char* op, Where at, double v, Dtype t) {
  if (std::isfinite(v) && v == std::floor(v)) return;
  char text[40];
  std::snprintf(text, sizeof text, "%g", v);
  fail<DtypeError>(at, op, std::string(text) + " has no place among the values of " + name(t) + ": use cast");
}

Operands::Operands(const char* op, Where at, const In& x, const In& y) : a_(&x.tensor()), b_(&y.tensor()) {
  if (!x.defined() || !y.defined()) fail<ShapeError>(at, op, "an argument is an undefined tensor");
  auto number = [&](const In& n, Dtype t) {
    if (!floating(t)) check_whole(op, at, n.value(), t);
    return n.as(t == boolean && !n.is_bool() ? i64 : t);
  };
  if (x.is_number()) a_ = &(made_[0] = number(x, y.is_number() ? f32 : y->dtype()));
  if (y.is_number()) b_ = &(made_[1] = number(y, a_->dtype()));
  if (a_->shape() != b_->shape()) broadcast(at, op, a_->shape(), b_->shape());
  const Dtype p = a_->dtype(), q = b_->dtype();
  if (p == q) return;
  auto promoted = [at](const Tensor& t, Dtype to) { return cast(In(t, at.file, at.line), to); };
  if (!floating(p) && (floating(q) || p == boolean)) a_ = &(made_[0] = promoted(*a_, q));
  else if (!floating(q)) b_ = &(made_[1] = promoted(*b_, p));
  else check_same_dtype(op, at, p, q);
}

namespace kernels {
namespace {

template <class T>
void add_row(T* y, const T* a, int64_t sa, const T* b, int64_t sb, int64_t n) {
  if (sa == 1 && sb == 1)
    for (int64_t i = 0; i < n; ++i) y[i] = T(a[i] + b[i]);
  else if (sa == 1 && sb == 0)
    for (int64_t i = 0; i < n; ++i) y[i] = T(a[i] + *b);
  else
    for (int64_t i = 0; i < n; ++i) y[i] = T(a[i * sa] + b[i * sb]);
}
template <class T>
void add_row_to(T* y, int64_t sy, const T* x, int64_t sx, int64_t n) {
  if (sy == 1 && sx == 1)
    for (int64_t i = 0; i < n; ++i) y[i] = added(y[i], x[i]);
  else
    for (int64_t i = 0; i < n; ++i) y[i * sy] = added(y[i * sy], x[i * sx]);
}

Array add(const Array& a, const Array& b) {
  return visit_dtype(a.dtype(), [&]<class T>(T) -> Array {
    if constexpr (std::is_same_v<T, BFloat16>) return {};  // refused by the public function
    else return map_rows<T, T>(a, b, add_row<T>);
  });
}

Array scale(const Array& x, double by) {
  return visit_dtype(x.dtype(), [&]<class T>(T) -> Array {
    if constexpr (std::is_same_v<T, BFloat16> || std::is_same_v<T, bool>) {
      return {};  // refused by the public function
    } else {
      return map_rows<T, T>(x, x, [factor = T(by)](T* y, const T* p, int64_t step, const T*, int64_t, int64_t n) {
        for (int64_t i = 0; i < n; ++i) y[i] = p[i * step] * factor;
      });
    }
  });
}

// Pairwise over blocks, so that the error grows with the logarithm of n; the order depends on n alone.
template <class T>
T sum_row(const T* x, int64_t n) {
  constexpr int64_t block = 512, lanes = 32;
  if (n > block) {
    const int64_t half = (n / 2 + block - 1) / block * block;
    return sum_row(x, half) + sum_row(x + half, n - half);
  }
  T lane[lanes] = {};  // side by side, so that they are added several at a time
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes)
    for (int64_t l = 0; l < lanes; ++l) lane[l] += x[i + l];
  for (; i < n; ++i) lane[i % lanes] += x[i];
  for (int64_t step = lanes / 2; step > 0; step /= 2)
    for (int64_t l = 0; l < step; ++l) lane[l] += lane[l + step];
  return lane[0];
}

}  // namespace

void add_to(Array& sum, const Array& x) {
  visit_dtype(sum.dtype(), [&]<class T>(T) {
    T* y = sum.mutable_data<T>();
    const T* p = x.data<T>();
    const Rows<2> rows(sum.shape(), {&sum, &x});
    for_each_piece(rows, [&](const std::array<int64_t, 2>& at, int64_t n) {
      add_row_to(y + at[0], rows.step(0), p + at[1], rows.step(1), n);
    });
  });
}

// Runs of reduced dimensions, from the last one on.
Array sum_to(const Array& x, const Shape& to) {
  const int missing = x.shape().rank() - to.rank();
  Shape shape = x.shape();
  const auto reduced = [&](int d) { return d < missing || to[d - missing] != shape[d]; };
  return visit_dtype(x.dtype(), [&]<class T>(T) -> Array {
    if constexpr (std::is_same_v<T, BFloat16> || std::is_same_v<T, bool>) {
      return {};  // refused by the public function
    } else {
      if (x.numel() == 0) return filled(to, 0, x.dtype());
      Array y = x.contiguous();
      int64_t outer = x.numel(), inner = 1;
      for (int d = shape.rank() - 1; d >= 0; --d) {
        int64_t n = 1;
        for (; d >= 0 && reduced(d); --d) n *= shape[d];
        outer /= n;
        if (n > 1)
          y = reduce_middle<T>(y, outer, n, inner, sum_row<T>, [](T* sum, const T* row, int64_t width) {
            for (int64_t i = 0; i < width; ++i) sum[i] += row[i];
          });
        if (d >= 0) outer /= shape[d], inner *= shape[d];
      }
      return y.reshaped(to);
    }
  });
}

}  // namespace kernels

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
  bool fits = from.rank() <= to.rank();
  for (int i = 1; fits && i <= from.rank(); ++i) fits = from[-i] == to[-i] || from[-i] == 1;
  if (!fits) fail<ShapeError>(at, op, from.str() + " does not broadcast to " + to.str());
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
