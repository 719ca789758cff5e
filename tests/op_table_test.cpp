#include "op_table.h"
#include <heed/core/parallel.h>
#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <set>
#include <sstream>
#include "catch.h"

using namespace heed;

namespace {

using Many = std::vector<Tensor>;

#ifdef HEED_SANITIZED
constexpr bool sanitized = true;  // ten to thirty times slower
#else
constexpr bool sanitized = false;
#endif

template <class F>
void for_each_row(F f) {
  for (const OpRow& row : op_table()) {
    INFO(row.title());
    try {
      f(row);
    } catch (const Error& e) {
      FAIL_CHECK(row.title() << " threw " << e.what());
    }
  }
}

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
        for (std::size_t j = 0; j < slope.size(); ++j) s[i] += std::abs(slope[j] * values[k][j]);
      }
    }
    scale.push_back(tensor(s, t.shape(), f64));
  }
  return scale;
}

// |y - exact| <= 16 epsilon scale, everywhere.
void check_close(const Many& y, const Many& exact, const Many& scale, Dtype t) {
  const double epsilon = t == f32 ? std::numeric_limits<float>::epsilon() : std::numeric_limits<double>::epsilon();
  const double least = t == f32 ? std::numeric_limits<float>::min() : std::numeric_limits<double>::min();
  REQUIRE(y.size() == exact.size());
  for (std::size_t k = 0; k < y.size(); ++k) {
    REQUIRE(y[k].shape() == exact[k].shape());
    const std::vector<double> p = y[k].to_vector(), q = exact[k].to_vector(), s = scale[k].to_vector();
    double worst = 0;
    for (std::size_t i = 0; i < p.size(); ++i)
      if (p[i] != q[i]) worst = std::max(worst, std::abs(p[i] - q[i]) / (epsilon * s[i] + least));
    INFO("output " << k << ": off by " << worst << " epsilon");
    CHECK(worst <= allowed);
  }
}

Many cast_all(const Many& x, Dtype t) {
  Many r;
  for (const Tensor& v : x) r.push_back(v.defined() && floating(v.dtype()) ? Tensor(v.array().cast(t)) : v);
  return r;
}

