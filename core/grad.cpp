#include "grad.h"
#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include "op.h"
#include "parallel.h"
#include "plus.h"

namespace heed {

// ---- nodes
static thread_local uint64_t clock_of_thread = 0;

void enroll(Node& n, Where at) {
  for (const Slot& s : n.parents())  // parents of another thread may be ahead of this one
    if (s.tensor.tracked()) clock_of_thread = std::max(clock_of_thread, s.tensor.edge().node->id);
  n.id = ++clock_of_thread;
  n.at = at;
  n.module = mode.module;
}

void take_down(Node* n) {  // iterative: a long graph must not overflow the stack
  static thread_local Node* doomed = nullptr;
  static thread_local bool busy = false;
  n->next = doomed;
  doomed = n;
  if (busy) return;
  busy = true;
  while (Node* dead = doomed) {
    doomed = dead->next;
    delete dead;
  }
  busy = false;
}

void fail_overwritten(const Node& n, const Slot& s) {
  fail<GradError>(
      n.at, n.name,
      "what this op remembered for its gradient was overwritten at " + s.tensor.array().storage()->written.str());
}

void check_not_consumed(const Node& n) {
  if (n.consumed)
    fail<GradError>(n.at, n.name, "the graph this op belongs to was consumed by grad at " + n.consumed.str());
}

void fail_constant(const char* op, Where at, int input) {
  fail<GradError>(at, op,
                  "no gradient flows into argument " + std::to_string(input) +
                      ", but it has a history: detach() it if that is meant");
}

int64_t steady_ns() {
  using namespace std::chrono;
  return duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count();
}

void report(Event e) {
  e.ended = steady_ns();
  (*mode.observer)(e);
}

namespace {
bool ours(const Tensor& sum) { return sum.array().alone() && sum.array().is_contiguous(); }
}  // namespace

Array& writable(Tensor& sum, const Tensor& like) {
  if (!sum.defined()) sum = zeros_like(like);
  else if (!ours(sum)) sum = Tensor(sum.array().cast(sum.dtype()));
  return const_cast<Array&>(sum.array());
}

struct Leaf final : Node {
  Leaf() : Node("leaf") {
    leaf = true;
    enroll(*this, {});
  }
  std::span<const Slot> parents() const override { return {}; }
  void pull(const Pull&) override {}
  void forget() override {}
  std::vector<Array> remembered() const override { return {}; }
  std::vector<Tensor> again(std::span<const Tensor>) const override { return {}; }
};
Tensor Tensor::requires_grad(Where at) const {
  check_here("requires_grad", at);
  if (!floating(dtype()))
    fail<DtypeError>(at, "requires_grad", std::string("only floating tensors have gradients, not ") + name(dtype()));
  return Tensor(array_.is_number() ? array_.cast(dtype()) : array_, Edge{Ref<Node>(new Leaf), 0});
}

struct Identity {
  static constexpr auto name = "identity";
  Array forward(const Array& x) const { return x; }
  Tensor d0(Grad g) const { return g; }
};
Tensor identity(const Tensor& x) { return apply({}, Identity{}, x); }

// ---- the sweep
namespace {

Tensor added(const Tensor& a, const Tensor& b) {
  return a.dtype() == bf16 ? cast(widened(a) + widened(b), bf16) : a + b;
}

struct How {
  bool create_graph = false;
  bool consume = false;
  bool stop_at_targets = false;  // partial derivatives: targets count as variables of their own
  bool of_model = false;         // y must depend on one of the targets at least
  Where at = {};
};

// Differentiates one graph. Nodes are numbered by this call in vectors of its own, so that threads may share the graph.
class Sweep {
 public:
  Sweep(std::span<const Tensor> targets, How how) : how(how) {
    for (const Tensor& x : targets) add_target(x);
    std::sort(leaves.begin(), leaves.end());
    std::sort(inner.begin(), inner.end());
  }

