#pragma once
// A file of text to train a language model on.
#include <optional>
#include "batch.h"
#include "tokenizer.h"

namespace heed {

struct TextOptions {
  std::string tokenizer = "characters";   // or "bytes" or "bpe" (Tokenizer::name), made of the file
  int64_t vocab = 4096;                   // of bpe, which is made of the training part
  std::optional<Tokenizer> trained = {};  // one that is there already, instead
  // The share of the file to validate on, 0 or more and below 1: its last floor(validation * bytes) bytes, and what
  // precedes them of a character.
  double validation = 0.1;
  int64_t context = 1;  // the longest window to come: a part has a token more than that, unless validation is 0
};

// Tokens, those to train on first and those to validate on behind them.
class Text {
 public:
  struct Part {
    int64_t tokens, characters;  // a byte that is not UTF-8 counts as a character
  };
  struct Windows {
    Tensor x, y;  // [B, T] i64: y is x one token further on
  };

  const Tokenizer& tokenizer() const { return tokenizer_; }  // what made the tokens
  int64_t vocab() const { return tokenizer_.size(); }        // how many ids there are
  Part training() const { return training_; }                // all but the end
  Part validation() const { return validation_; }            // the end

  // To tell files apart.
  int64_t bytes() const { return bytes_; }
  uint64_t fingerprint() const { return fingerprint_; }

  // B windows of the training part. Each row, in order, begins at token rng.below(training().tokens - T). Error: B or T
  // is below 1, or the part has no window of T + 1 tokens.
  Windows batch(int64_t B, int64_t T, Rng& rng, Where at = Where::here()) const;

  // Where windows that do not overlap begin in the validation part, B to a batch and the rest in the last: of all W
  // such windows the ones numbered floor(i W / n), i < n = N / T, but at least one and at most W. Error: as above.
  Batches validation_batches(int64_t B, int64_t T, int64_t N, Where at = Where::here()) const;

  // The windows that begin at these tokens of the whole. Error: there is none, or T is below 1. IndexError:
  // one that has no T + 1 tokens.
  Windows windows(std::span<const int64_t> begins, int64_t T, Where at = Where::here()) const;

  // What a loss in nats per token of the validation part is in bits per character of it.
  double bits_per_character(double loss) const;

 private:
  friend Text load_text(const std::string& path, const TextOptions& options, Where at);
  explicit Text(Tokenizer tokenizer) : tokenizer_(std::move(tokenizer)) {}
  Part add(std::string_view text, const std::string& doing, Where at);

  Tokenizer tokenizer_;
  std::vector<int32_t> tokens_;
  Part training_{}, validation_{};
  int64_t bytes_ = 0;
  uint64_t fingerprint_ = 0;
};

// FileError: not a file that can be read, empty, not UTF-8 (bytes takes any), or a part is too short.
// IndexError: a character that the trained tokenizer does not know. Error: an option that cannot be.
Text load_text(const std::string& path, const TextOptions& options = {}, Where at = Where::here());

}  // namespace heed
