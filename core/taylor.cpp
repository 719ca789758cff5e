#include "taylor.h"
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

namespace heed {
namespace {

using Many = std::vector<Tensor>;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

double dot(const Tensor& a, std::span<const double> b) {
  const std::vector<double> v = a.to_vector();
  long double r = 0;
  for (std::size_t i = 0; i < b.size(); ++i) r += static_cast<long double>(v[i]) * b[i];
  return double(r);
}

// f along the line x + h v, its outputs contracted
class Line {
 public:
  Line(detail::Checked f, const Many& inputs, const Parameters& parameters, uint64_t seed, Where at)
      : f_(f), at_(at), leaves_(inputs, parameters, {}, "taylor_test", at) {
    double square = 0;
    for (std::size_t i = 0; i < variables_.size(); ++i) {
      from_.push_back(variables_[i].to_vector());
      v_.emplace_back(from_[i].size());
      for (std::size_t k = 0; k < v_[i].size(); ++k) {
        v_[i][k] = gaussian(scramble(seed, i), k);
        square += v_[i][k] * v_[i][k];
      }
    }
    for (std::vector<double>& v : v_)
      for (double& e : v) e /= std::sqrt(square);

    y_ = evaluate();
    for (const Tensor& y : y_) {
      const bool wanted = y.defined() && floating(y.dtype());
      if (wanted && y.dtype() != f64)
        fail<DtypeError>(at, "taylor_test",
                         "output " + std::to_string(gy_.size()) + " is " + name(y.dtype()) +
                             " though all inputs are f64: its remainder is rounding");
      const uint64_t key = scramble(~seed, gy_.size());
      std::vector<double> w;
      for (int64_t k = 0; wanted && k < y.numel(); ++k) w.push_back(gaussian(key, uint64_t(k)));
      gy_.push_back(wanted ? tensor(w, y.shape(), f64) : Tensor());
      if (wanted) base_.push_back(y.to_vector()), weights_.push_back(std::move(w));
    }
    if (weights_.empty()) fail<GradError>(at, "taylor_test", "the function gives no floating tensor");
  }

  void differentiate(bool twice) {
    if (std::none_of(y_.begin(), y_.end(), [](const Tensor& y) { return y.tracked(); })) return;  // g = 0
    g_ = vjp(y_, gy_, variables_, twice, at_);
    if (!twice || std::none_of(g_.begin(), g_.end(), [](const Tensor& g) { return g.tracked(); })) return;  // H = 0
    Many v;
    for (std::size_t i = 0; i < variables_.size(); ++i) v.push_back(tensor(v_[i], variables_[i].shape(), f64));
    const Many hv = vjp(g_, v, variables_, false, at_);
    for (std::size_t i = 0; i < hv.size(); ++i) curvature_ += dot(hv[i], v_[i]);
  }

  // f(x + h v) - f(x), and without its linear, then its quadratic part. The step that is really taken is what rounding
  // makes of h v, and the gradient is multiplied by that.
  struct Remainders {
    double difference, first, second;
  };
  Remainders at(double h) {
    long double linear = 0, difference = 0;
    std::vector<double> step;
    for (std::size_t i = 0; i < variables_.size(); ++i) {
      double* x = Array(variables_[i].array()).mutable_data<double>();
      step.assign(from_[i].size(), 0);
      for (std::size_t k = 0; k < step.size(); ++k) {
        x[k] = from_[i][k] + h * v_[i][k];
        step[k] = x[k] - from_[i][k];
      }
      if (!g_.empty()) linear += dot(g_[i], step);
    }
    std::size_t next = 0;
    const Unrecorded here;
    for (const Tensor& y : evaluate()) {
      if (!y.defined() || !floating(y.dtype())) continue;
      const std::vector<double> now = y.to_vector();
      if (now.size() != weights_[next].size())
        fail<ShapeError>(at_, "taylor_test", "the shapes of the outputs depend on the values of the inputs");
      for (std::size_t k = 0; k < now.size(); ++k)
        difference += static_cast<long double>(weights_[next][k]) * (now[k] - base_[next][k]);
      ++next;
    }
    for (std::size_t i = 0; i < variables_.size(); ++i)
      std::copy(from_[i].begin(), from_[i].end(), Array(variables_[i].array()).mutable_data<double>());
    return {double(difference), double(difference - linear), double(difference - linear) - h * h / 2 * curvature_};
  }