  void run(std::span<const Tensor> ys, std::span<const Tensor> gys) {
    for (const Tensor& y : ys) add_edge(y.edge());
    order();
    mark_wanted();
    if (how.of_model && std::none_of(edges.begin(), edges.begin() + std::ptrdiff_t(ys.size()),
                                     [](const Out& e) { return e.slot >= 0; }))
      fail<GradError>(how.at, "grad", "y depends on no parameter of this model: it was computed with another one");
    gradients.resize(wanted.size());
    for (std::size_t i = 0; i < ys.size(); ++i)
      if (gys[i].defined() && edges[i].slot >= 0)
        add(*ys[i].edge().node, gradients[std::size_t(edges[i].slot)], Tensor(gys[i]));
    for (const Visit& v : visits)
      if (wanted[std::size_t(v.slot)]) pull(v);
  }

  Tensor gradient(const Tensor& x) const {
    int slot = x.tracked() ? slot_of(x.edge()) : -1;
    if (slot >= 0 && std::size_t(slot) < gradients.size() && gradients[std::size_t(slot)].defined())
      return gradients[std::size_t(slot)];
    return zeros_like(x);
  }

 private:
  struct Target {
    Node* node;
    int slot;
    bool operator<(const Target& o) const { return std::less<>()(node, o.node); }
  };
  struct Out {  // an edge of the graph: which gradient it adds to
    int output;
    int slot = -1;
  };
  struct Visit {
    Node* node;
    int slot;  // of its first output
    int edge;  // of its first input
  };
  struct Waiting {  // a heap of these hands out consumers before producers, and each node's edges together
    Node* node;
    int edge;
    bool operator<(const Waiting& o) const {
      return node->id != o.node->id ? node->id < o.node->id : std::less<>()(node, o.node);
    }
  };

  How how;
  uint64_t oldest = ~uint64_t{0};  // what is older than every target cannot lead to one
  std::vector<Target> leaves, inner;
  std::vector<Waiting> heap;
  std::vector<Visit> visits;
  std::vector<Out> edges;
  std::vector<char> wanted;       // per slot: does it lead to a target?
  std::vector<Tensor> gradients;  // per slot
  std::vector<Tensor> results;    // scratch of pull
  std::vector<char> needs;
  std::vector<Tensor*> sums;

  static Target* find(std::vector<Target>& list, Node* n) {
    auto t = std::lower_bound(list.begin(), list.end(), Target{n, 0});
    return t != list.end() && t->node == n ? &*t : nullptr;
  }
  int slot_of(const Edge& e) const {
    auto& self = const_cast<Sweep&>(*this);
    Target* t = find(e.node->leaf ? self.leaves : self.inner, e.node.get());
    return t && t->slot >= 0 ? t->slot + e.output : -1;
  }

  void add_target(const Tensor& x) {
    if (!x.tracked()) return;
    Node* n = x.edge().node.get();
    std::vector<Target>& list = n->leaf ? leaves : inner;
    oldest = std::min(oldest, n->id);
    list.push_back({n, n->leaf ? new_slots(1, true) : -1});
  }
  int new_slots(int n, bool leads_to_target) {
    wanted.insert(wanted.end(), std::size_t(n), leads_to_target);
    return int(wanted.size()) - n;
  }

  void add_edge(const Edge& e) {
    Node* n = e.node.get();
    edges.push_back({e.output});
    if (!n || n->id < oldest) return;
    if (n->leaf) {
      if (Target* t = find(leaves, n)) edges.back().slot = t->slot;
      return;
    }
    heap.push_back({n, int(edges.size()) - 1});
    std::push_heap(heap.begin(), heap.end());
  }

  void order() {
    while (!heap.empty()) {
      Node* n = heap.front().node;
      Target* target = inner.empty() ? nullptr : find(inner, n);
      Visit v{n, new_slots(n->outputs, target), 0};
      while (!heap.empty() && heap.front().node == n) {
        Out& e = edges[std::size_t(heap.front().edge)];
        e.slot = v.slot + e.output;
        std::pop_heap(heap.begin(), heap.end());
        heap.pop_back();
      }
      v.edge = int(edges.size());
      if (target) target->slot = v.slot;
      if (!(target && how.stop_at_targets))
        for (const Slot& s : n->parents()) add_edge(s.tensor.edge());
      visits.push_back(v);
    }
  }

