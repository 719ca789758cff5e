// A gradient against differences, in the network of exercise 01.
#include "../../core/gradcheck.h"
#include "../../models/draw/svg.h"
#include "course.h"

namespace heed::course {
namespace {

Tensor loss(const Tensor& w, const Tensor& x, const Tensor& b, const Tensor& t) {
  const Tensor e = tanh(w * x + b) + x - t;
  return e * e;
}
Tensor number(double v) { return full({}, v, f64); }

constexpr double w = 1.5, x = 0.8, b = -0.3, t = 1;

void by_hand(Findings& found) {
  const double z = w * x + b, y = std::tanh(z), e = y + x - t, dr = 2 * e, dz = dr * (1 - y * y), dw = dz * x;
  const Tensor weight = number(w).requires_grad(), input = number(x).requires_grad();
  const std::vector<Tensor> d = grad(loss(weight, input, number(b), number(t)), {weight, input});
  holds(same(d[0], number(dw)) && same(d[1], number(dz * w + dr)), "the chain rule by hand gives the gradients");
  for (const auto& [name, value] : {std::pair{"w", w}, {"x", x}, {"b", b}, {"t", t}})
    found.say(name, draw::number(value));
  for (const auto& [name, value] : {std::pair{"z", z},
                                    {"y", y},
                                    {"e", e},
                                    {"L", e * e},
                                    {"dr", dr},
                                    {"slope", 1 - y * y},
                                    {"dz", dz},
                                    {"dw", dw},
                                    {"dx_through", dz * w}})
    found.say(name, value, 4);
  auto at = [&](double weight) { return loss(number(weight), number(x), number(b), number(t)).item(); };
  std::string rows;
  for (const double h : {0.1, 0.01, 0.001}) {
    const double change = at(w + h) - at(w);
    rows += "| " + draw::number(h);
    for (const double v : {change, h * dw, change - h * dw}) rows += " | " + draw::fixed(v, 8);
    rows += " |\n";
  }
  rows.pop_back();
  found.say("promises", rows);
}

}  // namespace

void gradients(Findings& found, const Run&) {
  by_hand(found);

  constexpr int64_t networks = 10'001;
  Rng rng{1};
  auto drawn = [&] { return cast(randn({networks}, rng), f64); };  // float32 has them, too
  const Tensor ws = drawn().requires_grad(), xs = drawn(), bs = drawn(), ts = drawn();
  const Tensor right = grad(sum(loss(ws, xs, bs, ts)), {ws})[0];
  auto median_error = [&](double h, bool central, Dtype type) {
    const Unrecorded off;
    auto at = [&](double step) { return loss(cast(ws, type) + step, cast(xs, type), cast(bs, type), cast(ts, type)); };
    const Tensor slope = central ? (at(h) - at(-h)) / (2 * h) : (at(h) - at(0)) / h;
    return sort(abs(cast(slope, f64) - right)).values(networks / 2).item();
  };
  std::vector<draw::Series> lines{{.name = "one-sided"}, {.name = "central"}, {.name = "central, float32"}};
  for (int quarter = -14 * 4; quarter <= 0; ++quarter) {
    const double h = std::pow(10, quarter / 4.0);
    auto add = [&](draw::Series& s, double e) { s.x.push_back(h), s.y.push_back(e); };
    add(lines[0], median_error(h, false, f64));
    add(lines[1], median_error(h, true, f64));
    if (h > 1e-7) add(lines[2], median_error(h, true, f32));
  }
  auto best = [](const draw::Series& s, double h, double e) {  // but for a factor of 4
    const auto least = std::min_element(s.y.begin(), s.y.end());
    const double step = s.x[std::size_t(least - s.y.begin())];
    return step > h / 4 && step < h * 4 && *least > e / 4 && *least < e * 4;
  };
  holds(best(lines[0], 1e-8, 1e-8), "one-sided differences are best at 1e-8, to 1e-8");
  holds(best(lines[1], 1e-5, 1e-11), "central differences are best at 1e-5, to 1e-11");
  holds(best(lines[2], 1e-2, 1e-5), "central differences in float32 are best at 1e-2, to 1e-5");
  found.picture("differences", draw::curve(lines, {.title = "How far a difference is from the gradient",
                                                   .x_label = "step h",
                                                   .y_label = "error, median of 10,001 networks",
                                                   .log_x = true,
                                                   .log_y = true}));
  const GradcheckReport report = gradcheck(loss, {number(w), number(x), number(b), number(t)});
  holds(report.ok && report.total.certified_digits > 11, "gradcheck is sure of eleven digits");
}

}  // namespace heed::course
