#pragma once
// What is measured, and how: the timing of peers/torch_bench.py, and a line of JSON for each item.
#include <heed/core/function_ref.h>
#include <cmath>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace heed::bench {

struct Timing {  // of one run of the function, in seconds
  double median = 0, min = 0, max = 0, first = 0;
  int64_t n = 0;       // runs that count
  double foreign = 0;  // cores that other processes kept busy meanwhile
};
struct Patience {
  double seconds;  // at least this long, and at least `least` runs
  int64_t least = 5;
  int64_t warm = 3;   // runs that do not count; one is enough if it takes 3 s
  int64_t inner = 1;  // calls to a run
};
Timing time(const Patience& patience, FunctionRef<void()> f);

struct Result {
  Timing timing = {};
  double flops = 0, bytes = 0;                                     // of one run; 0: not what matters
  double count = 0;                                                // of units that one run gets through
  std::string unit = {};                                           // "tokens"
  nlohmann::ordered_json more = nlohmann::ordered_json::object();  // params, loss ..
};

struct Item {
  std::string name, group;
  std::function<Result(double seconds)> run;
};
std::vector<Item> workloads();   // training steps
std::vector<Item> kernels();     // single ops
std::vector<Item> overheads();   // of ops on next to nothing
std::vector<Item> gpt2_parts();  // its optimizer, and generation

// Runs the item and says what it took: a line of JSON. Peaks of the machine are measured when the first item wants
// them. The peak of memory is that since the item began, or since it called reset_resident_peak.
std::string line_of(const Item& item, double seconds);

// ---- memory of this process, in MiB
double resident();       // now
double resident_peak();  // the most since the start or the last reset
void reset_resident_peak();

}  // namespace heed::bench
