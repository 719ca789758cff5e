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

double dot(const Row& a, const Row& u) {  // what is NaN or infinite counts only where u is not zero
  double r = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (u[i] != 0) r += a[i] * u[i];
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
      bool right = true;
      for (int p = 0; p < options_.probes && std::size_t(p) < variables_[v].size() && right; ++p)
        right = probe(v, p, open);
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
  bool one_by_one(std::size_t v) const { return variables_[v].size() <= std::size_t(options_.probes); }
  // Random signs; steps of elements above 1 grow with them.
  Row direction(std::size_t v, int p) const {
    const double* x = variables_[v].values();
    const uint64_t by = key(v, p);
    Row u(variables_[v].size());
    for (std::size_t i = 0; i < u.size(); ++i) {
      const double step = std::ldexp(1, std::ilogb(std::max(std::abs(x[i]), 1.0)));
      u[i] = one_by_one(v) && i != std::size_t(p) ? 0 : unit(by, i) < 0.5 ? -step : step;
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
  std::vector<Slope> slopes(std::size_t v, const Row& u, const Row& claimed = {}) const {
    return f_.slopes({variables_[v].values(), u.size()}, u, claimed);
  }

  // ---- one direction of one variable
  struct Along {
    std::size_t variable;
    Row u, rules;  // J u as the rules have it
    std::vector<Slope> slopes;
    Row bounds{};  // of the slopes that are certain, else zero
  };

  bool probe(std::size_t v, int p, double& open) {  // false if it shows something wrong
    const Row u = direction(v, p);
    Along d{v, u, rules(v, u), {}};
    if (p == 0 && !linear(d)) return false;
    d.slopes = slopes(v, u, d.rules);
    const std::vector<std::size_t> wrong = compare(d, open);
    for (std::size_t output : wrong) locate(d, output);
    if (!wrong.empty()) return false;

    const Row c = weights(key(v, ~p), d.bounds);
    const bool kernels = agree(d, c);
    count(kernels ? Report::pass : Report::fail);
    if (!kernels) locate(d, halve(d, c));
    return kernels;
  }

  // <v, J u> = <J^T v, u>, which rules that are linear in v cannot but obey.
  bool linear(const Along& d) {
    const Row gy = in_a_row(wanted_), g = pulled_[d.variable].to_vector();
    const double error = std::abs(dot(gy, d.rules) - dot(g, d.u));
    if (!(error > 1e-9 * (sizes(gy, d.rules) + sizes(g, d.u)) + 1e-12 * most_pulled_)) return true;
    r_.problems.push_back("the gradient of " + variables_[d.variable].name +
                          " with create_graph is not linear in the output gradients, or has no history through them");
    return false;
  }

  // The rules against the slopes, output by output. Returns those that are wrong, the worst first.
  std::vector<std::size_t> compare(Along& d, double& open) {
    std::vector<std::pair<double, std::size_t>> wrong;
    Probed::Found worst{{}, -1};
    d.bounds.resize(d.slopes.size());
    std::size_t k = 0;
    for (std::size_t number = 0; number < gy_.size(); ++number) {
      if (!gy_[number].defined()) continue;
      const std::size_t begin = k, end = k + std::size_t(gy_[number].numel());
      const Scale scale = scale_of(d, begin, end);
      const double slope = scale.own * std::sqrt(scale.terms);
      for (; k < end; ++k) {
        Report::Finding r = finding(d, number, k - begin);
        judge(r, d.rules[k], d.slopes[k], scale, options_.jumps);
        count(r.verdict);
        const double error = std::abs(r.analytic - r.numeric);
        if (r.verdict == Report::fail) wrong.push_back({std::isfinite(error) ? -error / r.bound : -infinity, k});
        if (d.slopes[k].bound <= certain * scale.own) d.bounds[k] = r.bound;
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
    std::vector<std::size_t> outputs;
    for (const auto& [ratio, output] : wrong) outputs.push_back(output);
    return outputs;
  }
  // Of one output: as if every entry of the row with the largest slope were of the same size.
  Scale scale_of(const Along& d, std::size_t begin, std::size_t end) const {
    double slope = 0;
    for (std::size_t k = begin; k < end; ++k)
      slope = std::max({slope, magnitude(d.slopes[k]), std::isfinite(d.rules[k]) ? std::abs(d.rules[k]) : 0});
    const double terms = one_by_one(d.variable) ? 1 : double(d.u.size());
    const double most = std::max(slope, most_), root = std::sqrt(terms);
    return {(slope > 1e-12 * most ? slope : most) / root, most / root, terms};
  }

  // Random signs for the sum over the outputs, smaller where the bound is larger.
  static Row weights(uint64_t key, const Row& bounds) {
    double least = infinity;
    for (double b : bounds)
      if (b > 0) least = std::min(least, b);
    Row c(bounds.size());
    for (std::size_t k = 0; k < c.size(); ++k)
      if (bounds[k] > 0) c[k] = (unit(key, k) < 0.5 ? -least : least) / bounds[k];
    return c;
  }
  // The kernels' <J^T c, u> against the sum of the slopes.
  bool agree(const Along& d, const Row& c) const {
    double sum = 0;
    for (std::size_t k = 0; k < c.size(); ++k) sum += c[k] * (c[k] != 0 ? d.slopes[k].value : 0);
    return std::abs(dot(gradient(d.variable, c, false), d.u) - sum) <= 4 * sizes(c, d.bounds);
  }
  // An output whose gradient a kernel has wrong.
  std::size_t halve(const Along& d, const Row& c) const {
    std::size_t begin = 0, end = c.size();
    while (end - begin > 1) {
      const std::size_t middle = begin + (end - begin) / 2;
      (agree(d, part(c, begin, middle)) ? begin : end) = middle;
    }
    return begin;
  }

  // The element by which the gradient of this output is wrong.
  void locate(const Along& d, std::size_t output) {
    if (r_.wrong.size() == most_wrong) return;
    std::size_t number = 0, element = output;
    for (; !gy_[number].defined() || element >= std::size_t(gy_[number].numel()); ++number)
      if (gy_[number].defined()) element -= std::size_t(gy_[number].numel());
    Row one(d.slopes.size());
    one[output] = 1;
    const Row kernel = gradient(d.variable, one, false), recorded = gradient(d.variable, one, create_graph);
    double own = 0;
    for (std::size_t i = 0; i < d.u.size(); ++i)
      for (double g : {kernel[i] * d.u[i], recorded[i] * d.u[i]})
        if (std::isfinite(g)) own = std::max(own, std::abs(g));

    // The verdict on the kernels, or on the rules if those are right.
    auto judged = [&](const Row& u, const Slope& s, std::size_t terms) {
      const Scale scale{own > 0 ? own : magnitude(s), std::max(own, most_), double(terms)};
      Report::Finding r = finding(d, number, element);
      judge(r, dot(kernel, u), s, scale, options_.jumps);
      if (r.verdict == Report::fail) return r;
      r.create_graph = true;
      judge(r, dot(recorded, u), s, scale, options_.jumps);
      return r;
    };
    auto moved = [&](const Row& u, std::size_t terms) {
      Row claimed(d.slopes.size(), std::nan(""));
      claimed[output] = dot(kernel, u);
      return judged(u, slopes(d.variable, u, claimed)[output], terms);
    };
    std::size_t begin = 0, end = d.u.size();
    while (end - begin > 1) {
      const std::size_t middle = begin + (end - begin) / 2;
      (moved(part(d.u, begin, middle), middle - begin).verdict == Report::fail ? end : begin) = middle;
    }
    Report::Finding r = moved(part(d.u, begin, end), 1);
    if (r.verdict == Report::fail) {
      r.index = index_of(begin, variables_[d.variable].tensor.shape());
      r.analytic /= d.u[begin], r.numeric /= d.u[begin], r.bound /= std::abs(d.u[begin]);
    } else {
      r = judged(d.u, d.slopes[output], d.u.size());
      r.verdict = Report::fail;
      r.note = "no single element of it shows this";
    }
    r_.wrong.push_back({r, infinity});
  }
  static Row part(const Row& row, std::size_t begin, std::size_t end) {
    Row r(row.size());
    std::copy(row.begin() + std::ptrdiff_t(begin), row.begin() + std::ptrdiff_t(end),
              r.begin() + std::ptrdiff_t(begin));
    return r;
  }

  // ---- bookkeeping
  Report::Finding finding(const Along& d, std::size_t number, std::size_t element) const {
    Report::Finding r;
    r.order = order_;
    r.input = variables_[d.variable].name;
    r.output = int(number);
    r.output_index = index_of(element, gy_[number].shape());
    return r;
  }
  void count(Report::Verdict v) {
    int64_t* of[] = {&r_.tally.passed, &r_.tally.kinks, &r_.tally.inconclusive, &r_.tally.failed};
    ++*of[v];
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
