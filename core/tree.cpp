#include "tree.h"
#include <cxxabi.h>
#include <cstdlib>

namespace heed {

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
