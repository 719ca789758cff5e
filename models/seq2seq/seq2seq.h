#pragma once
// An encoder and a decoder (Sutskever, Vinyals and Le 2014) and how the decoder looks at the source: by additive scores
// of its state before each step (Bahdanau, Cho and Bengio 2015), by one of five scores of its state after it (Luong,
// Pham and Manning 2015), by places alone (as a widespread tutorial does), or not at all.
#include <limits>
#include <optional>
#include "../../core/text.h"
#include "../../core/tree.h"
#include "../../nn/any_recurrent.h"
#include "../../nn/attention.h"
#include "../../nn/embedding.h"
#include "../data/batch.h"
#include "../data/vocabulary.h"
#include "../generate.h"

namespace heed {

// Whether the decoder, in training, is given the gold symbol before (Williams and Zipser 1989) or its own guess.
struct Forcing {
  double probability = 1;     // of gold
  bool per_sequence = false;  // drawn for all steps of a row at once; else for each (Bengio et al. 2015)
};

// How the decoder sees the source; `none`: through its first state only. In `additive` and `tutorial` the state s
// before a step looks, and what it sees goes into the step; in the others the state h after it:
//   h~ = tanh(W_c [c; h]), from which the symbol is predicted and which goes into the next step
enum class Attends {
  additive,  // v^T tanh(W s + U k), of keys that are both directions of the encoder side by side
  dot,       // h k; here and below keys are their sum
  general,   // h W k
  concat,    // v^T tanh(W [h; k])
  location,  // W h, a score for each of the first places, as many as `attention_of` is told
  local,     // h W k, around a place that h chooses
  qkv,       // W_Q h W_K k / sqrt(hidden), values W_V k   (Vaswani et al. 2017)
  tutorial,  // W [x; s], likewise, and what the step is given is relu(W_c [x; c])
  none,
};
inline const std::vector<std::string> attends_names{"additive", "dot", "general",  "concat", "location",
                                                    "local",    "qkv", "tutorial", "none"};
inline Attends attends_named(std::string_view name, Where at = Where::here()) {  // Error: none of these
  return static_cast<Attends>(place_of(name, attends_names, "attends_named", at));
}

struct Seq2Seq {
  int64_t source_vocab, target_vocab, width, hidden;
  Attends attends = Attends::additive;
  Cell cell = Cell::lstm;
  Normalizer normalizer = Normalizer::softmax;  // of all but local

  // Does the state look before a step, as the tutorial's, or after it? How wide are its keys?
  bool tutorial() const { return attends == Attends::tutorial; }
  bool late() const {  // likewise
    return attends != Attends::none && attends != Attends::additive && !tutorial();
  }
  int64_t key_width() const { return attends == Attends::additive ? 2 * hidden : hidden; }  // likewise

  Embedding source{source_vocab, width};
  AnyRecurrent encoder = any_recurrent(cell, {.in = width, .hidden = hidden, .bidirectional = true});
  Linear first_h{2 * hidden, hidden};  // from the last states of both directions
  std::optional<Linear> first_c = make_if<Linear>(cell == Cell::lstm, 2 * hidden, hidden);
  Embedding target{target_vocab, width};
  AnyCell decoder = any_cell(cell, width + (late() || attends == Attends::additive ? key_width() : 0), hidden);
  std::optional<Attention> attention = attention_of(attends, width, hidden, normalizer);
  std::optional<LocalAttention> local = make_if<LocalAttention>(attends == Attends::local, hidden, hidden);
  std::optional<Linear> combine = make_if<Linear>(late() || tutorial(), late() ? 2 * hidden : width + hidden,
                                                  late() ? hidden : width);  // W_c
  Linear output{hidden + (attends == Attends::additive ? key_width() : 0), target_vocab};

  // ---- the encoder, once per batch
  struct State {       // of the decoder
    Tensor h, c;       // [B, hidden]
    Tensor seen = {};  // h~, where the next step is given it
  };
  // Both directions over the source [B, S], whose last states become the decoder's first.
  struct Encoded {
    Attention::Source source;  // keys and values, projected: [B, S, ..]
    Tensor mask;               // [B, 1, S] boolean
    State state;
  };
  Encoded encode(const Padded& x) const {
    auto [both, last] = encoder(source(x.ids), x.lengths);
    auto first = [](const Linear& linear, const Tensor& s) {  // [2, B, hidden] -> [B, hidden]
      return tanh(linear(concat({s(0), s(1)}, -1)));
    };
    const Tensor h = first(first_h, last.h), keys = attends == Attends::additive ? both : sum_of_halves(both);
    return {attention ? attention->project(keys, keys)
            : local   ? local->project(keys, keys)
                      : Attention::Source(),
            unsqueeze(length_mask(x.lengths, x.ids.size(1)), 1),
            {h, first_c ? first(*first_c, last.c) : Tensor(), late() ? zeros_like(h) : Tensor()}};
  }

