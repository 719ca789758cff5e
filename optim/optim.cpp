#include "optim.h"
#include <algorithm>

namespace heed {

void Slots::prepare(const Parameters& p) {
  if (paths == p.paths) return;
  Slots wanted{p.paths, {}};
  for (std::size_t i = 0; i < p.paths.size(); ++i) {
    const auto known = std::find(paths.begin(), paths.end(), p.paths[i]);
    wanted.values.push_back(known == paths.end() ? zeros_like(p.values[i])
                                                 : values[std::size_t(known - paths.begin())]);
  }
  *this = std::move(wanted);
}

void check_gradients(const char* optimizer, const Parameters& p, const Gradients& g, Where at) {
  const std::size_t n = std::min(p.paths.size(), g.paths.size());
  for (std::size_t i = 0; i < n; ++i)
    if (p.paths[i] != g.paths[i])
      fail<GradError>(at, optimizer,
                      "the gradients are of another model: parameter " + std::to_string(i) + " is " + p.paths[i] +
                          " here and " + g.paths[i] + " there");
  if (p.paths.size() != g.paths.size())
    fail<GradError>(at, optimizer,
                    "the model has " + std::to_string(p.paths.size()) + " parameters and there are " +
                        std::to_string(g.paths.size()) + " gradients");
}

}  // namespace heed
