#include "french.h"
#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include "words.h"

namespace heed {
namespace {

using Places = std::vector<int64_t>;

struct Noun {
  std::string_view english, french;
  bool feminine;
};
struct Adjective {
  std::string_view english, masculine, before_vowel, feminine;  // before_vowel: masculine, too
  bool precedes;
};
struct Verb {
  std::string_view english;  // its first word takes the s of he and she
  std::string_view je, il, nous, vous, ils;
};
struct Subject {
  std::string_view english, french;
  int person;  // 1: we are of it; 2: you are
  std::string_view Verb::*form;
  bool s;
};
struct Object {
  std::string_view english, french, before_vowel, suffix;  // suffix: of an imperative; none: there is no such
  int person;
};

constexpr std::array<Noun, 24> nouns{
    {{"zone", "zone", true},          {"control", "contrôle", false},    {"agreement", "accord", false},
     {"minister", "ministre", false}, {"city", "ville", true},           {"law", "loi", true},
     {"council", "conseil", false},   {"house", "maison", true},         {"school", "école", true},
     {"market", "marché", false},     {"peace", "paix", true},           {"history", "histoire", true},
     {"energy", "énergie", true},     {"army", "armée", true},           {"water", "eau", true},
     {"region", "région", true},      {"president", "président", false}, {"question", "question", true},
     {"answer", "réponse", true},     {"project", "projet", false},      {"ocean", "océan", false},
     {"island", "île", true},         {"river", "fleuve", false},        {"hospital", "hôpital", false}}};

constexpr std::array<Adjective, 18> adjectives{{
    {"international", "international", "international", "internationale", false},
    {"national", "national", "national", "nationale", false},
    {"economic", "économique", "économique", "économique", false},
    {"public", "public", "public", "publique", false},
    {"political", "politique", "politique", "politique", false},
    {"social", "social", "social", "sociale", false},
    {"nuclear", "nucléaire", "nucléaire", "nucléaire", false},
    {"green", "vert", "vert", "verte", false},
    {"important", "important", "important", "importante", false},
    {"royal", "royal", "royal", "royale", false},
    {"black", "noir", "noir", "noire", false},
    {"strange", "étrange", "étrange", "étrange", false},
    {"independent", "indépendant", "indépendant", "indépendante", false},
    {"small", "petit", "petit", "petite", true},
    {"large", "grand", "grand", "grande", true},
    {"new", "nouveau", "nouvel", "nouvelle", true},
    {"old", "vieux", "vieil", "vieille", true},
    {"beautiful", "beau", "bel", "belle", true},
}};

constexpr std::array<Verb, 13> verbs{{
    {"love", "aime", "aime", "aimons", "aimez", "aiment"},
    {"see", "vois", "voit", "voyons", "voyez", "voient"},
    {"know", "connais", "connaît", "connaissons", "connaissez", "connaissent"},
    {"find", "trouve", "trouve", "trouvons", "trouvez", "trouvent"},
    {"follow", "suis", "suit", "suivons", "suivez", "suivent"},
    {"defend", "défends", "défend", "défendons", "défendez", "défendent"},
    {"accept", "accepte", "accepte", "acceptons", "acceptez", "acceptent"},
    {"change", "change", "change", "changeons", "changez", "changent"},
    {"look for", "cherche", "cherche", "cherchons", "cherchez", "cherchent"},
    {"look at", "regarde", "regarde", "regardons", "regardez", "regardent"},
    {"listen to", "écoute", "écoute", "écoutons", "écoutez", "écoutent"},
    {"wait for", "attends", "attend", "attendons", "attendez", "attendent"},
    {"ask for", "demande", "demande", "demandons", "demandez", "demandent"},
}};

constexpr std::array<Subject, 6> subjects{{{"I", "je", 1, &Verb::je, false},
                                           {"you", "vous", 2, &Verb::vous, false},
                                           {"he", "il", 3, &Verb::il, true},
                                           {"she", "elle", 3, &Verb::il, true},
                                           {"we", "nous", 1, &Verb::nous, false},
                                           {"they", "ils", 3, &Verb::ils, false}}};

constexpr std::array<Object, 7> objects{{{"me", "me", "m'", "moi", 1},
                                         {"you", "te", "t'", "", 2},
                                         {"him", "le", "l'", "le", 3},
                                         {"her", "la", "l'", "la", 3},
                                         {"it", "le", "l'", "le", 3},
                                         {"us", "nous", "nous", "nous", 1},
                                         {"them", "les", "les", "les", 3}}};

// Every h of the lists above is mute.
bool vowel_first(std::string_view word) {
  constexpr std::array<std::string_view, 9> vowels{"a", "e", "i", "o", "u", "h", "é", "ê", "î"};
  return std::any_of(vowels.begin(), vowels.end(), [&](std::string_view v) { return word.starts_with(v); });
}

Places operator+(Places a, const Places& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// Writes a sentence in both languages at once, constituent after constituent.
class Writer {
 public:
  explicit Writer(Rng& rng) : rng_(rng) {}

  FrenchPair sentence() {
    switch (rng_.below(5)) {
      case 0:
        noun_phrase();
        break;
      case 1:
        noun_phrase();
        statement({"", "", 3, &Verb::il, true}, nullptr);
        break;
      case 2:
        statement_about_pronoun();
        if (chance(0.3)) inside();
        break;
      case 3:
        imperative();
        if (chance(0.8)) inside();
        break;
      case 4:
        statement(one_of(subjects), nullptr);
        break;
    }
    return std::move(pair_);
  }

 private:
  template <std::size_t N, class T>
  const T& one_of(const std::array<T, N>& list) {
    return list[std::size_t(rng_.below(int64_t(N)))];
  }
  bool chance(double p) { return rng_.uniform() < p; }

  Places english(std::string_view words) {  // where they stand
    Places places;
    for (const std::string& word : words_of(words)) {
      pair_.english += (pair_.english.empty() ? "" : " ") + word;
      places.push_back(read_++);
    }
    return places;
  }
  void french(std::string_view word, const Places& places) {
    if (!pair_.french.empty()) pair_.french += ' ';
    pair_.french += word;
    pair_.alignment.push_back(places);
  }

  // ---- a noun, perhaps with its adjective: read here, written by those who know what stands before it
  struct Group {
    bool feminine;
    std::vector<std::pair<std::string_view, Places>> words;  // in French order
    bool elides() const { return vowel_first(words[0].first); }
  };
  Group group() {
    const Adjective* adjective = chance(0.5) ? &one_of(adjectives) : nullptr;
    const Noun& noun = one_of(nouns);
    const Places of_adjective = adjective ? english(adjective->english) : Places();
    Group g{noun.feminine, {{noun.french, english(noun.english)}}};
    if (!adjective) return g;
    const std::string_view form = noun.feminine                                     ? adjective->feminine
                                  : adjective->precedes && vowel_first(noun.french) ? adjective->before_vowel
                                                                                    : adjective->masculine;
    g.words.insert(adjective->precedes ? g.words.begin() : g.words.end(), {form, of_adjective});
    return g;
  }
  void write(const Group& g) {
    for (const auto& [word, places] : g.words) french(word, places);
  }

  // the N | the N of N | the N of the N
  void noun_phrase() {
    const Places the = english("the");
    const Group g = group();
    french(g.elides() ? "l'" : g.feminine ? "la" : "le", the);
    write(g);
    if (chance(0.5)) return;
    const Places of = english("of");
    if (chance(0.5)) {
      const Group bare = group();
      french(bare.elides() ? "d'" : "de", of);
      return write(bare);
    }
    const Places its_the = english("the");
    const Group owner = group();
    if (!owner.elides() && !owner.feminine) {
      french("du", of + its_the);
    } else {
      french("de", of);
      french(owner.elides() ? "l'" : "la", its_the);
    }
    write(owner);
  }
  void inside() {
    french("dans", english("in"));
    noun_phrase();
  }

  // ---- subject, verb and object: a pronoun before the verb, or else a noun phrase behind it
  void statement(const Subject& subject, const Object* object) {
    const bool negative = chance(0.3);
    const Verb& verb = one_of(verbs);
    const std::string_view form = verb.*subject.form;
    const Places who = english(subject.english);
    const Places does_not = negative ? english(subject.s ? "does not" : "do not") : Places();
    const Places does = english(!negative && subject.s ? third_person(verb) : std::string(verb.english));
    const Places whom = object ? english(object->english) : Places();
    const bool elides = vowel_first(form);
    if (!who.empty()) french(subject.french == "je" && elides && !negative && !object ? "j'" : subject.french, who);
    if (negative) french(elides && !object ? "n'" : "ne", does_not);
    if (object) french(elides ? object->before_vowel : object->french, whom);
    french(form, does);
    if (negative) french("pas", does_not);
    if (!object) noun_phrase();
  }
  void statement_about_pronoun() {
    const Subject& subject = one_of(subjects);
    const Object* object = &one_of(objects);
    while (object->person == subject.person && object->person != 3) object = &one_of(objects);
    statement(subject, object);
  }
  void imperative() {
    const Verb& verb = one_of(verbs);
    const Object* object = &one_of(objects);
    while (object->suffix.empty()) object = &one_of(objects);
    const bool negative = chance(0.3);
    const Places do_not = negative ? english("do not") : Places();
    const Places does = english(verb.english), whom = english(object->english);
    if (!negative) return french(std::string(verb.vous) + "-" + std::string(object->suffix), does + whom);
    const bool elides = vowel_first(verb.vous);
    french("ne", do_not);
    french(elides ? object->before_vowel : object->french, whom);
    french(verb.vous, does);
    french("pas", do_not);
  }
  static std::string third_person(const Verb& verb) {  // looks for
    std::string words(verb.english);
    return words.insert(std::min(words.find(' '), words.size()), "s");
  }

  Rng& rng_;
  FrenchPair pair_;
  int64_t read_ = 0;
};

}  // namespace

std::vector<FrenchPair> french_pairs(int64_t count, Rng& rng, Where at) {
  if (count < 0 || count > 1'000'000)
    fail<Error>(at, "french_pairs", "there can be 0 to 1,000,000 pairs, not " + std::to_string(count));
  std::vector<FrenchPair> pairs;
  std::set<std::string> drawn;
  while (std::ssize(pairs) < count)
    if (FrenchPair pair = Writer(rng).sentence(); drawn.insert(pair.english).second) pairs.push_back(std::move(pair));
  return pairs;
}

}  // namespace heed
