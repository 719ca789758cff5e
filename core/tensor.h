#pragma once
// Values with a history. A Tensor is an Array and the edge of the graph it came out of; cheap to copy.
#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <vector>
#include "array.h"
#include "rng.h"

namespace heed {

class Tensor;
struct Slot;
struct Pull;

struct ModuleId {  // a struct and its first field share an address, so the type belongs to it
  const void* address = nullptr;
  const std::type_info* type = nullptr;
  bool operator==(const ModuleId& o) const {
    return address == o.address && (type == o.type || (type && o.type && *type == *o.type));
  }
};

struct Node {  // one recorded op; owned by the tensors that came out of it
  std::atomic<uint32_t> refs{1};
  bool leaf = false;
  bool frozen = false;  // a leaf that is not trained for now
  uint8_t cheap = 0;    // what remembers its output does not keep it, but makes it again by so many ops in a row
  int outputs = 1;
  uint64_t id = 0;  // greater than that of every node it came from
  const char* name;
  Where at;
  ModuleId module;
  Where consumed;        // by which call of grad
  Node* next = nullptr;  // used only while a dead graph is taken down

  explicit Node(const char* op) : name(op) {}
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  virtual ~Node() = default;
  virtual std::span<const Slot> parents() const = 0;  // the inputs
  virtual void pull(const Pull& p) = 0;               // from the gradients of the outputs to those of the inputs
  virtual void forget() = 0;                          // drops all values, keeps the links
  virtual std::vector<Array> remembered() const = 0;  // arrays it holds, those without values among them
  virtual std::vector<Tensor> again(std::span<const Tensor> x) const = 0;  // the same op of others; none: it is no op
  virtual Array output() const { return {}; }  // its only output, made again, if it is cheap

  void* operator new(std::size_t bytes) { return take_block(bytes); }
  void operator delete(void* p, std::size_t bytes) { give_block(p, bytes); }
};
// Nodes are counted; the last holder of one takes it down, and what it alone has held.
void take_down(Node* n);
inline void retain(Node* n) { n->refs.fetch_add(1, std::memory_order_relaxed); }
inline void release(Node* n) {
  if (n->refs.load(std::memory_order_acquire) == 1 || n->refs.fetch_sub(1, std::memory_order_acq_rel) == 1)
    take_down(n);
}

struct Edge {  // output number `output` of the op that `node` recorded
  Ref<Node> node;
  int output = 0;
};

// ---- indexing: x(3, _, range(2, 5))
struct All {};
inline constexpr All _;  // the whole dimension
struct Range {
  int64_t from = 0, to = INT64_MAX, step = 1;  // negative from and to count from the back; to is not included
  // x(Range{2}) is Python's x[2:], x(Range{.to = -1}) is x[:-1], x(Range{.step = 2}) is x[::2].
};
constexpr Range range(int64_t from, int64_t to, int64_t step = 1) { return {from, to, step}; }  // x[from:to:step]
struct Index {  // a number, the whole dimension, a range of it, or a tensor of indices or truths
  enum Kind { absent, one, all, some, tensor } kind = absent;
  Range span;
  const Tensor* values = nullptr;
  Where at;
  constexpr Index() = default;
  template <std::integral T>
  constexpr Index(T i, Where w = Where::here()) : kind(one), span{int64_t(i)}, at(w) {}
  constexpr Index(All, Where w = Where::here()) : kind(all), at(w) {}
  constexpr Index(Range r, Where w = Where::here()) : kind(some), span(r), at(w) {}
  constexpr Index(const Tensor& t, Where w = Where::here()) : kind(tensor), values(&t), at(w) {}
};

class Tensor {
 public:
  Tensor() {}
  explicit Tensor(const Array& a, Edge e = {}) : array_(a), edge_(std::move(e)) {}
  explicit Tensor(Array&& a, Edge e = {}) : array_(std::move(a)), edge_(std::move(e)) {}
  Tensor(const Tensor&) = default;
  Tensor(Tensor&&) = default;
  Tensor& operator=(const Tensor&) & = default;
  Tensor& operator=(Tensor&&) & = default;
  // The compiler shows the line below at x(i, j) = y, which would change nothing.
  Tensor& operator=(const Tensor&) && = delete;  // heed: no tensor changes: where, scatter and concat make another

  // shape() lists the sizes, outermost first; dim() counts them; numel() counts elements.
  bool defined() const { return array_.defined(); }
  const Shape& shape() const { return array_.shape(); }
  Dtype dtype() const { return array_.dtype(); }
  int dim() const { return array_.shape().rank(); }
  int64_t numel() const { return array_.numel(); }
  int64_t size(int dim, Where at = Where::here()) const {  // IndexError: no such dimension
    return shape()[checked_dim(at, "size", dim, this->dim())];
  }

