#include "associations.h"
#include <algorithm>
#include "batch.h"

namespace heed {

Associations sample_associations(const AssociationTask& task, int64_t batch, Rng& rng, Where at) {
  if (task.keys < 1 || task.values < 1 || task.writes < 1)
    fail<IndexError>(at, "sample_associations",
                     "there must be keys, values and writes, not " + std::to_string(task.keys) + ", " +
                         std::to_string(task.values) + " and " + std::to_string(task.writes));
  if (!task.overwriting && task.writes > task.keys)
    fail<IndexError>(at, "sample_associations",
                     std::to_string(task.writes) + " writes without overwriting need as many keys, not " +
                         std::to_string(task.keys));
  std::vector<int64_t> keys, values, asked, answer;
  std::vector<double> blind;
  for (int64_t b = 0; b < batch; ++b) {
    std::vector<int64_t> order = task.overwriting ? std::vector<int64_t>() : randperm(task.keys, rng);
    for (int64_t t = 0; t < task.writes; ++t) {
      keys.push_back(task.overwriting ? rng.below(task.keys) : order[std::size_t(t)]);
      values.push_back(rng.below(task.values));
    }
    const auto first = keys.size() - std::size_t(task.writes);
    asked.push_back(keys[first + std::size_t(rng.below(task.writes))]);
    std::vector<int64_t> count(static_cast<std::size_t>(task.values));
    int64_t of_key = 0;
    for (std::size_t i = first; i < keys.size(); ++i) {
      if (keys[i] != asked.back()) continue;
      if (of_key++ == 0) answer.push_back(0);
      answer.back() = values[i];
      ++count[std::size_t(values[i])];
    }
    blind.push_back(double(*std::max_element(count.begin(), count.end())) / double(of_key));
  }
  return {tensor(keys, {batch, task.writes}), tensor(values, {batch, task.writes}), tensor(asked, {batch}),
          tensor(answer, {batch}), tensor(blind, {batch})};
}

}  // namespace heed
