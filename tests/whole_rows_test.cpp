// Loops whose results depend on more than one value: sums, softmax, norms, steps of layers and of optimizers.
#include <numeric>
#include <type_traits>
#include "rows.h"

TEMPLATE_TEST_CASE("sums are pairwise, and the same wherever the row starts", "[rows]", float, double) {
  using T = TestType;
  for (const int64_t n : lengths()) {
    CAPTURE(n);
    const std::vector<T> x = random_values<T>(n, -1, 2), y = random_values<T>(n, -2, 1, 2);
    std::vector<T> shifted(static_cast<size_t>(n) + 1), shifted_y(static_cast<size_t>(n) + 3);
    std::copy(x.begin(), x.end(), shifted.begin() + 1);
    std::copy(y.begin(), y.end(), shifted_y.begin() + 3);
    CHECK(rows::sum(x.data(), n) == rows::sum(shifted.data() + 1, n));
    CHECK(rows::squares(x.data(), n) == rows::squares(shifted.data() + 1, n));
    CHECK(rows::dot(x.data(), y.data(), n) == rows::dot(shifted.data() + 1, shifted_y.data() + 3, n));
    CHECK(rows::max(x.data(), n) == reference::max(x.data(), n));

    std::vector<Real> size = widen(x);
    const std::vector<Real> wide = widen(x), wide_y = widen(y);
    for (Real& value : size) value = std::abs(value);
    const Real sizes = reference::sum(size.data(), n);
    CHECK(std::abs(rows::sum(x.data(), n) - reference::sum(wide.data(), n)) <= depth(n) * u<T> * sizes);
    const Real squares = reference::squares(wide.data(), n);
    CHECK(std::abs(rows::squares(x.data(), n) - squares) <= (depth(n) + 1) * u<T> * squares);
    for (size_t i = 0; i < size.size(); ++i) size[i] *= std::abs(wide_y[i]);
    const Real products = reference::sum(size.data(), n);
    const Real dot = reference::dot(wide.data(), wide_y.data(), n);
    CHECK(std::abs(rows::dot(x.data(), y.data(), n) - dot) <= (depth(n) + 1) * u<T> * products);
  }
}

TEST_CASE("a long sum keeps its accuracy", "[rows]") {
  const std::vector<float> x(3'000'017, 0.1f);
  const Real want = Real(0.1f) * 3'000'017;
  CHECK(std::abs(rows::sum(x.data(), 3'000'017) - want) <= depth(3'000'017) * u<float> * want);
  CHECK(std::abs(reference::sum(x.data(), 3'000'017) - want) > depth(3'000'017) * u<float> * want);
}

TEMPLATE_TEST_CASE("max finds the largest value, min the smallest, both every NaN", "[rows]", float, double) {
  using T = TestType;
  CHECK(rows::max<T>(nullptr, 0) == -infinity<T>);
  CHECK(rows::min<T>(nullptr, 0) == infinity<T>);
  for (int64_t n = 1; n <= 67; ++n) {
    std::vector<T> x = random_values<T>(n, -9, -1);
    for (T& value : x) {
      const T kept = value;
      for (const T top : {T(-0.5), T(7), infinity<T>}) {
        value = top;
        REQUIRE(rows::max(x.data(), n) == top);
      }
      for (const T bottom : {T(-9.5), -infinity<T>}) {
        value = bottom;
        REQUIRE(rows::min(x.data(), n) == bottom);
      }
      value = not_a_number<T>;
      REQUIRE(std::isnan(rows::max(x.data(), n)));
      REQUIRE(std::isnan(rows::min(x.data(), n)));
      value = kept;
    }
  }
}

