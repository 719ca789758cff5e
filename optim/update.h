#pragma once
// How an optimizer steps: its formula over the values of all parameters. For the .cpp files of this folder.
#include <array>
#include <limits>
#include "../core/parallel.h"
#include "optim.h"

namespace heed::detail {

struct Update {  // one call of step
  const char* optimizer;
  const Trained& model;
  const Gradients& gradients;
  double lr;  // with the factor of the schedule
  double weight_decay;
  const std::vector<Group>& groups;
  Where at;
  Slots* steps = nullptr;  // where those of each parameter are counted
  double start = 0;        // what fresh state is filled with
};

struct Rate {  // of one parameter
  double lr, weight_decay;
  int64_t step = 0;  // 1, 2, .., where they are counted
};

struct Option {
  const char* name;
  double value;
  double below = std::numeric_limits<double>::infinity();
};
void check_options(const char* optimizer, Where at, std::initializer_list<Option> options);  // Error: not in [0, below)

// GradError naming the first parameter that differs: the gradients are of another model. DtypeError: a parameter is
// neither f32 nor f64.
void check_gradients(const char* optimizer, const Parameters& p, const Gradients& g, Where at);
// Error: the pattern of a group matches no parameter.
void check_groups(const char* optimizer, const std::vector<Group>& groups, const Trained& model, Where at);

void check_state(const char* optimizer, const Slots& state, const Parameters& p, Where at);  // GradError: as above

// Of each parameter, by its group. Throws what the checks throw, and Error for an lr or a decay below 0.
std::vector<Rate> rates(const Update& u);
void prepare(const Update& u, Slots& state);  // for the parameters

// row(rate, n, p, g, state..) for pieces of every parameter; p, g and state are T*, null for a slot that is null.
template <class Row, class... S>
void each_value(const Update& u, Row row, S*... slots) {
  std::vector<Rate> rate = rates(u);
  for (Slots* s : {slots...})
    if (s) prepare(u, *s);
  const Parameters& p = u.model.active;
  if (u.steps) u.steps->align(p, [](const Tensor&) { return zeros({}, i64); });
  for (std::size_t i = 0; i < p.values.size(); ++i) {
    if (u.steps) rate[i].step = ++*open_for_writing(u.steps->values[i], u.at).mutable_data<int64_t>();
    Array to = open_for_writing(p.values[i], u.at);
    const Array by = u.gradients.values[i].array().contiguous();
    std::array<Array, sizeof...(S)> state{slots ? open_for_writing(slots->values[i], u.at) : Array()...};
    visit_floating(to.dtype(), [&]<class T>(T) {
      parallel_for(to.numel(), 1 << 15, [&](int64_t begin, int64_t end) {
        const auto piece = [begin](Array& a) { return a.defined() ? a.mutable_data<T>() + begin : nullptr; };
        std::apply([&](auto&... s) { row(rate[i], end - begin, piece(to), by.data<T>() + begin, piece(s)...); }, state);
      });
    });
  }
}

}  // namespace heed::detail
