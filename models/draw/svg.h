#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>
#include "matrix.h"

// Pictures as SVG text: self-contained, for light and dark pages. Labels and titles are UTF-8.
namespace heed::draw {

struct MatrixOptions {
  std::string title = {};           // above all matrices; each has a title of its own
  std::optional<Scale> scale = {};  // absent: fit_scale of all of them
  bool around_zero = false;         // the scale reaches as far below 0 as above; what is 0 looks like the page
  int64_t across = 0;               // matrices beside each other; 0: as many as fit a page
  int decimals = 2;                 // 0 to 17, of the numbers in the cells of a labelled matrix
};

// A cell per value, coloured by `ramp`, its numbers in a tooltip, with a colour key: an alignment, an attention
// pattern. At most 2^18 cells in a picture. Throws std::invalid_argument if there are more, if sizes do not fit (see
// `check`), or if the scale is not finite and rising.
std::string heat_map(const Matrix& matrix, const MatrixOptions& options = {});

// Several of them in one picture, on one scale.
std::string heat_maps(const std::vector<Matrix>& matrices, const MatrixOptions& options = {});

// A heat map with the number printed in each cell, for matrices of a lesson's size. What is exactly 0 is printed as 0.
// Throws like heat_map.
std::string labelled_matrix(const Matrix& matrix, const MatrixOptions& options = {});

// Several of them in one picture, on one scale.
std::string labelled_matrices(const std::vector<Matrix>& matrices, const MatrixOptions& options = {});

// A picture in colour, and what of it is seen: in each map, values of 0 leave out their part of the picture and values
// of 1 show it all.
struct Picture {
  int64_t height = 0, width = 0;
  std::vector<Rgb> pixels = {};  // [height, width], row after row
  std::string title = {};
  std::vector<Matrix> maps = {};  // each over the whole of it, by its own rows and columns; labels are not drawn
};

// A row for each: the picture, then what its maps show of it, with their titles. Throws std::invalid_argument if there
// are not height x width pixels or a map does not fit (see `check`).
std::string pictures(const std::vector<Picture>& rows, const std::string& title = "");

// A line of a chart. Points that are not finite, or not positive on a logarithmic axis, are gaps.
struct Series {
  std::string name = {};
  std::vector<double> x = {};  // [n], or empty: 0, 1, 2, ...
  std::vector<double> y = {};  // [n]
};

struct CurveOptions {  // what is written around it, and which axes are logarithmic
  std::string title = {}, x_label = {}, y_label = {};
  bool log_x = false, log_y = false;
};

// A line chart. A million points are fine: each pixel column keeps its extremes. Throws std::invalid_argument if a
// series has x but not as many as y. Past the sixth series colours repeat, dashed.
std::string curve(const std::vector<Series>& series, const CurveOptions& options = {});

struct BarsOptions {
  std::string title = {}, caption = {};  // the caption stands below the bars
  std::string unit = {};                 // beside every number
  std::optional<double> mark = {};       // a value that all are to be compared with: a line through the bars
};

// A horizontal bar per value, in the given order, its number beside it; a value that is not finite has no bar. labels
// [n], values [n]. Throws std::invalid_argument if there are not as many labels as values.
std::string bars(const std::vector<std::string>& labels, const std::vector<double>& values,
                 const BarsOptions& options = {});

// Writes the picture to `path`, replacing what is there; the folders are made, and a reader never sees half a file.
// Throws std::runtime_error with path and reason if that is not possible.
void save_svg(const std::string& path, const std::string& svg);

}  // namespace heed::draw
