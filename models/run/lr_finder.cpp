#include "lr_finder.h"
#include <algorithm>
#include <cmath>
#include <numeric>
#include "../draw/svg.h"
#include "../draw/text.h"

namespace heed {
namespace {

double mean(std::span<const double> x) { return std::accumulate(x.begin(), x.end(), 0.0) / double(x.size()); }

double slope(std::span<const double> y) {  // of the line nearest to y over 0, 1, ..: up to a constant factor
  const double middle = double(y.size() - 1) / 2;
  double sum = 0;
  for (std::size_t i = 0; i < y.size(); ++i) sum += (double(i) - middle) * y[i];
  return sum;
}

}  // namespace

LrCurve find_lr(FunctionRef<double(double rate)> step, const LrFinderOptions& options, Where at) {
  const auto [low, high, steps, burst] = options;
  if (!(low > 0 && high > low && std::isfinite(high)))
    fail<Error>(at, "find_lr", "there are no rates from " + draw::number(low) + " to " + draw::number(high));
  if (steps < 10)
    fail<Error>(at, "find_lr", "cannot see a slope in " + std::to_string(steps) + " steps: take 10 at least");
  if (!(burst > 1)) fail<Error>(at, "find_lr", "burst must be more than 1, not " + draw::number(burst));

  LrCurve c;
  const std::size_t wide = std::size_t(steps) / 20 + 1;  // to each side
  double least = INFINITY;
  for (int64_t i = 0; i < steps; ++i) {
    const double rate = low * std::pow(high / low, double(i) / double(steps - 1)), loss = step(rate);
    if (!std::isfinite(loss)) break;
    c.lr.push_back(rate);
    c.loss.push_back(loss);
    const double recent = mean(std::span(c.loss).last(std::min(wide, c.loss.size())));
    least = std::min(least, recent);
    if (recent - least > (burst - 1) * std::abs(least)) break;
  }
  if (c.loss.empty()) fail<Error>(at, "find_lr", "the loss is not finite at the lowest rate, " + draw::number(low));

  const std::size_t n = c.loss.size();
  double steepest = 0, minimum = INFINITY;
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t from = i < wide ? 0 : i - wide, to = std::min(i + wide + 1, n);
    const std::span<const double> around = std::span(c.loss).subspan(from, to - from);
    c.smooth.push_back(mean(around));
    if (c.smooth[i] < minimum) minimum = c.smooth[i], c.minimum = c.lr[i];
    if (around.size() == 2 * wide + 1 && slope(around) < steepest) steepest = slope(around), c.steepest = c.lr[i];
  }
  if (steepest == 0)
    fail<Error>(at, "find_lr",
                "the loss never falls: it is " + draw::number(c.loss[0]) + " at a rate of " + draw::number(low) +
                    " and " + draw::number(c.loss[n - 1]) + " at " + draw::number(c.lr[n - 1]));
  return c;
}

std::string LrCurve::str() const {
  return "the loss falls fastest at a rate of " + draw::number(steepest, 2) + " and is least at " +
         draw::number(minimum, 2) + ": try " + draw::number(steepest, 2) + " or " + draw::number(minimum / 10, 2) +
         "\n";
}

std::string LrCurve::svg() const {
  const auto range = std::minmax_element(smooth.begin(), smooth.end());
  auto mark = [&](const char* what, double rate) {
    return draw::Series{what + draw::number(rate, 2), {rate, rate}, {*range.first, *range.second}};
  };
  return draw::curve(
      {{"loss", lr, loss}, {"smooth", lr, smooth}, mark("steepest: ", steepest), mark("least / 10: ", minimum / 10)},
      {.title = "Range test", .x_label = "learning rate", .y_label = "loss", .log_x = true});
}

}  // namespace heed
