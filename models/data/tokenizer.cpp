#include "tokenizer.h"
#include <algorithm>
#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <queue>
#include "../../core/disk.h"
#include "../../core/text.h"
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace heed {
namespace {

// ---- pre-tokens
[[noreturn]] void pcre2_failed(int code) {
  std::array<PCRE2_UCHAR, 256> why{};
  pcre2_get_error_message(code, why.data(), why.size());
  throw std::runtime_error("PCRE2: " + std::string(reinterpret_cast<const char*>(why.data())));
}

struct Pcre2Free {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
  void operator()(pcre2_match_data* match) const { pcre2_match_data_free(match); }
};

const pcre2_code* pattern() {
  static const auto compiled = [] {
    const std::string space = R"(\p{Z}\t-\r\x{85})", source = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^" +
                                                              space + "\\p{L}\\p{N}]+|[" + space + "]+(?![^" + space +
                                                              "])|[" + space + "]+";
    int error = 0;
    PCRE2_SIZE offset = 0;
    std::unique_ptr<pcre2_code, Pcre2Free> code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(source.data()),
                                                              source.size(), PCRE2_UTF | PCRE2_ANCHORED, &error,
                                                              &offset, nullptr));
    if (!code) pcre2_failed(error);
    pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE);  // where it cannot, PCRE2 interprets
    return code;
  }();
  return compiled.get();
}

template <class F>
void each_pre_token(std::string_view text, F f) {
  const pcre2_code* code = pattern();
  const std::unique_ptr<pcre2_match_data, Pcre2Free> match(pcre2_match_data_create(1, nullptr));
  if (!match) throw std::bad_alloc();
  const PCRE2_SIZE& end = pcre2_get_ovector_pointer(match.get())[1];
  while (!text.empty()) {
    const std::string_view valid = text.substr(0, valid_utf8(text));
    for (std::size_t i = 0; i < valid.size(); i = end) {
      const int found = pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(valid.data()), valid.size(), i,
                                    PCRE2_NO_UTF_CHECK, match.get(), nullptr);
      if (found < 0) pcre2_failed(found);
      f(valid.substr(i, end - i));
    }
    text.remove_prefix(valid.size());
    std::size_t invalid = 0;
    while (invalid < text.size() && first_character(text.substr(invalid)).length == 0) ++invalid;
    if (invalid > 0) f(text.substr(0, invalid));
    text.remove_prefix(invalid);
  }
}

// ---- the ids of the bytes: first those that print, in Latin-1
struct Alphabet {
  std::array<unsigned char, 256> bytes{};  // by id
  std::array<int32_t, 256> ids{};          // by byte
  int32_t printed = 0;                     // how many
};
constexpr Alphabet alphabet = [] {
  constexpr auto prints = [](unsigned b) { return (b >= '!' && b <= '~') || (b >= 0xA1 && b != 0xAD); };
  Alphabet a;
  int32_t id = 0;
  for (const bool printed : {true, false}) {
    for (unsigned b = 0; b < 256; ++b)
      if (prints(b) == printed) {
        a.bytes[std::size_t(id)] = static_cast<unsigned char>(b);
        a.ids[b] = id++;
      }
    if (printed) a.printed = id;
  }
  return a;
}();

// GPT-2's way to write any bytes as a text without spaces and control characters.
std::string spelled(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    const int32_t id = alphabet.ids[byte];
    append_utf8(text, id < alphabet.printed ? byte : char32_t(256 + id - alphabet.printed));
  }
  return text;
}

// ---- joining
using Pair = std::pair<int32_t, int32_t>;
constexpr int32_t first_joined = 256;

uint64_t key(Pair p) { return uint64_t(p.first) << 32 | uint64_t(p.second); }

// Ids in chains, of which neighbours are joined. A link is known by its place, which does not change.
class Chains {
 public:
  static constexpr int64_t none = -1;

  int64_t size() const { return std::ssize(links_); }
  void clear() { links_.clear(); }
  void add(std::string_view word) {  // a chain of its own
    const int64_t begin = size(), end = begin + std::ssize(word);
    for (int64_t i = begin; i < end; ++i)
      links_.push_back({alphabet.ids[static_cast<unsigned char>(word[std::size_t(i - begin)])],
                        i > begin ? i - 1 : none, i + 1 < end ? i + 1 : none});
  }
  int32_t id(int64_t i) const { return link(i).id; }
  int64_t after(int64_t i) const { return link(i).after; }
  bool has_pair(int64_t i) const { return link(i).after != none; }
  Pair pair(int64_t i) const { return {id(i), id(after(i))}; }