  // Fourth differences of f close to x, where those of a smooth f have vanished, on one side of a corner at x.
  double noise() {
    double least = std::numeric_limits<double>::infinity();
    for (double side : {1.0, -1.0}) {
      double most = 0;
      for (double h : {1e-6, 1e-7, 1e-8, 1e-9}) {
        std::array<double, 8> f{};
        for (std::size_t m = 0; m < f.size(); ++m) f[m] = at(side * h * double(m + 1)).difference;
        for (std::size_t m = 0; m + 4 < f.size(); ++m)
          most = std::max(most, std::abs(f[m] - 4 * f[m + 1] + 6 * f[m + 2] - 4 * f[m + 3] + f[m + 4]));
      }
      least = std::min(least, most / std::sqrt(70.0));
    }
    double rounding = 0;  // of sums of what has the size of the outputs
    for (std::size_t i = 0; i < weights_.size(); ++i)
      for (std::size_t k = 0; k < weights_[i].size(); ++k) rounding += std::pow(weights_[i][k] * base_[i][k], 2);
    return std::max(least, 0x1p-54 * std::sqrt(rounding));
  }
  double slope() const {  // g.v
    double r = 0;
    for (std::size_t i = 0; i < g_.size(); ++i) r += dot(g_[i], v_[i]);
    return r;
  }

 private:
  Many evaluate() const { return f_(leaves_.inputs); }

