#include "parallel.h"
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>
#include <algorithm>
#include <memory>

namespace heed {

void parallel_for(int64_t n, int64_t grain, FunctionRef<void(int64_t, int64_t)> f) {
  if (n <= 0) return;
  if (n <= grain) return f(0, n);
  const int64_t blocks = (n + grain - 1) / grain;
  tbb::this_task_arena::isolate([&] {
    tbb::parallel_for(
        int64_t{0}, blocks, [&](int64_t b) { f(b * grain, std::min(n, (b + 1) * grain)); }, tbb::simple_partitioner());
  });
}

int num_threads() { return int(tbb::global_control::active_value(tbb::global_control::max_allowed_parallelism)); }
void set_num_threads(int n) {
  static std::unique_ptr<tbb::global_control> limit;
  limit =
      std::make_unique<tbb::global_control>(tbb::global_control::max_allowed_parallelism, std::size_t(std::max(n, 1)));
}

}  // namespace heed