  void mark_wanted() {
    std::size_t end = edges.size();
    for (auto v = visits.rbegin(); v != visits.rend(); ++v) {
      bool leads = wanted[std::size_t(v->slot)];
      for (std::size_t e = std::size_t(v->edge); e < end; ++e) {
        if (edges[e].slot >= 0 && !wanted[std::size_t(edges[e].slot)]) edges[e].slot = -1;
        leads |= edges[e].slot >= 0;
      }
      std::fill_n(wanted.begin() + v->slot, v->node->outputs, char(leads));
      end = std::size_t(v->edge);
    }
    for (std::size_t e = 0; e < end; ++e)
      if (edges[e].slot >= 0 && !wanted[std::size_t(edges[e].slot)]) edges[e].slot = -1;
  }

  void pull(const Visit& v) {
    Node& n = *v.node;
    std::span<const Slot> parents = n.parents();
    std::span<Tensor> g = std::span(gradients).subspan(std::size_t(v.slot), std::size_t(n.outputs));
    if (std::none_of(g.begin(), g.end(), [](const Tensor& t) { return t.defined(); })) return;
    bool stop = how.stop_at_targets && !inner.empty() && find(inner, &n);
    if (!stop) {
      check_not_consumed(n);
      needs.resize(parents.size());
      results.clear();
      results.resize(parents.size());
      sums.assign(parents.size(), nullptr);
      for (std::size_t i = 0; i < parents.size(); ++i) {
        const int slot = edges[std::size_t(v.edge) + i].slot;
        needs[i] = slot >= 0;
        if (slot >= 0) sums[i] = &gradients[std::size_t(slot)];
      }
      const int64_t start = started();
      {
        OnBehalfOf op(n);
        n.pull({g, {needs}, results, how.create_graph, sums});
        for (std::size_t i = 0; i < parents.size(); ++i)
          if (needs[i] && results[i].defined()) fit(n, results[i], parents[i].tensor);
      }
      if (mode.observer) report_backward(n, g, start);
      for (std::size_t i = 0; i < parents.size(); ++i)
        if (needs[i] && results[i].defined()) add(n, *sums[i], std::move(results[i]));
      if (how.consume) {
        n.forget();
        n.consumed = how.at;
      }
    }
    if (inner.empty() || !find(inner, &n))
      for (Tensor& t : g) t = Tensor();
  }

  void report_backward(const Node& n, std::span<const Tensor> g, int64_t start) const {
    std::vector<const Tensor*> inputs;
    for (const Tensor& t : g) inputs.push_back(&t);
    std::vector<Tensor> outputs = results;
    for (std::size_t i = 0; i < outputs.size(); ++i)
      if (!outputs[i].defined() && sums[i]) outputs[i] = *sums[i];
    report({n.name, true, n.at, n.module, inputs, outputs, start});
  }

