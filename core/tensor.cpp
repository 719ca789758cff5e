#include "tensor.h"
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include "op.h"
#include "rows.h"

namespace heed {

const Tensor In::absent;

// ---- reading
double Tensor::item(Where at) const {
  if (!defined() || numel() != 1)
    fail<ShapeError>(at, "item",
                     defined() ? "the tensor must have one element, not shape " + shape().str() : "undefined tensor");
  return to_vector()[0];
}

void Tensor::copy_out(void* to, Dtype t) const {
  if (numel() == 0) return;  // an empty vector's data may be null, which memcpy must not be given
  const Array values = array_.dtype() == t && !array_.is_number() ? array_.contiguous() : array_.cast(t);
  std::memcpy(to, values.bytes(), static_cast<std::size_t>(numel()) * width(t));
}

void Tensor::check_readable(Dtype t, Where at) const {
  if (dtype() != t) fail<DtypeError>(at, "data", std::string("the tensor is ") + name(dtype()) + ", not " + name(t));
  if (!array_.is_contiguous())
    fail<ShapeError>(at, "data", "the tensor " + shape().str() + " is a view with gaps: take contiguous() first");
}

Tensor Tensor::contiguous() const { return array_.is_contiguous() ? *this : Tensor(array_.contiguous()); }

// ---- factories
Tensor full(const Shape& shape, double value, Dtype t) { return Tensor(filled(shape, value, t)); }
Tensor zeros(const Shape& shape, Dtype t) { return full(shape, 0, t); }
Tensor ones(const Shape& shape, Dtype t) { return full(shape, 1, t); }
Tensor zeros_like(const Tensor& x) { return full(x.shape(), 0, x.dtype()); }
Tensor ones_like(const Tensor& x) { return full(x.shape(), 1, x.dtype()); }

namespace {
// Element i is value(i), in parallel.
template <class F>
Tensor generated(const Shape& shape, Dtype t, F&& value) {
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

Tensor arange(int64_t n, Dtype t) {
  return generated({n}, t, [](int64_t i) { return i; });
}
Tensor eye(int64_t n, Dtype t) {
  return generated({n, n}, t, [n](int64_t i) { return i / n == i % n; });
}
Tensor rand(const Shape& shape, Rng& rng, Dtype t) {
  return generated(shape, t, [key = rng.key(), t](int64_t i) {
    const double u = unit(key, uint64_t(i));
    return t == f32 ? double(float(u) < 1.0f ? float(u) : 1.0f - 0x1p-24f) : u;  // rounding must not reach 1
  });
}
Tensor randn(const Shape& shape, Rng& rng, Dtype t) {
  return generated(shape, t, [key = rng.key()](int64_t i) { return gaussian(key, uint64_t(i)); });
}
Tensor randint(int64_t low, int64_t high, const Shape& shape, Rng& rng) {
  return generated(shape, i64, [=, key = rng.key()](int64_t i) {
    return low + int64_t(unit(key, uint64_t(i)) * double(high - low));
  });
}

namespace {
template <class T>
Tensor from_values(std::span<const T> values, const Shape& shape, Dtype t, Where at) {
  if (int64_t(values.size()) != shape.numel())
    fail<ShapeError>(at, "tensor",
                     std::to_string(values.size()) + " values do not fill the shape " + shape.str() + ", which has " +
                         std::to_string(shape.numel()) + " elements");
  return generated(shape, t, [&](int64_t i) { return values[std::size_t(i)]; });
}
}  // namespace
Tensor tensor(std::span<const double> values, const Shape& shape, Dtype t, Where at) {
  return from_values(values, shape, t, at);
}
Tensor tensor(std::span<const int64_t> values, const Shape& shape, Where at) {
  return from_values(values, shape, i64, at);
}

Values::Values(std::initializer_list<Values> parts) {
  shape_.push_back(int64_t(parts.size()));
  const Shape inner = parts.size() ? parts.begin()->shape_ : Shape();
  for (int64_t n : inner) shape_.push_back(n);
  for (const Values& part : parts) {
    if (part.shape_ != inner)
      throw ShapeError("tensor: parts of shape " + inner.str() + " and " + part.shape_.str() + " in one list");
    numbers_.insert(numbers_.end(), part.numbers_.begin(), part.numbers_.end());
  }
}
Tensor tensor(const Values& values, Dtype t) { return tensor(values.numbers(), values.shape(), t); }

Rng& default_rng() {
  static thread_local Rng rng{42};
  return rng;
}
void seed(uint64_t n) { default_rng() = Rng{n}; }

// ---- comparing
double max_difference(const Tensor& a, const Tensor& b, Where at) {
  if (a.shape() != b.shape())
    fail<ShapeError>(at, "max_difference", "cannot compare " + a.shape().str() + " with " + b.shape().str());
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
  if (a.shape() != b.shape())
    fail<ShapeError>(at, "allclose", "cannot compare " + a.shape().str() + " with " + b.shape().str());
  const std::vector<double> p = a.to_vector(), q = b.to_vector();
  for (std::size_t i = 0; i < p.size(); ++i)
    if (p[i] != q[i] && !(std::abs(p[i] - q[i]) <= atol + rtol * std::abs(q[i]))) return false;
  return true;
}

bool equal(const Tensor& a, const Tensor& b) {
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

// How the numbers of one tensor are written: integers plainly, others with four decimals, or with an exponent where the
// largest of them would need more places.
class NumberFormat {
 public:
  NumberFormat(std::span<const double> values, Dtype t) : dtype_(t) {
    double largest = 0;
    for (double v : values) {
      if (!std::isfinite(v)) continue;
      largest = std::max(largest, std::abs(v));
      whole_ = whole_ && v == std::trunc(v);
    }
    exponent_ = largest >= 1e6 || (largest > 0 && largest < 1e-3);
  }
  std::string operator()(double v) const {
    char text[40];
    if (dtype_ == boolean) return v != 0 ? "true" : "false";
    if (dtype_ == i64) std::snprintf(text, sizeof text, "%lld", static_cast<long long>(v));
    else std::snprintf(text, sizeof text, exponent_ ? "%.4e" : whole_ ? "%.0f." : "%.4f", v);
    return text;
  }

 private:
  Dtype dtype_;
  bool whole_ = true, exponent_ = false;
};

// Of a long dimension the first and last three are shown.
struct Printer {
  std::vector<std::string> numbers;  // empty: hidden
  Shape shape;
  std::size_t widest = 0;
  std::string text;

  explicit Printer(const Tensor& x) : numbers(std::size_t(x.numel())), shape(x.shape()) {
    const std::vector<double> values = x.to_vector();
    const NumberFormat text_of(values, x.dtype());
    for (int64_t i = 0; i < x.numel(); ++i) {
      if (hidden(i)) continue;
      std::string& s = numbers[std::size_t(i)] = text_of(values[std::size_t(i)]);
      widest = std::max(widest, s.size());
    }
  }
  static bool in_gap(int64_t i, int64_t n) { return n > 8 && i >= 3 && i < n - 3; }
  bool hidden(int64_t position) const {
    for (int d = shape.rank() - 1; d >= 0; position /= shape[d--])
      if (in_gap(position % shape[d], shape[d])) return true;
    return false;
  }
  void write(int dim, int64_t position) {
    if (dim == shape.rank()) {
      const std::string& s = numbers[std::size_t(position)];
      text.append(widest - s.size(), ' ').append(s);
      return;
    }
    const int deeper = shape.rank() - dim - 1;  // dimensions: so many lines end between two entries
    text += '[';
    for (int64_t i = 0; i < shape[dim]; ++i) {
      if (i) {
        text.append(deeper ? "," : ", ").append(std::size_t(deeper), '\n');
        if (deeper) text.append(std::size_t(dim) + 1, ' ');
      }
      if (in_gap(i, shape[dim])) {
        text += "...";
        i = shape[dim] - 4;
      } else {
        write(dim + 1, position * shape[dim] + i);
      }
    }
    text += ']';
  }
};

}  // namespace

std::string to_string(const Tensor& x) {
  if (!x.defined()) return "undefined";
  Printer p(x);
  p.write(0, 0);
  return p.text;
}

void print(const Tensor& x) {
  const std::string text = to_string(x);
  if (!x.defined()) std::printf("%s\n", text.c_str());
  else std::printf("%s  %s %s\n", text.c_str(), name(x.dtype()), x.shape().str().c_str());
}

// ---- writing
Array open_for_writing(const Tensor& t, Where at) {
  if (t.edge().node && !t.edge().node->leaf)
    fail<GradError>(at, "assign",
                    "cannot write to a tensor with a history: it came out of " + std::string(t.edge().node->name) +
                        " at " + t.edge().node->at.str());
  const Array to = t.array();
  if (!to.storage()) fail<ShapeError>(at, "assign", "there are no values to overwrite in a number or undefined tensor");
  to.storage()->version.fetch_add(1, std::memory_order_relaxed);
  to.storage()->written = at;
  return to;
}

void assign(const Tensor& t, const Tensor& values, Where at) {
  if (mode.replaying) return;
  if (t.shape() != values.shape())
    fail<ShapeError>(at, "assign", "cannot write " + values.shape().str() + " into " + t.shape().str());
  if (t.dtype() != values.dtype())
    fail<DtypeError>(at, "assign",
                     std::string("cannot write ") + name(values.dtype()) + " into " + name(t.dtype()) + ": use cast");
  Array to = open_for_writing(t, at);
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
  if (x->dtype() == t) return x;
  const Where at = line_of(x);
  if (!floating(t)) return apply(at, Cast{x->dtype(), t}, x->detach());  // i64 and boolean carry no gradient
  return apply(at, Cast{x->dtype(), t}, x.tensor());
}
Tensor stop_gradient(In x) { return x->detach(); }

}  // namespace heed
