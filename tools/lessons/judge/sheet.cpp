#include "sheet.h"
#include <heed/core/disk.h>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace heed::lessons {
namespace {
constexpr auto head = "# exercise: functions right, of; hints; quizzes right, of";
std::string path_in(const std::string& folder) { return folder + "/scores.txt"; }
}  // namespace

Sheet::Sheet(const std::string& folder) : folder_(folder) {
  const std::string path = path_in(folder);
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream in(line);
    std::string name;
    Score s;
    if (!(in >> name >> s.right >> s.of >> s.hints >> s.guessed >> s.quizzes))
      FileTask{"lesson", path, {}}.cannot_read("\"" + line + "\" is not a line of a score sheet");
    scores_[name] = s;
  }
}

void Sheet::save() const {
  std::filesystem::create_directories(folder_);
  const std::string path = path_in(folder_);
  std::ostringstream text;
  text << head << "\n";
  for (const auto& [name, s] : scores_)
    text << name << " " << s.right << " " << s.of << " " << s.hints << " " << s.guessed << " " << s.quizzes << "\n";
  NewFile file({"lesson", path, {}});
  file.write(text.str());
  file.commit();
}

}  // namespace heed::lessons
