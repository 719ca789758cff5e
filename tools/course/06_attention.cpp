// The gradients of a head of attention.
#include "../../models/draw/svg.h"
#include "course.h"

namespace heed::course {

void attention(Findings& found, const Run& run) {
  const explain::Head& given = run.scene.layers[0].heads[0];
  const explain::Shown& h = run.heads[0];
  const Tensor A = h.a.detach(), O = h.y.detach();
  holds(same(sum(A * h.da, -1), sum(O * given.dy, -1)), "the row sum is <o, do>");
  holds(nothing(sum(h.ds, -1)), "the rows of dS sum to zero");
  holds(h.q.shape() == Shape{7, 4}, "seven queries are 4 wide");
  double digits = 15;
  explain::json_of(given, true, digits);
  holds(digits > 10, "every element agrees with differences in ten digits");
  found.say("elements", std::to_string(h.q.numel() + h.k.numel() + h.v.numel() + 2 * A.numel()));
  found.say("o_do_apple", sum(O * given.dy, -1)(asked_apple).item(), 2);
  found.say("dA_apple", h.da(asked_apple, apple).item(), 2);
  const Tensor others = h.ds(asked_apple, Range{1});
  holds(h.ds(asked_apple, apple).item() < 0 && min(others).item() >= 0, "\"apple?\" wants apple=3 and nothing else");
  auto map = [&](const Tensor& x, const char* title) {
    return run.by_places(x(Range{run.facts}), run.scene.keys, title);
  };
  found.picture("attention",
                draw::labelled_matrices({map(A, "A"), map(h.da, "dA"), map(A * h.da, "A * dA"), map(h.ds, "dS")},
                                        {.scale = draw::Scale{-0.4, 0.4}, .around_zero = true, .across = 2}));
}

}  // namespace heed::course
