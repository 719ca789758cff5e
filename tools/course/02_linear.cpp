// The gradient of a weight is a sum over the rows that went through it.
#include "../../models/draw/svg.h"
#include "course.h"

namespace heed::course {

void linear_layers(Findings& found, const Run& run) {
  const Tensor X = run.y().detach(), W = run.parameter("output.weight"), b = run.parameter("output.bias");
  const std::vector<Tensor> d = grad(run.loss, {run.scene.logits, W, b});
  const Tensor &dY = d[0], &dW = d[1], &db = d[2];
  constexpr int64_t three = 3;  // a class: what "apple?" asks for

  std::vector<draw::Matrix> maps;
  Tensor total = zeros_like(dW);
  auto draw_of = [&](const Tensor& x, const std::string& title) {
    maps.push_back(draw::matrix_of(x, {.row_labels = run.scene.answers, .title = title}));
  };
  for (int64_t t = run.facts; t < run.places; ++t) {
    const Tensor part = matmul(unsqueeze(dY(t), 1), unsqueeze(X(t), 0));
    total = total + part;
    draw_of(part, run.scene.keys[std::size_t(t)]);
  }
  draw_of(dW, "dW, their sum");
  holds(X.shape() == Shape{7, 8} && W.shape() == Shape{10, 8}, "seven places are 8 wide and there are ten answers");
  holds(same(total, dW), "dW is the sum of three products");
  holds(same(sum(dY, 0), db), "db is the sum of the rows of dY");
  holds(max(abs(dY(Range{0, run.facts}))).item() == 0, "facts have no gradient");
  found.say("db_pear", dY(asked_pear, three).item(), 4);
  found.say("db_plum", dY(asked_plum, three).item(), 4);
  found.say("db_apple", -dY(asked_apple, three).item(), 4);
  found.say("db", db(three).item(), 4);
  holds(dY(asked_apple, three).item() < 0 && dY(asked_pear, three).item() > 0 && dY(asked_plum, three).item() > 0,
        "only the question whose answer is 3 wants more of it");
  auto most = [&](const Tensor& row) { return argmax(row).item(); };
  holds(most(-dY(asked_plum)) == 2 && most(dY(asked_plum)) == 3 && most(-dY(asked_apple)) == 3,
        "own answers stand out");
  found.picture(
      "linear",
      draw::heat_maps(maps, {.title = "What each question asks of the weights", .around_zero = true, .across = 4}));
}

}  // namespace heed::course
