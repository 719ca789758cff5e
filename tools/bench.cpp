// How long things take: the workloads and kernels that heed is compared by, a line of JSON each.
#include <heed/core/parallel.h>
#include <heed/core/storage.h>
#include <heed/core/text.h>
#include <heed/models/run/options.h>
#include <unistd.h>
#include <algorithm>
#include <cstdio>
#include "bench/peak.h"
#include "bench/report.h"
using namespace heed;

namespace {

std::vector<bench::Item> all_items() {
  std::vector<bench::Item> r;
  for (const auto& part : {bench::workloads(), bench::kernels(), bench::gpt2_parts(), bench::overheads()})
    r.insert(r.end(), part.begin(), part.end());
  return r;
}

// What is meant by names, groups and patterns, in the order they are given.
template <class Item>
std::vector<const Item*> chosen(const std::vector<Item>& items, const std::vector<std::string>& wanted) {
  std::vector<const Item*> r;
  std::vector<std::string> names;
  for (const Item& item : items) names.push_back(item.name), names.push_back(item.group);
  for (const std::string& name : wanted) {
    const std::size_t before = r.size();
    for (const Item& item : items)
      if (item.group == name || matches(name, item.name)) r.push_back(&item);
    if (r.size() == before) throw Error("there is no item " + name + ": did you mean " + nearest(name, names) + "?");
  }
  return r;
}

void measure(Options& options) {
  const auto threads = options.integer("--threads", num_threads(), "threads", at_least(1));
  const auto seconds = options.number("--seconds", 4, "that an item takes at least", at_least(0));
  const bool scaling =
      options.flag("--scaling", "how the cost grows, instead: a table; NAMEs are then others (--list), none: sizes");
  const std::string table = options.text("--table", "", "a table from the lines that compare.sh has collected here");
  const std::string svg = options.text("--svg", "", "a picture of that table, to write");
  const bool list = options.flag("--list", "names what there is, or what NAMEs stand for");
  const auto wanted = options.words("NAME", "an item, a pattern (sdpa_*) or a group; none: the workloads");
  options.done();
  set_num_threads(int(threads));

  const std::vector<bench::Item> items = all_items();
  if (!table.empty()) {
    std::fputs(bench::comparison(table, items, svg).c_str(), stdout);
    return;
  }
  const std::vector<bench::Growth> growths = bench::growths();
  const std::vector<std::string> usual{list ? "*" : scaling ? "sizes" : "workloads"};
  const auto& names = wanted.empty() ? usual : wanted;
  if (list) {
    const auto print = [](const auto& all) {
      for (const auto* one : all) std::puts(one->name.c_str());
    };
    scaling ? print(chosen(growths, names)) : print(chosen(items, names));
    return;
  }
  // Threads that have just begun may share one core for a tenth of a second: what is timed first would be twice as
  // slow.
  bench::fma_peak();
  if (scaling) {
    std::fputs(bench::scaling(chosen(growths, names), seconds, svg).c_str(), stdout);
    return;
  }
  for (const bench::Item* item : chosen(items, names)) {
    const bool terminal = isatty(STDERR_FILENO);
    if (terminal) std::fprintf(stderr, "%s ..", item->name.c_str());
    const std::string line = bench::line_of(*item, seconds);
    if (terminal) std::fprintf(stderr, "\r\033[K");
    std::puts(line.c_str());
    std::fflush(stdout);
    memory::trim();
  }
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(argc, argv,
                     {.what = "Times training steps, kernels and small ops: medians, rates, shares of what the machine "
                              "can do (fused multiply-adds, or a triad from memory) and the peak of memory, a line of "
                              "JSON each. tools/bench/compare.sh does the same with PyTorch and compares.",
                      .example = "mlp_b64 'sdpa_T1024*' --threads 1"},
                     measure);
}
