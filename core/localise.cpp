#include "localise.h"
#include <algorithm>
#include <cmath>
#include <cstdio>
#include "plus.h"
#include "trace.h"

namespace heed {
namespace {

using Many = std::vector<Tensor>;

using Step = AppliedOp;
struct Trace {
  std::vector<Step> steps;
  Many results;
};

// Everything that f does, with its graph.
Trace traced(detail::Checked f, const Many& x) {
  Trace t;
  t.steps = applied_ops([&] { t.results = f(x); });
  return t;
}
// Its values alone, which may share no storage with x: that moves on.
Trace without_graph(Trace t) {
  auto copy = [](Many& list) {
    for (Tensor& v : list)
      if (v.defined()) v = Tensor(v.array().cast(v.dtype()));
  };
  for (Step& s : t.steps) copy(s.inputs), copy(s.outputs);
  copy(t.results);
  return t;
}

bool moves(const Tensor& t) { return t.defined() && t.dtype() == f64; }
bool only_f64(const Many& list) {
  return std::none_of(list.begin(), list.end(),
                      [](const Tensor& t) { return t.defined() && floating(t.dtype()) && t.dtype() != f64; });
}
bool same_edge(const Tensor& a, const Tensor& b) {
  return a.edge().node.get() == b.edge().node.get() && a.edge().output == b.edge().output;
}
double dot(std::span<const double> a, std::span<const double> b) {
  double r = 0;
  for (std::size_t i = 0; i < a.size(); ++i) r += a[i] * b[i];
  return r;
}
Tensor plus(const Tensor& x, double by, std::span<const double> v) {
  std::vector<double> r = x.to_vector();
  for (std::size_t i = 0; i < r.size(); ++i) r[i] += by * v[i];
  return tensor(r, x.shape(), f64);
}

// A node may read and give infinities, as a masked softmax does: they stay as they are, and carry no gradient.
struct FiniteOnly {
  static constexpr auto name = "finite_only";
  Tensor like;  // what is not finite here becomes 0
  Array forward(const Array& x) const {
    std::vector<double> r = Tensor(x).to_vector(), l = like.to_vector();
    for (std::size_t i = 0; i < r.size(); ++i)
      if (!std::isfinite(l[i])) r[i] = 0;
    return tensor(r, x.shape(), f64).array();
  }
  Tensor d0(Grad g) const { return apply(Where(), *this, g); }
};
Tensor finite_only(const Tensor& x, const Tensor& like) { return apply(Where(), FiniteOnly{like.detach()}, x); }
Tensor infinities(const Tensor& x) {  // and 0 where x is finite
  std::vector<double> r = x.to_vector();
  for (double& v : r)
    if (std::isfinite(v)) v = 0;
  return tensor(r, x.shape(), f64);
}
bool all_finite(const Tensor& x) {
  const std::vector<double> v = x.to_vector();
  return std::all_of(v.begin(), v.end(), [](double e) { return std::isfinite(e); });
}

int64_t elements(const Trace& t) {  // whose gradients checking every node would check
  int64_t n = 0;
  for (const Step& s : t.steps)
    for (const Tensor& x : s.inputs)
      if (s.node() && x.tracked()) n += x.numel();
  return n;
}

class Search {
 public:
  Search(detail::Checked f, const Many& inputs, const Parameters& parameters, const std::vector<ModulePath>& modules,
         const GradcheckOptions& options, Where at)
      : f_(f), leaves_(inputs, parameters, {}, "find_wrong_node", at), modules_(modules), options_(options), at_(at) {
    base_ = traced(f_, leaves_.inputs);
  }
  const Trace& trace() const { return base_; }

  NodesReport run() {
    for (const Step& s : base_.steps) {
      if (!s.node()) continue;
      if (!only_f64(s.inputs) || !only_f64(s.outputs)) {
        ++report_.unchecked;
        continue;
      }
      check(s);
      if (report_.first) return report_;
    }
    look_for_lost();
    return report_;
  }

 private:
  detail::Checked f_;
  detail::Leaves leaves_;
  const std::vector<ModulePath>& modules_;
  const GradcheckOptions& options_;
  Where at_;
  Trace base_;
  NodesReport report_;

  WrongNode named(const Step& s, const std::string& why) const {
    std::string module = s.module.address ? type_name(s.module) : "";
    for (const ModulePath& m : modules_)
      if (m.id == s.module) module = m.path;
    return {s.op, s.at, module, why, {}};
  }

