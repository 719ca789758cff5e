#include "tensor.h"
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include "op.h"
#include "plus.h"
#include "rows.h"

namespace heed {

const Tensor In::absent;

// ---- reading
double Tensor::item(Where at) const {
  check_here("item", at);
  if (numel() != 1) fail<ShapeError>(at, "item", "the tensor must have one element, not shape " + shape().str());
  return to_vector()[0];
}

void Tensor::check_here(const char* what, Where at) const { check_defined(what, line_of(at), *this); }

void Tensor::copy_out(void* to, Dtype t) const {
  if (numel() == 0) return;  // an empty vector's data may be null, which memcpy must not be given
  const Array values = array_.dtype() == t && !array_.is_number() ? array_.contiguous() : array_.cast(t);
  std::memcpy(to, values.bytes(), static_cast<std::size_t>(numel()) * width(t));
}

void Tensor::check_readable(Dtype t, Where at) const {
  check_here("data", at);
  if (dtype() != t) fail<DtypeError>(at, "data", std::string("the tensor is ") + name(dtype()) + ", not " + name(t));
  if (!array_.is_contiguous())
    fail<ShapeError>(at, "data", "the tensor " + shape().str() + " is a view with gaps: take contiguous() first");
}

namespace {
struct Contiguous {
  static constexpr auto name = "contiguous";
  Array forward(const Array& x) const { return x.contiguous(); }
  Tensor d0(Grad g) const { return g; }
};
}  // namespace
Tensor Tensor::contiguous(Where at) const { return array_.is_contiguous() ? *this : apply(at, Contiguous{}, *this); }

namespace {
bool is_variable(const Tensor& t) { return t.edge().node && t.edge().node->leaf && t.array().is_contiguous(); }
}  // namespace
Parameter::Parameter(Tensor t, Where at)
    : Tensor(!t.defined() || is_variable(t) ? std::move(t) : t.detach().contiguous().requires_grad(at)) {}
Parameter parameter(const Tensor& t, Where at) { return Parameter(t.detach(), at); }

// ---- factories
Tensor full(const Shape& shape, double value, Dtype t, Where at) {
  check_sizes(line_of(at), "full", shape);
  if (t == i64) check_whole("full", line_of(at), value, t);
  return Tensor(filled(shape, value, t));
}
Tensor zeros(const Shape& shape, Dtype t, Where at) { return full(shape, 0, t, at); }
Tensor ones(const Shape& shape, Dtype t, Where at) { return full(shape, 1, t, at); }
Tensor zeros_like(const Tensor& x) { return full(x.shape(), 0, x.dtype()); }
Tensor ones_like(const Tensor& x) { return full(x.shape(), 1, x.dtype()); }

namespace {
// Element i is value(i), in parallel.
template <class F>
Tensor generated(const char* op, Where at, const Shape& shape, Dtype t, F&& value) {
  check_sizes(line_of(at), op, shape);
  Array a(shape, t);
  visit_dtype(t, [&]<class T>(T) {
    T* p = a.mutable_data<T>();
    parallel_for(a.numel(), 1 << 13, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) p[i] = T(value(i));
    });
  });
  return Tensor(std::move(a));
}
}  // namespace

Tensor arange(int64_t n, Dtype t, Where at) {
  return generated("arange", at, {n}, t, [](int64_t i) { return i; });
}
Tensor eye(int64_t n, Dtype t, Where at) {
  return generated("eye", at, {n, n}, t, [n](int64_t i) { return i / n == i % n; });
}
namespace {
__extension__ using uint128_t = unsigned __int128;
uint64_t high_half(uint64_t a, uint64_t b) { return uint64_t(uint128_t{a} * b >> 64); }
}  // namespace
Tensor randint(int64_t low, int64_t high, const Shape& shape, Rng& rng, Where at) {
  if (low >= high)
    fail<IndexError>(line_of(at), "randint",
                     "there is no number from " + std::to_string(low) + " to below " + std::to_string(high));
  const uint64_t count = uint64_t(high) - uint64_t(low);
  return generated("randint", at, shape, i64, [=, key = rng.key()](int64_t i) {
    const uint64_t skip = count <= uint64_t{1} << 53 ? uint64_t(unit(key, uint64_t(i)) * double(count))
                                                     : high_half(scramble(key, uint64_t(i)), count);
    return int64_t(uint64_t(low) + skip);
  });
}

