#include <heed/tools/lesson/judge.h>
#include <algorithm>
#include <cstdio>
#include <set>
#include "common.h"

using namespace heed;
using namespace heed::lessons;

namespace {

Attempt formula(const std::string& text) {
  return [f = Formula(text)](const Case& c) { return f.value(c.values); };
}
const Answer& answer(const Answers& all, const std::string& name) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const Answer& a) { return a.name == name; });
  REQUIRE(found != all.end());
  return *found;
}

// What an attempt gives is explained by this.
std::optional<Explanation> explained(const Exercise& e, const Part& part, const Attempt& yours) {
  std::vector<Evidence> evidence;
  for (const Case& c : e.cases) {
    try {
      evidence.push_back({&c, yours(c), c.values.at(part.name)});
    } catch (const Error&) {  // it fits where sizes are equal
    }
  }
  return explain(part, evidence);
}

}  // namespace

TEST_CASE("the right backward is accepted, in every exercise, and what is shown is what is computed", "[lessons]") {
  for (const Exercise& e : exercises())
    for (const Part& part : e.parts) {
      INFO(e.file << " " << part.name);
      const Verdict right = judge(e, part, attempt(answer(e.right, part.name), part));
      INFO(right.text << "\n" << right.diagnosis);
      CHECK(right.right());
      const Verdict shown = judge(e, part, formula(part.formula));
      INFO(shown.text);
      CHECK(shown.right());
      CHECK(judge(e, part, formula(Formula(part.formula).str())).right());
      const Answer& asked = answer(e.unfilled, part.name);
      CHECK(asked.givens == answer(e.right, part.name).givens);
      CHECK(judge(e, part, attempt(asked, part)).kind == Verdict::not_written);
    }
}

TEST_CASE("every known mistake is given its own name", "[lessons]") {
  int all = 0, all_named = 0;
  for (const Exercise& e : exercises()) {
    int mistakes = 0, named = 0;
    for (const Part& part : e.parts)
      for (const Mistake& m : part.mistakes) {
        const std::string wrong = replaced(part.formula, m.find, m.instead);
        INFO(e.file << " " << part.name << " = " << wrong << ": " << m.why);
        REQUIRE(!wrong.empty());
        const Verdict v = judge(e, part, formula(wrong));
        CHECK(v.kind == Verdict::wrong);
        const bool found = contains(v.diagnosis, m.why) && contains(v.diagnosis, Formula(wrong).str());
        INFO(v.text << "\n" << v.diagnosis);
        CHECK(found);
        ++mistakes, named += found;
      }
    std::printf("%-24s %3d mistakes %3d named\n", e.file.c_str(), mistakes, named);
    all += mistakes, all_named += named;
  }
  std::printf("%-24s %3d mistakes %3d named\n", "all", all, all_named);
}

TEST_CASE("two known mistakes in one line are both named", "[lessons]") {
  int all = 0, named = 0, one = 0;
  for (const Exercise& e : exercises())
    for (const Part& part : e.parts)
      for (const Mistake& a : part.mistakes)
        for (const Mistake& b : part.mistakes) {
          if (&a >= &b || a.find.empty() || b.find.empty()) continue;
          const std::string wrong = replaced(replaced(part.formula, a.find, a.instead), b.find, b.instead);
          if (wrong.empty()) continue;
          const Verdict v = judge(e, part, formula(wrong));
          if (v.kind == Verdict::wrong && v.diagnosis.empty() && contains(v.text, "formula:")) continue;
          ++all;
          const bool both = contains(v.diagnosis, a.why) && contains(v.diagnosis, b.why);
          const bool simpler = !both && !v.diagnosis.empty();
          named += both, one += simpler;
          if (!both)
            std::printf("%s %s = %s [%s | %s]\n   %s %s\n", e.file.c_str(), part.name.c_str(), wrong.c_str(),
                        a.why.c_str(), b.why.c_str(), v.text.c_str(), v.diagnosis.c_str());
        }
  std::printf("%d pairs, %d named, %d as one\n", all, named, one);
}
