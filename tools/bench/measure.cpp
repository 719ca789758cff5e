#include "measure.h"
#include <heed/core/parallel.h>
#include <sys/times.h>
#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <sstream>
#include "peak.h"

namespace heed::bench {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Seconds of work that all processes but this one have had so far.
double work_of_others() {
  std::ifstream file("/proc/stat");
  std::string cpu;
  double user = 0, nice = 0, system = 0, idle = 0, wait = 0, interrupts = 0, soft = 0;
  file >> cpu >> user >> nice >> system >> idle >> wait >> interrupts >> soft;
  tms mine{};
  times(&mine);
  return (user + nice + system + interrupts + soft - double(mine.tms_utime) - double(mine.tms_stime)) /
         double(sysconf(_SC_CLK_TCK));
}

double status(const std::string& key) {  // of /proc/self/status, in MiB
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(key + ":")) return std::stod(line.substr(key.size() + 1)) / 1024;
  return 0;
}

double rounded(double v, int decimals) {
  const double scale = std::pow(10, decimals);
  return std::round(v * scale) / scale;
}

const double base = resident();  // before main has done anything

}  // namespace

double resident() { return status("VmRSS"); }
double resident_peak() { return status("VmHWM"); }
void reset_resident_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }

Timing time(const Patience& patience, FunctionRef<void()> f) {
  Timing t;
  const auto begin = Clock::now();
  f();
  t.first = seconds_since(begin);
  for (int64_t i = 1; i < patience.warm && t.first <= 3; ++i) f();

  constexpr std::size_t most = 400;
  std::vector<double> runs;
  const auto start = Clock::now();
  const double others = work_of_others();
  while (int64_t(runs.size()) < patience.least || (seconds_since(start) < patience.seconds && runs.size() < most)) {
    const auto run = Clock::now();
    for (int64_t i = 0; i < patience.inner; ++i) f();
    runs.push_back(seconds_since(run) / double(patience.inner));
    if (seconds_since(start) > std::max(20.0, 3 * patience.seconds)) break;
  }
  t.foreign = std::max(0.0, (work_of_others() - others) / seconds_since(start));
  std::sort(runs.begin(), runs.end());
  t.median = (runs[(runs.size() - 1) / 2] + runs[runs.size() / 2]) / 2;
  t.min = runs.front(), t.max = runs.back(), t.n = int64_t(runs.size());
  return t;
}

std::string line_of(const Item& item, double seconds) {
  reset_resident_peak();
  const Result r = item.run(seconds);
  const double memory = resident_peak();
  const Timing& t = r.timing;
  nlohmann::ordered_json line;
  line["name"] = item.name;
  line["median_ms"] = rounded(1e3 * t.median, 5), line["min_ms"] = rounded(1e3 * t.min, 5);
  line["max_ms"] = rounded(1e3 * t.max, 5), line["n"] = t.n, line["fg"] = rounded(t.foreign, 2);
  line["threads"] = num_threads();
  if (r.flops > 0) {
    line["gflop"] = rounded(r.flops / 1e9, 4), line["gflops"] = rounded(r.flops / t.median / 1e9, 2);
    line["fma_peak_gflops"] = rounded(fma_peak() / 1e9, 1);
    line["share"] = rounded(r.flops / t.median / fma_peak(), 3);
  }
  if (r.bytes > 0) {
    line["gbps"] = rounded(r.bytes / t.median / 1e9, 2), line["triad_gbps"] = rounded(triad_peak() / 1e9, 1);
    line["share"] = rounded(r.bytes / t.median / triad_peak(), 3);
  }
  if (r.count > 0) line["rate"] = rounded(r.count / t.median, 1), line["unit"] = r.unit + "/s";
  line.update(r.more);
  line["peak_rss_mb"] = std::lround(memory), line["base_rss_mb"] = std::lround(base);
  return line.dump();
}

}  // namespace heed::bench
