#include "probes.h"
#include <algorithm>
#include <cmath>
#include "grad.h"
#include "rng.h"

namespace heed::checking {
namespace {

using Row = std::vector<double>;
using Report = GradcheckReport;
constexpr std::size_t most_wrong = 5;
constexpr double infinity = std::numeric_limits<double>::infinity();

double dot(const Row& a, const Row& b) {
  double r = 0;
  for (std::size_t i = 0; i < a.size(); ++i) r += a[i] * b[i];
  return r;
}
double sizes(const Row& a, const Row& b) {
  double r = 0;
  for (std::size_t i = 0; i < a.size(); ++i) r += std::abs(a[i] * b[i]);
  return r;
}
double largest(const Row& a) {
  double r = 0;
  for (double v : a)
    if (std::isfinite(v)) r = std::max(r, std::abs(v));
  return r;
}
Tensor shaped(const double* values, const Shape& shape) {
  Array a(shape, f64);
  std::copy(values, values + shape.numel(), a.mutable_data<double>());
  return Tensor(std::move(a));
}

class Probes {
 public:
  Probes(Function& f, const Many& y, const Many& gy, std::span<const Variable> variables,
         const GradcheckOptions& options, int order, Where at)
      : f_(f), y_(y), gy_(gy), variables_(variables), options_(options), order_(order), at_(at) {
    for (const Tensor& g : gy) {
      leaves_.push_back(g.defined() ? g.requires_grad() : Tensor());
      if (g.defined()) wanted_.push_back(leaves_.back());
    }
    pulled_ = pulled(y, leaves_, tensors(variables), create_graph, at);
    for (std::size_t v = 0; v < variables.size(); ++v) {
      const Row u = direction(v, 0), g = pulled_[v].to_vector();
      most_ = std::max(most_, largest(rules(v, u)));
      most_pulled_ = std::max(most_pulled_, sizes(g, u));
    }
  }

  Probed run() {
    double open = 0;
    for (std::size_t v = 0; v < variables_.size(); ++v) {
      bool right = variables_[v].size() > 0;
      for (int p = 0; p < options_.probes && right; ++p) right = probe(v, p, open);
      if (const int k = f_.detached_output(); k >= 0)
        r_.problems.push_back("output " + std::to_string(k) + " depends on " + variables_[v].name +
                              " but has no history: it was detached, or computed unrecorded");
    }
    r_.tally.certified_digits = std::clamp(-std::log10(open), 0.0, 15.0);
    return std::move(r_);
  }

 private:
  uint64_t key(std::size_t v, int p) const {
    return scramble(scramble(scramble(options_.seed, ~uint64_t{0}), v), uint64_t(p));
  }
  // Random signs; steps of elements above 1 grow with them.
  Row direction(std::size_t v, int p) const {
    const double* x = variables_[v].values();
    const uint64_t signs = key(v, p);
    Row u(variables_[v].size());
    for (std::size_t i = 0; i < u.size(); ++i) {
      const double step = std::ldexp(1, std::ilogb(std::max(std::abs(x[i]), 1.0)));
      u[i] = unit(signs, i) < 0.5 ? -step : step;
    }
    return u;
  }

  // ---- J u and J^T c
  Row in_a_row(const Many& of_outputs) const {
    Row r;
    for (const Tensor& t : of_outputs) {
      const Row values = t.to_vector();
      r.insert(r.end(), values.begin(), values.end());
    }
    return r;
  }
  Row rules(std::size_t v, const Row& u) const {
    if (!pulled_[v].tracked()) return Row(f_.base().size());
    const Many y{pulled_[v]}, gy{shaped(u.data(), variables_[v].tensor.shape())};
    return in_a_row(vjp(y, gy, wanted_, false, at_));
  }
  Row gradient(std::size_t v, const Row& c, bool create_graph) const {
    Many g;
    const double* next = c.data();
    for (const Tensor& t : gy_) {
      g.push_back(t.defined() ? shaped(next, t.shape()) : Tensor());
      if (t.defined()) next += t.numel();
    }
    return pulled(y_, g, {&variables_[v].tensor, 1}, create_graph, at_)[0].to_vector();
  }
  std::vector<Slope> slopes(std::size_t v, const Row& u) const {
    return f_.slopes({variables_[v].values(), u.size()}, u);
  }

