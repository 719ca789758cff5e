#pragma once
// The score sheet, kept beside the learner's files: scores.txt.
#include <map>
#include <string>

namespace heed::lessons {

struct Score {                   // of one exercise
  int right = 0, of = 0;         // functions, when it was last judged
  int hints = 0;                 // how many were asked for
  int guessed = 0, quizzes = 0;  // right answers, of so many
};

class Sheet {
 public:
  explicit Sheet(const std::string& folder);  // FileError: a line is not one of a score sheet
  Score& operator[](const std::string& file) { return scores_[file]; }
  void save() const;  // FileError: it cannot be written

 private:
  std::string folder_;
  std::map<std::string, Score> scores_;  // by the exercise's file
};

}  // namespace heed::lessons
