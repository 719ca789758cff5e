#pragma once
#include "../../core/rng.h"

namespace heed {

// What is trained on and what is tested on share no example: a fixed hash of the example's number puts one in ten into
// test.
enum class Split { train, test };
inline Split split_of(uint64_t number) { return scramble(0, number) % 10 == 0 ? Split::test : Split::train; }

}  // namespace heed