  // ---- one direction of one variable; false if it shows something wrong
  bool probe(std::size_t v, int p, double& open) {
    const Row u = direction(v, p), by_rules = rules(v, u);
    if (p == 0 && !linear(v, u, by_rules)) return false;
    const std::vector<Slope> s = slopes(v, u);

    Row c(s.size()), bounds(s.size());  // for the sum over the outputs, those that are certain
    std::vector<std::pair<double, std::size_t>> wrong;
    Probed::Found worst{{}, -1};
    std::size_t k = 0;
    for (std::size_t number = 0; number < gy_.size(); ++number) {
      if (!gy_[number].defined()) continue;
      const std::size_t begin = k, end = k + std::size_t(gy_[number].numel());
      const Scale scale = scale_of(s, by_rules, begin, end, u.size());
      const double slope = scale.own * std::sqrt(scale.terms);
      for (; k < end; ++k) {
        Report::Finding r = finding(v, number, k - begin);
        judge(r, by_rules[k], s[k], scale, options_.jumps);
        count(r.verdict);
        const double error = std::abs(r.analytic - r.numeric);
        if (r.verdict == Report::fail) wrong.push_back({std::isfinite(error) ? -error / r.bound : -infinity, k});
        if (s[k].bound <= certain * scale.own) {
          c[k] = unit(key(v, ~p), k) < 0.5 ? -1 : 1;
          bounds[k] = r.bound;
        }
        const double size = slope > 0 ? (error + r.bound) / slope : 0;
        if (r.verdict != Report::kink && slope > 0) {
          r_.tally.worst_error = std::max(r_.tally.worst_error, error / slope);
          r_.tally.worst_bound = std::max(r_.tally.worst_bound, r.bound / slope);
          open = std::max(open, size);
        }
        if (r.verdict != Report::fail && std::pair(r.verdict, size) > std::pair(worst.finding.verdict, worst.size))
          worst = {std::move(r), size};
      }
    }
    if (worst.size >= 0) r_.worst.push_back(std::move(worst));

    std::sort(wrong.begin(), wrong.end());
    for (const auto& [ratio, output] : wrong) locate(v, output, u, s[output]);
    if (!wrong.empty()) return false;
    const bool kernels = agree(v, u, s, c, bounds);
    count(kernels ? Report::pass : Report::fail);
    if (!kernels) {
      const std::size_t output = halve(v, u, s, c, bounds);
      locate(v, output, u, s[output]);
    }
    return kernels;
  }

  // <v, J u> = <J^T v, u>, which rules that are linear in v cannot but obey.
  bool linear(std::size_t v, const Row& u, const Row& by_rules) {
    Row gy;
    for (const Tensor& g : wanted_) {
      const Row values = g.to_vector();
      gy.insert(gy.end(), values.begin(), values.end());
    }
    const Row g = pulled_[v].to_vector();
    const double error = std::abs(dot(gy, by_rules) - dot(g, u));
    if (!(error > 1e-9 * (sizes(gy, by_rules) + sizes(g, u)) + 1e-12 * most_pulled_)) return true;
    r_.problems.push_back("the gradient of " + variables_[v].name +
                          " with create_graph is not linear in the output gradients, or has no history through them");
    return false;
  }

  // The kernels' <J^T c, u> against the sum of the slopes.
  bool agree(std::size_t v, const Row& u, const std::vector<Slope>& s, const Row& c, const Row& bounds) const {
    double sum = 0;
    for (std::size_t k = 0; k < c.size(); ++k) sum += c[k] * s[k].value;
    return std::abs(dot(gradient(v, c, false), u) - sum) <= 4 * sizes(c, bounds);
  }
  // An output whose gradient a kernel has wrong.
  std::size_t halve(std::size_t v, const Row& u, const std::vector<Slope>& s, const Row& c, const Row& bounds) const {
    std::size_t begin = 0, end = c.size();
    while (end - begin > 1) {
      const std::size_t middle = begin + (end - begin) / 2;
      Row half(c.size());
      std::copy(c.begin() + std::ptrdiff_t(begin), c.begin() + std::ptrdiff_t(middle),
                half.begin() + std::ptrdiff_t(begin));
      (agree(v, u, s, half, bounds) ? begin : end) = middle;
    }
    return begin;
  }

