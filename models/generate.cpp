#include "generate.h"
#include <algorithm>
#include <cmath>
#include <numeric>
#include "../core/text.h"

namespace heed {

Tensor GenerationCache::places(int64_t more) const {
  const Tensor slots = arange(more) + length();
  return padding.defined() ? clamp(slots - unsqueeze(padding, 1), 0) : slots;
}
Tensor GenerationCache::key_mask(int64_t more) const {
  return padding.defined() ? arange(length() + more) >= unsqueeze(padding, 1) : Tensor();
}
void GenerationCache::select(In rows) {
  for (KvCache& layer : layers) layer.select(rows);
  for (Tensor& state : states) state = index_select(state, 0, rows);
  if (padding.defined()) padding = index_select(padding, 0, rows);
}

// ---- from logits to probabilities
namespace {

// Numbers of the greatest values, the greatest first, of equals the first.
std::vector<int64_t> best(std::span<const double> values, std::size_t count) {
  std::vector<int64_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  count = std::min(count, order.size());
  std::partial_sort(order.begin(), order.begin() + std::ptrdiff_t(count), order.end(), [&](int64_t a, int64_t b) {
    const double x = values[std::size_t(a)], y = values[std::size_t(b)];
    return x > y || (x == y && a < b);
  });
  order.resize(count);
  return order;
}

void keep_only(std::vector<double>& p, std::span<const int64_t> kept) {
  std::vector<double> r(p.size(), 0);
  for (int64_t i : kept) r[std::size_t(i)] = p[std::size_t(i)];
  p = std::move(r);
}

void normalise(std::vector<double>& p) {
  const double all = std::accumulate(p.begin(), p.end(), 0.0);
  for (double& x : p) x /= all;
}

void check(const char* op, const Sampling& how, Where at) {
  auto demand = [&](bool fine, const char* what, double value) {
    if (!fine) fail<Error>(at, op, std::string(what) + ", not " + text_of(value));
  };
  demand(how.repetition_penalty > 0, "the repetition penalty must be positive", how.repetition_penalty);
  demand(how.temperature >= 0, "the temperature cannot be below 0", how.temperature);
  demand(how.top_k >= 0, "top_k must be a number of tokens, or 0 for all", double(how.top_k));
  demand(how.top_p > 0 && how.top_p <= 1, "top_p must be a probability above 0", how.top_p);
}

// A probability needs logits that are numbers, and one that is greatest: where that is.
int64_t greatest_of(const char* op, std::span<const double> logits, Where at) {
  const auto nan = std::find_if(logits.begin(), logits.end(), [](double x) { return std::isnan(x); });
  if (nan != logits.end())
    fail<Error>(
        at, op,
        "logit " + std::to_string(nan - logits.begin()) + " of " + std::to_string(logits.size()) + " is not a number");
  const auto greatest = std::max_element(logits.begin(), logits.end());
  if (greatest == logits.end() || !std::isfinite(*greatest))
    fail<Error>(at, op,
                "the greatest of " + std::to_string(logits.size()) + " logits is " +
                    (logits.empty() ? "missing" : text_of(*greatest)));
  return greatest - logits.begin();
}

}  // namespace

std::vector<double> next_probabilities(std::span<const double> logits, std::span<const int64_t> tokens,
                                       const Sampling& how, Where at) {
  constexpr auto op = "next_probabilities";
  check(op, how, at);
  std::vector<double> p(logits.begin(), logits.end());
  if (how.repetition_penalty != 1) {
    for (int64_t t : tokens) {
      if (t < 0 || t >= int64_t(p.size()))
        fail<IndexError>(at, op, "there is no token " + std::to_string(t) + " among " + std::to_string(p.size()));
      const double x = logits[std::size_t(t)];
      p[std::size_t(t)] = x > 0 ? x / how.repetition_penalty : x * how.repetition_penalty;
    }
  }
  const int64_t greatest = greatest_of(op, p, at);
  if (how.temperature == 0) {
    const int64_t only[] = {greatest};
    p[std::size_t(greatest)] = 1;
    keep_only(p, only);
    return p;
  }
  const double top = p[std::size_t(greatest)];
  for (double& x : p) x = std::exp((x - top) / how.temperature);
  if (how.top_k > 0) keep_only(p, best(p, std::size_t(how.top_k)));
  normalise(p);
  if (how.top_p < 1) {
    std::vector<int64_t> order = best(p, p.size());
    double mass = 0;
    std::size_t n = 0;
    while (n < order.size() && mass < how.top_p) mass += p[std::size_t(order[n++])];
    order.resize(n);
    keep_only(p, order);
    normalise(p);
  }
  return p;
}

// ---- generation
namespace {

// The token at which `u` in [0, 1) falls.
int64_t drawn(std::span<const double> p, double u) {
  double below = 0;
  int64_t last = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (p[i] == 0) continue;
    last = int64_t(i);
    below += p[i];
    if (u < below) break;
  }
  return last;
}

// How many of a sequence's tokens are forgotten, once it has outgrown the context.
int64_t forgotten(int64_t length, int64_t context) {
  if (length <= context) return 0;
  const int64_t half = std::max<int64_t>(context / 2, 1);
  return (length - context + half - 1) / half * half;
}

// Sequences being read together by one cache.
class Reading {
 public:
  Reading(const detail::Reader& model, bool keep) : model_(model), keep_(keep) {}

