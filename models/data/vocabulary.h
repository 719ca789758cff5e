#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include "../../core/text.h"

namespace heed {

// The characters that occur in a text: sorted, each once. Error: it is not UTF-8.
std::u32string distinct_characters(std::string_view text, std::string_view op, Where at);
// Calls f with the place of each character of a text among those. Error: it is not UTF-8. IndexError: a character that
// is not among them, named with its position, where the first has `position`.
void each_place(std::string_view text, const std::u32string& characters, std::string_view op, Where at,
                FunctionRef<void(int64_t)> f, int64_t position = 0);
// IndexError: an id outside [0, size), named with its position.
void check_id(int64_t id, int64_t size, std::size_t position, std::string_view op, Where at);

// Characters (UTF-8 code points) as ids: 0 pad, 1 start, 2 end, then the characters in the order of their code points,
// so that the same set of characters always gets the same ids.
class Vocabulary {
 public:
  static constexpr int64_t pad = 0, start = 1, end = 2;

  // The characters that occur in `text`. Text that is not UTF-8 is an Error, here and in encode.
  explicit Vocabulary(std::string_view text, Where at = Where::here());

  // How many ids there are.
  int64_t size() const { return first + static_cast<int64_t>(characters_.size()); }
  std::string characters() const;  // in the order of their ids: Vocabulary(v.characters()) equals v

  // One id per character, without start and end. An unknown character is an IndexError naming it and its position.
  std::vector<int64_t> encode(std::string_view text, Where at = Where::here()) const;

  // The characters before the first end; pad and start are left out. An id outside [0, size()) is an IndexError.
  std::string decode(std::span<const int64_t> ids, Where at = Where::here()) const;

  bool operator==(const Vocabulary&) const = default;

 private:
  static constexpr int64_t first = 3;
  std::u32string characters_;  // sorted, each once
};

}  // namespace heed
