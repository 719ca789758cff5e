// Which mistake is it? Every hypothesis is a formula; the one that gives what the learner's function gave is named.
#include <heed/core/diagnosis.h>
#include <heed/ops/ops.h>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include "judge.h"

namespace heed::lessons {
namespace {

struct Hypothesis {
  Formula formula;
  std::vector<const Mistake*> mistakes;
  std::string why;
};

std::string and_then(const std::string& why, const std::string& more) {
  return why.empty() ? more : why + "; and " + more;
}

// ---- any one step of a formula, written differently
struct Sibling {
  const char *name, *instead, *dim, *why;  // dim: a second argument, or none
  Formula of(const Formula& call) const {
    Formula r(Formula::call, instead, call.parts);
    if (*dim) r.parts.emplace_back(std::string_view(dim));
    return r;
  }
};
constexpr auto a_column = "keepdim is missing: the sums must stay a column";
constexpr auto of_means = "keepdim is missing: the means must stay a column";
constexpr Sibling siblings[] = {
    {"rowsum", "sum", "-1", a_column},
    {"rowmean", "mean", "-1", of_means},
    {"rowsum", "colsum", "", "the sum runs down the columns, not along the rows"},
    {"colsum", "sum", "-1", "the sum runs along the rows, not down the columns"},
    {"colsum", "rowsum", "", "the sum runs along the rows, not down the columns"},
    {"rowsum", "sum", "", "it is summed over everything: each row has a sum of its own"},
    {"colsum", "sum", "", "it is summed over everything: each column has a sum of its own"},
    {"rowmean", "mean", "", "it is a mean of everything: each row has a mean of its own"},
    {"rowsum", "rowmean", "", "a mean stands where a sum should"},
    {"rowmean", "rowsum", "", "a sum stands where a mean should"},
    {"colsum", "colmean", "", "a mean stands where a sum should"},
    {"rowmean", "colmean", "", "the mean runs down the columns, not along the rows"},
    {"tanh", "sigmoid", "", "sigmoid stands where tanh should"},
    {"sigmoid", "tanh", "", "tanh stands where sigmoid should"},
};

// A name may be another one, of the case; what may be dropped or transposed is. A call may be another one, everywhere
// or once.
std::vector<Hypothesis> steps(const Hypothesis& of, const Case& c, const std::string& asked) {
  std::vector<Hypothesis> r;
  Formula original = of.formula;
  const std::vector<Formula*> all = nodes(original);
  for (const Sibling& s : siblings) {
    const auto called = [&](const Formula* f) { return f->kind == Formula::call && f->text == s.name; };
    if (std::count_if(all.begin(), all.end(), called) < 2) continue;
    Formula f = of.formula;
    for (Formula* node : nodes(f))
      if (called(node)) *node = s.of(*node);
    r.push_back({std::move(f), of.mistakes, and_then(of.why, s.why)});
  }
  for (std::size_t k = 0; k < all.size(); ++k) {
    const Formula& node = *all[k];
    const auto add = [&](Formula instead, const std::string& why) {
      Formula f = of.formula;
      *nodes(f)[k] = std::move(instead);
      r.push_back({std::move(f), of.mistakes, and_then(of.why, why)});
    };
    const std::string shown = node.str();
    if (node.kind == Formula::name) {
      const int rank = c.values.contains(node.text) ? c.values.at(node.text).dim() : -1;
      for (const auto& [name, x] : c.values)
        if (name != node.text && name != asked && x.dim() == rank)
          add(Formula(Formula::name, name), name + " stands where " + shown + " should");
      add(Formula(Formula::transposed, "", {node}), shown + " is transposed");
    } else if (k == 0 && node.kind != Formula::transposed) {
      add(Formula(Formula::transposed, "", {node}), "the whole is transposed");
    }
    if (node.kind == Formula::transposed) add(node.parts[0], node.parts[0].str() + " is not transposed");
    if (node.kind == Formula::squared) add(node.parts[0], "the square of " + node.parts[0].str() + " is missing");
    if (node.kind == Formula::call) {
      add(node.parts[0], shown + " is missing its " + node.text);
      for (const Sibling& s : siblings)
        if (node.text == s.name) add(s.of(node), s.why);
    }
    if (node.kind != Formula::product && node.kind != Formula::chain) continue;
    for (std::size_t i = 0; i < node.parts.size(); ++i) {
      Formula left = node;
      left.parts.erase(left.parts.begin() + std::ptrdiff_t(i));
      const bool divided = node.kind == Formula::product && node.signs[i] == '/';
      if (node.kind == Formula::product) {
        left.signs.erase(i, 1);
        if (left.signs[0] == '/') continue;
      }
      if (left.parts.size() == 1) left = Formula(left.parts[0]);
      add(left, (divided ? "the division by " : "the factor ") + node.parts[i].str() + " is missing");
    }
  }
  return r;
}

class Search {
 public:
  Search(const Exercise& e, const Part& part, std::span<const Evidence> evidence)
      : part_(part), evidence_(evidence), fits_everywhere_(evidence.size() == e.cases.size()) {
    for (const Evidence& e : evidence) {
      residual_ += sum_of_squares(e.yours, e.right);
      elements_ += e.yours.numel();
    }
  }

