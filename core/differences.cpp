#include "differences.h"
#include <algorithm>
#include <array>
#include <cmath>
#include "mode.h"
#include "rng.h"

namespace heed::checking {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double roundoff = 0x1p-53;
constexpr int wide = -3, close = -13;  // first steps, as powers of 2

bool apart(double a, double b, double bound) { return std::abs(a - b) > 4 * bound; }

// Richardson's extrapolation of differences with steps h, h/2, h/4, .. to h = 0: column j of row i is free of the first
// j error terms. Two at once: the central difference (errors h^2, h^4, ..) and the bend (h, h^3, ..), which goes to 0
// where f is smooth and to the difference of the slopes where it has a corner. The bound is how far neighbouring
// entries are apart, what rounding can do, and half of the bend that is left.
class Extrapolation {
 public:
  static constexpr int rows = 38;

  bool done() const { return done_; }              // smaller steps have nothing to add
  bool still() const { return best_.bound == 0; }  // nothing moves
  void add(const Difference& d, double h) {
    if (!std::isfinite(d.central) || !std::isfinite(d.bend)) {
      filled_ = corner_ = jump_ = 0;
      ++seen_;
      return;
    }
    const double rounding = 2 * d.noise / h;
    done_ = rounding > 0 && rounding >= best_.bound;
    if (done_) return;
    extrapolate(d, rounding);
    classify(d, rounding);
    last_ = d;
    ++filled_;
    ++seen_;
  }

  Slope slope() const {
    Slope r = best_;
    if (corner_ >= 4) r.kind = Slope::corner;
    if (jump_ >= 4 && seen_ == rows) r.kind = Slope::jump;
    return r;
  }

 private:
  static constexpr int columns = 6;
  struct Entry {
    double central = 0, bend = 0;
  };

  void extrapolate(const Difference& d, double rounding) {
    std::array<Entry, columns> row{};
    row[0] = {d.central, d.bend};
    double even = 4, odd = 2;
    for (int j = 1; j < std::min(filled_ + 1, columns); ++j, even *= 4, odd *= 4) {
      const Entry &left = row[std::size_t(j - 1)], &diagonal = above_[std::size_t(j - 1)];
      Entry& e = row[std::size_t(j)];
      e.central = left.central + (left.central - diagonal.central) / (even - 1);
      e.bend = left.bend + (left.bend - diagonal.bend) / (odd - 1);
      auto apart = [&](double Entry::*p) { return std::max(std::abs(e.*p - left.*p), std::abs(e.*p - diagonal.*p)); };
      const double bound = apart(&Entry::central) + rounding + (std::abs(e.bend) + apart(&Entry::bend)) / 2;
      if (bound < best_.bound) best_.value = e.central, best_.bound = bound;
    }
    above_ = row;
  }

  // With h halved, a smooth f bends half as much, a corner as much as before, and a jump twice as much.
  void classify(const Difference& d, double rounding) {
    const double sunk = 8 * rounding, bend = std::abs(d.bend), before = std::abs(last_.bend);
    if (!filled_ || std::max(before, bend) <= sunk) return;
    const bool same = bend > 0.75 * before && bend < 1.33 * before, more = bend >= 1.33 * before;
    corner_ = same ? corner_ + 1 : 0;
    jump_ = more ? jump_ + 1 : 0;
    const double slack = std::abs(d.low - last_.low) + std::abs(d.high - last_.high) + 2 * rounding;
    if (!corner_) best_.slack = infinity;
    else if (slack < best_.slack) best_.low = d.low, best_.high = d.high, best_.slack = slack;
  }

  Slope best_;
  std::array<Entry, columns> above_{};
  Difference last_;
  int seen_ = 0, filled_ = 0, corner_ = 0, jump_ = 0;
  bool done_ = false;
};

}  // namespace

Difference& Difference::operator+=(const Difference& o) {
  central += o.central, bend += o.bend, low += o.low, high += o.high, noise += o.noise;
  return *this;
}

struct Function::Moved {  // all variables, each element by `step` of itself with a sign of its own, while this lives
  std::span<const Variable> variables;
  std::vector<std::vector<double>> before;
  Moved(const Function& f, double step) : variables(f.variables_) {
    for (const Variable& v : variables) {
      double* x = v.values();
      before.emplace_back(x, x + v.size());
      for (std::size_t i = 0; i < v.size(); ++i)
        x[i] += (unit(before.size(), i) < 0.5 ? -step : step) * (x[i] != 0 ? std::abs(x[i]) : 1);
    }
  }
  Moved(const Moved&) = delete;
  Moved& operator=(const Moved&) = delete;
  ~Moved() {
    for (std::size_t i = 0; i < before.size(); ++i)
      std::copy(before[i].begin(), before[i].end(), variables[i].values());
  }
};

Function::Function(Evaluate f, std::span<const Variable> variables, const std::vector<Tensor>& y,
                   const std::vector<Tensor>& gy, int spacings)
    : f_(f), variables_(variables) {
  for (std::size_t k = 0; k < y.size(); ++k) {
    if (!gy[k].defined()) continue;
    const std::vector<double> g = gy[k].to_vector();
    weights_.insert(weights_.end(), g.begin(), g.end());
    outputs_.push_back({k, weights_.size(), y[k].tracked()});
  }
  evaluate(base_);
  changed_.assign(base_.size(), 0);
  measure_noise(spacings);
}

void Function::evaluate(std::vector<double>& values) const {
  const Unrecorded here;
  values.clear();
  for (const Tensor& y : f_()) {
    if (!y.defined() || !floating(y.dtype())) continue;
    const Array a = y.array().contiguous();
    values.insert(values.end(), a.data<double>(), a.data<double>() + a.numel());
  }
  if (values.size() != weights_.size())
    fail<ShapeError>({}, "gradcheck", "the shapes of the outputs depend on the values of the inputs");
}

