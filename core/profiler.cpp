#include "profiler.h"
#include <algorithm>
#include <nlohmann/json.hpp>
#include "disk.h"
#include "table.h"

namespace heed {
namespace {

struct Call {
  const char* op;
  bool backward, in_rule;
  Where at;
  ModuleId module;
  int64_t started, ended, bytes;
  std::size_t shapes, inputs, outputs;  // where they begin in `shapes`, and how many
};

int64_t bytes_made(const Event& e) {
  int64_t bytes = 0;
  for (const Tensor& y : e.outputs) {
    const Storage* s = y.array().storage();
    const bool view =
        std::any_of(e.inputs.begin(), e.inputs.end(), [s](const Tensor* x) { return x->array().storage() == s; });
    if (s && !view) bytes += int64_t(s->bytes);
  }
  return bytes;
}

double ms(int64_t ns) { return double(ns) / 1e6; }

}  // namespace

struct Profiler::Recorded {
  std::vector<ModulePath> modules;
  int64_t began = steady_ns();
  std::vector<Call> calls{};  // in the order in which they ended
  std::vector<Shape> shapes{};

  // Calls f(call, ns of its own, bytes) for those that count. The ops that a gradient rule runs do not: their time and
  // bytes are those of the backward event around them.
  template <class F>
  void each(F f) const {
    constexpr std::size_t none = ~std::size_t{0};
    std::vector<std::size_t> around(calls.size(), none), open;
    std::vector<char> holds(calls.size());
    for (std::size_t i = 0; i < calls.size(); ++i) {
      for (; !open.empty() && calls[open.back()].started >= calls[i].started; open.pop_back())
        around[open.back()] = i, holds[i] = true;
      open.push_back(i);
    }
    auto counts = [&](std::size_t i) { return !calls[i].in_rule || around[i] == none; };
    std::vector<int64_t> own(calls.size()), bytes(calls.size());
    for (std::size_t i = calls.size(); i-- > 0;) {  // what is around a call stands behind it
      const int64_t lasted = calls[i].ended - calls[i].started, made = holds[i] ? 0 : calls[i].bytes;
      if (around[i] != none && !counts(around[i])) around[i] = around[around[i]];
      bytes[counts(i) ? i : around[i]] += made;
      if (!counts(i)) continue;
      own[i] += lasted;
      if (around[i] != none) own[around[i]] -= lasted;
    }
    for (std::size_t i = 0; i < calls.size(); ++i)
      if (counts(i)) f(calls[i], own[i], bytes[i]);
  }

  std::string module_name(const ModuleId& id) const {  // its path; without a model, its type
    for (const ModulePath& m : modules)
      if (m.id == id) return m.path;
    return modules.empty() && id.type ? type_name(id) : "";
  }
};

namespace {

Profiler::Row& row(std::vector<Profiler::Row>& rows, const std::string& name) {
  const auto r = std::find_if(rows.begin(), rows.end(), [&](const Profiler::Row& x) { return x.name == name; });
  return r != rows.end() ? *r : rows.emplace_back(Profiler::Row{.name = name});
}
void add_own(Profiler::Row& r, int64_t ns, int64_t bytes) {
  ++r.calls;
  r.self += ms(ns);
  r.bytes += bytes;
}
void add_all(Profiler::Row& r, const Call& c, int64_t ns) { (c.backward ? r.backward : r.forward) += ms(ns); }

std::string table(const char* what, const std::vector<Profiler::Row>& rows, double total) {
  Table t({what, "calls", "total ms", "forward", "backward", "self", "mean us", "bytes"}, 1);
  for (const Profiler::Row& r : rows)
    t.add({r.name.empty() ? "(model)" : r.name, grouped(r.calls), fixed(r.forward + r.backward, 3), fixed(r.forward, 3),
           fixed(r.backward, 3), fixed(total > 0 ? 100 * r.self / total : 0, 1) + " %", fixed(r.mean(), 1),
           grouped(r.bytes)});
  return t.str();
}

nlohmann::json texts(std::span<const Shape> shapes) {
  nlohmann::json r = nlohmann::json::array();
  for (const Shape& s : shapes) r.push_back(s.str());
  return r;
}

}  // namespace

Profiler::Profiler(std::vector<ModulePath> modules)
    : recorded_(new Recorded{std::move(modules)}), watch_(Record{recorded_.get()}) {}
Profiler::~Profiler() = default;

void Profiler::Record::operator()(const Event& e) const {
  to->calls.push_back({e.op, e.backward, mode.in_rule, e.at, e.module, e.started, e.ended, bytes_made(e),
                       to->shapes.size(), e.inputs.size(), e.outputs.size()});
  for (const Tensor* x : e.inputs) to->shapes.push_back(x->shape());
  for (const Tensor& y : e.outputs) to->shapes.push_back(y.shape());
}

std::vector<Profiler::Row> Profiler::by_op() const {
  std::vector<Row> rows;
  recorded_->each([&](const Call& c, int64_t ns, int64_t bytes) {
    Row& r = row(rows, c.op);
    add_own(r, ns, bytes);
    add_all(r, c, ns);
  });
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.self > b.self; });
  return rows;
}

std::vector<Profiler::Row> Profiler::by_module() const {
  std::vector<Row> rows;
  for (const ModulePath& m : recorded_->modules) rows.push_back({.name = m.path});
  recorded_->each([&](const Call& c, int64_t ns, int64_t bytes) {
    const std::string name = recorded_->module_name(c.module);
    add_own(row(rows, name), ns, bytes);
    for (Row& r : rows)
      if (r.name == name || (!recorded_->modules.empty() && within(r.name, name))) add_all(r, c, ns);
  });
  std::erase_if(rows, [](const Row& r) { return r.forward + r.backward == 0; });
  return rows;
}

double Profiler::wall() const { return ms(steady_ns() - recorded_->began); }

std::string Profiler::str() const {
  const double total = wall();
  double in_ops = 0;
  const std::vector<Row> ops = by_op();
  for (const Row& r : ops) in_ops += r.self;
  return table("op", ops, in_ops) + "\n" + table("module", by_module(), in_ops) + "\n" + fixed(in_ops, 3) +
         " ms in ops, of " + fixed(total, 3) + " ms\n";
}

void Profiler::save(const std::string& path, Where at) const {
  const Recorded& r = *recorded_;
  NewFile file({"Profiler", path, at});
  file.write(R"({"traceEvents": [
{"name": "thread_name", "ph": "M", "pid": 1, "tid": 1, "args": {"name": "ops"}})");
  for (const Call& c : r.calls) {
    const std::span<const Shape> shapes = std::span(r.shapes).subspan(c.shapes);
    const std::string module = r.module_name(c.module);
    const nlohmann::json event{{"name", c.op},
                               {"cat", c.backward  ? "backward"
                                       : c.in_rule ? "rule"
                                                   : "forward"},
                               {"ph", "X"},
                               {"pid", 1},
                               {"tid", 1},
                               {"ts", 1e3 * ms(c.started - r.began)},
                               {"dur", 1e3 * ms(c.ended - c.started)},
                               {"args",
                                {{"module", module},
                                 {"line", c.at ? c.at.str() : ""},
                                 {"inputs", texts(shapes.first(c.inputs))},
                                 {"outputs", texts(shapes.subspan(c.inputs, c.outputs))},
                                 {"bytes", c.bytes}}}};
    file.write(",\n" + event.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  }
  file.write("\n]}\n");
  file.commit();
}

}  // namespace heed
