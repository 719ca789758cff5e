#pragma once
// The attentive reader (Hermann et al. 2015, section 3.2): a bidirectional LSTM reads the story, another one the
// question, which then looks at all words of the story once:
//   s(t) ~ exp(w^T tanh(W_ym y(t) + W_um u)), r = sum_t s(t) y(t), g = tanh(W_rg r + W_ug u)
#include "../../nn/attention.h"
#include "../../nn/embedding.h"
#include "../../nn/recurrent.h"
#include "story_batch.h"

namespace heed {

struct AttentiveReader {
  int64_t vocab, width, hidden;
  bool attends = true;  // else the look is at all words alike

  Embedding word{vocab, width};
  Lstm story{.in = width, .hidden = hidden, .bidirectional = true};
  Lstm question{.in = width, .hidden = hidden, .bidirectional = true};
  Attention attention = attends ? additive(2 * hidden) : evenly();
  Linear from_story{.in = 2 * hidden, .out = 2 * hidden, .bias = {}};  // W_rg
  Linear from_question{2 * hidden, 2 * hidden};                        // W_ug
  Linear output{2 * hidden, vocab};

  Reading operator()(const StoryBatch& x, Rng* = nullptr) const {
    const int64_t B = x.sentences.size(0), S = x.sentences.size(1), L = x.sentences.size(2);
    const Tensor ids = reshape(x.sentences, {B, S * L});  // padding stands behind short sentences like a full stop
    const Tensor y = story(word(ids), sum(has_words(x.sentences), 1) * L).y;  // [B, S L, 2 hidden]
    const Tensor last = question(word(x.question), sum(x.question != Vocabulary::pad, 1)).state.h;  // [2, B, hidden]
    const Tensor u = concat({last(0), last(1)}, -1);                                                // [B, 2 hidden]
    const Tensor mask = unsqueeze(ids != Vocabulary::pad, 1);
    const auto [r, s] = attention.with_weights(unsqueeze(u, 1), y, y, {.mask = mask});
    const Tensor g = tanh(from_story(squeeze(r, 1)) + from_question(u));
    return {output(g), sum(reshape(s, {B, 1, S, L}), -1)};
  }

  // v^T tanh(W q + U k), all as wide
  static Attention additive(int64_t width) { return {.score = AdditiveScore{width, width, width}}; }
};

}  // namespace heed
