#pragma once

#include <cstdint>
#include <span>
#include <string>
#include "matrix.h"

// Pictures for a terminal, as UTF-8 text.
namespace heed::draw {

// none: shading characters. indexed: the greys of the 256-colour palette. full: 24-bit colours.
enum class Colour { none, indexed, full };

// What stdout can show: none if it is not a terminal, if TERM is unset or "dumb", or if NO_COLOR is not empty
// (no-color.org); full if COLORTERM says truecolor or 24bit.
Colour terminal_colour();

// A cell of two characters per value, the column labels above, a key below; every line ends in a newline. On the scale
// of fit_scale. Throws std::invalid_argument if sizes do not fit (see `check`).
std::string terminal_heat_map(const Matrix& matrix, Colour colour = terminal_colour());

// A line of bars ▁▂▃▄▅▆▇█, one per value, from the least to the greatest; a value that is not finite is a space. More
// values than `columns` are averaged in `columns` groups. Throws std::invalid_argument if columns < 1.
std::string sparkline(std::span<const double> values, int64_t columns = 60);

}  // namespace heed::draw
