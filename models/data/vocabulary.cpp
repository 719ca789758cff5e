#include "vocabulary.h"
#include <algorithm>
#include <array>
#include <cstddef>

namespace heed {
namespace {

std::string hexadecimal(uint32_t value, std::size_t digits) {
  std::string text;
  for (; value || text.size() < digits; value /= 16) text.insert(text.begin(), "0123456789ABCDEF"[value % 16]);
  return text;
}

void append_utf8(std::string& text, char32_t c) {
  auto put = [&](char32_t byte) { text += static_cast<char>(static_cast<unsigned char>(byte)); };
  if (c < 0x80) return put(c);
  if (c < 0x800) {
    put(0xC0 | c >> 6);
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3F));
  } else {
    put(0xF0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3F));
    put(0x80 | (c >> 6 & 0x3F));
  }
  put(0x80 | (c & 0x3F));
}

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
std::u32string code_points(std::string_view text, std::string_view op, Where at) {
  constexpr std::array<char32_t, 5> smallest{0, 0, 0x80, 0x800, 0x10000};  // of a sequence of that many bytes
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  std::u32string result;
  for (std::size_t i = 0; i < text.size();) {
    const unsigned char lead = byte(i);
    const std::size_t length = lead < 0x80   ? 1
                               : lead < 0xC0 ? 0
                               : lead < 0xE0 ? 2
                               : lead < 0xF0 ? 3
                               : lead < 0xF8 ? 4
                                             : 0;
    bool valid = length > 0 && i + length <= text.size();
    char32_t c = length == 1 ? lead : lead & (0x7Fu >> length);
    for (std::size_t k = 1; valid && k < length; ++k) {
      valid = (byte(i + k) & 0xC0) == 0x80;
      c = c << 6 | (byte(i + k) & 0x3F);
    }
    if (!valid || c < smallest[length] || (c >= 0xD800 && c < 0xE000) || c > 0x10FFFF)
      fail<Error>(at, op,
                  "cannot read the text as UTF-8: no character begins with byte " + std::to_string(i) + " (0x" +
                      hexadecimal(lead, 2) + ") of " + std::to_string(text.size()));
    result += c;
    i += length;
  }
  return result;
}

}  // namespace

Vocabulary::Vocabulary(std::string_view text, Where at) : characters_(code_points(text, "Vocabulary", at)) {
  std::sort(characters_.begin(), characters_.end());
  characters_.erase(std::unique(characters_.begin(), characters_.end()), characters_.end());
}

std::string Vocabulary::characters() const {
  std::string text;
  for (char32_t c : characters_) append_utf8(text, c);
  return text;
}

std::vector<int64_t> Vocabulary::encode(std::string_view text, Where at) const {
  std::vector<int64_t> ids;
  for (char32_t c : code_points(text, "encode", at)) {
    const auto found = std::lower_bound(characters_.begin(), characters_.end(), c);
    if (found == characters_.end() || *found != c) {
      std::string unknown;
      append_utf8(unknown, c);
      fail<IndexError>(at, "encode",
                       "cannot encode '" + unknown + "' (U+" + hexadecimal(c, 4) + ") at position " +
                           std::to_string(ids.size()) + ": it is not among the " + std::to_string(characters_.size()) +
                           " characters of the vocabulary");
    }
    ids.push_back(first + (found - characters_.begin()));
  }
  return ids;
}

std::string Vocabulary::decode(std::span<const int64_t> ids, Where at) const {
  std::string text;
  for (std::size_t i = 0; i < ids.size() && ids[i] != end; ++i) {
    if (ids[i] < 0 || ids[i] >= size())
      fail<IndexError>(at, "decode",
                       "cannot decode id " + std::to_string(ids[i]) + " at position " + std::to_string(i) +
                           ": the vocabulary has ids 0 to " + std::to_string(size() - 1));
    if (ids[i] >= first) append_utf8(text, characters_[static_cast<std::size_t>(ids[i] - first)]);
  }
  return text;
}

}  // namespace heed
