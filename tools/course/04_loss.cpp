// The shares of ten answers, and the gradient of the loss by their scores.
#include "../../models/draw/svg.h"
#include "course.h"

namespace heed::course {

void losses(Findings& found, const Run& run) {
  const Tensor Z = run.scene.logits, dZ = grad(run.loss, {Z})[0](Range{run.facts});
  const Tensor P = softmax(Z.detach())(Range{run.facts});
  const std::vector<int64_t> right(run.scene.targets.begin() + run.facts, run.scene.targets.end());
  const Tensor Y = cast(one_hot(tensor(right, {run.questions}), P.size(1)), f64);
  holds(same(dZ, (P - Y) / double(run.questions)), "dZ = (P - Y) / n");
  holds(nothing(sum(dZ, -1)), "its rows sum to zero");
  constexpr int64_t third = asked_apple - Run::facts;
  const std::vector<int64_t> order = sort(P(third), -1, true).indices.to_vector<int64_t>();
  holds(order[0] == 3 && order[1] == 5 && order[2] == 2, "\"apple?\" is answered 3, then 5, then 2");
  for (const auto& [name, row] :
       {std::pair{std::string("pear"), 0}, {std::string("plum"), 1}, {std::string("apple"), 2}}) {
    const int64_t answer = right[std::size_t(row)];
    const double p = P(row, answer).item();
    found.say("answer_" + name, run.scene.answers[std::size_t(answer)]);
    found.say("p_answer_" + name, p, 3);
    found.say("surprise_" + name, -std::log(p), 3);
  }
  found.say("dz_apple", dZ(third, right.back()).item(), 3);
  found.say("loss", run.loss.item(), 3);
  found.say("steps", std::to_string(run.scene.step));

  const Tensor scores = tensor({0, 800}, f64).requires_grad();
  auto by_steps = -log(softmax(scores)(0)), at_once = cross_entropy(scores, tensor(0, i64));
  auto value = [&](const char* name, const Tensor& loss) {
    found.say(std::string("loss_") + name, draw::number(loss.item()));
    found.say(std::string("gradient_") + name, draw::number(grad(loss, {scores})[0](0).item()));
  };
  value("by_steps", by_steps);
  value("at_once", at_once);
  const std::vector<std::string>& answers = run.scene.answers;
  found.picture("cross_entropy",
                draw::labelled_matrices({run.by_places(P, answers, "P"), run.by_places(P - Y, answers, "P - Y")},
                                        {.scale = draw::Scale{-0.4, 0.4}, .around_zero = true, .across = 1}));
}

}  // namespace heed::course
