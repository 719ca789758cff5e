// How much of a gradient is left so many steps back.
#include "../../models/draw/svg.h"
#include "../explain/measured.h"
#include "course.h"

namespace heed::course {

void reach(Findings& found, const Run&) {
  const auto measured = explain::reach();
  std::vector<draw::Series> lines;
  for (const auto& [key, name] : {std::pair{"attention", "attention"}, {"lstm", "LSTM"}, {"rnn", "tanh RNN"}})
    lines.push_back({name, measured["steps"].get<std::vector<double>>(), measured[key].get<std::vector<double>>()});
  auto left = [&](std::size_t line, int64_t steps) {
    const draw::Series& s = lines[line];
    holds(s.x[std::size_t(steps - 1)] == double(steps), "every step was measured");
    return s.y[std::size_t(steps - 1)];
  };
  found.say("rnn_10", draw::number(left(2, 10), 1));
  found.say("rnn_20", draw::number(left(2, 20), 1));
  found.say("rnn_60", draw::number(left(2, 60), 1));
  found.say("lstm_60", left(1, 60), 2);
  found.say("attention_60", left(0, 60), 2);
  holds(*std::min_element(lines[0].y.begin(), lines[0].y.end()) > 0.5, "attention has at least half of it anywhere");
  found.picture("reach", draw::curve(lines, {.title = "How much of a gradient is left",
                                             .x_label = "steps back",
                                             .y_label = "size, that of the nearest input = 1",
                                             .log_y = true}));
}

}  // namespace heed::course
