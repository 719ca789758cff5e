#pragma once
// The op protocol. An op is a plain struct, declared once, in one place:
//
//   forward      Array(const Array&...)              the kernel; a list op takes std::span<const Array>
//                                                    returns Array or std::array<Array, k>, or a pair of that and Kept
//   name         static constexpr auto = "softmax"
//   definition   Tensor(const Tensor&...)            what the op means, in terms of other ops
//   d0 d1 ...    Tensor(Grad, ...)                   the gradient of input 0, 1, ..., in terms of other ops; of a list
//   d            Tensor(Grad, ..., int i)            one rule for all inputs
//   backward     Array or std::array<Array, n>(...)  a kernel for the same gradients
//   add0 add1    void(Grad, ..., Array& sum)         a kernel beside d0 or d1: adds the gradient to what has arrived
//                                                    already (a slice's gradient is all zeros but for the slice)
//   multiply_adds  static int64_t(const Shape& y, const Shape&...)   that forward takes: observers are told
//   constant     static constexpr auto = inputs<1, 2>: these carry no gradient
//   differentiable  static constexpr bool = false: none does
//   cheap        static constexpr bool = true: what remembers its output does not keep it, but makes it again from the
//                inputs, all of which this op remembers; in a chain of them, every so many ops an output is kept
//
// The parameters of a rule say what is remembered, when its input carries a history: Input<i>, Inputs (of a list),
// Output, OutputOf<k>, and for backward const Kept& and const Needs&. The types say what can be differentiated again: a
// Tensor has a history, an Array has none.
#include <algorithm>
#include <tuple>
#include "mode.h"
#include "reflect.h"

namespace heed {

// ---- what a rule may ask for
struct Argument : Tensor {  // a tensor, and for kernels its array
  using Tensor::Tensor;
  explicit Argument(const Tensor& t) : Tensor(t) {}
  operator const Array&() const { return array(); }
};
template <int K>
struct GradOf : Argument {  // undefined if nothing flowed into output K
  using Argument::Argument;
};
template <int K>
struct OutputOf : Argument {  // remembered by the graph, as inputs are
  using Argument::Argument;
};
template <int I>
struct Input : Argument {  // undefined if absent
  using Argument::Argument;
};
// Of an op with one output.
using Grad = GradOf<0>;
using Output = OutputOf<0>;
struct Inputs : std::vector<Tensor> {};
struct Needs {  // which inputs' gradients are wanted
  std::span<const char> wanted;
  bool operator[](int i) const { return wanted[std::size_t(i)]; }
};
// static constexpr auto constant = inputs<1>: no gradient flows into input 1.
template <int... I>
inline constexpr uint64_t inputs = ((uint64_t{1} << I) | ... | 0);

// ---- inside: the graph, one node per recorded op, owned by the tensors that came out of it
struct Slot {  // a tensor as a node holds it: with its values, or only linked (shape, type and where it came from)
  Tensor tensor;
  uint32_t version = 0;
  bool made_again = false;  // by the node it came from, when its values are needed
  static Slot keeping(const Tensor& t) {
    if (!t.tracked() || !t.edge().node->cheap) return {Tensor(t.array(), history(t)), t.array().version()};
    Slot s = linking(t);
    s.made_again = true;
    return s;
  }
  static Slot linking(const Tensor& t) { return {Tensor(t.array().without_values(), history(t))}; }
  void forget() { tensor = Tensor(tensor.array().without_values(), tensor.edge()); }
  Array values() const { return made_again ? tensor.edge().node->output() : tensor.array(); }
  Tensor remembered() const { return Tensor(values(), tensor.edge()); }

