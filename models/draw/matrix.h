#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace heed::draw {

// What the two ends of a colour ramp mean. Values beyond them get the colour of the nearer end.
struct Scale {
  double low = 0, high = 1;
};

// A matrix to draw, such as the alignment of one example: a row per produced token, a column per source token.
// Values that are not finite are drawn as empty cells.
struct Matrix {
  int64_t rows = 0, cols = 0;
  std::vector<double> values = {};           // [rows, cols], row after row
  std::vector<std::string> row_labels = {};  // [rows] UTF-8, or empty
  std::vector<std::string> col_labels = {};  // [cols] UTF-8, or empty
  std::string title = {};
  std::string row_name = {};  // what the rows are: "produced"
  std::string col_name = {};  // what the columns are: "source"
};

// Throws std::invalid_argument, in the name of `op`, unless rows and cols are not negative, there are rows x cols
// values, and as many labels as rows and columns (or none).
void check(const char* op, const Matrix& matrix);

constexpr int64_t most_cells = 1 << 18;  // of a picture, in all its matrices

// For matrices that may be too large for a picture: the first rows and columns of each, as many as fit together; then
// their titles say so. Others are returned as they are. Throws as `check` does.
std::vector<Matrix> cropped(std::vector<Matrix> matrices);

// The scale of several matrices drawn alike: [0, 1] if every finite value lies in it, otherwise from the least to the
// greatest of them.
Scale fit_scale(std::span<const Matrix> matrices);

// Where `value` lies on the scale, in [0, 1]; absent if it is not finite.
std::optional<double> position(double value, const Scale& scale);

struct Rgb {  // as in sRGB
  uint8_t red, green, blue;
};

// The colour of a position in [-1, 1]: near the page, white or dark, at 0; from there on one blue hue, a straight line
// in the OKLab space (Ottosson 2020), so that equal steps look equal; and one of orange below 0.
Rgb ramp(double position, bool dark);

}  // namespace heed::draw
