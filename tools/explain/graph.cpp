#include "graph.h"
#include <filesystem>
#include <map>
#include "../../core/graph.h"

namespace heed::explain {
namespace {

struct Place {  // a node: a leaf, or an op
  Tensor leaf;
  const AppliedOp* op = nullptr;
  std::vector<Tensor> outputs;  // those with a history
};

// |gradient| that an op sends back to each of its inputs, null where it sends none: the op again, by itself.
json flows(const AppliedOp& op, const std::vector<Tensor>& gradients) {
  std::vector<Tensor> x, moving, y;
  for (const Tensor& input : op.inputs) {
    x.push_back(input.tracked() ? input.detach().requires_grad() : input);
    if (input.tracked()) moving.push_back(x.back());
  }
  for (const Tensor& output : op.node()->again(x))
    if (output.tracked()) y.push_back(output);
  const std::vector<Tensor> d = vjp(y, gradients, moving);
  json r = json::array();
  std::size_t next = 0;
  for (const Tensor& input : op.inputs)
    if (input.defined()) r.push_back(input.tracked() ? json(size_of(d[next++])) : json());
  return r;
}

double size_of_all(const std::vector<Tensor>& list) {
  double squares = 0;
  for (const Tensor& x : list) squares += std::pow(size_of(x), 2);
  return std::sqrt(squares);
}

// Of the tree's root, without detours: "tools/explain/../../nn/linear.h" is "nn/linear.h".
std::string line_of_tree(Where at) {
  std::string file = std::filesystem::path(at.file).lexically_normal();
  while (file.starts_with("../")) file.erase(0, 3);
  return file + ":" + std::to_string(at.line);
}

}  // namespace

json graph(const Tensor& loss, const std::vector<AppliedOp>& ops, const Names& names, bool values) {
  const std::vector<const Node*> nodes = graph_nodes({&loss, 1});
  std::map<const Node*, int> number;
  for (const Node* n : nodes) number.emplace(n, int(number.size()));
  auto number_of = [&](const Tensor& x) { return x.tracked() ? number.at(x.edge().node.get()) : -1; };

  std::vector<Place> places(nodes.size());
  for (const AppliedOp& op : ops) {
    const auto found = number.find(op.node());
    if (found == number.end()) continue;
    Place& p = places[std::size_t(found->second)];
    p.op = &op;
    for (const Tensor& y : op.outputs)
      if (y.tracked()) p.outputs.push_back(y);
    for (const Tensor& x : op.inputs)
      if (x.tracked() && x.edge().node->leaf) places[std::size_t(number_of(x))].outputs = {x};
  }
  std::vector<Tensor> all;
  for (const Place& p : places) all.insert(all.end(), p.outputs.begin(), p.outputs.end());
  const std::vector<Tensor> gradients = grad(loss, all);

  json r{{"modules", json::array()}, {"nodes", json::array()}};
  for (const ModulePath& m : names.modules) r["modules"].push_back({{"path", m.path}, {"type", type_name(m.id)}});
  auto at = gradients.begin();
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const Node& n = *nodes[i];
    const Place& p = places[i];
    const std::vector<Tensor> d(at, at + std::ptrdiff_t(p.outputs.size()));
    at += std::ptrdiff_t(p.outputs.size());

    std::size_t module = 0;
    json inputs = json::array(), edges = json::array();
    json node{{"op", n.name}};
    if (n.leaf) {
      for (std::size_t k = 0; k < names.parameters.paths.size(); ++k) {
        if (names.parameters.values[k].edge().node.get() != &n) continue;
        node["name"] = names.parameters.paths[k];
        for (std::size_t m = 0; m < names.modules.size(); ++m)
          if (within(names.modules[m].path, names.parameters.paths[k])) module = m;
      }
    } else {
      for (std::size_t m = 0; m < names.modules.size(); ++m)
        if (names.modules[m].id == n.module) module = m;
      for (const Tensor& x : p.op->inputs)
        if (x.defined()) inputs.push_back(number_of(x));
      edges = flows(*p.op, d);
      node["line"] = line_of_tree(n.at);
    }
    const Tensor& y = p.outputs[0];
    node["module"] = module;
    node["shape"] = std::vector<int64_t>(y.shape().begin(), y.shape().end());
    node["inputs"] = inputs;
    node["norm"] = size_of_all(p.outputs);
    node["grad"] = size_of_all(d);
    node["edges"] = edges;
    if (values && y.numel() <= 64) node["value"] = json_of(y), node["gradient"] = json_of(d[0]);
    r["nodes"].push_back(node);
  }
  return r;
}

}  // namespace heed::explain
