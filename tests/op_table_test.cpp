#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include "catch.h"
#include "op_checks.h"

using namespace heed;

namespace {

// ---- ops.h as it is written
struct Declarations {
  std::set<std::string> ops;
  std::map<std::string, std::set<std::string>> defaults;  // of an op: its defaulted parameters, and fields of options
};

std::string op_name(std::string declared, const std::string& parameters) {
  static const std::map<std::string, std::string> operators{{"operator+", "add"},
                                                            {"operator*", "mul"},
                                                            {"operator/", "div"},
                                                            {"operator<", "less"},
                                                            {"operator>", "greater"},
                                                            {"operator<=", "less_equal"},
                                                            {"operator>=", "greater_equal"},
                                                            {"operator==", "equal"},
                                                            {"operator!=", "not_equal"},
                                                            {"operator&", "logical_and"},
                                                            {"operator|", "logical_or"},
                                                            {"operator^", "logical_xor"},
                                                            {"operator~", "logical_not"}};
  if (declared == "operator-") return parameters.find(',') == std::string::npos ? "neg" : "sub";
  const auto found = operators.find(declared);
  return found == operators.end() ? declared : found->second;
}

// The names of what has a default among "int dim = -1, bool keepdim = false".
std::vector<std::string> defaulted(const std::string& list, char separator) {
  std::vector<std::string> r;
  std::istringstream parts(list);
  for (std::string part; std::getline(parts, part, separator);) {
    const std::size_t equals = part.find(" = ");
    if (equals == std::string::npos || part.find("Where at") != std::string::npos ||
        part.find(" options = ") != std::string::npos)
      continue;
    const std::size_t begin = part.rfind(' ', equals - 1) + 1;
    r.push_back(part.substr(begin, equals - begin));
  }
  return r;
}

Declarations read_declarations() {
  std::ifstream file(HEED_SOURCE_DIR "/ops/ops.h");
  REQUIRE(file);
  Declarations r;
  std::map<std::string, std::vector<std::string>> fields;  // of structs
  std::set<std::string> results{"Tensor", "std::vector<Tensor>"};
  std::string structure;
  for (std::string line; std::getline(file, line);) {
    line = line.substr(0, line.find("//"));
    if (line.rfind("struct ", 0) == 0) {
      structure = line.substr(7, line.find_first_of(" {", 7) - 7);
      results.insert(structure);
    } else if (line.rfind("};", 0) == 0) {
      structure.clear();
    } else if (structure.find("Options") != std::string::npos) {
      for (const std::string& name : defaulted(line, ';')) fields[structure].push_back(name);
    }
    const std::size_t space = line.find(' '), open = line.find('('), close = line.rfind(')');
    if (!structure.empty() || open == std::string::npos || space > open || !results.count(line.substr(0, space)))
      continue;
    const std::string parameters = line.substr(open + 1, close - open - 1);
    const std::string name = op_name(line.substr(space + 1, open - space - 1), parameters);
    r.ops.insert(name);
    for (const std::string& p : defaulted(parameters, ',')) r.defaults[name].insert(p);
    for (const auto& [type, names] : fields)
      if (parameters.find(" " + type + "&") != std::string::npos) r.defaults[name].insert(names.begin(), names.end());
  }
  return r;
}

}  // namespace

TEST_CASE("every op of ops.h has a row, and every default is set otherwise in one", "[ops]") {
  const Declarations declared = read_declarations();
  CHECK(declared.ops.size() >= 85);
  CHECK(declared.defaults.at("scaled_dot_product_attention").count("dropout") == 1);
  CHECK(declared.defaults.at("max").count("keepdim") == 1);
  std::map<std::string, std::set<std::string>> set;
  for (const OpRow& row : op_table()) {
    std::istringstream names(row.sets);
    set[row.name];
    for (std::string name; names >> name;) {
      INFO(row.title() << " sets " << name);
      CHECK(declared.defaults.at(row.name).count(name) == 1);
      set[row.name].insert(name);
    }
  }
  for (const std::string& op : declared.ops) {
    INFO(op << " has no row in op_rows_*.cpp");
    CHECK(set.count(op) == 1);
  }
  for (const auto& [op, names] : declared.defaults)
    for (const std::string& name : names) {
      INFO("no row of " << op << " sets " << name);
      CHECK(set[op].count(name) == 1);
    }
  for (const std::string& op : declared.ops) {
    INFO(op << " has no row with large shapes");
    CHECK(std::any_of(op_table().begin(), op_table().end(),
                      [&](const OpRow& row) { return row.name == op && !row.large.empty(); }));
  }
}

TEST_CASE("every row of the table", "[ops]") {
  const OpCheck check = GENERATE(from_range(op_checks()));
  for (const OpRow& row : op_table()) {
    INFO(row.title() << ": " << check.claim);
    std::string wrong;
    try {
      check.run(row, [&](const std::string& what) { wrong += what + "\n"; });
    } catch (const Error& e) {
      wrong += e.what();
    }
    CHECK(wrong == "");
  }
}
