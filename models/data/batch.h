#pragma once
#include <span>
#include <vector>
#include "../../core/tensor.h"

namespace heed {

struct Padded {    // B sequences of ids, the shorter ones filled with Vocabulary::pad
  Tensor ids;      // [B, T] i64, T the greatest length
  Tensor lengths;  // [B] i64
};
Padded pad_sequence(std::span<const std::vector<int64_t>> sequences);  // in their order

// True where a real token stands: [B, T] boolean.
Tensor length_mask(const Tensor& lengths, int64_t width);

struct Example {
  std::vector<int64_t> source, target;  // without start and end
};

// Source rows are as given, so that gold spans count source positions; target rows are start, ids, end: a decoder reads
// all but the last column and predicts all but the first.
struct Batch {
  Padded source;  // [B, S]
  Padded target;  // [B, T]
};
Batch collate(std::span<const Example> examples);

}  // namespace heed