  double item(Where at = Where::here()) const;  // of a tensor of one element, else ShapeError
  template <class T = double>
  std::vector<T> to_vector(Where at = Where::here()) const {  // row by row, converted to float, double or int64_t
    check_here("to_vector", at);
    std::vector<T> r(static_cast<std::size_t>(numel()));
    copy_out(r.data(), dtype_of<T>);
    return r;
  }
  // The values themselves, contiguous. T must be the type of dtype(): float, double, BFloat16, int64_t or bool; else
  // DtypeError. A tensor that is not contiguous is a ShapeError: take contiguous() first.
  template <class T>
  std::span<const T> data(Where at = Where::here()) const {
    check_readable(dtype_of<T>, at);
    return {array_.data<T>(), static_cast<std::size_t>(numel())};
  }
  Tensor contiguous(Where at = Where::here()) const;  // itself, or a copy without gaps

  bool tracked() const { return edge_.node && !edge_.node->frozen; }  // does it have a history?
  [[nodiscard]] Tensor detach() const { return Tensor(array_); }      // the same values without it
  [[nodiscard]] Tensor requires_grad(
      Where at = Where::here()) const;           // the same values as a variable of their own; DtypeError: i64
  const Array& array() const { return array_; }  // the values alone
  const Edge& edge() const { return edge_; }     // where they came from

  // One index per dimension, the rest whole: a number removes its dimension, `_` keeps it, range(a, b) takes a part: a
  // view. An i64 tensor picks elements of its dimension, a boolean one those elements of as many dimensions as it has
  // where it is true: a copy. Several are broadcast together, and their shape stands where the dimensions were that
  // they index (without those a number removes), in front if these are apart. IndexError naming the dimension and its
  // size.
  Tensor operator()(const Index& i0, const Index& i1 = {}, const Index& i2 = {}, const Index& i3 = {},
                    const Index& i4 = {}, const Index& i5 = {}, const Index& i6 = {}, const Index& i7 = {}) const;

 private:
  void check_here(const char* what, Where at) const;  // ShapeError unless defined
  void copy_out(void* to, Dtype t) const;
  void check_readable(Dtype t, Where at) const;

  Array array_;
  Edge edge_;
};

// A trained tensor. Move-only, so that a module cannot be copied by accident: clone(model) copies, std::move moves.
class Parameter : public Tensor {
 public:
  Parameter() = default;
  // t itself if it is a contiguous variable, else a variable of its values. DtypeError: they are not floating.
  explicit Parameter(Tensor t, Where at = Where::here());
  Parameter(Parameter&&) = default;
  Parameter& operator=(Parameter&&) = default;
  // The compiler shows the line below where a module is copied.
  Parameter(const Parameter&) = delete;  // heed: not copied: use clone(model), std::move or tie(parameter)
  Parameter& operator=(const Parameter&) = delete;
};
Parameter parameter(const Tensor& t, Where at = Where::here());  // on the values of t, which it shares
inline Parameter tie(const Parameter& owner) { return Parameter(Tensor(owner)); }  // the same weight under two names

template <class T>
concept Arithmetic = std::is_arithmetic_v<T>;

template <Arithmetic T>
constexpr int64_t truncated(T v) {  // 0 where int64_t has no such number
  if constexpr (std::is_integral_v<T>) return uint64_t(v) <= INT64_MAX || std::is_signed_v<T> ? int64_t(v) : 0;
  else return v >= T(-0x1p63) && v < T(0x1p63) ? int64_t(v) : 0;
}

// An argument of an op: a tensor or a number, and the line of the user's code that passed it. A function of your own
// that takes an In asks for the tensor's size as x->size(0).
class In {
 public:
  In() = default;  // absent
  In(const Tensor& t, const char* file = __builtin_FILE(), int line = __builtin_LINE()) : at{file, line}, tensor_(&t) {}
  template <Arithmetic T>
  In(T v, const char* file = __builtin_FILE(), int line = __builtin_LINE())
      : at{file, line},
        value_(double(v)),
        integer_(truncated(v)),
        is_number_(true),
        is_bool_(std::is_same_v<T, bool>) {}

  In(const In&) = default;
  ~In() {}  // not defaulted, so that an argument is passed where it was made, not copied

  // What was passed: a number (with its value), a tensor, or, where it is not defined, nothing.
  bool is_number() const { return is_number_; }
  bool is_bool() const { return is_bool_; }                     // the number is true or false
  bool is_whole() const { return double(integer_) == value_; }  // the number has a place in i64
  double value() const { return value_; }
  bool defined() const { return is_number_ || tensor_->defined(); }
  const Tensor& tensor() const { return *tensor_; }
  Tensor as(Dtype t) const { return is_number_ ? Tensor(Array::number(value_, integer_, t)) : *tensor_; }
  operator const Tensor&() const { return *tensor_; }
  const Tensor* operator->() const { return tensor_; }

