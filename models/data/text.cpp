#include "text.h"
#include <cmath>
#include <numbers>
#include "../../core/disk.h"
#include "../../core/text.h"

namespace heed {
namespace {

constexpr auto op = "load_text";

int64_t count_characters(std::string_view text) {
  int64_t n = 0;
  for (; !text.empty(); ++n) text.remove_prefix(std::max<std::size_t>(first_character(text).length, 1));
  return n;
}

// How much of the text is for training: not a part of a character.
std::size_t training_bytes(std::string_view text, double validation) {
  const std::size_t cut = text.size() - std::size_t(validation * double(text.size()));
  for (std::size_t back = 1; back < 4 && back <= cut && cut < text.size(); ++back)
    if (first_character(text.substr(cut - back)).length > back) return cut - back;
  return cut;
}

Tokenizer made(const TextOptions& options, std::string_view text, std::string_view training, Where at) {
  if (options.trained) return *options.trained;
  if (options.tokenizer == "characters") return Tokenizer::characters(text, at);
  if (options.tokenizer == "bytes") return Tokenizer::bytes();
  if (options.tokenizer == "bpe") return Tokenizer::bpe(training, options.vocab, at);
  fail<Error>(at, op, "there is no tokenizer " + in_quotes(options.tokenizer) + ": choose characters, bytes or bpe");
}

void check_sizes(int64_t B, int64_t T, const char* what, Where at) {
  if (B < 1 || T < 1)
    fail<Error>(at, what, "cannot take " + std::to_string(B) + " windows of " + std::to_string(T) + " tokens");
}

std::string too_short(const char* part, int64_t tokens, int64_t T) {
  return "the " + std::string(part) + " part has " + std::to_string(tokens) + " tokens, a window takes " +
         std::to_string(T + 1) + " (context + 1)";
}

}  // namespace

Text load_text(const std::string& path, const TextOptions& options, Where at) {
  const FileTask task{op, path, at};
  if (!(options.validation >= 0 && options.validation < 1))
    fail<Error>(at, op,
                "cannot leave " + number_text(options.validation) + " of the text for validation: from 0 to below 1");
  const MappedFile file(task);
  const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  const std::string_view kind = options.trained ? options.trained->name() : options.tokenizer;
  if (const std::size_t valid = valid_utf8(text); valid < text.size() && kind != "bytes")
    task.cannot_read("it is not UTF-8: " + why_not_utf8(text, valid) + ": the tokenizer bytes takes any file");

  const std::size_t cut = training_bytes(text, options.validation);
  Text r(made(options, text, text.substr(0, cut), at));
  r.bytes_ = std::ssize(text);
  r.fingerprint_ = heed::fingerprint(text);
  r.training_ = r.add(text.substr(0, cut), "load_text: cannot read " + path, at);
  r.validation_ = r.add(text.substr(cut), "load_text: cannot read " + path, at);
  if (r.training_.tokens <= options.context)
    task.cannot_read(too_short("training", r.training_.tokens, options.context));
  if (options.validation > 0 && r.validation_.tokens <= options.context)
    task.cannot_read(too_short("validation", r.validation_.tokens, options.context));
  return r;
}

Text::Part Text::add(std::string_view text, const std::string& doing, Where at) {
  const int64_t before = std::ssize(tokens_);
  tokenizer_.append(tokens_, text, doing, at);
  return {std::ssize(tokens_) - before, count_characters(text)};
}

Text::Windows Text::batch(int64_t B, int64_t T, Rng& rng, Where at) const {
  check_sizes(B, T, "batch", at);
  if (training_.tokens <= T)
    fail<Error>(at, "batch", "cannot take a window: " + too_short("training", training_.tokens, T));
  std::vector<int64_t> begins;
  for (int64_t i = 0; i < B; ++i) begins.push_back(rng.below(training_.tokens - T));
  return windows(begins, T, at);
}

Batches Text::validation_batches(int64_t B, int64_t T, int64_t N, Where at) const {
  check_sizes(B, T, "validation_batches", at);
  const int64_t W = (validation_.tokens - 1) / T, n = std::clamp<int64_t>(N / T, 1, std::max<int64_t>(W, 1));
  if (W < 1)
    fail<Error>(at, "validation_batches", "cannot take a window: " + too_short("validation", validation_.tokens, T));
  Batches r;
  for (int64_t i = 0; i < n; ++i) {
    if (i % B == 0) r.emplace_back();
    r.back().push_back(training_.tokens + i * W / n * T);
  }
  return r;
}

Text::Windows Text::windows(std::span<const int64_t> begins, int64_t T, Where at) const {
  check_sizes(std::ssize(begins), T, "windows", at);
  std::vector<int64_t> x, y;
  for (const int64_t begin : begins) {
    if (begin < 0 || begin >= std::ssize(tokens_) - T)
      fail<IndexError>(at, "windows",
                       "no window of " + std::to_string(T) + " tokens and one more begins at token " +
                           std::to_string(begin) + " of " + std::to_string(tokens_.size()));
    const auto from = tokens_.begin() + begin;
    x.insert(x.end(), from, from + T);
    y.insert(y.end(), from + 1, from + T + 1);
  }
  const Shape shape{std::ssize(begins), T};
  return {tensor(x, shape), tensor(y, shape)};
}

double Text::bits_per_character(double loss) const {
  return loss / std::numbers::ln2 * double(validation_.tokens) / double(validation_.characters);
}

}  // namespace heed
