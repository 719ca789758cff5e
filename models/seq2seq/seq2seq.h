#pragma once
// An encoder and a decoder (Sutskever, Vinyals and Le 2014) with additive attention between them (Bahdanau, Cho and
// Bengio 2015): a bidirectional recurrent layer, a recurrent cell, v^T tanh(W s + U h). Without attention the decoder
// sees the source only through its first state.
#include <limits>
#include <optional>
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

struct Seq2Seq {
  int64_t source_vocab, target_vocab, width, hidden;
  bool attends = true;
  Cell cell = Cell::lstm;
  int64_t context = attends ? 2 * hidden : 0;

  Embedding source{source_vocab, width};
  AnyRecurrent encoder = any_recurrent(cell, {.in = width, .hidden = hidden, .bidirectional = true});
  Linear first_h{2 * hidden, hidden};  // from the last states of both directions
  std::optional<Linear> first_c = linear_if(cell == Cell::lstm, 2 * hidden, hidden);
  Embedding target{target_vocab, width};
  AnyCell decoder = any_cell(cell, width + context, hidden);
  std::optional<AdditiveAttention> attention = additive(attends, hidden);
  Linear output{hidden + context, target_vocab};

  // ---- the encoder, once per batch
  // Both directions over the source [B, S], whose last states become the decoder's first.
  struct Encoded {
    Tensor keys;       // [B, S, 2 hidden]
    Tensor projected;  // [B, S, hidden]: U keys
    Tensor mask;       // [B, S] boolean
    LstmState state;   // of the decoder, [B, hidden]
  };
  Encoded encode(const Padded& x) const {
    auto [keys, last] = encoder(source(x.ids), x.lengths);
    auto first = [](const Linear& linear, const Tensor& s) {  // [2, B, hidden] -> [B, hidden]
      return tanh(linear(concat({s(0), s(1)}, -1)));
    };
    return {keys,
            attention ? attention->project(keys) : Tensor(),
            length_mask(x.lengths, x.ids.size(1)),
            {first(first_h, last.h), first_c ? first(*first_c, last.c) : Tensor()}};
  }

  // ---- the decoder, once per symbol
  // From the last symbol [B] i64 and state to the logits of the next, looking at the source in between.
  struct Step {
    Tensor logits;   // [B, target_vocab]
    Tensor weights;  // [B, S], undefined without attention
    LstmState state;
  };
  Step step(const Tensor& symbol, const LstmState& state, const Encoded& e) const {
    const Tensor x = target(symbol);  // [B, width]
    if (!attention) {
      const LstmState next = decoder(x, state);
      return {output(next.h), {}, next};
    }
    auto [seen, weights] = (*attention)(state.h, e.keys, e.projected, e.mask);
    const LstmState next = decoder(concat({x, seen}, -1), state);
    return {output(concat({next.h, seen}, -1)), weights, next};
  }

  // Logits [B, T - 1, target_vocab] for target [B, T], which starts with Vocabulary::start. Without a generator every
  // input is gold. weights, if wanted: [B, T - 1, S], undefined without attention.
  Tensor operator()(const Batch& batch, const Forcing& forcing = {}, Rng* training = nullptr,
                    Tensor* weights = nullptr) const {
    const Encoded e = encode(batch.source);
    const Tensor& gold = batch.target.ids;
    LstmState state = e.state;
    Tensor symbol = gold(_, 0), is_gold;
    std::vector<Tensor> logits, looks;
    for (int64_t t = 1; t < gold.size(1); ++t) {
      Step now = step(symbol, state, e);
      logits.push_back(now.logits);
      if (weights && attention) looks.push_back(now.weights);
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
  Written translate(const Padded& x, int64_t longest) const {
    Unrecorded off;
    const Encoded e = encode(x);
    LstmState state = e.state;
    Tensor symbol = full({x.ids.size(0)}, Vocabulary::start, i64), ended = symbol == Vocabulary::end;
    std::vector<Tensor> ids, weights;
    for (int64_t t = 0; t < longest; ++t) {
      Step now = step(symbol, state, e);
      symbol = argmax(now.logits);
      state = now.state;
      ids.push_back(symbol);
      if (attention) weights.push_back(now.weights);
      ended = where(ended, true, symbol == Vocabulary::end);
      if (sum(ended).item() == double(ended.numel())) break;
    }
    return {stack(ids, 1), attention ? stack(weights, 1) : Tensor()};
  }
  // The best of beam_search for each source, one after the other; options.end is Vocabulary::end, whatever it says.
  Written translate(const Padded& x, BeamOptions options) const;

  // Absent where nothing needs them.
  static std::optional<Linear> linear_if(bool wanted, int64_t in, int64_t out) {
    if (!wanted) return std::nullopt;
    return Linear{in, out};
  }
  static std::optional<AdditiveAttention> additive(bool attends, int64_t hidden) {
    if (!attends) return std::nullopt;
    return AdditiveAttention{hidden, 2 * hidden, hidden};
  }
};

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
    const Seq2Seq::Encoded e{each(source.keys), each(source.projected), each(source.mask), {}};
    auto& states = cache.states;
    LstmState state{each(source.state.h), each(source.state.c)};
    if (!states.empty()) state = {states[0], states.size() > 1 ? states[1] : Tensor()};
    Seq2Seq::Step now;
    for (int64_t t = 0; t < ids.size(1); ++t) {
      now = model.step(ids(_, t), state, e);
      state = now.state;
    }
    states = {state.h};
    if (state.c.defined()) states.push_back(state.c);
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