  // The element by which the gradient of this output is wrong.
  void locate(std::size_t v, std::size_t output, const Row& u, const Slope& whole) {
    if (r_.wrong.size() == most_wrong) return;
    std::size_t number = 0, element = output;
    for (; !gy_[number].defined() || element >= std::size_t(gy_[number].numel()); ++number)
      if (gy_[number].defined()) element -= std::size_t(gy_[number].numel());
    Row one(f_.base().size());
    one[output] = 1;
    const Row kernel = gradient(v, one, false), recorded = gradient(v, one, create_graph);
    double own = 0;
    for (std::size_t i = 0; i < u.size(); ++i)
      for (double g : {kernel[i] * u[i], recorded[i] * u[i]})
        if (std::isfinite(g)) own = std::max(own, std::abs(g));

    // The kernels' verdict, or the rules' if that is right.
    auto verdict = [&](Report::Finding& r, const Row& part, const Slope& s, double terms) {
      const Scale scale{own > 0 ? own : magnitude(s), std::max(own, most_), terms};
      judge(r, dot(kernel, part), s, scale, options_.jumps);
      if (r.verdict == Report::fail) return true;
      r.create_graph = true;
      judge(r, dot(recorded, part), s, scale, options_.jumps);
      return r.verdict == Report::fail;
    };
    Report::Finding r = finding(v, number, element);
    std::size_t begin = 0, end = u.size();
    while (end - begin > 1) {
      const std::size_t middle = begin + (end - begin) / 2;
      Row half(u.size());
      std::copy(u.begin() + std::ptrdiff_t(begin), u.begin() + std::ptrdiff_t(middle),
                half.begin() + std::ptrdiff_t(begin));
      r = finding(v, number, element);
      (verdict(r, half, slopes(v, half)[output], double(middle - begin)) ? end : begin) = middle;
    }
    Row one_step(u.size());
    const double step = one_step[begin] = std::abs(u[begin]);
    r = finding(v, number, element);
    if (verdict(r, one_step, slopes(v, one_step)[output], 1)) {
      r.index = index_of(begin, variables_[v].tensor.shape());
      r.analytic /= step, r.numeric /= step, r.bound /= step;
    } else {
      r = finding(v, number, element);
      verdict(r, u, whole, double(u.size()));
      r.verdict = Report::fail;
      r.note = "no single element of it shows this";
    }
    r_.wrong.push_back({r, infinity});
  }

  // ---- bookkeeping
  Report::Finding finding(std::size_t v, std::size_t number, std::size_t element) const {
    Report::Finding r;
    r.order = order_;
    r.input = variables_[v].name;
    r.output = int(number);
    r.output_index = index_of(element, gy_[number].shape());
    return r;
  }
  void count(Report::Verdict v) {
    int64_t* of[] = {&r_.tally.passed, &r_.tally.kinks, &r_.tally.inconclusive, &r_.tally.failed};
    ++*of[v];
  }
  // Of one output: as if every entry of the row with the largest slope were of the same size.
  Scale scale_of(const std::vector<Slope>& s, const Row& by_rules, std::size_t begin, std::size_t end,
                 std::size_t terms) const {
    double slope = 0;
    for (std::size_t k = begin; k < end; ++k)
      slope = std::max({slope, magnitude(s[k]), std::isfinite(by_rules[k]) ? std::abs(by_rules[k]) : 0});
    const double root = std::sqrt(double(terms)), most = std::max(slope, most_);
    return {(slope > 1e-12 * most ? slope : most) / root, most / root, double(terms)};
  }

  Function& f_;
  const Many &y_, &gy_;
  std::span<const Variable> variables_;
  const GradcheckOptions& options_;
  int order_;
  Where at_;
  Many leaves_, wanted_;  // the output gradients to differentiate by; those that are floating
  Many pulled_;           // the gradients, as functions of them
  double most_ = 0, most_pulled_ = 0;
  Probed r_;
};

}  // namespace

Probed probe(Function& f, const Many& y, const Many& gy, std::span<const Variable> variables,
             const GradcheckOptions& options, int order, Where at) {
  return Probes(f, y, gy, variables, options, order, at).run();
}

}  // namespace heed::checking
