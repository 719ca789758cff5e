#include "graph.h"
#include <algorithm>
#include <map>
#include <set>
#include "op.h"
#include "table.h"

namespace heed {

std::vector<const Node*> graph_nodes(std::span<const Tensor> ys) {
  std::vector<const Node*> r;
  std::set<const Node*> seen;
  auto meet = [&](const Node* n) {
    if (n && seen.insert(n).second) r.push_back(n);
  };
  for (const Tensor& y : ys) meet(y.edge().node.get());
  for (std::size_t i = 0; i < r.size(); ++i)
    for (const Slot& s : r[i]->parents()) meet(s.tensor.edge().node.get());
  std::stable_sort(r.begin(), r.end(), [](const Node* a, const Node* b) { return a->id < b->id; });
  return r;
}

Remembered::Remembered(std::span<const Tensor> apart) {
  for (const Tensor& t : apart) is_new(t.array().storage());
}
bool Remembered::is_new(const Storage* s) {
  const auto place = std::lower_bound(known_.begin(), known_.end(), s, std::less<>());
  if (place != known_.end() && *place == s) return false;
  known_.insert(place, s);
  return true;
}
int64_t Remembered::add(const Node& n) {
  int64_t bytes = 0;
  for (const Array& a : n.remembered())
    if (a.storage() && is_new(a.storage())) bytes += int64_t(a.storage()->bytes);
  return bytes;
}

namespace {

std::string quoted(const std::string& s) {
  std::string r = "\"";
  for (char c : s) r += c == '\n' ? "\\n" : c == '"' || c == '\\' ? std::string{'\\', c} : std::string{c};
  return r + '"';
}

std::string line_text(Where at) {  // without the folders
  return at ? std::string(at.file).substr(std::string_view(at.file).find_last_of('/') + 1) + ":" +
                  std::to_string(at.line)
            : "";
}

// Boxes within boxes: a module's stands in that of the module whose path begins its own.
class Boxes {
 public:
  explicit Boxes(const std::vector<ModulePath>& modules) : modules_(modules), lines_(modules.size() + 1) {}
  std::string& of(const ModuleId& id) {
    for (std::size_t i = 0; i < modules_.size(); ++i)
      if (modules_[i].id == id) return lines_[i];
    return lines_.back();  // outside of all of them
  }
  std::string& of(const std::string& parameter) {  // the innermost box
    std::size_t i = modules_.size() - 1;
    while (!within(modules_[i].path, parameter)) --i;
    return lines_[i];
  }
  std::string str() const {
    std::string r = lines_.back();
    for (std::size_t i = 0; i < modules_.size();) r += box(i);
    return r;
  }

 private:
  std::string box(std::size_t& i) const {  // of module i, moving i past it
    const ModulePath& m = modules_[i];
    std::string inside = lines_[i];
    const std::size_t number = i++;
    while (i < modules_.size() && within(m.path, modules_[i].path)) inside += box(i);
    if (inside.empty() || m.path.empty()) return inside;
    return "subgraph cluster_" + std::to_string(number) + " {\nlabel=" + quoted(m.path) + "\n" + inside + "}\n";
  }

  const std::vector<ModulePath>& modules_;
  std::vector<std::string> lines_;
};

}  // namespace

std::string detail::graph_dot(const Tensor& y, const std::vector<ModulePath>& modules, const Parameters& named,
                              Where at) {
  if (!y.tracked()) fail<GradError>(at, "graph_dot", "y has no history: there is no graph to draw");
  const std::vector<const Node*> nodes = graph_nodes({&y, 1});
  std::map<const Node*, std::size_t> number;
  for (std::size_t i = 0; i < nodes.size(); ++i) number[nodes[i]] = i;

  std::vector<std::map<int, Shape>> results(nodes.size());  // of each node, as its consumers know them
  std::string arrows;
  auto arrow = [&](const Tensor& t, std::size_t to) {
    if (!t.edge().node) return;
    const std::size_t from = number.at(t.edge().node.get());
    results[from][t.edge().output] = t.shape();
    if (to < nodes.size()) arrows += "n" + std::to_string(from) + " -> n" + std::to_string(to) + "\n";
  };
  for (std::size_t i = 0; i < nodes.size(); ++i)
    for (const Slot& s : nodes[i]->parents()) arrow(s.tensor, i);
  arrow(y, nodes.size());

  Boxes boxes(modules);
  Remembered remembered(named.values);
  int64_t total = 0;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const Node& n = *nodes[i];
    std::string label = n.name, *box = &boxes.of(n.module);
    for (std::size_t p = 0; n.leaf && p < named.paths.size(); ++p)
      if (named.values[p].edge().node.get() == &n) box = &boxes.of(label = named.paths[p]);
    for (const auto& [output, shape] : results[i])
      label += (output == results[i].begin()->first ? "\n" : ", ") + shape.str();
    if (n.at) label += "\n" + line_text(n.at);
    const int64_t bytes = remembered.add(n);
    total += bytes;
    if (bytes) label += "\n" + grouped(bytes) + " B";
    *box += "n" + std::to_string(i) + " [label=" + quoted(label) + (n.leaf ? ", shape=ellipse" : "") + "]\n";
  }
  return "digraph {\nlabel=" +
         quoted(grouped(std::ssize(nodes)) + " nodes remember " + grouped(total) + " bytes for the gradient") +
         "\nnode [shape=box, style=filled, fillcolor=white, fontname=\"sans-serif\", fontsize=11]\n"
         "graph [fontname=\"sans-serif\", fontsize=11, labeljust=l, style=filled, fillcolor=\"#00000010\", "
         "color=\"#00000040\"]\n"
         "edge [color=\"#00000080\"]\n" +
         boxes.str() + arrows + "}\n";
}

}  // namespace heed