  std::optional<Explanation> run() {
    const Hypothesis right{Formula(part_.formula), {}, ""};
    const std::vector<Hypothesis> known = known_mistakes(), single = steps(right, *evidence_[0].of, part_.name);
    if (auto r = zero()) return r;
    if (auto r = first(known)) return r;
    if (auto r = one_coefficient(right)) return r;
    if (auto r = first(single)) return r;
    if (auto r = first(pairs())) return r;
    if (auto r = two_coefficients(right)) return r;
    for (const Hypothesis& h : known)
      if (auto r = one_coefficient(h)) return r;
    for (const Hypothesis& h : known)
      if (auto r = first(steps(h, *evidence_[0].of, part_.name))) return r;
    for (const Hypothesis& h : single)
      if (auto r = one_coefficient(h, nonzero)) return r;
    return in_general();
  }

 private:
  const Part& part_;
  std::span<const Evidence> evidence_;
  bool fits_everywhere_;  // it gave something in all cases
  double residual_ = 0;   // squared, of all cases; infinite if shapes differ
  int64_t elements_ = 0;

  static double sum_of_squares(const Tensor& a, const Tensor& b) {
    if (a.shape() != b.shape()) return std::numeric_limits<double>::infinity();
    return sum(square(a - b)).item();
  }
  static std::optional<Tensor> value(const Formula& f, const Case& c) {
    try {
      return f.value(c.values);
    } catch (const Error&) {  // it has no value: shapes do not fit
      return std::nullopt;
    }
  }
  // Is it what the learner's function gave?
  bool holds_in(const Evidence& e, const Formula& f) const {
    const std::optional<Tensor> x = value(f, *e.of);
    return x && x->shape() == e.yours.shape() && max_difference(*x, e.yours) <= 1e-9 * largest(*x) &&
           sum_of_squares(*x, e.yours) <= 1e-6 * residual_;
  }
  bool holds(const Formula& f) const {
    return std::all_of(evidence_.begin(), evidence_.end(), [&](const Evidence& e) { return holds_in(e, f); });
  }

  // in_each: the formulas, if they differ from case to case
  Explanation said(const Hypothesis& h, const std::vector<Formula>& in_each = {}) const {
    double left = 0;
    for (std::size_t i = 0; i < evidence_.size(); ++i)
      left += sum_of_squares(*value(in_each.empty() ? h.formula : in_each[i], *evidence_[i].of), evidence_[i].yours);
    char share[60] = "";
    if (std::isfinite(residual_))
      std::snprintf(share, sizeof share, " (explains %.1f %% of the residual)",
                    100 * (1 - std::sqrt(left / residual_)));
    const std::string fits = fits_everywhere_ ? "" : ", where its shapes fit";
    const std::string equals = in_each.empty() ? " equals " + h.formula.str() + fits : "";
    return {h.mistakes, "your " + part_.name + equals + ": " + h.why + share};
  }
  std::optional<Explanation> first(const std::vector<Hypothesis>& all) const {
    for (const Hypothesis& h : all)
      if (holds(h.formula)) return said(h);
    return std::nullopt;
  }

  std::optional<Explanation> zero() const {
    for (const Evidence& e : evidence_)
      if (e.yours.shape() != e.right.shape() || largest(e.yours) > 0) return std::nullopt;
    std::string text = "your " + part_.name + " is zero. X(i, j) = .. would set nothing, as X(i, j) is a value";
    if (part_.formula.find('/') != std::string::npos) text += "; 1 / X.size(1) divides whole numbers, which gives 0";
    return Explanation{{}, text};
  }

  std::vector<Hypothesis> known_mistakes() const {
    std::vector<Hypothesis> r;
    for (const Mistake& m : part_.mistakes)
      r.push_back({Formula(replaced(part_.formula, m.find, m.instead)), {&m}, m.why});
    return r;
  }
  std::vector<Hypothesis> pairs() const {
    std::vector<Hypothesis> r;
    for (const Mistake& a : part_.mistakes)
      for (const Mistake& b : part_.mistakes) {
        if (&a == &b || a.find.empty() || b.find.empty()) continue;
        const std::string both = replaced(replaced(part_.formula, a.find, a.instead), b.find, b.instead);
        if (!both.empty()) r.push_back({Formula(both), {&a, &b}, and_then(a.why, b.why)});
      }
    return r;
  }

