#pragma once
#include "../../core/tensor.h"

// The copy task: strings of random bits are shown, each with a mark behind it, and after the mark must be said again
// (Graves, Wayne and Danihelka 2014, section 4.1).
namespace heed {

struct CopyTask {
  int64_t bits = 8;
  int64_t shortest = 1, longest = 10;  // the length of a string, one for all of a batch
  int64_t strings = 1;                 // shown and said one after the other
};

struct Copies {
  // [B, T, bits + 1]: of each string its bits as -1 and 1, the mark in the last channel, then zeros: if a bit could be
  // 0, a byte of zeros would be silence to a net without a state.
  Tensor x;
  Tensor target;  // [B, strings * length, bits], 0 and 1
  Tensor shown;   // [strings * length] i64: at which of the T steps each of it is shown,
  Tensor asked;   // and at which it must be said
};

// IndexError: there are no bits or strings, or not 1 <= shortest <= longest.
Copies sample_copies(const CopyTask& task, int64_t batch, Rng& rng, Where at = Where::here());

}  // namespace heed
