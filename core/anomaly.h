#pragma once
// Finds the op that a NaN or an infinity comes from.
#include "tree.h"

namespace heed {

// Throws if the event's results hold a NaN or an infinity: Error for the output of an op, GradError for a gradient that
// it computes, naming the user's line of the forward op, the module, the first such element and its value. A NaN is an
// error wherever it is; an infinity only where the op has made it of finite numbers, so masks of -inf may be used.
void check_finite(const Event& e, FunctionRef<std::string()> module_path);

// Anomaly watch{model};   or, where module paths are not wanted, Anomaly watch;
// check_finite for every op of this block and every gradient computed in it. One more pass over every result.
template <class M = void>
class Anomaly {
 public:
  Anomaly() : watch_({nullptr}) {}
  template <class Model>
  explicit Anomaly(const Model& model) : watch_({&model}) {}

 private:
  struct Check {
    const M* model;
    void operator()(const Event& e) const {
      check_finite(e, [&] {
        if constexpr (std::is_void_v<M>) return std::string();
        else return path_of(*model, e.module);
      });
    }
  };
  Observe<Check> watch_;
};
template <class M>
Anomaly(const M&) -> Anomaly<M>;

}  // namespace heed
