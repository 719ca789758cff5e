#pragma once
// The walk over a model: a plain struct of numbers, tensors, containers and structs. Everything else is made of it.
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>
#include "mode.h"
#include "reflect.h"
#include "rng.h"

namespace heed {

struct Item {  // what the walk meets: a module, a trained tensor, a state tensor, or a number, also that of an
               // enumerator
  enum Kind { module, trained, state, number } kind;
  const std::string& path;
  ModuleId id;
  Tensor* tensor = nullptr;
  double value = 0;
};
using Visit = FunctionRef<void(const Item&)>;  // what walk calls

namespace detail {
template <class>
inline constexpr bool never = false;
template <class M>
concept Listed = requires(M& m) {
  m.fields([](std::string_view, auto&) {});
};
template <class M>
concept Erased = requires(M& m, std::string& path, Visit visit) {  // it alone knows its type
  m.walk(path, visit);
};
template <class M>
concept Range = requires(M& m) {
  m.begin();
  m.end();
};
template <class M>
concept Pointer = requires(M& m) {
  *m;
  bool(m);
};
template <class M>
concept Text = std::is_convertible_v<const M&, std::string_view>;
template <class M>
inline constexpr bool vector_of_bool = std::is_same_v<M, std::vector<bool>>;

struct Into {  // a path, longer by one name for as long as this lives
  std::string& path;
  std::size_t length;
  Into(std::string& p, std::string_view name);
  ~Into();
};

// What a walk does where it is: the same for every model, so it is compiled once.
void meet(Parameter& trained, const std::string& path, Visit visit);
void meet(Tensor& state, const std::string& path, Visit visit);
void meet(double number, const std::string& path, Visit visit);
void meet(ModuleId module, const std::string& path, Visit visit);

template <class M>
void walk(M& m, std::string& path, Visit visit) {
  auto field = [&](std::string_view name, auto& x) {
    Into into(path, name);
    walk(x, path, visit);
  };
  if constexpr (std::is_same_v<M, Parameter> || std::is_same_v<M, Tensor>) {
    meet(m, path, visit);
  } else if constexpr (std::is_arithmetic_v<M> || std::is_enum_v<M>) {
    meet(double(m), path, visit);
  } else if constexpr (std::is_pointer_v<M> || Text<M> || std::is_same_v<M, Shape> || std::is_same_v<M, Rng>) {
  } else if constexpr (vector_of_bool<M>) {
    static_assert(never<M>, "heed: std::vector<bool> has no elements one could refer to: use std::vector<uint8_t>");
  } else if constexpr (std::is_array_v<M>) {
    static_assert(never<M>, "heed: a module cannot have a C array as a field: use std::array");
  } else if constexpr (Erased<M>) {
    m.walk(path, visit);
  } else if constexpr (Listed<M>) {
    meet(ModuleId{&m, &typeid(M)}, path, visit);
    m.fields(field);
  } else if constexpr (Range<M>) {
    int i = 0;
    for (auto& x : m) field(std::to_string(i++), x);
  } else if constexpr (Pointer<M>) {
    if (m) walk(*m, path, visit);
  } else if constexpr (reflect::Plain<M>) {
    meet(ModuleId{&m, &typeid(M)}, path, visit);
    reflect::for_each_field(m, field);
  } else {
    static_assert(never<M>,
                  "heed: a module field is neither a tensor, a number, a container nor a plain struct: give its type "
                  "`void fields(auto f) { f(\"name\", member); ... }`");
  }
}
}  // namespace detail

// Calls visit(item) for everything reachable from m, in declaration order.
template <class M, class F>
void walk(const M& m, F&& visit) {
  std::string path;
  detail::walk(const_cast<M&>(m), path,
               Visit(visit));  // a tensor is a handle: a const model can be read and assigned to
}

struct Parameters {  // tensors of a model, each with its path: "blocks.0.attention.out_proj.weight"
  std::vector<std::string> paths;
  std::vector<Tensor> values;

