// What a layer norm takes out of a gradient.
#include "../../models/draw/svg.h"
#include "course.h"

namespace heed::course {

void layer_norms(Findings& found, const Run& run) {
  constexpr double eps = 1e-5;
  const Tensor x = run.y()(asked_plum).detach().requires_grad(), n = layer_norm(x, {}, {}, eps);
  const Tensor answer = tensor(run.scene.targets[asked_plum], i64);
  const Tensor loss = cross_entropy(linear(n, run.parameter("output.weight"), run.parameter("output.bias")), answer);
  const std::vector<Tensor> d = grad(loss, {n, x});
  const Tensor N = n.detach(), dN = d[0], dX = d[1], R = 1 / sqrt(var(x.detach(), -1, false, 0) + eps);
  const Tensor level = expand(mean(dN), dN.shape()), along = N * mean(N * dN), left = dN - level - along;
  holds(same(left * R, dX), "dX = R (dN - mean(dN) - N mean(N dN))");
  holds(nothing(sum(dX)), "dX sums to zero");
  holds(std::abs((sum(dX * N) / norm(dX) / norm(N)).item()) < 1e-5, "dX has nothing along N, but for eps");
  holds(nothing(sum(level * along)) && nothing(sum(level * left)) && std::abs(sum(along * left).item()) < 1e-5,
        "the three parts are at right angles, but for eps");
  for (const auto& [name, part] :
       {std::pair{"size_dN", dN}, {"size_level", level}, {"size_along", along}, {"size_left", left}})
    found.say(name, norm(part).item(), 3);
  found.say("norm_R", R.item(), 2);
  found.say("sum_without_mean", sum((dN - along) * R).item(), 2);
  found.picture("layer_norm",
                draw::labelled_matrix(draw::matrix_of(stack({dN, -level, -along, left}),
                                                      {.row_labels = {"dN", "- mean(dN)", "- N mean(N dN)", "dX / R"}}),
                                      {.title = "What a layer norm takes out of a gradient", .around_zero = true}));
}

}  // namespace heed::course
