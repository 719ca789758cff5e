#include "embedding.h"

namespace heed {

Tensor Embedding::operator()(In index, Rng*) const {
  Scope here{*this, index};
  if (padding_idx < -1 || padding_idx >= vocab)
    fail<IndexError>(line_of(index), "Embedding",
                     "padding_idx must be one of the " + std::to_string(vocab) + " rows, or -1 for none, not " +
                         std::to_string(padding_idx));
  const Tensor rows = widened(embedding(index, weight));
  return padding_idx < 0 ? rows : where(unsqueeze(index == padding_idx, -1), stop_gradient(rows), rows);
}

}  // namespace heed