  // ---- the decoder, once per symbol
  // From the last symbol [B] i64 and state to the logits of the next, looking at the source in between.
  struct Step {
    Tensor logits;   // [B, target_vocab]
    Tensor weights;  // [B, S], undefined without attention
    State state;
  };
  Step step(const Tensor& symbol, const State& state, const Encoded& e) const {
    const Tensor x = target(symbol);  // [B, width]
    if (late()) {
      const LstmState next = decoder(concat({x, state.seen}, -1), {state.h, state.c});
      const auto [context, weights] = look(next.h, e);
      const Tensor seen = tanh((*combine)(concat({context, next.h}, -1)));
      return {output(seen), weights, {next.h, next.c, seen}};
    }
    if (!attention) {
      const LstmState next = decoder(x, {state.h, state.c});
      return {output(next.h), {}, {next.h, next.c}};
    }
    const auto [context, weights] = look(tutorial() ? concat({x, state.h}, -1) : state.h, e);
    const Tensor given = concat({x, context}, -1);
    const LstmState next = decoder(tutorial() ? relu((*combine)(given)) : given, {state.h, state.c});
    return {output(tutorial() ? next.h : concat({next.h, context}, -1)), weights, {next.h, next.c}};
  }
  // What one query per row sees: q [B, ..] -> y [B, key_width()], weights [B, S]
  Attended look(const Tensor& q, const Encoded& e) const {
    const Tensor one = unsqueeze(q, 1);
    const Attended r =
        local ? local->attend(one, e.source, e.mask) : attention->attend(one, e.source, {.mask = e.mask});
    return {squeeze(r.y, 1), squeeze(r.weights, 1)};
  }

  // Logits [B, T - 1, target_vocab] for target [B, T], which starts with Vocabulary::start. Without a generator every
  // input is gold. weights, if wanted: [B, T - 1, S], undefined without attention.
  Tensor operator()(const Batch& batch, const Forcing& forcing = {}, Rng* training = nullptr, Tensor* weights = nullptr,
                    Where at = Where::here()) const {
    Scope here{*this, In(batch.source.ids, at.file, at.line)};
    const Encoded e = encode(batch.source);
    const Tensor& gold = batch.target.ids;
    State state = e.state;
    Tensor symbol = gold(_, 0), is_gold;
    std::vector<Tensor> logits, looks;
    for (int64_t t = 1; t < gold.size(1); ++t) {
      Step now = step(symbol, state, e);
      logits.push_back(now.logits);
      if (weights && now.weights.defined()) looks.push_back(now.weights);
      state = now.state;
      symbol = gold(_, t);
      if (!training || forcing.probability >= 1) continue;
      if (t == 1 || !forcing.per_sequence) is_gold = rand(symbol.shape(), *training) < forcing.probability;
      symbol = where(is_gold, symbol, argmax(now.logits));
    }
    if (!looks.empty()) *weights = stack(looks, 1);
    return stack(logits, 1);
  }

  // ---- writing
  struct Written {
    Tensor ids;      // [B, T] i64; a row ends with its first Vocabulary::end
    Tensor weights;  // [B, T, S], undefined without attention
  };
  // Greedy: the likeliest symbol at every step, until every row has ended or `longest` symbols are written.
  Written translate(const Padded& x, int64_t longest, Where at = Where::here()) const {
    Scope here{*this, In(x.ids, at.file, at.line)};
    Unrecorded off;
    const Encoded e = encode(x);
    State state = e.state;
    Tensor symbol = full({x.ids.size(0)}, Vocabulary::start, i64), ended = symbol == Vocabulary::end;
    std::vector<Tensor> ids, weights;
    for (int64_t t = 0; t < longest; ++t) {
      Step now = step(symbol, state, e);
      symbol = argmax(now.logits);
      state = now.state;
      ids.push_back(symbol);
      if (now.weights.defined()) weights.push_back(now.weights);
      ended = where(ended, true, symbol == Vocabulary::end);
      if (sum(ended).item() == double(ended.numel())) break;
    }
    return {stack(ids, 1), weights.empty() ? Tensor() : stack(weights, 1)};
  }
  // The best of beam_search for each source, one after the other; options.end is Vocabulary::end, whatever it says.
  Written translate(const Padded& x, BeamOptions options) const;

