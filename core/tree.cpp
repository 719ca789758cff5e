#include "tree.h"
#include <cxxabi.h>
#include <cstdlib>

namespace heed {
namespace detail {

Into::Into(std::string& p, std::string_view name) : path(p), length(p.size()) {
  if (!path.empty()) path += '.';
  path += name;
}
Into::~Into() { path.resize(length); }

void meet(Parameter& trained, const std::string& path, Visit visit) {
  if (trained.defined()) visit({Item::trained, path, {}, &trained});
}
void meet(Tensor& state, const std::string& path, Visit visit) {
  if (state.defined()) visit({Item::state, path, {}, &state});
}
void meet(double number, const std::string& path, Visit visit) { visit({Item::number, path, {}, nullptr, number}); }
void meet(ModuleId module, const std::string& path, Visit visit) { visit({Item::module, path, module}); }

namespace {
bool has_leaf(const std::vector<Tensor>& list, const Tensor& t) {
  for (const Tensor& x : list)
    if (x.edge().node.get() == t.edge().node.get()) return true;
  return false;
}
}  // namespace

Parameters parameters_of(Walk walk) {
  Parameters r;
  walk([&](const Item& x) {
    if (x.kind != Item::trained || !x.tensor->tracked() || has_leaf(r.values, *x.tensor)) return;
    r.paths.push_back(x.path);
    r.values.push_back(*x.tensor);
  });
  return r;
}

Parameters state_of(Walk walk) {
  Parameters r;
  walk([&](const Item& x) {
    if (!x.tensor || (x.kind == Item::trained && has_leaf(r.values, *x.tensor))) return;
    r.paths.push_back(x.path);
    r.values.push_back(*x.tensor);
  });
  return r;
}

void freeze_all(Walk walk, bool on) {
  walk([on](const Item& x) {
    if (x.kind == Item::trained) x.tensor->edge().node->frozen = on;
  });
}

std::vector<std::pair<std::string, std::string>> ties_of(Walk walk) {
  const Parameters owners = state_of(walk);
  std::vector<std::pair<std::string, std::string>> r;
  walk([&](const Item& x) {
    if (x.kind != Item::trained) return;
    for (std::size_t i = 0; i < owners.paths.size(); ++i)
      if (owners.values[i].edge().node.get() == x.tensor->edge().node.get() && owners.paths[i] != x.path)
        r.emplace_back(x.path, owners.paths[i]);
  });
  return r;
}

std::string path_in(Walk walk, ModuleId id) {
  std::string r;
  walk([&](const Item& x) {
    if (x.kind == Item::module && x.id == id) r = x.path;
  });
  return r;
}

std::vector<ModulePath> modules_of(Walk walk, ModuleId whole) {
  std::vector<ModulePath> r{{whole, ""}};
  walk([&](const Item& x) {
    if (x.kind == Item::module && !x.path.empty()) r.push_back({x.id, x.path});
  });
  return r;
}

}  // namespace detail

std::string type_name(const ModuleId& id) {
  if (!id.type) return "";
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> whole(abi::__cxa_demangle(id.type->name(), nullptr, nullptr, &status),
                                                     std::free);
  const std::string_view text = status ? id.type->name() : whole.get();
  std::string r;
  std::size_t word = 0;  // where the name that is being read begins in r
  int nested = 0;        // parentheses and braces around it: (anonymous namespace), main::{lambda()#1}
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (!nested && text.substr(i, 2) == "::") {
      r.resize(word);
      ++i;
      continue;
    }
    nested += (c == '(' || c == '{') - (c == ')' || c == '}');
    r += c;
    if (!nested && (c == '<' || c == ',' || c == ' ')) word = r.size();
  }
  return r;
}

bool within(std::string_view module, std::string_view path) {
  return module.empty() || (path.starts_with(module) && (path.size() == module.size() || path[module.size()] == '.'));
}

}  // namespace heed