  int64_t numel() const {  // of all together
    int64_t n = 0;
    for (const Tensor& x : values) n += x.numel();
    return n;
  }
};

struct ModulePath {
  ModuleId id;
  std::string path;  // "" is the model itself
};

namespace detail {
using Walk = FunctionRef<void(Visit)>;  // a walk over a model whose type matters no more
template <class M>
auto walk_of(const M& m) {
  return [&m](Visit visit) { heed::walk(m, visit); };
}
Parameters parameters_of(Walk walk);
Parameters state_of(Walk walk);
void freeze_all(Walk walk, bool on);
std::vector<std::pair<std::string, std::string>> ties_of(Walk walk);
std::string path_in(Walk walk, ModuleId id);
std::vector<ModulePath> modules_of(Walk walk, ModuleId whole);
}  // namespace detail

// Trained tensors, each once: the first path owns a tied one. Frozen ones are left out.
template <class M>
Parameters parameters(const M& m) {
  return detail::parameters_of(detail::walk_of(m));
}

// Everything that is saved, in declaration order: trained tensors, frozen or not, each once, and state.
template <class M>
Parameters state(const M& m) {
  return detail::state_of(detail::walk_of(m));
}

// From now on (or, with on = false, no longer) nothing in m is trained: its parameters carry no gradient.
template <class M>
void freeze(const M& m, bool on = true) {
  detail::freeze_all(detail::walk_of(m), on);
}

// Second names of tied parameters, each with its owner.
template <class M>
std::vector<std::pair<std::string, std::string>> ties(const M& m) {
  return detail::ties_of(detail::walk_of(m));
}

// Of a module in m: "blocks.0.attention"; empty for m itself and for what is not in it.
template <class M>
std::string path_of(const M& m, ModuleId id) {
  return detail::path_in(detail::walk_of(m), id);
}

// m itself, then every module in it, in declaration order.
template <class M>
std::vector<ModulePath> modules(const M& m) {
  return detail::modules_of(detail::walk_of(m), {&m, &typeid(M)});
}
std::string type_name(const ModuleId& id);                    // without namespaces: Linear, Sequential<Linear, Gelu>
bool within(std::string_view module, std::string_view path);  // is it the module's own path, or that of a part of it?

// M{a...}, for the default value of a field that reads its siblings: g++ 12 crashes on a temporary module in one.
//   std::optional<Linear> skip = make<Linear>(width, width);
template <class M, class... A>
M make(A&&... a) {
  return M{std::forward<A>(a)...};
}

// The same where it is wanted, else nothing:
//   std::optional<Linear> gate = make_if<Linear>(gated, width, hidden);
template <class M, class... A>
std::optional<M> make_if(bool wanted, A&&... a) {
  if (!wanted) return std::nullopt;
  return M{std::forward<A>(a)...};
}

// n modules, each with values of its own (PyTorch's ModuleList):
//   std::vector<Block> blocks = stack_of(layers, [this] { return Block{width, heads}; });
template <class F>
auto stack_of(int64_t n, F f) {
  std::vector<decltype(f())> r;
  r.reserve(std::size_t(n));
  for (int64_t i = 0; i < n; ++i) r.push_back(f());
  return r;
}

// ---- a copy with values of its own; what was tied stays tied
namespace detail {
struct Cloner {
  std::optional<Dtype> dtype;  // of the floating tensors of the copy
  Where at;
  std::vector<std::pair<Node*, Parameter>> known;

  Tensor values(const Tensor& t) const {
    return Tensor(t.array().cast(dtype && floating(t.dtype()) ? *dtype : t.dtype()));
  }
  Parameter operator()(const Parameter& p) {
    if (!p.defined()) return {};
    for (auto& [node, copy] : known)
      if (node == p.edge().node.get()) return tie(copy);
    Parameter copy = parameter(values(p), at);
    copy.edge().node->frozen = p.edge().node->frozen;
    known.emplace_back(p.edge().node.get(), tie(copy));
    return copy;
  }
  Tensor operator()(const Tensor& t) { return t.defined() ? values(t) : Tensor(); }
  template <class M>
  std::vector<M> operator()(const std::vector<M>& v) {
    std::vector<M> r;
    r.reserve(v.size());
    for (const M& m : v) r.push_back((*this)(m));
    return r;
  }
  template <class M, std::size_t N>
  std::array<M, N> operator()(const std::array<M, N>& a) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) { return std::array<M, N>{(*this)(a[I])...}; }
    (std::make_index_sequence<N>{});
  }
  template <class M>
  std::optional<M> operator()(const std::optional<M>& o) {
    return o ? std::optional<M>((*this)(*o)) : std::nullopt;
  }
  template <class M>
  std::unique_ptr<M> operator()(const std::unique_ptr<M>& p) {
    return p ? std::make_unique<M>((*this)(*p)) : nullptr;
  }
  template <class M>
  M operator()(const M& m) {
    constexpr bool numbers = std::is_scalar_v<M> || (Range<M> && std::is_trivially_copyable_v<M>);
    if constexpr (numbers || Text<M> || std::is_same_v<M, Rng>) return m;
    else if constexpr (requires { m.clone(*this); }) return m.clone(*this);
    else if constexpr (reflect::Plain<M>)
      return std::apply([this](const auto&... field) { return M{(*this)(field)...}; }, reflect::tie(m));
    else
      static_assert(never<M>,
                    "heed: to be cloned, a type with `fields` needs `T clone(auto& copy) const`, where copy(field) "
                    "copies a field");
  }
};
}  // namespace detail
// clone(model): nothing is shared with the original.
template <class M>
M clone(const M& m) {
  detail::Cloner copy;
  return copy(m);
}

// A copy whose floating tensors have another type: cast(model, f64) is what a gradient check wants. DtypeError: a
// parameter would not be floating.
template <class M>
requires(!std::is_convertible_v<const M&, In>) M cast(const M& m, Dtype t, Where at = Where::here()) {
  detail::Cloner copy{t, at, {}};
  return copy(m);
}

}  // namespace heed