  // Logits of what follows each sequence, [rows, vocab]. Since the last call each has grown by one token.
  std::vector<std::vector<double>> next(const std::vector<std::vector<int64_t>>& sequences) {
    std::vector<int64_t> begin;
    for (const auto& s : sequences) begin.push_back(forgotten(int64_t(s.size()), model_.context));
    std::vector<int64_t> ids;
    const auto rows = int64_t(sequences.size());
    int64_t width = 1;
    if (keep_ && begin == begin_ && cache_.length() < model_.context) {
      for (const auto& s : sequences) ids.push_back(s.back());
    } else {
      cache_ = {};
      width = 0;
      for (std::size_t i = 0; i < sequences.size(); ++i)
        width = std::max(width, int64_t(sequences[i].size()) - begin[i]);
      std::vector<int64_t> padding;
      for (std::size_t i = 0; i < sequences.size(); ++i) {
        padding.push_back(width - (int64_t(sequences[i].size()) - begin[i]));
        ids.insert(ids.end(), std::size_t(padding.back()), 0);
        ids.insert(ids.end(), sequences[i].begin() + begin[i], sequences[i].end());
      }
      if (*std::max_element(padding.begin(), padding.end()) > 0) cache_.padding = tensor(padding, Shape{rows});
      begin_ = std::move(begin);
    }
    const Tensor logits = model_.next(tensor(ids, Shape{rows, width}), cache_);
    const std::vector<double> flat = logits.to_vector();
    std::vector<std::vector<double>> r;
    for (int64_t i = 0; i < rows; ++i) {
      const auto first = flat.begin() + i * logits.size(1);
      r.emplace_back(first, first + logits.size(1));
    }
    return r;
  }
  // Goes on with these of the sequences.
  void select(std::span<const int64_t> rows) {
    std::vector<int64_t> begin;
    for (int64_t i : rows) begin.push_back(begin_[std::size_t(i)]);
    begin_ = std::move(begin);
    cache_.select(tensor(rows, Shape{int64_t(rows.size())}));
  }

 private:
  const detail::Reader& model_;
  bool keep_;
  GenerationCache cache_;
  std::vector<int64_t> begin_;  // of each sequence: its first token in the cache
};

void check_prompt(const char* op, const std::vector<int64_t>& prompt, Where at) {
  if (prompt.empty()) fail<Error>(at, op, "a prompt must have at least one token");
}
void check_new_tokens(const char* op, int64_t most, Where at) {
  if (most < 0) fail<Error>(at, op, "max_new_tokens cannot be below 0, not " + std::to_string(most));
}

}  // namespace

Prompts generate(const detail::Reader& model, const Prompts& prompts, const GenerateOptions& options, Rng& rng,
                 OnToken on_token, Where at) {
  constexpr auto op = "generate";
  check(op, options.sampling, at);
  check_new_tokens(op, options.max_new_tokens, at);
  struct Row {
    int64_t number;  // of its prompt
    Rng rng;
  };
  std::vector<Row> rows;
  std::vector<std::vector<int64_t>> sequences = prompts;  // of `rows`
  for (const auto& prompt : prompts) {
    check_prompt(op, prompt, at);
    rows.push_back({int64_t(rows.size()), Rng{rng.key()}});
  }
  Prompts made(prompts.size());
  Reading reading(model, options.cache);
  for (int64_t n = 0; n < options.max_new_tokens && !rows.empty(); ++n) {
    const auto logits = reading.next(sequences);
    std::vector<int64_t> going_on;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto p = next_probabilities(logits[i], sequences[i], options.sampling, at);
      const int64_t token = drawn(p, rows[i].rng.uniform());
      made[std::size_t(rows[i].number)].push_back(token);
      sequences[i].push_back(token);
      if (on_token(rows[i].number, token) && token != options.end) going_on.push_back(int64_t(i));
    }
    if (going_on.size() == rows.size()) continue;
    reading.select(going_on);
    for (std::size_t i = 0; i < going_on.size(); ++i) {
      const auto from = std::size_t(going_on[i]);
      if (from == i) continue;
      rows[i] = rows[from];
      sequences[i] = std::move(sequences[from]);
    }
    rows.resize(going_on.size());
    sequences.resize(going_on.size());
  }
  return made;
}