// With d the largest x - max: e^(x - max) has a relative error of (d + 2) u (the subtraction, and one ulp of exp); the
// sum adds its depth, quotient and product one each.
TEMPLATE_TEST_CASE("softmax and its kin", "[rows]", float, double) {
  using T = TestType;
  const T spread = GENERATE(T(1), T(8)), offset = GENERATE(T(0), T(1000));
  for (const int64_t n : lengths()) {
    if (n == 0) continue;
    CAPTURE(n, spread, offset);
    const auto count = static_cast<size_t>(n);
    const std::vector<T> x = random_values<T>(n, offset - spread, offset + spread), g = random_values<T>(n, -1, 1, 2);
    const std::vector<Real> wide = widen(x), wide_g = widen(g);
    std::vector<T> y(count);
    std::vector<Real> want(count);
    const Real m = reference::max(wide.data(), n), d = 2 * spread;
    const Real error = (2 * (d + 3) + depth(n) + 4) * u<T>;

    rows::softmax(x.data(), y.data(), n);
    reference::softmax(wide.data(), want.data(), n);
    check_near(y, want, [&](size_t i) { return error * want[i]; });

    const Real lse = reference::logsumexp(wide.data(), n);
    CHECK(std::abs(rows::logsumexp(x.data(), n) - lse) <= error + u<T> * (3 * std::abs(lse - m) + std::abs(lse)));

    const std::vector<Real> wide_y = widen(y);
    std::vector<T> dx(count);
    rows::softmax_grad(y.data(), g.data(), dx.data(), n);
    reference::softmax_grad(wide_y.data(), wide_g.data(), want.data(), n);
    check_near(dx, want, [&](size_t i) {  // <|g|, y> <= 1
      return y[i] * (depth(n) + 5) * u<T> * (std::abs(wide_g[i]) + 1) + std::numeric_limits<T>::denorm_min();
    });

    std::vector<T> logs(count);
    rows::log_softmax(x.data(), logs.data(), n);
    reference::log_softmax(wide.data(), want.data(), n);
    check_near(logs, want, [&](size_t i) { return error + u<T> * (d + 3 * (lse - m) + std::abs(want[i])); });

    const std::vector<Real> wide_logs = widen(logs);
    rows::log_softmax_grad(logs.data(), g.data(), dx.data(), n);
    reference::log_softmax_grad(wide_logs.data(), wide_g.data(), want.data(), n);
    check_near(dx, want,
               [&](size_t i) { return u<T> * (1 + (depth(n) + 5) * static_cast<Real>(n) * std::exp(wide_logs[i])); });

    const T rest = static_cast<T>(lse - m), shift = static_cast<T>(m);
    rows::shifted_exp(x.data(), shift, rest, T(0.5), T(0.25), y.data(), n);
    reference::shifted_exp(wide.data(), m, Real(rest), Real(0.5), Real(0.25), want.data(), n);
    check_near(y, want, [&](size_t) { return error + u<T>; });
    const Real above = reference::sum_above(wide.data(), m, n);
    CHECK(std::abs(rows::sum_above(x.data(), shift, n) - above) <= (depth(n) + 2) * u<T> * (std::abs(above) + d * n));

    rows::softmax(x.data(), y.data(), n);
    std::vector<T> in_place = x;
    rows::softmax(in_place.data(), in_place.data(), n);
    CHECK(in_place == y);
  }
}

// Weights e^(s - lse) have a relative error of (d + 3) u, with d the largest |s - lse|; (e - mean) adds a rounding.
TEMPLATE_TEST_CASE("weights of attention and their gradient", "[rows]", float, double) {
  using T = TestType;
  for (const int64_t n : lengths()) {
    if (n == 0) continue;
    CAPTURE(n);
    const std::vector<T> s = random_values<T>(n, -8, 8), e = random_values<T>(n, -1, 1, 2);
    const T lse = T(8.5), mean = T(0.25);
    const Real error = (17 + 3) * u<T>;
    std::vector<T> y = s, d = e;
    std::vector<Real> want = widen(s), want_d = widen(e);
    const Real sum = reference::exp_sum(want.data(), Real(lse), n);
    CHECK(std::abs(rows::exp_sum(y.data(), lse, n) - sum) <= sum * (error + depth(n) * u<T>));
    check_near(y, want, [&](size_t i) { return error * want[i]; });

    y = s, want = widen(s);
    rows::weights_grad(y.data(), d.data(), lse, mean, n);
    reference::weights_grad(want.data(), want_d.data(), Real(lse), Real(mean), n);
    check_near(y, want, [&](size_t i) { return error * want[i]; });
    check_near(d, want_d, [&](size_t i) { return (error + 3 * u<T>)*want[i] * 1.25; });
  }
  for (T nothing : {not_a_number<T>, full_of_bits<T>}) CHECK(std::isnan(rows::exp_sum(&nothing, T(0), 1)));
  T masked = -infinity<T>;
  CHECK(rows::exp_sum(&masked, T(0), 1) == 0);
}

