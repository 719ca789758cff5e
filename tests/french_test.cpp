#include <heed/models/data/french.h>
#include <heed/models/data/words.h>
#include <algorithm>
#include <map>
#include <set>
#include "common.h"
using namespace heed;

namespace {

const std::vector<FrenchPair>& corpus() {
  static const std::vector<FrenchPair> pairs = [] {
    Rng rng{1};
    return french_pairs(10'000, rng);
  }();
  return pairs;
}

std::string joined(const std::vector<std::string>& words, const std::vector<int64_t>& places) {
  std::string text;
  for (int64_t i : places) text += (text.empty() ? "" : " ") + words.at(std::size_t(i));
  return text;
}

// The English that the gold alignment gives each French word, in 10,000 sentences.
const std::map<std::string, std::set<std::string>>& dictionary() {
  static const auto made = [] {
    std::map<std::string, std::set<std::string>> r;
    for (const FrenchPair& p : corpus()) {
      const auto english = words_of(p.english), french = words_of(p.french);
      REQUIRE(p.alignment.size() == french.size());
      for (std::size_t t = 0; t < french.size(); ++t) r[french[t]].insert(joined(english, p.alignment[t]));
    }
    return r;
  }();
  return made;
}
std::set<std::string> meanings(const std::string& french) {
  const auto found = dictionary().find(french);
  return found == dictionary().end() ? std::set<std::string>() : found->second;
}

bool vowel_first(const std::string& word) {  // "é", "ê" and "î" begin with the byte C3; no ç does
  return std::string("aeiouh\xC3").find(word[0]) != std::string::npos;
}

}  // namespace

TEST_CASE("French: no sentence comes twice, the same generator draws the same ones") {
  std::set<std::string> english;
  for (const FrenchPair& p : corpus()) english.insert(p.english);
  CHECK(english.size() == 10'000);
  Rng a{3}, b{3}, c{4};
  const auto x = french_pairs(50, a), y = french_pairs(50, b), z = french_pairs(50, c);
  auto same = [](const auto& p, const auto& q) {
    return std::equal(p.begin(), p.end(), q.begin(), q.end(), [](const FrenchPair& m, const FrenchPair& n) {
      return m.english == n.english && m.french == n.french && m.alignment == n.alignment;
    });
  };
  CHECK(same(x, y));
  CHECK_FALSE(same(x, z));
}

TEST_CASE("French: the sentences that are told of translation are drawn, with their alignments") {
  Rng rng{7};  // of the generators that draw all of them within 20,000 sentences, the first
  std::map<std::string, FrenchPair> by_english;
  for (FrenchPair& p : french_pairs(20'000, rng)) by_english[p.english] = std::move(p);
  const auto check = [&](const std::string& english, const std::string& french, const Alignment& gold) {
    INFO(english);
    REQUIRE(by_english.count(english) == 1);
    CHECK(by_english[english].french == french);
    CHECK(by_english[english].alignment == gold);
  };
  check("the zone of international control", "la zone de contrôle international", {{0}, {1}, {2}, {4}, {3}});
  check("I love you", "je t' aime", {{0}, {2}, {1}});
  check("I do not love you", "je ne t' aime pas", {{0}, {1, 2}, {4}, {3}, {1, 2}});
  check("look for it", "cherchez-le", {{0, 1, 2}});
  check("do not listen to her", "ne l' écoutez pas", {{0, 1}, {4}, {2, 3}, {0, 1}});
  check("the old agreement", "le vieil accord", {{0}, {1}, {2}});
  check("the peace of the council", "la paix du conseil", {{0}, {1}, {2, 3}, {4}});
  check("she looks at us", "elle nous regarde", {{0}, {3}, {1, 2}});
  check("the school of water", "l' école d' eau", {{0}, {1}, {2}, {3}});
}

TEST_CASE("French: every English word is translated, and each French word means what a dictionary says") {
  for (const FrenchPair& p : corpus()) {
    std::set<int64_t> translated;
    for (const auto& places : p.alignment) {
      REQUIRE_FALSE(places.empty());
      translated.insert(places.begin(), places.end());
    }
    REQUIRE(int64_t(translated.size()) == std::ssize(words_of(p.english)));
    REQUIRE(*translated.rbegin() == int64_t(translated.size()) - 1);
  }
  using Meanings = std::set<std::string>;
  CHECK(meanings("contrôle") == Meanings{"control"});
  CHECK(meanings("internationale") == Meanings{"international"});
  CHECK(meanings("nouvel") == Meanings{"new"});
  CHECK(meanings("la") == Meanings{"the", "her"});
  CHECK(meanings("le") == Meanings{"the", "him", "it"});
  CHECK(meanings("l'") == Meanings{"the", "him", "her", "it"});
  CHECK(meanings("du") == Meanings{"of the"});
  CHECK(meanings("d'") == Meanings{"of"});
  CHECK(meanings("nous") == Meanings{"we", "us"});
  CHECK(meanings("pas") == Meanings{"do not", "does not"});
  CHECK(meanings("cherche") == Meanings{"look for", "looks for"});
  CHECK(meanings("écoutez-les") == Meanings{"listen to them"});
  CHECK(meanings("changez-moi") == Meanings{"change me"});
}

TEST_CASE("French: words give up their vowel exactly before one, and adjectives agree") {
  const std::set<std::string> elided{"l'", "d'", "j'", "n'", "m'", "t'"}, full{"je", "ne", "me", "te", "de", "la"};
  const std::set<std::string> before_vowel{"nouvel", "vieil", "bel"}, before_consonant{"nouveau", "vieux", "beau"};
  std::map<std::string, std::string> gender;  // of nouns, by their article
  for (const FrenchPair& p : corpus()) {
    const auto words = words_of(p.french);
    INFO(p.french);
    for (std::size_t i = 0; i < words.size(); ++i) {
      const bool more = i + 1 < words.size(), vowel = more && vowel_first(words[i + 1]);
      if (elided.count(words[i]) + before_vowel.count(words[i])) REQUIRE(vowel);
      if (full.count(words[i])) REQUIRE((more && !vowel));
      if (before_consonant.count(words[i])) REQUIRE((more && !vowel));
      if (more && words[i] == "de" && words[i + 1] == "le") FAIL("de le");
      const bool article = p.alignment[i] == std::vector<int64_t>{p.alignment[i][0]} &&
                           words_of(p.english)[std::size_t(p.alignment[i][0])] == "the";
      if (article && more && words[i] != "l'") {
        const auto [at, fresh] = gender.insert({words[i + 1], words[i]});
        REQUIRE(at->second == words[i]);
      }
    }
  }
  const std::map<std::string, std::string> agreeing{{"zone", "la"},   {"nouvelle", "la"}, {"nouveau", "le"},
                                                    {"petite", "la"}, {"petit", "le"},    {"conseil", "le"}};
  for (const auto& [word, article] : agreeing) CHECK(gender[word] == article);
  for (const FrenchPair& p : corpus()) {  // behind a noun of known gender
    const auto words = words_of(p.french);
    for (std::size_t i = 0; i + 2 < words.size(); ++i) {
      if (words[i + 2] == "internationale" || words[i + 2] == "verte") REQUIRE(words[i] != "le");
      if (words[i + 2] == "international" || words[i + 2] == "vert") REQUIRE(words[i] != "la");
    }
  }
}

TEST_CASE("French: the kinds are balanced, and the last tenth has no word that the others lack") {
  std::map<std::string, int> kinds;
  std::string seen, unseen;
  const std::set<std::string> subjects{"I", "you", "he", "she", "we", "they"};
  for (std::size_t i = 0; i < corpus().size(); ++i) {
    const FrenchPair& p = corpus()[i];
    const auto words = words_of(p.english);
    ++kinds[words[0] == "the" ? "noun" : subjects.count(words[0]) ? "pronoun" : "imperative"];
    (i < 9'000 ? seen : unseen) += p.english + "\n" + p.french + "\n";
  }
  for (const auto& [kind, count] : kinds) {
    INFO(kind);
    CHECK(count > 1500);
  }
  CHECK(WordVocabulary(seen) == WordVocabulary(seen + unseen));
}

TEST_CASE("French: counts that cannot be are refused") {
  Rng rng{1};
  CHECK(french_pairs(0, rng).empty());
  CHECK_ERROR(Error, french_pairs(-1, rng), "french_pairs: there can be 0 to 1,000,000 pairs, not -1");
  CHECK_ERROR(Error, french_pairs(1'000'001, rng), "french_pairs: there can be 0 to 1,000,000 pairs, not 1000001");
}

TEST_CASE("words, and a vocabulary of them") {
  using Words = std::vector<std::string>;
  CHECK(words_of(" the  zone\tof\ncontrôle ") == Words{"the", "zone", "of", "contrôle"});
  CHECK(words_of("").empty());
  CHECK(words_of(" \n ").empty());
  const WordVocabulary v("b a\nb c");
  CHECK(v.size() == 6);
  CHECK(v.encode("c a b") == std::vector<int64_t>{5, 3, 4});
  CHECK(v.word(4) == "b");
  CHECK(v.decode(std::vector<int64_t>{Vocabulary::start, 5, Vocabulary::pad, 3, Vocabulary::end, 4}) == "c a");
  CHECK(v == WordVocabulary("a b c"));
  CHECK_FALSE(v == WordVocabulary("a b"));
  CHECK_ERROR(IndexError, v.encode("a d"),
              "encode: cannot encode \"d\", word 1: it is not among the 3 words of the vocabulary");
  CHECK_ERROR(IndexError, v.decode(std::vector<int64_t>{6}),
              "decode: cannot decode id 6 at position 0: the vocabulary has ids 0 to 5");
  CHECK_ERROR(IndexError, v.word(2), "word: id 2 is no word's: those are 3 to 5");
}

TEST_CASE("alignments: attention on gold places, and the greatest of it") {
  const Tensor w = tensor({{0.1, 0.2, 0.7, 0.0}, {0.4, 0.4, 0.1, 0.1}, {0.0, 0.0, 0.0, 1.0}}, f64);
  AlignmentScore s;
  s.add(w, {{2}, {1}, {}, {3}});  // the third comes from nowhere, the fourth has not been written
  CHECK(s.tokens == 3);
  CHECK(s.attention == Approx(0.7 + 0.4).epsilon(1e-15));
  CHECK(s.found == 1);  // of 0.4 and 0.4 the first is the greatest
  CHECK(s.mass() == Approx(1.1 / 3));
  CHECK(s.accuracy() == Approx(1.0 / 3));
  s.add(w, {{0, 1}, {0}});
  CHECK(s.tokens == 5);
  CHECK(s.found == 2);
  CHECK(s.attention == Approx(1.1 + 0.3 + 0.4).epsilon(1e-15));
  AlignmentScore near;
  near.add(w, {{1}, {3}, {0, 3}}, 1);
  CHECK(near.attention == Approx(1.0 + 0.2 + 1.0).epsilon(1e-15));
  CHECK(near.found == 2);
  CHECK(std::isnan(AlignmentScore().mass()));
  CHECK_ERROR(IndexError, s.add(w, {{0}, {4}}),
              "AlignmentScore: token 1 comes from place 4, which is not among the 4 of the source");
  CHECK_ERROR(ShapeError, s.add(w(0), {{0}}), "AlignmentScore: weights must be [T, S], not [4]");
}
