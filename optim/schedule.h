#pragma once
// Schedules: pure functions from a step (0, 1, ..) to a factor of the optimizer's lr. They multiply: after a warm-up,
// optimizer.step(model, g, warmup(step, 100) * exponential(step, 0.999)). Error: a length below 1, or a warm-up before
// another schedule below 0.
#include <cstdint>
#include <limits>
#include <vector>
#include "../core/error.h"

namespace heed {

constexpr double constant(int64_t /*step*/) { return 1; }  // the optimizer's lr itself

// (step + 1) / steps, then 1
constexpr double warmup(int64_t step, int64_t steps) { return step < steps ? double(step + 1) / double(steps) : 1; }

// Warm-up over the first `warm` steps, then a straight line from 1 down to `floor` at `total`   (torch LinearLR)
double linear(int64_t step, int64_t warm, int64_t total, double floor = 0, Where at = Where::here());

// Warm-up over the first `warm` steps, then half a cosine down to `floor` at `total`   (Loshchilov and Hutter 2017, eq.
// 5)
double cosine(int64_t step, int64_t warm, int64_t total, double floor = 0, Where at = Where::here());

// Half a cosine from 1 down to `floor` over the first t_0 steps, again over the next t_0 t_mult, and so on   (the same;
// torch CosineAnnealingWarmRestarts)
double cosine_restarts(int64_t step, int64_t t_0, int64_t t_mult = 1, double floor = 0, Where at = Where::here());

// gamma^k after k times step_size steps   (torch StepLR)
double step_decay(int64_t step, int64_t step_size, double gamma = 0.1, Where at = Where::here());

// gamma^k from the k-th milestone on   (torch MultiStepLR)
double multi_step(int64_t step, const std::vector<int64_t>& milestones, double gamma = 0.1);

double exponential(int64_t step, double gamma);  // gamma^step   (torch ExponentialLR)

// (1 - step / total)^power, then 0   (torch PolynomialLR)
double polynomial(int64_t step, int64_t total, double power = 1, Where at = Where::here());

// min(s^-0.5, s warm^-1.5) / sqrt(width), s = step + 1: the rate itself, for an lr of 1   (Vaswani et al. 2017, eq. 3)
double noam(int64_t step, int64_t width, int64_t warm, Where at = Where::here());

// Half a cosine up from 1 / div_factor to 1 over the first pct_start of `total` steps, then one down to
// 1 / (div_factor final_div_factor)   (Smith and Topin 2019; torch OneCycleLR, whose max_lr is the lr here)
double one_cycle(int64_t step, int64_t total, double pct_start = 0.3, double div_factor = 25,
                 double final_div_factor = 1e4, Where at = Where::here());

// A factor that follows what is measured: factor = plateau(loss). It is multiplied by `factor`, down to min_factor,
// when more than `patience` values in a row were no better than the best by `threshold`, a part of it or absolute; the
// next `cooldown` values do not count   (torch ReduceLROnPlateau)
struct Plateau {
  enum Mode { min, max };
  enum ThresholdMode { rel, abs };

  Mode mode = min;  // is lower better, or higher?
  double factor = 0.1;
  int64_t patience = 10;
  double threshold = 1e-4;
  ThresholdMode threshold_mode = rel;
  int64_t cooldown = 0;
  double min_factor = 0;

  double current = 1;
  double best = std::numeric_limits<double>::infinity();  // of -value where higher is better
  int64_t bad = 0, waiting = 0;                           // values in a row; values that do not count yet

  double operator()(double value);
};

}  // namespace heed