  // ---- coefficients: the formula is taken as linear in them, and then computed with what was found
  struct Term {
    std::size_t number;  // among the addends
    std::string text;
  };
  static std::vector<Term> terms(Formula f) {
    std::vector<Term> r;
    for (Formula* a : addends(f)) r.push_back({r.size(), a->str()});
    return r;
  }
  std::optional<Tensor> slope(const Hypothesis& h, std::size_t term, const Evidence& e) const {
    Formula with = h.formula, without = h.formula;
    addends(without)[term]->weight = 0;
    const auto a = value(with, *e.of), b = value(without, *e.of);
    if (!a || !b || a->shape() != e.yours.shape() || b->shape() != a->shape()) return std::nullopt;
    return *a - *b;
  }
  // y - value(h) = (c - 1) slope, by least squares: c in each case.
  enum Allowed { any, nonzero };
  std::optional<Explanation> one_coefficient(const Hypothesis& h, Allowed allowed = any) const {
    if (elements_ < 3) return std::nullopt;  // any two numbers are explained by two
    for (const Term& t : terms(h.formula)) {
      std::vector<double> c;
      for (const Evidence& e : evidence_) {
        const auto s = slope(h, t.number, e);
        const double norm = s ? sum(square(*s)).item() : 0;
        if (norm == 0) break;
        c.push_back(1 + sum((e.yours - *value(h.formula, *e.of)) * *s).item() / norm);
      }
      if (c.size() < evidence_.size()) continue;
      const auto [text, each, number_for] = named(c);
      if (!each.empty() && each[0] == 0 && (allowed == nonzero || t.number == 0)) continue;
      std::vector<Formula> in_each;
      for (std::size_t i = 0; i < each.size() && holds_in(evidence_[i], weighted(h, {{t.number, each[i]}}).formula);
           ++i)
        in_each.push_back(weighted(h, {{t.number, each[i]}}).formula);
      if (in_each.size() < c.size()) continue;
      Hypothesis found = h;
      found.formula = in_each[0];
      found.why = and_then(h.why, number_for.empty() ? coefficient(h, t, each[0], text)
                                                     : "a number stands where " + number_for + " should");
      const bool constant = std::equal(each.begin() + 1, each.end(), each.begin());
      return constant ? said(found) : said(found, in_each);
    }
    return std::nullopt;
  }
  std::optional<Explanation> two_coefficients(const Hypothesis& h) const {
    const std::vector<Term> all = terms(h.formula);
    for (const Term& a : all)
      for (const Term& b : all) {
        if (b.number <= a.number) continue;
        double aa = 0, ab = 0, bb = 0, ya = 0, yb = 0;
        bool fits = true;
        for (const Evidence& e : evidence_) {
          const auto s = slope(h, a.number, e), t = slope(h, b.number, e);
          if (!(fits = s && t)) break;
          const Tensor y = e.yours - *value(h.formula, *e.of);
          aa += sum(*s * *s).item(), ab += sum(*s * *t).item(), bb += sum(*t * *t).item();
          ya += sum(y * *s).item(), yb += sum(y * *t).item();
        }
        const double det = aa * bb - ab * ab;
        if (!fits || !(det > 1e-9 * aa * bb)) continue;
        const double ca = tidy(1 + (ya * bb - yb * ab) / det), cb = tidy(1 + (yb * aa - ya * ab) / det);
        Hypothesis found = weighted(h, {{a.number, ca}, {b.number, cb}});
        if (!holds(found.formula)) continue;
        found.why = and_then(coefficient(h, a, ca, short_text(ca)), coefficient(h, b, cb, short_text(cb)));
        return said(found);
      }
    return std::nullopt;
  }

