// Names and numbers in messages and patterns, and UTF-8.
#include <heed/core/text.h>
#include <limits>
#include "common.h"

using namespace heed;

TEST_CASE("a pattern matches a whole path, * any run of characters") {
  for (const char* pattern : {"blocks.0.norm.bias", "*", "*.bias", "blocks.*", "*norm*", "b*s.*.*.b*", "*blocks*bias*",
                              "blocks.0.norm.bias*", "**s"})
    CHECK(matches(pattern, "blocks.0.norm.bias"));
  for (const char* pattern : {"", "bias", "*.bia", "*.biass", "norm*", "blocks.1.*", "*n*n*n*", "*.bias.*"})
    CHECK_FALSE(matches(pattern, "blocks.0.norm.bias"));
  CHECK(matches("", ""));
  CHECK(matches("*", ""));
  CHECK(matches("*ab", "aaab"));
  CHECK_FALSE(matches(std::string(30, '*') + "b", std::string(1000, 'a')));
}

TEST_CASE("the nearest name, where * costs nothing") {
  CHECK(distance("kitten", "sitting") == 3);
  CHECK(distance("", "abc") == 3);
  CHECK(distance("abc", "") == 3);
  CHECK(distance("*", "") == 0);
  CHECK(distance("*norn*", "blocks.0.norm.weight") == 1);
  for (const char* path : {"blocks.0.norm.bias", "norm"})
    for (const char* pattern : {"*norm*", "norm", "*.bias", "*s*"})
      CHECK((distance(pattern, path) == 0) == matches(pattern, path));
  CHECK(nearest("*.biass", {"token.weight", "norm.bias", "w"}) == "norm.bias");
}

TEST_CASE("numbers as people write them") {
  CHECK(text_of(3) == "3");
  CHECK(text_of(-0.1) == "-0.1");
  CHECK(text_of(1e-9) == "1e-09");
  CHECK(text_of(1e20) == "1e+20");
  CHECK(text_of(std::numeric_limits<double>::infinity()) == "inf");
}

TEST_CASE("UTF-8: every code point there and back") {
  for (char32_t c = 0; c <= 0x110000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    std::string text;
    append_utf8(text, c);
    const std::size_t length = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    REQUIRE(text.size() == length);
    const Character first = first_character(text + "x");
    const bool valid = c < 0x110000;
    REQUIRE(first.length == (valid ? length : 0));
    if (valid) REQUIRE(first.point == c);
    for (std::size_t n = 1; n < length; ++n) REQUIRE(first_character(text.substr(0, n)).length == 0);
  }
}

TEST_CASE("UTF-8: what is not is found, and named with its place") {
  for (const char* broken : {"\x80", "\xBF", "\xC3", "\xC3z", "\xC0\xAF", "\xE0\x80\x80", "\xED\xA0\x80",
                             "\xED\xBF\xBF", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF8\x88\x80\x80\x80", "\xFF"}) {
    INFO(int(static_cast<unsigned char>(broken[0])));
    CHECK(first_character(broken).length == 0);
    CHECK(valid_utf8("aß" + std::string(broken) + "b") == 3);
  }
  CHECK(valid_utf8("") == 0);
  CHECK(valid_utf8("aß日🙂") == 10);
  CHECK(why_not_utf8("a\xFF", 1) == "no character begins with byte 1 (0xFF) of 2");

  std::u32string seen;
  each_character("aß日🙂", "read", Where::here(), [&](char32_t c) { seen += c; });
  CHECK(seen == U"aß日🙂");
  CHECK_ERROR(Error, each_character("ß\x80", "read", Where::here(), [](char32_t) {}),
              "read: cannot read the text as UTF-8: no character begins with byte 2 (0x80) of 3");
}

TEST_CASE("a character in a message takes one line") {
  CHECK(in_quotes(U'ß') == "'ß' (U+00DF)");
  CHECK(in_quotes(U'🙂') == "'🙂' (U+1F642)");
  CHECK(in_quotes(U' ') == "' ' (U+0020)");
  CHECK(in_quotes(U'\n') == "U+000A");
  CHECK(in_quotes(U'\u0085') == "U+0085");
}
