#include <regex>
#include <set>
#include "common.h"
#include "files.h"
#include "program.h"

using namespace heed;
using namespace files;

namespace {

const std::string lessons = HEED_SOURCE_DIR "/tools/lessons";

std::set<std::string> names_in(const std::string& folder) {
  std::set<std::string> r;
  for (const auto& entry : fs::directory_iterator(folder)) r.insert(entry.path().filename());
  return r;
}

// What the program says of a text that is the course's, changed.
std::string said_of(const std::string& find, const std::string& instead) {
  const Folder folder;
  std::string text = read(lessons + "/course.md");
  const std::size_t at = text.find(find);
  REQUIRE(at != std::string::npos);
  write(folder / "course.md", text.replace(at, find.size(), instead));
  const Said said =
      run_program_of_build("course", "--text \"" + folder / "course.md" + "\" --out \"" + folder.path.string() + "\"");
  CHECK(said.code == 2);
  CHECK(!fs::exists(folder / "README.md"));
  return said.text;
}

}  // namespace

TEST_CASE("the course says what heed computes and how heed is written", "[course]") {
  const Folder folder;
  const Said said =
      run_program_of_build("course", "--text \"" + lessons + "/course.md\" --out \"" + folder.path.string() + "\"");
  INFO(said.text);
  REQUIRE(said.code == 0);
  INFO("where it differs: run build/release/bin/course, and read what has changed");
  CHECK(read(folder / "README.md") == read(lessons + "/README.md"));
  const std::set<std::string> pictures = names_in(folder / "pictures");
  CHECK(pictures == names_in(lessons + "/pictures"));
  for (const std::string& name : pictures) {
    INFO(name);
    CHECK((read(folder / "pictures/" + name) == read(lessons + "/pictures/" + name)));
  }
}

TEST_CASE("every exercise has its chapter, and every file that the course names is there", "[course]") {
  const std::string text = read(lessons + "/README.md");
  for (const std::string& name : names_in(lessons))
    if (name.ends_with(".cpp")) {
      INFO(name);
      CHECK(std::regex_search(text, std::regex("\\*\\*Exercises?\\*\\*[^*]* " + name.substr(0, 2) + "\\b")));
    }
  const std::regex link(R"([\w`]\]\(([^)]+)\))");
  int links = 0;
  for (std::sregex_iterator l(text.begin(), text.end(), link), end; l != end; ++l, ++links) {
    INFO((*l)[1]);
    CHECK(fs::exists(lessons + "/" + (*l)[1].str()));
  }
  CHECK(links > 20);
}

TEST_CASE("the course refuses a text that does not fit what was found", "[course]") {
  CHECK(contains(said_of("{{loss}}", "{{los}}"), "course: nothing was found out of los\n"));
  CHECK(contains(said_of("{{loss}}", "0.13"), "course: the text does not say loss\n"));
  CHECK(contains(said_of("pictures/reach.svg", "reach.svg"), "course: the text does not show reach\n"));
  CHECK(contains(said_of("{{formula 07 dS}}", "{{formula 07 dX}}"), "course: exercise 07 has no dX\n"));
  CHECK(contains(said_of("{{quote ops/math.cpp TanhOp d0}}", "{{quote ops/math.cpp Tanh d0}}"),
                 "lesson: there is no struct Tanh in ops/math.cpp\n"));
}
