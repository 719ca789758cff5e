#pragma once
#include <string_view>

namespace heed {

std::string_view version();  // "0.1.0"

}  // namespace heed
