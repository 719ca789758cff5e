// What becomes of a wrong gradient.
#include "../../core/localise.h"
#include "../../core/taylor.h"
#include "../../models/draw/svg.h"
#include "../lessons/judge/judge.h"
#include "course.h"

namespace heed::course {
namespace {

struct ForgetfulSoftmax {
  static constexpr auto name = "forgetful_softmax";
  Array forward(const Array& x) const { return softmax(Tensor(x)).array(); }
  Tensor d0(Grad g, Output y) const { return g * y; }  // wrong
};

// The remainders of one order, from small steps to large ones.
draw::Series remainders(const TaylorReport& report, std::size_t order, const char* name) {
  draw::Series s{.name = name};
  for (const TaylorReport::Row& r : report.rows)
    if (r.h > 9e-4 && r.h < 2) s.x.insert(s.x.begin(), r.h), s.y.insert(s.y.begin(), r.remainder[order]);
  return s;
}

// What `lesson 07` says of a dS without the row sum.
std::string said_by_the_judge() {
  const lessons::Exercise& e = lessons::exercise("07");
  const auto part = std::find_if(e.parts.begin(), e.parts.end(), [](const lessons::Part& p) { return p.name == "dS"; });
  const auto forgotten = [](const lessons::Case& c) { return c.values.at("A") * c.values.at("dA"); };
  return lessons::explain(e, *part, judge(e, *part, forgotten).evidence).value().text;
}

}  // namespace

void wrong_gradients(Findings& found, const Run& run) {
  const Tensor scores = run.heads[0].s.detach()(Range{run.facts}), values = run.heads[0].v.detach();
  auto right = [](const Tensor& x) { return softmax(x); };
  auto wrong = [](const Tensor& x) { return apply(Where::here(), ForgetfulSoftmax{}, x); };
  const TaylorReport good = taylor_test(right, {scores}, {.order = 2}), bad = taylor_test(wrong, {scores});
  holds(good && !bad, "taylor_test tells a right gradient from a wrong one");
  found.say("slope_wrong", bad.orders[0].slope, 2);
  found.say("slope_first", good.orders[0].slope, 2);
  found.say("slope_second", good.orders[1].slope, 2);
  found.picture("remainders", draw::curve({remainders(bad, 0, "a wrong gradient"), remainders(good, 0, "the gradient"),
                                           remainders(good, 1, "with the second derivative")},
                                          {.title = "What is left of a change of softmax",
                                           .x_label = "step h",
                                           .y_label = "remainder",
                                           .log_x = true,
                                           .log_y = true}));

  const NodesReport nodes =
      find_wrong_node([&](const Tensor& x) { return tanh(matmul(wrong(x * 0.5), values)); }, {scores});
  holds(nodes.first && nodes.right == 1 && nodes.first->op == ForgetfulSoftmax::name,
        "find_wrong_node finds the scale right and the softmax wrong");
  found.say("node_why", nodes.first->why);
  found.say("judge_says", said_by_the_judge());
}

}  // namespace heed::course
