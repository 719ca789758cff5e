#pragma once
// The files of this folder that the page is made of, as the build wrote them into the program.
#include <string>
#include <utility>

namespace heed::explain {

extern const std::pair<const std::string, std::string> bundled[];  // name, text
extern const std::size_t bundled_count;

}  // namespace heed::explain
