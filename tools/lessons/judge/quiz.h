#pragma once
// A backward with one known mistake in it: which line is wrong?
#include "judge.h"

namespace heed::lessons {

struct Quiz {
  const Exercise* exercise;
  const Part* part;        // the wrong one
  const Mistake* mistake;  // in it
  std::string wrong;       // formula

  std::string question() const;                        // the formulas, and the gradients they give
  std::string reply(const std::string& answer) const;  // whether it is right, and what the mistake is
};

// One of the mistakes that show in a gradient of an input, drawn by seed: where there are some, in a line before those.
Quiz draw_quiz(const Exercise& e, uint64_t seed);

}  // namespace heed::lessons
