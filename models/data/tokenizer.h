#pragma once
// Text as ids and back.
#include <unordered_map>
#include "vocabulary.h"

namespace heed {

// A value with ids 0 .. size() - 1, none of them for padding, start or end.
class Tokenizer {
 public:
  // The characters that occur in `text`, in the order of their code points. Error: text that is not UTF-8, here and in
  // encode.
  static Tokenizer characters(std::string_view text, Where at = Where::here());

  // Each byte is its own id.
  static Tokenizer bytes();

  // Byte-pair encoding (Sennrich, Haddow, Birch 2016) of bytes (Radford et al. 2019). Ids 0 to 255 are the bytes, in
  // GPT-2's order; each further one joins the two ids that stand side by side most often in the pre_tokens of `text`,
  // of equally frequent pairs the smallest. There are `vocab`, or fewer if no pair is left that occurs twice. Error:
  // vocab is below 256.
  static Tokenizer bpe(std::string_view text, int64_t vocab, Where at = Where::here());

  std::string_view name() const { return name_; }                        // "characters", "bytes" or "bpe"
  int64_t size() const { return static_cast<int64_t>(pieces_.size()); }  // how many ids there are

  // Ids as int64_t, or as int32_t to take less memory, in time linear in the text. What bytes and bpe encode may be any
  // bytes. IndexError: a character that is not among `characters`, with its position.
  template <class Id = int64_t>
  std::vector<Id> encode(std::string_view text, Where at = Where::here()) const {
    std::vector<Id> ids;
    append(ids, text, "encode", at);
    return ids;
  }

  // What was encoded. IndexError: an id outside [0, size()).
  std::string decode(std::span<const int64_t> ids, Where at = Where::here()) const;
  // The bytes that an id stands for. IndexError: as above.
  const std::string& piece(int64_t id, Where at = Where::here()) const;

  uint64_t fingerprint() const;  // to tell tokenizers apart

  // As JSON; that of bpe is laid out as by Hugging Face's tokenizers (tokenizer.json), whose byte-level BPE without
  // special tokens load reads as well. FileError: it cannot be written; it is not such a file.
  void save(const std::string& path, Where at = Where::here()) const;
  static Tokenizer load(const std::string& path, Where at = Where::here());

  bool operator==(const Tokenizer&) const = default;

 private:
  friend class Text;
  using Pair = std::pair<int32_t, int32_t>;

  explicit Tokenizer(std::string_view name) : name_(name) {}
  static Tokenizer of_characters(std::u32string characters);
  static Tokenizer of_merges(const std::vector<Pair>& merges);

  template <class Id>
  void append(std::vector<Id>& ids, std::string_view text, std::string_view op, Where at) const;

  std::string_view name_;
  std::vector<std::string> pieces_;              // by id
  std::u32string characters_;                    // of `characters`, sorted
  std::vector<Pair> merges_;                     // of `bpe`: what id 256 + i joins
  std::unordered_map<uint64_t, int32_t> ranks_;  // the other way round: i by pair
};

// The parts that GPT-2 encodes one by one: the matches of
//   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
// where \s is Unicode's White_Space. Bytes that are not UTF-8 stand apart from those that are. Together they are
// `text`.
std::vector<std::string_view> pre_tokens(std::string_view text);

}  // namespace heed
