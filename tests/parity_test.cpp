// What PyTorch 2.14 computes, in float64: tests/parity/README.md.
#include "parity.h"
#include <cstdio>

using namespace parity;

namespace {

const Cases& cases() {
  static const Cases all = [] {
    Cases r = op_cases();
    r.merge(module_cases());
    r.merge(optim_cases());
    return r;
  }();
  return all;
}

}  // namespace

TEST_CASE("parity: every stored file has a case, and every case its file") {
  std::vector<std::string> stored, known;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".safetensors") stored.push_back(entry.path().stem());
  std::sort(stored.begin(), stored.end());
  for (const auto& [name, run] : cases()) known.push_back(name);
  CHECK(stored == known);
}

TEST_CASE("parity: outputs, gradients and optimizer steps are PyTorch's within 1e-10") {
  for (const auto& [name, run] : cases()) {
    INFO(name);
    Reference r(name);
    CHECK(r.file.metadata.at("case") == name);
    CHECK(r.file.metadata.at("torch").rfind("2.14", 0) == 0);
    run(r);
    INFO("worst difference " << r.worst << " in " << r.worst_key);
    CHECK(r.worst <= tolerance);
    CHECK(r.unasked() == std::vector<std::string>());
  }
}

// tools/parity.sh prints it: a line for what is computed alike, named after the shortest of its cases.
TEST_CASE("parity: the table of differences", "[.][parity]") {
  struct Line {
    std::string name;
    int cases = 0, compared = 0;
    double worst = -1;
    std::string worst_case;
  };
  std::map<void (*)(Reference&), Line> lines;
  for (const auto& [name, run] : cases()) {
    Reference r(name);
    run(r);
    Line& line = lines[run];
    if (line.name.empty() || name.size() < line.name.size()) line.name = name;
    ++line.cases;
    line.compared += r.compared;
    if (r.worst > line.worst) line.worst = r.worst, line.worst_case = name + " " + r.worst_key;
  }
  std::vector<Line> sorted;
  for (const auto& [run, line] : lines) sorted.push_back(line);
  std::sort(sorted.begin(), sorted.end(), [](const Line& a, const Line& b) { return a.name < b.name; });
  Line all;
  std::printf("%-34s %6s %9s %9s  %s\n", "name", "cases", "compared", "worst", "in");
  for (const Line& l : sorted) {
    std::printf("%-34s %6d %9d %9.1e  %s\n", l.name.c_str(), l.cases, l.compared, l.worst, l.worst_case.c_str());
    all.cases += l.cases, all.compared += l.compared;
    if (l.worst > all.worst) all.worst = l.worst, all.worst_case = l.worst_case;
  }
  std::printf("%-34s %6d %9d %9.1e  %s\n", "all", all.cases, all.compared, all.worst, all.worst_case.c_str());
}
