#include "gradcheck.h"
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include "diagnosis.h"

namespace heed {
namespace {

using Many = std::vector<Tensor>;
using Evaluate = FunctionRef<Many()>;
using Report = GradcheckReport;
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double roundoff = 0x1p-53;
constexpr double certain = 1e-6;  // a larger bound, relative to the largest gradient, certifies nothing

struct Variable {  // a leaf whose values this check alone holds, so that it can move them
  std::string name;
  Tensor tensor;
  double* values() const { return Array(tensor.array()).mutable_data<double>(); }
  std::size_t size() const { return std::size_t(tensor.numel()); }
};

// vjp, where f may be constant: that is right with a gradient of zero.
Many pulled(const Many& y, const Many& gy, std::span<const Tensor> x, bool create_graph, Where at) {
  if (std::any_of(y.begin(), y.end(), [](const Tensor& t) { return t.tracked(); }))
    return vjp(y, gy, x, create_graph, at);
  Many zero;
  for (const Tensor& t : x) zero.push_back(zeros_like(t));
  return zero;
}

Many tensors(std::span<const Variable> variables) {
  Many r;
  for (const Variable& v : variables) r.push_back(v.tensor);
  return r;
}

// Of size 1/2 to 1, with random signs.
Tensor random_gradient(const Tensor& y, uint64_t key) {
  Array g(y.shape(), f64);
  for (int64_t i = 0; i < g.numel(); ++i) {
    const double u = 2 * unit(key, uint64_t(i)) - 1;
    g.mutable_data<double>()[i] = std::copysign(0.5 + 0.5 * std::abs(u), u);
  }
  return Tensor(std::move(g));
}

// ---- the function as its differences see it: all floating outputs in one row
class Function {
 public:
  Function(Evaluate f, std::span<const Variable> variables, const Many& y, const Many& gy)
      : f_(f), variables_(variables) {
    for (std::size_t k = 0; k < y.size(); ++k) {
      if (!gy[k].defined()) continue;
      const std::vector<double> g = gy[k].to_vector();
      weights_.insert(weights_.end(), g.begin(), g.end());
      outputs_.push_back({k, weights_.size(), y[k].tracked()});
    }
    evaluate(base_);
    changed_.assign(base_.size(), 0);
    measure_noise();
  }

  const std::vector<double>& base() const { return base_; }

