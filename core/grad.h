#pragma once
// Reverse mode. Gradients are values: nothing is written to a tensor or a node.
#include <memory>
#include <optional>
#include "tree.h"

namespace heed {

inline constexpr bool create_graph = true;  // as an argument: grad(y, {x}, create_graph)

// d y / d x for each x, total: if one x was computed from another, the other's gradient includes the way through it.
// y has one element. With create_graph the gradients have a history of their own.
std::vector<Tensor> grad(const Tensor& y, std::span<const Tensor> xs, bool create_graph = false,
                         Where at = Where::here());
std::vector<Tensor> grad(const Tensor& y, std::initializer_list<Tensor> xs, bool create_graph = false,
                         Where at = Where::here());

// grad(consume(loss), model): what a node remembers is freed as soon as it is used. loss keeps its value, not its
// history. Not while another thread differentiates that graph.
struct Consumed {
  Tensor& y;
};
inline Consumed consume(Tensor& y) { return {y}; }
std::vector<Tensor> grad(Consumed y, std::span<const Tensor> xs, Where at = Where::here());
std::vector<Tensor> grad(Consumed y, std::initializer_list<Tensor> xs, Where at = Where::here());

// gy^T dy/dx with given output gradients, for one output or several; an undefined gradient counts as zeros. GradError
// if no output has a history.
std::vector<Tensor> vjp(const Tensor& y, const Tensor& gy, std::span<const Tensor> xs, bool create_graph = false,
                        Where at = Where::here());
std::vector<Tensor> vjp(const Tensor& y, const Tensor& gy, std::initializer_list<Tensor> xs, bool create_graph = false,
                        Where at = Where::here());
std::vector<Tensor> vjp(std::span<const Tensor> ys, std::span<const Tensor> gys, std::span<const Tensor> xs,
                        bool create_graph = false, Where at = Where::here());

namespace detail {
void check_direction(const char* op, Where at, const Tensor& x, const Tensor& v);  // ShapeError, DtypeError: not as x
Shape jacobian_shape(const Tensor& y, const Tensor& x, Where at);
}  // namespace detail
// J v, where J = df/dx at x: the directional derivative of f. Reverse mode twice.
template <class F>
Tensor jvp(F&& f, const Tensor& x, const Tensor& v, Where at = Where::here()) {
  detail::check_direction("jvp", at, x, v);
  const Recording on(true);
  const Tensor p = x.detach().requires_grad(at);
  const Tensor y = f(p);
  if (!y.tracked()) return zeros_like(y);  // f does not depend on x
  const Tensor u = zeros_like(y).requires_grad(at);
  const Tensor pulled = vjp(y, u, {&p, 1}, create_graph, at)[0];  // linear in u, with J as its matrix
  if (!pulled.tracked()) return zeros_like(y);
  return vjp(pulled, v, {&u, 1}, false, at)[0];
}

// H v, where H is the second derivative at x of f, which gives one element.
template <class F>
Tensor hvp(F&& f, const Tensor& x, const Tensor& v, Where at = Where::here()) {
  detail::check_direction("hvp", at, x, v);
  const Recording on(true);
  const Tensor p = x.detach().requires_grad(at);
  const Tensor y = f(p);
  if (!y.tracked()) return zeros_like(x);  // f does not depend on x
  const Tensor g = grad(y, {p}, create_graph, at)[0];
  if (!g.tracked()) return zeros_like(x);  // f is linear in x
  return vjp(g, v, {&p, 1}, false, at)[0];
}

// dy/dx, of shape [shape of y .., shape of x ..]; one sweep per element of y. ShapeError: more than 8 dimensions.
Tensor jacobian(const Tensor& y, const Tensor& x, Where at = Where::here());
template <class F>
requires(!std::is_convertible_v<F, const Tensor&>) Tensor jacobian(F&& f, const Tensor& x, Where at = Where::here()) {
  const Recording on(true);
  const Tensor p = x.detach().requires_grad(at);
  const Tensor y = f(p);
  if (!y.tracked()) return zeros(detail::jacobian_shape(y, p, at), p.dtype(), at);  // f does not depend on x
  return jacobian(y, p, at);
}

class Gradients {  // one per parameter, in walk order
 public:
  std::vector<std::string> paths;
  std::vector<Tensor> values;

