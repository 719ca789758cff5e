#pragma once
// Texts as words: what stands between spaces.
#include "vocabulary.h"

namespace heed {

// The parts of a text between its ASCII white space, in their order: punctuation that stands alone is a word, other
// punctuation belongs to one, capitals count.
std::vector<std::string> words_of(std::string_view text);

// Words as ids: 0 pad, 1 start, 2 end (as Vocabulary has them), then the words in the order of their bytes.
class WordVocabulary {
 public:
  // The words that occur in `text`.
  explicit WordVocabulary(std::string_view text);

  int64_t size() const { return first + int64_t(words_.size()); }       // how many ids there are
  const std::string& word(int64_t id, Where at = Where::here()) const;  // IndexError: an id that is no word's

  // One id per word, without start and end. An unknown word is an IndexError naming it and its position.
  std::vector<int64_t> encode(std::string_view text, Where at = Where::here()) const;

  // The words before the first end, a space between them; pad and start are left out. An id outside [0, size()) is an
  // IndexError.
  std::string decode(std::span<const int64_t> ids, Where at = Where::here()) const;

  bool operator==(const WordVocabulary&) const = default;

 private:
  static constexpr int64_t first = Vocabulary::end + 1;
  std::vector<std::string> words_;  // sorted, each once
};

}  // namespace heed