  // Joins the pair wherever it still stands among the places, in their order. Says at which places a pair is about to
  // be lost, and at which one has been made.
  template <class Lost, class Made>
  void join(const std::vector<int64_t>& places, Pair p, int32_t joined, Lost lost, Made made) {
    for (const int64_t i : places) {
      if (id(i) != p.first || !has_pair(i) || id(after(i)) != p.second) continue;
      const int64_t gone = after(i), before = link(i).before, behind = after(gone);
      if (before != none) lost(before);
      if (behind != none) lost(gone);
      links_[std::size_t(gone)].id = -1;
      links_[std::size_t(i)] = {joined, before, behind};
      if (behind != none) links_[std::size_t(behind)].before = i;
      if (before != none) made(before);
      if (behind != none) made(i);
    }
  }

 private:
  struct Link {
    int32_t id;
    int64_t before, after;
  };
  const Link& link(int64_t i) const { return links_[std::size_t(i)]; }

  std::vector<Link> links_;
};

// Joins the pair of the least rank, the leftmost first, until there is none. An id has a higher rank than those it is
// joined of, so ranks only rise; and the places of a pair are all found in the one sweep, from left to right, that
// makes the later of its two ids.
class Joiner {
 public:
  Joiner(const std::vector<Pair>& merges, const std::unordered_map<uint64_t, int32_t>& ranks)
      : merges_(merges), ranks_(ranks), places_(merges.size()) {}

  template <class Id>
  void append(std::vector<Id>& ids, std::string_view word) {
    chain_.clear();
    chain_.add(word);
    const auto made = [this](int64_t i) { wait(i); };
    for (int64_t i = 0; chain_.has_pair(i); ++i) made(i);
    while (!waiting_.empty()) {
      const int32_t rank = waiting_.top();
      waiting_.pop();
      chain_.join(
          places_[std::size_t(rank)], merges_[std::size_t(rank)], first_joined + rank, [](int64_t) {}, made);
      places_[std::size_t(rank)].clear();
    }
    for (int64_t i = 0; i != Chains::none; i = chain_.after(i)) ids.push_back(Id{chain_.id(i)});
  }

 private:
  void wait(int64_t i) {
    const auto found = ranks_.find(key(chain_.pair(i)));
    if (found == ranks_.end()) return;
    std::vector<int64_t>& places = places_[std::size_t(found->second)];
    if (places.empty()) waiting_.push(found->second);
    places.push_back(i);
  }

  const std::vector<Pair>& merges_;
  const std::unordered_map<uint64_t, int32_t>& ranks_;
  Chains chain_;
  std::vector<std::vector<int64_t>> places_;                                           // by rank
  std::priority_queue<int32_t, std::vector<int32_t>, std::greater<int32_t>> waiting_;  // ranks that have places
};

// ---- training
std::vector<Pair> most_frequent_pairs(std::string_view text, int64_t count) {
  std::unordered_map<std::string_view, int64_t> words;
  each_pre_token(text, [&](std::string_view word) { ++words[word]; });
  Chains chains;
  std::vector<int64_t> weights;  // of a link: how often its word occurs
  for (const auto& [word, occurs] : words) {
    chains.add(word);
    weights.resize(std::size_t(chains.size()), occurs);
  }

  struct Occurrences {
    int64_t count = 0;
    std::vector<int64_t> places;
  };
  std::unordered_map<uint64_t, Occurrences> pairs;
  std::vector<Pair> fresh;
  const auto made = [&](int64_t i) {
    Occurrences& o = pairs[key(chains.pair(i))];
    o.count += weights[std::size_t(i)];
    if (o.places.empty()) fresh.push_back(chains.pair(i));
    o.places.push_back(i);
  };
  const auto lost = [&](int64_t i) { pairs[key(chains.pair(i))].count -= weights[std::size_t(i)]; };
  for (int64_t i = 0; i < chains.size(); ++i)
    if (chains.has_pair(i)) made(i);

  struct Candidate {
    int64_t count;
    Pair pair;
    bool operator<(const Candidate& o) const { return count != o.count ? count < o.count : pair > o.pair; }
  };
  std::priority_queue<Candidate> candidates;  // the counts of old ones may have sunk
  const auto consider = [&](Pair p) {
    if (const int64_t n = pairs[key(p)].count; n >= 2) candidates.push({n, p});
  };
  std::vector<Pair> merges;
  while (std::ssize(merges) < count) {
    for (const Pair& p : fresh) consider(p);
    fresh.clear();
    if (candidates.empty()) break;
    const Candidate best = candidates.top();
    candidates.pop();
    Occurrences& o = pairs[key(best.pair)];
    if (o.count != best.count) {
      consider(best.pair);
      continue;
    }
    const std::vector<int64_t> places = std::move(o.places);
    chains.join(places, best.pair, first_joined + int32_t(merges.size()), lost, made);
    merges.push_back(best.pair);
  }
  return merges;
}

