// What attention remembers for its backward, in float32.
#include "../../core/graph.h"
#include "../../models/draw/svg.h"
#include "course.h"

namespace heed::course {
namespace {

double remembered(const Tensor& y) {
  Remembered all;
  int64_t bytes = 0;
  for (const Node* n : graph_nodes({&y, 1})) bytes += all.add(*n);
  return double(bytes);
}

}  // namespace

void flash(Findings& found, const Run&) {
  constexpr int64_t width = 64, most = 4096;
  Rng rng{1};
  draw::Series whole{.name = "A is kept"}, again{.name = "A is made again"};
  for (int64_t T = 64; T <= most; T *= 2) {
    auto drawn = [&] { return randn({T, width}, rng).requires_grad(); };
    const Tensor q = drawn(), k = drawn(), v = drawn(), S = matmul(q, transpose(k)) / std::sqrt(double(width));
    whole.x.push_back(double(T)), whole.y.push_back(remembered(matmul(softmax(S), v)));
    again.x.push_back(double(T)), again.y.push_back(remembered(scaled_dot_product_attention(q, k, v)));
  }
  found.say("flash_places", std::to_string(most));
  found.say("bytes_whole", whole.y.back() / 1e6, 1);
  found.say("bytes_again", again.y.back() / 1e6, 1);
  found.say("times_less", whole.y.back() / again.y.back(), 0);
  const double growth = whole.y.back() / whole.y[whole.y.size() - 2];
  holds(growth > 3.7 && growth < 4, "twice the length needs almost four times as much");
  holds(again.y.back() == 4.0 * most * (4 * width + 1), "of 4 x 64 + 1 numbers for each place");
  found.picture("flash", draw::curve({whole, again}, {.title = "What one head remembers for its backward",
                                                      .x_label = "places",
                                                      .y_label = "bytes",
                                                      .log_x = true,
                                                      .log_y = true}));
}

}  // namespace heed::course
