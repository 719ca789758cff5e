#include "optim.h"
#include <algorithm>
#include "../core/disk.h"
#include "../core/plus.h"
#include "../core/text.h"
#include "update.h"

namespace heed {

Trained::Trained(detail::Walk walk) : active(detail::parameters_of(walk)) {
  walk([this](const Item& x) {
    if (x.kind == Item::trained && !x.tensor->tracked()) frozen.push_back(x.path);
  });
}

void Slots::align(const Parameters& p, FunctionRef<Tensor(const Tensor& parameter)> fresh) {
  if (paths.size() >= p.paths.size() && std::equal(p.paths.begin(), p.paths.end(), paths.begin())) return;
  Slots aligned{p.paths, {}};
  for (std::size_t i = 0; i < p.paths.size(); ++i) {
    const auto known = std::find(paths.begin(), paths.end(), p.paths[i]);
    aligned.values.push_back(known == paths.end() ? fresh(p.values[i])
                                                  : std::exchange(values[std::size_t(known - paths.begin())], {}));
  }
  for (std::size_t i = 0; i < paths.size(); ++i) {
    if (!values[i].defined()) continue;
    aligned.paths.push_back(std::move(paths[i]));
    aligned.values.push_back(std::move(values[i]));
  }
  *this = std::move(aligned);
}

namespace detail {

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

void check_options(const char* optimizer, Where at, std::initializer_list<Option> options) {
  for (const Option& o : options)
    if (!(o.value >= 0 && o.value < o.below))
      fail<Error>(at, optimizer,
                  std::string(o.name) + " must be in [0, " + text_of(o.below) + "), not " + text_of(o.value));
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

void check_state(const char* optimizer, const Slots& state, const Parameters& p, Where at) {
  for (std::size_t i = 0; i < p.paths.size(); ++i)
    check_like(optimizer, at, "its state is", p.paths[i], state.values[i], p.values[i]);
}

void check_groups(const char* optimizer, const std::vector<Group>& groups, const Trained& model, Where at) {
  for (const Group& group : groups) {
    const auto any = [&](const std::vector<std::string>& paths) {
      return std::any_of(paths.begin(), paths.end(), [&](const auto& path) { return matches(group.pattern, path); });
    };
    const std::vector<std::string>& active = model.active.paths;
    if (any(active) || any(model.frozen)) continue;
    fail<Error>(at, optimizer,
                "none of its parameters matches the pattern " + in_quotes(group.pattern) + " of a group" +
                    (active.empty() ? "" : ": the nearest is " + nearest(group.pattern, active)));
  }
}

std::vector<Rate> rates(const Update& u) {
  check_gradients(u.optimizer, u.model.active, u.gradients, u.at);
  check_groups(u.optimizer, u.groups, u.model, u.at);
  std::vector<Rate> r;
  for (const std::string& path : u.model.active.paths) {
    Rate rate{u.lr, u.weight_decay};
    const auto group =
        std::find_if(u.groups.begin(), u.groups.end(), [&](const Group& g) { return matches(g.pattern, path); });
    if (group != u.groups.end()) {
      rate.lr *= group->lr;
      rate.weight_decay = group->weight_decay.value_or(rate.weight_decay);
    }
    check_options(u.optimizer, u.at, {{"lr", rate.lr}, {"weight_decay", rate.weight_decay}});
    r.push_back(rate);
  }
  return r;
}

void prepare(const Update& u, Slots& state) {
  const Parameters& p = u.model.active;
  state.align(p, [&](const Tensor& parameter) { return full(parameter.shape(), u.start, parameter.dtype()); });
  check_state(u.optimizer, state, p, u.at);
}

}  // namespace detail
}  // namespace heed
