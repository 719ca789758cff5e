#pragma once
#include "../../core/tensor.h"

// Associative retrieval: keys are written with values, one after the other, then one of the keys is asked for (Schlag,
// Irie and Schmidhuber 2021, section 6.1).
namespace heed {

struct AssociationTask {
  int64_t keys = 32, values = 32;  // how many there are
  int64_t writes = 32;
  bool overwriting = true;  // each write draws any key, and the latest value of a key counts; else no key comes twice
};

struct Associations {
  Tensor keys, values;  // [B, writes] i64
  Tensor asked;         // [B] i64: the key of one of the writes, any
  Tensor answer;        // [B] i64: the value that was last written with it
  // [B]: how often a guess is right that knows all that was written with the key, but not in which order: the share of
  // the commonest of these values.
  Tensor blind_to_order;
};

// IndexError: there are no keys, values or writes, or more writes than keys where none comes twice.
Associations sample_associations(const AssociationTask& task, int64_t batch, Rng& rng, Where at = Where::here());

}  // namespace heed
