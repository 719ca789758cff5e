#pragma once
// What every optimizer shares: the parameters it steps, groups of them, and state that follows them by path.
#include <optional>
#include "../core/grad.h"

namespace heed {

// The trained parameters of any model: what a function takes that is no template.
struct Trained {
  template <Module M>
  Trained(const M& model) : Trained(detail::Walk(detail::walk_of(model))) {}

  Parameters active;
  std::vector<std::string> frozen;  // the paths of those that freeze has taken out

 private:
  explicit Trained(detail::Walk walk);
};

// Parameters with a rate or a decay of their own, by a pattern of their paths, where * is any run of characters:
//
//   AdamW optimizer{.weight_decay = 0.1,
//                   .groups = {{.pattern = "encoder.*", .lr = 0.1},
//                              {.pattern = "*bias*", .weight_decay = 0},
//                              {.pattern = "*norm*", .weight_decay = 0}}};
//
// The first group that matches a parameter is its group. Error, with the nearest path: a pattern matches none.
struct Group {
  std::string pattern = {};
  double lr = 1;                            // a factor of the optimizer's; 0 leaves them as they are
  std::optional<double> weight_decay = {};  // in place of the optimizer's
};

// One tensor per parameter, under the parameter's path, as a field of an optimizer: found by the walk, saved and loaded
// by Checkpoints (models/run/checkpoint.h). load asks for the slots that there are, and a new optimizer has none.
struct Slots {
  std::vector<std::string> paths;
  std::vector<Tensor> values;

  // The first are those of p, in its order, fresh(parameter) where there was none; the others stay, behind them.
  void align(const Parameters& p, FunctionRef<Tensor(const Tensor& parameter)> fresh);
  void fields(auto f) {
    for (std::size_t i = 0; i < paths.size(); ++i) f(paths[i], values[i]);
  }
  Slots clone(auto& copy) const { return {paths, copy(values)}; }
};

}  // namespace heed
