// The Jacobian of a row of shares, and what it makes of a gradient.
#include "../../models/draw/svg.h"
#include "course.h"

namespace heed::course {

void softmax_rows(Findings& found, const Run& run) {
  const explain::Shown& head = run.heads[0];
  const Tensor s = head.s(asked_plum).detach(), p = head.a(asked_plum).detach(), g = head.da(asked_plum);
  auto jacobian_of = [](const Tensor& p) { return eye(p.size(0), f64) * p - matmul(unsqueeze(p, 1), unsqueeze(p, 0)); };
  const Tensor J = jacobian_of(p), r = sum(p * g), ds = p * (g - r);
  holds(same(J, jacobian([](In x) { return softmax(x); }, s)), "diag(p) - p p^T is the Jacobian");
  holds(nothing(sum(J, 0)) && nothing(sum(J, 1)), "its rows and columns sum to zero");
  holds(same(ds, matmul(J, g)) && same(ds, head.ds(asked_plum)), "p (g - r) is J g, and the gradient of the scores");
  holds(g(apple).item() < 0 && g(plum).item() < 0 && ds(apple).item() > 0 && ds(plum).item() < 0,
        "without the row sum the apple's gradient has the wrong sign");
  for (const auto& [name, at] : {std::pair{std::string("apple"), apple}, {std::string("plum"), plum}}) {
    found.say("s_" + name, s(at).item(), 2);
    found.say("p_" + name, p(at).item(), 3);
    found.say("g_" + name, g(at).item(), 3);
    found.say("pg_" + name, (p * g)(at).item(), 3);
    found.say("ds_" + name, ds(at).item(), 3);
  }
  found.say("row_sum", r.item(), 3);
  found.say("minus_row_sum", -r.item(), 3);
  found.say("J_plum", J(plum, plum).item(), 2);
  found.say("J_apple_plum", J(apple, plum).item(), 2);
  const Tensor sure = head.a(asked_pear).detach();
  found.say("p_sure", max(sure).item(), 2);
  found.say("J_sure", max(abs(jacobian_of(sure))).item(), 2);
  draw::Matrix shown = run.by_places(J, run.scene.keys);
  shown.row_name = "share of", shown.col_name = "score of";
  found.picture("softmax", draw::labelled_matrix(shown, {.title = "How each share of \"plum?\" moves with each score",
                                                         .around_zero = true}));
}

}  // namespace heed::course
