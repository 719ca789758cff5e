#include "summary.h"
#include "graph.h"
#include "table.h"

namespace heed {

std::string detail::summary_text(const Parameters& all) {
  Table table({"name", "shape", "kind", "elements"}, 3);
  int64_t elements = 0, trained = 0, bytes = 0;
  for (std::size_t i = 0; i < all.paths.size(); ++i) {
    const Tensor& t = all.values[i];
    table.add({all.paths[i], t.shape().str(),
               t.tracked()     ? "trained"
               : t.edge().node ? "frozen"
                               : "state",
               grouped(t.numel())});
    elements += t.numel();
    trained += t.tracked() ? t.numel() : 0;
    bytes += t.numel() * int64_t(width(t.dtype()));
  }
  return table.str() + grouped(elements) + " elements, " + grouped(trained) + " trained, " + grouped(bytes) +
         " bytes\n";
}

namespace {

// The modules of a path: its own and those around it.
template <class F>
void around(std::vector<Summary::Row>& rows, const std::string& path, F f) {
  for (Summary::Row& r : rows)
    if (within(r.path, path)) f(r);
}

}  // namespace

Summary detail::summarize(const std::vector<ModulePath>& modules, const Parameters& all, FunctionRef<void()> call) {
  Summary s;
  for (const ModulePath& m : modules) {
    int depth = 0;
    around(s.rows, m.path, [&](Summary::Row&) { ++depth; });
    s.rows.push_back({.path = m.path, .type = type_name(m.id), .depth = depth});
  }
  auto path = [&](const ModuleId& id) -> std::string {
    for (const ModulePath& m : modules)
      if (m.id == id) return m.path;
    return "";
  };
  for (std::size_t i = 0; i < all.paths.size(); ++i) {
    const Tensor& t = all.values[i];
    if (!t.edge().node) continue;
    around(s.rows, all.paths[i], [&](Summary::Row& r) { r.parameters += t.numel(); });
    if (t.tracked()) s.trained += t.numel();
    s.bytes += t.numel() * int64_t(width(t.dtype()));
  }

  std::vector<Tensor> results;  // their histories only
  std::vector<char> recorded(s.rows.size());
  {
    Recording on(true);
    Observe watching([&](const Event& e) {
      if (e.backward || mode.in_rule) return;
      const Tensor& y = e.outputs[0];
      const bool counts = mode.recording || mode.touched;  // what is not moves running statistics, say
      around(s.rows, path(e.module), [&](Summary::Row& r) {
        char& known = recorded[std::size_t(&r - s.rows.data())];
        if (counts || !known) r.output = y.shape();
        known = known || counts;
        r.multiply_adds += e.multiply_adds;
      });
      if (y.tracked()) results.push_back(Tensor(y.array().without_values(), y.edge()));
    });
    call();
  }
  Remembered remembered(all.values);
  for (const Node* n : graph_nodes(results))
    around(s.rows, path(n->module), [bytes = remembered.add(*n)](Summary::Row& r) { r.remembered += bytes; });
  return s;
}

std::string Summary::str() const {
  Table table({"module", "type", "output", "parameters", "multiply-adds", "remembered bytes"}, 3);
  std::vector<std::string> around;  // the paths of the modules that the row stands in
  for (const Row& r : rows) {
    around.resize(std::size_t(r.depth));
    const std::size_t known = r.depth > 1 ? around.back().size() + 1 : 0;
    table.add({r.path.empty() ? "(model)" : std::string(2 * std::size_t(r.depth), ' ') + r.path.substr(known), r.type,
               r.output ? r.output->str() : "", grouped(r.parameters), grouped(r.multiply_adds),
               grouped(r.remembered)});
    around.push_back(r.path);
  }
  return table.str() + grouped(rows[0].parameters) + " parameters, " + grouped(trained) + " trained, in " +
         grouped(bytes) + " bytes; " + grouped(rows[0].multiply_adds) + " multiply-adds; " +
         grouped(rows[0].remembered) + " bytes remembered for the gradient\n";
}

}  // namespace heed
