#pragma once
#include <string>

namespace heed::explain {

// The page around its data.
std::string page(const std::string& json);

}  // namespace heed::explain