  void evaluate(std::vector<double>& values) const {
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

  // Differences over one element, all outputs contracted with their gradients.
  struct Difference {
    double central = 0;        // (f(x + h) - f(x - h)) / 2h
    double bend = 0;           // the slope to the right minus the slope to the left
    double low = 0, high = 0;  // the smaller and the larger of the two, output by output
    double noise = 0;          // what rounding may have added to each f
  };
  Difference difference(double* x, double h) {
    const double at = *x;
    *x = at + h;
    evaluate(up_);
    *x = at - h;
    evaluate(down_);
    *x = at;
    Difference d;
    for (std::size_t k = 0; k < base_.size(); ++k) {
      if (up_[k] == base_[k] && down_[k] == base_[k]) continue;
      const double w = weights_[k], right = w * (up_[k] - base_[k]) / h, left = w * (base_[k] - down_[k]) / h;
      d.central += w * (up_[k] - down_[k]) / (2 * h);
      d.bend += right - left;
      d.low += std::min(left, right);
      d.high += std::max(left, right);
      d.noise += std::abs(w) * (noise_[k] + roundoff * std::abs(up_[k] - down_[k]));
      changed_[k] = true;
    }
    return d;
  }

  // An output that moved although it has no history, since the last call; -1 if there is none.
  int detached_output() {
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

 private:
  struct Output {
    std::size_t number, end;
    bool tracked;
  };

  // Rounding errors show in fourth differences of f at equally spaced points close to x (Hamming; More and Wild 2011).
  // What shrinks with the spacing is the function, what does not is noise; and a corner of f lies on one side only.
  void measure_noise() {
    constexpr int points = 7, scales = 5;
    std::vector<std::vector<double>> level(scales, std::vector<double>(base_.size()));
    std::vector<std::vector<double>> f(points, base_);
    for (int s = 0; s < scales; ++s)
      for (double side : {1.0, -1.0}) {
        for (int m = 1; m < points; ++m) {
          const Moved here(*this, side * m * std::ldexp(1, -12 - 4 * s));
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
      for (std::size_t s = 0; s + 2 < scales; ++s) {
        const double wide = level[s][k], middle = level[s + 1][k], narrow = level[s + 2][k];
        if (wide <= 8 * middle && middle <= 8 * narrow && narrow < infinity)
          noise_[k] = std::max({noise_[k], wide, middle, narrow});
      }
    }
  }

  struct Moved {  // all variables, each element by `step` of itself with a sign of its own, for as long as this lives
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

  Evaluate f_;
  std::span<const Variable> variables_;
  std::vector<Output> outputs_;
  std::vector<double> weights_, base_, noise_, up_, down_;
  std::vector<char> changed_;
};

// ---- one numeric gradient
struct Slope {
  double value = 0, bound = infinity;
  enum { smooth, corner, jump } kind = smooth;  // what f looks like where no bound is small
  double low = 0, high = 0;                     // the slopes on the two sides of a corner
  double slack = infinity;                      // and what they may be wrong by
};

// Richardson's extrapolation of differences with steps h, h/2, h/4, .. to h = 0: column j of row i is free of the first
// j error terms. Two at once: the central difference (errors h^2, h^4, ..) and the bend (h, h^3, ..), which goes to 0
// where f is smooth and to the difference of the slopes where it has a corner. The bound is how far neighbouring
// entries are apart, what rounding can do, and half of the bend that is left.
Slope slope_at(Function& f, double* x) {
  constexpr int columns = 6, rows = 38;
  struct Entry {
    double central = 0, bend = 0;
  };
  std::array<Entry, columns> above{}, row{};
  Slope r;
  Function::Difference last;
  int i = 0, filled = 0, corner = 0, jump = 0;
  double step = std::ldexp(1, std::ilogb(std::max(std::abs(*x), 1.0)) - 3);
  for (; i < rows; ++i, step /= 2) {
    double h = (*x + step) - *x;
    h = *x - (*x - h);  // now x + h and x - h are exact
    if (h == 0) break;
    const Function::Difference d = f.difference(x, h);
    if (!std::isfinite(d.central) || !std::isfinite(d.bend)) {
      filled = corner = jump = 0;
      continue;
    }
    const double rounding = 2 * d.noise / h;
    if (rounding > 0 && rounding >= r.bound) break;

    row[0] = {d.central, d.bend};
    double even = 4, odd = 2;
    for (int j = 1; j < std::min(filled + 1, columns); ++j, even *= 4, odd *= 4) {
      const Entry &left = row[std::size_t(j - 1)], &diagonal = above[std::size_t(j - 1)];
      Entry& e = row[std::size_t(j)];
      e.central = left.central + (left.central - diagonal.central) / (even - 1);
      e.bend = left.bend + (left.bend - diagonal.bend) / (odd - 1);
      auto apart = [&](double Entry::*p) { return std::max(std::abs(e.*p - left.*p), std::abs(e.*p - diagonal.*p)); };
      const double bound = apart(&Entry::central) + rounding + (std::abs(e.bend) + apart(&Entry::bend)) / 2;
      if (bound < r.bound) r.value = e.central, r.bound = bound;
    }

    // With h halved, a smooth f bends half as much, a corner as much as before, and a jump twice as much.
    const double sunk = 8 * rounding, bend = std::abs(d.bend), before = std::abs(last.bend);
    if (filled && std::max(before, bend) > sunk) {
      const bool same = bend > 0.75 * before && bend < 1.33 * before, more = bend >= 1.33 * before;
      corner = same ? corner + 1 : 0;
      jump = more ? jump + 1 : 0;
      const double slack = std::abs(d.low - last.low) + std::abs(d.high - last.high) + 2 * rounding;
      if (!corner) r.slack = infinity;
      else if (slack < r.slack) r.low = d.low, r.high = d.high, r.slack = slack;
    }
    last = d;
    std::swap(above, row);
    ++filled;
  }
  if (corner >= 4) r.kind = Slope::corner;
  if (jump >= 4 && i == rows) r.kind = Slope::jump;
  return r;
}

// ---- the verdict on one element
struct Scale {
  double own;      // the largest gradient of the same variable
  double largest;  // of all variables
};

void judge(Report::Finding& r, double analytic, const Slope& s, Scale scale, bool jumps) {
  // The analytic gradient is a rounded number too; where it should be zero, what terms as large as other gradients
  // left.
  const double rounded = s.value == 0 ? 0x1p-48 * scale.largest : 0x1p-50 * scale.own;
  r.analytic = analytic;
  r.note.clear();
  const double error = std::abs(r.analytic - s.value);
  r.numeric = s.value;
  r.bound = s.bound + rounded;
  if (!std::isfinite(r.analytic)) {
    r.verdict = Report::fail;
    r.note = "not finite";
  } else if (s.bound <= certain * scale.own || (s.kind == Slope::smooth && r.analytic == 0 && s.value == 0)) {
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

// ---- one order of derivatives
class Check {
 public:
  Check(const GradcheckOptions& options, Report& report) : options(options), report(report) {}

  // Returns the output gradients it used; undefined for outputs that are not floating.
  Many run(int order, Evaluate f, std::span<const Variable> variables) {
    const Many y = f();
    Many gy = output_gradients(y);
    Function values(f, variables, y, gy);
    if (order == 1) check_values(y, values.base());
    const Analytic g = analytic(y, gy, variables);
    if (!std::all_of(values.base().begin(), values.base().end(), [](double v) { return std::isfinite(v); })) {
      report.problems.push_back("an output is NaN or infinite");
      return gy;
    }

    std::vector<std::vector<Slope>> slopes;
    std::vector<double> scale;
    for (std::size_t v = 0; v < variables.size(); ++v) {
      slopes.push_back({});
      for (std::size_t i = 0; i < variables[v].size(); ++i)
        slopes[v].push_back(slope_at(values, variables[v].values() + i));
      scale.push_back(largest(slopes[v], g.kernel[v]));
      if (const int k = values.detached_output(); k >= 0)
        report.problems.push_back("output " + std::to_string(k) + " depends on " + variables[v].name +
                                  " but has no history: it was detached, or computed unrecorded");
    }

    const double most = scale.empty() ? 0 : *std::max_element(scale.begin(), scale.end());
    Report::Tally tally;
    double worst = 0;
    for (std::size_t v = 0; v < variables.size(); ++v) {
      const Scale of{scale[v] > 1e-12 * most ? scale[v] : most, most};  // else it is zero, but for rounding
      const int64_t failed = tally.failed;
      for (std::size_t i = 0; i < slopes[v].size(); ++i) {
        Report::Finding r;
        r.order = order;
        r.input = variables[v].name;
        r.index = index_of(i, variables[v].tensor.shape());
        judge(r, g.kernel[v][i], slopes[v][i], of, options.jumps);
        if (g.recorded[v][i] != g.kernel[v][i] && r.verdict != Report::fail) {
          r.create_graph = true;
          judge(r, g.recorded[v][i], slopes[v][i], of, options.jumps);
        }
        worst = std::max(worst, enter(tally, r, of.own > 0 ? of.own : 1));
      }
      if (tally.failed > failed) report_diagnosis(variables, v, slopes, g, gy);
    }
    tally.certified_digits = std::clamp(-std::log10(worst), 0.0, 15.0);
    report.orders.push_back(tally);
    return gy;
  }

  void finish() {
    Report::Tally& t = report.total;
    for (const Report::Tally& o : report.orders) {
      t.passed += o.passed, t.kinks += o.kinks, t.inconclusive += o.inconclusive, t.failed += o.failed;
      t.worst_error = std::max(t.worst_error, o.worst_error);
      t.worst_bound = std::max(t.worst_bound, o.worst_bound);
      t.certified_digits = std::min(t.certified_digits, o.certified_digits);
    }
    for (const Ranked& r : ranked) report.worst.push_back(r.finding);
    report.ok = !t.failed && !t.inconclusive && report.problems.empty();
  }

 private:
  struct Analytic {
    std::vector<std::vector<double>> kernel, recorded;  // without and with create_graph
  };
  struct Ranked {
    Report::Finding finding;
    double size;
    bool operator<(const Ranked& o) const {
      return finding.verdict != o.finding.verdict ? finding.verdict > o.finding.verdict : size > o.size;
    }
  };

  const GradcheckOptions& options;
  Report& report;
  std::vector<Ranked> ranked;

  Many output_gradients(const Many& y) const {
    Many gy;
    for (const Tensor& t : y) {
      const bool wanted = t.defined() && floating(t.dtype());
      if (wanted && t.dtype() != f64)
        fail<DtypeError>(report.at, "gradcheck",
                         "output " + std::to_string(gy.size()) + " is " + name(t.dtype()) +
                             " though all inputs are f64: nothing can be certified in it");
      gy.push_back(wanted ? random_gradient(t, scramble(options.seed, gy.size())) : Tensor());
    }
    return gy;
  }

  void check_values(const Many& y, const std::vector<double>& again) {
    std::vector<double> first;
    for (const Tensor& t : y)
      if (t.defined() && floating(t.dtype())) {
        const std::vector<double> v = t.to_vector();
        first.insert(first.end(), v.begin(), v.end());
      }
    if (std::memcmp(first.data(), again.data(), first.size() * sizeof(double)) != 0)
      report.problems.push_back(
          "f gives other values when it is evaluated again: give its random ops a key, not a generator");
  }

  Analytic analytic(const Many& y, const Many& gy, std::span<const Variable> variables) {
    const Many x = tensors(variables);
    Many before, zero;
    for (const Tensor& t : x) before.push_back(Tensor(t.array().cast(f64)));
    for (const Tensor& t : gy) zero.push_back(t.defined() ? zeros_like(t) : Tensor());
    const Many g = pulled(y, gy, x, false, report.at), again = pulled(y, gy, x, false, report.at),
               nothing = pulled(y, zero, x, false, report.at), recorded = pulled(y, gy, x, create_graph, report.at);
    Analytic r;
    for (std::size_t v = 0; v < x.size(); ++v) {
      r.kernel.push_back(g[v].to_vector());
      r.recorded.push_back(recorded[v].to_vector());
      const std::vector<double> second = again[v].to_vector(), none = nothing[v].to_vector();
      if (std::memcmp(r.kernel[v].data(), second.data(), second.size() * sizeof(double)) != 0)
        report.problems.push_back("the gradient of " + variables[v].name +
                                  " is not the same bits when it is computed again");
      if (std::any_of(none.begin(), none.end(), [](double e) { return e != 0; }))
        report.problems.push_back("output gradients of zero do not give a gradient of zero for " + variables[v].name);
      if (!equal(before[v], x[v])) report.problems.push_back(variables[v].name + " was overwritten");
    }
    return r;
  }

  void report_diagnosis(std::span<const Variable> variables, std::size_t wrong,
                        const std::vector<std::vector<Slope>>& slopes, const Analytic& g, const Many& gy) {
    auto numeric = [&](std::size_t v, double Slope::*part) {
      std::vector<double> r;
      for (const Slope& s : slopes[v]) r.push_back(s.*part);
      return r;
    };
    std::vector<KnownGradient> known;
    for (std::size_t v = 0; v < variables.size(); ++v)
      if (v != wrong) known.push_back({variables[v].name, variables[v].tensor.shape(), numeric(v, &Slope::value)});
    for (std::size_t k = 0; k < gy.size(); ++k)
      if (gy[k].defined()) known.push_back({"output " + std::to_string(k), gy[k].shape(), gy[k].to_vector()});
    const std::vector<double> value = numeric(wrong, &Slope::value), bound = numeric(wrong, &Slope::bound);
    for (bool recorded : {false, true}) {
      const Diagnosis d = diagnose({variables[wrong].name, variables[wrong].tensor.shape(),
                                    (recorded ? g.recorded : g.kernel)[wrong], value, bound},
                                   known);
      if (d.kind == Diagnosis::none) continue;
      report.problems.push_back("The gradient of " + variables[wrong].name + (recorded ? ", with create_graph," : "") +
                                " is wrong: " + d.text + ".");
      return;
    }
  }

  static double largest(const std::vector<Slope>& slopes, const std::vector<double>& analytic) {
    double r = 0;
    for (std::size_t i = 0; i < slopes.size(); ++i) {
      const Slope& s = slopes[i];
      const double numeric = s.kind == Slope::corner ? std::max(std::abs(s.low), std::abs(s.high)) - s.slack
                                                     : std::abs(s.value) - 4 * s.bound;
      r = std::max({r, numeric, std::isfinite(analytic[i]) ? std::abs(analytic[i]) : 0});
    }
    return r;
  }
  static std::vector<int64_t> index_of(std::size_t i, const Shape& shape) {
    std::vector<int64_t> index(std::size_t(shape.rank()));
    auto rest = int64_t(i);
    for (int d = shape.rank() - 1; d >= 0; rest /= shape[d--]) index[std::size_t(d)] = rest % shape[d];
    return index;
  }

  // Counts and ranks a finding. Returns what it leaves open: error and bound, relative to the largest gradient.
  double enter(Report::Tally& t, const Report::Finding& r, double scale) {
    int64_t* of[] = {&t.passed, &t.kinks, &t.inconclusive, &t.failed};
    ++*of[r.verdict];
    double error = std::abs(r.analytic - r.numeric) / scale, bound = r.bound / scale;
    if (std::isnan(error)) error = infinity;
    keep(r, error + bound);
    if (r.verdict == Report::kink) return 0;
    t.worst_error = std::max(t.worst_error, error);
    t.worst_bound = std::max(t.worst_bound, bound);
    return error + bound;
  }
  void keep(const Report::Finding& r, double size) {
    const Ranked entry{r, size};
    ranked.insert(std::upper_bound(ranked.begin(), ranked.end(), entry), entry);
    if (ranked.size() > 5) ranked.pop_back();
  }
};

}  // namespace

namespace detail {

void fail_arity(std::size_t given, Where at) {
  fail<ShapeError>(at, "gradcheck", "the function cannot be called with " + std::to_string(given) + " tensors");
}

Leaves::Leaves(const Many& given, const Parameters& parameters, const std::vector<std::string>& input_names,
               const char* check, Where at) {
  for (std::size_t i = 0; i < given.size(); ++i) {
    const bool moves = given[i].defined() && floating(given[i].dtype());
    inputs.push_back(moves ? Tensor(given[i].array().cast(f64)).requires_grad() : given[i]);
    if (!moves) continue;
    variables.push_back(inputs[i]);
    names.push_back(i < input_names.size() ? input_names[i] : "input " + std::to_string(i));
  }
  variables.insert(variables.end(), parameters.values.begin(), parameters.values.end());
  names.insert(names.end(), parameters.paths.begin(), parameters.paths.end());
  if (variables.empty()) fail<GradError>(at, check, "no input is a floating tensor");
}

GradcheckReport gradcheck(Checked f, const Many& inputs, const Parameters& parameters, const GradcheckOptions& options,
                          Where at) {
  const Leaves leaves(inputs, parameters, options.names, "gradcheck", at);
  const Many& x = leaves.inputs;
  std::vector<Variable> variables;
  for (std::size_t i = 0; i < leaves.variables.size(); ++i) variables.push_back({leaves.names[i], leaves.variables[i]});

  Recording on(true);
  auto value = [&] { return f(x); };
  const Many y = value();
  Report report;
  report.at = at;
  report.seed = options.seed;
  for (const Tensor& t : y)
    if (report.op.empty() && t.tracked() && !t.edge().node->leaf) {
      report.op = t.edge().node->name;
      if (t.edge().node->at) report.at = t.edge().node->at;
    }
  if (std::none_of(y.begin(), y.end(), [](const Tensor& t) { return t.defined() && floating(t.dtype()); }))
    fail<GradError>(at, "gradcheck", "the function gives no floating tensor");

  Check check(options, report);
  const Many gy = check.run(1, value, variables);
  if (options.order > 1) {
    const Many wrt = tensors(variables);
    Many output_gradients;
    for (const Tensor& g : gy) {
      output_gradients.push_back(g.defined() ? g.requires_grad() : Tensor());
      if (g.defined())
        variables.push_back(
            {"output gradient " + std::to_string(output_gradients.size() - 1), output_gradients.back()});
    }
    auto gradient = [&] {
      Recording always(true);
      return pulled(value(), output_gradients, wrt, create_graph, at);
    };
    check.run(2, gradient, variables);
  }
  check.finish();
  return report;
}

}  // namespace detail

// ---- the report
std::string GradcheckReport::str() const {
  char line[300];
  std::string s = std::string("gradcheck ") + (ok ? "passed" : "FAILED") + ": " + (op.empty() ? "function" : op) +
                  " (" + at.str() + ")\n";
  char digits[16] = "no";
  if (total.passed) std::snprintf(digits, sizeof digits, "%.1f", total.certified_digits);
  std::snprintf(line, sizeof line,
                "  %lld PASS, %lld KINK, %lld INCONCLUSIVE, %lld FAIL; worst error %.1e, bound %.1e of the largest "
                "gradient; %s digits certified; output gradients from seed %llu\n",
                static_cast<long long>(total.passed), static_cast<long long>(total.kinks),
                static_cast<long long>(total.inconclusive), static_cast<long long>(total.failed), total.worst_error,
                total.worst_bound, digits, static_cast<unsigned long long>(seed));
  s += line;
  for (const std::string& p : problems) s += "  " + p + "\n";
  std::size_t widest = 5;
  for (const Finding& f : worst) widest = std::max(widest, f.input.size());
  bool seen[4] = {};
  std::snprintf(line, sizeof line, "  %-12s  order  %-*s  %-14s  %22s  %22s  %8s\n", "worst", int(widest), "input",
                "index", "analytic", "numeric", "bound");
  if (!worst.empty()) s += line;
  for (const Finding& f : worst) {
    static constexpr const char* names[] = {"PASS", "KINK", "INCONCLUSIVE", "FAIL"};
    std::string index = "[";
    for (int64_t i : f.index) index += (index.size() > 1 ? ", " : "") + std::to_string(i);
    index += "]";
    std::snprintf(line, sizeof line, "  %-12s  %5d  %-*s  %-14s  %22.15g  %22.15g  %8.1e%s%s%s\n", names[f.verdict],
                  f.order, int(widest), f.input.c_str(), index.c_str(), f.analytic, f.numeric, f.bound,
                  f.note.empty() && !f.create_graph ? "" : "  ", f.note.c_str(),
                  f.create_graph ? "with create_graph" : "");
    s += line;
    seen[f.verdict] = true;
  }
  if (seen[fail])
    s += "  FAIL: further from the numeric gradient than 4 times what that may be wrong by, or as noted\n";
  if (seen[inconclusive])
    s += "  INCONCLUSIVE: rounding, or a step that finds no smooth ground, hides the gradient; nothing was shown\n";
  if (seen[kink]) s += "  KINK: the function has a corner here, and any gradient between its slopes is right\n";
  return s;
}

}  // namespace heed
