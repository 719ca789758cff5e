#pragma once
// Is an answer right, and if not, which mistake is it?
#include <optional>
#include "exercise.h"

namespace heed::lessons {

// An answer to a part, as far as it can be called: the learner's function, or one of a test.
using Attempt = std::function<Tensor(const Case&)>;
Attempt attempt(const Answer& a, const Part& part);  // Error: it asks for a value that there is not

struct Evidence {  // what an attempt gave, in one case
  const Case* of;
  Tensor yours, right;
};

struct Verdict {
  enum Kind { exact, within_rounding, not_written, wrong } kind = not_written;
  std::string text = {};                // how far it is off; the first wrong element and the numbers, or an error
  std::vector<Evidence> evidence = {};  // of the cases in which it gave something
  bool right() const { return kind <= within_rounding; }
};
// It is given the right values of everything else, so that one mistake does not make others.
Verdict judge(const Exercise& e, const Part& part, const Attempt& yours);

struct Explanation {
  std::vector<const Mistake*> mistakes;  // of the part's own; none if it is another kind
  std::string text;
};
// What a wrong attempt has got wrong. Tried in this order, each against all the evidence: the known mistakes of the
// part; another coefficient of one of its terms; any one step written differently; two known mistakes; two
// coefficients; a known mistake and another coefficient or step; what core/diagnosis.h recognises in every case alike.
// An explanation leaves less than a thousandth of the residual.
std::optional<Explanation> explain(const Exercise& e, const Part& part, std::span<const Evidence> evidence);

double largest(const Tensor& x);  // |x|; 0 of nothing
// What is wrong with it, but for rounding: "at [0, 1]: yours 2, right 3 (4 of 6 are wrong)"; "" if nothing is.
std::string fault(const Tensor& x, const Tensor& right, const std::string& whose = "yours");

}  // namespace heed::lessons
