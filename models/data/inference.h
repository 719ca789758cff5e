#pragma once
#include <string>
#include <string_view>
#include "alignment.h"
#include "split.h"

// The inference task: does a premise entail a hypothesis, contradict it, or neither?
//
//   every dog chases the ball         some animal chases the ball          entailment
//   some poodle does not see the car  every dog sees the car               contradiction
//   some animal likes the ball        some dog likes the ball              neutral
//
// Sentences are of first-order logic: every N .. (there are such), some N ..; a poodle is a dog is an animal. Words of
// premise and hypothesis must be compared: the classes are equally frequent, and no sum of evidence of single words, of
// either sentence, tells them apart well (a linear bag of words is right in fewer than 60 % of cases).
namespace heed {

// All that sentences are made of, for a WordVocabulary.
inline constexpr std::string_view inference_words =
    "animal apple artist ball bird book car carries carry chase chases child does dog every find finds girl hat like "
    "likes not painter person poodle see sees singer some sparrow stone terrier the want wants";

// What a premise says of a hypothesis.
enum class Inference { entailment, contradiction, neutral };

struct InferencePair {
  std::string premise, hypothesis;  // words with a space between
  Inference label;
  Alignment alignment;  // gold: of each word of the hypothesis the word of the premise in the same part; `does not` and
                        // `the` have none
};

InferencePair sample_inference(Split split, Rng& rng);  // each class as often as another

}  // namespace heed