  static void fit(const Node& n, Tensor& g, const Tensor& input) {  // sums over what input was broadcast to
    if (g.dtype() != input.dtype())
      fail<DtypeError>(
          n.at, n.name,
          std::string("its rule gives a gradient in ") + name(g.dtype()) + " for an input in " + name(input.dtype()));
    if (g.shape() == input.shape()) return;
    if (!broadcasts(input.shape(), g.shape()))
      fail<ShapeError>(
          n.at, n.name,
          "its rule gives a gradient of shape " + g.shape().str() + " for an input of shape " + input.shape().str());
    g = sum_to(g, input.shape());
  }
  void add(const Node& n, Tensor& sum, Tensor&& g) {
    if (!sum.defined()) {
      sum = std::move(g);
    } else if (!how.create_graph && ours(sum)) {
      kernels::add_to(const_cast<Array&>(sum.array()), g.array());
    } else {
      OnBehalfOf op(n);
      sum = added(sum, g);
    }
  }
};

std::vector<Tensor> differentiate(std::span<const Tensor> ys, std::span<const Tensor> gys, std::span<const Tensor> xs,
                                  How how) {
  Recording on(how.create_graph);
  Sweep sweep(xs, how);
  sweep.run(ys, gys);
  std::vector<Tensor> r;
  r.reserve(xs.size());
  for (const Tensor& x : xs) r.push_back(sweep.gradient(x));
  return r;
}

void check_targets(const char* op, std::span<const Tensor> xs, Where at) {
  for (std::size_t i = 0; i < xs.size(); ++i)
    if (!xs[i].tracked())
      fail<GradError>(at, op,
                      "x number " + std::to_string(i) + " " + xs[i].shape().str() + " does not require a gradient");
}

[[noreturn]] void fail_without_history(const char* op, Where at) {
  fail<GradError>(
      at, op,
      "y has no history: it was computed unrecorded, from nothing that requires a gradient (or all of it is "
      "frozen), or its graph was consumed");
}

void check_scalar(const Tensor& y, std::span<const Tensor> xs, Where at) {
  if (!y.defined()) fail<GradError>(at, "grad", "y is an undefined tensor");
  if (y.numel() != 1)
    fail<GradError>(
        at, "grad",
        "y must have one element, not shape " + y.shape().str() + ": take its sum, or give output gradients to vjp");
  if (!y.tracked()) fail_without_history("grad", at);
  check_targets("grad", xs, at);
}

}  // namespace

namespace {
std::vector<Tensor> differentiate_one(const Tensor& y, std::span<const Tensor> xs, How how) {
  check_scalar(y, xs, how.at);
  const Tensor gy = ones_like(y);
  return differentiate({&y, 1}, {&gy, 1}, xs, how);
}
}  // namespace

std::vector<Tensor> grad(const Tensor& y, std::span<const Tensor> xs, bool create_graph, Where at) {
  return differentiate_one(y, xs, {.create_graph = create_graph, .at = at});
}
std::vector<Tensor> grad(const Tensor& y, std::initializer_list<Tensor> xs, bool create_graph, Where at) {
  return grad(y, std::span(xs.begin(), xs.size()), create_graph, at);
}
std::vector<Tensor> grad(Consumed loss, std::span<const Tensor> xs, Where at) {
  auto r = differentiate_one(loss.y, xs, {.consume = true, .at = at});
  loss.y = loss.y.detach();
  return r;
}
std::vector<Tensor> grad(Consumed loss, std::initializer_list<Tensor> xs, Where at) {
  return grad(loss, std::span(xs.begin(), xs.size()), at);
}

void detail::check_direction(const char* op, Where at, const Tensor& x, const Tensor& v) {
  if (x.shape() != v.shape())
    fail<ShapeError>(at, op,
                     "the direction has shape " + v.shape().str() + ", what it is a direction at " + x.shape().str());
  check_same_dtype(op, at, x.dtype(), v.dtype());
}

Gradients detail::grad(const Tensor& y, Parameters p, bool create_graph, Where at) {
  auto g = differentiate_one(y, p.values, {.create_graph = create_graph, .of_model = true, .at = at});
  return {std::move(p.paths), std::move(g)};
}
Gradients detail::grad(Consumed loss, Parameters p, Where at) {
  auto g = differentiate_one(loss.y, p.values, {.consume = true, .of_model = true, .at = at});
  loss.y = loss.y.detach();
  return {std::move(p.paths), std::move(g)};
}

std::vector<Tensor> vjp(std::span<const Tensor> ys, std::span<const Tensor> gys, std::span<const Tensor> xs,
                        bool create_graph, Where at) {
  if (ys.size() != gys.size())
    fail<ShapeError>(at, "vjp",
                     std::to_string(ys.size()) + " outputs and " + std::to_string(gys.size()) + " output gradients");
  for (std::size_t i = 0; i < ys.size(); ++i) {
    if (!gys[i].defined()) continue;
    if (ys[i].shape() != gys[i].shape())
      fail<ShapeError>(at, "vjp",
                       "output " + std::to_string(i) + " has shape " + ys[i].shape().str() + " and its gradient " +
                           gys[i].shape().str());
    if (ys[i].dtype() != gys[i].dtype())
      fail<DtypeError>(
          at, "vjp",
          "output " + std::to_string(i) + " is " + name(ys[i].dtype()) + " and its gradient " + name(gys[i].dtype()));
  }
  if (std::none_of(ys.begin(), ys.end(), [](const Tensor& y) { return y.tracked(); })) fail_without_history("vjp", at);
  check_targets("vjp", xs, at);
  return differentiate(ys, gys, xs, {.create_graph = create_graph, .at = at});
}
std::vector<Tensor> vjp(const Tensor& y, const Tensor& gy, std::span<const Tensor> xs, bool create_graph, Where at) {
  return vjp(std::span(&y, 1), std::span(&gy, 1), xs, create_graph, at);
}
std::vector<Tensor> vjp(const Tensor& y, const Tensor& gy, std::initializer_list<Tensor> xs, bool create_graph,
                        Where at) {
  return vjp(y, gy, std::span(xs.begin(), xs.size()), create_graph, at);
}

// The gradients of a definition or of a replay, handed to the inputs that want one.
void vjp_into(std::span<const Tensor> ys, std::span<const Tensor> gys, std::span<const Tensor> xs, const Pull& p) {
  auto g = differentiate(ys, gys, xs, {.create_graph = p.create_graph, .stop_at_targets = true});
  std::size_t next = 0;
  for (std::size_t i = 0; i < p.results.size(); ++i)
    if (p.needs[int(i)]) p.results[i] = std::move(g[next++]);
}

// ---- checkpoint
namespace {

std::atomic<uint64_t> replays = 0;  // begun, by all threads

class Checkpoint final : public Node {
 public:
  std::unique_ptr<Replay> f;
  std::vector<Slot> in;