  static double tidy(double c) {  // a number that people write
    for (const double by : {1.0, 2.0, 3.0, 10.0, 60.0})
      if (std::abs(c * by - std::round(c * by)) < 1e-9) return std::round(c * by) / by;
    return c;
  }
  // The coefficients of the cases: one number, or what depends on a size.
  struct Named {
    std::string text = {};
    std::vector<double> of_each = {};
    std::string number_for = {};  // what depends on a size, where it is right for the first case alone
  };
  Named named(const std::vector<double>& c) const {
    const auto all = [&](auto of) {
      std::vector<double> r;
      for (std::size_t i = 0; i < c.size(); ++i) {
        r.push_back(of(i));
        if (!(std::abs(c[i] - r.back()) <= 1e-9 * std::abs(r.back()) + 1e-12)) return std::vector<double>();
      }
      return r;
    };
    if (auto each = all([&](std::size_t) { return tidy(c[0]); }); !each.empty()) return {short_text(each[0]), each};
    struct Way {
      const char *before, *after;
      double (*of)(double n);
    };
    static constexpr Way ways[] = {{"", "", [](double n) { return n; }},
                                   {"1 / ", "", [](double n) { return 1 / n; }},
                                   {"sqrt(", ")", [](double n) { return std::sqrt(n); }},
                                   {"1 / sqrt(", ")", [](double n) { return 1 / std::sqrt(n); }}};
    for (const std::string& size : evidence_[0].of->sizes)
      for (const Way& way : ways) {
        const auto value = [&](std::size_t i) { return way.of(evidence_[i].of->values.at(size).item()); };
        if (auto each = all(value); !each.empty()) return {way.before + size + way.after, each};
        if (auto each = all([&](std::size_t i) { return value(i) / value(0); }); !each.empty())
          return {"", each, (way.of(4) == 2 || way.of(4) == 0.5 ? "sqrt(" + size + ")" : size)};
      }
    return {};
  }
  static std::string coefficient(const Hypothesis& h, const Term& t, double c, const std::string& text) {
    const std::string what = t.number ? "the term " + t.text : h.mistakes.empty() ? "it" : "all of that";
    if (c == 0) return what + " is missing";
    if (c == -1) return what + " has the wrong sign";
    return what +
           (t.number || !h.mistakes.empty() ? " is there " + text + " times" : " is " + text + " times the right one");
  }
  static Hypothesis weighted(const Hypothesis& h, const std::vector<std::pair<std::size_t, double>>& weights) {
    Hypothesis r = h;
    const std::vector<Formula*> all = addends(r.formula);
    for (const auto& [term, weight] : weights) all[term]->weight = weight;
    return r;
  }

  // ---- what can be told of any gradient, if it is the same in every case
  std::optional<Explanation> in_general() const {
    std::optional<Diagnosis> all;
    bool balanced = true, unbalanced = true;
    for (const Evidence& e : evidence_) {
      if (e.yours.shape() != e.right.shape()) return std::nullopt;
      if (largest(e.right) < 1e-10) continue;  // rounding alone
      const Diagnosis d = diagnosed(e);
      if (all && (d.kind != all->kind || without_sizes(d.text) != without_sizes(all->text))) all = Diagnosis{};
      if (!all) all = d;
      balanced = balanced && rows_sum_to_zero(e.right), unbalanced = unbalanced && !rows_sum_to_zero(e.yours);
    }
    if (!all) return std::nullopt;
    if (all->kind != Diagnosis::none && all->kind != Diagnosis::missing_term)  // all terms have been tried
      return Explanation{{}, "your " + part_.name + " is " + all->text};
    if (balanced && unbalanced)
      return Explanation{
          {}, "your " + part_.name + ": each row of the right " + part_.name + " sums to 0, those of yours do not"};
    return std::nullopt;
  }
  Diagnosis diagnosed(const Evidence& e) const {
    const std::vector<double> yours = e.yours.to_vector(), right = e.right.to_vector(),
                              bound(right.size(), 1e-13 * largest(e.right));
    std::vector<KnownGradient> known;
    for (const auto& [name, x] : e.of->values)
      if (name.starts_with("d") && name.size() > 1 && name != part_.name)
        known.push_back({name.substr(1), x.shape(), x.to_vector()});
    return diagnose({part_.name, e.right.shape(), yours, right, bound}, known);
  }
  static std::string without_sizes(std::string text) {  // "the first of 4 along": the cases differ in size
    for (std::size_t at = 0; (at = text.find(" of ", at)) != std::string::npos; at += 4) {
      const std::size_t from = at + 4;
      text.erase(from, std::min(text.find_first_not_of("0123456789", from), text.size()) - from);
    }
    return text;
  }
  static bool rows_sum_to_zero(const Tensor& x) {
    return x.dim() > 0 && x.size(-1) > 1 && largest(sum(x, -1)) <= 1e-8 * largest(x);
  }
};

}  // namespace

std::optional<Explanation> explain(const Exercise& e, const Part& part, std::span<const Evidence> evidence) {
  for (const Evidence& given : evidence)
    for (const double v : given.yours.to_vector())
      if (!std::isfinite(v)) return std::nullopt;
  if (evidence.empty()) return std::nullopt;
  return Search(e, part, evidence).run();
}

}  // namespace heed::lessons
