#include "op_checks.h"
#include <heed/core/parallel.h>
#include <heed/core/verdict.h>
#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include "worst.h"

namespace heed {
namespace {

using Many = std::vector<Tensor>;

#ifdef HEED_SANITIZED
constexpr bool sanitized = true;  // ten to thirty times slower
#else
constexpr bool sanitized = false;
#endif

// All shapes of a row but the large ones.
std::vector<std::vector<Shape>> all_shapes(const OpRow& row) {
  std::vector<std::vector<Shape>> r{shapes_of(row)};
  r.insert(r.end(), row.also.begin(), row.also.end());
  return r;
}
std::string text(const std::vector<Shape>& shapes) {
  std::string s;
  for (const Shape& x : shapes) s += x.str();
  return s;
}

Many tracked(const Many& x) {
  Many r;
  for (const Tensor& t : x) r.push_back(floating(t.dtype()) ? t.requires_grad() : t);
  return r;
}
Many floating_ones(const Many& x) {
  Many r;
  for (const Tensor& t : x)
    if (floating(t.dtype())) r.push_back(t);
  return r;
}
Tensor noise(const Tensor& like, uint64_t key) {
  Rng rng{key};
  return randn(like.shape(), rng, like.dtype());
}

// ---- a row, its gradient, the gradient of that, each as a function of tensors
// level 0: y = f(x); level 1: gradients of x for output gradients that follow x among the arguments; level 2: likewise.
struct Derivative {
  const OpRow& row;
  int level;

  Many operator()(const Many& x, bool recorded) const {
    const Recording on(true);
    return at(level, x, recorded);
  }
  // x, then output gradients for every level.
  Many arguments(Many x) const {
    for (int l = 0; l < level; ++l)
      for (const Tensor& y : floating_ones(Derivative{row, l}(tracked(x), true))) x.push_back(noise(y, 500 + x.size()));
    return x;
  }

