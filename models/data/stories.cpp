#include "stories.h"
#include <array>
#include <string_view>

namespace heed {
namespace {

constexpr std::array<std::string_view, 4> people{"Anna", "Omar", "Lena", "Victor"};
constexpr std::array<std::string_view, 6> places{"kitchen", "garden", "cellar", "attic", "hall", "office"};
constexpr std::array<std::string_view, 3> things{"lamp", "book", "cup"};
constexpr int64_t nowhere = -1, nobody = -1;

class Teller {
 public:
  Teller(bool carries, Rng& rng) : carries_(carries), rng_(rng) {}

  void tell(int64_t length) {
    while (std::ssize(story_.sentences) < length) {
      const int64_t who = rng_.below(std::ssize(people));
      Person& p = people_[std::size_t(who)];
      const int64_t thing = rng_.below(std::ssize(things));
      Thing& t = things_[std::size_t(thing)];
      const bool here = p.place != nowhere && t.holder == nobody && (t.place == nowhere || t.place == p.place);
      if (!carries_ || rng_.uniform() < 0.5) walk(who);
      else if (t.holder == who) say(who, "leaves the ", things[std::size_t(thing)]), hand(t, nobody, p);
      else if (here) say(who, "takes the ", things[std::size_t(thing)]), hand(t, who, p);
    }
  }
  // False: nothing of which it is known where it is.
  bool ask() {
    std::vector<std::size_t> known;
    if (!carries_) {
      for (std::size_t i = 0; i < people.size(); ++i)
        if (people_[i].place != nowhere) known.push_back(i);
      const std::size_t who = chosen(known);
      answer(std::string(people[who]), people_[who].place, {people_[who].walked});
      return true;
    }
    for (std::size_t i = 0; i < things.size(); ++i)
      if (things_[i].touched != nowhere) known.push_back(i);
    if (known.empty()) return false;
    const std::size_t which = chosen(known);
    const Thing& t = things_[which];
    const std::string name = "the " + std::string(things[which]);
    if (t.holder == nobody) {
      answer(name, t.place, {t.walked, t.touched});
    } else {
      const Person& p = people_[std::size_t(t.holder)];
      answer(name, p.place, {std::min(p.walked, t.touched), std::max(p.walked, t.touched)});
    }
    return true;
  }
  Story story() { return std::move(story_); }

 private:
  struct Person {
    int64_t place = nowhere, walked = nowhere;  // walked: the sentence that says so
  };
  struct Thing {
    int64_t holder = nobody, place = nowhere, touched = nowhere, walked = nowhere;
  };

  std::size_t chosen(const std::vector<std::size_t>& list) { return list[std::size_t(rng_.below(std::ssize(list)))]; }
  int64_t next() const { return std::ssize(story_.sentences); }
  void say(int64_t who, const char* does, std::string_view what) {
    story_.sentences.push_back(std::string(people[std::size_t(who)]) + " " + does + std::string(what));
  }
  void walk(int64_t who) {
    Person& p = people_[std::size_t(who)];
    int64_t to = rng_.below(std::ssize(places));
    while (to == p.place) to = rng_.below(std::ssize(places));
    p = {to, next()};
    say(who, "walks to the ", places[std::size_t(to)]);
  }
  void hand(Thing& t, int64_t to, const Person& by) { t = {to, by.place, next() - 1, by.walked}; }
  void answer(const std::string& what, int64_t place, std::vector<int64_t> supporting) {
    story_.question = "where is " + what;
    story_.answer = places[std::size_t(place)];
    story_.supporting = std::move(supporting);
  }

  bool carries_;
  Rng& rng_;
  Story story_;
  std::array<Person, people.size()> people_;
  std::array<Thing, things.size()> things_;
};

}  // namespace

Story sample_story(int64_t facts, int64_t length, Rng& rng, Where at) {
  constexpr auto op = "sample_story";
  if (facts != 1 && facts != 2)
    fail<Error>(at, op, "an answer follows from 1 or 2 facts, not " + std::to_string(facts));
  if (length < facts)
    fail<Error>(at, op,
                std::to_string(length) + " sentences are too few: an answer follows from " + std::to_string(facts));
  while (true) {
    Teller teller(facts == 2, rng);
    teller.tell(length);
    if (teller.ask()) return teller.story();
  }
}

}  // namespace heed
