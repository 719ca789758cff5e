#pragma once
#include <string>
#include <vector>
#include "../../core/rng.h"
#include "alignment.h"

// The translation task: English sentences of a small grammar -> French, word by word aligned. Five kinds:
//
//   the zone of international control           la zone de contrôle international
//   the old minister does not see the city      le vieux ministre ne voit pas la ville
//   I love you                                  je t' aime
//   look for it in the new school               cherchez-le dans la nouvelle école
//   we wait for the answer of the council       nous attendons la réponse du conseil
//
// Words change places (most adjectives follow their noun, object pronouns precede the verb), several become one (look
// for it: cherchez-le; of the: du) or one several (not: ne .. pas), and articles and adjectives agree with the noun's
// gender or give up a vowel to the word behind them (l' école, le vieil accord). What is left of a word before another,
// such as t', is a word. "you" is vous where it acts, te where it is acted upon; "it" is le.
namespace heed {

struct FrenchPair {
  std::string english, french;  // words with a space between
  Alignment alignment;          // gold: of each French word the English words it translates; none has none
};

// So many pairs, each kind drawn as often as another, English sentences that have been drawn before left out. Error:
// count is negative, or more than a million.
std::vector<FrenchPair> french_pairs(int64_t count, Rng& rng, Where at = Where::here());

}  // namespace heed
