#include "batch.h"
#include <algorithm>
#include <numeric>
#include "vocabulary.h"

namespace heed {
namespace {

void check_at_least(int64_t least, int64_t n, const char* what, const char* op, Where at) {
  if (n < least)
    fail<Error>(at, op,
                std::string(what) + " must be at least " + std::to_string(least) + ", not " + std::to_string(n));
}
void check_number(int64_t i, std::size_t count, const char* op, Where at) {
  if (i < 0 || i >= int64_t(count))
    fail<IndexError>(at, op, "there is no example " + std::to_string(i) + " among " + std::to_string(count));
}

template <class T>
void shuffle(std::vector<T>& v, Rng& rng) {
  for (std::size_t i = v.size(); i > 1; --i) std::swap(v[i - 1], v[std::size_t(rng.below(int64_t(i)))]);
}

Batches cut(std::span<const int64_t> order, int64_t size) {
  Batches r;
  for (std::size_t i = 0; i < order.size(); i += std::size_t(size)) {
    const auto part = order.subspan(i, std::min(std::size_t(size), order.size() - i));
    r.emplace_back(part.begin(), part.end());
  }
  return r;
}

}  // namespace

std::vector<int64_t> randperm(int64_t n, Rng& rng, Where at) {
  check_at_least(0, n, "the number of examples", "randperm", at);
  std::vector<int64_t> r(static_cast<std::size_t>(n));
  std::iota(r.begin(), r.end(), 0);
  shuffle(r, rng);
  return r;
}

Batches shuffled_batches(int64_t n, int64_t size, Rng& rng, const BatchOptions& options, Where at) {
  check_at_least(1, size, "the size of a batch", "shuffled_batches", at);
  Batches r = cut(randperm(n, rng, at), size);
  if (options.drop_last && !r.empty() && std::ssize(r.back()) < size) r.pop_back();
  return r;
}

Batches bucketed_batches(std::span<const int64_t> lengths, int64_t size, Rng& rng, int64_t pool, Where at) {
  check_at_least(1, size, "the size of a batch", "bucketed_batches", at);
  check_at_least(1, pool, "the number of batches in a pool", "bucketed_batches", at);
  const auto n = int64_t(lengths.size()), together = size > n / pool ? n : size * pool;
  std::vector<int64_t> order = randperm(n, rng);
  for (int64_t begin = 0; begin < n; begin += together)
    std::stable_sort(order.begin() + begin, order.begin() + std::min(begin + together, n),
                     [&](int64_t a, int64_t b) { return lengths[std::size_t(a)] < lengths[std::size_t(b)]; });
  Batches r = cut(order, size);
  shuffle(r, rng);
  return r;
}

double padding(const Batches& batches, std::span<const int64_t> lengths, Where at) {
  double tokens = 0, places = 0;
  for (const auto& batch : batches) {
    int64_t longest = 0;
    for (int64_t i : batch) {
      check_number(i, lengths.size(), "padding", at);
      tokens += double(lengths[std::size_t(i)]);
      longest = std::max(longest, lengths[std::size_t(i)]);
    }
    places += double(longest) * double(batch.size());
  }
  return places > 0 ? 1 - tokens / places : 0;
}

Padded pad_sequence(std::span<const std::vector<int64_t>> sequences) {
  std::vector<int64_t> lengths, ids;
  for (const auto& s : sequences) lengths.push_back(int64_t(s.size()));
  const int64_t width = lengths.empty() ? 0 : *std::max_element(lengths.begin(), lengths.end());
  for (const auto& s : sequences) {
    ids.insert(ids.end(), s.begin(), s.end());
    ids.insert(ids.end(), std::size_t(width) - s.size(), Vocabulary::pad);
  }
  return {tensor(ids, {int64_t(sequences.size()), width}), tensor(lengths, {int64_t(sequences.size())})};
}

Batch collate(std::span<const Example> examples) {
  std::vector<std::vector<int64_t>> sources, targets;
  for (const Example& e : examples) {
    sources.push_back(e.source);
    targets.push_back({Vocabulary::start});
    targets.back().insert(targets.back().end(), e.target.begin(), e.target.end());
    targets.back().push_back(Vocabulary::end);
  }
  return {pad_sequence(sources), pad_sequence(targets)};
}

Batch collate(std::span<const Example> examples, std::span<const int64_t> numbers, Where at) {
  std::vector<Example> chosen;
  for (int64_t i : numbers) {
    check_number(i, examples.size(), "collate", at);
    chosen.push_back(examples[std::size_t(i)]);
  }
  return collate(chosen);
}

}  // namespace heed