  detail::Checked f_;
  Where at_;
  detail::Leaves leaves_;
  const Many& variables_ = leaves_.variables;
  Many y_, gy_, g_;
  std::vector<std::vector<double>> from_, v_, base_, weights_;
  double curvature_ = 0;  // v.H v
};

struct Side {  // both sides of x, by order
  std::array<double, 2> right, left;
};

double slope_between(double h0, double r0, double h1, double r1) { return std::log(r0 / r1) / std::log(h0 / h1); }

// Least squares through log r over log h, of rows first .. last.
double fitted(std::span<const TaylorReport::Row> rows, std::size_t order) {
  double n = double(rows.size()), x = 0, y = 0, xx = 0, xy = 0;
  for (const TaylorReport::Row& r : rows) {
    const double a = std::log(r.h), b = std::log(r.remainder[order]);
    x += a, y += b, xx += a * a, xy += a * b;
  }
  return (n * xy - x * y) / (n * xx - x * x);
}

constexpr std::size_t per_decade = 4;

TaylorReport::Order judged(const TaylorReport& report, std::span<const Side> sides, std::size_t order, double gv) {
  TaylorReport::Order r;
  const std::vector<TaylorReport::Row>& rows = report.rows;
  const double expected = double(order) + 2;
  auto clear = [&](std::size_t i) { return rows[i].remainder[order] > 20 * report.noise; };
  std::size_t end = rows.size();  // the smallest steps leave nothing but rounding
  while (end && !clear(end - 1)) --end;

  std::size_t begin = end;  // of the steps that show one slope
  auto near = [&](double slope, double to) { return std::abs(slope - to) <= 0.25; };
  while (begin >= 3 && near(rows[begin - 2].slope[order], expected)) --begin;
  if (begin < end) --begin;  // the slope at the second is that between the first and the third
  auto use = [&](std::size_t from) {
    r.high = rows[from].h;
    r.low = rows[end - 1].h;
    r.decades = std::log10(r.high / r.low);
    r.slope = fitted(std::span(rows).subspan(from, end - from), order);
  };
  if (end <= per_decade) {
    const bool straight = end == 0 && report.noise <= 1e-9 * rows[0].h * std::abs(gv);
    r.verdict = straight ? TaylorReport::pass : TaylorReport::inconclusive;
    r.note = std::string("nothing is left but rounding") +
             (straight ? ": f is straight along v" : ", which hides what there may be");
    return r;
  }
  if (end - begin > 3 * per_decade) {
    use(begin);
    r.verdict = std::abs(r.slope - expected) <= 0.1 ? TaylorReport::pass : TaylorReport::inconclusive;
    return r;
  }
  use(end - per_decade - 1);
  if (r.slope > expected - 0.5) {
    r.note = "fewer than three decades lie between rounding and where the next orders begin";
    return r;
  }
  // What is left is of this order or a lower one. A wrong derivative is wrong alike to both sides, a corner is not.
  auto apart = [&](std::size_t i) {
    const double sign = order == 0 ? 1 : -1;
    return std::abs(sides[i].right[order] + sign * sides[i].left[order]) > 0.3 * rows[i].remainder[order];
  };
  const bool one_sided = apart(end - 1) && apart(end - 1 - per_decade);
  r.verdict = one_sided ? TaylorReport::kink : TaylorReport::fail;
  r.note = one_sided    ? "x sits at a kink: f goes another way to the right than to the left"
           : order == 0 ? "the gradient is wrong"
                        : "the second derivative is wrong";
  return r;
}

TaylorReport along_one(detail::Checked f, const Many& inputs, const Parameters& parameters, int order, uint64_t seed,
                       Where at) {
  Line line(f, inputs, parameters, seed, at);
  line.differentiate(order > 1);
  TaylorReport report;
  report.at = at;
  report.seed = seed;
  report.noise = line.noise();
  std::vector<Side> sides;
  for (int i = 0; i <= 14 * int(per_decade); ++i) {
    const double h = 10 * std::pow(10.0, -double(i) / double(per_decade));
    const Line::Remainders right = line.at(h), left = line.at(-h);
    sides.push_back({{right.first, right.second}, {left.first, left.second}});
    report.rows.push_back(
        {h,
         {(std::abs(right.first) + std::abs(left.first)) / 2, (std::abs(right.second) + std::abs(left.second)) / 2},
         {nan, nan}});
  }
  for (std::size_t i = 1; i + 1 < report.rows.size(); ++i)
    for (std::size_t k = 0; k < 2; ++k)
      report.rows[i].slope[k] = slope_between(report.rows[i - 1].h, report.rows[i - 1].remainder[k],
                                              report.rows[i + 1].h, report.rows[i + 1].remainder[k]);
  for (std::size_t k = 0; k < std::size_t(order); ++k) {
    const bool built_on_wrong = k && report.orders[0].verdict == TaylorReport::fail;
    report.orders.push_back(built_on_wrong ? report.orders[0] : judged(report, sides, k, line.slope()));
  }
  return report;
}

}  // namespace

namespace detail {

TaylorReport taylor_test(Checked f, const Many& inputs, const Parameters& parameters, const TaylorOptions& options,
                         Where at) {
  check_order("taylor_test", options.order, at);
  Recording on(true);
  TaylorReport report;
  for (uint64_t direction = 0; direction < 8; ++direction) {
    report = along_one(f, inputs, parameters, options.order, options.seed + direction, at);
    if (std::none_of(report.orders.begin(), report.orders.end(),
                     [](const TaylorReport::Order& o) { return o.verdict == TaylorReport::inconclusive; }))
      break;
  }
  return report;
}

}  // namespace detail

TaylorReport::operator bool() const {
  return std::all_of(orders.begin(), orders.end(), [](const Order& o) { return o.verdict == pass; });
}

std::string TaylorReport::str() const {
  static constexpr const char* names[] = {"PASS", "KINK", "INCONCLUSIVE", "FAIL"};
  char line[300];
  std::string s = std::string("taylor_test ") + (*this ? "passed" : "FAILED") + " (" + at.str() + ")\n";
  for (std::size_t k = 0; k < orders.size(); ++k) {
    const Order& o = orders[k];
    std::snprintf(line, sizeof line, "  order %d: %s", int(k) + 1, names[o.verdict]);
    s += line;
    if (o.slope != 0) {
      std::snprintf(line, sizeof line, ", slope %.3f over %.2f decades of h, from %.1e to %.1e", o.slope, o.decades,
                    o.low, o.high);
      s += line;
    }
    s += (o.note.empty() ? "" : ": " + o.note) + "\n";
  }
  std::snprintf(line, sizeof line, "  rounding adds %.1e to f; direction from seed %llu\n", noise,
                static_cast<unsigned long long>(seed));
  s += line;
  s += "       h  without g.v  slope" + std::string(orders.size() > 1 ? "  without v.Hv  slope\n" : "\n");
  for (std::size_t i = 0; i < rows.size(); i += 2) {
    const Row& r = rows[i];
    std::snprintf(line, sizeof line, "%8.1e  %11.3e  %5.2f", r.h, r.remainder[0], r.slope[0]);
    s += line;
    if (orders.size() > 1) {
      std::snprintf(line, sizeof line, "  %13.3e  %5.2f", r.remainder[1], r.slope[1]);
      s += line;
    }
    s += "\n";
  }
  return s;
}

}  // namespace heed
