#pragma once
#include <string>
#include <string_view>
#include <vector>
#include "../../core/error.h"
#include "../../core/rng.h"

// The reading task: short stories of people who walk about and carry things, and a question (as tasks 1 and 2 of
// bAbI, Weston et al. 2015; names and wording are our own).
//
//   Anna walks to the garden                    Omar walks to the cellar
//   Omar walks to the kitchen                   Omar takes the lamp
//   Anna walks to the attic                     Omar walks to the garden
//   where is Anna: attic, by sentence 2         where is the lamp: garden, by sentences 1 and 2
namespace heed {

// All that stories, questions and answers are made of, for a WordVocabulary.
inline constexpr std::string_view story_words =
    "Anna Lena Omar Victor attic book cellar cup garden hall is kitchen lamp leaves office takes the to walks where";

struct Story {
  std::vector<std::string> sentences;  // words with a space between
  std::string question, answer;        // the answer is one word, a place
  std::vector<int64_t> supporting;     // the sentences it follows from, in their order
};

// The answer follows from `facts` sentences of `length`. 1: where a person is, by the last walk. 2: where a thing is,
// by who took it last or put it down, and that person's last walk; until then. Error: facts is neither, or length is
// below it.
Story sample_story(int64_t facts, int64_t length, Rng& rng, Where at = Where::here());

}  // namespace heed
