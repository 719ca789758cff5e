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

// The mistakes that show in a gradient of an input, each once, in a random order: first those in lines before such
// gradients. The one with a number, from 1; after the last comes the first.
Quiz draw_quiz(const Exercise& e, uint64_t number);

}  // namespace heed::lessons
