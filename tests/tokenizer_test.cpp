// Text as ids and back, and files of text as windows of ids.
#include <heed/core/disk.h>
#include <heed/models/data/text.h>
#include <map>
#include <nlohmann/json.hpp>
#include "common.h"
#include "files.h"

using namespace heed;
using files::Folder;
using nlohmann::json;

namespace {

using Ids = std::vector<int64_t>;
using Words = std::vector<std::string_view>;

constexpr std::string_view everything =
    "The 3 dogs' owner's coat isn't \u00fcber-large;\r\n\r\n  it's 12\u00bd \u65e5\u672c\u8a9e (e\u0301) "
    "\U0001F642\t\xff\x80 !";

std::string drawn(std::string_view letters, int64_t length, Rng& rng) {
  std::string text;
  while (std::ssize(text) < length) text += letters[std::size_t(rng.below(std::ssize(letters)))];
  return text;
}

// ---- the definitions of byte-pair encoding, word for word
using Merge = std::pair<int64_t, int64_t>;

void replace_all(Ids& word, Merge pair, int64_t id) {
  for (std::size_t i = 0; i + 1 < word.size(); ++i)
    if (Merge{word[i], word[i + 1]} == pair) {
      word[i] = id;
      word.erase(word.begin() + std::ptrdiff_t(i) + 1);
    }
}
std::vector<Ids> words_of(std::string_view text) {
  static const Tokenizer letters = Tokenizer::bpe("", 256);
  std::vector<Ids> words;
  for (std::string_view word : pre_tokens(text)) words.push_back(letters.encode(word));
  return words;
}
std::vector<Merge> merges_by_definition(std::string_view text, std::size_t count) {
  std::vector<Ids> words = words_of(text);
  std::vector<Merge> merges;
  while (merges.size() < count) {
    std::map<Merge, int64_t> counts;  // in the order of the pairs
    for (const Ids& word : words)
      for (std::size_t i = 0; i + 1 < word.size(); ++i) ++counts[{word[i], word[i + 1]}];
    const auto best = std::max_element(counts.begin(), counts.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    if (best == counts.end() || best->second < 2) break;
    for (Ids& word : words) replace_all(word, best->first, 256 + std::ssize(merges));
    merges.push_back(best->first);
  }
  return merges;
}
Ids encoded_by_definition(std::string_view text, const std::vector<Merge>& merges) {
  Ids ids;
  for (Ids& word : words_of(text)) {
    for (;;) {
      std::size_t rank = merges.size(), where = 0;
      for (std::size_t i = 0; i + 1 < word.size(); ++i) {
        const auto found = std::find(merges.begin(), merges.end(), Merge{word[i], word[i + 1]});
        if (const auto r = std::size_t(found - merges.begin()); r < rank) rank = r, where = i;
      }
      if (rank == merges.size()) break;
      word[where] = 256 + int64_t(rank);
      word.erase(word.begin() + std::ptrdiff_t(where) + 1);
    }
    ids.insert(ids.end(), word.begin(), word.end());
  }
  return ids;
}

}  // namespace

TEST_CASE("a text is cut where GPT-2 cuts it") {
  CHECK(pre_tokens("Hello my friend, how is your day going?") ==
        Words{"Hello", " my", " friend", ",", " how", " is", " your", " day", " going", "?"});
  CHECK(pre_tokens("I'll can't we've they're I'm he'd it's") ==
        Words{"I", "'ll", " can", "'t", " we", "'ve", " they", "'re", " I", "'m", " he", "'d", " it", "'s"});
  CHECK(pre_tokens("IT'S 'tis o'clock ''d") == Words{"IT", "'", "S", " '", "tis", " o", "'", "clock", " ''", "d"});
  CHECK(pre_tokens("a  b   c ") == Words{"a", " ", " b", "  ", " c", " "});
  CHECK(pre_tokens("   ") == Words{"   "});
  CHECK(pre_tokens("a\n\n b\t\tc\r\n") == Words{"a", "\n\n", " b", "\t", "\t", "c", "\r\n"});
  CHECK(pre_tokens(" ? !?\n?") == Words{" ?", " !?", "\n", "?"});
  CHECK(pre_tokens("x12 34.5a_b") == Words{"x", "12", " 34", ".", "5", "a", "_", "b"});
  CHECK(pre_tokens("\u0663\u0664 \u00bd\u2167\u00b2x") == Words{"\u0663\u0664", " \u00bd\u2167\u00b2", "x"});
  CHECK(pre_tokens("\u65e5\u672c\u8a9e\u3002\u0436\u00df") == Words{"\u65e5\u672c\u8a9e", "\u3002", "\u0436\u00df"});
  CHECK(pre_tokens("e\u0301a \U0001F642!") == Words{"e", "\u0301", "a", " \U0001F642!"});  // a mark is no letter
  // Space of every kind, and what only looks like it: U+001C, U+180E, U+200B, U+FEFF.
  CHECK(pre_tokens("a\u0085\u00a0\u1680\u2003\u2028\u2029\u202f\u205f\u3000") ==
        Words{"a", "\u0085\u00a0\u1680\u2003\u2028\u2029\u202f\u205f\u3000"});
  CHECK(pre_tokens("a\x1c\u180e\u200b\ufeff b") == Words{"a", "\x1c\u180e\u200b\ufeff", " b"});
  CHECK(pre_tokens("").empty());
}

TEST_CASE("bytes that are not UTF-8 stand apart") {
  CHECK(pre_tokens("ab\x80\xff"
                   "c") == Words{"ab", "\x80\xff", "c"});
  CHECK(pre_tokens(" \xc3 x") == Words{" ", "\xc3", " x"});
  CHECK(pre_tokens("\xed\xa0\x80\xe6\x97") == Words{"\xed\xa0\x80\xe6\x97"});
  Rng rng{1};
  for (int i = 0; i < 2000; ++i) {
    const std::string text = drawn("a 1'!\n\xc3\xa9\xe6\x97\xa5\xff", rng.below(20), rng);
    std::string together;
    for (std::string_view word : pre_tokens(text)) {
      REQUIRE_FALSE(word.empty());
      together += word;
    }
    REQUIRE(together == text);
  }
}

TEST_CASE("a tokenizer of characters") {
  const std::string text = "z\u00df\u65e5\U0001F642z\n";
  const Tokenizer t = Tokenizer::characters(text);
  CHECK(t.name() == "characters");
  CHECK(t.size() == 5);
  CHECK(t.encode(text) == Ids{1, 2, 3, 4, 1, 0});
  CHECK(t.encode<int32_t>("z") == std::vector<int32_t>{1});
  CHECK(t.decode(t.encode(text)) == text);
  CHECK(t.piece(3) == "\u65e5");
  CHECK(t == Tokenizer::characters("\nz\U0001F642\u00df\u65e5"));
  CHECK_FALSE(t == Tokenizer::characters("z"));
  CHECK(Tokenizer::characters("").size() == 0);

  CHECK_ERROR(IndexError, t.encode("z\u00dfa"),
              "encode: cannot encode 'a' (U+0061) at position 2: it is not among the 5 characters of the vocabulary");
  CHECK_ERROR(IndexError, t.encode("\r\n"),
              "encode: cannot encode U+000D at position 0: it is not among the 5 characters of the vocabulary");
  CHECK_ERROR(Error, t.encode("z\xff"),
              "encode: cannot read the text as UTF-8: no character begins with byte 1 (0xFF) of 2");
  CHECK_ERROR(Error, Tokenizer::characters("\xc3"),
              "characters: cannot read the text as UTF-8: no character begins with byte 0 (0xC3) of 1");
  CHECK_ERROR(IndexError, t.decode(Ids{0, 5}),
              "decode: cannot decode id 5 at position 1: the vocabulary has ids 0 to 4");
  CHECK_ERROR(IndexError, t.decode(Ids{-1}),
              "decode: cannot decode id -1 at position 0: the vocabulary has ids 0 to 4");
  CHECK_ERROR(IndexError, t.piece(5), "piece: cannot decode id 5 at position 0: the vocabulary has ids 0 to 4");
}

TEST_CASE("a tokenizer of bytes") {
  const Tokenizer t = Tokenizer::bytes();
  CHECK(t.name() == "bytes");
  CHECK(t.size() == 256);
  CHECK(t.encode("A\xff\n") == Ids{65, 255, 10});
  CHECK(t.encode("").empty());
  CHECK(t.piece(0) == std::string(1, '\0'));
  CHECK_FALSE(t == Tokenizer::bpe("", 256));
}

TEST_CASE("the ids of the bytes are GPT-2's") {
  const Tokenizer t = Tokenizer::bpe("", 256);
  CHECK(t.name() == "bpe");
  CHECK(t.size() == 256);
  const std::map<int64_t, unsigned> bytes{{0, '!'},    {93, '~'},  {94, 0xA1},  {105, 0xAC}, {106, 0xAE}, {187, 0xFF},
                                          {188, 0x00}, {220, ' '}, {221, 0x7F}, {254, 0xA0}, {255, 0xAD}};
  for (const auto& [id, byte] : bytes) CHECK(t.piece(id) == std::string(1, char(byte)));
  CHECK_ERROR(Error, Tokenizer::bpe("abc", 255), "bpe: there cannot be 255 ids: the bytes alone are 256");
}

TEST_CASE("merges worked out by hand") {
  const int64_t a = 64, c = 66, space = 220;
  {
    // "ab" 1, " ab" 2, " abc" 1: a b 4 times, then " " ab 3 times, then " ab" c once.
    const Tokenizer t = Tokenizer::bpe("ab ab ab abc", 300);
    CHECK(t.size() == 258);
    CHECK(t.piece(256) == "ab");
    CHECK(t.piece(257) == " ab");
    CHECK(t.encode("abc  ab") == Ids{256, c, space, 257});
    CHECK(t == Tokenizer::bpe("ab ab ab abc", 258));
    CHECK(Tokenizer::bpe("ab ab ab abc", 257).size() == 257);
  }
  {
    // x y, z w and " " z twice each: first the pair of the smallest ids. " " x once.
    const Tokenizer t = Tokenizer::bpe("xy zw xy zw", 300);
    CHECK(t.size() == 259);
    CHECK(t.piece(256) == "xy");
    CHECK(t.piece(257) == "zw");
    CHECK(t.piece(258) == " zw");
  }
  {
    // a a stands 3 times in each word, aa aa once.
    const Tokenizer t = Tokenizer::bpe("aaaa aaaa", 300);
    CHECK(t.size() == 258);
    CHECK(t.piece(257) == "aaaa");
    CHECK(t.encode("aaa") == Ids{256, a});
    CHECK(t.encode("aaaaaaa") == Ids{257, 256, a});
    CHECK(t.encode(" aaaaa") == Ids{space, 257, a});
  }
  CHECK(Tokenizer::bpe("abcdefgh", 300).size() == 256);
}

TEST_CASE("merges and ids are those of the definition") {
  Rng rng{2};
  int64_t joined = 0, strings = 0;
  for (int round = 0; round < 300; ++round) {
    const std::string_view letters[] = {"a", "ab", "abc", "aab ", "ab'st ", "a\xc3\xa9 ", "\xff\x80x", "abcdefgh "};
    const std::string_view some = letters[rng.below(8)];
    const std::string text = drawn(some, 1 + rng.below(200), rng);
    const auto count = rng.below(60);
    const std::vector<Merge> merges = merges_by_definition(text, std::size_t(count));
    const Tokenizer t = Tokenizer::bpe(text, 256 + count);
    REQUIRE(t.size() == 256 + std::ssize(merges));
    for (std::size_t i = 0; i < merges.size(); ++i)
      REQUIRE(t.piece(256 + int64_t(i)) == t.piece(merges[i].first) + t.piece(merges[i].second));
    for (int i = 0; i < 20; ++i, ++strings) {
      const std::string other = drawn(some, rng.below(60), rng);
      const Ids ids = t.encode(other);
      INFO(other);
      REQUIRE(ids == encoded_by_definition(other, merges));
      REQUIRE(t.decode(ids) == other);
      joined += std::ssize(other) - std::ssize(ids);
    }
  }
  CHECK(strings == 6000);
  CHECK(joined > 50'000);
}

TEST_CASE("any bytes there and back") {
  std::string text;
  for (int i = 0; i < 5; ++i) text += everything;
  const Tokenizer tokenizers[] = {Tokenizer::bytes(), Tokenizer::bpe(text, 300), Tokenizer::bpe(text, 2000)};
  const std::string samples[] = {
      "",
      std::string(everything),
      "\r\n\r\n \t \n",
      "          x          ",
      "\U0001F469\u200d\U0001F469\u200d\U0001F467 \U0001F1E9\U0001F1EA",
      "\u0928\u092e\u0938\u094d\u0924\u0947 \u0627\u0644\u0639\u0631\u0628\u064a\u0629 \ud55c\uad6d\uc5b4",
      "\x80\x80 \xbf",
      std::string("a\0b\0", 4)};
  for (const Tokenizer& t : tokenizers) {
    for (const std::string& sample : samples) CHECK(t.decode(t.encode(sample)) == sample);
    Rng rng{3};
    std::string all;
    for (int byte = 0; byte < 256; ++byte) all += char(byte);
    for (int i = 0; i < 100'000; ++i) {
      const std::string sample = drawn(i % 2 ? all : text, rng.below(12), rng);
      REQUIRE(t.decode(t.encode(sample)) == sample);
    }
  }
}

TEST_CASE("a word of 300,000 letters is encoded and trained on like many short ones") {
  Rng rng{4};
  const int64_t length = 300'000;
  for (const std::string& text : {drawn("a", length, rng), drawn("abcdefghijklmnop", length, rng),
                                  drawn(" \n", length, rng), drawn("\x80", length, rng)}) {
    REQUIRE(pre_tokens(text).size() == 1);
    const Tokenizer t = Tokenizer::bpe(text, 2000);
    const std::vector<int64_t> ids = t.encode(text);
    CHECK(std::ssize(ids) < length / 2);
    CHECK(t.decode(ids) == text);
  }
}

// ---- files
TEST_CASE("tokenizers are saved and loaded") {
  const Folder folder;
  for (const Tokenizer& t :
       {Tokenizer::characters(everything.substr(0, 50)), Tokenizer::characters(std::string_view("\0\"\\\x7f\n", 5)),
        Tokenizer::characters(""), Tokenizer::bytes(), Tokenizer::bpe("", 256),
        Tokenizer::bpe(std::string(everything) + std::string(everything), 400)}) {
    t.save(folder / "tokenizer.json");
    CHECK(folder.count() == 1);
    const Tokenizer loaded = Tokenizer::load(folder / "tokenizer.json");
    CHECK(loaded == t);
    CHECK(loaded.name() == t.name());
    for (int64_t id = 0; id < t.size(); ++id) REQUIRE(loaded.piece(id) == t.piece(id));
  }
  CHECK_ERROR(FileError, Tokenizer::bytes().save(folder / "no/tokenizer.json"),
              "Tokenizer: cannot write " + folder / "no/tokenizer.json" + ": No such file or directory");
}

TEST_CASE("the file of a byte-level BPE is laid out as others lay it out") {
  const Folder folder;
  Tokenizer::bpe("ab ab\n\n\n", 300).save(folder / "x");
  const json file = json::parse(files::read(folder / "x"));
  const json byte_level{
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}};
  CHECK(file["version"] == "1.0");
  CHECK(file["pre_tokenizer"] == byte_level);
  CHECK(file["decoder"] == byte_level);
  for (const char* name : {"truncation", "padding", "normalizer", "post_processor"}) CHECK(file.at(name).is_null());
  CHECK(file["added_tokens"] == json::array());
  CHECK(file["model"]["type"] == "BPE");
  CHECK(file["model"]["merges"] == json{"a b", "\u010a \u010a"});
  const json& vocab = file["model"]["vocab"];
  CHECK(vocab.size() == 258);
  const std::map<std::string, int> ids{{"!", 0},        {"\u00ff", 187}, {"\u0100", 188},      {"\u0120", 220},
                                       {"\u0143", 255}, {"ab", 256},     {"\u010a\u010a", 257}};
  for (const auto& [token, id] : ids) CHECK(vocab[token] == id);
}

TEST_CASE("broken tokenizer files are FileErrors that say what is wrong") {
  const Folder folder;
  const std::string path = folder / "tokenizer.json";
  const Tokenizer t = Tokenizer::bpe("ab ab abc abc", 300);
  REQUIRE(t.size() == 259);
  t.save(path);
  const json good = json::parse(files::read(path));
  const auto load = [&](const json& file) {
    files::write(path, file.dump());
    return Tokenizer::load(path);
  };
  const auto refused = [&](const json& file, const std::string& why) {
    INFO(why);
    CHECK(thrown<FileError>([&] { load(file); }).ends_with("Tokenizer: cannot read " + path + ": " + why));
  };
  const auto edited = [&](const std::string& pointer, const json& value) {
    json file = good;
    file[json::json_pointer(pointer)] = value;
    return file;
  };

  CHECK_ERROR(FileError, Tokenizer::load(folder / "none"),
              "Tokenizer: cannot read " + folder / "none" + ": No such file or directory");
  files::write(path, "");
  CHECK_ERROR(FileError, Tokenizer::load(path), "Tokenizer: cannot read " + path + ": it is empty");
  files::write(path, good.dump().substr(0, 100));
  CHECK_ERROR(FileError, Tokenizer::load(path), "Tokenizer: cannot read " + path + ": bad JSON at byte 101");
  files::write(path, "[1e999]");
  CHECK_ERROR(FileError, Tokenizer::load(path), "Tokenizer: cannot read " + path + ": bad JSON: a number is too large");

  const std::string type = "its \"model.type\" is none of \"characters\", \"bytes\" and \"BPE\"";
  for (const json& file : {json(), json::array(), json::object(), json{{"model", 3}}, json{{"model", {{"type", 3}}}}})
    refused(file, type);
  refused(edited("/model/type", "WordPiece"), type);

  for (const json& vocab : {json(), json(3), json::array({"a"})})
    refused({{"model", {{"type", "characters"}, {"vocab", vocab}}}}, "its \"model.vocab\" is not a JSON string");
  refused({{"model", {{"type", "characters"}, {"vocab", "acb"}}}},
          "its \"model.vocab\" is not in the order of code points at 'b' (U+0062)");
  refused({{"model", {{"type", "characters"}, {"vocab", "abb"}}}},
          "its \"model.vocab\" is not in the order of code points at 'b' (U+0062)");

  for (const auto& [name, value] : std::map<std::string, json>{{"truncation", {{"max_length", 3}}},
                                                               {"padding", {{"pad_id", 0}}},
                                                               {"added_tokens", {{{"id", 259}, {"content", "<s>"}}}},
                                                               {"normalizer", {{"type", "NFC"}}},
                                                               {"model.dropout", 0.1},
                                                               {"model.continuing_subword_prefix", "##"},
                                                               {"model.end_of_word_suffix", "</w>"},
                                                               {"model.byte_fallback", true},
                                                               {"model.ignore_merges", true}}) {
    std::string pointer = "/" + name;
    std::replace(pointer.begin(), pointer.end(), '.', '/');
    refused(edited(pointer, value), "its \"" + name + "\" is on, which is not supported");
  }
  const std::string cut = "its \"pre_tokenizer\" is not GPT-2's: a ByteLevel without \"add_prefix_space\"";
  refused(edited("/pre_tokenizer", nullptr), cut);
  refused(edited("/pre_tokenizer/type", "Whitespace"), cut);
  refused(edited("/pre_tokenizer/add_prefix_space", true), cut);
  refused(edited("/pre_tokenizer/use_regex", false), cut);
  refused(edited("/post_processor", {{"type", "TemplateProcessing"}}),
          "its \"post_processor\" is not GPT-2's: a ByteLevel");
  refused(edited("/decoder", "BPEDecoder"), "its \"decoder\" is not GPT-2's: a ByteLevel");

  refused(edited("/model/vocab", json::array()), "its \"model.vocab\" is not a JSON object");
  refused(edited("/model/vocab/!", 1), "its \"model.vocab\" does not give \"!\" the id 0");
  refused(edited("/model/vocab/ab", "256"), "its \"model.vocab\" does not give \"ab\" the id 256");
  refused(edited("/model/vocab/abcd", 259), "its \"model.vocab\" has 260 ids, bytes and merges make 259");
  refused(edited("/model/merges", "a b"), "its \"model.merges\" is not a JSON array");
  for (const json& merge : {json(3), json{"a"}, json{"a", 3}, json{"a", "b", "c"}})
    refused(edited("/model/merges/1", merge), "merge 1 of its \"model.merges\" is not two tokens");
  for (const char* merge : {"a abc", "a  b", "a ", "a", ""}) {
    const std::string text = merge, token = text == "a abc" ? "abc" : text == "a  b" ? " b" : "";
    refused(edited("/model/merges/0", merge),
            "merge 0 of its \"model.merges\" has \"" + token + "\", which nothing before it makes");
  }
  json twice = good;
  twice["model"]["merges"].insert(twice["model"]["merges"].begin() + 1, "a b");
  refused(twice, "its \"model.vocab\" does not give \"ab\" the id 257");

  json other = good;  // as others also write it
  for (const char* name :
       {"version", "truncation", "padding", "added_tokens", "normalizer", "post_processor", "decoder"})
    other.erase(name);
  other["pre_tokenizer"].erase("use_regex");
  other["post_processor"] = {{"type", "ByteLevel"}};
  other["model"]["dropout"] = nullptr;
  other["model"]["end_of_word_suffix"] = "";
  other["model"]["byte_fallback"] = false;
  for (json& merge : other["model"]["merges"]) {
    const auto both = merge.get<std::string>();
    merge = {both.substr(0, both.find(' ')), both.substr(both.find(' ') + 1)};
  }
  CHECK(load(other) == t);
}

TEST_CASE("whatever is in a tokenizer file, it is loaded or refused") {
  const Folder folder;
  const auto use = [](const std::string& path) {
    const Tokenizer t = Tokenizer::load(path);
    if (t.name() == "bpe") CHECK(t.decode(t.encode(everything)) == everything);
  };
  Tokenizer::characters("ab\u00df").save(folder / "x");
  const files::Everywhere e = files::damage_everywhere(files::read(folder / "x"), use);
  CHECK(e.cut.refused > 20);
  CHECK(e.flipped.loaded > 5);
  CHECK(e.flipped.refused > 100);
  Tokenizer::bpe("ab ab abc abc", 300).save(folder / "y");
  files::damage(files::read(folder / "y"), 1500, use);
}

// ---- files of text
namespace {

Text text_from(const Folder& folder, std::string_view text, const TextOptions& options = {}) {
  files::write(folder / "x.txt", text);
  return load_text(folder / "x.txt", options);
}
Ids ids_of(const Tensor& x) { return x.to_vector<int64_t>(); }

}  // namespace

TEST_CASE("a file of text: its tokens, its parts, its characters") {
  const Folder folder;
  const std::string text = "abcdefghij\u00df\u65e5klmnop\u00dfq";  // 20 characters, 24 bytes
  const Text t = text_from(folder, text, {.validation = 0.25});
  CHECK(t.tokenizer() == Tokenizer::characters(text));
  CHECK(t.vocab() == 19);
  CHECK(t.bytes() == 24);
  CHECK(t.training().tokens == 15);  // 18 bytes
  CHECK(t.training().characters == 15);
  CHECK(t.validation().tokens == 5);
  CHECK(t.validation().characters == 5);
  const Text same = text_from(folder, text, {.trained = t.tokenizer(), .validation = 0.25}),
             whole = text_from(folder, text, {.validation = 0});
  CHECK(same.tokenizer() == t.tokenizer());
  CHECK(same.training().tokens == 15);
  CHECK(whole.training().tokens == 20);
  CHECK(whole.validation().tokens == 0);

  const int64_t kept[] = {0, 1, 2, 2, 2, 2, 3, 3, 3, 4, 4};  // characters of the last i bytes: none is cut
  for (std::size_t i = 1; i < 11; ++i)
    CHECK(text_from(folder, "a\u00df\u65e5\U0001F642b", {.validation = (double(i) + 0.1) / 11, .context = 0})
              .validation()
              .tokens == kept[i]);

  const Text bytes = text_from(folder, text + "\xff", {.tokenizer = "bytes", .validation = 0.25});
  CHECK(bytes.vocab() == 256);
  CHECK(bytes.training().tokens == 19);
  CHECK(bytes.validation().tokens == 6);
  CHECK(bytes.validation().characters == 5);  // one of them not UTF-8
  CHECK(bytes.training().characters == 16);

  std::string words;
  for (int i = 0; i < 50; ++i) words += i < 40 ? "the cat " : "xyxyxyxy ";
  const Text bpe = text_from(folder, words, {.tokenizer = "bpe", .vocab = 270, .validation = 0.25});
  CHECK(bpe.tokenizer() == Tokenizer::bpe(words.substr(0, words.size() - words.size() / 4), 270));
  CHECK(bpe.vocab() == 262);
  CHECK(bpe.validation().characters == int64_t(words.size() / 4));
  CHECK(bpe.validation().tokens < bpe.validation().characters);
}

TEST_CASE("a text is told from another, and losses are given per character") {
  const Folder folder;
  CHECK(text_from(folder, "a", {.validation = 0, .context = 0}).fingerprint() == 0xaf63dc4c8601ec8cu);
  CHECK(text_from(folder, "foobar", {.validation = 0}).fingerprint() == 0x85944171f73967e8u);
  const Text t = text_from(folder, "\u00df\u00df\u00df\u00df", {.tokenizer = "bytes", .validation = 0.5});
  CHECK(t.validation().tokens == 4);
  CHECK(t.validation().characters == 2);
  CHECK(t.bits_per_character(std::log(256.0)) == Approx(16));
}

TEST_CASE("a batch is of random windows, and its targets are one token further") {
  const Folder folder;
  std::string text;
  for (int byte = 0; byte < 100; ++byte) text += char(byte);
  const Text t = text_from(folder, text, {.tokenizer = "bytes", .validation = 0.2});
  Rng rng{7}, again{7};
  std::map<int64_t, int> begins;
  for (int i = 0; i < 500; ++i) {
    const auto [x, y] = t.batch(3, 5, rng);
    REQUIRE(x.shape() == Shape{3, 5});
    REQUIRE(x.dtype() == i64);
    REQUIRE(equal(y, x + 1));
    for (int64_t row = 0; row < 3; ++row) {
      const int64_t begin = again.below(80 - 5);
      REQUIRE(ids_of(x(row)) == Ids{begin, begin + 1, begin + 2, begin + 3, begin + 4});
      ++begins[begin];
    }
  }
  CHECK(rng.counter == again.counter);
  CHECK(begins.size() == 75);  // every one, each missed with probability (74 / 75)^1500
  CHECK(begins.rbegin()->first == 74);
  CHECK(t.batch(1, 79, rng).x.shape() == Shape{1, 79});

  CHECK_ERROR(Error, t.batch(1, 80, rng),
              "batch: cannot take a window: the training part has 80 tokens, a window takes 81 (context + 1)");
  CHECK_ERROR(Error, t.batch(0, 5, rng), "batch: cannot take 0 windows of 5 tokens");
  CHECK_ERROR(Error, t.batch(1, 0, rng), "batch: cannot take 1 windows of 0 tokens");
  CHECK(ids_of(t.windows(Ids{95}, 4).y) == Ids{96, 97, 98, 99});
  CHECK_ERROR(IndexError, t.windows(Ids{0, 96}, 4),
              "windows: no window of 4 tokens and one more begins at token 96 of 100");
  CHECK_ERROR(IndexError, t.windows(Ids{-1}, 4),
              "windows: no window of 4 tokens and one more begins at token -1 of 100");
}

TEST_CASE("the validation part is seen window by window, or at places spread evenly") {
  const Folder folder;
  const Text t =
      text_from(folder, std::string(300, 'x'), {.validation = 1.0 / 3});  // tokens 200 to 299: 24 windows of 4
  const auto all = t.validation_batches(5, 4, 1'000'000);
  REQUIRE(all.size() == 5);
  CHECK(all[0] == Ids{200, 204, 208, 212, 216});
  CHECK(all[4] == Ids{280, 284, 288, 292});
  CHECK(t.windows(all[4], 4).y.shape() == Shape{4, 4});
  CHECK(t.validation_batches(24, 4, 96) == Batches{[&] {
          Ids together;
          for (const auto& batch : all) together.insert(together.end(), batch.begin(), batch.end());
          return together;
        }()});
  CHECK(t.validation_batches(10, 4, 20) == Batches{{200, 216, 236, 256, 276}});  // windows 0, 4, 9, 14, 19 of 24
  CHECK(t.validation_batches(2, 4, 15) == Batches{{200, 232}, {264}});
  CHECK(t.validation_batches(2, 4, 0) == Batches{{200}});
  CHECK(t.validation_batches(2, 99, 99) == Batches{{200}});
  CHECK_ERROR(
      Error, t.validation_batches(2, 100, 99),
      "validation_batches: cannot take a window: the validation part has 100 tokens, a window takes 101 (context + 1)");
  CHECK_ERROR(Error, t.validation_batches(0, 1, 99), "validation_batches: cannot take 0 windows of 1 tokens");
  const Text whole = text_from(folder, "abc", {.validation = 0});
  CHECK_ERROR(
      Error, whole.validation_batches(1, 1, 1),
      "validation_batches: cannot take a window: the validation part has 0 tokens, a window takes 2 (context + 1)");
}

TEST_CASE("files that are no text to train on are refused in one line") {
  const Folder folder;
  const std::string path = folder / "x.txt", cannot = "load_text: cannot read " + path + ": ";
  CHECK_ERROR(FileError, load_text(path), cannot + "No such file or directory");
  CHECK_ERROR(FileError, load_text(folder.path), "load_text: cannot read " + folder.path.string() + ": it is a folder");
  files::write(path, "");
  CHECK_ERROR(FileError, load_text(path), cannot + "it is empty");
  files::write(path, "some\xff thing");
  for (const char* tokenizer : {"characters", "bpe"})
    CHECK_ERROR(
        FileError, load_text(path, {.tokenizer = tokenizer}),
        cannot + "it is not UTF-8: no character begins with byte 4 (0xFF) of 11: the tokenizer bytes takes any file");
  CHECK_ERROR(
      FileError, load_text(path, {.trained = Tokenizer::bpe("", 256)}),
      cannot + "it is not UTF-8: no character begins with byte 4 (0xFF) of 11: the tokenizer bytes takes any file");
  CHECK(load_text(path, {.trained = Tokenizer::bytes(), .validation = 0}).training().tokens == 11);

  files::write(path, std::string(100, 'x'));
  CHECK_ERROR(FileError, load_text(path, {.context = 90}),
              cannot + "the training part has 90 tokens, a window takes 91 (context + 1)");
  CHECK_ERROR(FileError, load_text(path, {.context = 10}),
              cannot + "the validation part has 10 tokens, a window takes 11 (context + 1)");
  CHECK(load_text(path, {.context = 9}).vocab() == 1);
  CHECK(load_text(path, {.validation = 0, .context = 99}).vocab() == 1);
  CHECK_ERROR(FileError, load_text(path, {.validation = 0.001}),
              cannot + "the validation part has 0 tokens, a window takes 2 (context + 1)");

  files::write(path, "aabbccddee\u00dfx");
  CHECK_ERROR(
      IndexError, load_text(path, {.trained = Tokenizer::characters("abcdex"), .validation = 0.3}),
      "load_text: cannot read " + path +
          ": cannot encode '\u00df' (U+00DF) at position 10: it is not among the 6 characters of the vocabulary");
  CHECK_ERROR(Error, load_text(path, {.tokenizer = "words"}),
              "load_text: there is no tokenizer \"words\": choose characters, bytes or bpe");
  CHECK_ERROR(Error, load_text(path, {.tokenizer = "bpe", .vocab = 100}),
              "bpe: there cannot be 100 ids: the bytes alone are 256");
  for (const double share : {-0.1, 1.0, std::nan("")})
    CHECK_ERROR(Error, load_text(path, {.validation = share}),
                "load_text: cannot leave " + number_text(share) + " of the text for validation: from 0 to below 1");
}