namespace {
template <class T>
Tensor from_values(std::span<const T> values, const Shape& shape, Dtype t, Where at) {
  check_sizes(line_of(at), "tensor", shape);
  if (int64_t(values.size()) != shape.numel())
    fail<ShapeError>(line_of(at), "tensor",
                     std::to_string(values.size()) + " values do not fill the shape " + shape.str() + ", which has " +
                         std::to_string(shape.numel()) + " elements");
  return generated("tensor", at, shape, t, [&](int64_t i) { return values[std::size_t(i)]; });
}
}  // namespace
Tensor tensor(std::span<const double> values, const Shape& shape, Dtype t, Where at) {
  if (t == i64)
    for (double v : values) check_whole("tensor", line_of(at), v, t);
  return from_values(values, shape, t, at);
}
Tensor tensor(std::span<const int64_t> values, const Shape& shape, Where at) {
  return from_values(values, shape, i64, at);
}

Values::Values(std::initializer_list<Values> parts, Where at) {
  shape_.push_back(int64_t(parts.size()));
  const Shape inner = parts.size() ? parts.begin()->shape_ : Shape();
  for (int64_t n : inner) shape_.push_back(n);
  for (const Values& part : parts) {
    if (part.shape_ != inner)
      fail<ShapeError>(at, "tensor", "parts of shape " + inner.str() + " and " + part.shape_.str() + " in one list");
    list_.insert(list_.end(), part.numbers().begin(), part.numbers().end());
  }
}
Tensor tensor(const Values& values, Dtype t, Where at) {
  const std::span<const Values::Number> all = values.numbers();
  const auto value = [all](int64_t i) { return all[std::size_t(i)].value; };
  if (t != i64) return generated("tensor", at, values.shape(), t, value);
  for (const Values::Number& n : all)
    if (double(n.integer) != n.value) check_whole("tensor", line_of(at), n.value, t);
  return generated("tensor", at, values.shape(), t, [all](int64_t i) { return all[std::size_t(i)].integer; });
}

Rng& default_rng() {
  static thread_local Rng rng{42};
  return rng;
}
void seed(uint64_t n) { default_rng() = Rng{n}; }

// ---- comparing
namespace {
void check_comparable(const char* what, Where at, const Tensor& a, const Tensor& b) {
  for (const Tensor* t : {&a, &b}) check_defined(what, at, *t);
  if (a.shape() != b.shape())
    fail<ShapeError>(at, what, "cannot compare " + a.shape().str() + " with " + b.shape().str());
}
}  // namespace

double max_difference(const Tensor& a, const Tensor& b, Where at) {
  check_comparable("max_difference", at, a, b);
  const std::vector<double> p = a.to_vector(), q = b.to_vector();
  double worst = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (p[i] == q[i]) continue;
    const double d = std::abs(p[i] - q[i]);
    worst = std::max(worst, std::isnan(d) ? std::numeric_limits<double>::infinity() : d);
  }
  return worst;
}

bool allclose(const Tensor& a, const Tensor& b, double rtol, double atol, Where at) {
  check_comparable("allclose", at, a, b);
  const std::vector<double> p = a.to_vector(), q = b.to_vector();
  for (std::size_t i = 0; i < p.size(); ++i)
    if (p[i] != q[i] && (std::isinf(q[i]) || !(std::abs(p[i] - q[i]) <= atol + rtol * std::abs(q[i])))) return false;
  return true;
}

