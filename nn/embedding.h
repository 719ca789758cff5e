#pragma once
#include "../core/mode.h"
#include "../ops/ops.h"
#include "init.h"

namespace heed {

// Row number `index` of a table      index [..] i64 -> [.., width]
// The row of padding_idx is not trained: its gradient is 0. In PyTorch it also begins as 0: assign(weight(i), ..).
// IndexError: there is no such row.
struct Embedding {
  int64_t vocab, width;
  Parameter weight = parameter(init::normal({vocab, width}, 0, 1));  // [vocab, width]
  int64_t padding_idx = -1;                                          // -1: none

  Tensor operator()(In index, Rng* = nullptr) const;
};

}  // namespace heed
