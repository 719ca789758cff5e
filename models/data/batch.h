#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace heed {

struct Padded {                  // B sequences of ids, the shorter ones filled with Vocabulary::pad
  std::vector<int64_t> ids;      // [B, T], row-major
  std::vector<int64_t> lengths;  // [B]
  int64_t width = 0;             // T, the greatest length
};
Padded pad_sequence(std::span<const std::vector<int64_t>> sequences);

// 1 where a real token stands, 0 on padding. [B, T], row-major
std::vector<uint8_t> length_mask(const Padded& padded);

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
