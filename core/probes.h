#pragma once
// ---- inside gradcheck: its fast way, slopes along random directions
#include "laws.h"
#include "verdict.h"

namespace heed::checking {

struct Probed {
  struct Found {
    GradcheckReport::Finding finding;
    double size;  // error and bound, relative to the largest slope
  };
  GradcheckReport::Tally tally;
  std::vector<Found> worst;  // of each probe
  std::vector<Found> wrong;  // elements where it can be said which, at most five
  std::vector<std::string> problems;
};

// f gave y at the variables. gy: random output gradients, undefined for what is not floating.
Probed probe(Function& f, const Many& y, const Many& gy, std::span<const Variable> variables,
             const GradcheckOptions& options, int order, Where at);

}  // namespace heed::checking