bool equal(const Tensor& a, const Tensor& b) {
  if (!a.defined() || !b.defined()) return a.defined() == b.defined();
  if (a.shape() != b.shape() || a.dtype() != b.dtype()) return false;
  return visit_dtype(a.dtype(), [&]<class T>(T) {
    const Array p = a.array().contiguous(), q = b.array().contiguous();
    for (int64_t i = 0; i < p.numel(); ++i) {
      if constexpr (std::is_same_v<T, BFloat16>) {
        if (float(p.data<T>()[i]) != float(q.data<T>()[i])) return false;
      } else {
        if (p.data<T>()[i] != q.data<T>()[i]) return false;
      }
    }
    return true;
  });
}

// ---- printing
namespace {

// How numbers beside each other are written: whole ones plainly, others with four decimals, or with an exponent where
// the largest of them would need more places.
class NumberFormat {
 public:
  explicit NumberFormat(std::span<const double> values) {
    double largest = 0;
    for (double v : values) {
      if (!std::isfinite(v)) continue;
      largest = std::max(largest, std::abs(v));
      whole_ = whole_ && v == std::trunc(v);
    }
    exponent_ = largest >= 1e6 || (largest > 0 && largest < 1e-3);
  }
  std::string operator()(double v) const {
    if (std::isnan(v)) return "nan";
    if (std::isinf(v)) return v < 0 ? "-inf" : "inf";
    char text[40];
    std::snprintf(text, sizeof text, exponent_ ? "%.4e" : whole_ ? "%.0f." : "%.4f", v);
    return text;
  }

 private:
  bool whole_ = true, exponent_ = false;
};

// Of a long dimension the first and last three are shown.
class Printer {
 public:
  explicit Printer(const Array& x) : array_(x) {
    collect(0, 0);
    visit_dtype(x.dtype(), [&]<class T>(T) {
      const T* p = x.data<T>();
      if constexpr (std::is_same_v<T, int64_t>) {
        for (int64_t i : shown_) numbers_.push_back(std::to_string(p[i]));
      } else if constexpr (std::is_same_v<T, bool>) {
        for (int64_t i : shown_) numbers_.push_back(p[i] ? "true" : "false");
      } else {
        std::vector<double> values;
        for (int64_t i : shown_) values.push_back(double(p[i]));
        const NumberFormat text_of(values);
        for (double v : values) numbers_.push_back(text_of(v));
      }
    });
    for (const std::string& s : numbers_) widest_ = std::max(widest_, s.size());
    write(0);
  }
  const std::string& text() const { return text_; }

 private:
  static bool in_gap(int64_t i, int64_t n) { return n > 8 && i >= 3 && i < n - 3; }
  void collect(int dim, int64_t offset) {
    if (dim == array_.shape().rank()) return shown_.push_back(offset);
    const int64_t n = array_.shape()[dim];
    for (int64_t i = 0; i < n; ++i) {
      if (in_gap(i, n)) i = n - 3;
      collect(dim + 1, offset + i * array_.stride(dim));
    }
  }
  void write(int dim) {
    if (dim == array_.shape().rank()) {
      const std::string& s = numbers_[next_++];
      text_.append(widest_ - s.size(), ' ').append(s);
      return;
    }
    const int64_t n = array_.shape()[dim];
    const int deeper = array_.shape().rank() - dim - 1;  // dimensions: so many lines end between two entries
    text_ += '[';
    for (int64_t i = 0; i < n; ++i) {
      if (i) {
        text_.append(deeper ? "," : ", ").append(std::size_t(deeper), '\n');
        if (deeper) text_.append(std::size_t(dim) + 1, ' ');
      }
      if (in_gap(i, n)) {
        text_ += "...";
        i = n - 4;
      } else {
        write(dim + 1);
      }
    }
    text_ += ']';
  }

  const Array& array_;
  std::vector<int64_t> shown_;  // offsets
  std::vector<std::string> numbers_;
  std::size_t next_ = 0, widest_ = 0;
  std::string text_;
};

}  // namespace

