#pragma once
// How an optimizer steps: its formula over the values of all parameters. For the .cpp files of this folder.
#include <algorithm>
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
  struct Piece {  // a parameter, with what it is stepped by
    Array to, by;
    std::array<Array, sizeof...(S)> state;
    Array steps;
  };
  std::vector<Piece> pieces;
  pieces.reserve(p.values.size());
  std::vector<int64_t> start{0};  // of each parameter, as if they lay behind each other
  for (std::size_t i = 0; i < p.values.size(); ++i) {
    pieces.push_back({open_for_writing(p.values[i], u.at),
                      u.gradients.values[i].array().contiguous(),
                      {slots ? open_for_writing(slots->values[i], u.at) : Array()...},
                      u.steps ? open_for_writing(u.steps->values[i], u.at) : Array()});
    start.push_back(start.back() + pieces[i].to.numel());
  }
  for (std::size_t i = 0; u.steps && i < pieces.size(); ++i)  // now that nothing is refused any more
    rate[i].step = ++*pieces[i].steps.template mutable_data<int64_t>();
  parallel_for(start.back(), 1 << 15, [&](int64_t begin, int64_t end) {
    auto i = std::size_t(std::upper_bound(start.begin(), start.end(), begin) - start.begin() - 1);
    for (; begin < end; begin = start[++i]) {
      Piece& piece = pieces[i];
      const int64_t from = begin - start[i], n = std::min(end, start[i + 1]) - begin;
      visit_floating(piece.to.dtype(), [&]<class T>(T) {
        const auto at = [from](Array& a) { return a.defined() ? a.mutable_data<T>() + from : nullptr; };
        std::apply([&](auto&... s) { row(rate[i], n, at(piece.to), piece.by.template data<T>() + from, at(s)...); },
                   piece.state);
      });
    }
  });
}

}  // namespace heed::detail
