#pragma once
// ---- inside gradcheck: what is said of one gradient and the slope that it should be
#include "differences.h"
#include "gradcheck.h"

namespace heed::checking {

inline constexpr double certain = 1e-6;  // a larger bound, relative to the largest gradient, certifies nothing

struct Scale {
  double own;                            // the largest gradient of the same variable
  double largest;                        // of all variables
  double terms = 1;                      // that were added up for the analytic one
  double noise = 0;                      // what rounding was seen to do to it
  double pooled = 0;                     // to any gradient of the same variable
  double rounded(const Slope& s) const;  // what rounding may have done to it
};

// The verdict, with analytic, numeric, bound and note.
void judge(GradcheckReport::Finding& r, double analytic, const Slope& s, Scale scale, bool jumps);

double magnitude(const Slope& s);  // at least
std::vector<int64_t> index_of(std::size_t i, const Shape& shape);

}  // namespace heed::checking