// ---- beam search
std::vector<Hypothesis> beam_search(const detail::Reader& model, const std::vector<int64_t>& prompt,
                                    const BeamOptions& options, Where at) {
  constexpr auto op = "beam_search";
  check_prompt(op, prompt, at);
  check_new_tokens(op, options.max_new_tokens, at);
  if (!std::isfinite(options.length_penalty))
    fail<Error>(at, op, "the length penalty must be finite, not " + text_of(options.length_penalty));
  if (options.beams < 1) fail<Error>(at, op, "there must be at least one beam, not " + std::to_string(options.beams));
  const auto beams = std::size_t(options.beams);
  auto score = [&](double log_probability, int64_t length) {
    return log_probability / std::pow((5 + double(length)) / 6, options.length_penalty);
  };
  auto better = [](const Hypothesis& a, const Hypothesis& b) { return a.score > b.score; };

  struct Beam {
    std::vector<int64_t> tokens;  // the prompt included
    double log_probability;
  };
  std::vector<Beam> alive{{prompt, 0}};
  std::vector<Hypothesis> finished;  // the best first
  auto finish = [&](const Beam& b) {
    const std::vector<int64_t> made(b.tokens.begin() + std::ptrdiff_t(prompt.size()), b.tokens.end());
    finished.push_back({made, b.log_probability, score(b.log_probability, int64_t(made.size()))});
    std::stable_sort(finished.begin(), finished.end(), better);
    if (finished.size() > beams) finished.resize(beams);
  };

  bool greedy = true;  // alive[0] is
  Reading reading(model, true);
  for (int64_t n = 1; n <= options.max_new_tokens && !alive.empty(); ++n) {
    std::vector<std::vector<int64_t>> sequences;
    for (const Beam& b : alive) sequences.push_back(b.tokens);
    const auto logits = reading.next(sequences);
    const std::size_t vocab = logits[0].size();
    std::vector<double> total;  // of every way to go on: beam after beam, token after token
    for (std::size_t i = 0; i < alive.size(); ++i) {
      const double top = logits[i][std::size_t(greatest_of(op, logits[i], at))];
      double sum = 0;
      for (double x : logits[i]) sum += std::exp(x - top);
      for (double x : logits[i]) total.push_back(alive[i].log_probability + x - top - std::log(sum));
    }
    // Of each beam one way may end: with twice as many ways as beams enough go on.
    std::vector<int64_t> ways = best(total, 2 * beams);
    if (greedy) {
      const auto way = std::max_element(total.begin(), total.begin() + std::ptrdiff_t(vocab)) - total.begin();
      std::erase(ways, way);
      ways.insert(ways.begin(), way);
      greedy = way != options.end;
    }
    std::vector<Beam> next;
    std::vector<int64_t> from;
    for (int64_t way : ways) {
      if (next.size() == beams) break;
      const auto i = std::size_t(way) / vocab;
      Beam b{alive[i].tokens, total[std::size_t(way)]};
      b.tokens.push_back(int64_t(std::size_t(way) % vocab));
      if (b.tokens.back() == options.end) {
        finish(b);
      } else {
        next.push_back(std::move(b));
        from.push_back(int64_t(i));
      }
    }
    alive = std::move(next);
    if (alive.empty()) break;
    reading.select(from);
    // Probabilities only fall, and the penalty is greatest for the longest.
    const int64_t longest = options.length_penalty > 0 ? options.max_new_tokens : n;
    const auto likeliest = std::max_element(
        alive.begin(), alive.end(), [](const Beam& a, const Beam& b) { return a.log_probability < b.log_probability; });
    if (finished.size() == beams && finished.back().score >= score(likeliest->log_probability, longest))
      return finished;
  }
  for (const Beam& b : alive) finish(b);
  return finished;
}

}  // namespace heed