std::string to_string(const Tensor& x) { return x.defined() ? Printer(x.array()).text() : "undefined"; }

void print(const Tensor& x) {
  const std::string text = to_string(x);
  if (!x.defined()) std::printf("%s\n", text.c_str());
  else std::printf("%s  %s %s\n", text.c_str(), name(x.dtype()), x.shape().str().c_str());
}

// ---- writing
namespace {
// Are two elements of a view one? In order of their strides, each dimension must step over what those before it reach.
bool overlaps(const Array& x) {
  if (x.numel() == 0) return false;
  std::vector<std::pair<int64_t, int64_t>> steps;
  for (int d = 0; d < x.shape().rank(); ++d)
    if (x.shape()[d] > 1) steps.emplace_back(x.stride(d), x.shape()[d]);
  std::sort(steps.begin(), steps.end());
  int64_t reach = 0;
  for (const auto& [step, size] : steps) {
    if (step <= reach) return true;
    reach += step * (size - 1);
  }
  return false;
}

Array opened(const Tensor& t, Where at) {
  check_writable(t, at);
  Array to = t.array();
  to.storage()->version.fetch_add(1, std::memory_order_relaxed);
  to.storage()->written = at;
  return to;
}
}  // namespace

void check_writable(const Tensor& t, Where called) {
  const Where at = line_of(called);
  check_defined("assign", at, t);
  if (t.edge().node && !t.edge().node->leaf)
    fail<GradError>(at, "assign",
                    "cannot write to a tensor with a history: it came out of " + std::string(t.edge().node->name) +
                        " at " + t.edge().node->at.str());
  if (!t.array().storage()) fail<ShapeError>(at, "assign", "a number has no values to overwrite");
  if (overlaps(t.array()))
    fail<ShapeError>(at, "assign", "the elements of the view " + t.shape().str() + " share their memory");
}

Array open_for_writing(const Tensor& t, Where called) {
  const Where at = line_of(called);
  if (!t.array().is_contiguous())
    fail<ShapeError>(at, "assign", "the tensor " + t.shape().str() + " is a view with gaps: it is written by assign");
  return opened(t, at);
}

void assign(const Tensor& t, const Tensor& values, Where called) {
  if (const Storage* s = t.array().storage(); mode.replay && (!s || s->replay != mode.replay)) return;
  const Where at = line_of(called);
  for (const Tensor* x : {&t, &values}) check_defined("assign", at, *x);
  if (t.shape() != values.shape())
    fail<ShapeError>(at, "assign", "cannot write " + values.shape().str() + " into " + t.shape().str());
  if (t.dtype() != values.dtype())
    fail<DtypeError>(at, "assign",
                     std::string("cannot write ") + name(values.dtype()) + " into " + name(t.dtype()) + ": use cast");
  Array to = opened(t, at);
  const Array& from = values.array();
  copy_into(to, to.storage() == from.storage() ? from.cast(from.dtype()) : from);
}

// ---- cast
namespace {
struct Cast {
  static constexpr auto name = "cast";
  Dtype from, to;
  Array forward(const Array& x) const { return x.cast(to); }
  Tensor d0(Grad g) const { return cast(g, from); }
};
}  // namespace

Tensor cast(In x, Dtype t) {
  if (x.is_number()) return x.as(t);
  const Where at = line_of(x);
  check_defined(Cast::name, at, x);
  if (x->dtype() == t) return x;
  if (!floating(t)) return apply(at, Cast{x->dtype(), t}, x->detach());  // i64 and boolean carry no gradient
  return apply(at, Cast{x->dtype(), t}, x.tensor());
}
Tensor widened(In x) { return x->dtype() == bf16 ? cast(x, f32) : x.as(f32); }
Tensor stop_gradient(In x) { return x.as(f32).detach(); }

}  // namespace heed