// Values below 2 in size pass through at most 12 roundings, or functions within 4 ulps, none of which magnifies errors.
TEMPLATE_TEST_CASE("steps of recurrent layers", "[rows]", float, double) {
  using T = TestType;
  using rows::Gates;
  for (const int64_t n : lengths()) {
    CAPTURE(n);
    const int64_t step = n + 3;
    auto in = [&](int64_t gates, unsigned seed) { return random_values<T>(gates * step, -1, 1, seed); };
    const std::vector<T> x = in(4, 1), w = in(4, 2), before = in(1, 3), dh = in(1, 4), dc = in(1, 5);
    const std::vector<Real> wide_x = widen(x), wide_w = widen(w), wide_before = widen(before);
    auto compare = [&](const std::vector<T>& got, const std::vector<Real>& want) {
      check_near(got, want, [](size_t) { return 64 * u<T>; });
    };
    {
      std::vector<T> c = before, h = in(1, 6), kept = in(5, 7);
      std::vector<Real> wide_c = widen(c), wide_h = widen(h), wide_kept = widen(kept);
      rows::lstm<T>({x.data(), step}, {w.data(), step}, c.data(), h.data(), {kept.data(), step}, n);
      reference::lstm<Real>({wide_x.data(), step}, {wide_w.data(), step}, wide_c.data(), wide_h.data(),
                            {wide_kept.data(), step}, n);
      compare(c, wide_c), compare(h, wide_h), compare(kept, wide_kept);

      std::vector<T> from_h = dh, from_c = dc, d = in(4, 8);
      std::vector<Real> wide_from_h = widen(dh), wide_from_c = widen(dc), wide_d = widen(d);
      wide_kept = widen(kept);
      rows::lstm_grad<T>({kept.data(), step}, before.data(), from_h.data(), from_c.data(), {d.data(), step}, n);
      reference::lstm_grad<Real>({wide_kept.data(), step}, wide_before.data(), wide_from_h.data(), wide_from_c.data(),
                                 {wide_d.data(), step}, n);
      compare(from_h, wide_from_h), compare(from_c, wide_from_c), compare(d, wide_d);
    }
    {
      std::vector<T> h = in(1, 6), kept = in(4, 7);
      std::vector<Real> wide_h = widen(h), wide_kept = widen(kept);
      rows::gru<T>({x.data(), step}, {w.data(), step}, before.data(), h.data(), {kept.data(), step}, n);
      reference::gru<Real>({wide_x.data(), step}, {wide_w.data(), step}, wide_before.data(), wide_h.data(),
                           {wide_kept.data(), step}, n);
      compare(h, wide_h), compare(kept, wide_kept);

      std::vector<T> from_h = dh, d = in(3, 8), d_w = in(3, 9);
      std::vector<Real> wide_from_h = widen(dh), wide_d = widen(d), wide_d_w = widen(d_w);
      wide_kept = widen(kept);
      rows::gru_grad<T>({kept.data(), step}, before.data(), from_h.data(), {d.data(), step}, {d_w.data(), step}, n);
      reference::gru_grad<Real>({wide_kept.data(), step}, wide_before.data(), wide_from_h.data(), {wide_d.data(), step},
                                {wide_d_w.data(), step}, n);
      compare(from_h, wide_from_h), compare(d, wide_d), compare(d_w, wide_d_w);
    }
  }
}

TEMPLATE_TEST_CASE("softmax in the corners", "[rows]", float, double) {
  using T = TestType;
  const T inf = infinity<T>;
  CHECK(rows::logsumexp<T>(nullptr, 0) == -inf);
  rows::softmax<T>(nullptr, nullptr, 0);
  rows::log_softmax<T>(nullptr, nullptr, 0);
  for (int64_t n = 1; n <= 67; ++n) {
    const auto count = static_cast<size_t>(n);
    std::vector<T> x(count, -inf), y(count);
    CHECK(rows::logsumexp(x.data(), n) == -inf);
    rows::softmax(x.data(), y.data(), n);
    CHECK(std::all_of(y.begin(), y.end(), [](T value) { return std::isnan(value); }));
    x.back() = T(1e4);  // one place may be chosen
    CHECK(rows::logsumexp(x.data(), n) == T(1e4));
    rows::softmax(x.data(), y.data(), n);
    CHECK((y.back() == 1 && std::count(y.begin(), y.end(), T(0)) == n - 1));
    x.front() = inf;
    CHECK(rows::logsumexp(x.data(), n) == inf);
    x.front() = not_a_number<T>;
    CHECK(std::isnan(rows::logsumexp(x.data(), n)));
  }
}