  // The node by itself: the same op of private copies of what it was given, one for each tensor with a history.
  void check(const Step& s) {
    Many given, inputs;
    std::vector<std::size_t> from;   // for each input, which of `given` it is; beyond them: none, it stays
    std::vector<std::size_t> first;  // for each of `given`, the first input that it is
    GradcheckOptions options{.order = options_.order, .names = {}, .jumps = true, .seed = options_.seed};
    for (std::size_t i = 0; i < s.inputs.size(); ++i) {
      inputs.push_back(s.inputs[i].detach());
      std::size_t k = 0;
      while (k < given.size() && !same_edge(s.inputs[first[k]], s.inputs[i])) ++k;
      if (!s.inputs[i].tracked()) k = ~std::size_t{0};
      else if (k == given.size()) {
        given.push_back(all_finite(s.inputs[i]) ? s.inputs[i] : finite_only(s.inputs[i], s.inputs[i]));
        first.push_back(i);
        options.names.push_back("input " + std::to_string(i));
      }
      from.push_back(k);
    }
    auto alone = [&](const Many& x) {
      Many all = inputs;
      for (std::size_t i = 0; i < all.size(); ++i)
        if (from[i] < x.size()) all[i] = all_finite(all[i]) ? x[from[i]] : x[from[i]] + infinities(all[i]);
      Many y = s.node()->again(all);
      for (std::size_t k = 0; k < y.size(); ++k)
        if (moves(y[k]) && !all_finite(s.outputs[k])) y[k] = finite_only(y[k], s.outputs[k]);
      return y;
    };
    GradcheckReport r = detail::gradcheck(alone, given, {}, options, s.at);
    if (!r.total.failed && r.problems.empty()) {
      ++(r.total.inconclusive ? report_.unchecked : report_.right);
      return;
    }
    report_.first = named(s, r.problems.empty() ? "its gradient is wrong" : r.problems[0]);
    report_.first->check = std::move(r);
  }

  // All variables move along one random direction; so does every value that depends on them. Where f moves otherwise
  // than its gradient says, some of them have lost their history.
  void look_for_lost() {
    constexpr double h = 1e-4;
    std::vector<std::vector<double>> v;
    for (const Tensor& x : leaves_.variables) {
      v.emplace_back(std::size_t(x.numel()));
      for (std::size_t i = 0; i < v.back().size(); ++i)
        v.back()[i] = 2 * unit(scramble(options_.seed, v.size()), i) - 1;
    }
    const Trace up = moved(h, v), down = moved(-h, v);
    auto alike = [](const Trace& a, const Trace& b) {
      return std::equal(
          a.steps.begin(), a.steps.end(), b.steps.begin(), b.steps.end(),
          [](const Step& s, const Step& t) { return s.op == t.op && s.inputs.size() == t.inputs.size(); });
    };
    if (!alike(base_, up) || !alike(base_, down)) return;

    Many weights, outputs;  // random gradients of the outputs; the outputs of nodes, for their gradients
    double numeric = 0, bend = 0, size = 0;
    for (std::size_t k = 0; k < base_.results.size(); ++k) {
      const Tensor& y = base_.results[k];
      std::vector<double> w(moves(y) ? std::size_t(y.numel()) : 0);
      for (std::size_t i = 0; i < w.size(); ++i) w[i] = gaussian(scramble(~options_.seed, k), i);
      weights.push_back(moves(y) ? tensor(w, y.shape(), f64) : Tensor());
      if (!moves(y)) continue;
      numeric += dot(w, along(up.results[k], down.results[k], h));
      bend += dot(w, along(up.results[k], y, h)) - dot(w, along(y, down.results[k], h));
    }
    for (const Step& s : base_.steps)
      for (const Tensor& y : s.outputs)
        if (y.tracked()) outputs.push_back(y);
    double analytic = 0;
    Many g;
    if (std::any_of(base_.results.begin(), base_.results.end(), [](const Tensor& y) { return y.tracked(); })) {
      const Many all = vjp(base_.results, weights, leaves_.variables, false, at_);
      for (std::size_t i = 0; i < v.size(); ++i) {
        const double part = dot(all[i].to_vector(), v[i]);
        analytic += part;
        size += std::abs(part);
      }
      g = vjp(base_.results, weights, outputs, false, at_);
    }
    const double missing = numeric - analytic;
    if (std::abs(missing) <= 1e-6 * std::max(size, std::abs(numeric))) return;
    report_.settled = false;
    if (std::abs(bend) > 0.1 * std::abs(missing)) return;  // a corner, or no function

    auto share = [&](double part) {
      char text[80];
      std::snprintf(text, sizeof text, "%.3g of a derivative of %.3g along a random direction is lost there", part,
                    numeric);
      return std::string(text);
    };
    auto matters = [&](double part) { return std::abs(part) > 1e-3 * std::abs(missing); };
    std::size_t next = 0;
    for (std::size_t n = 0; n < base_.steps.size(); ++n) {
      const Step& s = base_.steps[n];
      const std::size_t first = next;
      for (const Tensor& y : s.outputs) next += y.tracked();
      if (!s.node() || g.empty()) continue;
      for (std::size_t i = 0; i < s.inputs.size(); ++i) {
        if (!moves(s.inputs[i]) || s.inputs[i].tracked()) continue;
        const std::vector<double> t = along(up.steps[n].inputs[i], down.steps[n].inputs[i], h);
        if (std::all_of(t.begin(), t.end(), [](double e) { return e == 0; })) continue;
        const double part = through(s, i, t, std::span(g).subspan(first, next - first));
        if (!matters(part)) continue;
        report_.first =
            named(s, "its input " + std::to_string(i) + " has no history" + origin(s.inputs[i]) + ": " + share(part));
        return;
      }
    }
    for (std::size_t k = 0; k < base_.results.size(); ++k) {
      const Tensor& y = base_.results[k];
      if (!moves(y) || y.tracked()) continue;
      const double part = dot(weights[k].to_vector(), along(up.results[k], down.results[k], h));
      if (!matters(part)) continue;
      const Step* from = maker(y);
      report_.first = named(from ? *from : Step{"f", at_, {}, {}, {}},
                            "what it gives is output " + std::to_string(k) + ", without history: " + share(part));
      return;
    }
  }

