#include "laws.h"
#include <algorithm>
#include <cmath>
#include <cstring>
#include "grad.h"
#include "parallel.h"
#include "rng.h"

namespace heed::checking {
namespace {

using Rows = std::vector<std::vector<double>>;  // the values of several tensors; none of those that are not floating

Rows rows(const Many& ts) {
  Rows r;
  for (const Tensor& t : ts) r.push_back(t.defined() && floating(t.dtype()) ? t.to_vector() : std::vector<double>());
  return r;
}
bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}
bool same_bits(const Rows& a, const Rows& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](auto& p, auto& q) { return same_bits(p, q); });
}
double largest(const std::vector<double>& a) {
  double r = 0;
  for (double v : a) r = std::max(r, std::abs(v));
  return r;
}

// a v + b w
Many combined(double a, const Many& v, double b, const Many& w) {
  Many r;
  for (std::size_t k = 0; k < v.size(); ++k) {
    if (!v[k].defined()) {
      r.push_back({});
      continue;
    }
    Array sum(v[k].shape(), f64);
    const std::vector<double> p = v[k].to_vector(), q = w[k].to_vector();
    for (std::size_t i = 0; i < p.size(); ++i) sum.mutable_data<double>()[i] = a * p[i] + b * q[i];
    r.push_back(Tensor(std::move(sum)));
  }
  return r;
}

// Of the gradients of f as kernels compute them, or with create_graph.
std::vector<std::string> broken_by_gradients(std::span<const Variable> variables, const Many& y, const Many& v,
                                             const std::vector<double>& noise, bool create_graph, Where at) {
  const Many x = tensors(variables);
  Many w;
  for (std::size_t k = 0; k < v.size(); ++k)
    w.push_back(v[k].defined() ? random_gradient(v[k], scramble(~uint64_t{0}, k)) : Tensor());
  auto pull = [&](const Many& g) { return rows(pulled(y, g, x, create_graph, at)); };
  const Rows of_v = pull(v), again = pull(v), of_w = pull(w), none = pull(combined(0, v, 0, w)),
             scaled = pull(combined(-4, v, 0, w)), of_sum = pull(combined(1, v, 1, w));
  double most = 0;
  for (const Rows* r : {&of_v, &of_w})
    for (const std::vector<double>& g : *r) most = std::max(most, largest(g));

  auto next = noise.begin();
  std::vector<std::string> broken;
  const std::string how = create_graph ? " with create_graph" : "";
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::string gradient = "the gradient of " + variables[i].name + how;
    if (!same_bits(of_v[i], again[i])) broken.push_back(gradient + " is not the same bits when it is computed again");
    // A factor of -4 is exact in floating point, so the small gradients of this input show; a sum is rounded.
    const auto end = next + std::ptrdiff_t(of_v[i].size());
    const double noisy = next == end ? 0 : *std::max_element(next, end);
    constexpr double least = std::numeric_limits<double>::min();  // denormal numbers have few digits
    const double own = 1e-9 * largest(of_v[i]) + least, all = 1e-9 * most + 16 * noisy + least;
    next = end;
    bool linear = true;
    for (std::size_t j = 0; j < of_v[i].size(); ++j)
      linear = linear && (!std::isfinite(of_v[i][j]) ||  // which is said of the element
                          (std::abs(scaled[i][j] + 4 * of_v[i][j]) <= own &&
                           std::abs(of_sum[i][j] - (of_v[i][j] + of_w[i][j])) <= all));
    if (std::any_of(none[i].begin(), none[i].end(), [](double e) { return e != 0; }))
      broken.push_back("output gradients of zero do not give a gradient of zero for " + variables[i].name + how);
    else if (!linear) broken.push_back(gradient + " is not linear in the output gradients");
  }
  return broken;
}

struct WithThreads {  // so many for this block
  int before = num_threads();
  explicit WithThreads(int n) { set_num_threads(n); }
  WithThreads(const WithThreads&) = delete;
  WithThreads& operator=(const WithThreads&) = delete;
  ~WithThreads() { set_num_threads(before); }
};

}  // namespace

Many pulled(const Many& y, const Many& gy, std::span<const Tensor> x, bool create_graph, Where at) {
  if (std::any_of(y.begin(), y.end(), [](const Tensor& t) { return t.tracked(); }))
    return vjp(y, gy, x, create_graph, at);
  Many zero;
  for (const Tensor& t : x) zero.push_back(zeros_like(t));
  return zero;
}

Tensor random_gradient(const Tensor& y, uint64_t key) {
  Array g(y.shape(), f64);
  for (int64_t i = 0; i < g.numel(); ++i) {
    const double u = 2 * unit(key, uint64_t(i)) - 1;
    g.mutable_data<double>()[i] = std::copysign(0.5 + 0.5 * std::abs(u), u);
  }
  return Tensor(std::move(g));
}

Many tensors(std::span<const Variable> variables) {
  Many r;
  for (const Variable& v : variables) r.push_back(v.tensor);
  return r;
}

void Unchanged::watch(std::string name, const Tensor& x) {
  if (x.defined()) all_.push_back({std::move(name), x, x.to_vector()});
}
std::vector<std::string> Unchanged::broken() const {
  std::vector<std::string> r;
  for (const Watched& w : all_)
    if (!same_bits(w.before, w.tensor.to_vector())) r.push_back(w.name + " was overwritten");
  return r;
}

std::vector<std::string> broken_laws(Function::Evaluate f, std::span<const Variable> variables, const Many& y,
                                     const Many& gy, const std::vector<double>& noise, int threads, Where at) {
  const Many x = tensors(variables);
  std::vector<std::string> broken;
  const Rows values = rows(y), again = [&] {
    const Unrecorded here;
    return rows(f());
  }();
  if (!same_bits(values, again))
    broken.push_back("f gives other values when it is evaluated again: give its random ops a key, not a generator");

  std::vector<std::string> of_gradients = broken_by_gradients(variables, y, gy, noise, false, at);
  if (of_gradients.empty()) of_gradients = broken_by_gradients(variables, y, gy, noise, true, at);
  broken.insert(broken.end(), of_gradients.begin(), of_gradients.end());

  auto gradients = [&](bool create_graph) {
    const Many fresh = f();
    Rows r = rows(fresh);
    for (auto& g : rows(pulled(fresh, gy, x, create_graph, at))) r.push_back(std::move(g));
    return r;
  };
  if (threads > 1) {
    auto with = [&](int count) {
      const WithThreads here(count);
      return gradients(false);
    };
    const Rows one = with(1), many = with(threads);
    for (std::size_t i = 0; i < one.size(); ++i)
      if (!same_bits(one[i], many[i]))
        broken.push_back(
            (i < y.size() ? "output " + std::to_string(i) : "the gradient of " + variables[i - y.size()].name) +
            " is not the same bits with 1 thread and with " + std::to_string(threads));
  }

  std::size_t before = 0, now = memory::in_use();
  int growing = 0;
  for (int i = 0; i < 3; ++i) {
    before = now;
    gradients(false), gradients(true);
    now = memory::in_use();
    growing += now > before;
  }
  if (growing == 3)
    broken.push_back("memory in use grows by " + std::to_string(now - before) +
                     " bytes with every evaluation: something keeps its arrays");
  return broken;
}

}  // namespace heed::checking