  Checkpoint(std::unique_ptr<Replay> f, const std::vector<Tensor>& touched) : Node("checkpoint"), f(std::move(f)) {
    for (const Tensor& t : touched) in.push_back(Slot::keeping(t));
  }
  std::span<const Slot> parents() const override { return in; }
  void pull(const Pull& p) override {
    for (const Slot& s : in) check_unchanged(*this, s);
    Restore after;
    mode.in_rule = false;  // f's ops are the user's
    std::vector<Tensor> wanted;
    for (std::size_t i = 0; i < in.size(); ++i)
      if (p.needs[int(i)]) wanted.push_back(in[i].tensor);
    Tensor y = [&] {
      Recording on(true);
      mode.replay = ++replays;
      mode.line = nullptr;  // f's own lines and modules
      mode.module = {};
      return f->run();
    }();
    vjp_into({&y, 1}, p.gradients, wanted, p);
  }
  void forget() override {
    for (Slot& s : in) s.forget();
    f.reset();
  }
  std::vector<Array> remembered() const override {
    std::vector<Array> r;
    for (const Slot& s : in) r.push_back(s.tensor.array());
    return r;
  }
  std::vector<Tensor> again(std::span<const Tensor>) const override { return {}; }
};

}  // namespace

Tensor checkpoint_op(std::unique_ptr<Replay> f, Where at, Tensor y, std::vector<Tensor> touched,
                     std::span<const Tensor> given) {
  if (y.tracked()) touched.push_back(y);  // f returned something it did not compute
  auto key = [](const Tensor& t) { return std::pair(t.edge().node.get(), t.edge().output); };
  std::sort(touched.begin(), touched.end(), [&](auto& a, auto& b) { return key(a) < key(b); });
  touched.erase(std::unique(touched.begin(), touched.end(), [&](auto& a, auto& b) { return key(a) == key(b); }),
                touched.end());
  if (touched.empty()) return y;
  for (const Tensor& t : given)
    if (t.defined() && !t.tracked()) touched.push_back(t);
  auto* n = new Checkpoint(std::move(f), touched);
  Ref<Node> owner(n);
  enroll(*n, at);
  return Tensor(y.array(), Edge{owner, 0});
}

// ---- jacobian
Shape detail::jacobian_shape(const Tensor& y, const Tensor& x, Where at) {
  if (y.dim() + x.dim() > max_rank)
    fail<ShapeError>(at, "jacobian",
                     "of y " + y.shape().str() + " by x " + x.shape().str() + " would have " +
                         std::to_string(y.dim() + x.dim()) + " dimensions, which is more than 8");
  Shape shape = y.shape();
  for (int64_t n : x.shape()) shape.push_back(n);
  return shape;
}
Tensor jacobian(const Tensor& y, const Tensor& x, Where at) {
  const Shape shape = detail::jacobian_shape(y, x, at);
  Array rows({y.numel(), x.numel()}, x.dtype());
  for (int64_t i = 0; i < y.numel(); ++i) {
    Array one_hot = filled({y.numel()}, 0, y.dtype()), hot = one_hot.sliced(0, i, 1);
    copy_into(hot, Array::number(1, 1, y.dtype()));
    const Tensor g = vjp(y, Tensor(one_hot.reshaped(y.shape())), {&x, 1}, false, at)[0];
    Array row = rows.sliced(0, i, 1);
    copy_into(row, g.array().reshaped({1, x.numel()}));
  }
  return Tensor(rows.reshaped(shape));
}

// ---- Gradients
const Tensor& Gradients::at(std::string_view path, Where at) const {
  for (std::size_t i = 0; i < paths.size(); ++i)
    if (paths[i] == path) return values[i];
  fail<GradError>(at, "Gradients", "there is no parameter " + std::string(path));
}

double Gradients::norm() const {
  constexpr int64_t block = 1 << 14;
  double total = 0;
  for (const Tensor& g : values) {
    const Array x = g.array().contiguous();
    std::vector<double> part(std::size_t(ceil_div(x.numel(), block)));
    visit_dtype(x.dtype(), [&]<class T>(T) {
      const T* p = x.data<T>();
      parallel_for(x.numel(), block, [&](int64_t begin, int64_t end) {
        std::array<double, 16> sum{};  // side by side, so that they are added several at a time
        int64_t i = begin;
        for (; i + 16 <= end; i += 16)
          for (std::size_t k = 0; k < 16; ++k) sum[k] += double(p[i + int64_t(k)]) * double(p[i + int64_t(k)]);
        for (; i < end; ++i) sum[0] += double(p[i]) * double(p[i]);
        part[std::size_t(begin / block)] = std::accumulate(sum.begin(), sum.end(), 0.0);
      });
    });
    for (double p : part) total += p;
  }
  return std::sqrt(total);
}

Gradients operator+(const Gradients& a, Gradients b) {
  if (a.paths.empty()) return b;
  if (b.paths.empty()) return a;
  if (a.paths != b.paths)
    throw GradError("Gradients: cannot add gradients of different models (" + std::to_string(a.paths.size()) + " and " +
                    std::to_string(b.paths.size()) + " parameters)");
  for (std::size_t i = 0; i < a.values.size(); ++i)
    if (a.values[i].shape() != b.values[i].shape())
      throw GradError("Gradients: cannot add gradients of different models (" + a.paths[i] + " is " +
                      a.values[i].shape().str() + " and " + b.values[i].shape().str() + ")");
  for (std::size_t i = 0; i < a.values.size(); ++i) b.values[i] = added(a.values[i], b.values[i]);
  return b;
}

Gradients operator*(Gradients a, double by) {
  for (Tensor& g : a.values) g = g.dtype() == bf16 ? cast(scale(widened(g), by), bf16) : scale(g, by);
  return a;
}

}  // namespace heed
