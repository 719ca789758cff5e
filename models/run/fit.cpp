#include "fit.h"
#include <algorithm>
#include <cstdio>
#include "../draw/svg.h"

namespace heed {

Fit fit_options(Options& options, const Fit& usual) {
  Fit r = usual;
  options.group("Training");
  r.steps = options.integer("--steps", usual.steps, "updates of the weights", at_least(1));
  r.batch = options.integer("--batch", usual.batch, "examples in a batch", at_least(1));
  r.lr = options.number("--lr", usual.lr, "learning rate of Adam at its peak", at_least(0));
  r.seed = options.integer("--seed", usual.seed, "of the weights and of the data", at_least(0));
  options.group("Run");
  r.out = options.text("--out", usual.out, "folder of pictures, metrics and checkpoints");
  r.resume = options.flag("--resume", "go on from the last checkpoint in that folder, with its options");
  if (r.resume) {
    options.recall_all(r.out + "/run.json", {"--out", "--resume"});
    options.no_part("--seed", "--resume");
  }
  return r;
}

void detail::finish(const Fit& how, const RunFolder& run) {
  if (interrupted()) {
    std::printf("stopped: go on with --resume --out %s\n", how.out.c_str());
    return;
  }
  const RunFolder::Metric losses = run.metric("loss");
  draw::save_svg(run.path("loss.svg"),
                 draw::curve({{.x = losses.steps, .y = losses.values}},
                             {.title = how.title + ": loss",
                              .x_label = "step",
                              .y_label = "loss",
                              .log_y = std::ranges::none_of(losses.values, [](double v) { return v <= 0; })}));
}

}  // namespace heed