Difference Function::difference(std::size_t k, double w, double h) {
  if (up_[k] == base_[k] && down_[k] == base_[k]) return {};
  changed_[k] = true;
  const double right = w * (up_[k] - base_[k]) / h, left = w * (base_[k] - down_[k]) / h;
  return {w * (up_[k] - down_[k]) / (2 * h), right - left, std::min(left, right), std::max(left, right),
          std::abs(w) * (noise_[k] + roundoff * std::abs(up_[k] - down_[k]))};
}

Slope Function::slope(double* x, double claimed) {
  const Slope r = slope_from(x, wide);
  if (!apart(r.value, claimed, r.bound)) return r;
  const Slope closer = slope_from(x, close);
  return apart(r.value, closer.value, r.bound + closer.bound) ? closer : r;
}

std::vector<Slope> Function::slopes(std::span<double> x, std::span<const double> u, std::span<const double> claimed) {
  std::vector<Slope> r = slopes_from(x, u, wide), closer;
  for (std::size_t k = 0; k < claimed.size(); ++k) {
    if (!apart(r[k].value, claimed[k], r[k].bound)) continue;
    if (closer.empty()) closer = slopes_from(x, u, close);
    if (apart(r[k].value, closer[k].value, r[k].bound + closer[k].bound)) r[k] = closer[k];
  }
  return r;
}

Slope Function::slope_from(double* x, int exponent) {
  Extrapolation r;
  const double at = *x;
  double step = std::ldexp(1, std::ilogb(std::max(std::abs(at), 1.0)) + exponent);
  for (int i = 0; i < Extrapolation::rows && !r.done(); ++i, step /= 2) {
    double h = (at + step) - at;
    h = at - (at - h);  // now x + h and x - h are exact
    if (h == 0) break;
    *x = at + h;
    evaluate(up_);
    *x = at - h;
    evaluate(down_);
    *x = at;
    Difference d;
    for (std::size_t k = 0; k < base_.size(); ++k) d += difference(k, weights_[k], h);
    r.add(d, h);
  }
  return r.slope();
}

std::vector<Slope> Function::slopes_from(std::span<double> x, std::span<const double> u, int exponent) {
  const std::vector<double> at(x.begin(), x.end());
  auto move = [&](double h) {
    for (std::size_t i = 0; i < at.size(); ++i) x[i] = at[i] + h * u[i];
  };
  std::vector<Extrapolation> outputs(base_.size());
  double h = std::ldexp(1, exponent);
  bool open = true;
  for (int i = 0; i < Extrapolation::rows && open; ++i, h /= 2) {
    move(h);
    evaluate(up_);
    move(-h);
    evaluate(down_);
    open = false;
    for (std::size_t k = 0; k < base_.size(); ++k) {
      Extrapolation& r = outputs[k];
      if (!r.done()) r.add(difference(k, 1, h), h);
      open = open || !(r.done() || (r.still() && i >= 8));
    }
  }
  std::copy(at.begin(), at.end(), x.begin());
  std::vector<Slope> r;
  for (const Extrapolation& e : outputs) r.push_back(e.slope());
  return r;
}

int Function::detached_output() {
  int found = -1;
  std::size_t begin = 0;
  for (const Output& y : outputs_) {
    if (!y.tracked && std::any_of(changed_.begin() + std::ptrdiff_t(begin), changed_.begin() + std::ptrdiff_t(y.end),
                                  [](char c) { return c; }))
      found = int(y.number);
    begin = y.end;
  }
  std::fill(changed_.begin(), changed_.end(), 0);
  return found;
}

// Rounding errors show in fourth differences of f at equally spaced points close to x (Hamming; More and Wild 2011).
// What shrinks with the spacing is the function, what does not is noise, and so is what is left at the narrowest; a
// corner of f lies on one side only.
void Function::measure_noise(int spacings) {
  constexpr int points = 7, scales = 5;
  std::vector<std::vector<double>> level(scales, std::vector<double>(base_.size()));
  std::vector<std::vector<double>> f(points, base_);  // not at x itself: where values tie, gradients jump on both sides
  for (int s = scales - spacings; s < scales; ++s)
    for (double side : {1.0, -1.0}) {
      for (int m = 0; m < points; ++m) {
        const Moved here(*this, side * (m + 1) * std::ldexp(1, -12 - 4 * s));
        evaluate(f[std::size_t(m)]);
      }
      for (std::size_t k = 0; k < base_.size(); ++k) {
        double largest = 0;
        for (std::size_t m = 0; m + 4 < points; ++m) {
          const double fourth = f[m][k] - 4 * f[m + 1][k] + 6 * f[m + 2][k] - 4 * f[m + 3][k] + f[m + 4][k];
          largest = std::max(largest, std::isfinite(fourth) ? std::abs(fourth) / std::sqrt(70.0) : infinity);
        }
        double& l = level[std::size_t(s)][k];
        l = side > 0 ? largest : std::min(l, largest);
      }
    }
  noise_.resize(base_.size());
  for (std::size_t k = 0; k < base_.size(); ++k) {
    noise_[k] = roundoff * std::abs(base_[k]);
    if (level[scales - 1][k] < infinity) noise_[k] = std::max(noise_[k], level[scales - 1][k]);
    for (auto s = std::size_t(scales - spacings); s + 2 < scales; ++s) {
      const double wide = level[s][k], middle = level[s + 1][k], narrow = level[s + 2][k];
      if (wide <= 8 * middle && middle <= 8 * narrow && narrow < infinity)
        noise_[k] = std::max({noise_[k], wide, middle, narrow});
    }
  }
}

}  // namespace heed::checking
