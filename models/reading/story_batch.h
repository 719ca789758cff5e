#pragma once
// Stories as tensors, and what every reader of them says.
#include <algorithm>
#include <span>
#include "../../nn/attention.h"
#include "../data/batch.h"
#include "../data/stories.h"
#include "../data/words.h"

namespace heed {

struct StoryBatch {    // ids, i64, filled with Vocabulary::pad
  Tensor sentences;    // [B, S, L]: a shorter story has sentences of padding at its end
  Tensor question;     // [B, Q]
  Tensor answer = {};  // [B]
};

struct Reading {
  Tensor logits;   // [B, vocab]
  Tensor weights;  // [B, looks, S]: how much each look, one after the other, was at each sentence
};

// To all alike, whatever the question is.
inline Attention evenly() { return {.score = CosineScore{.beta = 0}}; }

inline Tensor has_words(const Tensor& sentences) {  // [B, S, L] -> [B, S] boolean: false where there is padding
  return any(sentences != Vocabulary::pad, 2);
}

// IndexError: a word that the vocabulary does not have.
inline StoryBatch collate(std::span<const Story> stories, const WordVocabulary& words) {
  std::vector<std::vector<int64_t>> sentences, questions;
  std::vector<int64_t> answers;
  std::size_t most = 0;
  for (const Story& s : stories) most = std::max(most, s.sentences.size());
  for (const Story& s : stories) {
    for (std::size_t i = 0; i < most; ++i)
      sentences.push_back(i < s.sentences.size() ? words.encode(s.sentences[i]) : std::vector<int64_t>{});
    questions.push_back(words.encode(s.question));
    answers.push_back(words.encode(s.answer).at(0));
  }
  const auto B = std::ssize(stories);
  const Tensor ids = pad_sequence(sentences).ids;
  return {reshape(ids, {B, int64_t(most), ids.size(1)}), pad_sequence(questions).ids, tensor(answers, {B})};
}

}  // namespace heed
