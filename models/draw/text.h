#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace heed::draw {

// The code points of a UTF-8 text. A malformed byte, and what XML does not allow (U+FFFE, U+FFFF), becomes U+FFFD.
std::u32string decode(std::string_view utf8);

// The UTF-8 text of code points.
std::string encode(std::u32string_view points);

// Columns that the text takes in a terminal or a monospaced font: 0 for a combining mark, 2 for a wide character,
// else 1.
int64_t width(std::string_view utf8);

// A label with nothing invisible in it: spaces at its ends are drawn as ␣, control characters as their pictures (␊),
// and one longer than `longest` columns ends in an ellipsis.
std::string visible(std::string_view label, int64_t longest = 24);

// The text as content or attribute of XML: markup escaped, control characters replaced by U+FFFD.
std::string escape(std::string_view text);

// A number in at most `digits` significant digits, the same in every locale: "0.25", "-3", "1e-5", "nan".
std::string number(double value, int digits = 4);

// A number with exactly `decimals` digits after the point, never "-0.00".
std::string fixed(double value, int decimals);

}  // namespace heed::draw
