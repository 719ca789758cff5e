#include "gradcheck.h"
#include <algorithm>
#include <cmath>
#include <cstdio>
#include "differences.h"

namespace heed {
namespace {

using differences::Function;
using differences::Slope;
using differences::Variable;
using Many = std::vector<Tensor>;
using Evaluate = Function::Evaluate;
using Report = GradcheckReport;
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double certain = 1e-6;  // a larger bound, relative to the largest gradient, certifies nothing

Tensor private_copy(const Tensor& x) { return Tensor(x.array().cast(f64)).requires_grad(); }

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

// What everything that is wrong has in common.
struct Pattern {
  int64_t count = 0;
  bool zero = true;
  double least = infinity, most = -infinity, blur = 0;  // of analytic / numeric

  void add(const Report::Finding& r) {
    if (r.verdict != Report::fail || !r.note.empty()) return;
    ++count;
    zero = zero && r.analytic == 0;
    const double ratio = r.analytic / r.numeric;
    least = std::min(least, ratio);
    most = std::max(most, ratio);
    blur = std::max(blur, std::abs(4 * ratio * r.bound / r.numeric));
  }
  std::string str() const {
    if (count < 2) return "";
    const std::string every = "All " + std::to_string(count) + " wrong gradients are ";
    if (zero) return every + "zero: a path was cut, or a rule returns zero.";
    if (most - least <= 1e-9 * std::abs(most) + 2 * blur && std::isfinite(blur)) {
      const double ratio = (least + most) / 2;
      if (std::abs(ratio + 1) <= 1e-9 + 2 * blur) return every + "the right ones with the opposite sign.";
      char text[60];
      std::snprintf(text, sizeof text, "%.9g times the right ones: a constant factor.", ratio);
      return every + text;
    }
    if (most < 0) return every + "of the opposite sign.";
    return "";
  }
};

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
        slopes[v].push_back(values.slope(variables[v].values() + i));
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
    if (const std::string text = pattern.str(); !text.empty()) report.problems.push_back(text);
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
  Pattern pattern;
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
    pattern.add(r);
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

GradcheckReport gradcheck(Checked f, const Many& inputs, const Parameters& parameters, const GradcheckOptions& options,
                          Where at) {
  Many x;
  std::vector<Variable> variables;
  for (const Tensor& t : inputs) {
    const bool moves = t.defined() && floating(t.dtype());
    x.push_back(moves ? private_copy(t) : t);
    const std::size_t i = x.size() - 1;
    if (moves)
      variables.push_back({i < options.names.size() ? options.names[i] : "input " + std::to_string(i), x.back()});
  }
  for (std::size_t i = 0; i < parameters.values.size(); ++i)
    variables.push_back({parameters.paths[i], parameters.values[i]});
  if (variables.empty()) fail<GradError>(at, "gradcheck", "no input is a floating tensor");

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
