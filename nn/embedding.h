#pragma once
#include "../core/mode.h"
#include "../ops/ops.h"
#include "init.h"

namespace heed {

// Row number `index` of a table      index [..] i64 -> [.., width]
struct Embedding {
  int64_t vocab, width;
  Parameter weight = parameter(init::normal({vocab, width}, 0, 1));  // [vocab, width]

  Tensor operator()(In index, Rng* = nullptr) const {
    Scope here{*this, index};
    return widened(embedding(index, weight));
  }
};

}  // namespace heed