  // Of those that have one, but for local attention; to sources of up to `longest` places, where scores are of places.
  static std::optional<Attention> attention_of(Attends attends, int64_t width, int64_t hidden, Normalizer normalizer,
                                               int64_t longest = 50) {
    const int64_t H = hidden;
    switch (attends) {
      case Attends::none:
      case Attends::local:
        return std::nullopt;
      case Attends::additive:
        return Attention{.score = AdditiveScore{H, 2 * H, H}, .normalizer = normalizer};
      case Attends::dot:
        return Attention{.score = DotScore{}, .normalizer = normalizer};
      case Attends::general:
        return Attention{.score = GeneralScore{H, H}, .normalizer = normalizer};
      case Attends::concat:
        return Attention{.score = AdditiveScore{H, H, H}, .normalizer = normalizer};
      case Attends::location:
        return Attention{.score = LocationScore{H, longest}, .normalizer = normalizer};
      case Attends::qkv:
        return Attention{.normalizer = normalizer, .query = Linear{H, H}, .key = Linear{H, H}, .value = Linear{H, H}};
      case Attends::tutorial:
        return Attention{.score = LocationScore{width + H, longest, Linear{width + H, longest}},
                         .normalizer = normalizer};
    }
    return std::nullopt;
  }
  // Of both directions side by side: [B, S, 2 hidden] -> [B, S, hidden]
  Tensor sum_of_halves(const Tensor& x) const { return x(_, _, range(0, hidden)) + x(_, _, Range{hidden}); }
};

// The mean loss of the targets' symbols, padding aside
inline Tensor loss_of(const Seq2Seq& model, const Batch& batch, const Forcing& forcing = {}, Rng* training = nullptr,
                      Where at = Where::here()) {
  const Tensor wanted = batch.target.ids(_, Range{1});  // [B, T - 1]
  return cross_entropy(model(batch, forcing, training, nullptr, at), wanted, {.ignore_index = Vocabulary::pad});
}

// What writes translations of one source, for beam_search and generate: the prompt is {Vocabulary::start}.
struct Translator {
  const Seq2Seq& model;
  Seq2Seq::Encoded source;                                // B = 1
  int64_t context = std::numeric_limits<int64_t>::max();  // a state is never full

  // Logits [B, target_vocab] of what follows ids [B, T]. Error: prompts differ in length.
  Tensor next(const Tensor& ids, GenerationCache& cache, Where at = Where::here()) const {
    if (cache.padding.defined()) fail<Error>(at, "Translator", "prompts must be of one length");
    Unrecorded off;
    auto each = [&](const Tensor& x) {  // [1, ..] -> [B, ..]
      return x.defined() ? expand(x, x.shape().with(0, ids.size(0))) : x;
    };
    const Seq2Seq::Encoded e{{each(source.source.k), each(source.source.v)}, each(source.mask), {}};
    auto& states = cache.states;
    Seq2Seq::State state{each(source.state.h), each(source.state.c), each(source.state.seen)};
    Tensor* const parts[]{&state.h, &state.c, &state.seen};
    std::size_t i = 0;
    for (Tensor* part : parts)
      if (part->defined() && !states.empty()) *part = states[i++];
    Seq2Seq::Step now;
    for (int64_t t = 0; t < ids.size(1); ++t) {
      now = model.step(ids(_, t), state, e);
      state = now.state;
    }
    states.clear();
    for (Tensor* part : parts)
      if (part->defined()) states.push_back(*part);
    return now.logits;
  }
};

inline Seq2Seq::Written Seq2Seq::translate(const Padded& x, BeamOptions options) const {
  Unrecorded off;
  options.end = Vocabulary::end;
  std::vector<std::vector<int64_t>> targets;
  for (int64_t i = 0; i < x.ids.size(0); ++i) {
    const Range row = range(i, i + 1);
    const Padded one{x.ids(row, range(0, int64_t(x.lengths(i).item()))), x.lengths(row)};
    targets.push_back({Vocabulary::start});
    const auto best = beam_search(Translator{*this, encode(one)}, targets.back(), options).at(0).tokens;
    targets.back().insert(targets.back().end(), best.begin(), best.end());
  }
  const Padded target = pad_sequence(targets);
  Written r{target.ids(_, Range{1}), {}};
  (*this)({x, target}, {}, nullptr, &r.weights);  // the weights while each is written
  return r;
}

}  // namespace heed
