#include "vocabulary.h"
#include <algorithm>

namespace heed {

std::u32string distinct_characters(std::string_view text, std::string_view op, Where at) {
  std::vector<bool> occurs;
  each_character(text, op, at, [&](char32_t c) {
    if (c >= occurs.size()) occurs.resize(c + 1);
    occurs[c] = true;
  });
  std::u32string characters;
  for (char32_t c = 0; c < occurs.size(); ++c)
    if (occurs[c]) characters += c;
  return characters;
}

void each_place(std::string_view text, const std::u32string& characters, std::string_view op, Where at,
                FunctionRef<void(int64_t)> f, int64_t position) {
  each_character(text, op, at, [&](char32_t c) {
    const auto found = std::lower_bound(characters.begin(), characters.end(), c);
    if (found == characters.end() || *found != c)
      fail<IndexError>(at, op,
                       "cannot encode " + in_quotes(c) + " at position " + std::to_string(position) +
                           ": it is not among the " + std::to_string(characters.size()) +
                           " characters of the vocabulary");
    f(found - characters.begin());
    ++position;
  });
}

void check_id(int64_t id, int64_t size, std::size_t position, std::string_view op, Where at) {
  if (id < 0 || id >= size)
    fail<IndexError>(at, op,
                     "cannot decode id " + std::to_string(id) + " at position " + std::to_string(position) +
                         ": the vocabulary has ids 0 to " + std::to_string(size - 1));
}

Vocabulary::Vocabulary(std::string_view text, Where at) : characters_(distinct_characters(text, "Vocabulary", at)) {}

std::string Vocabulary::characters() const {
  std::string text;
  for (char32_t c : characters_) append_utf8(text, c);
  return text;
}

std::vector<int64_t> Vocabulary::encode(std::string_view text, Where at) const {
  std::vector<int64_t> ids;
  each_place(text, characters_, "encode", at, [&](int64_t place) { ids.push_back(first + place); });
  return ids;
}

std::string Vocabulary::decode(std::span<const int64_t> ids, Where at) const {
  std::string text;
  for (std::size_t i = 0; i < ids.size() && ids[i] != end; ++i) {
    check_id(ids[i], size(), i, "decode", at);
    if (ids[i] >= first) append_utf8(text, characters_[static_cast<std::size_t>(ids[i] - first)]);
  }
  return text;
}

}  // namespace heed
