#pragma once
// The explainer's page: one HTML file that needs nothing beside itself.
#include <string>

namespace heed::explain {

// With what is shown, JSON as in README.md, inside.
std::string page(const std::string& json);

}  // namespace heed::explain
