#include "inference.h"
#include <array>
#include <string_view>
#include "words.h"

namespace heed {
namespace {

struct Noun {
  std::string_view name;
  int64_t kind;  // what it is a kind of, by number; -1: of nothing here
};
constexpr std::array<Noun, 12> nouns{{{"animal", -1},
                                      {"dog", 0},
                                      {"poodle", 1},
                                      {"terrier", 1},
                                      {"bird", 0},
                                      {"sparrow", 4},
                                      {"person", -1},
                                      {"artist", 6},
                                      {"painter", 7},
                                      {"singer", 7},
                                      {"child", 6},
                                      {"girl", 10}}};
struct Verb {
  std::string_view base, third;
};
constexpr std::array<Verb, 6> verbs{{{"see", "sees"},
                                     {"like", "likes"},
                                     {"chase", "chases"},
                                     {"want", "wants"},
                                     {"find", "finds"},
                                     {"carry", "carries"}}};
constexpr std::array<std::string_view, 6> objects{"ball", "car", "book", "stone", "hat", "apple"};

struct Sentence {  // every or some subject does (not) verb the object
  bool every, negative;
  int64_t subject, verb, object;
};

bool is_a(int64_t a, int64_t b) {  // every a is a b
  for (; a >= 0; a = nouns[std::size_t(a)].kind)
    if (a == b) return true;
  return false;
}
bool entails(const Sentence& p, const Sentence& h) {
  if (p.negative != h.negative || p.verb != h.verb || p.object != h.object) return false;
  const bool narrower = is_a(h.subject, p.subject), wider = is_a(p.subject, h.subject);
  return h.every ? p.every && narrower : wider || (p.every && narrower);
}
Sentence negation(Sentence s) { return {!s.every, !s.negative, s.subject, s.verb, s.object}; }
Inference judge(const Sentence& p, const Sentence& h) {
  return entails(p, h)             ? Inference::entailment
         : entails(p, negation(h)) ? Inference::contradiction
                                   : Inference::neutral;
}

std::string text_of(const Sentence& s) {
  const Verb& verb = verbs[std::size_t(s.verb)];
  std::string text = (s.every ? "every " : "some ") + std::string(nouns[std::size_t(s.subject)].name);
  text += s.negative ? " does not " + std::string(verb.base) : " " + std::string(verb.third);
  return text + " the " + std::string(objects[std::size_t(s.object)]);
}
uint64_t number_of(const Sentence& s) {
  const int64_t subject = (2 * s.every + s.negative) * std::ssize(nouns) + s.subject;
  return uint64_t((subject * std::ssize(verbs) + s.verb) * std::ssize(objects) + s.object);
}
// The places of quantifier, subject, verb and object in a sentence.
std::array<int64_t, 4> parts(const Sentence& s) {
  const int64_t verb = s.negative ? 4 : 2;
  return {0, 1, verb, verb + 2};
}

}  // namespace

InferencePair sample_inference(Split split, Rng& rng) {
  const auto wanted = Inference(rng.below(3));
  auto one_of = [&](const auto& list) { return rng.below(std::ssize(list)); };
  auto coin = [&] { return rng.below(2) == 0; };
  Sentence p{}, h{};
  do {
    p = {coin(), coin(), one_of(nouns), one_of(verbs), one_of(objects)};
    h = {coin(), coin(), one_of(nouns), rng.uniform() < 0.2 ? one_of(verbs) : p.verb,
         rng.uniform() < 0.2 ? one_of(objects) : p.object};
  } while (judge(p, h) != wanted || (!is_a(p.subject, h.subject) && !is_a(h.subject, p.subject)) ||
           split_of(number_of(p) << 32 | number_of(h)) != split);
  InferencePair pair{text_of(p), text_of(h), wanted, {}};
  pair.alignment.resize(words_of(pair.hypothesis).size());
  for (std::size_t i = 0; i < 4; ++i) pair.alignment[std::size_t(parts(h)[i])] = {parts(p)[i]};
  return pair;
}

}  // namespace heed
