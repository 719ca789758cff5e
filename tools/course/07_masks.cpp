// The same model, trained under a causal mask, and what happens where masks are put in the wrong place.
#include "../../models/draw/svg.h"
#include "course.h"

namespace heed::course {

void masks(Findings& found, const Run&) {
  const Run run(true);
  const explain::Head& given = run.scene.layers[0].heads[0];
  const explain::Shown& h = run.heads[0];
  const Tensor A = h.a.detach(), hidden = ~given.mask;
  auto hidden_zeros = [&](const Tensor& x) { return sum(cast(hidden & (x == 0), i64)).item(); };
  const double pairs = sum(cast(hidden, i64)).item();
  holds(hidden_zeros(A) == pairs && hidden_zeros(h.ds) == pairs,
        "all that is hidden has weight 0 and gradient 0, exactly");
  found.say("hidden", pairs, 0);
  found.say("pairs", std::to_string(hidden.numel()));
  found.say("dA_hidden", h.da(asked_plum, asked_apple).item(), 2);

  // Masked behind the softmax
  const Tensor S = h.s.detach().requires_grad(), late = softmax(S) * cast(given.mask, f64);
  found.say("late_sum", sum(late(0)).item(), 2);
  Rng rng{1};
  const Tensor dO = randn(h.y.shape(), rng, f64);
  auto gradient = [&](const Tensor& weights) { return grad(sum(matmul(weights, h.v.detach()) * dO), {S})[0]; };
  holds(hidden_zeros(gradient(masked_softmax(S, given.mask))) == pairs,
        "a mask in front of the softmax lets nothing through");
  found.say("leaked", max(where(hidden, abs(gradient(late)), 0)).item(), 2);

  // A row that may see nothing
  const Tensor none = zeros({1, run.places}, boolean), row = S(Range{0, 1});
  auto first = [](const Tensor& x) { return draw::number(x(0, 0).item(), 2); };
  found.say("row_infinite", first(softmax(where(none, row, -std::numeric_limits<double>::infinity()))));
  found.say("row_large", first(softmax(where(none, row, -1e9))));
  const Tensor nobody = masked_softmax(row, none);
  found.say("row_masked", first(nobody));
  holds(max(abs(grad(sum(nobody * h.da(Range{asked_plum, asked_plum + 1})), {S})[0])).item() == 0,
        "a row that sees nothing has no gradient");
  auto map = [&](const Tensor& x, const char* title) { return run.by_places(x, run.scene.keys, title); };
  found.picture("masked", draw::labelled_matrices({map(A, "A"), map(h.ds, "dS")},
                                                  {.scale = draw::Scale{-0.1, 0.1}, .around_zero = true}));
}

}  // namespace heed::course
