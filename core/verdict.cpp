#include "verdict.h"
#include <algorithm>
#include <cmath>
#include <cstdio>

namespace heed::checking {

// The analytic gradient is a rounded number too; where it should be zero, what terms as large as other gradients left.
// Denormal numbers have few digits.
double Scale::rounded(const Slope& s) const {
  return (s.value == 0 ? 0x1p-48 * largest * terms + 2 * pooled : 0x1p-50 * own * terms + 2 * noise) +
         std::numeric_limits<double>::min();
}

void judge(GradcheckReport::Finding& r, double analytic, const Slope& s, Scale scale, bool jumps) {
  using Report = GradcheckReport;
  const double rounded = scale.rounded(s);
  r.analytic = analytic;
  r.note.clear();
  const double error = std::abs(r.analytic - s.value);
  r.numeric = s.value;
  r.bound = s.bound + rounded;
  if (!std::isfinite(r.analytic)) {
    r.verdict = Report::fail;
    r.note = "not finite";
  } else if (s.bound + scale.noise <= certain * scale.own ||
             (s.kind == Slope::smooth && s.value == 0 && std::abs(r.analytic) <= 4 * scale.pooled)) {
    r.verdict = error <= 4 * r.bound ? Report::pass : Report::fail;
  } else if (s.kind == Slope::corner && s.slack <= certain * scale.own) {
    r.bound = s.slack + rounded;
    const bool between = s.low - r.bound <= r.analytic && r.analytic <= s.high + r.bound;
    r.verdict = between ? Report::kink : Report::fail;
    char text[80];
    std::snprintf(text, sizeof text, "%sbetween the slopes %.9g and %.9g beside it", between ? "" : "not ", s.low,
                  s.high);
    r.note = text;
  } else if (s.kind == Slope::jump) {
    r.verdict = jumps ? Report::kink : Report::fail;
    r.note = "UNDEFINED: f jumps here";
  } else {
    r.verdict = error <= 4 * r.bound ? Report::inconclusive : Report::fail;
  }
}

double magnitude(const Slope& s) {
  return s.kind == Slope::corner ? std::max(std::abs(s.low), std::abs(s.high)) - s.slack
                                 : std::abs(s.value) - 4 * s.bound;
}

std::vector<int64_t> index_of(std::size_t i, const Shape& shape) {
  std::vector<int64_t> index(std::size_t(shape.rank()));
  auto rest = int64_t(i);
  for (int d = shape.rank() - 1; d >= 0; rest /= shape[d--]) index[std::size_t(d)] = rest % shape[d];
  return index;
}

}  // namespace heed::checking
