#pragma once
#include <string>
#include "measure.h"

namespace heed::bench {

std::string heading();  // the day, the processor, threads and versions

// From the lines that compare.sh has collected, of heed and of PyTorch in turn: a table in Markdown for each group of
// items. svg: the picture to write, if any. Error: the file is not there, or a line of it is none.
std::string comparison(const std::string& results, const std::vector<Item>& items, const std::string& svg);

struct Growth {  // of what something costs with its size, or with the threads it has
  std::string name, group;
  std::string what, of;  // "causal attention", "sequence length"
  std::vector<int64_t> sizes;
  std::function<double(int64_t size, double seconds)> run;  // seconds that one size takes, measured in so many
};
std::vector<Growth> growths();

// The time at each size, how many times that of the first the last is, and the exponent of the power law that fits
// best: a table. svg: the picture to write, if any.
std::string scaling(const std::vector<const Growth*>& growths, double seconds, const std::string& svg);

}  // namespace heed::bench
