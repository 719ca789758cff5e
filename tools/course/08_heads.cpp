// The gradient of an input, by the ways on which it has come.
#include "../../models/draw/svg.h"
#include "course.h"

namespace heed::course {

void heads(Findings& found, const Run& run) {
  const explain::Ways& ways = run.scene.layers[0].ways;
  const auto [totals, all_parts] = explain::take_apart(ways, run.scene.row_losses());
  holds(same(sum(all_parts, 1), totals), "the parts add up to the gradient");
  constexpr int64_t row = asked_plum - Run::facts;
  const Tensor total = totals(row), parts = all_parts(row);  // [places, width], [ways, places, width]
  const Tensor size = norm(total, 2, -1), along = sum(parts * total, -1) / size;  // [places], [ways, places]
  const Tensor table = transpose(concat({along, unsqueeze(size, 0)}));            // [places, ways + 1]
  holds(ways.names == std::vector<std::string>{"value", "query", "key", "residual"}, "there are four ways");
  constexpr int64_t value = 0, query = 1, key = 2, residual = 3, whole = 4;
  for (const auto& [name, place, way] : {std::tuple{"apple_value", apple, value},
                                         {"apple_key", apple, key},
                                         {"apple_sum", apple, whole},
                                         {"plum_value", plum, value},
                                         {"plum_key", plum, key},
                                         {"plum_sum", plum, whole},
                                         {"asked_query", asked_plum, query},
                                         {"asked_residual", asked_plum, residual}})
    found.say(std::string("way_") + name, table(place, way).item(), 2);
  for (const int64_t way : {query, residual})
    for (int64_t place = 0; place < Run::places; ++place)
      holds(place == asked_plum || max(abs(parts(way, place))).item() == 0, "only the place that asks is reached so");
  std::vector<std::string> columns = ways.names;
  columns.push_back("sum");
  found.picture("ways",
                draw::labelled_matrix(run.by_places(table, columns),
                                      {.title = "How the loss of \"plum?\" reaches each input", .around_zero = true}));
  for (std::size_t i = 0; i < run.heads.size(); ++i)
    found.say("head_" + std::to_string(i), norm(run.heads[i].ds).item(), 3);
}

}  // namespace heed::course
