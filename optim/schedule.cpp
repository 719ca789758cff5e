#include "schedule.h"
#include <algorithm>
#include <cmath>
#include <numbers>

namespace heed {

namespace {

double cosine_between(double from, double to, double done) {
  return to + (from - to) * (1 + std::cos(std::numbers::pi * done)) / 2;
}

// What lies behind of the way from `from` to `to`.
double done(int64_t step, int64_t from, int64_t to) { return step < to ? double(step - from) / double(to - from) : 1; }

void check_length(const char* schedule, Where at, const char* name, int64_t n) {
  if (n < 1) fail<Error>(at, schedule, std::string(name) + " must be at least 1, not " + std::to_string(n));
}

void check_lengths(const char* schedule, Where at, int64_t warm, int64_t total) {
  if (warm < 0) fail<Error>(at, schedule, "warm must be at least 0, not " + std::to_string(warm));
  check_length(schedule, at, "total", total);
}

}  // namespace

double linear(int64_t step, int64_t warm, int64_t total, double floor, Where at) {
  check_lengths("linear", at, warm, total);
  return step < warm ? warmup(step, warm) : 1 + (floor - 1) * done(step, warm, total);
}

double cosine(int64_t step, int64_t warm, int64_t total, double floor, Where at) {
  check_lengths("cosine", at, warm, total);
  return step < warm ? warmup(step, warm) : cosine_between(1, floor, done(step, warm, total));
}

double cosine_restarts(int64_t step, int64_t t_0, int64_t t_mult, double floor, Where at) {
  check_length("cosine_restarts", at, "t_0", t_0);
  check_length("cosine_restarts", at, "t_mult", t_mult);
  if (t_mult == 1) step %= t_0;
  for (; step >= t_0; t_0 *= t_mult) step -= t_0;
  return cosine_between(1, floor, double(step) / double(t_0));
}

double step_decay(int64_t step, int64_t step_size, double gamma, Where at) {
  check_length("step_decay", at, "step_size", step_size);
  const int64_t drops = step / step_size;
  return std::pow(gamma, double(drops));
}

double multi_step(int64_t step, const std::vector<int64_t>& milestones, double gamma) {
  const auto passed = std::count_if(milestones.begin(), milestones.end(), [step](int64_t m) { return m <= step; });
  return std::pow(gamma, double(passed));
}

double exponential(int64_t step, double gamma) { return std::pow(gamma, double(step)); }

double polynomial(int64_t step, int64_t total, double power, Where at) {
  check_length("polynomial", at, "total", total);
  return std::pow(1 - done(step, 0, total), power);
}

double noam(int64_t step, int64_t width, int64_t warm, Where at) {
  check_length("noam", at, "width", width);
  check_length("noam", at, "warm", warm);
  const double s = double(step + 1);
  return std::min(1 / std::sqrt(s), s * std::pow(double(warm), -1.5)) / std::sqrt(double(width));
}

double one_cycle(int64_t step, int64_t total, double pct_start, double div_factor, double final_div_factor, Where at) {
  check_length("one_cycle", at, "total", total);
  const double first = 1 / div_factor, last = first / final_div_factor, peak = pct_start * double(total) - 1;
  const double s = double(std::min(step, total - 1)), end = double(total - 1);
  if (s <= peak) return cosine_between(first, 1, peak > 0 ? s / peak : 1);
  return cosine_between(1, last, (s - peak) / (end - peak));
}

double Plateau::operator()(double value) {
  const double sign = mode == min ? 1 : -1;
  const bool better = sign * value < (threshold_mode == rel ? best * (1 - sign * threshold) : best - threshold);
  if (better) best = sign * value;
  bad = better ? 0 : bad + 1;
  if (waiting > 0) --waiting, bad = 0;
  if (bad > patience) {
    current = std::max(current * factor, min_factor);
    waiting = cooldown;
    bad = 0;
  }
  return current;
}

}  // namespace heed
