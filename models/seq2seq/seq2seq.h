#pragma once
// An encoder and a decoder (Sutskever, Vinyals and Le 2014) with additive attention between them (Bahdanau, Cho and
// Bengio 2015): bidirectional LSTM, LSTM, v^T tanh(W s + U h). Without attention the decoder sees the source only
// through its first state.
#include <optional>
#include "../../core/tree.h"
#include "../../nn/attention.h"
#include "../../nn/embedding.h"
#include "../../nn/recurrent.h"
#include "../data/batch.h"
#include "../data/vocabulary.h"

namespace heed {

struct Seq2Seq {
  int64_t source_vocab, target_vocab, width, hidden;
  bool attends = true;
  int64_t context = attends ? 2 * hidden : 0;

  Embedding source{source_vocab, width};
  Lstm encoder{.in = width, .hidden = hidden, .bidirectional = true};
  Linear first_h{2 * hidden, hidden};  // from the last states of both directions
  Linear first_c{2 * hidden, hidden};
  Embedding target{target_vocab, width};
  LstmCell decoder{width + context, hidden};
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
    auto both = [](const Tensor& s) { return concat({s(0), s(1)}, -1); };  // [2, B, hidden] -> [B, 2 hidden]
    return {keys,
            attention ? attention->project(keys) : Tensor(),
            length_mask(x.lengths, x.ids.size(1)),
            {tanh(first_h(both(last.h))), tanh(first_c(both(last.c)))}};
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

  // Logits [B, T - 1, target_vocab] for target [B, T], which starts with Vocabulary::start. Teacher forcing: each input
  // is the gold symbol with probability `forcing`, else the model's last guess, drawn per row and step (Bengio et al.
  // 2015, scheduled sampling). Without a generator every input is gold.
  Tensor operator()(const Batch& batch, double forcing = 1, Rng* training = nullptr) const {
    const Encoded e = encode(batch.source);
    const Tensor& gold = batch.target.ids;
    LstmState state = e.state;
    Tensor symbol = gold(_, 0);
    std::vector<Tensor> logits;
    for (int64_t t = 1; t < gold.size(1); ++t) {
      Step now = step(symbol, state, e);
      logits.push_back(now.logits);
      state = now.state;
      symbol = gold(_, t);
      if (training && forcing < 1)
        symbol = where(rand(symbol.shape(), *training) < forcing, symbol, argmax(now.logits));
    }
    return stack(logits, 1);
  }

  // Greedy: the likeliest symbol at every step, until every row has ended or `longest` symbols are written.
  struct Written {
    Tensor ids;      // [B, T] i64; a row ends with its first Vocabulary::end
    Tensor weights;  // [B, T, S], undefined without attention
  };
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

  static std::optional<AdditiveAttention> additive(bool attends, int64_t hidden) {  // absent where nothing attends
    if (!attends) return std::nullopt;
    return AdditiveAttention{hidden, 2 * hidden, hidden};
  }
};

}  // namespace heed