 private:  // what is frozen now stays without a gradient here: its rule's inputs are not remembered
  static Edge history(const Tensor& t) { return t.tracked() ? t.edge() : Edge(); }
};

struct Pull {
  std::span<const Tensor> gradients;  // of the outputs
  Needs needs;
  std::span<Tensor> results;  // for the inputs
  bool create_graph;
  std::span<Tensor* const> sums;  // what has arrived for the inputs, null where none is wanted
};
Array& writable(Tensor& sum, const Tensor& like);  // an array that nobody else holds; zeros where nothing has arrived

void enroll(Node& n, Where at);  // number, line and module, once its parents are known
[[noreturn]] void fail_overwritten(const Node& n, const Slot& s);
inline void check_unchanged(const Node& n, const Slot& s) {
  if (s.tensor.array().version() != s.version) fail_overwritten(n, s);
}
void check_not_consumed(const Node& n);
[[noreturn]] void fail_constant(const char* op, Where at, int input);
void report(Event e);              // to the observer: it has just ended
Tensor identity(const Tensor& x);  // a node of its own
void vjp_into(std::span<const Tensor> ys, std::span<const Tensor> gys, std::span<const Tensor> xs, const Pull& p);

struct OnBehalfOf : Restore {  // ops inside a rule carry the line and module of the op they belong to
  explicit OnBehalfOf(const Node& n) {
    mode.in_rule = true;
    mode.line = &n.at;
    mode.module = n.module;
  }
};

// ---- inside: reading an op's declaration
template <class>
struct Signature;
template <class R, class Op, class... A>
struct Signature<R (Op::*)(A...) const> {
  using Result = R;
  using Parameters = std::tuple<std::remove_cvref_t<A>...>;
  template <class T>
  static constexpr bool takes = (std::is_same_v<T, std::remove_cvref_t<A>> || ...);
};

template <class R, class Op, class... A>
struct Signature<R (Op::*)(A...)> : Signature<R (Op::*)(A...) const> {
  static_assert(sizeof(Op) == 0,
                "heed: forward, definition, backward and the rules of an op must be const: an op is a "
                "value, and several threads may use one");
};

struct NoRule {};
template <class Op, int I>
constexpr auto rule() {
  if constexpr (I == 0 && requires { &Op::d0; }) return &Op::d0;
  else if constexpr (I == 1 && requires { &Op::d1; }) return &Op::d1;
  else if constexpr (I == 2 && requires { &Op::d2; }) return &Op::d2;
  else if constexpr (I == 3 && requires { &Op::d3; }) return &Op::d3;
  else if constexpr (I == 4 && requires { &Op::d4; }) return &Op::d4;
  else if constexpr (I == 5 && requires { &Op::d5; }) return &Op::d5;
  else return NoRule{};
}
template <class Op, int I>
constexpr auto adder() {
  if constexpr (I == 0 && requires { &Op::add0; }) return &Op::add0;
  else if constexpr (I == 1 && requires { &Op::add1; }) return &Op::add1;
  else return NoRule{};
}
template <class Op, int I>
inline constexpr bool has_adder = !std::is_same_v<decltype(adder<Op, I>()), NoRule>;
template <class Op, int I>
inline constexpr bool has_rule = !std::is_same_v<decltype(rule<Op, I>()), NoRule>;
template <class Op>
concept HasListRule = requires {
  &Op::d;
};
template <class Op>
concept HasDefinition = requires {
  &Op::definition;
};
template <class Op>
concept HasBackward = requires {
  &Op::backward;
};
template <class Op>
concept HasKept = requires {
  typename Op::Kept;
};
struct NothingKept {};
template <class Op>
struct KeptOf {
  using type = NothingKept;
};
template <HasKept Op>
struct KeptOf<Op> {
  using type = typename Op::Kept;
};

template <class R>
struct Made {  // what forward returned: its outputs, perhaps in a pair with what it keeps
  static constexpr int outputs = 1;
  static R& arrays(R& r) { return r; }
};
template <std::size_t K>
struct Made<std::array<Array, K>> {
  static constexpr int outputs = int(K);
  static std::array<Array, K>& arrays(std::array<Array, K>& r) { return r; }
};
template <class R, class Kept>
struct Made<std::pair<R, Kept>> : Made<R> {
  static R& arrays(std::pair<R, Kept>& r) { return r.first; }
};
inline const Array& nth(const Array& a, std::size_t) { return a; }
template <std::size_t K>
const Array& nth(const std::array<Array, K>& a, std::size_t k) {
  return a[k];
}

template <class Op>
struct Declared {
  using Forward = Signature<decltype(&Op::forward)>;
  using Result = typename Forward::Result;
  using Kept = typename KeptOf<Op>::type;
  static constexpr bool list = Forward::template takes<std::span<const Array>>;
  static constexpr int arity = list ? 0 : int(std::tuple_size_v<typename Forward::Parameters>);
  static constexpr int outputs = Made<Result>::outputs;

