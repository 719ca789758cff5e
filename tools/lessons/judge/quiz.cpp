#include "quiz.h"
#include <algorithm>
#include <utility>

namespace heed::lessons {
namespace {

bool of_an_input(const Exercise& e, const Part& p) {
  const std::vector<std::string>& inputs = e.cases[0].inputs;
  return std::find(inputs.begin(), inputs.end(), p.name.substr(1)) != inputs.end();
}

// All lines computed one from the other, one of them wrong: the gradient of each input that is among them, and what is
// wrong with it.
std::vector<std::pair<std::string, std::string>> gradients(const Exercise& e, const Part& part, const Formula& wrong) {
  const Case& c = e.cases[0];
  Values v = c.values;
  for (const Part& p : e.parts) v[p.name] = (&p == &part ? wrong : Formula(p.formula)).value(v);
  std::vector<std::pair<std::string, std::string>> r;
  for (const Part& p : e.parts)
    if (of_an_input(e, p)) r.emplace_back(p.name, fault(v.at(p.name), c.values.at(p.name), "this gives"));
  return r;
}

bool shows(const Exercise& e, const Part& part, const Formula& wrong) {
  try {
    const auto all = gradients(e, part, wrong);
    return std::any_of(all.begin(), all.end(), [](const auto& g) { return !g.second.empty(); });
  } catch (const Error&) {  // its shapes do not fit: no quiz
    return false;
  }
}

}  // namespace

Quiz draw_quiz(const Exercise& e, uint64_t number) {
  std::vector<Quiz> before, at_the_end;
  for (const Part& p : e.parts)
    for (const Mistake& m : p.mistakes) {
      const std::string wrong = Formula(replaced(p.formula, m.find, m.instead)).str();
      if (shows(e, p, Formula(wrong))) (of_an_input(e, p) ? at_the_end : before).push_back({&e, &p, &m, wrong});
    }
  Rng rng{1};
  for (std::vector<Quiz>* some : {&before, &at_the_end})
    for (std::size_t left = some->size(); left > 1; --left)
      std::swap((*some)[left - 1], (*some)[std::size_t(rng.below(int64_t(left)))]);
  before.insert(before.end(), at_the_end.begin(), at_the_end.end());
  return before[(number - 1) % before.size()];
}

std::string Quiz::question() const {
  std::string text = "One line of this backward is wrong.\n\n";
  for (const Part& p : exercise->parts)
    text += "  " + p.name + " = " + (&p == part ? wrong : Formula(p.formula).str()) + "\n";
  text += "\n";
  for (const auto& [name, why] : gradients(*exercise, *part, Formula(wrong)))
    text += "  " + name + "  " + (why.empty() ? "right" : "wrong  " + why) + "\n";
  return text;
}

std::string Quiz::reply(const std::string& answer) const {
  return (answer == part->name ? "Yes: " : "No: it is " + part->name + ". ") + part->name + " = " + wrong + ": " +
         mistake->why + ". It should be " + part->formula + ".";
}

}  // namespace heed::lessons
