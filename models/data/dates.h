#pragma once
#include <string>
#include <string_view>
#include "alignment.h"
#include "split.h"

// The dates task: a date as people write it -> ISO 8601 `YYYY-MM-DD`, years 1950 to 2049. Seven formats:
//
//   0  March 5, 1987
//   1  Thursday, 5 March 1987
//   2  Thu, Mar 5th, 1987
//   3  the 5th of March 1987
//   4  05.03.1987                  day first
//   5  3/5/1987                    month first
//   6  1987 Mar 5
//
// They reorder year, month and day, so an alignment is not diagonal; the four digits of the year stand in each of them.
namespace heed {

struct Date {  // of the Gregorian calendar
  int year, month, day;
  bool operator==(const Date&) const = default;
};

struct Span {  // characters [begin, end) of a text
  int64_t begin, end;
  int64_t size() const { return end - begin; }  // how many
  bool operator==(const Span&) const = default;
};

struct DateFields {  // where in a text the date stands; the day without the ending of an ordinal
  Span year, month, day;
};

struct DatePair {
  std::string human, iso;  // ASCII: characters are bytes
  DateFields fields;       // of `human`; those of `iso` are iso_fields
  Alignment alignment;     // gold: each digit of `iso` comes from all of its field in `human`, a hyphen from nowhere
  Date date;
  int64_t format;
};

// Of every ISO text, and of the dates as people write them.
inline constexpr DateFields iso_fields{.year = {0, 4}, .month = {5, 7}, .day = {8, 10}};
inline constexpr int64_t date_formats = 7;
inline constexpr std::string_view human_characters = " ,./0123456789ADFJMNOSTWabcdefghilmnoprstuvy";
inline constexpr std::string_view iso_characters = "-0123456789";

Split split_of(const Date& date);         // the same in whatever format
std::vector<Date> dates_of(Split split);  // all of them, in calendar order

// A date that does not exist or lies outside 1950 to 2049, or a format outside [0, date_formats), is an IndexError.
DatePair write_date(const Date& date, int64_t format, Where at = Where::here());

DatePair sample_date(Split split, Rng& rng);  // date and format both uniform

}  // namespace heed
