#pragma once
// The graph behind a tensor, to look at.
#include "tree.h"

namespace heed {

// Every node that leads to one of ys, leaves among them, in the order in which they were made.
std::vector<const Node*> graph_nodes(std::span<const Tensor> ys);

// Counts what nodes remember for their gradients, in bytes. Several may hold one storage: it counts for the first.
class Remembered {
 public:
  explicit Remembered(std::span<const Tensor> apart = {});  // whose values do not count: a model's parameters
  int64_t add(const Node& n);                               // what nobody before it has held

 private:
  bool is_new(const Storage* s);
  std::vector<const Storage*> known_;  // sorted
};

namespace detail {
std::string graph_dot(const Tensor& y, const std::vector<ModulePath>& modules, const Parameters& named, Where at);
}  // namespace detail

// The graph as Graphviz text, data flowing downwards: `dot -Tsvg`. A node is an op with the shape of its result, the
// user's line, and the bytes it is the first to remember; an ellipse is a leaf. With a model, leaves have the names of
// its parameters and nodes stand in the boxes of its modules. GradError: y has no history.
inline std::string graph_dot(const Tensor& y, Where at = Where::here()) { return detail::graph_dot(y, {}, {}, at); }
template <class M>
std::string graph_dot(const Tensor& y, const M& model, Where at = Where::here()) {
  return detail::graph_dot(y, modules(model), state(model), at);
}

}  // namespace heed