  static constexpr bool differentiable() {
    if constexpr (requires { Op::differentiable; }) return Op::differentiable;
    else return true;
  }
  static constexpr bool cheap() {
    if constexpr (requires { Op::cheap; }) return Op::cheap;
    else return false;
  }
  static constexpr bool constant(int i) {
    if constexpr (requires { Op::constant; }) return (Op::constant >> i) & 1;
    else return false;
  }

  template <class F>
  static constexpr bool any_input(F f) {
    return [&]<int... I>(std::integer_sequence<int, I...>) { return (f(std::integral_constant<int, I>{}) || ...); }
    (std::make_integer_sequence<int, arity>{});
  }
  static constexpr bool rules = HasListRule<Op> || any_input([](auto i) { return has_rule<Op, i>; });

  // Does a rule for one of these inputs (a bit each), or the backward kernel, take a T?
  template <class T>
  static constexpr bool rule_takes(uint64_t of) {
    return any_input([of](auto i) {
      bool taken = false;
      if constexpr (has_rule<Op, i>) taken |= Signature<decltype(rule<Op, i>())>::template takes<T>;
      if constexpr (has_adder<Op, i>) taken |= Signature<decltype(adder<Op, i>())>::template takes<T>;
      return taken && (of >> i & 1);
    });
  }
  template <class T>
  static constexpr bool takes(uint64_t of = ~uint64_t{0}) {
    if constexpr (HasBackward<Op>)
      if (Signature<decltype(&Op::backward)>::template takes<T>) return true;
    if constexpr (HasListRule<Op>)
      if (Signature<decltype(&Op::d)>::template takes<T>) return true;
    return rule_takes<T>(of);
  }
  static constexpr bool differentiates_definition = HasDefinition<Op> && !rules;
  template <int I>
  static constexpr bool remembers_input(uint64_t of) {
    return differentiates_definition || cheap() || takes<Input<I>>(of);
  }
  static constexpr bool remembers_list = differentiates_definition || takes<Inputs>();
  static constexpr bool remembers_outputs = []<int... K>(std::integer_sequence<int, K...>) {
    return (takes<OutputOf<K>>() || ...);
  }
  (std::make_integer_sequence<int, outputs>{});

  // An op whose gradient nobody wrote does not compile.
  static constexpr bool complete() {
    if constexpr (differentiable()) {
      static_assert(
          rules || HasDefinition<Op>,
          "heed: this op has no rule (d0, d1, ...) and no definition, so it cannot be differentiated (a backward "
          "kernel alone cannot be differentiated again): write one, or say `static constexpr bool differentiable = "
          "false;`");
      static_assert(
          !rules || list || !any_input([](auto i) { return !has_rule<Op, i> && !constant(i); }),
          "heed: an input of this op has no gradient rule (d0, d1, ...): write the missing one, or say "
          "`static constexpr auto constant = inputs<1>;` with the numbers of the inputs that carry no gradient");
      static_assert(!rule_takes<Kept>(~uint64_t{0}),
                    "heed: what an op has Kept has no history, so a rule that returns a Tensor must not use it: "
                    "take Input or Output there, and leave const Kept& to backward");
    }
    return true;
  }
};

template <class Op>
class OpNode final : public Node {
  using D = Declared<Op>;

 public:
  Op op;
  std::conditional_t<D::list, std::vector<Slot>, std::array<Slot, std::size_t(D::arity)>> in;
  std::array<Slot, D::remembers_outputs ? std::size_t(D::outputs) : 0> out;
  [[no_unique_address]] typename D::Kept kept;

  OpNode(Op o, std::span<const Tensor* const> x, uint64_t tracked)
      : Node(Op::name), op(std::move(o)), in(slots(x, tracked, std::make_integer_sequence<int, D::arity>{})) {
    outputs = D::outputs;
    if constexpr (D::cheap()) cheap = made_again_by();
  }
  std::span<const Slot> parents() const override { return in; }

