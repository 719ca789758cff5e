#include "diagnosis.h"
#include <algorithm>
#include <cmath>
#include <cstdio>
#include "plus.h"

namespace heed {
namespace {

using Values = std::vector<double>;

Array array_of(std::span<const double> v, const Shape& s) {
  Array a(s, f64);
  std::copy(v.begin(), v.end(), a.mutable_data<double>());
  return a;
}
Values values_of(const Array& a) { return Tensor(a).to_vector(); }
double largest(std::span<const double> v) {
  double r = 0;
  for (double e : v) r = std::max(r, std::abs(e));
  return r;
}
std::string dimension(int d) { return "dimension " + std::to_string(d); }

struct Lines {  // the elements along a dimension
  int64_t size, stride;
  Lines(const Shape& s, int d) : size(s[d]), stride(contiguous_strides(s)[std::size_t(d)]) {}
  int64_t place(std::size_t i) const { return int64_t(i) / stride % size; }
  std::size_t first(std::size_t i) const { return i - std::size_t(place(i) * stride); }  // of i's line
};
bool even(std::span<const double> v, const Shape& shape, int d) {
  const Lines l(shape, d);
  const double most = 1e-8 * largest(v);
  for (std::size_t i = 0; i < v.size(); ++i)
    if (std::abs(v[i] - v[l.first(i)]) > most) return false;
  return l.size > 1;
}
bool sums_to_zero(std::span<const double> v, const Shape& shape, int d) {
  const Lines l(shape, d);
  Values sum(v.size());
  for (std::size_t i = 0; i < v.size(); ++i) sum[l.first(i)] += v[i];
  return l.size > 1 && largest(sum) <= 1e-8 * largest(v);
}

class Case {
 public:
  Case(const WrongGradient& w, std::span<const KnownGradient> known)
      : w_(w), known_(known), scale_(largest(w.numeric)) {
    for (std::size_t i = 0; i < w.analytic.size(); ++i) {
      if (!counts(i)) continue;
      ++counted_;
      const double error = std::abs(w.analytic[i] - w.numeric[i]);
      if (error > 4 * w.bound[i]) wrong_ = std::max(wrong_, error);
    }
  }

  Diagnosis diagnose() const {
    if (counted_ < 2 || wrong_ == 0 || !std::isfinite(wrong_)) return {};
    for (auto hypothesis : {&Case::zero, &Case::times, &Case::other_dim<even>, &Case::swapped, &Case::moved,
                            &Case::one_part, &Case::other_dim<sums_to_zero>, &Case::term})
      if (Diagnosis d = (this->*hypothesis)(); d.kind != Diagnosis::none) return d;
    return {};
  }

 private:
  const WrongGradient& w_;
  std::span<const KnownGradient> known_;
  double scale_, wrong_ = 0;
  std::size_t counted_ = 0;

  bool counts(std::size_t i) const { return w_.bound[i] <= 1e-6 * scale_; }
  bool right(std::size_t i, double v) const {
    const double error = std::abs(v - w_.numeric[i]);
    return error <= 4 * w_.bound[i] + 1e-9 * scale_ && error <= 1e-3 * wrong_;
  }
  bool explains(const Values& v) const {
    for (std::size_t i = 0; i < v.size(); ++i)
      if (counts(i) && !right(i, v[i])) return false;
    return true;
  }

  Diagnosis zero() const {
    if (largest(w_.analytic) > 0) return {};
    return {Diagnosis::detached, "zero: the path is detached, or its rule returns zero"};
  }

  Diagnosis times() const {
    double over = 0, under = 0;
    for (std::size_t i = 0; i < w_.analytic.size(); ++i)
      if (counts(i)) over += w_.analytic[i] * w_.numeric[i], under += w_.numeric[i] * w_.numeric[i];
    const double c = over / under;
    Values v(w_.analytic.begin(), w_.analytic.end());
    for (double& e : v) e /= c;
    if (c == 0 || !explains(v)) return {};
    if (std::abs(c + 1) <= 1e-9) return {Diagnosis::sign, "the right gradient with the opposite sign"};
    char text[80];
    std::snprintf(text, sizeof text, "%.12g times the right gradient: ", c);
    const std::string factor = named(std::abs(c));
    return {Diagnosis::factor, text + (factor.empty() ? "a constant factor" : (c < 0 ? "minus " : "") + factor)};
  }
  std::string named(double c) const {
    std::vector<std::string> names;
    auto is = [&](double v, const std::string& name) {
      if (std::abs(c / v - 1) <= 1e-8 && std::find(names.begin(), names.end(), name) == names.end())
        names.push_back(name);
    };
    auto is_of = [&](int64_t size, const std::string& what) {
      if (size < 2) return;
      const std::string n = std::to_string(size), of = ", " + n + " being the " + what;
      const double d = double(size);
      is(d, n + of), is(1 / d, "1/" + n + of);
      is(std::sqrt(d), "sqrt(" + n + ")" + of), is(1 / std::sqrt(d), "1/sqrt(" + n + ")" + of);
    };
    auto sizes = [&](const Shape& s, const std::string& name) {
      for (int d = 0; d < s.rank(); ++d) is_of(s[d], "size of " + dimension(d) + " of " + name);
      if (s.rank() > 1) is_of(s.numel(), "number of elements of " + name);
    };
    is(2, "a factor of 2, or a term taken twice"), is(0.5, "1/2");
    sizes(w_.shape, w_.name);
    for (const KnownGradient& k : known_) sizes(k.shape, k.name);
    std::string r;
    for (std::size_t i = 0; i < std::min<std::size_t>(names.size(), 3); ++i) r += (i ? "; or " : "") + names[i];
    return r;
  }

