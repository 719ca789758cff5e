#pragma once
// Where in a sequence something stands, for models that would not see it.
#include "../core/mode.h"
#include "../ops/ops.h"
#include "init.h"

namespace heed {

// The row of place p has sin(p / 10000^(2i / width)) in column 2i and the cosine beside it, f32 or f64; the first one
// stands at `first`      [length, width]   (Vaswani et al. 2017, section 3.5)
Tensor sinusoids(int64_t length, int64_t width, Dtype t = f32, int64_t first = 0, Where at = Where::here());

// x + sinusoids      x [.., T, width]
struct SinusoidalPosition {
  int64_t width;

  Tensor operator()(In x, Rng* = nullptr) const;
};

// x + a learned row for each place      x [.., T, width], T up to length   (Gehring et al. 2017)
struct LearnedPosition {
  int64_t length, width;
  Parameter weight = parameter(init::normal({length, width}, 0, 0.02));  // [length, width]

  Tensor operator()(In x, Rng* = nullptr) const;
};

// Queries and keys turned by their places, so that their products depend on the distance only      x [.., T, D], whose
// first row stands at `first`   (Su et al. 2021)
struct RotaryPosition {
  double base = 10000;
  bool interleaved = false;  // pairs of columns (2i, 2i + 1), as in the paper; else (i, i + D / 2), as in LLaMA

  Tensor operator()(In x, Rng* = nullptr, int64_t first = 0) const {
    Scope here{*this, x};
    return rope(x, {.offset = first, .base = base, .interleaved = interleaved});
  }
};

}  // namespace heed
