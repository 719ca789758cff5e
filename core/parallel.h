#pragma once
// Work on all cores. How it is split depends on its size only, never on the number of threads, so that results are the
// same bits for any number of them.
#include <cstdint>
#include "function_ref.h"

namespace heed {

// Calls f(begin, end) for consecutive blocks of [0, n), `grain` long (the last may be shorter); a single block runs in
// the calling thread. A thread that waits here takes up no other work (a stolen task would run under another's Mode).
// Exceptions of f reach the caller.
void parallel_for(int64_t n, int64_t grain, FunctionRef<void(int64_t begin, int64_t end)> f);

int num_threads();            // as many as the machine has, or as set
void set_num_threads(int n);  // for the whole process, at least 1; before or between, not during, other work

}  // namespace heed