  const Tensor& at(std::string_view path, Where at = Where::here()) const;  // GradError: no such parameter
  double norm() const;                                                      // Euclidean, over all of them
  // Of the same model, else GradError; none at all count as zeros. The memory of b goes into the sum, tensor by tensor:
  //   Gradients g;
  //   for (..) g = g + grad(consume(loss), model) * (1.0 / n);
  friend Gradients operator+(const Gradients& a, Gradients b);
  friend Gradients operator*(Gradients a, double by);
};

template <class M>
concept Module = !std::is_convertible_v<const M&, std::span<const Tensor>> && !std::is_base_of_v<Tensor, M>;

namespace detail {
// GradError if y depends on none of the parameters: it was computed with another model.
Gradients grad(const Tensor& y, Parameters p, bool create_graph, Where at);
Gradients grad(Consumed y, Parameters p, Where at);
}  // namespace detail

// The gradient of y by every parameter of a model. GradError: y depends on none of them.
template <Module M>
Gradients grad(const Tensor& y, const M& model, bool create_graph = false, Where at = Where::here()) {
  return detail::grad(y, parameters(model), create_graph, at);
}
template <Module M>
Gradients grad(Consumed y, const M& model, Where at = Where::here()) {
  return detail::grad(y, parameters(model), at);
}

// ---- checkpoint(f, x...): remembers nothing of what happens inside f and runs it again for the gradients. They reach
// everything f reads, passed or captured. A generator is passed as Rng* and replays from its value at the call. What f
// writes stays as the call left it; a tensor that f itself has made is written again. GradError: a tensor with a
// gradient that f reads, or one passed to it, was overwritten since.
struct Replay {  // f and its arguments
  virtual ~Replay() = default;
  virtual Tensor run() const = 0;  // f, once more
};
// touched: what f has read that has a history; given: its arguments that are tensors.
Tensor checkpoint_op(std::unique_ptr<Replay> f, Where at, Tensor y, std::vector<Tensor> touched,
                     std::span<const Tensor> given);

namespace detail {
template <class A>
struct Held {
  using Argument = const A&;
  A value;
  explicit Held(const A& a) : value(a) {}
  const A& get() const { return value; }
};
template <>
struct Held<In> {
  using Argument = In;
  In given;  // its tensor may be gone
  Tensor value;
  explicit Held(const In& x) : given(x), value(x.tensor()) {}
  In get() const { return given.is_number() ? given : In(value, given.at.file, given.at.line); }
};
template <>
struct Held<Rng*> {
  using Argument = Rng*;
  struct Again {  // a copy per replay: several threads may replay one node
    std::optional<Rng> rng;
    explicit operator Rng*() { return rng ? &*rng : nullptr; }
  };
  std::optional<Rng> at_call;
  explicit Held(Rng* r) : at_call(r ? std::optional(*r) : std::nullopt) {}
  Again get() const { return {at_call}; }
};
template <class F, class... A>
struct ReplayOf final : Replay {
  F f;
  std::tuple<Held<A>...> held;
  ReplayOf(F f, const A&... a) : f(std::move(f)), held(Held<A>(a)...) {}
  Tensor run() const override {
    return std::apply(
        [&](const Held<A>&... h) { return Tensor(f(static_cast<typename Held<A>::Argument>(h.get())...)); }, held);
  }
};
template <class A>
using Stored = std::conditional_t<std::is_base_of_v<Tensor, A>, Tensor, A>;
template <class A>
Tensor tensor_of(const A& a) {  // undefined if it is none
  if constexpr (std::is_convertible_v<const A&, const Tensor&>) return a;
  else return {};
}
}  // namespace detail

// f(x, more...): of tensors and whatever else f takes, giving a tensor.
template <class F, class... A>
Tensor checkpoint(F f, const In& x, A... more) {
  if (!mode.checkpointing) return Tensor(f(x, more...));
  auto replay = std::make_unique<detail::ReplayOf<F, In, detail::Stored<A>...>>(f, x, more...);
  const Tensor given[] = {x, detail::tensor_of(more)...};
  std::vector<Tensor> touched;
  Tensor y = [&] {
    Recording off(false);
    mode.touched = &touched;
    return Tensor(f(x, more...));
  }();
  if (mode.touched)
    mode.touched->insert(mode.touched->end(), touched.begin(), touched.end());  // a checkpoint around this one
  if (!mode.recording) return y;
  return checkpoint_op(std::move(replay), line_of(x), std::move(y), std::move(touched), given);
}

}  // namespace heed
