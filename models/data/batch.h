#pragma once
#include <span>
#include <vector>
#include "../../core/tensor.h"

namespace heed {

// ---- the order of an epoch
using Batches = std::vector<std::vector<int64_t>>;  // each the numbers of its examples

// 0 .. n-1, each order equally likely (Fisher and Yates). Error: n is negative.
std::vector<int64_t> randperm(int64_t n, Rng& rng, Where at = Where::here());

struct BatchOptions {
  bool drop_last = false;  // leaves out a last batch of fewer than `size`
};
// Each of 0 .. n-1 once, at random, `size` to a batch and the rest in the last. Error: size is below 1, n is negative.
Batches shuffled_batches(int64_t n, int64_t size, Rng& rng, const BatchOptions& options = {}, Where at = Where::here());

// The same with sequences of like lengths together, so that little is padded: lengths [n]. Of `pool` batches drawn at
// random the examples are sorted by length (all, if there are fewer); the batches come in random order. Error: as
// above, or pool is below 1.
Batches bucketed_batches(std::span<const int64_t> lengths, int64_t size, Rng& rng, int64_t pool = 100,
                         Where at = Where::here());

// The share of the places [B, T] of all batches that pad_sequence fills, 0 to 1. IndexError: an example has no length.
double padding(const Batches& batches, std::span<const int64_t> lengths, Where at = Where::here());

// ---- sequences as tensors
struct Padded {    // B sequences of ids, the shorter ones filled with Vocabulary::pad
  Tensor ids;      // [B, T] i64, T the greatest length
  Tensor lengths;  // [B] i64
};
Padded pad_sequence(std::span<const std::vector<int64_t>> sequences);  // in their order

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
// Of those with these numbers. IndexError: there is none such.
Batch collate(std::span<const Example> examples, std::span<const int64_t> numbers, Where at = Where::here());

}  // namespace heed
