#pragma once
#include <string>
#include "measure.h"

namespace heed::bench {

// From the lines that compare.sh has collected, of heed and of PyTorch in turn: a table in Markdown for each group of
// items. svg: the picture to write, if any. Error: the file is not there, or a line of it is none.
std::string comparison(const std::string& results, const std::vector<Item>& items, const std::string& svg);

// How the cost grows with the size, as a table with the exponent of the power law that fits best.
std::string scaling(double seconds, const std::string& svg);

}  // namespace heed::bench