// ---- files
using nlohmann::json;
constexpr auto op = "Tokenizer";

json parsed(const FileTask& task, std::span<const std::byte> bytes) {
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  try {
    return json::parse(text, text + bytes.size());
  } catch (const json::parse_error& e) {
    task.cannot_read("bad JSON at byte " + std::to_string(e.byte));
  } catch (const json::exception&) {
    task.cannot_read("bad JSON: a number is too large");
  }
}

const json& field(const json& object, std::string_view name) {  // null where there is none
  static const json null;
  const auto found = object.find(std::string(name));
  return found == object.end() ? null : *found;
}

// What is on in other tokenizers: null, false and what is empty are off.
void check_off(const FileTask& task, const json& object, const std::string& within,
               std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (const json& value = field(object, name); !value.empty() && value != json(false) && value != json(""))
      task.cannot_read("its \"" + within + name + "\" is on, which is not supported");
}

std::vector<Pair> read_merges(const FileTask& task, const json& model) {
  const json &vocab = field(model, "vocab"), &listed = field(model, "merges");
  if (!vocab.is_object()) task.cannot_read("its \"model.vocab\" is not a JSON object");
  if (!listed.is_array()) task.cannot_read("its \"model.merges\" is not a JSON array");
  std::unordered_map<std::string, int32_t> ids;
  const auto add = [&](const std::string& token) {
    const auto id = int32_t(ids.size());
    if (field(vocab, token) != id)
      task.cannot_read("its \"model.vocab\" does not give " + in_quotes(token) + " the id " + std::to_string(id));
    return ids.emplace(token, id).second;
  };
  for (const unsigned char byte : alphabet.bytes) add(spelled({reinterpret_cast<const char*>(&byte), 1}));

  std::vector<Pair> merges;
  for (const json& merge : listed) {
    const std::string which = "merge " + std::to_string(merges.size()) + " of its \"model.merges\" ";
    std::array<std::string, 2> tokens;
    if (merge.is_string()) {  // "a b", or ["a", "b"]
      const auto& both = merge.get_ref<const std::string&>();
      const std::size_t space = std::min(both.find(' '), both.size());
      tokens = {both.substr(0, space), both.substr(std::min(space + 1, both.size()))};
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      tokens = merge.get<std::array<std::string, 2>>();
    } else {
      task.cannot_read(which + "is not two tokens");
    }
    for (const std::string& token : tokens)
      if (!ids.contains(token)) task.cannot_read(which + "has " + in_quotes(token) + ", which nothing before it makes");
    merges.push_back({ids.at(tokens[0]), ids.at(tokens[1])});
    if (!add(tokens[0] + tokens[1]))
      task.cannot_read(which + "makes " + in_quotes(tokens[0] + tokens[1]) + ", which is there already");
  }
  if (vocab.size() != ids.size())
    task.cannot_read("its \"model.vocab\" has " + std::to_string(vocab.size()) + " ids, bytes and merges make " +
                     std::to_string(ids.size()));
  return merges;
}

}  // namespace

std::vector<std::string_view> pre_tokens(std::string_view text) {
  std::vector<std::string_view> r;
  each_pre_token(text, [&](std::string_view word) { r.push_back(word); });
  return r;
}

Tokenizer Tokenizer::of_characters(std::u32string characters) {
  Tokenizer r("characters");
  for (const char32_t c : characters) append_utf8(r.pieces_.emplace_back(), c);
  r.characters_ = std::move(characters);
  return r;
}

Tokenizer Tokenizer::of_merges(const std::vector<Pair>& merges) {
  Tokenizer r("bpe");
  for (const unsigned char byte : alphabet.bytes) r.pieces_.emplace_back(1, static_cast<char>(byte));
  for (const Pair& p : merges) {
    r.ranks_.emplace(key(p), int32_t(r.merges_.size()));
    r.merges_.push_back(p);
    r.pieces_.push_back(r.pieces_[std::size_t(p.first)] + r.pieces_[std::size_t(p.second)]);
  }
  return r;
}

Tokenizer Tokenizer::characters(std::string_view text, Where at) {
  return of_characters(distinct_characters(text, "characters", at));
}

Tokenizer Tokenizer::bytes() {
  Tokenizer r("bytes");
  for (int byte = 0; byte < 256; ++byte) r.pieces_.emplace_back(1, static_cast<char>(byte));
  return r;
}

