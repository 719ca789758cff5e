#pragma once
// Names and numbers as people write them, for messages and patterns.
#include <string>
#include <string_view>
#include <vector>

namespace heed {

std::string text_of(double v);  // the shortest that reads back as v, whole numbers in full

// Does all of text fit the pattern, where * is any run of characters?
bool matches(std::string_view pattern, std::string_view text);

// Letters to insert, remove or replace on the way from a to b (Levenshtein 1966); a * in a is any run of them.
std::size_t distance(std::string_view a, std::string_view b);
const std::string& nearest(const std::string& to, const std::vector<std::string>& names);  // there is one

}  // namespace heed
