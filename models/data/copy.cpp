#include "copy.h"
#include "../../ops/ops.h"

namespace heed {

Copies sample_copies(const CopyTask& task, int64_t batch, Rng& rng, Where at) {
  if (task.bits < 1 || task.strings < 1 || task.shortest < 1 || task.longest < task.shortest)
    fail<IndexError>(at, "sample_copies",
                     "cannot copy " + std::to_string(task.strings) + " strings of " + std::to_string(task.shortest) +
                         " to " + std::to_string(task.longest) + " times " + std::to_string(task.bits) +
                         " bits: there must be one of each at least, and the shortest be at most the longest");
  const int64_t length = task.shortest + rng.below(task.longest - task.shortest + 1);
  const Tensor mark = cast(expand(arange(task.bits + 1) == task.bits, {batch, 1, task.bits + 1}), f32);
  std::vector<Tensor> x, target, shown;
  for (int64_t i = 0; i < task.strings; ++i) {
    target.push_back(cast(rand({batch, length, task.bits}, rng) < 0.5, f32));
    x.insert(x.end(), {pad(2 * target.back() - 1, {0, 1}), mark, zeros({batch, length, task.bits + 1})});
    shown.push_back(arange(length) + (2 * length + 1) * i);
  }
  const Tensor at_steps = concat(shown);
  return {concat(x, 1), concat(target, 1), at_steps, at_steps + (length + 1)};
}

}  // namespace heed