  void forget() override {
    for (Slot& s : in) s.forget();
    for (Slot& s : out) s.forget();
    kept = {};
  }
  std::vector<Array> remembered() const override {
    std::vector<Array> r;
    for (const Slot& s : in) r.push_back(s.tensor.array());
    for (const Slot& s : out) r.push_back(s.tensor.array());
    auto hold = [&r](const auto& field) {
      if constexpr (std::is_same_v<decltype(field), const Array&>) r.push_back(field);
    };
    std::apply([&](const auto&... field) { (hold(field), ...); }, reflect::tie(kept));
    return r;
  }

  std::vector<Tensor> again(std::span<const Tensor> x) const override { return apply_to(at, op, x); }
  Array output() const override {
    if constexpr (D::cheap()) {
      check_not_consumed(*this);
      for (const Slot& s : in) check_unchanged(*this, s);
      auto made = std::apply([this](const auto&... s) { return op.forward(s.values()...); }, in);
      return Made<typename D::Result>::arrays(made);
    } else {
      return {};
    }
  }

  void pull(const Pull& p) override {
    for (const Slot& s : in) check_unchanged(*this, s);
    for (const Slot& s : out) check_unchanged(*this, s);
    if constexpr (HasBackward<Op>)
      if (!p.create_graph) return spread(call(&Op::backward, p), p.results);
    if constexpr (HasListRule<Op>) {
      for (int i = 0; i < int(in.size()); ++i)
        if (p.needs[i]) p.results[std::size_t(i)] = call(&Op::d, p, i);
    } else if constexpr (D::rules) {
      each_rule(p, std::make_integer_sequence<int, D::arity>{});
    } else if constexpr (HasDefinition<Op>) {
      through_definition(p);
    }
  }

 private:
  uint8_t made_again_by() const {  // ops in a row, this one the last; 0: too many
    constexpr int most = 4;
    int before = 0;
    for (const Slot& s : in)
      if (s.made_again) before = std::max<int>(before, s.tensor.edge().node->cheap);
    return uint8_t(before < most ? before + 1 : 0);
  }

  template <int... I>
  static decltype(in) slots(std::span<const Tensor* const> x, uint64_t tracked, std::integer_sequence<int, I...>) {
    if constexpr (D::list) {
      std::vector<Slot> r;
      r.reserve(x.size());
      for (const Tensor* t : x) r.push_back(D::remembers_list ? Slot::keeping(*t) : Slot::linking(*t));
      return r;
    } else {
      return {(D::template remembers_input<I>(tracked) ? Slot::keeping(*x[I]) : Slot::linking(*x[I]))...};
    }
  }

  template <int... I>
  void each_rule(const Pull& p, std::integer_sequence<int, I...>) {
    (one_rule<I>(p), ...);
  }
  template <int I>
  void one_rule(const Pull& p) {
    if (!p.needs[I]) return;
    if constexpr (has_adder<Op, I>)
      if (!p.create_graph) return call(adder<Op, I>(), p, I);
    if constexpr (has_rule<Op, I>) p.results[I] = call(rule<Op, I>(), p);
  }

  void through_definition(const Pull& p) {
    Recording on(true);
    auto x = in_tensors();
    std::vector<Tensor> wanted;
    for (std::size_t i = 0; i < x.size(); ++i)
      if (p.needs[int(i)])
        wanted.push_back(x[i] = identity(x[i]));  // its own node, so the partials of f(x, x) stay apart
    if constexpr (D::list) finish(op.definition(std::span<const Tensor>(x)), wanted, p);
    else finish(std::apply([&](auto&... t) { return op.definition(t...); }, x), wanted, p);
  }
  static void finish(const Tensor& y, std::span<const Tensor> x, const Pull& p) {
    vjp_into({&y, 1}, p.gradients, x, p);
  }
  template <std::size_t K>
  static void finish(const std::array<Tensor, K>& y, std::span<const Tensor> x, const Pull& p) {
    vjp_into(y, p.gradients, x, p);
  }
  auto in_tensors() const {
    if constexpr (D::list) {
      Inputs r;
      for (const Slot& s : in) r.push_back(s.remembered());
      return r;
    } else {
      std::array<Tensor, std::size_t(D::arity)> r;
      for (std::size_t i = 0; i < r.size(); ++i) r[i] = in[i].remembered();
      return r;
    }
  }