  Diagnosis swapped() const {  // in memory too: what should be [n, m] is laid out as [m, n]
    for (int i = 0; i < w_.shape.rank(); ++i)
      for (int j = i + 1; j < w_.shape.rank(); ++j) {
        Shape laid = w_.shape;
        std::swap(laid[i], laid[j]);
        if (explains(values_of(array_of(w_.analytic, laid).transposed(i, j))))
          return {Diagnosis::transposed,
                  "transposed: right with dimensions " + std::to_string(i) + " and " + std::to_string(j) + " swapped"};
      }
    return {};
  }

  Diagnosis moved() const {
    for (int64_t by : {1, -1, 2, -2})
      for (int d = 0; d < w_.shape.rank(); ++d) {
        const Lines l(w_.shape, d);
        bool fits = l.size >= 2 + std::abs(by);
        std::size_t seen = 0;
        for (std::size_t i = 0; fits && i < w_.analytic.size(); ++i) {
          const int64_t from = l.place(i) + by;
          if (!counts(i) || from < 0 || from >= l.size) continue;  // what came around the end may be lost
          ++seen;
          fits = right(i, w_.analytic[std::size_t(int64_t(i) + by * l.stride)]);
        }
        if (fits && seen > 1)
          return {Diagnosis::shifted, "off by " + std::to_string(std::abs(by)) + ": every element stands " +
                                          std::to_string(std::abs(by)) + (by > 0 ? " too far" : " too early") +
                                          " along " + dimension(d)};
      }
    return {};
  }

  // The input was broadcast to the shape of something known whose sum is right: of some dimensions only the first or
  // last part has arrived.
  Diagnosis one_part() const {
    for (const KnownGradient& k : known_) {
      const int extra = k.shape.rank() - w_.shape.rank();
      std::vector<int> stretched;
      bool fits = extra >= 0;
      for (int d = 0; fits && d < k.shape.rank(); ++d) {
        const int64_t own = d < extra ? 1 : w_.shape[d - extra];
        if (own == 1 && k.shape[d] > 1) stretched.push_back(d);
        else fits = own == k.shape[d] || d < extra;
      }
      const Array whole = array_of(k.values, k.shape);
      if (!fits || stretched.empty() || !explains(values_of(kernels::sum_to(whole, w_.shape)))) continue;
      int ways = 1;
      for (std::size_t i = 0; i < stretched.size(); ++i) ways *= 3;
      for (int way = 1; way < ways; ++way) {  // of each dimension: its sum, its first part, its last part
        Array part = whole;
        std::string text;
        int digits = way;
        for (std::size_t i = 0; i < stretched.size(); ++i, digits /= 3) {
          const int d = stretched[i];
          if (digits % 3 == 0) continue;
          part = part.sliced(d, digits % 3 == 1 ? 0 : k.shape[d] - 1, 1);
          text += (text.empty() ? "" : " and ") + std::string(digits % 3 == 1 ? "the first" : "the last") + " of " +
                  std::to_string(k.shape[d]) + " along " + dimension(d) + " of " + k.name;
        }
        if (as_wrong(values_of(kernels::sum_to(part, w_.shape))))
          return {Diagnosis::broadcast_sum, "not summed over what it was broadcast to: only " + text + " has arrived"};
      }
    }
    return {};
  }
  bool as_wrong(const Values& v) const {  // is it what the gradient is?
    for (std::size_t i = 0; i < v.size(); ++i)
      if (std::abs(v[i] - w_.analytic[i]) > 4 * w_.bound[i] + 1e-9 * scale_) return false;
    return true;
  }

  template <auto has>
  Diagnosis other_dim() const {
    if (counted_ < w_.analytic.size()) return {};
    for (int d = 0; d < w_.shape.rank(); ++d)
      for (int e = 0; e < w_.shape.rank(); ++e)
        if (has(w_.analytic, w_.shape, e) && !has(w_.analytic, w_.shape, d) && has(w_.numeric, w_.shape, d) &&
            !has(w_.numeric, w_.shape, e))
          return {Diagnosis::wrong_dim, std::string("the wrong dim: it ") +
                                            (has == even ? "is the same all along " : "sums to zero along ") +
                                            dimension(e) + ", the right gradient along " + dimension(d)};
    return {};
  }

  Diagnosis term() const {
    for (const KnownGradient& k : known_) {
      if (k.shape != w_.shape) continue;
      for (double sign : {1.0, -1.0}) {
        Values v = k.values;
        for (std::size_t i = 0; i < v.size(); ++i) v[i] = w_.analytic[i] + sign * v[i];
        if (!explains(v)) continue;
        if (sign > 0) return {Diagnosis::missing_term, "a term is missing, which equals the gradient of " + k.name};
        return {Diagnosis::doubled_term,
                "a term is there twice, or should not be, which equals the gradient of " + k.name};
      }
    }
    for (int d = 0; d < w_.shape.rank() && counted_ == w_.analytic.size(); ++d)
      if (sums_to_zero(w_.numeric, w_.shape, d) && !sums_to_zero(w_.analytic, w_.shape, d))
        return {Diagnosis::missing_term,
                "a term is missing, or taken over another dimension: the right gradient sums to zero along " +
                    dimension(d) + ", like softmax's, which takes away p <g, p>, or a norm's, which takes away means"};
    return {};
  }
};

}  // namespace

Diagnosis diagnose(const WrongGradient& wrong, std::span<const KnownGradient> known) {
  return Case(wrong, known).diagnose();
}

}  // namespace heed
