#include "course.h"
#include <set>
#include <sstream>
#include "../lessons/judge/exercise.h"

namespace heed::course {

void Findings::say(const std::string& name, const std::string& text) {
  if (!texts_.emplace(name, text).second) throw Error("course: two findings are named " + name);
}
void Findings::picture(const std::string& name, const std::string& svg) {
  if (!pictures_.emplace(name, svg).second) throw Error("course: two pictures are named " + name);
}

void holds(bool so, const char* what) {
  if (!so) throw Error(std::string("course: it is not so that ") + what);
}

Run::Run(bool causal) : scene(explain::explain_fruit({.causal = causal})) {
  for (const explain::Head& h : scene.layers[0].heads) heads.push_back(explain::run(h));
  loss = cross_entropy(scene.logits, tensor(scene.targets, {places}), {.ignore_index = explain::no_target});
}
Tensor Run::parameter(const std::string& path) const {
  const Parameters& all = scene.names.parameters;
  const auto found = std::find(all.paths.begin(), all.paths.end(), path);
  if (found == all.paths.end()) throw Error("course: the model has no " + path);
  return all.values[std::size_t(found - all.paths.begin())];
}
draw::Matrix Run::by_places(const Tensor& x, const std::vector<std::string>& columns, const std::string& title) const {
  return draw::matrix_of(
      x.detach(),
      {.row_labels = {scene.keys.end() - x.size(0), scene.keys.end()}, .col_labels = columns, .title = title});
}

namespace {

// {{quote ops/softmax.cpp Softmax d0}}, {{quote ops/composite.cpp - masked_softmax}}, {{formula 07 dS}}, or a finding
std::string meaning(const std::string& asked, const Findings& found) {
  std::istringstream in(asked);
  std::string what, first, second, member;
  in >> what >> first >> second;
  if (what == "quote") {
    lessons::Quote q{first, second == "-" ? "" : second, {}};
    while (in >> member) q.members.push_back(member);
    return "From [`" + q.file + "`](../../" + q.file + "):\n\n```cpp\n" + lessons::quoted_code(q) + "```";
  }
  if (what == "formula") {
    for (const lessons::Part& p : lessons::exercise(first).parts)
      if (p.name == second) return p.formula;
    throw Error("course: exercise " + first + " has no " + second);
  }
  const auto text = found.texts().find(asked);
  if (text == found.texts().end()) throw Error("course: nothing was found out of " + asked);
  return text->second;
}

}  // namespace

std::string filled(const std::string& text, const Findings& found) {
  std::string r;
  std::set<std::string> asked;
  std::size_t at = 0;
  for (std::size_t open; (open = text.find("{{", at)) != std::string::npos;) {
    const std::size_t close = text.find("}}", open);
    const std::string& name = *asked.insert(text.substr(open + 2, close - open - 2)).first;
    r += text.substr(at, open - at) + meaning(name, found);
    at = close + 2;
  }
  r += text.substr(at);
  for (const auto& [name, value] : found.texts())
    if (!asked.contains(name)) throw Error("course: the text does not say " + name);
  for (const auto& [name, svg] : found.pictures())
    if (r.find("(pictures/" + name + ".svg)") == std::string::npos)
      throw Error("course: the text does not show " + name);
  return r;
}

}  // namespace heed::course