TEMPLATE_TEST_CASE("layer norm and its gradients", "[rows]", float, double) {
  using T = TestType;
  const bool has_weight = GENERATE(true, false), has_bias = GENERATE(true, false);
  for (const int64_t n : lengths()) {
    if (n == 0) continue;
    CAPTURE(n, has_weight, has_bias);
    const auto count = static_cast<size_t>(n);
    const std::vector<T> x = random_values<T>(n, -1, 2), g = random_values<T>(n, -1, 1, 2);
    const std::vector<T> w = random_values<T>(n, -2, 2, 3), b = random_values<T>(n, -1, 1, 4);
    const std::vector<Real> xs = widen(x), gs = widen(g), ws = widen(w), bs = widen(b);
    const T eps = T(0.0078125);
    const auto weight = [&](size_t i) { return has_weight ? ws[i] : 1; };

    std::vector<T> y(count);
    std::vector<Real> want(count);
    T mean, rstd;
    Real true_mean, true_rstd;
    rows::layer_norm(x.data(), has_weight ? w.data() : nullptr, has_bias ? b.data() : nullptr, eps, y.data(), n, mean,
                     rstd);
    reference::layer_norm(xs.data(), has_weight ? ws.data() : nullptr, has_bias ? bs.data() : nullptr, Real(eps),
                          want.data(), n, true_mean, true_rstd);
    const Real mean_error = (depth(n) + 1) * u<T> * 2;  // |x| <= 2
    const Real rstd_error = (depth(n) / 2 + 6) * u<T>;  // relative; the mean's error enters squared
    CHECK(std::abs(mean - true_mean) <= mean_error);
    CHECK(std::abs(rstd - true_rstd) <= rstd_error * true_rstd);
    check_near(y, want, [&](size_t i) {
      const Real h = (xs[i] - true_mean) * true_rstd;
      return std::abs(weight(i)) * (true_rstd * mean_error + std::abs(h) * (rstd_error + 4 * u<T>)) +
             u<T> * (std::abs(want[i]) + std::abs(h * weight(i)));
    });

    const auto h = [&](size_t i) { return (xs[i] - Real(mean)) * Real(rstd); };
    Real p_mean = 0, ph_mean = 0;  // of the sizes
    for (size_t i = 0; i < count; ++i) {
      p_mean += std::abs(gs[i] * weight(i)) / static_cast<Real>(n);
      ph_mean += std::abs(gs[i] * weight(i) * h(i)) / static_cast<Real>(n);
    }
    std::vector<T> dx(count);
    rows::layer_norm_grad(x.data(), has_weight ? w.data() : nullptr, g.data(), mean, rstd, dx.data(), n);
    reference::layer_norm_grad(xs.data(), has_weight ? ws.data() : nullptr, gs.data(), Real(mean), Real(rstd),
                               want.data(), n);
    check_near(dx, want, [&](size_t i) {
      const Real size = std::abs(gs[i] * weight(i)) + p_mean + std::abs(h(i)) * ph_mean;
      return (depth(n) + 10) * u<T> * rstd * size;
    });

    std::vector<T> dw = w, db = b;
    std::vector<Real> want_w = ws, want_b = bs;
    rows::layer_norm_param_grad(x.data(), g.data(), mean, rstd, has_weight ? dw.data() : nullptr,
                                has_bias ? db.data() : nullptr, n);
    reference::layer_norm_param_grad(xs.data(), gs.data(), Real(mean), Real(rstd), has_weight ? want_w.data() : nullptr,
                                     has_bias ? want_b.data() : nullptr, n);
    check_near(dw, want_w, [&](size_t i) { return u<T> * (std::abs(want_w[i]) + 4 * std::abs(gs[i] * h(i))); });
    check_near(db, want_b, [&](size_t i) { return u<T> * std::abs(want_b[i]); });
  }
}

TEMPLATE_TEST_CASE("sgd steps", "[rows]", float, double) {
  using T = TestType;
  const double momentum = GENERATE(0.0, 0.75), weight_decay = GENERATE(0.0, 0.125);
  const bool nesterov = GENERATE(false, true);
  const rows::SgdStep step{.lr = 0.0625, .momentum = momentum, .weight_decay = weight_decay, .nesterov = nesterov};
  for (const int64_t n : lengths()) {
    CAPTURE(n, momentum, weight_decay, nesterov);
    std::vector<T> p = random_values<T>(n, -1, 1), v = random_values<T>(n, -1, 1, 2);
    const std::vector<T> g = random_values<T>(n, -1, 1, 3);
    std::vector<Real> want = widen(p), want_v = widen(v);
    rows::sgd(p.data(), g.data(), momentum > 0 ? v.data() : nullptr, n, step);
    reference::sgd(want.data(), widen(g).data(), momentum > 0 ? want_v.data() : nullptr, n, step);
    check_near(v, want_v, [](size_t) { return 4 * u<T> * 2; });  // four roundings of sums below 2
    check_near(p, want, [](size_t) { return u<T> * (2 + 0.0625L * 8 * 3); });
  }
}

