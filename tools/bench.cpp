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
std::vector<const bench::Item*> chosen(const std::vector<bench::Item>& items, const std::vector<std::string>& wanted) {
  std::vector<const bench::Item*> r;
  std::vector<std::string> names;
  for (const bench::Item& item : items) names.push_back(item.name), names.push_back(item.group);
  for (const std::string& name : wanted) {
    const std::size_t before = r.size();
    for (const bench::Item& item : items)
      if (item.group == name || matches(name, item.name)) r.push_back(&item);
    if (r.size() == before) throw Error("there is no item " + name + ": did you mean " + nearest(name, names) + "?");
  }
  return r;
}

void measure(Options& options) {
  const auto threads = options.integer("--threads", num_threads(), "threads", at_least(1));
  const auto seconds = options.number("--seconds", 4, "that an item takes at least", at_least(0));
  const bool scaling = options.flag("--scaling", "how the cost grows with the size, instead: a table");
  const std::string table = options.text("--table", "", "a table from the lines that compare.sh has collected here");
  const std::string svg = options.text("--svg", "", "a picture of that table, to write");
  const bool list = options.flag("--list", "names what there is, or what NAMEs stand for");
  const auto wanted = options.words("NAME", "an item, a pattern (sdpa_*) or a group; none: the workloads");
  options.done();
  set_num_threads(int(threads));

  const std::vector<bench::Item> items = all_items();
  if (scaling || !table.empty()) {
    std::fputs((scaling ? bench::scaling(seconds, svg) : bench::comparison(table, items, svg)).c_str(), stdout);
    return;
  }
  const bool everything = list && wanted.empty();
  const auto names = everything       ? std::vector<std::string>{"*"}
                     : wanted.empty() ? std::vector<std::string>{"workloads"}
                                      : wanted;
  // Threads that have just begun may share one core for a tenth of a second: what is timed first would be twice as
  // slow.
  if (!list) bench::fma_peak();
  for (const bench::Item* item : chosen(items, names)) {
    if (list) {
      std::puts(item->name.c_str());
      continue;
    }
    const bool terminal = isatty(STDERR_FILENO);
    if (terminal) std::fprintf(stderr, "%s ..", item->name.c_str());
    const bench::Result result = item->run(seconds);
    if (terminal) std::fprintf(stderr, "\r\033[K");
    std::puts(bench::line_of(*item, result).c_str());
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
