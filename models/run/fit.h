#pragma once
// Training as most scripts do it.
#include "../../core/grad.h"
#include "../../optim/adam.h"
#include "../../optim/clip.h"
#include "../../optim/schedule.h"
#include "run.h"

namespace heed {

struct Fit {
  int64_t steps;
  double lr;          // of Adam at its peak: 50 steps up to it, then half a cosine
  std::string out;    // the folder of the run
  std::string title;  // of the picture of the loss
  int64_t batch = 64;
  double clip = 1;  // the largest norm of the gradient
  int64_t seed = 1;
  bool resume = false;
};
// What the user says of it: --steps, --batch, --lr and --seed; --out and --resume. What `usual` has is their default.
// With --resume all options of the program, those before too, are as the run had them, but for those given anew
// (--seed cannot be): ask for options alone before this (Options::recall_all).
Fit fit_options(Options& options, const Fit& usual);

namespace detail {
// A stopped run: how to go on with it. One that is done: loss.svg.
void finish(const Fit& how, const RunFolder& run);
}  // namespace detail

// Takes the steps and returns the run, which has checkpoints, a history, metrics and loss.svg; after Ctrl-C
// `interrupted()`, and --resume goes on. loss(rng) is one of a batch drawn with that generator, whose state is kept in
// the checkpoints.
//
//   RunFolder run = fit(model, how, options, [&](Rng& rng) {
//     auto [x, y] = text.batch(64, 256, rng);
//     return cross_entropy(model(x, &rng), y);
//   });
//   if (interrupted()) return;
//
// A loss that changes as training goes on is loss(rng, step).
template <Module M, class Loss>
requires(std::is_invocable_r_v<Tensor, Loss&, Rng&> || std::is_invocable_r_v<Tensor, Loss&, Rng&, int64_t>) RunFolder
    fit(M& model, const Fit& how, const Options& options, Loss loss) {
  Rng rng{uint64_t(how.seed)};
  AdamW optimizer{.lr = how.lr, .weight_decay = 0};
  Checkpoints checkpoints(how.out, model);
  checkpoints.add("optimizer", optimizer).add("rng", rng);
  RunFolder run(how.out, options, how.resume ? std::optional(checkpoints.load()) : std::nullopt);
  optimizer.lr = how.lr;  // which may have been given anew
  for (auto& step : progress(how.steps, run)) {
    checkpoints.keep_history(step);
    Tensor l;
    if constexpr (std::is_invocable_v<Loss&, Rng&>) l = loss(rng);
    else l = loss(rng, step);
    step.show("loss", l.item());
    optimizer.step(model, clip(grad(consume(l), model), how.clip), cosine(step, 50, how.steps));
    if (step.last() || step % 100 == 99) checkpoints.save(step + 1);
  }
  detail::finish(how, run);
  return run;
}

}  // namespace heed
