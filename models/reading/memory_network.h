#pragma once
// An end-to-end memory network (Sukhbaatar et al. 2015): the question u looks at the sentences' memories m, is given
// their contents c, and looks again:
//   p = softmax(u . m_i), u' = u + sum_i p_i c_i, K times, then softmax(W u)
// Tied as neighbours (section 2.2): the contents of one look are the memories of the next, B = A^1 and W^T = C^K. A
// sentence is the sum of its words, weighted by their places, and of what stands for its time (section 4.1).
#include "../../core/tree.h"
#include "../../nn/attention.h"
#include "../../nn/embedding.h"
#include "story_batch.h"

namespace heed {

// l_jk = (1 - j / J) - (k / d)(1 - 2 j / J) for word j of J and column k of d, both from 1, 0 for padding: ids [.., L]
// -> [.., L, d]
inline Tensor position_encoding(const Tensor& ids, int64_t d, Dtype t = f32) {
  const Tensor real = unsqueeze(ids != Vocabulary::pad, -1);                          // [.., L, 1]
  const Tensor J = cast(sum(real, -2, keepdim), t), j = cast(cumsum(real, -2), t);    // [.., 1, 1], [.., L, 1]
  const Tensor at = j / maximum(J, 1), k = cast(arange(d) + 1, t) * (1 / double(d));  // [.., L, 1], [d]
  return where(real, (1 - at) - k * (1 - 2 * at), 0);
}

struct MemoryNetwork {
  int64_t vocab, width, hops, times;  // times: how many sentences back are told apart, those beyond as the last
  bool attends = true;                // else every look is at all sentences alike

  struct Table {
    int64_t vocab, width, times;
    Embedding word{.vocab = vocab, .width = width, .weight = parameter(init::normal({vocab, width}, 0, 0.1))};
    Embedding time{.vocab = times, .width = width, .weight = parameter(init::normal({times, width}, 0, 0.1))};
  };
  std::vector<Table> tables = stack_of(hops + 1, [this] { return Table{vocab, width, times}; });

  // With a generator, a tenth of all memories is empty, so that times are a little uncertain (section 4.1, random
  // noise). `weights` is what the looks are normalised by: none at the start of training (section 4.2, linear start).
  Reading operator()(const StoryBatch& story, Rng* training = nullptr, Normalizer weights = Normalizer::softmax) const {
    const Tensor& words = story.sentences;
    const Dtype t = tables[0].word.weight.dtype();
    const Tensor mask = has_words(words), encoding = position_encoding(words, width, t), back = ages(mask, training);
    auto sentences = [&](const Table& table) { return sum(encoding * table.word(words), 2) + table.time(back); };
    const Attention look = attends ? Attention{.score = DotScore{}, .normalizer = weights} : evenly();

    Tensor u = sum(position_encoding(story.question, width, t) * tables[0].word(story.question), 1);  // [B, width]
    std::vector<Tensor> looks;
    Tensor memory = sentences(tables[0]);  // [B, S, width]
    for (int64_t k = 1; k <= hops; ++k) {
      const Tensor content = sentences(tables[std::size_t(k)]);
      const auto [seen, p] = look.with_weights(unsqueeze(u, 1), memory, content, {.mask = unsqueeze(mask, 1)});
      u = u + squeeze(seen, 1);
      looks.push_back(p);
      memory = content;
    }
    return {linear(u, tables.back().word.weight), concat(looks, 1)};
  }

  // How many sentences, empty ones too, follow on each: [B, S] boolean -> i64
  Tensor ages(const Tensor& mask, Rng* training) const {
    auto following = [](const Tensor& x) { return sum(x, 1, keepdim) - cumsum(x, 1); };
    Tensor age = following(mask);
    if (training) {
      const Tensor empty = (rand(mask.shape(), *training) < 0.1) & mask;
      age = age + following(empty) + cast(empty, i64);
    }
    return clamp(age, 0, times - 1);
  }
};

}  // namespace heed