  Where at;

 private:
  static const Tensor absent;
  const Tensor* tensor_ = &absent;
  double value_ = 0;
  int64_t integer_ = 0;
  bool is_number_ = false, is_bool_ = false;
};

// ---- factories
Tensor full(const Shape& shape, double value, Dtype t = f32, Where at = Where::here());  // ShapeError: negative sizes
// Filled, of a shape or of another tensor's shape and type.
Tensor zeros(const Shape& shape, Dtype t = f32, Where at = Where::here());
Tensor ones(const Shape& shape, Dtype t = f32, Where at = Where::here());
Tensor zeros_like(const Tensor& x);
Tensor ones_like(const Tensor& x);
Tensor arange(int64_t n, Dtype t = i64, Where at = Where::here());  // 0, 1, .. n-1
Tensor eye(int64_t n, Dtype t = f32, Where at = Where::here());     // 1 on the diagonal, else 0
// Uniform in [0, 1); standard normal. DtypeError unless f32 or f64.
Tensor rand(const Shape& shape, Rng& rng, Dtype t = f32, Where at = Where::here());
Tensor randn(const Shape& shape, Rng& rng, Dtype t = f32, Where at = Where::here());
// i64, low .. high-1; IndexError if there is none.
Tensor randint(int64_t low, int64_t high, const Shape& shape, Rng& rng, Where at = Where::here());
// Values row by row; ShapeError if there are not as many as the shape has elements.
Tensor tensor(std::span<const double> values, const Shape& shape, Dtype t = f32, Where at = Where::here());
Tensor tensor(std::span<const int64_t> values, const Shape& shape, Where at = Where::here());  // i64
class Values {  // a number, or a list of lists of equal lengths: {{1, 2, 3}, {4, 5, 6}}
 public:
  struct Number {
    double value;
    int64_t integer;  // the same with all its digits, where int64_t has it
  };
  template <Arithmetic T>
  Values(T v) : number_{double(v), truncated(v)} {}
  Values(std::initializer_list<Values> parts, Where at = Where::here());  // ShapeError: of different lengths
  std::span<const Number> numbers() const {                               // row by row
    return shape_.rank() ? std::span<const Number>(list_) : std::span(&number_, 1);
  }
  const Shape& shape() const { return shape_; }  // lengths of the lists, outermost first

 private:
  Number number_{};
  std::vector<Number> list_;
  Shape shape_;
};
Tensor tensor(const Values& values, Dtype t = f32, Where at = Where::here());  // DtypeError: no place in i64

// The thread's default generator, which initialisers of modules draw from: randn({2, 3}, default_rng()).
void seed(uint64_t n);
Rng& default_rng();

// ---- looking
// The values in brackets; of a long dimension the first and last three.
std::string to_string(const Tensor& x);
void print(const Tensor& x);  // to standard output, with shape and type
template <class S>
concept TextStream = requires(S& s, const std::string& text) {
  s << text;
};
template <TextStream S>
S& operator<<(S& s, const Tensor& x) {
  s << to_string(x);
  return s;
}
template <TextStream S>
S& operator<<(S& s, const Shape& x) {
  s << x.str();
  return s;
}
template <TextStream S>
S& operator<<(S& s, Dtype t) {
  s << std::string(name(t));
  return s;
}

bool equal(const Tensor& a, const Tensor& b);  // same shape, type and values; NaN equals nothing
// |a - b| <= atol + rtol |b| for every element (of the same shape; else ShapeError), compared in double; an infinity is
// close to itself alone.
bool allclose(const Tensor& a, const Tensor& b, double rtol = 1e-5, double atol = 1e-8, Where at = Where::here());
double max_difference(const Tensor& a, const Tensor& b, Where at = Where::here());  // largest |a - b|; NaN: infinity

// The one in-place write: optimizer, averages, running statistics, loading. GradError: t has a history; ShapeError and
// DtypeError: the values do not fit, or elements of t are one in memory.
void assign(const Tensor& t, const Tensor& values, Where at = Where::here());
void check_writable(const Tensor& t, Where at = Where::here());  // throws what assign would, whatever the values
// What assign does before it writes, for kernels that compute in place (optimizers): the same checks, and the version
// moves. The array shares t's storage and is contiguous: ShapeError if t is not.
Array open_for_writing(const Tensor& t, Where at = Where::here());

Tensor cast(In x, Dtype t);  // x itself where the type is t already; the gradient comes back in x's type
Tensor widened(In x);        // f32 of bf16, which is for storage; else x itself
Tensor stop_gradient(In x);  // x without its history

}  // namespace heed
