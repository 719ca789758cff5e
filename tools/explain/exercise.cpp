#include <heed/tools/lessons/judge/exercise.h>
#include "models.h"

namespace heed::explain {

json exercise_of_attention() {
  json r = json::array();
  for (const lessons::Part& part : lessons::exercise("07").parts) {
    json mistakes = json::array();
    for (const lessons::Mistake& m : part.mistakes)
      mistakes.push_back(
          {{"formula", lessons::Formula(lessons::replaced(part.formula, m.find, m.instead)).str()}, {"why", m.why}});
    r.push_back({{"name", part.name}, {"formula", part.formula}, {"mistakes", mistakes}});
  }
  return r;
}

}  // namespace heed::explain