// Kernels in double and in float, and rules, against definitions in double. x is float.
void check_kernels(const OpRow& row, const Many& x, int most) {
  for (int level = 0; level <= std::min(row.order, most); ++level) {
    const Derivative f{row, level};
    const Many in = f.arguments(x), wide = cast_all(in, f64), scale = rounding_scale(f, wide);
    Many exact;
    {
      const DefinitionsOnly here;
      exact = f(tracked(wide), false);
    }
    for (Dtype t : {f64, f32}) {
      INFO("derivative " << level << " in " << name(t));
      const Many kernel = f(tracked(t == f32 ? in : wide), false);
      for (const Tensor& y : kernel) CHECK((y.dtype() == t || !floating(y.dtype())));
      check_close(kernel, exact, scale, t);
      if (level > 0) check_close(f(tracked(t == f32 ? in : wide), true), exact, scale, t);
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

// ---- ops.h as it is written
struct Declarations {
  std::set<std::string> ops;
  std::map<std::string, std::set<std::string>> defaults;  // of an op: its defaulted parameters, and fields of options
};

std::string op_name(std::string declared, const std::string& parameters) {
  static const std::map<std::string, std::string> operators{{"operator+", "add"},
                                                            {"operator*", "mul"},
                                                            {"operator/", "div"},
                                                            {"operator<", "less"},
                                                            {"operator>", "greater"},
                                                            {"operator<=", "less_equal"},
                                                            {"operator>=", "greater_equal"},
                                                            {"operator==", "equal"},
                                                            {"operator!=", "not_equal"},
                                                            {"operator&", "logical_and"},
                                                            {"operator|", "logical_or"},
                                                            {"operator^", "logical_xor"},
                                                            {"operator~", "logical_not"}};
  if (declared == "operator-") return parameters.find(',') == std::string::npos ? "neg" : "sub";
  const auto found = operators.find(declared);
  return found == operators.end() ? declared : found->second;
}

// The names of what has a default among "int dim = -1, bool keepdim = false".
std::vector<std::string> defaulted(const std::string& list, char separator) {
  std::vector<std::string> r;
  std::istringstream parts(list);
  for (std::string part; std::getline(parts, part, separator);) {
    const std::size_t equals = part.find(" = ");
    if (equals == std::string::npos || part.find("Where at") != std::string::npos ||
        part.find(" options = ") != std::string::npos)
      continue;
    const std::size_t begin = part.rfind(' ', equals - 1) + 1;
    r.push_back(part.substr(begin, equals - begin));
  }
  return r;
}

Declarations read_declarations() {
  std::ifstream file(HEED_SOURCE_DIR "/ops/ops.h");
  REQUIRE(file);
  Declarations r;
  std::map<std::string, std::vector<std::string>> fields;  // of structs
  std::set<std::string> results{"Tensor", "std::vector<Tensor>"};
  std::string structure;
  for (std::string line; std::getline(file, line);) {
    line = line.substr(0, line.find("//"));
    if (line.rfind("struct ", 0) == 0) {
      structure = line.substr(7, line.find_first_of(" {", 7) - 7);
      results.insert(structure);
    } else if (line.rfind("};", 0) == 0) {
      structure.clear();
    } else if (structure.find("Options") != std::string::npos) {
      for (const std::string& name : defaulted(line, ';')) fields[structure].push_back(name);
    }
    const std::size_t space = line.find(' '), open = line.find('('), close = line.rfind(')');
    if (!structure.empty() || open == std::string::npos || space > open || !results.count(line.substr(0, space)))
      continue;
    const std::string parameters = line.substr(open + 1, close - open - 1);
    const std::string name = op_name(line.substr(space + 1, open - space - 1), parameters);
    r.ops.insert(name);
    for (const std::string& p : defaulted(parameters, ',')) r.defaults[name].insert(p);
    for (const auto& [type, names] : fields)
      if (parameters.find(type) != std::string::npos) r.defaults[name].insert(names.begin(), names.end());
  }
  return r;
}

}  // namespace

TEST_CASE("every op of ops.h has a row, and every default is set otherwise in one", "[ops]") {
  const Declarations declared = read_declarations();
  CHECK(declared.ops.size() >= 85);
  CHECK(declared.defaults.at("scaled_dot_product_attention").count("dropout") == 1);
  CHECK(declared.defaults.at("max").count("keepdim") == 1);
  std::map<std::string, std::set<std::string>> set;
  for (const OpRow& row : op_table()) {
    std::istringstream names(row.sets);
    set[row.name];
    for (std::string name; names >> name;) {
      INFO(row.title() << " sets " << name);
      CHECK(declared.defaults.at(row.name).count(name) == 1);
      set[row.name].insert(name);
    }
  }
  for (const std::string& op : declared.ops) {
    INFO(op << " has no row in op_rows_*.cpp");
    CHECK(set.count(op) == 1);
  }
  for (const auto& [op, names] : declared.defaults)
    for (const std::string& name : names) {
      INFO("no row of " << op << " sets " << name);
      CHECK(set[op].count(name) == 1);
    }
  for (const std::string& op : declared.ops) {
    INFO(op << " has no row with large shapes");
    CHECK(std::any_of(op_table().begin(), op_table().end(),
                      [&](const OpRow& row) { return row.name == op && !row.large.empty(); }));
  }
}

TEST_CASE("gradients of every op are certified, of first and second order", "[ops]") {
  for_each_row([](const OpRow& row) {
    for (const GradcheckReport& r : gradcheck_row(row)) {
      INFO(r.str());
      CHECK(certified(r));
    }
  });
}

TEST_CASE("kernels agree with definitions, and float with double", "[ops]") {
  for_each_row([](const OpRow& row) {
    for (const std::vector<Shape>& shapes : all_shapes(row)) {
      INFO("shapes " << text(shapes));
      check_kernels(row, make_inputs(row, shapes, f32), 2);
    }
  });
}

TEST_CASE("views give what their values give", "[ops]") {
  using Store = Tensor (*)(const Tensor&);
  for (Store store : {Store(transposed), Store(sliced), Store([](const Tensor& x) { return expanded(x, 0); }),
                      Store([](const Tensor& x) { return expanded(x, -1); })})
    for_each_row([&](const OpRow& row) {
      for (const std::vector<Shape>& shapes : all_shapes(row)) {
        INFO("shapes " << text(shapes));
        for (int level = 0; level <= std::min(row.order, 1); ++level) {
          INFO("derivative " << level);
          const Derivative f{row, level};
          Many stored, values;
          for (const Tensor& x : f.arguments(make_inputs(row, shapes, f64))) {
            stored.push_back(store(x));
            values.push_back(Tensor(stored.back().array().contiguous()));
          }
          check_close(f(tracked(stored), false), f(tracked(values), false), rounding_scale(f, values), f64);
        }
      }
    });
}

TEST_CASE("every length of the last dimension", "[ops]") {
  for_each_row([](const OpRow& row) {
    if (row.shortest < 0) return;
    for (int64_t n = row.shortest; n <= 67; ++n) {
      INFO("length " << n);
      const bool edge = n <= 17 || n % 16 <= 1 || n % 16 == 15 || n == 67;  // of vectors and their unrolled loops
      if (sanitized && !edge) continue;
      const std::vector<Shape> shapes = with_length(row, n);
      const Many x = make_inputs(row, shapes, f32);
      check_kernels(row, x, 1);
      if (row.value) {
        const std::vector<double> a = x[0].to_vector(), b = x.back().to_vector();
        std::vector<double> exact(a.size());
        for (std::size_t i = 0; i < a.size(); ++i) exact[i] = double(row.value(a[i], b[i]));
        const Derivative f{row, 0};
        const Many wide = cast_all(x, f64), scale = rounding_scale(f, wide);
        check_close(f(wide, false), {tensor(exact, shapes[0], f64)}, scale, f64);
        check_close(f(x, false), {tensor(exact, shapes[0], f64)}, scale, f32);
      }
      if (row.order && edge) CHECK(gradcheck(row.f.call, make_inputs(row, shapes, f64)));
    }
  });
}

TEST_CASE("the same bits from one thread and from many", "[ops]") {
  const int before = num_threads();
  for_each_row([](const OpRow& row) {
    if (row.large.empty()) return;
    for (Dtype t : {f32, f64})
      for (int level = 0; level <= std::min(row.order, 1); ++level)
        for (bool recorded : {false, true}) {
          const Derivative f{row, level};
          const Many x = f.arguments(make_inputs(row, row.large, t));
          set_num_threads(1);
          const Many one = f(tracked(x), recorded);
          set_num_threads(4);
          const Many many = f(tracked(x), recorded);
          INFO("derivative " << level << " in " << name(t));
          for (std::size_t k = 0; k < one.size(); ++k) CHECK(equal(one[k], many[k]));
        }
  });
  set_num_threads(before);
}

namespace {

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

}  // namespace

TEST_CASE("a graph remembers what its row says, and nothing else", "[ops]") {
  for_each_row([](const OpRow& row) {
    if (row.order == 0) return;
    const Many x = tracked(make_inputs(row, shapes_of(row), f64)), y = row.f(x);
    CHECK(remembered(y, x) == row.remembers);
  });
}