  template <class M>
  auto call(M method, const Pull& p, int i = 0) {
    return [&]<class... A>(std::type_identity<std::tuple<A...>>) {
      return (op.*method)(argument(std::type_identity<A>{}, p, i)...);
    }(std::type_identity<typename Signature<M>::Parameters>{});
  }
  template <int K>
  GradOf<K> argument(std::type_identity<GradOf<K>>, const Pull& p, int) {
    return GradOf<K>(p.gradients[K]);
  }
  template <int I>
  Input<I> argument(std::type_identity<Input<I>>, const Pull& p, int) {
    return p.create_graph ? Input<I>(in[I].remembered()) : Input<I>(in[I].values());
  }
  template <int K>
  OutputOf<K> argument(std::type_identity<OutputOf<K>>, const Pull& p, int) {
    const Array& y = out[K].tensor.array();  // stored without history (no cycle), handed out with it
    if (!p.create_graph || !floating(y.dtype())) return OutputOf<K>(y);
    retain(this);
    return OutputOf<K>(y, Edge{Ref<Node>(this), K});
  }
  Inputs argument(std::type_identity<Inputs>, const Pull&, int) { return in_tensors(); }
  const typename D::Kept& argument(std::type_identity<typename D::Kept>, const Pull&, int) { return kept; }
  const Needs& argument(std::type_identity<Needs>, const Pull& p, int) { return p.needs; }
  int argument(std::type_identity<int>, const Pull&, int i) { return i; }
  template <class T>
  Grad argument(std::type_identity<T>, const Pull&, int) {
    static_assert(sizeof(T) == 0,
                  "heed: the parameters of a rule say what is remembered for it: Grad, Input<0>, Output, Inputs, "
                  "OutputOf<1>, GradOf<1>, and in backward const Kept& and const Needs&");
    return Grad(Tensor());
  }
  Array& argument(std::type_identity<Array>, const Pull& p, int i) {
    return writable(*p.sums[std::size_t(i)], in[std::size_t(i)].tensor);
  }

  static void spread(Array a, std::span<Tensor> results) { results[0] = Tensor(std::move(a)); }
  template <class Many>
  static void spread(Many many, std::span<Tensor> results) {
    for (std::size_t i = 0; i < many.size(); ++i) results[i] = Tensor(std::move(many[i]));
  }
};

// ---- inside: recording an op
// Which inputs carry a history, a bit each; none if this op is not to be recorded.
template <class Op>
uint64_t recorded(Where at, std::span<const Tensor* const> x) {
  uint64_t tracked = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!x[i]->tracked()) continue;
    if (Declared<Op>::constant(int(i)) && mode.recording) fail_constant(Op::name, at, int(i));
    if (mode.touched) mode.touched->push_back(*x[i]);
    tracked |= uint64_t{1} << std::min<std::size_t>(i, 63);
  }
  return mode.recording && Declared<Op>::differentiable() ? tracked : 0;
}

template <class Op, class Arrays>
void remember_outputs(OpNode<Op>& n, const Arrays& y, uint64_t tracked) {
  [&]<int... K>(std::integer_sequence<int, K...>) {
    ((Declared<Op>::template takes<OutputOf<K>>(tracked) ? void(n.out[K] = Slot::keeping(Tensor(nth(y, K)))) : void()),
     ...);
  }
  (std::make_integer_sequence<int, Declared<Op>::outputs>{});
}

template <class Op>
int64_t multiply_adds(const Shape& y, std::span<const Tensor* const> x) {
  if constexpr (requires { &Op::multiply_adds; }) {
    auto of = [&]<std::size_t... I>(std::index_sequence<I...>) { return Op::multiply_adds(y, x[I]->shape()...); };
    return of(std::make_index_sequence<std::size_t(Declared<Op>::arity)>{});
  } else {
    return 0;
  }
}

