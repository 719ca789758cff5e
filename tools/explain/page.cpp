#include "page.h"
#include <filesystem>
#include <map>
#include <regex>
#include <set>
#include <stdexcept>
#include <string_view>
#include "bundled.h"

namespace heed::explain {
namespace {

const std::string& part(const std::string& name) {
  static const std::map<std::string, std::string> all(bundled, bundled + bundled_count);
  const auto found = all.find(name);
  if (found == all.end()) throw std::logic_error("the page has no part " + name);
  return found->second;
}

// A JavaScript module as a function of its own, after all those that it imports:
//   modules['grid.js'] = (() => { const {html} = modules['dom.js']; .. return {Grid}; })();
class Bundle {
 public:
  const std::string& add(const std::string& name) {
    if (!added_.insert(name).second) return script_;
    static const std::regex import(R"(import \{([^}]*)\} from '([^']*)';\n)");
    static const std::regex exported(R"((^|\n)export (?:function|const|class) (\w+))"), as(" as ");
    std::string code = part(name), names, reads;
    for (std::sregex_iterator m(code.begin(), code.end(), import), end; m != end; ++m) {
      const std::string from = (std::filesystem::path(name).parent_path() / (*m)[2].str()).lexically_normal().string();
      add(from);
      reads += "const {" + std::regex_replace((*m)[1].str(), as, ": ") + "} = modules['" + from + "'];\n";
    }
    code = std::regex_replace(code, import, "");
    for (std::sregex_iterator m(code.begin(), code.end(), exported), end; m != end; ++m)
      names += (names.empty() ? "" : ", ") + (*m)[2].str();
    code = std::regex_replace(code, std::regex("(^|\n)export "), "$1");
    script_ += "modules['" + name + "'] = (() => {\n" + reads + code + "return {" + names + "};\n})();\n";
    return script_;
  }

 private:
  std::set<std::string> added_;
  std::string script_ = "const modules = (globalThis.explainer = {});\n";  // a test reads them
};

void put(std::string& page, std::string_view place, const std::string& what) {
  const std::size_t at = page.find(place);
  if (at == std::string::npos) throw std::logic_error("the page has no place " + std::string(place));
  page.replace(at, place.size(), what);
}

}  // namespace

std::string page(const std::string& json) {
  std::string r = part("page.html");
  put(r, "{{page.css}}", part("page.css"));
  put(r, "{{script}}", Bundle().add("main.js"));
  std::string data;  // in which nothing is taken for a tag
  for (const char c : json) data += c == '<' ? "\\u003c" : std::string(1, c);
  put(r, "{{data}}", data);
  return r;
}

}  // namespace heed::explain