 private:
  Many at(int l, const Many& x, bool recorded) const {
    if (l == 0) return row.f(x);
    const std::size_t n = arguments_below(l, x);
    const Many inner(x.begin(), x.begin() + std::ptrdiff_t(n)), y = at(l - 1, inner, true);
    Many gy;
    for (const Tensor& t : y) gy.push_back(floating(t.dtype()) ? x[n + floating_ones(gy).size()] : Tensor());
    return vjp(y, gy, floating_ones(inner), recorded);
  }
  std::size_t arguments_below(int l, const Many& x) const {
    std::size_t n = row.inputs.size();
    for (int k = 0; k + 1 < l; ++k) {
      const Many inner(x.begin(), x.begin() + std::ptrdiff_t(n));
      n += floating_ones(at(k, inner, true)).size();
    }
    return n;
  }
};

// The row with what it means in place of the op, if it says that.
OpRow meant(const OpRow& row) {
  OpRow r = row;
  if (row.meaning.call) r.f = row.meaning;
  return r;
}
Many by_definition(const Derivative& f, const Many& x) {
  const DefinitionsOnly here;
  return f(tracked(x), false);
}

// What rounding may do to f(x), element by element, in units of the machine's epsilon: running error analysis of the
// definition. Every value v on the way, from the inputs to the result, may be off by epsilon |v|, so y by the sum of
// |dy/dv| |v|. Kernels are allowed 16 times that.
constexpr double allowed = 16;
Many rounding_scale(const Derivative& f, const Many& x) {
  const Many in = tracked(x);
  Many steps = floating_ones(in), y;
  {
    const DefinitionsOnly here;
    const Observe watch([&](const Event& e) {
      if (e.backward) return;
      for (const Tensor& t : e.outputs)
        if (t.tracked()) steps.push_back(t);
    });
    y = f(in, true);
  }
  std::vector<std::vector<double>> values;
  for (const Tensor& v : steps) values.push_back(v.to_vector());
  Many scale;
  for (const Tensor& t : y) {
    std::vector<double> s = t.to_vector();
    for (std::size_t i = 0; i < s.size(); ++i) {
      s[i] = std::abs(s[i]);
      if (!t.tracked()) continue;
      Array one_hot = filled(t.shape(), 0, f64);
      one_hot.mutable_data<double>()[i] = 1;
      const Many g = vjp(t, Tensor(one_hot), steps);
      for (std::size_t k = 0; k < g.size(); ++k) {
        const std::vector<double> slope = g[k].to_vector();
        for (std::size_t j = 0; j < slope.size(); ++j)
          if (slope[j] != 0) s[i] += std::abs(slope[j] * values[k][j]);  // a masked value may be infinite
      }
    }
    scale.push_back(tensor(s, t.shape(), f64));
  }
  return scale;
}

// |y - exact| <= 16 epsilon scale, everywhere.
void check_close(const Many& y, const Many& exact, const Many& scale, Dtype t, const std::string& what, Wrong wrong) {
  const double epsilon = t == f32 ? std::numeric_limits<float>::epsilon() : std::numeric_limits<double>::epsilon();
  const double least = t == f32 ? std::numeric_limits<float>::min() : std::numeric_limits<double>::min();
  if (y.size() != exact.size()) return wrong(what + std::to_string(y.size()) + " outputs");
  for (std::size_t k = 0; k < y.size(); ++k) {
    const std::string output = what + "output " + std::to_string(k);
    if (y[k].shape() != exact[k].shape()) return wrong(output + " is " + y[k].shape().str());
    const std::vector<double> p = y[k].to_vector(), q = exact[k].to_vector(), s = scale[k].to_vector();
    double worst = 0;
    for (std::size_t i = 0; i < p.size(); ++i) {
      if (p[i] == q[i]) continue;
      worst = worse(worst, std::abs(p[i] - q[i]) / (epsilon * s[i] + least));
    }
    if (worst > allowed) wrong(output + " is off by " + std::to_string(worst) + " epsilon");
  }
}

Many cast_all(const Many& x, Dtype t) {
  Many r;
  for (const Tensor& v : x) r.push_back(v.defined() && floating(v.dtype()) ? Tensor(v.array().cast(t)) : v);
  return r;
}

// Kernels in double and in float, and rules, against definitions in double. x is float.
void compare_kernels(const OpRow& row, const Many& x, int most, const std::string& what, Wrong wrong) {
  const OpRow defined = meant(row);
  for (int level = 0; level <= std::min(row.order, most); ++level) {
    const Derivative f{row, level}, g{defined, level};
    const Many in = f.arguments(x), wide = cast_all(in, f64), scale = rounding_scale(g, wide),
               exact = by_definition(g, wide);
    for (Dtype t : {f64, f32}) {
      const std::string where = what + "derivative " + std::to_string(level) + " in " + name(t) + ", ";
      const Many kernel = f(tracked(t == f32 ? in : wide), false);
      for (const Tensor& y : kernel)
        if (y.dtype() != t && floating(y.dtype())) wrong(where + "an output is " + name(y.dtype()));
      check_close(kernel, exact, scale, t, where, wrong);
      if (level > 0) check_close(f(tracked(t == f32 ? in : wide), true), exact, scale, t, where + "recorded, ", wrong);
    }
  }
}

// ---- the same values, stored otherwise
Tensor transposed(const Tensor& x) {
  std::array<int, max_rank> reversed{};
  for (int d = 0; d < x.dim(); ++d) reversed[std::size_t(d)] = x.dim() - 1 - d;
  const std::span<const int> dims(reversed.data(), std::size_t(x.dim()));
  return Tensor(x.array().permuted(dims).contiguous().permuted(dims));
}
Tensor sliced(const Tensor& x) {
  if (x.dim() == 0) return x;
  Array y = filled(x.shape().with(-1, 2 * x.size(-1) + 1), 1, x.dtype()).sliced(x.dim() - 1, 1, x.size(-1), 2);
  copy_into(y, x.array());
  return Tensor(y);
}
Tensor expanded(const Tensor& x, int dim) {  // its first slice, everywhere
  if (x.dim() == 0 || x.size(dim) == 0) return x;
  return Tensor(x.array().sliced(dim < 0 ? dim + x.dim() : dim, 0, 1).expanded(x.shape()));
}

Tensor as_heads(const Tensor& x) {  // of a packed projection: the first two dimensions the other way round, with gaps
  if (x.dim() < 2 || x.dim() == max_rank) return x;
  Shape packed{x.size(1), 2, x.size(0)};
  for (int d = 2; d < x.dim(); ++d) packed.push_back(x.size(d));
  Array y = filled(packed, 1, x.dtype()).sliced(1, 1, 1).reshaped(packed.without(1)).transposed(0, 1);
  copy_into(y, x.array());
  return Tensor(y);
}

// What the nodes between y and x keep alive: numbers of inputs, y, and + for anything else.
std::string remembered(const Many& y, const Many& x) {
  std::set<const Node*> seen;
  std::vector<const Node*> open;
  auto visit = [&](const Tensor& t) {
    if (t.tracked() && seen.insert(t.edge().node.get()).second) open.push_back(t.edge().node.get());
  };
  for (const Tensor& t : y) visit(t);
  std::set<std::size_t> inputs;
  bool other = false;
  while (!open.empty()) {
    const Node* n = open.back();
    open.pop_back();
    for (const Slot& s : n->parents()) {
      visit(s.tensor);
      const Array& a = s.tensor.array();
      if (!a.storage() || a.numel() <= 1) continue;  // not kept, or a number
      bool found = false;
      for (std::size_t i = 0; i < x.size(); ++i)
        if (a.storage() == x[i].array().storage()) found = true, inputs.insert(i);
      for (const Tensor& t : y) found = found || a.storage() == t.array().storage();
      other = other || !found;
    }
  }
  // Whether an output is kept shows when it is overwritten.
  bool output = false;
  Many gy;
  for (const Tensor& t : y) gy.push_back(floating(t.dtype()) ? ones_like(t) : Tensor());
  for (const Tensor& t : y) {
    if (!t.array().storage() ||
        std::any_of(x.begin(), x.end(), [&](const Tensor& v) { return v.array().storage() == t.array().storage(); }))
      continue;
    assign(t.detach(), zeros_like(t));
    try {
      vjp(y, gy, floating_ones(x));
    } catch (const GradError&) {
      output = true;
    }
  }
  std::string s;
  for (std::size_t i : inputs) s += (s.empty() ? "" : " ") + std::to_string(i);
  if (output) s += s.empty() ? "y" : " y";
  if (other) s += s.empty() ? "+" : " +";
  return s;
}

// ---- the checks
void check_gradients(const OpRow& row, Wrong wrong) {
  for (const GradcheckReport& r : gradcheck_row(row))
    if (!certified(r)) wrong(r.str());
}

void check_kernels(const OpRow& row, Wrong wrong) {
  for (const std::vector<Shape>& shapes : all_shapes(row))
    compare_kernels(row, make_inputs(row, shapes, f32), 2, text(shapes), wrong);
}

void check_views(const OpRow& row, Wrong wrong) {
  using Store = Tensor (*)(const Tensor&);
  for (Store store :
       {Store(transposed), Store(sliced), Store(as_heads), Store([](const Tensor& x) { return expanded(x, 0); }),
        Store([](const Tensor& x) { return expanded(x, -1); })})
    for (const std::vector<Shape>& shapes : all_shapes(row))
      for (int level = 0; level <= std::min(row.order, 1); ++level) {
        const Derivative f{row, level};
        Many stored, values;
        for (const Tensor& x : f.arguments(make_inputs(row, shapes, f64))) {
          stored.push_back(store(x));
          values.push_back(Tensor(stored.back().array().contiguous()));
        }
        const Many exact = f(tracked(values), false), scale = rounding_scale(f, values);
        const std::string what = text(shapes) + "derivative " + std::to_string(level) + ", ";
        check_close(f(tracked(stored), false), exact, scale, f64, what, wrong);
        for (std::size_t i = 0; i < values.size(); ++i) {
          Many one = values;
          one[i] = stored[i];
          check_close(f(tracked(one), false), exact, scale, f64, what + "argument " + std::to_string(i) + " alone, ",
                      wrong);
        }
      }
}

// Of an elementwise op, in long double.
Tensor values_of(const OpRow& row, const Many& x) {
  const std::vector<double> a = x[0].to_vector(), b = x.back().to_vector();
  std::vector<double> r(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) r[i] = double(row.value(a[i], b[i]));
  return tensor(r, x[0].shape(), f64);
}

void check_lengths(const OpRow& row, Wrong wrong) {
  if (row.shortest < 0) return;
  for (int64_t n = row.shortest; n <= 67; ++n) {
    const bool edge = n <= 17 || n % 16 <= 1 || n % 16 == 15 || n == 67;  // of vectors and their unrolled loops
    if (sanitized && !edge) continue;
    const std::string what = "length " + std::to_string(n) + ", ";
    const std::vector<Shape> shapes = with_length(row, n);
    const Many x = make_inputs(row, shapes, f32);
    compare_kernels(row, x, 1, what, wrong);
    if (row.value) {
      const Derivative f{row, 0};
      const Many wide = cast_all(x, f64), scale = rounding_scale(f, wide), exact{values_of(row, wide)};
      check_close(f(wide, false), exact, scale, f64, what, wrong);
      check_close(f(x, false), exact, scale, f32, what, wrong);
    }
    if (row.order && edge)
      if (const GradcheckReport r = gradcheck(row.f.call, make_inputs(row, shapes, f64)); !r) wrong(what + r.str());
  }
}

void check_threads(const OpRow& row, Wrong wrong) {
  if (row.large.empty()) return;
  const int before = num_threads();
  for (Dtype t : {f32, f64})
    for (int level = 0; level <= std::min(row.order, 1); ++level)
      for (bool recorded : {false, true}) {
        const Derivative f{row, level};
        const Many x = f.arguments(make_inputs(row, row.large, t));
        set_num_threads(1);
        const Many one = f(tracked(x), recorded);
        set_num_threads(4);
        const Many many = f(tracked(x), recorded);
        for (std::size_t k = 0; k < one.size(); ++k)
          if (!equal(one[k], many[k])) wrong("derivative " + std::to_string(level) + " in " + name(t));
      }
  set_num_threads(before);
}

// Everywhere within 4096 epsilon of the largest value: what goes wrong at large shapes goes wrong for whole blocks, and
// long recurrences lose three digits.
void check_near(const Many& y, const Many& exact, Dtype t, const std::string& what, Wrong wrong) {
  const double epsilon = t == f32 ? std::numeric_limits<float>::epsilon() : std::numeric_limits<double>::epsilon();
  for (std::size_t k = 0; k < y.size(); ++k) {
    const std::vector<double> p = y[k].to_vector(), q = exact[k].to_vector();
    double largest = 0;
    for (double v : q)
      if (floating(y[k].dtype()) && std::isfinite(v)) largest = std::max(largest, std::abs(v));
    for (std::size_t i = 0; i < p.size(); ++i)
      if (p[i] != q[i] && !(std::abs(p[i] - q[i]) <= 4096 * epsilon * largest)) {
        wrong(what + "output " + std::to_string(k) + " at " + std::to_string(i) + ": " + std::to_string(p[i]) +
              ", not " + std::to_string(q[i]));
        break;
      }
  }
}

// A random sum of the outputs, moved along a random direction of all inputs, against its slope there and the bound on
// that, which corners beside x may widen.
void check_along(const OpRow& row, const Many& x, Wrong wrong) {
  const Derivative f{row, 1};
  const Many arguments = f.arguments(x), gradient = f(tracked(arguments), false);
  auto dot = [](const Tensor& a, const Tensor& b) { return sum(a * b).item(); };
  Many u;
  double analytic = 0, squares = 0;
  for (const Tensor& v : floating_ones(x)) {
    const std::size_t i = u.size();
    u.push_back(noise(v, 900 + i));
    const Tensor terms = gradient[i] * u[i];
    analytic += sum(terms).item();
    squares += dot(terms, terms);
  }
  const checking::Variable h{"h", tensor(0.0, f64)};
  auto moved = [&] {
    Many at = x;
    auto next = u.begin();
    for (Tensor& v : at)
      if (floating(v.dtype())) v = v + h.tensor * *next++;
    double r = 0;
    std::size_t k = x.size();
    for (const Tensor& y : floating_ones(row.f(at))) r += dot(arguments[k++], y);
    return Many{tensor(r, f64)};
  };
  const Many one{tensor(1.0, f64)};
  const checking::Slope slope = checking::Function(moved, {&h, 1}, one, one, 1).slope(h.values(), analytic);
  const double size = std::sqrt(squares);
  GradcheckReport::Finding r;
  checking::judge(r, analytic, slope, {.own = size, .largest = size}, false);
  if (r.verdict == GradcheckReport::fail || (r.verdict == GradcheckReport::inconclusive && r.bound > 1e-4 * size))
    wrong("along a direction: " + std::to_string(analytic) + ", not " + std::to_string(r.numeric) + ": " + r.note);
}

// Shapes that are shared out over threads.
void check_large(const OpRow& row, Wrong wrong) {
  if (row.large.empty()) return;
  const Many x = make_inputs(row, row.large, f32);
  const OpRow defined = meant(row);
  for (int level = 0; level <= std::min(row.order, 1); ++level) {
    const Derivative f{row, level};
    const Many in = f.arguments(x), wide = cast_all(in, f64),
               exact = row.value && level == 0 ? Many{values_of(row, wide)} : by_definition({defined, level}, wide);
    for (Dtype t : {f64, f32})
      for (int recorded = 0; recorded <= level; ++recorded)
        check_near(f(tracked(t == f32 ? in : wide), recorded), exact, t,
                   "derivative " + std::to_string(level) + " in " + name(t) + ", ", wrong);
  }
  if (row.order) check_along(row, cast_all(x, f64), wrong);
}

// The gradient of each input when no other is asked for.
void check_alone(const OpRow& row, Wrong wrong) {
  if (row.order == 0) return;
  for (const std::vector<Shape>& shapes : all_shapes(row)) {
    const Many x = make_inputs(row, shapes, f64);
    if (floating_ones(x).size() < 2) continue;
    auto gradients = [&](const Many& in) {
      const Many y = row.f(in);
      Many gy;
      for (const Tensor& t : y) gy.push_back(floating(t.dtype()) ? noise(t, 500 + gy.size()) : Tensor());
      Many asked;
      for (const Tensor& t : in)
        if (t.tracked()) asked.push_back(t);
      return vjp(y, gy, asked);
    };
    const Many all = gradients(tracked(x));
    std::size_t k = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (!floating(x[i].dtype())) continue;
      Many in = x;
      in[i] = x[i].requires_grad();
      if (!equal(gradients(in)[0], all[k++])) wrong(text(shapes) + "input " + std::to_string(i));
    }
  }
}

void check_remembered(const OpRow& row, Wrong wrong) {
  if (row.order == 0) return;
  const Many x = tracked(make_inputs(row, shapes_of(row), f64)), y = row.f(x);
  if (const std::string r = remembered(y, x); r != row.remembers) wrong("remembers " + r + ", not " + row.remembers);
}

}  // namespace

std::span<const OpCheck> op_checks() {
  static constexpr OpCheck all[] = {
      {"gradients are certified, of first and second order", check_gradients},
      {"kernels agree with definitions, and float with double", check_kernels},
      {"views give what their values give", check_views},
      {"every length of the last dimension", check_lengths},
      {"the same bits from one thread and from many", check_threads},
      {"large shapes, against values or definitions, and along a direction", check_large},
      {"each gradient alone is what it is among all", check_alone},
      {"a graph remembers what its row says, and nothing else", check_remembered},
  };
  return all;
}

}  // namespace heed
