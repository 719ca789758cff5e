// Gradients of random cases: ranks, sizes 0 and 1, broadcasting, strided, expanded and overlapping views, f(x, x),
// repeated indices, masked rows, huge logits, denormal numbers. A case that fails is made as small as it can be and
// printed as a test.
#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include "common.h"

using namespace heed;

namespace {

using Many = std::vector<Tensor>;

// How an operand is stored: a view of the variable that is differentiated.
enum class Layout { plain, permuted, sliced, expanded, overlapping, alias };
enum class Kind { normal, zero, large, denormal };  // large: 1e4 times normal

struct Family;
struct Operand {
  Layout layout = Layout::plain;
  Kind values = Kind::normal;
  uint64_t broadcast = 0;  // bit d: dimension d from the back is 1
};
struct Case {
  const Family* family;
  Shape full;  // what the operands' shapes follow from
  int dim;     // where the op wants one
  uint64_t seed;
  std::vector<Operand> operands;
};

struct Family {
  std::string name;
  int operands;
  int least_rank;
  std::vector<Shape> (*shapes)(const Shape& full);
  Tensor (*f)(const Many& x, const Case& c);
  std::string (*code)(const Case& c);
  bool broadcasts = false;
  bool positive = false;   // operands above 0.5
  bool small = false;      // large ones overflow, or the terms of its gradient cancel
  int order = 2;           // 1: it has corners, where the gradient jumps
  bool needs_one = false;  // along the dimension it works over
};

// ---- a case as tensors, and as C++
Shape shape_of(const Case& c, std::size_t i) {
  Shape s = c.family->shapes(c.full)[i];
  for (int d = 0; d < s.rank(); ++d)
    if (c.operands[i].broadcast >> (s.rank() - 1 - d) & 1) s = s.with(d, 1);
  return s;
}
// The shape of the variable that operand i is a view of.
Shape base_of(const Case& c, std::size_t i) {
  const Shape s = shape_of(c, i);
  switch (c.operands[i].layout) {
    case Layout::permuted: {
      std::vector<int64_t> reversed(s.begin(), s.end());
      std::reverse(reversed.begin(), reversed.end());
      return Shape(reversed);
    }
    case Layout::sliced:
      return s.with(-1, 2 * s[-1] + 1);
    case Layout::expanded:
      return s.with(0, 1);
    case Layout::overlapping:
      return s.without(s.rank() - 1).with(-1, s[-2] + s[-1] - 1);
    default:
      return s;
  }
}
std::vector<int> reversed_dims(int rank) {
  std::vector<int> dims;
  for (int d = rank - 1; d >= 0; --d) dims.push_back(d);
  return dims;
}
Tensor view_of(const Tensor& base, const Case& c, std::size_t i) {
  const Shape s = shape_of(c, i);
  switch (c.operands[i].layout) {
    case Layout::permuted:
      return permute(base, reversed_dims(s.rank()));
    case Layout::sliced:
      return slice(base, -1, 1, 2 * s[-1] + 1, 2);
    case Layout::expanded:
      return expand(base, s);
    case Layout::overlapping:
      return unfold(base, -1, s[-1], 1);
    default:
      return base;
  }
}
std::string name_of(const Case& c, std::size_t i) {
  return "x" + std::to_string(c.operands[i].layout == Layout::alias ? 0 : i);
}
std::string view_code(const Case& c, std::size_t i) {
  const Shape s = shape_of(c, i);
  const std::string x = name_of(c, i);
  switch (c.operands[i].layout) {
    case Layout::permuted: {
      std::string dims;
      for (int d : reversed_dims(s.rank())) dims += (dims.empty() ? "" : ", ") + std::to_string(d);
      return "permute(" + x + ", {" + dims + "})";
    }
    case Layout::sliced:
      return "slice(" + x + ", -1, 1, " + std::to_string(2 * s[-1] + 1) + ", 2)";
    case Layout::expanded:
      return "expand(" + x + ", " + s.str() + ")";
    case Layout::overlapping:
      return "unfold(" + x + ", -1, " + std::to_string(s[-1]) + ", 1)";
    default:
      return x;
  }
}
std::string braces(std::string text) {  // shapes are printed [2, 3]
  for (char& b : text) b = b == '[' ? '{' : b == ']' ? '}' : b;
  return text;
}

Tensor values_of(const Case& c, std::size_t i) {
  const Tensor x = noise(base_of(c, i), c.seed + i);
  switch (c.operands[i].values) {
    case Kind::zero:
      return c.family->positive ? x * x + 0.5 : x * 0;
    case Kind::large:
      return c.family->positive ? x * x * 1e4 + 0.5 : x * 1e4;
    case Kind::denormal:
      return c.family->positive ? x * x + 0.5 : x * 1e-310;
    default:
      return c.family->positive ? x * x + 0.5 : x;
  }
}
std::string values_code(const Case& c, std::size_t i) {
  const std::string x = "noise(" + base_of(c, i).str() + ", " + std::to_string(c.seed + i) + ")";
  if (c.family->positive)
    return c.operands[i].values == Kind::large ? "square(" + x + ") * 1e4 + 0.5" : "square(" + x + ") + 0.5";
  switch (c.operands[i].values) {
    case Kind::zero:
      return x + " * 0";
    case Kind::large:
      return x + " * 1e4";
    case Kind::denormal:
      return x + " * 1e-310";
    default:
      return x;
  }
}

Many variables(const Case& c) {
  Many r;
  for (std::size_t i = 0; i < c.operands.size(); ++i)
    if (c.operands[i].layout != Layout::alias) r.push_back(values_of(c, i));
  return r;
}
Many views(const Many& x, const Case& c) {
  Many r;
  std::size_t next = 0;
  for (std::size_t i = 0; i < c.operands.size(); ++i)
    r.push_back(c.operands[i].layout == Layout::alias ? r[0] : view_of(x[next++], c, i));
  return r;
}
Tensor value(const Many& x, const Case& c) { return c.family->f(views(x, c), c); }

std::string as_test(const Case& c) {
  std::string inputs, parameters, body = c.family->code(c);
  std::string s = "TEST_CASE(\"" + c.family->name + ", a case\") {\n";
  for (std::size_t i = 0; i < c.operands.size(); ++i) {
    const std::string x = name_of(c, i), holder = "$" + std::to_string(i);
    for (std::size_t at; (at = body.find(holder)) != std::string::npos;) body.replace(at, 2, view_code(c, i));
    if (c.operands[i].layout == Layout::alias) continue;
    s += "  const Tensor " + x + " = " + values_code(c, i) + ";\n";
    inputs += (inputs.empty() ? "" : ", ") + x;
    parameters += (parameters.empty() ? "const Tensor& " : ", const Tensor& ") + x;
  }
  return braces(s) + "  const GradcheckReport report = gradcheck([&](" + parameters + ") { return " + braces(body) +
         "; }, {" + inputs + "}, {.order = " + std::to_string(c.family->order) +
         "});\n  INFO(report.str());\n  CHECK(report);\n}\n";
}

// ---- what must hold
// What is wrong with a case, if anything.
std::optional<std::string> wrong(const Case& c) {
  try {
    const Many x = variables(c);
    const Tensor y = value(x, c);
    Many plain;
    for (const Tensor& v : views(x, c)) plain.push_back(v.contiguous());
    const double size = y.numel() ? std::max(1.0, max(abs(y)).item()) : 1;
    if (!(max_difference(y, c.family->f(plain, c)) <= 1e-12 * size)) return "views give other values than their copies";
    {
      const DefinitionsOnly here;
      if (!(max_difference(y, value(x, c)) <= 1e-12 * size)) return "kernel and definition differ";
    }
    const GradcheckReport r = gradcheck([&](const Many& v) { return value(v, c); }, x, {.order = c.family->order});
    if (r.total.failed || !r.problems.empty()) return r.str();
    return std::nullopt;
  } catch (const Error& e) {
    return e.what();
  }
}

bool valid(const Case& c) {
  if (c.full.rank() < c.family->least_rank) return false;
  if (c.family->needs_one && (c.full[c.dim] < 1 || c.full[-1] < 1)) return false;
  for (std::size_t i = 0; i < c.operands.size(); ++i) {
    const Operand& o = c.operands[i];
    const Shape s = shape_of(c, i);
    if (o.layout == Layout::alias && (i == 0 || c.operands[0].layout == Layout::alias || shape_of(c, 0) != s))
      return false;
    if ((o.layout == Layout::sliced || o.layout == Layout::expanded) && s.rank() < 1) return false;
    if (o.layout == Layout::overlapping && (s.rank() < 2 || s[-1] < 1 || s[-2] < 1)) return false;
    if (o.values == Kind::large && c.family->small) return false;
  }
  return true;
}

// The smallest case that is still wrong: fewer and smaller dimensions, plainer operands.
Case shrunk(Case c) {
  const auto better = [&](auto&& change) {
    Case smaller = c;
    change(smaller);
    if (!valid(smaller) || !wrong(smaller)) return false;
    c = smaller;
    return true;
  };
  for (bool again = true; again;) {
    again = false;
    for (int d = 0; d < c.full.rank() && !again; ++d) {
      again = better([&](Case& s) {
        s.full = s.full.without(d);
        s.dim = std::min(s.dim, std::max(0, s.full.rank() - 1));
      });
      for (int64_t n : {int64_t(0), int64_t(1), c.full[d] / 2, c.full[d] - 1})
        if (!again && n >= 0 && n < c.full[d]) again = better([&](Case& s) { s.full = s.full.with(d, n); });
    }
    for (std::size_t i = 0; i < c.operands.size() && !again; ++i) {
      Operand& o = c.operands[i];
      if (o.layout != Layout::plain) again = better([&](Case& s) { s.operands[i].layout = Layout::plain; });
      if (!again && o.values != Kind::normal) again = better([&](Case& s) { s.operands[i].values = Kind::normal; });
      if (!again && o.broadcast) again = better([&](Case& s) { s.operands[i].broadcast = 0; });
    }
  }
  return c;
}

Case random_case(const Family& family, Rng& rng) {
  for (;;) {
    Case c{&family, {}, 0, rng.key() % 100000, {}};
    const int64_t rank = family.least_rank + rng.below(4);
    std::vector<int64_t> sizes;
    int64_t all = 1;
    for (int64_t d = 0; d < rank; ++d) {
      const int64_t n = rng.below(8) == 0 ? rng.below(2) : 1 + rng.below(4);
      sizes.push_back(all * std::max<int64_t>(n, 1) > 24 ? 1 : n);
      all *= std::max<int64_t>(sizes.back(), 1);
    }
    c.full = Shape(sizes);
    c.dim = int(rng.below(std::max<int64_t>(rank, 1)));
    for (int i = 0; i < family.operands; ++i) {
      Operand o{Layout(rng.below(6)), rng.below(3) ? Kind::normal : Kind(rng.below(4))};
      if (family.broadcasts && rng.below(2)) o.broadcast = rng.key() & 15u;
      c.operands.push_back(o);
    }
    if (valid(c)) return c;
  }
}

// ---- the ops
std::vector<Shape> one(const Shape& full) { return {full}; }
std::vector<Shape> two(const Shape& full) { return {full, full}; }
std::vector<Shape> three(const Shape& full) { return {full, full, full}; }
std::vector<Shape> product(const Shape& full) {  // [.., n, m, k]: [.., n, k] and [.., k, m]
  const Shape pages = full.without(full.rank() - 1).without(full.rank() - 2).without(full.rank() - 3);
  auto page = [&](int64_t n, int64_t m) {
    Shape s = pages;
    s.push_back(n), s.push_back(m);
    return s;
  };
  return {page(full[-3], full[-1]), page(full[-1], full[-2])};
}
std::vector<Shape> attention(const Shape& full) {  // [.., T, S, D]
  const Shape q = product(full)[0], k = q.with(-2, full[-2]);
  return {q, k, k};
}

// Indices below n, some of them equal.
Tensor indices(const Shape& shape, int64_t n, uint64_t seed) {
  Rng rng{seed};
  return randint(0, std::max<int64_t>(n, 1), shape, rng);
}
// Half of it true; rows 0, 3, 6, .. have none.
Tensor some(const Shape& shape, uint64_t seed) {
  Rng rng{seed};
  return (rand(shape, rng) < 0.5) & (remainder(reshape(arange(shape[-2]), {shape[-2], 1}), 3) > 0);
}
std::string dim_of(const Case& c) { return std::to_string(c.dim); }
std::string seed_of(const Case& c) { return std::to_string(c.seed); }

#define HEED_UNARY(op)                                                                                             \
  Family {                                                                                                         \
#op, 1, 0, one,                                                                                                \
        [](const Many& x, const Case&) { return op(x[0]); }, [](const Case&) -> std::string { return #op "($0)"; } \
  }
#define HEED_OVER_DIM(op)                                                                                            \
  Family {                                                                                                           \
#op, 1, 1, one,                                                                                                  \
        [](const Many& x,                                                                                            \
           const Case& c) { return op(x[0], c.dim); }, [](const Case& c)                                             \
                                                            -> std::string { return #op "($0, " + dim_of(c) + ")"; } \
  }

const std::vector<Family>& families() {
  static const std::vector<Family> all{
      {"exp", 1, 0, one, [](const Many& x, const Case&) { return exp(x[0]); },
       [](const Case&) -> std::string { return "exp($0)"; }, false, false, true},
      HEED_UNARY(tanh),
      HEED_UNARY(gelu),
      HEED_UNARY(silu),
      HEED_UNARY(softplus),
      HEED_UNARY(sin),
      {"log", 1, 0, one, [](const Many& x, const Case&) { return log(x[0]); },
       [](const Case&) -> std::string { return "log($0)"; }, false, true},
      {"add", 2, 0, two, [](const Many& x, const Case&) { return x[0] + x[1]; },
       [](const Case&) -> std::string { return "$0 + $1"; }, true},
      {"mul", 2, 0, two, [](const Many& x, const Case&) { return x[0] * x[1]; },
       [](const Case&) -> std::string { return "$0 * $1"; }, true},
      {"div", 2, 0, two, [](const Many& x, const Case&) { return x[0] / x[1]; },
       [](const Case&) -> std::string { return "$0 / $1"; }, true, true},
      {"pow", 2, 0, two, [](const Many& x, const Case&) { return pow(x[0], x[1] / (1 + x[1])); },
       [](const Case&) -> std::string { return "pow($0, $1 / (1 + $1))"; }, true, true},
      {"maximum", 2, 0, two, [](const Many& x, const Case&) { return maximum(x[0], x[1]); },
       [](const Case&) -> std::string { return "maximum($0, $1)"; }, true, false, false, 1},
      {"lerp", 3, 0, three, [](const Many& x, const Case&) { return lerp(x[0], x[1], x[2]); },
       [](const Case&) -> std::string { return "lerp($0, $1, $2)"; }, true, false, true},
      HEED_OVER_DIM(sum),
      {"max", 1, 1, one, [](const Many& x, const Case& c) { return max(x[0], c.dim); },
       [](const Case& c) -> std::string { return "max($0, " + dim_of(c) + ")"; }, false, false, false, 1, true},
      {"logsumexp", 1, 1, one, [](const Many& x, const Case& c) { return logsumexp(x[0], c.dim); },
       [](const Case& c) -> std::string { return "logsumexp($0, " + dim_of(c) + ")"; }, false, false, true, 2, true},
      HEED_OVER_DIM(softmax),
      HEED_OVER_DIM(log_softmax),
      HEED_OVER_DIM(cumsum),
      HEED_OVER_DIM(prod),
      HEED_OVER_DIM(flip),
      {"layer_norm", 1, 1, one, [](const Many& x, const Case&) { return layer_norm(x[0]); },
       [](const Case&) -> std::string { return "layer_norm($0)"; }, false, false, false, 2, true},
      {"concat", 2, 1, two,
       [](const Many& x, const Case& c) {
         return concat({x[0], x[1], x[0]}, c.dim);
       },
       [](const Case& c) -> std::string { return "concat([$0, $1, $0], " + dim_of(c) + ")"; }},
      {"matmul", 2, 3, product, [](const Many& x, const Case&) { return matmul(x[0], x[1]); },
       [](const Case&) -> std::string { return "matmul($0, $1)"; }},
      {"gather", 1, 1, one,
       [](const Many& x, const Case& c) {
         const Shape s = x[0].shape().with(c.dim, x[0].size(c.dim) ? 3 : 0);
         return gather(x[0], c.dim, indices(s, x[0].size(c.dim), c.seed));
       },
       [](const Case& c) -> std::string {
         const int64_t n = c.full[c.dim];
         return "gather($0, " + dim_of(c) + ", indices(" + c.full.with(c.dim, n ? 3 : 0).str() + ", " +
                std::to_string(n) + ", " + seed_of(c) + "))";
       }},
      {"index_select", 1, 1, one,
       [](const Many& x, const Case& c) {
         const int64_t n = x[0].size(c.dim);
         return index_select(x[0], c.dim, indices({n ? 4 : 0}, n, c.seed));
       },
       [](const Case& c) -> std::string {
         const int64_t n = c.full[c.dim];
         return "index_select($0, " + dim_of(c) + ", indices(" + Shape{n ? 4 : 0}.str() + ", " + std::to_string(n) +
                ", " + seed_of(c) + "))";
       }},
      {"scatter_add", 2, 1, two,
       [](const Many& x, const Case& c) {
         return scatter_add(x[0], c.dim, indices(x[1].shape(), x[0].size(c.dim), c.seed), x[1]);
       },
       [](const Case& c) -> std::string {
         return "scatter_add($0, " + dim_of(c) + ", indices(" + c.full.str() + ", " + std::to_string(c.full[c.dim]) +
                ", " + seed_of(c) + "), $1)";
       }},
      {"masked_softmax", 1, 2, one,
       [](const Many& x, const Case& c) { return masked_softmax(x[0], some(x[0].shape(), c.seed)); },
       [](const Case& c) -> std::string {
         return "masked_softmax($0, some(" + c.full.str() + ", " + seed_of(c) + "))";
       }},
      {"sparsemax", 1, 2, one, [](const Many& x, const Case& c) { return sparsemax(x[0], some(x[0].shape(), c.seed)); },
       [](const Case& c) -> std::string { return "sparsemax($0, some(" + c.full.str() + ", " + seed_of(c) + "))"; },
       false, false, false, 1},
      {"scaled_dot_product_attention", 3, 3, attention,
       [](const Many& x, const Case& c) {
         return scaled_dot_product_attention(x[0], x[1], x[2],
                                             {.mask = some(x[0].shape().with(-1, x[1].size(-2)), c.seed)});
       },
       [](const Case& c) -> std::string {
         return "scaled_dot_product_attention($0, $1, $2, [.mask = some(" +
                attention(c.full)[0].with(-1, c.full[-2]).str() + ", " + seed_of(c) + ")])";
       }},
  };
  return all;
}

// A rule that forgets its last row, from three rows on: what shrinking must arrive at.
struct Forgetful {
  static constexpr auto name = "forgetful";
  Array forward(const Array& x) const { return (Tensor(x) * Tensor(x)).array(); }
  Tensor d0(Grad g, Input<0> x) const {
    const Tensor d = g * 2 * x;
    return d.size(0) < 3 ? d : concat({slice(d, 0, 0, -1), zeros_like(slice(d, 0, -1))}, 0);
  }
};

}  // namespace

TEST_CASE("random cases have right gradients, whatever their operands look like", "[property]") {
  Rng rng{20261121};
  for (const Family& family : families())
    for (int n = 0; n < 40; ++n) {
      const Case c = random_case(family, rng);
      if (!wrong(c)) continue;
      const Case least = shrunk(c);
      FAIL_CHECK(as_test(least) << *wrong(least));
    }
}

TEST_CASE("a case that fails is shrunk to the least one and printed as a test", "[property]") {
  const Family broken{"forgetful",
                      1,
                      1,
                      one,
                      [](const Many& x, const Case&) { return apply(Where::here(), Forgetful{}, x[0]); },
                      [](const Case&) -> std::string { return "forgetful($0)"; }};
  const Case c{&broken, {4, 2, 3}, 1, 7, {{Layout::permuted, Kind::large}}};
  REQUIRE(wrong(c));
  const Case least = shrunk(c);
  CHECK(least.full == Shape{3});
  CHECK(least.operands[0].layout == Layout::plain);
  CHECK(as_test(least) ==
        "TEST_CASE(\"forgetful, a case\") {\n"
        "  const Tensor x0 = noise({3}, 7);\n"
        "  const GradcheckReport report = gradcheck([&](const Tensor& x0) { return forgetful(x0); }, {x0}, {.order = "
        "2});\n"
        "  INFO(report.str());\n"
        "  CHECK(report);\n"
        "}\n");
  const Case strided{&families()[8], {2, 3}, 0, 5, {{Layout::sliced, Kind::zero}, {Layout::alias}}};  // mul
  CHECK(contains(as_test(strided), "  const Tensor x0 = noise({2, 7}, 5) * 0;\n"));
  CHECK(contains(as_test(strided), "return slice(x0, -1, 1, 7, 2) * x0; }, {x0}"));
}
