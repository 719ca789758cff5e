#include <heed/models/data/batch.h>
#include <heed/models/data/dates.h>
#include <heed/models/data/reversed.h>
#include <heed/models/data/vocabulary.h>
#include <heed/nn/mask.h>
#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>
#include "catch.h"
using namespace heed;

namespace {

template <class E, class F>
std::string message_of(F f) {
  try {
    f();
  } catch (const E& e) {
    return e.what();
  }
  return "nothing was thrown";
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

// ---- a reader of human dates that shares nothing with their writer

std::vector<std::string> parts_of(const std::string& text) {  // runs of letters, and runs of digits
  std::vector<std::string> words;
  int previous = 0;
  for (char c : text) {
    const int kind = std::isalpha(c) ? 1 : std::isdigit(c) ? 2 : 0;
    if (kind && kind != previous) words.emplace_back();
    if (kind) words.back() += c;
    previous = kind;
  }
  return words;
}

int month_named(const std::string& word) {  // 0 if none is
  const std::string names = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const std::size_t at = word.size() < 3 ? std::string::npos : names.find(word.substr(0, 3));
  return at == std::string::npos ? 0 : static_cast<int>(at / 3) + 1;
}

Date read_human(const std::string& text) {
  Date date{};
  std::vector<int> numbers;  // besides the year
  for (const std::string& word : parts_of(text)) {
    if (std::isalpha(word[0])) date.month = std::max(date.month, month_named(word));
    else if (word.size() == 4) date.year = std::stoi(word);
    else numbers.push_back(std::stoi(word));
  }
  if (contains(text, "/")) std::swap(numbers.at(0), numbers.at(1));
  date.day = numbers.at(0);
  if (date.month == 0) date.month = numbers.at(1);
  return date;
}

Date read_iso(const std::string& text) {
  return {std::stoi(text.substr(0, 4)), std::stoi(text.substr(5, 2)), std::stoi(text.substr(8, 2))};
}

std::string weekday_of(Date d) {  // Zeller's congruence: 0 is Saturday
  if (d.month < 3) d.month += 12, --d.year;
  const int century = d.year / 100, year = d.year % 100;
  const int h = (d.day + 13 * (d.month + 1) / 5 + year + year / 4 + century / 4 + 5 * century) % 7;
  return std::array{"Saturday", "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday"}[std::size_t(h)];
}

std::vector<Date> every_date() {  // the calendar by its rule
  std::vector<Date> dates;
  for (int year = 1950; year <= 2049; ++year) {
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    const std::array days{31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    for (int month = 1; month <= 12; ++month)
      for (int day = 1; day <= days[std::size_t(month - 1)]; ++day) dates.push_back({year, month, day});
  }
  return dates;
}

std::string cut(const std::string& text, Span span) {
  return text.substr(std::size_t(span.begin), std::size_t(span.size()));
}

constexpr int samples = 100'000;

}  // namespace

TEST_CASE("dates are written in the seven formats of the header") {
  const std::array<std::string, date_formats> texts{"March 5, 1987",      "Thursday, 5 March 1987",
                                                    "Thu, Mar 5th, 1987", "the 5th of March 1987",
                                                    "05.03.1987",         "3/5/1987",
                                                    "1987 Mar 5"};
  for (int64_t format = 0; format < date_formats; ++format) {
    const DatePair pair = write_date({1987, 3, 5}, format);
    CHECK(pair.human == texts[std::size_t(format)]);
    CHECK(pair.iso == "1987-03-05");
    CHECK(pair.format == format);
  }
}

TEST_CASE("every date in every format reads back as its ISO date, and its spans point at year, month and day") {
  std::set<char> human_seen, iso_seen;
  for (const Date& date : every_date())
    for (int64_t format = 0; format < date_formats; ++format) {
      const DatePair pair = write_date(date, format);
      INFO(pair.human << " -> " << pair.iso);
      REQUIRE(pair.date == date);
      REQUIRE(pair.iso.size() == 10);
      REQUIRE(read_iso(pair.iso) == date);
      REQUIRE(read_human(pair.human) == date);
      REQUIRE(cut(pair.human, pair.fields.year) == cut(pair.iso, iso_fields.year));
      REQUIRE(std::stoi(cut(pair.human, pair.fields.day)) == std::stoi(cut(pair.iso, iso_fields.day)));
      const std::string month = cut(pair.human, pair.fields.month);
      REQUIRE((std::isalpha(month[0]) ? month_named(month) : std::stoi(month)) == date.month);
      const auto all_of = [](Span span) {
        std::vector<int64_t> places;
        for (int64_t s = span.begin; s < span.end; ++s) places.push_back(s);
        return places;
      };
      const auto y = all_of(pair.fields.year), m = all_of(pair.fields.month), d = all_of(pair.fields.day);
      REQUIRE(pair.alignment == Alignment{y, y, y, y, {}, m, m, {}, d, d});
      if (format == 1) REQUIRE(parts_of(pair.human)[0] == weekday_of(date));
      if (format == 2) REQUIRE(parts_of(pair.human)[0] == weekday_of(date).substr(0, 3));
      human_seen.insert(pair.human.begin(), pair.human.end());
      iso_seen.insert(pair.iso.begin(), pair.iso.end());
    }
  CHECK(std::string(human_seen.begin(), human_seen.end()) == human_characters);
  CHECK(std::string(iso_seen.begin(), iso_seen.end()) == iso_characters);
}

TEST_CASE("an ordinal of a date has its ending") {
  std::map<int, std::string> endings;
  for (int day = 1; day <= 31; ++day) {
    const DatePair pair = write_date({2001, 1, day}, 3);
    endings[day] = cut(pair.human, {pair.fields.day.end, pair.fields.day.end + 2});
  }
  for (const auto& [day, ending] : endings) {
    INFO(day);
    const bool st = day == 1 || day == 21 || day == 31, nd = day == 2 || day == 22, rd = day == 3 || day == 23;
    CHECK(ending == (st ? "st" : nd ? "nd" : rd ? "rd" : "th"));
  }
}

TEST_CASE("a date that is none is refused") {
  CHECK(write_date({2000, 2, 29}, 0).human == "February 29, 2000");
  CHECK(write_date({2048, 2, 29}, 4).human == "29.02.2048");
  const std::array<Date, 9> wrong{{{2001, 2, 29},
                                   {2049, 2, 29},
                                   {1999, 4, 31},
                                   {1999, 13, 1},
                                   {1999, 0, 1},
                                   {1999, 1 + 256, 1},
                                   {1949, 12, 31},
                                   {2050, 1, 1},
                                   {2000 + 65536, 1, 1}}};
  for (const Date& date : wrong) {
    INFO(date.year << ' ' << date.month << ' ' << date.day);
    CHECK_THROWS_AS(write_date(date, 0), IndexError);
  }
  CHECK(contains(message_of<IndexError>([] {
                   write_date({2001, 2, 29}, 0);
                 }),
                 "write_date: cannot write 2001-02-29: it is no date of the years 1950 to 2049"));
  CHECK(contains(message_of<IndexError>([] {
                   write_date({2001, 2, 28}, 7);
                 }),
                 "write_date: cannot write in format 7: the formats are 0 to 6"));
  CHECK_THROWS_AS(write_date({2001, 2, 28}, -1), IndexError);
}

TEST_CASE("one date in ten is a test date") {
  const std::vector<Date> all = every_date(), train = dates_of(Split::train), test = dates_of(Split::test);
  std::vector<Date> expected_test;
  for (const Date& date : all)
    if (split_of(date) == Split::test) expected_test.push_back(date);
  CHECK(test == expected_test);
  CHECK(train.size() + test.size() == all.size());
  // A fair hash gives a binomial count: within 3.29 standard deviations with probability 0.999.
  const double n = double(all.size());
  CHECK(std::abs(double(test.size()) - 0.1 * n) < 3.29 * std::sqrt(n * 0.1 * 0.9));
}

TEST_CASE("no test date is ever drawn for training, and all formats are drawn equally often") {
  std::map<Split, std::set<std::string>> drawn;
  for (Split split : {Split::train, Split::test}) {
    std::array<double, date_formats> counts{};
    Rng rng{7};
    for (int i = 0; i < samples; ++i) {
      const DatePair pair = sample_date(split, rng);
      drawn[split].insert(pair.iso);
      ++counts[std::size_t(pair.format)];
    }
    // Chi-square with 6 degrees of freedom: its 0.999 quantile is 22.46.
    const double expected = double(samples) / double(date_formats);
    double chi_square = 0;
    for (double count : counts) chi_square += (count - expected) * (count - expected) / expected;
    CHECK(chi_square < 22.46);
  }
  std::set<std::string> test;
  for (const Date& date : dates_of(Split::test)) test.insert(write_date(date, 0).iso);
  CHECK(drawn[Split::test] == test);  // 27 draws for each: one is missed with probability 3650 e^-27
  for (const std::string& iso : drawn[Split::train]) REQUIRE(test.count(iso) == 0);
  CHECK(drawn[Split::train].size() > 30'000);  // of 32,900, each missed with probability e^-3
}

TEST_CASE("the same generator draws the same dates and strings") {
  Rng a{3}, b{3}, c{4};
  std::string from_a, from_b, from_c;
  for (int i = 0; i < 20; ++i) {
    from_a += sample_date(Split::train, a).human + sample_reversed(1, 5, a).source;
    from_b += sample_date(Split::train, b).human + sample_reversed(1, 5, b).source;
    from_c += sample_date(Split::train, c).human + sample_reversed(1, 5, c).source;
  }
  CHECK(from_a == from_b);
  CHECK(from_a != from_c);
}

TEST_CASE("reversed strings are aligned along the anti-diagonal") {
  Rng rng{1};
  std::set<std::size_t> lengths;
  std::set<char> letters;
  for (int i = 0; i < 2000; ++i) {
    const ReversedPair pair = sample_reversed(4, 20, rng);
    lengths.insert(pair.source.size());
    letters.insert(pair.source.begin(), pair.source.end());
    REQUIRE(pair.alignment.size() == pair.target.size());
    std::string again = pair.target;
    for (std::size_t t = 0; t < pair.target.size(); ++t) {
      REQUIRE(pair.alignment[t] == std::vector{int64_t(pair.source.size() - 1 - t)});
      REQUIRE(pair.source[std::size_t(pair.alignment[t][0])] == pair.target[t]);
    }
    std::reverse(again.begin(), again.end());
    REQUIRE(again == pair.source);
  }
  CHECK(*lengths.begin() == 4);
  CHECK(*lengths.rbegin() == 20);
  CHECK(lengths.size() == 17);
  CHECK(std::string(letters.begin(), letters.end()) == reversed_characters);
  CHECK(letters.size() == 20);
  CHECK(sample_reversed(1, 1, rng).source.size() == 1);
  CHECK_THROWS_AS(sample_reversed(0, 3, rng), IndexError);
  CHECK(contains(message_of<IndexError>([&] { sample_reversed(5, 3, rng); }), "cannot draw a length from 5 to 3"));
}

TEST_CASE("a vocabulary encodes and decodes") {
  const Vocabulary v("cabba");
  CHECK(v.size() == 6);
  CHECK(v.characters() == "abc");
  CHECK(v.encode("abcb") == std::vector<int64_t>{3, 4, 5, 4});
  CHECK(v.decode(v.encode("abcb")) == "abcb");
  CHECK(v.decode(std::vector<int64_t>{Vocabulary::start, 5, Vocabulary::pad, 3, Vocabulary::end, 4}) == "ca");
  CHECK(v.encode("").empty());
  CHECK(v == Vocabulary(v.characters()));
  CHECK_FALSE(v == Vocabulary("abd"));
}

TEST_CASE("a vocabulary is one of characters, not of bytes") {
  const std::string text = "z\u00df\u00e9\u20ac\U0001F600";  // one to four bytes each
  const Vocabulary v(text);
  CHECK(v.size() == 3 + 5);
  CHECK(v.encode(text) == std::vector<int64_t>{3, 4, 5, 6, 7});
  CHECK(v.decode(v.encode(text)) == text);
}

TEST_CASE("an unknown character and an unknown id are named with their position") {
  const Vocabulary v("abc");
  CHECK(contains(message_of<IndexError>([&] { v.encode("ab\u00dfc"); }),
                 "data_test.cpp:"));  // the line of the caller
  CHECK(contains(message_of<IndexError>([&] { v.encode("ab\u00dfc"); }),
                 "encode: cannot encode '\u00df' (U+00DF) at position 2: "
                 "it is not among the 3 characters of the vocabulary"));
  CHECK(contains(message_of<IndexError>([&] {
                   v.decode(std::vector<int64_t>{3, 6});
                 }),
                 "decode: cannot decode id 6 at position 1: the vocabulary has ids 0 to 5"));
  CHECK_THROWS_AS(v.decode(std::vector<int64_t>{-1}), IndexError);
}

TEST_CASE("text that is not UTF-8 is refused") {
  const std::vector<std::string> broken{
      "ab\x80",              // a continuation without its beginning
      "ab\xC3",              // cut short
      "ab\xC3z",             // a beginning without its continuation
      "ab\xC0\xAF",          // overlong
      "ab\xED\xA0\x80",      // a surrogate
      "ab\xF4\x90\x80\x80",  // above U+10FFFF
      "ab\xFF",
  };
  for (const std::string& text : broken) {
    const std::string message = message_of<Error>([&] { Vocabulary{text}; });
    INFO(message);
    CHECK(contains(message, "Vocabulary: cannot read the text as UTF-8: no character begins with byte 2 (0x"));
  }
  CHECK_THROWS_AS(Vocabulary("ab").encode("\xFF"), Error);
  CHECK_THROWS_AS(Vocabulary(std::string_view("\u00df").substr(0, 1)), Error);  // its second byte is not in the text
}

TEST_CASE("a batch is padded, and its masks are true on real tokens") {
  const Vocabulary v("abc");
  const std::vector<Example> examples{{v.encode("abc"), v.encode("c")}, {v.encode(""), v.encode("ba")}};
  const Batch batch = collate(examples);
  auto ids = [](const Tensor& t) { return t.to_vector<int64_t>(); };
  CHECK(batch.source.ids.shape() == Shape{2, 3});
  CHECK(ids(batch.source.lengths) == std::vector<int64_t>{3, 0});
  CHECK(ids(batch.source.ids) == std::vector<int64_t>{3, 4, 5,  //
                                                      0, 0, 0});
  CHECK(ids(length_mask(batch.source.lengths, 3)) == std::vector<int64_t>{1, 1, 1,  //
                                                                          0, 0, 0});
  CHECK(batch.target.ids.shape() == Shape{2, 4});
  CHECK(ids(batch.target.lengths) == std::vector<int64_t>{3, 4});
  CHECK(ids(batch.target.ids) == std::vector<int64_t>{1, 5, 2, 0,  //
                                                      1, 4, 3, 2});
  CHECK(length_mask(batch.target.lengths, 4).dtype() == boolean);
  CHECK(ids(length_mask(batch.target.lengths, 4)) == std::vector<int64_t>{1, 1, 1, 0,  //
                                                                          1, 1, 1, 1});
}

TEST_CASE("a batch of nothing is empty") {
  const Batch batch = collate({});
  CHECK(batch.source.ids.shape() == Shape{0, 0});
  CHECK(length_mask(batch.target.lengths, 0).numel() == 0);
}

// ---- the order of an epoch
namespace {

std::vector<int64_t> sorted(const Batches& batches) {
  std::vector<int64_t> r;
  for (const auto& batch : batches) r.insert(r.end(), batch.begin(), batch.end());
  std::sort(r.begin(), r.end());
  return r;
}
std::vector<int64_t> counted(int64_t n) {
  std::vector<int64_t> r;
  for (int64_t i = 0; i < n; ++i) r.push_back(i);
  return r;
}

}  // namespace

TEST_CASE("every order of four is equally likely") {
  Rng rng{5};
  std::map<std::vector<int64_t>, double> counts;
  for (int i = 0; i < 24'000; ++i) ++counts[randperm(4, rng)];
  REQUIRE(counts.size() == 24);
  // Chi-square with 23 degrees of freedom: its 0.999 quantile is 49.73.
  double chi_square = 0;
  for (const auto& [order, count] : counts) chi_square += (count - 1000) * (count - 1000) / 1000;
  CHECK(chi_square < 49.73);
  CHECK(randperm(0, rng).empty());
}

TEST_CASE("an epoch has every example once, in another order each time, the same one for the same generator") {
  for (int64_t n : {0, 1, 7, 8, 9, 1000}) {
    CAPTURE(n);
    std::vector<int64_t> lengths;
    for (int64_t i = 0; i < n; ++i) lengths.push_back(i * i % 53);
    Rng a{1}, b{1};
    for (int k = 0; k < 2; ++k) {
      const Batches shuffled = shuffled_batches(n, 8, a), bucketed = bucketed_batches(lengths, 8, a, 3);
      for (const Batches& batches : {shuffled, bucketed}) {
        CHECK(int64_t(batches.size()) == (n + 7) / 8);
        CHECK(sorted(batches) == counted(n));
        CHECK(std::count_if(batches.begin(), batches.end(), [](const auto& x) { return x.size() != 8; }) ==
              (n % 8 > 0));
      }
      CHECK(shuffled == shuffled_batches(n, 8, b));
      CHECK(bucketed == bucketed_batches(lengths, 8, b, 3));
    }
  }
  Rng rng{2};
  CHECK(shuffled_batches(1000, 8, rng) != shuffled_batches(1000, 8, rng));
  CHECK(sorted(bucketed_batches(std::vector<int64_t>{3, 1, 2}, int64_t{1} << 62, rng)) == counted(3));
}

TEST_CASE("buckets leave little to pad") {
  std::vector<int64_t> lengths;
  Rng rng{3};
  for (int i = 0; i < 5000; ++i) lengths.push_back(1 + rng.below(100));
  const Batches shuffled = shuffled_batches(5000, 32, rng), bucketed = bucketed_batches(lengths, 32, rng),
                pools = bucketed_batches(lengths, 32, rng, 10);
  CHECK(padding(shuffled, lengths) > 0.4);  // the longest of 32 is about 97, their mean 50
  CHECK(padding(bucketed, lengths) < 0.02);
  CHECK(padding(pools, lengths) < 0.1);
  CHECK(padding(pools, lengths) > padding(bucketed, lengths));
  std::vector<int64_t> longest;  // the batches themselves come in no order
  for (const auto& batch : bucketed) longest.push_back(lengths[std::size_t(batch.back())]);
  CHECK_FALSE(std::is_sorted(longest.begin(), longest.end()));

  CHECK(padding({{0, 1}, {2}}, std::vector<int64_t>{1, 3, 5}) == Approx(1 - 9.0 / 11));
  CHECK(padding({}, {}) == 0);
  CHECK(padding({{0}}, std::vector<int64_t>{0}) == 0);
}

TEST_CASE("orders that cannot be are refused") {
  Rng rng{1};
  const std::vector<int64_t> lengths{1, 2};
  CHECK(contains(message_of<Error>([&] { randperm(-1, rng); }), "data_test.cpp:"));
  CHECK(contains(message_of<Error>([&] { randperm(-1, rng); }),
                 ": randperm: the number of examples must be at least 0, not -1"));
  CHECK(contains(message_of<Error>([&] { shuffled_batches(3, 0, rng); }),
                 ": shuffled_batches: the size of a batch must be at least 1, not 0"));
  CHECK(contains(message_of<Error>([&] { bucketed_batches(lengths, -2, rng); }),
                 ": bucketed_batches: the size of a batch must be at least 1, not -2"));
  CHECK(contains(message_of<Error>([&] { bucketed_batches(lengths, 1, rng, 0); }),
                 ": bucketed_batches: the number of batches in a pool must be at least 1, not 0"));
  CHECK(contains(message_of<IndexError>([&] {
                   padding({{0, 2}}, lengths);
                 }),
                 ": padding: there is no example 2 among 2"));
  CHECK(contains(message_of<IndexError>([&] {
                   collate(std::vector<Example>(3), std::vector<int64_t>{0, -1});
                 }),
                 ": collate: there is no example -1 among 3"));
}

TEST_CASE("a batch of some examples, by their numbers") {
  const std::vector<Example> examples{{{3}, {4}}, {{5, 6}, {7}}, {{8}, {9}}};
  const Batch batch = collate(examples, std::vector<int64_t>{2, 1});
  CHECK(batch.source.ids.to_vector<int64_t>() == std::vector<int64_t>{8, 0, 5, 6});
  CHECK(batch.target.ids.to_vector<int64_t>() == std::vector<int64_t>{1, 9, 2, 1, 7, 2});
}
