#pragma once
// What every optimizer shares: state that follows the parameters by path, and the check that gradients belong to them.
#include "../core/grad.h"

namespace heed {

// One tensor per parameter, under the parameter's path, as a field of an optimizer: found, saved and loaded by the
// walk.
struct Slots {
  std::vector<std::string> paths;
  std::vector<Tensor> values;

  // Zeros for the parameters that have none yet. GradError: what there is belongs to another model.
  void prepare(const char* optimizer, const Parameters& p, Where at);
  void fields(auto f) {
    for (std::size_t i = 0; i < paths.size(); ++i) f(paths[i], values[i]);
  }
  Slots clone(auto& copy) const { return {paths, copy(values)}; }
};

// GradError naming the first parameter that differs: the gradients are of another model. DtypeError: a parameter is
// neither f32 nor f64.
void check_gradients(const char* optimizer, const Parameters& p, const Gradients& g, Where at);

}  // namespace heed
