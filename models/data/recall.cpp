#include "recall.h"
#include "batch.h"

namespace heed {

Recalls sample_recalls(const RecallTask& task, int64_t batch, Rng& rng, Where at) {
  const auto [symbols, marks, length] = task;
  if (symbols < 1 || marks < 1 || length < marks + 1)
    fail<IndexError>(at, "sample_recalls",
                     std::to_string(length) + " places do not hold " + std::to_string(marks) + " marked ones of " +
                         std::to_string(symbols) +
                         " symbols and a question: there must be some of all, and marks + 1 "
                         "places");
  std::vector<int64_t> ids, answer, place;
  for (int64_t b = 0; b < batch; ++b) {
    const std::vector<int64_t> order = randperm(length - 1, rng);  // mark i stands at order[i]
    const std::size_t first = ids.size();
    for (int64_t t = 0; t < length; ++t) ids.push_back(rng.below(symbols));
    for (int64_t i = 0; i < marks; ++i) ids[first + std::size_t(order[std::size_t(i)])] += (i + 1) * symbols;
    const int64_t asked = rng.below(marks);
    place.push_back(order[std::size_t(asked)]);
    answer.push_back(ids[first + std::size_t(place.back())] % symbols);
    ids.back() = task.question(asked);
  }
  return {tensor(ids, {batch, length}), tensor(answer, {batch}), tensor(place, {batch})};
}

}  // namespace heed
