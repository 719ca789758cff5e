#pragma once
// Text, or any other sequence, from a model of the next token: it reads prompts once, keeps what it has seen (KvCache),
// and is asked for one token after the other.
#include <concepts>
#include <span>
#include <vector>
#include "../core/function_ref.h"
#include "../nn/attention.h"

namespace heed {

// What a model keeps of the tokens it has read. Rows are sequences that end together: the shorter ones begin with
// padding, which nothing attends to and which has no place.
struct GenerationCache {
  std::vector<KvCache> layers = {};
  std::vector<Tensor> states = {};  // of what is recurrent, [B, ..] each
  Tensor padding = {};              // [B] i64, the places before each row's first token; undefined: none

  // How many tokens its layers hold, padding included.
  int64_t length() const { return layers.empty() ? 0 : layers[0].length; }
  // The places of `more` further tokens in their sequences, that of padding 0: [more] i64, or [B, more] where there is
  // padding.
  Tensor places(int64_t more) const;
  // What may be attended to, them included: [B, length + more] boolean, undefined without padding.
  Tensor key_mask(int64_t more) const;
  void select(In rows);  // keeps these rows, in this order
};

// next(ids, cache): reads ids [B, T] i64 as what follows the tokens in the cache, and returns the logits of the token
// after them, [B, vocab]. No more than `context` tokens are read into one cache.
template <class M>
concept NextToken = requires(const M& m, const Tensor& ids, GenerationCache& cache) {
  { m.next(ids, cache) } -> std::same_as<Tensor>;
  { m.context } -> std::convertible_to<int64_t>;
};

// ---- from logits to probabilities
// Applied in this order; the usual values change nothing.
struct Sampling {
  double repetition_penalty = 1;  // of tokens that are there already: logits above 0 are divided by it, others
                                  // multiplied   (Keskar et al. 2019, section 4.1)
  double temperature = 1;         // divides the logits; 0: all on the greatest, of equals the first
  int64_t top_k = 0;              // the k likeliest; 0: all   (Fan, Lewis and Dauphin 2018)
  double top_p = 1;               // the fewest that have this probability together   (Holtzman et al. 2020)
};
// The probabilities of the next token, given its logits [vocab] and the tokens so far. Error: a setting that makes no
// sense, or logits of which none is greatest; IndexError: a token that the logits do not have.
std::vector<double> next_probabilities(std::span<const double> logits, std::span<const int64_t> tokens,
                                       const Sampling& how, Where at = Where::here());

// ---- generation
struct GenerateOptions {
  int64_t max_new_tokens = 100;
  Sampling sampling = {};
  int64_t end = -1;   // a sequence is over with this token, which is its last; -1: there is none
  bool cache = true;  // false: reads everything again for every token
};

using Prompts = std::vector<std::vector<int64_t>>;  // the tokens of each

// Called with each new token and the number of its prompt; false ends that sequence.
using OnToken = FunctionRef<bool(int64_t row, int64_t token)>;

namespace detail {
struct Reader {  // a model, as functions that are not templates see it
  FunctionRef<Tensor(const Tensor& ids, GenerationCache& cache)> next;
  int64_t context;
};
}  // namespace detail

// The new tokens of each prompt. Prompts may differ in length: they are read together, and each gets what it would get
// alone, with a stream of random numbers of its own (rng.key(), drawn in their order). A sequence longer than the
// model's context is read from a later token on: whenever it has outgrown the context, its first half is forgotten.
// Error: a prompt is empty, or an option makes no sense.
Prompts generate(const detail::Reader& model, const Prompts& prompts, const GenerateOptions& options, Rng& rng,
                 OnToken on_token, Where at = Where::here());

template <NextToken M>
Prompts generate(const M& model, const Prompts& prompts, const GenerateOptions& options, Rng& rng, OnToken on_token,
                 Where at = Where::here()) {
  auto next = [&](const Tensor& ids, GenerationCache& cache) { return model.next(ids, cache); };
  return generate(detail::Reader{next, model.context}, prompts, options, rng, on_token, at);
}
template <NextToken M>
Prompts generate(const M& model, const Prompts& prompts, const GenerateOptions& options, Rng& rng = default_rng(),
                 Where at = Where::here()) {
  return generate(
      model, prompts, options, rng, [](int64_t, int64_t) { return true; }, at);
}

// ---- beam search
struct BeamOptions {
  int64_t beams = 4;
  int64_t max_new_tokens = 100;
  double length_penalty = 0.6;  // 0: none; greater: longer ones   (Wu et al. 2016, eq. 14: alpha)
  int64_t end = -1;
};
struct Hypothesis {
  std::vector<int64_t> tokens;  // the new ones, `end` included
  double log_probability;       // of all of them
  double score;                 // log_probability / ((5 + tokens) / 6)^length_penalty
};
// At most `beams` of them, the best score first. One of the beams is always the greedy one, until it ends: the best is
// never worse than what temperature 0 generates, which one beam without a penalty is. The search ends when no
// unfinished one can come to beat those that are finished. Error: as generate, beams < 1, logits of which none is
// greatest, or a length penalty that is not finite.
std::vector<Hypothesis> beam_search(const detail::Reader& model, const std::vector<int64_t>& prompt,
                                    const BeamOptions& options, Where at = Where::here());
template <NextToken M>
std::vector<Hypothesis> beam_search(const M& model, const std::vector<int64_t>& prompt, const BeamOptions& options = {},
                                    Where at = Where::here()) {
  auto next = [&](const Tensor& ids, GenerationCache& cache) { return model.next(ids, cache); };
  return beam_search(detail::Reader{next, model.context}, prompt, options, at);
}

}  // namespace heed
