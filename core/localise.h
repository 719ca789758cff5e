#pragma once
// Where in a graph does a wrong gradient come from?
//
//   find_wrong_node(model, {x})      as gradcheck: a lambda, an op struct or a module
#include <optional>
#include "gradcheck.h"

namespace heed {

struct WrongNode {
  std::string op;
  Where at;            // its line
  std::string module;  // its path in the model; where there is no model, its type
  std::string why;
  GradcheckReport check;  // of this node alone, if its rule is wrong; else empty: its input has lost its history

  std::string str() const;  // gelu (model.h:33) in blocks.1.mlp: why
};

struct NodesReport {
  std::optional<WrongNode> first;  // in the order in which f applied them
  int64_t right = 0;               // nodes found right before it
  int64_t unchecked = 0;           // nodes that do not compute in f64, or whose gradients rounding hides
  bool settled = true;             // if no node is wrong, do all of them together give the right gradient?

  explicit operator bool() const { return !first && !unchecked && settled; }
  std::string str() const;  // for a person
};

namespace detail {
NodesReport find_wrong_node(Checked f, const std::vector<Tensor>& inputs, const Parameters& parameters,
                            const std::vector<ModulePath>& modules, const GradcheckOptions& options, Where at);
}  // namespace detail

// The first op that f applies whose gradient is wrong by itself: each is checked with gradcheck, at the values that f
// gave it. If all are right, the first op that reads a value without history where that loses a part of f's gradient:
// it was detached, or computed unrecorded, or from plain numbers. (A stop_gradient that loses nothing, as that of the
// largest logit in a softmax, is right.) Ops inside a checkpoint are looked at as if there were none. f and inputs as
// those of gradcheck; of options order and seed count.
template <class F>
NodesReport find_wrong_node(const F& f, const std::vector<Tensor>& inputs, const GradcheckOptions& options = {},
                            Where at = Where::here()) {
  return detail::as_checked(
      f, at, [&](detail::Checked values, const Parameters& parameters, const std::vector<ModulePath>& modules) {
        return detail::find_wrong_node(values, inputs, parameters, modules, options, at);
      });
}

}  // namespace heed
