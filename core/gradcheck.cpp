#include "gradcheck.h"
#include <algorithm>
#include <cmath>
#include <cstdio>
#include "diagnosis.h"
#include "laws.h"
#include "probes.h"
#include "verdict.h"

namespace heed {
namespace {

using namespace checking;
using Evaluate = Function::Evaluate;
using Report = GradcheckReport;
constexpr double infinity = std::numeric_limits<double>::infinity();

std::string name_of_input(std::size_t i, const std::vector<std::string>& names) {
  return i < names.size() ? names[i] : "input " + std::to_string(i);
}
Tensor private_copy(const Tensor& x) { return Tensor(x.array().cast(f64)).requires_grad(); }

// ---- one order of derivatives
class Check {
 public:
  Check(const GradcheckOptions& options, Report& report) : options(options), report(report) {}

  // Returns the output gradients it used; undefined for outputs that are not floating.
  Many run(int order, Evaluate f, std::span<const Variable> variables) {
    const Many y = f();
    Many gy = output_gradients(y);
    const std::vector<double> noise = noise_of_gradients(f, gy, variables);
    for (std::string& law : broken_laws(f, variables, y, gy, noise, options.threads, report.at))
      report.problems.push_back(std::move(law));
    Function values(f, variables, y, gy);
    if (!std::all_of(values.base().begin(), values.base().end(), [](double v) { return std::isfinite(v); }))
      report.problems.push_back("an output is NaN or infinite");
    else if (options.fast) probed(probe(values, y, gy, variables, options, order, report.at), variables);
    else every_element(order, values, y, gy, noise, variables);
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

  void every_element(int order, Function& values, const Many& y, const Many& gy, const std::vector<double>& noise,
                     std::span<const Variable> variables) {
    const Analytic g = analytic(y, gy, variables);
    auto next = noise.begin();
    std::vector<std::vector<Slope>> slopes;
    std::vector<double> scale;
    for (std::size_t v = 0; v < variables.size(); ++v) {
      slopes.push_back({});
      for (std::size_t i = 0; i < variables[v].size(); ++i)
        slopes[v].push_back(values.slope(variables[v].values() + i, g.kernel[v][i]));
      scale.push_back(largest(slopes[v], g.kernel[v]));
      if (const int k = values.detached_output(); k >= 0)
        report.problems.push_back("output " + std::to_string(k) + " depends on " + variables[v].name +
                                  " but has no history: it was detached, or computed unrecorded");
    }

    const double most = scale.empty() ? 0 : *std::max_element(scale.begin(), scale.end());
    Report::Tally tally;
    double worst = 0;
    for (std::size_t v = 0; v < variables.size(); ++v) {
      Scale of{scale[v] > 1e-12 * most ? scale[v] : most, most};  // else it is zero, but for rounding
      if (!slopes[v].empty()) of.pooled = *std::max_element(next, next + std::ptrdiff_t(slopes[v].size()));
      const int64_t failed = tally.failed;
      for (std::size_t i = 0; i < slopes[v].size(); ++i) {
        of.noise = *next++;
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
  }

  void probed(Probed p, std::span<const Variable> variables) {
    for (const Probed::Found& f : p.worst) keep(f.finding, f.size);
    for (const Probed::Found& f : p.wrong) keep(f.finding, f.size);
    for (std::string& text : p.problems) report.problems.push_back(std::move(text));
    for (const Variable& v : variables) diagnose_some(v, p.wrong);
    report.orders.push_back(p.tally);
  }
  // Of a few elements only what all have in common can be told.
  void diagnose_some(const Variable& v, const std::vector<Probed::Found>& found) {
    std::vector<double> analytic(v.size()), numeric(v.size()), bound(v.size(), infinity);
    for (const Probed::Found& f : found) {
      if (f.finding.input != v.name) continue;
      std::size_t i = 0;
      for (int d = 0; d < v.tensor.dim(); ++d)
        i = i * std::size_t(v.tensor.size(d)) + std::size_t(f.finding.index[std::size_t(d)]);
      analytic[i] = f.finding.analytic, numeric[i] = f.finding.numeric, bound[i] = f.finding.bound;
    }
    const Diagnosis d = diagnose({v.name, v.tensor.shape(), analytic, numeric, bound}, {});
    if (d.kind == Diagnosis::detached || d.kind == Diagnosis::sign || d.kind == Diagnosis::factor)
      report.problems.push_back("The gradient of " + v.name + " is wrong: " + d.text + ".");
  }

  Analytic analytic(const Many& y, const Many& gy, std::span<const Variable> variables) const {
    const Many x = tensors(variables);
    Analytic r;
    for (const Tensor& g : pulled(y, gy, x, false, report.at)) r.kernel.push_back(g.to_vector());
    for (const Tensor& g : pulled(y, gy, x, create_graph, report.at)) r.recorded.push_back(g.to_vector());
    return r;
  }

  // Seen when the output gradients move too: where a gradient is zero because its terms cancel, x alone may not show
  // it.
  std::vector<double> noise_of_gradients(Evaluate f, const Many& gy, std::span<const Variable> variables) const {
    const Many x = tensors(variables);
    std::vector<Variable> moving(variables.begin(), variables.end());
    Many own;
    for (const Tensor& g : gy) {
      own.push_back(g.defined() ? private_copy(g) : Tensor());
      if (g.defined()) moving.push_back({"", own.back()});
    }
    auto gradients = [&] {
      const Recording on(true);
      return pulled(f(), own, x, false, report.at);
    };
    return Function(gradients, moving, x, x, 1).noise();
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
    for (std::size_t i = 0; i < slopes.size(); ++i)
      r = std::max({r, magnitude(slopes[i]), std::isfinite(analytic[i]) ? std::abs(analytic[i]) : 0});
    return r;
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

void check_order(const char* check, int order, Where at) {
  if (order != 1 && order != 2) fail<Error>(at, check, "order must be 1 or 2, not " + std::to_string(order));
}

Leaves::Leaves(const Many& given, const Parameters& parameters, const std::vector<std::string>& input_names,
               const char* check, Where at) {
  for (std::size_t i = 0; i < given.size(); ++i) {
    const bool moves = given[i].defined() && floating(given[i].dtype());
    inputs.push_back(moves ? private_copy(given[i]) : given[i]);
    if (!moves) continue;
    variables.push_back(inputs[i]);
    names.push_back(name_of_input(i, input_names));
  }
  variables.insert(variables.end(), parameters.values.begin(), parameters.values.end());
  names.insert(names.end(), parameters.paths.begin(), parameters.paths.end());
  if (variables.empty()) fail<GradError>(at, check, "no input is a floating tensor");
}

GradcheckReport gradcheck(Checked f, const Many& inputs, const Parameters& parameters, const GradcheckOptions& options,
                          Where at) {
  check_order("gradcheck", options.order, at);
  const Leaves leaves(inputs, parameters, options.names, "gradcheck", at);
  const Many& x = leaves.inputs;
  std::vector<Variable> variables;
  Unchanged given;
  for (std::size_t i = 0; i < leaves.variables.size(); ++i) {
    variables.push_back({leaves.names[i], leaves.variables[i]});
    given.watch(leaves.names[i], leaves.variables[i]);
  }
  for (std::size_t i = 0; i < x.size(); ++i)
    if (x[i].defined() && !floating(x[i].dtype())) given.watch(name_of_input(i, options.names), x[i]);
  if (options.fast && options.probes < 1)
    fail<Error>(at, "gradcheck", "cannot check with " + std::to_string(options.probes) + " probes: at least 1");

  Recording on(true);
  auto value = [&] { return f(x); };
  const Many y = value();
  Report report;
  report.at = at;
  report.seed = options.seed;
  report.probes = options.fast ? options.probes : 0;
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
  for (std::string& text : given.broken()) report.problems.push_back(std::move(text));
  check.finish();
  return report;
}

}  // namespace detail

// ---- the report
namespace {
std::string bracketed(const std::vector<int64_t>& index) {
  std::string r = "[";
  for (int64_t i : index) r += (r.size() > 1 ? ", " : "") + std::to_string(i);
  return r + "]";
}
}  // namespace

std::string GradcheckReport::str() const {
  char line[300];
  std::string s = std::string("gradcheck ") + (ok ? "passed" : "FAILED") + ": " + (op.empty() ? "function" : op) +
                  " (" + at.str() + ")\n";
  const std::string with = probes ? std::to_string(probes) + " random-sign probes of each input and " : "";
  char digits[16] = "no";
  if (total.passed) std::snprintf(digits, sizeof digits, "%.1f", total.certified_digits);
  std::snprintf(line, sizeof line,
                "  %lld PASS, %lld KINK, %lld INCONCLUSIVE, %lld FAIL; worst error %.1e, bound %.1e of the largest "
                "%s; %s digits certified; %soutput gradients from seed %llu\n",
                static_cast<long long>(total.passed), static_cast<long long>(total.kinks),
                static_cast<long long>(total.inconclusive), static_cast<long long>(total.failed), total.worst_error,
                total.worst_bound, probes ? "slope" : "gradient", digits, with.c_str(),
                static_cast<unsigned long long>(seed));
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
    const bool all = f.output >= 0 && f.index.empty();
    const std::string index = all ? "all" : bracketed(f.index);
    std::string notes = f.output < 0 ? "" : "  in output " + std::to_string(f.output) + " " + bracketed(f.output_index);
    if (!f.note.empty()) notes += "  " + f.note;
    if (f.create_graph) notes += "  with create_graph";
    std::snprintf(line, sizeof line, "  %-12s  %5d  %-*s  %-14s  %22.15g  %22.15g  %8.1e%s\n", names[f.verdict],
                  f.order, int(widest), f.input.c_str(), index.c_str(), f.analytic, f.numeric, f.bound, notes.c_str());
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
