#include "words.h"
#include <algorithm>

namespace heed {

std::vector<std::string> words_of(std::string_view text) {
  constexpr std::string_view space = " \t\n\v\f\r";
  std::vector<std::string> words;
  for (std::size_t begin = 0; (begin = text.find_first_not_of(space, begin)) != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(space, begin), text.size());
    words.emplace_back(text.substr(begin, end - begin));
    begin = end;
  }
  return words;
}

WordVocabulary::WordVocabulary(std::string_view text) : words_(words_of(text)) {
  std::sort(words_.begin(), words_.end());
  words_.erase(std::unique(words_.begin(), words_.end()), words_.end());
}

const std::string& WordVocabulary::word(int64_t id, Where at) const {
  if (id < first || id >= size())
    fail<IndexError>(at, "word",
                     "id " + std::to_string(id) + " is no word's: those are " + std::to_string(first) + " to " +
                         std::to_string(size() - 1));
  return words_[std::size_t(id - first)];
}

std::vector<int64_t> WordVocabulary::encode(std::string_view text, Where at) const {
  std::vector<int64_t> ids;
  for (const std::string& word : words_of(text)) {
    const auto found = std::lower_bound(words_.begin(), words_.end(), word);
    if (found == words_.end() || *found != word)
      fail<IndexError>(at, "encode",
                       "cannot encode \"" + word + "\", word " + std::to_string(ids.size()) + ": it is not among the " +
                           std::to_string(words_.size()) + " words of the vocabulary");
    ids.push_back(first + (found - words_.begin()));
  }
  return ids;
}

std::string WordVocabulary::decode(std::span<const int64_t> ids, Where at) const {
  std::string text;
  for (std::size_t i = 0; i < ids.size() && ids[i] != Vocabulary::end; ++i) {
    check_id(ids[i], size(), i, "decode", at);
    if (ids[i] >= first) text += (text.empty() ? "" : " ") + word(ids[i]);
  }
  return text;
}

}  // namespace heed