TEST_CASE("sgd, by hand", "[rows]") {
  double p = 1, g = 2, v = 4;
  rows::sgd(&p, &g, &v, 1, {.lr = 0.5, .momentum = 0.25, .weight_decay = 2});
  CHECK((v == 5 && p == -1.5));  // v = 0.25 4 + (2 + 2 1)
  rows::sgd(&p, &g, &v, 1, {.lr = 0.5, .momentum = 0.5, .nesterov = true});
  CHECK((v == 4.5 && p == -3.625));  // p -= 0.5 (2 + 0.5 4.5)
  rows::sgd<double>(&p, &g, nullptr, 1, {.lr = 0.25});
  CHECK(p == -4.125);
}

TEMPLATE_TEST_CASE("adam steps", "[rows]", float, double) {
  using T = TestType;
  const bool decoupled = GENERATE(false, true), amsgrad = GENERATE(false, true);
  const rows::AdamStep step{.lr = 0.01,
                            .beta1 = 0.9,
                            .beta2 = 0.99,
                            .eps = 1e-6,
                            .weight_decay = 0.1,
                            .decoupled = decoupled,
                            .correction1 = 1 - 0.9 * 0.9,
                            .correction2 = 1 - 0.99 * 0.99};
  for (const int64_t n : lengths()) {
    CAPTURE(n, decoupled, amsgrad);
    std::vector<T> p = random_values<T>(n, -1, 1), m = random_values<T>(n, -1, 1, 2);
    std::vector<T> v = random_values<T>(n, 0.125, 1, 3), w = random_values<T>(n, 0.125, 1, 5);
    const std::vector<T> g = random_values<T>(n, -1, 1, 4);
    std::vector<Real> want = widen(p), want_m = widen(m), want_v = widen(v), want_w = widen(w);
    rows::adam(p.data(), g.data(), m.data(), v.data(), amsgrad ? w.data() : nullptr, n, step);
    reference::adam(want.data(), widen(g).data(), want_m.data(), want_v.data(), amsgrad ? want_w.data() : nullptr, n,
                    step);
    check_near(m, want_m, [](size_t) { return 5 * u<T>; });  // the slope, constant, product, product, sum: |m| <= 1.1
    check_near(v, want_v, [&](size_t i) { return 7 * u<T> * want_v[i]; });
    check_near(w, want_w, [&](size_t i) { return 7 * u<T> * want_w[i]; });
    check_near(p, want, [&](size_t i) {
      const Real square = amsgrad ? want_w[i] : want_v[i];
      const Real denominator = std::sqrt(square / Real(step.correction2)) + Real(step.eps);
      return u<T> * (4 + Real(step.lr / step.correction1) / denominator * (5 + 11 * std::abs(want_m[i])));
    });
  }
}

TEST_CASE("adam, by hand", "[rows]") {
  rows::AdamStep step{.lr = 0.5,
                      .beta1 = 0.5,
                      .beta2 = 0.75,
                      .eps = 1,
                      .weight_decay = 0.5,
                      .decoupled = true,
                      .correction1 = 0.5,
                      .correction2 = 0.25};
  double p = 2, g = 3, m = 0, v = 0, largest = 4;
  rows::adam<double>(&p, &g, &m, &v, nullptr, 1, step);
  CHECK((m == 1.5 && v == 2.25));
  CHECK(p == 1.125);  // 2 (1 - 0.25) - 0.5 (1.5 / 0.5) / (sqrt(2.25 / 0.25) + 1)
  step.decoupled = false;
  p = 2, m = v = 0;
  rows::adam(&p, &g, &m, &v, &largest, 1, step);
  CHECK((m == 2 && v == 4 && largest == 4));  // of the gradient 3 + 0.5 2
  CHECK(p == 1.6);                            // 2 - 0.5 (2 / 0.5) / (sqrt(4 / 0.25) + 1)
  g = 0, v = 1, largest = 16;
  rows::adam(&p, &g, &m, &v, &largest, 1, step);
  CHECK(largest == 16);
}
