// Looks around in a picture, one cell at a time: a sign in the middle says where to look next, and the form that stands
// there is asked for. Hard attention sees one cell per glimpse and learns where to look from reward alone.
#include <heed/heed.h>
#include <heed/models/data/scenes.h>
#include <heed/models/data/signposts.h>
#include <heed/models/draw/tensor.h>
#include <heed/models/glimpse/glimpse.h>
#include <heed/models/run/fit.h>
#include <cstdio>
using namespace heed;

namespace {

void train(Options& options) {
  options.group("Model");
  const auto [kind, attention] = options.choice<GlimpseNet::Kind>(
      "--attention", {{"hard", GlimpseNet::hard}, {"soft", GlimpseNet::soft}, {"mean", GlimpseNet::mean}},
      "to the cells of the picture");
  const double entropy = options.number("--entropy", 0.05, "weight of the entropy of where to look", at_least(0));
  if (attention != GlimpseNet::hard) options.no_part("--entropy", "--attention " + kind);
  options.group("Task");
  const int64_t hops = options.integer("--hops", 1, "from sign to sign", at_least(1));
  const Fit how = fit_options(
      options, {.steps = 1000, .lr = 5e-3, .out = "runs/glimpse", .title = "Glimpses: " + kind, .batch = 128});
  options.done();

  seed(uint64_t(how.seed));
  GlimpseNet model{.classes = forms, .glimpses = hops + 1, .kind = attention};
  model.reinforce.entropy = entropy;
  const RunFolder run = fit(model, how, options, [&](Rng& rng) {
    const Signposts s = sample_signposts(hops, how.batch, rng);
    return model.loss(s.images, s.form, rng);
  });
  if (interrupted()) return;

  Unrecorded off;
  Rng unseen{uint64_t(how.seed) + 1000};
  const Signposts s = sample_signposts(hops, 2000, unseen);
  const GlimpseNet::Seen seen = model.look(s.images);                             // the likeliest cells
  const Tensor on_path = gather(seen.weights, 2, unsqueeze(s.path, 2))(_, _, 0);  // [B, glimpses]
  std::printf("\nform right %.1f%% of 2000 new pictures\n",
              100 * mean(cast(argmax(seen.logits) == s.form, f64)).item());
  for (int64_t g = 1; g <= hops; ++g) {
    const Tensor found = on_path(all(s.path(_, range(0, g)) != s.path(_, range(g, g + 1)), 1))(_, g);
    if (found.size(0) == 0) break;
    const int64_t number = g + 1;
    std::printf("glimpse %lld on the cell that the sign points at, if it has not been seen, %.3f\n",
                static_cast<long long>(number), mean(found).item());
  }

  std::vector<draw::Picture> shown;
  for (int64_t i = 0; i < 6; ++i) {
    shown.push_back(draw::picture_of(s.images(i)));
    for (int64_t g = 0; g <= hops; ++g)
      shown.back().maps.push_back(
          draw::matrix_of(reshape(seen.weights(i, g), {3, 3}), {.title = "glimpse " + std::to_string(g + 1)}));
  }
  draw::save_svg(run.path("glimpses.svg"), draw::pictures(shown, "Where it looks: " + kind));
  std::printf("wrote %s and loss.svg beside it\n", run.path("glimpses.svg").c_str());
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(argc, argv,
                     {.what = "Follows signs through a picture, seeing one cell of it at a time.",
                      .example = "--attention soft --hops 2"},
                     train);
}