Tokenizer Tokenizer::bpe(std::string_view text, int64_t vocab, Where at) {
  if (vocab < first_joined)
    fail<Error>(at, "bpe", "there cannot be " + std::to_string(vocab) + " ids: the bytes alone are 256");
  return of_merges(most_frequent_pairs(text, vocab - first_joined));
}

template <class Id>
void Tokenizer::append(std::vector<Id>& ids, std::string_view text, std::string_view op, Where at) const {
  if (name_ == "characters") {
    each_place(
        text, characters_, op, at, [&](int64_t place) { ids.push_back(static_cast<Id>(place)); }, std::ssize(ids));
  } else if (name_ == "bytes") {
    for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
  } else {
    Joiner joiner(merges_, ranks_);
    each_pre_token(text, [&](std::string_view word) { joiner.append(ids, word); });
  }
}
template void Tokenizer::append(std::vector<int64_t>&, std::string_view, std::string_view, Where) const;
template void Tokenizer::append(std::vector<int32_t>&, std::string_view, std::string_view, Where) const;

std::string Tokenizer::decode(std::span<const int64_t> ids, Where at) const {
  std::string text;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    check_id(ids[i], size(), i, "decode", at);
    text += pieces_[std::size_t(ids[i])];
  }
  return text;
}

const std::string& Tokenizer::piece(int64_t id, Where at) const {
  check_id(id, size(), 0, "piece", at);
  return pieces_[std::size_t(id)];
}

uint64_t Tokenizer::fingerprint() const {
  uint64_t h = heed::fingerprint(name_);
  for (const std::string& piece : pieces_) h = heed::fingerprint(piece, heed::fingerprint(" ", h));
  for (const Pair& p : merges_) h = heed::fingerprint(std::to_string(key(p)), h);
  return h;
}

void Tokenizer::save(const std::string& path, Where at) const {
  json file{{"version", "1.0"}};
  if (name_ == "bpe") {
    json vocab = json::object(), merges = json::array();
    for (std::size_t id = 0; id < pieces_.size(); ++id) vocab[spelled(pieces_[id])] = id;
    for (const auto& [a, b] : merges_)
      merges.push_back(spelled(pieces_[std::size_t(a)]) + " " + spelled(pieces_[std::size_t(b)]));
    const json byte_level{
        {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}};
    for (const char* absent : {"truncation", "padding", "normalizer", "post_processor"}) file[absent] = nullptr;
    file["added_tokens"] = json::array();
    file["pre_tokenizer"] = file["decoder"] = byte_level;
    file["model"] = {{"type", "BPE"}, {"vocab", std::move(vocab)}, {"merges", std::move(merges)}};
  } else {
    file["model"] = {{"type", name_}};
    if (name_ == "characters")
      file["model"]["vocab"] = [&] {
        std::string all;
        for (const std::string& piece : pieces_) all += piece;
        return all;
      }();
  }
  NewFile to({op, path, at});
  to.write(file.dump(2) + "\n");
  to.commit();
}

Tokenizer Tokenizer::load(const std::string& path, Where at) {
  const FileTask task{op, path, at};
  const json file = parsed(task, MappedFile(task).bytes());
  const json &model = field(file, "model"), &type = field(model, "type");
  if (type == "bytes") return bytes();
  if (type == "characters") {
    const json& vocab = field(model, "vocab");
    if (!vocab.is_string()) task.cannot_read("its \"model.vocab\" is not a JSON string");
    std::u32string characters;
    each_character(vocab.get_ref<const std::string&>(), op, at, [&](char32_t c) {
      if (!characters.empty() && c <= characters.back())
        task.cannot_read("its \"model.vocab\" is not in the order of code points at " + in_quotes(c));
      characters += c;
    });
    return of_characters(std::move(characters));
  }
  if (type != "BPE") task.cannot_read("its \"model.type\" is none of \"characters\", \"bytes\" and \"BPE\"");
  check_off(task, file, "", {"truncation", "padding", "added_tokens", "normalizer"});
  check_off(task, model, "model.",
            {"dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback", "ignore_merges"});
  const json &cut = field(file, "pre_tokenizer"), &regex = field(cut, "use_regex");
  if (field(cut, "type") != "ByteLevel" || field(cut, "add_prefix_space") != false ||
      (regex != true && !regex.is_null()))
    task.cannot_read("its \"pre_tokenizer\" is not GPT-2's: a ByteLevel without \"add_prefix_space\"");
  for (const char* name : {"post_processor", "decoder"})
    if (const json& value = field(file, name); !value.is_null() && field(value, "type") != "ByteLevel")
      task.cannot_read("its \"" + std::string(name) + "\" is not GPT-2's: a ByteLevel");
  return of_merges(read_merges(task, model));
}

}  // namespace heed
