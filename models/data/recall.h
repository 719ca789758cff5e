#pragma once
#include "../../core/tensor.h"

// Recalling what bore a mark: of a string of random symbols some bear a mark, each another one; the last place asks for
// the symbol that bears one of them.
namespace heed {

struct RecallTask {
  int64_t symbols = 16;
  int64_t marks = 8;    // each once, anywhere
  int64_t length = 24;  // with the question

  int64_t question(int64_t mark) const { return symbols * (marks + 1) + mark; }  // its id
  int64_t vocab() const { return question(marks); }                              // how many ids there are
};

struct Recalls {
  Tensor ids;     // [B, length] i64: a symbol, with mark m it + (m + 1) symbols; last the question
  Tensor answer;  // [B] i64: a symbol
  Tensor place;   // [B] i64: where it stands
};

// IndexError: there are no symbols or marks, or the length does not hold the marks and the question.
Recalls sample_recalls(const RecallTask& task, int64_t batch, Rng& rng, Where at = Where::here());

}  // namespace heed
