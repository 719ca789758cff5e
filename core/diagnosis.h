#pragma once
// What is wrong with a wrong gradient, as far as it shows in the numbers.
#include <span>
#include <string>
#include <vector>
#include "shape.h"

namespace heed {

struct Diagnosis {
  enum Kind {
    none,           // nothing is recognised
    detached,       // all zero
    sign,           // the opposite
    factor,         // a constant times the right one
    wrong_dim,      // even, or summing to zero, along another dimension than the right one
    transposed,     // right with two dimensions swapped
    shifted,        // right a few places further along a dimension
    broadcast_sum,  // one of the parts that should have been summed
    missing_term,   // the right one less something known
    doubled_term    // the right one and something known
  } kind = none;
  std::string text;  // for a person; "" for none
};

struct WrongGradient {
  std::string name;  // of the input
  Shape shape;
  std::span<const double> analytic, numeric;
  std::span<const double> bound;  // what numeric may be wrong by; infinity: it is not known, and does not count
};
struct KnownGradient {  // the numeric one of another input, or that of an output, which was given
  std::string name;
  Shape shape;
  std::vector<double> values;
};

// The first kind that explains all but a thousandth of the difference, everywhere. A factor is named by the sizes it
// may come from. A wrong dim and a missing term also show in what the right gradient does along a dimension: it is even
// (a sum's) or sums to zero (softmax's, layer_norm's). A gradient of one element says nothing.
Diagnosis diagnose(const WrongGradient& wrong, std::span<const KnownGradient> known);

}  // namespace heed