inline Tensor with_history(Array& y, Ref<Node>&& owner) { return Tensor(std::move(y), Edge{std::move(owner), 0}); }
template <std::size_t K>
std::array<Tensor, K> with_history(std::array<Array, K>& arrays, const Ref<Node>& owner) {
  std::array<Tensor, K> y;
  for (std::size_t k = 0; k < K; ++k)  // integers carry no gradient
    y[k] = Tensor(std::move(arrays[k]), floating(arrays[k].dtype()) ? Edge{owner, int(k)} : Edge{});
  return y;
}
inline std::span<const Tensor> as_span(const Tensor& y) { return {&y, 1}; }
inline std::span<const Tensor> as_span(std::span<const Tensor> y) { return y; }

// The node, if there is to be one; the kernel's results become the outputs.
template <class Op, class Result>
auto finish(Where at, int64_t start, Op&& op, std::span<const Tensor* const> x, uint64_t tracked, Result&& made) {
  using D = Declared<Op>;
  auto& arrays = Made<Result>::arrays(made);
  Ref<Node> owner;
  if (tracked) {
    auto* n = new OpNode<Op>(std::forward<Op>(op), x, tracked);
    owner = Ref<Node>(n);
    enroll(*n, at);
    if constexpr (HasKept<Op>) n->kept = std::move(made.second);
    if constexpr (D::remembers_outputs) remember_outputs(*n, arrays, tracked);
  }
  auto y = with_history(arrays, std::move(owner));
  if (mode.observer) {
    const std::span<const Tensor> outputs = as_span(y);
    report({Op::name, false, at, mode.module, x, outputs, start, 0, multiply_adds<Op>(outputs[0].shape(), x)});
  }
  return y;
}

namespace detail {
inline std::vector<Tensor> as_list(const Tensor& y) { return {y}; }
inline std::vector<Tensor> as_list(std::vector<Tensor> y) { return y; }
template <std::size_t K>
std::vector<Tensor> as_list(const std::array<Tensor, K>& y) {
  return {y.begin(), y.end()};
}
}  // namespace detail

// ---- applying an op
// Runs an op and, if any argument has a history, records it:
//   Tensor cube(In x) { return apply(line_of(x), Cube{}, x.tensor()); }
template <class Op, class... T>
auto apply(Where at, Op op, const T&... x) {
  static_assert(Declared<Op>::complete());
  static_assert(sizeof...(T) == Declared<Op>::arity, "heed: apply needs one tensor per parameter of forward");
  if (mode.line) at = *mode.line;
  if constexpr (HasDefinition<Op>)
    if (mode.definitions_only) {
      Restore after;
      mode.line = &at;
      return op.definition(x...);
    }
  const int64_t start = started();
  const Tensor* pointers[] = {&x...};
  uint64_t tracked = recorded<Op>(at, pointers);
  return finish(at, start, std::move(op), pointers, tracked, op.forward(x.array()...));
}

// The same for an op of a list.
template <class Op>
auto apply_list(Where at, Op op, std::span<const Tensor> x) {
  static_assert(Declared<Op>::complete());
  static_assert(Declared<Op>::list, "heed: apply_list is for ops whose forward takes std::span<const Array>");
  if (mode.line) at = *mode.line;
  if constexpr (HasDefinition<Op>)
    if (mode.definitions_only) {
      Restore after;
      mode.line = &at;
      return op.definition(x);
    }
  const int64_t start = started();
  std::vector<Array> arrays;
  std::vector<const Tensor*> pointers;
  for (const Tensor& t : x) {
    arrays.push_back(t.array());
    pointers.push_back(&t);
  }
  uint64_t tracked = recorded<Op>(at, pointers);
  return finish(at, start, std::move(op), pointers, tracked, op.forward(std::span<const Array>(arrays)));
}

// Of as many as it takes, or of a list; all its outputs.
template <class Op>
std::vector<Tensor> apply_to(Where at, const Op& op, std::span<const Tensor> x) {
  if constexpr (Declared<Op>::list) {
    return detail::as_list(apply_list(at, op, x));
  } else {
    auto of = [&]<std::size_t... I>(std::index_sequence<I...>) { return detail::as_list(apply(at, op, x[I]...)); };
    return of(std::make_index_sequence<std::size_t(Declared<Op>::arity)>{});
  }
}

}  // namespace heed
