#include "optim.h"
#include <algorithm>
#include "../core/plus.h"

namespace heed {

namespace {

std::string described(const Tensor& t) { return name(t.dtype()) + (" " + t.shape().str()); }

void check_like(const char* optimizer, Where at, const char* what, const std::string& path, const Tensor& x,
                const Tensor& parameter) {
  if (x.shape() == parameter.shape() && x.dtype() == parameter.dtype()) return;
  fail<GradError>(at, optimizer,
                  std::string(what) + " of another model: parameter " + path + " is " + described(parameter) +
                      " here and " + described(x) + " there");
}

}  // namespace

void Slots::prepare(const char* optimizer, const Parameters& p, Where at) {
  if (paths != p.paths) {
    Slots wanted{p.paths, {}};
    for (std::size_t i = 0; i < p.paths.size(); ++i) {
      const auto known = std::find(paths.begin(), paths.end(), p.paths[i]);
      wanted.values.push_back(known == paths.end() ? zeros_like(p.values[i])
                                                   : values[std::size_t(known - paths.begin())]);
    }
    *this = std::move(wanted);
  }
  for (std::size_t i = 0; i < paths.size(); ++i)
    check_like(optimizer, at, "its state is", paths[i], values[i], p.values[i]);
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
  for (std::size_t i = 0; i < n; ++i) {
    check_computed(optimizer, at, p.values[i].dtype());
    check_like(optimizer, at, "the gradients are", p.paths[i], g.values[i], p.values[i]);
  }
}

}  // namespace heed