  Trace moved(double by, const std::vector<std::vector<double>>& v) {
    std::vector<std::vector<double>> before;
    for (std::size_t i = 0; i < v.size(); ++i) {
      before.push_back(leaves_.variables[i].to_vector());
      const std::vector<double> there = plus(leaves_.variables[i], by, v[i]).to_vector();
      std::copy(there.begin(), there.end(), Array(leaves_.variables[i].array()).mutable_data<double>());
    }
    Trace t = without_graph(traced(f_, leaves_.inputs));
    for (std::size_t i = 0; i < v.size(); ++i)
      std::copy(before[i].begin(), before[i].end(), Array(leaves_.variables[i].array()).mutable_data<double>());
    return t;
  }
  // How a value moves; as nothing, if its shape does.
  static std::vector<double> along(const Tensor& up, const Tensor& down, double h) {
    std::vector<double> r = up.to_vector(), other = down.to_vector();
    if (r.size() != other.size()) return {};
    for (std::size_t i = 0; i < r.size(); ++i) r[i] = r[i] == other[i] ? 0 : (r[i] - other[i]) / (2 * h);
    return r;
  }
  // What of f's derivative passes through one input of a node: <g, how its outputs move with that input>.
  static double through(const Step& s, std::size_t input, std::span<const double> t, std::span<const Tensor> g) {
    constexpr double h = 1e-4;
    auto outputs = [&](double by) {
      Many x;
      for (const Tensor& i : s.inputs) x.push_back(i.detach());
      x[input] = plus(x[input], by, t);
      return s.node()->again(x);
    };
    const Unrecorded here;
    const Many up = outputs(h), down = outputs(-h);
    double r = 0;
    std::size_t next = 0;
    for (std::size_t k = 0; k < up.size(); ++k)
      if (s.outputs[k].tracked()) r += dot(g[next++].to_vector(), along(up[k], down[k], h));
    return r;
  }

  const Step* maker(const Tensor& x) const {  // of a value: the first that gave this storage
    for (const Step& s : base_.steps)
      for (const Tensor& y : s.outputs)
        if (x.array().storage() && y.array().storage() == x.array().storage()) return &s;
    return nullptr;
  }
  std::string origin(const Tensor& x) const {
    const Step* s = maker(x);
    return s ? std::string(" though ") + s->op + " (" + s->at.str() + ") computed it from what has one" : "";
  }
};

}  // namespace

namespace detail {

NodesReport find_wrong_node(Checked f, const Many& inputs, const Parameters& parameters,
                            const std::vector<ModulePath>& modules, const GradcheckOptions& options, Where at) {
  check_order("find_wrong_node", options.order, at);
  Recording on(true);
  return Search(f, inputs, parameters, modules, options, at).run();
}

void add_wrong_node(GradcheckReport& report, Checked f, const Many& inputs, const Parameters& parameters,
                    const std::vector<ModulePath>& modules, const GradcheckOptions& options) {
  constexpr int64_t most = 100'000;  // elements, so that this takes no longer than the check that has failed
  if (!report.total.failed) return;
  Recording on(true);
  Search search(f, inputs, parameters, modules, options, report.at);
  const auto& steps = search.trace().steps;
  if (std::count_if(steps.begin(), steps.end(), [](const Step& s) { return s.node(); }) < 2) return;
  if (elements(search.trace()) > most) report.problems.push_back("find_wrong_node says which node is wrong");
  else if (const NodesReport r = search.run(); r.first)
    report.problems.push_back("first wrong node: " + r.first->str());
}

}  // namespace detail

std::string WrongNode::str() const {
  return op + " (" + at.str() + ")" + (module.empty() ? "" : " in " + module) + ": " + why;
}

std::string NodesReport::str() const {
  const std::string count = std::to_string(right) + (right == 1 ? " node is right" : " nodes are right");
  std::string s = first ? "first wrong node: " + first->str() + " (" + count + " before it)\n" : count + "\n";
  if (unchecked)
    s += std::to_string(unchecked) +
         " nodes show nothing: they do not compute in f64, or rounding hides their gradients\n";
  if (!first && !settled)
    s += "yet together they give a wrong gradient: f has a corner here, or a value that depends on its inputs reaches "
         "an op as a number\n";
  return s + (first && first->check.total.failed ? first->check.str() : "");
}

}  // namespace heed
