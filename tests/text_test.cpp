// Names and numbers in messages and patterns.
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
