#pragma once
// Names and numbers as people write them, for messages and patterns, and characters as UTF-8.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>
#include "error.h"
#include "function_ref.h"

namespace heed {

std::string text_of(double v);  // the shortest that reads back as v, whole numbers in full

// Does all of text fit the pattern, where * is any run of characters?
bool matches(std::string_view pattern, std::string_view text);

// Letters to insert, remove or replace on the way from a to b (Levenshtein 1966); a * in a is any run of them.
std::size_t distance(std::string_view a, std::string_view b);
const std::string& nearest(const std::string& to, const std::vector<std::string>& names);  // there is one
// The place of a name among those known; else an Error that lists them.
std::size_t place_of(std::string_view name, const std::vector<std::string>& known, std::string_view op, Where at);

// To tell texts apart: each byte in turn is xored in, and the whole multiplied (FNV-1a; Fowler, Noll, Vo 1991). A text
// may follow another, whose result is `before`.
uint64_t fingerprint(std::string_view text, uint64_t before = 0xcbf29ce484222325u);

// ---- UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF
struct Character {
  char32_t point;
  std::size_t length;  // in bytes, 1 to 4; 0: none begins there
};
Character first_character(std::string_view text);  // text is not empty

std::size_t valid_utf8(std::string_view text);                   // how many of its first bytes are UTF-8
std::string why_not_utf8(std::string_view text, std::size_t i);  // for messages: no character begins with byte i

// Calls f with each character. Error: the text is not UTF-8.
void each_character(std::string_view text, std::string_view op, Where at, FunctionRef<void(char32_t)> f);

bool is_control(char32_t point);  // of C0 or C1, or DEL
void append_utf8(std::string& to, char32_t point);
std::string in_quotes(char32_t point);  // for messages: 'a' (U+0061), a control character as U+000A alone

}  // namespace heed
