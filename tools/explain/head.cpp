#include "head.h"
#include <cmath>
#include "../../core/differences.h"

namespace heed::explain {

Tensor Head::scores(const Tensor& q, const Tensor& k) const {
  if (!bend.defined()) return Products{.q = q, .k = k, .scale = scale}.scores();
  return linear(tanh(unsqueeze(q, 1) + unsqueeze(k, 0)), unsqueeze(bend, 0))(_, _, 0);
}

Shown run(const Head& head) {
  Shown r;
  r.q = head.q.requires_grad(), r.k = head.k.requires_grad(), r.v = head.v.requires_grad();
  r.s = head.scores(r.q, r.k);
  r.a = head.weights(r.s);
  r.y = matmul(r.a, r.v);
  const std::vector<Tensor> d = vjp(r.y, head.dy, {r.q, r.k, r.v, r.s, r.a});
  r.dq = d[0], r.dk = d[1], r.dv = d[2], r.ds = d[3], r.da = d[4];
  return r;
}

namespace {

// The gradient of sum(y o dy) by x, y = f(x), beside the slopes of that sum along each element of x.
json check(const Tensor& given, const Tensor& analytic, const Tensor& dy, FunctionRef<Tensor(const Tensor&)> f,
           double& least) {
  const checking::Variable x{"x", Tensor(given.array().cast(f64)).requires_grad()};
  auto outputs = [&] { return std::vector{f(x.tensor)}; };
  auto total = [&] {
    const Unrecorded off;
    return sum(f(x.tensor) * dy).item();
  };
  checking::Function function(outputs, {&x, 1}, outputs(), {dy});

  constexpr std::array steps{1e-3, 1e-5};
  std::array<std::vector<double>, 2> central;
  std::vector<double> value, bound, digits;
  const std::vector<double> claimed = analytic.to_vector();
  double largest = 0;
  for (double d : claimed) largest = std::max(largest, std::abs(d));
  for (std::size_t i = 0; i < x.size(); ++i) {
    double& moved = x.values()[i];
    const double at = moved;
    for (std::size_t k = 0; k < steps.size(); ++k) {
      moved = at + steps[k];
      const double above = total();
      moved = at - steps[k];
      central[k].push_back((above - total()) / (2 * steps[k]));
      moved = at;
    }
    const checking::Slope s = function.slope(&moved, claimed[i]);
    const double wrong = std::abs(claimed[i] - s.value) + s.bound;
    value.push_back(s.value), bound.push_back(s.bound);
    digits.push_back(wrong == 0 ? 15 : std::min(15.0, -std::log10(wrong / largest)));
    least = std::min(least, digits.back());
  }
  auto as_given = [&](const std::vector<double>& values) { return tensor(values, given.shape(), f64); };
  return {{"h", steps},
          {"central", {json_of(as_given(central[0])), json_of(as_given(central[1]))}},
          {"value", json_of(as_given(value))},
          {"bound", rough_json_of(as_given(bound))},
          {"digits", rough_json_of(as_given(digits))}};
}

json checks(const Head& h, const Shown& at, double& least) {
  auto by = [&](const Tensor& x, const Tensor& analytic, auto f) { return check(x, analytic, h.dy, f, least); };
  const Tensor a = at.a.detach();
  return {
      {"dA", by(at.a, at.da, [&](const Tensor& a) { return matmul(a, h.v); })},
      {"dV", by(at.v, at.dv, [&](const Tensor& v) { return matmul(a, v); })},
      {"dS", by(at.s, at.ds, [&](const Tensor& s) { return matmul(h.weights(s), h.v); })},
      {"dQ", by(at.q, at.dq, [&](const Tensor& q) { return matmul(h.weights(h.scores(q, h.k)), h.v); })},
      {"dK", by(at.k, at.dk, [&](const Tensor& k) { return matmul(h.weights(h.scores(h.q, k)), h.v); })},
  };
}

}  // namespace

json json_of(const Head& h, bool checked, double& least) {
  const Shown at = run(h);
  json r{{"score", h.bend.defined() ? "additive" : "dot"}};
  if (h.bend.defined()) r["v"] = json_of(h.bend);
  else r["scale"] = h.scale;
  if (h.mask.defined()) r["mask"] = json_of(h.mask);
  r["Q"] = json_of(at.q), r["K"] = json_of(at.k), r["V"] = json_of(at.v);
  r["S"] = json_of(at.s), r["A"] = json_of(at.a), r["O"] = json_of(at.y);
  r["dO"] = json_of(h.dy), r["dA"] = json_of(at.da), r["dV"] = json_of(at.dv);
  r["dS"] = json_of(at.ds), r["dQ"] = json_of(at.dq), r["dK"] = json_of(at.dk);
  if (checked) r["check"] = checks(h, at, least);
  return r;
}

json mechanisms(const Head& h) {
  const int64_t D = h.q.size(1);
  Rng rng{1};
  json r = json::array();
  auto add = [&](const char* name, const Tensor& scores, auto weigh, bool sums_to_one) {
    const Tensor s = scores.requires_grad(), a = weigh(s), y = matmul(a, h.v);
    r.push_back({{"name", name},
                 {"A", json_of(a)},
                 {"dS", json_of(vjp(y, h.dy, {s})[0])},
                 {"O", json_of(y)},
                 {"sum", sums_to_one ? 1 : 0}});
  };
  auto by = [&](Normalizer how) { return [&h, how](const Tensor& s) { return normalize(s, how, {.mask = h.mask}); }; };
  const Tensor dot = DotScore{}(h.q, h.k), scaled = ScaledDotScore{}(h.q, h.k);
  const auto softmax = by(Normalizer::softmax);
  add("dot", dot, softmax, true);
  add("scaled dot", scaled, softmax, true);
  const double bound = 1 / std::sqrt(double(D));
  auto weight = [&](const Shape& shape) { return (2 * rand(shape, rng, f64) - 1) * bound; };
  const GeneralScore general{D, D, parameter(weight({D, D}))};
  add("general", general(h.q, h.k).detach(), softmax, true);
  const AdditiveScore additive{D,
                               D,
                               D,
                               {.in = D, .out = D, .weight = parameter(weight({D, D})), .bias = {}},
                               {.in = D, .out = D, .weight = parameter(weight({D, D})), .bias = {}},
                               {.in = D, .out = 1, .weight = parameter(weight({1, D}) * double(D)), .bias = {}}};
  add("additive", additive(h.q, h.k).detach(), softmax, true);
  const FeatureMap phi;  // elu(x) + 1
  add(
      "linear", matmul(phi(h.q), transpose(phi(h.k))),
      [&](const Tensor& s) {
        const Tensor kept = h.mask.defined() ? where(h.mask, s, 0) : s;
        return kept / sum(kept, -1, keepdim);
      },
      true);
  add("relu", scaled, by(Normalizer::relu), false);
  add("sparsemax", scaled, by(Normalizer::sparsemax), true);
  add("hard", scaled, by(Normalizer::straight_through), true);
  return r;
}

}  // namespace heed::explain
