#include "dates.h"
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>

namespace heed {
namespace {

namespace chrono = std::chrono;

// The letters of strftime (Y year, B March, b Mar, m 03, A Thursday, a Thu, d 05), and three of our own:
// M and D are month and day without a leading zero, o is the ending of an ordinal.
constexpr std::array<std::string_view, date_formats> patterns{
    "%B %D, %Y", "%A, %D %B %Y", "%a, %b %D%o, %Y", "the %D%o of %B %Y", "%d.%m.%Y", "%M/%D/%Y", "%Y %b %D"};

constexpr std::array<std::string_view, 12> months{"January",   "February", "March",    "April",
                                                  "May",       "June",     "July",     "August",
                                                  "September", "October",  "November", "December"};
constexpr std::array<std::string_view, 7> weekdays{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                   "Thursday", "Friday", "Saturday"};

constexpr chrono::sys_days first_day = chrono::year{1950} / chrono::January / 1;
constexpr chrono::sys_days last_day = chrono::year{2049} / chrono::December / 31;

Date date_of(chrono::sys_days days) {
  const chrono::year_month_day d{days};
  return {int{d.year()}, static_cast<int>(unsigned{d.month()}), static_cast<int>(unsigned{d.day()})};
}

chrono::year_month_day calendar_date(const Date& d) {
  return chrono::year{d.year} / chrono::month{static_cast<unsigned>(d.month)} /
         chrono::day{static_cast<unsigned>(d.day)};
}

std::string padded(int number, std::size_t width) {
  std::string digits = std::to_string(number);
  return std::string(width - std::min(width, digits.size()), '0') + digits;
}

std::string iso(const Date& d) { return padded(d.year, 4) + "-" + padded(d.month, 2) + "-" + padded(d.day, 2); }

std::string_view ordinal_ending(int day) {
  if (day >= 11 && day <= 13) return "th";
  return day % 10 == 1 ? "st" : day % 10 == 2 ? "nd" : day % 10 == 3 ? "rd" : "th";
}

}  // namespace

Split split_of(const Date& date) {
  const int digits = 10000 * date.year + 100 * date.month + date.day;
  return split_of(static_cast<uint64_t>(digits));
}

std::vector<Date> dates_of(Split split) {
  std::vector<Date> dates;
  for (chrono::sys_days day = first_day; day <= last_day; day += chrono::days{1})
    if (const Date date = date_of(day); split_of(date) == split) dates.push_back(date);
  return dates;
}

DatePair write_date(const Date& date, int64_t format, Where at) {
  const chrono::year_month_day calendar = calendar_date(date);
  if (!calendar.ok() || date_of(calendar) != date || calendar < first_day || calendar > last_day)
    fail<IndexError>(at, "write_date", "cannot write " + iso(date) + ": it is no date of the years 1950 to 2049");
  if (format < 0 || format >= date_formats)
    fail<IndexError>(at, "write_date",
                     "cannot write in format " + std::to_string(format) + ": the formats are 0 to " +
                         std::to_string(date_formats - 1));

  DatePair pair{.human = {}, .iso = iso(date), .fields = {}, .alignment = {}, .date = date, .format = format};
  auto put = [&](std::string_view text) {
    const auto begin = static_cast<int64_t>(pair.human.size());
    pair.human += text;
    return Span{begin, begin + static_cast<int64_t>(text.size())};
  };
  const std::string_view month = months[static_cast<std::size_t>(date.month - 1)];
  const std::string_view weekday = weekdays[chrono::weekday{calendar}.c_encoding()];
  const std::string_view pattern = patterns[static_cast<std::size_t>(format)];
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%') {
      pair.human += pattern[i];
      continue;
    }
    switch (pattern[++i]) {
      case 'Y':
        pair.fields.year = put(padded(date.year, 4));
        break;
      case 'B':
        pair.fields.month = put(month);
        break;
      case 'b':
        pair.fields.month = put(month.substr(0, 3));
        break;
      case 'm':
        pair.fields.month = put(padded(date.month, 2));
        break;
      case 'M':
        pair.fields.month = put(padded(date.month, 1));
        break;
      case 'd':
        pair.fields.day = put(padded(date.day, 2));
        break;
      case 'D':
        pair.fields.day = put(padded(date.day, 1));
        break;
      case 'o':
        put(ordinal_ending(date.day));
        break;
      case 'A':
        put(weekday);
        break;
      case 'a':
        put(weekday.substr(0, 3));
        break;
    }
  }
  pair.alignment.resize(pair.iso.size());
  for (Span DateFields::*field : {&DateFields::year, &DateFields::month, &DateFields::day})
    for (int64_t t = (iso_fields.*field).begin; t < (iso_fields.*field).end; ++t)
      for (int64_t s = (pair.fields.*field).begin; s < (pair.fields.*field).end; ++s)
        pair.alignment[std::size_t(t)].push_back(s);
  return pair;
}

DatePair sample_date(Split split, Rng& rng) {
  static const std::vector<Date> train = dates_of(Split::train), test = dates_of(Split::test);
  const std::vector<Date>& dates = split == Split::train ? train : test;
  const Date& date = dates[static_cast<std::size_t>(rng.below(static_cast<int64_t>(dates.size())))];
  return write_date(date, rng.below(date_formats));
}

}  // namespace heed
