// Exercises: write the backward of an op by hand, and be told what is wrong with it. They stand in tools/lessons.
#include <heed/core/disk.h>
#include <heed/core/table.h>
#include <heed/models/run/run.h>
#include <unistd.h>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include "lessons/judge/learner.h"
#include "lessons/judge/quiz.h"
#include "lessons/judge/sheet.h"
using namespace heed;
using namespace heed::lessons;
namespace fs = std::filesystem;

namespace {

// Lines of at most 100 characters, each behind `margin`.
std::string wrapped(const std::string& text, const std::string& margin) {
  std::string r, line;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (!line.empty() && margin.size() + line.size() + 1 + word.size() > 100) r += margin + line + "\n", line.clear();
    line += (line.empty() ? "" : " ") + word;
  }
  return r + margin + line + "\n";
}
void print(const std::string& text) { std::fputs(text.c_str(), stdout); }
std::string of(int a, int b) { return b ? std::to_string(a) + " of " + std::to_string(b) : "-"; }

struct Request {
  std::string folder, compiler;
  const Exercise* exercise;
  std::string file;  // of the learner

  void list() const {
    Sheet sheet(folder);
    Table table({"", "lesson", "right", "hints", "quizzes"}, 2);
    std::string next;
    for (const Exercise& e : exercises()) {
      const Score& s = sheet[e.file];
      if (next.empty() && (s.of == 0 || s.right < s.of)) next = e.number();
      table.add(
          {e.number(), e.title, of(s.right, s.of), s.hints ? std::to_string(s.hints) : "-", of(s.guessed, s.quizzes)});
    }
    print(table.str() + (next.empty() ? "\nYou have written them all.\n" : "\nNext: lesson " + next + "\n"));
  }

  void hand_out() const {
    fs::create_directories(folder);
    NewFile copy({"lesson", file, {}});
    copy.write(read_text(task_file(*exercise)));
    copy.commit();
    const std::string& number = exercise->number();
    print("wrote " + file + "\n\nRead it, write its functions, and say lesson " + number +
          " again: each is judged by itself, " + "in any order.\nA hint: lesson " + number +
          " --hint. A quiz: lesson " + number + " --quiz.\n");
  }

  // Prints as it goes, so that the last name printed is that of the function that runs.
  void judge_all(const std::string& compiled) const {
    const Answers& answers = load(compiled);
    Sheet sheet(folder);
    Score& score = sheet[exercise->file];
    score.right = 0, score.of = int(exercise->parts.size());
    std::size_t width = 0;
    for (const Part& p : exercise->parts) width = std::max(width, p.name.size());
    for (const Part& p : exercise->parts) {
      std::printf("  %-*s  ", int(width), p.name.c_str());
      std::fflush(stdout);
      const auto found =
          std::find_if(answers.begin(), answers.end(), [&](const Answer& a) { return a.name == p.name; });
      if (found == answers.end()) throw Error(p.name + " is not listed in answers");
      const Verdict v = judge(*exercise, p, attempt(*found, p));
      score.right += v.right();
      static constexpr const char* said[] = {"exact", "within rounding: ", "not written yet", "wrong: "};
      print(said[v.kind] + v.text + "\n");
      if (v.kind != Verdict::wrong) continue;
      if (const auto why = explain(*exercise, p, v.evidence)) print(wrapped(why->text, std::string(width + 4, ' ')));
    }
    sheet.save();
  }

  void judge_file() const {
    std::string build = fs::temp_directory_path() / "lesson-XXXXXX";
    if (!::mkdtemp(build.data())) throw Error("lesson: cannot make a folder in " + fs::temp_directory_path().string());
    const struct Remove {
      const std::string& folder;
      ~Remove() { fs::remove_all(folder); }
    } at_the_end{build};
    const std::string compiled = build + "/lesson.so";
    compile(file, compiled, compiler);
    print(exercise->number() + "  " + exercise->title + "\n\n");
    run_apart([&] { judge_all(compiled); });
    const Score score = Sheet(folder)[exercise->file];
    if (score.right < score.of)
      throw std::runtime_error(of(score.right, score.of) + " are right; lesson " + exercise->number() +
                               " --hint helps");
    print("\nAll " + std::to_string(score.of) + " are right.\n");
    quotes();
  }

  void quotes() const {
    if (!exercise->quotes.empty()) print("What heed itself does:\n");
    for (const Quote& q : exercise->quotes) print("\n" + quote(q));
  }

  void hint(const std::string& wanted) const {
    Sheet sheet(folder);
    Score& score = sheet[exercise->file];
    const int last = int(exercise->hints.size());
    int n = score.hints + 1;
    if (!wanted.empty()) n = wanted.size() == 1 ? wanted[0] - '0' : 0;
    if (!wanted.empty() && (n < 1 || n > last))
      throw Error("there is no hint " + wanted + ": they go from 1 to " + std::to_string(last));
    if (n > last) {
      print("These were all " + std::to_string(last) + " hints: lesson " + exercise->number() +
            " --derivation shows how it goes.\n");
      return;
    }
    print("hint " + of(n, last) + "\n" + wrapped(exercise->hints[std::size_t(n - 1)], ""));
    score.hints = std::max(score.hints, n);
    sheet.save();
  }

  void quiz(const std::string& given, int64_t seed) const {
    Sheet sheet(folder);
    Score& score = sheet[exercise->file];
    const Quiz quiz = draw_quiz(*exercise, seed ? uint64_t(seed) : uint64_t(score.quizzes + 1));
    print(quiz.question());
    std::string answer = given;
    if (answer.empty()) {
      print("\nWhich one? ");
      std::fflush(stdout);
      if (!(std::cin >> answer)) {
        print("\nAnswer with its name: lesson " + exercise->number() + " --quiz dX\n");
        return;
      }
    }
    const auto& parts = exercise->parts;
    if (std::none_of(parts.begin(), parts.end(), [&](const Part& p) { return p.name == answer; }))
      throw Error("there is no line " + answer + " in it");
    print("\n" + wrapped(quiz.reply(answer), ""));
    ++score.quizzes, score.guessed += answer == quiz.part->name;
    sheet.save();
  }
};

void lesson(Options& options) {
  const std::string folder = options.text("--folder", "lessons", "where your files and your scores are kept");
  const std::string compiler = options.text("--compiler", HEED_COMPILER, "what compiles your file");
  const int64_t seed = options.integer("--seed", 0, "draws the quiz; 0: the next one", at_least(0));
  const bool hint = options.flag("--hint", "one more hint, or the one whose number follows");
  const bool derivation = options.flag("--derivation", "how it goes, with the code");
  const bool quiz = options.flag("--quiz", "which line of a backward is wrong? the answer may follow");
  const std::vector<std::string> words = options.words("LESSON", "its number or name");
  options.done();
  if (words.empty()) return Request{folder, compiler, nullptr, ""}.list();
  const Exercise& e = exercise(words[0]);
  const Request request{folder, compiler, &e, folder + "/" + e.file + ".cpp"};
  if (words.size() > 1 + std::size_t(hint || quiz)) throw Error("unexpected argument " + words.back());
  const std::string more = words.size() > 1 ? words[1] : "";
  if (hint) return request.hint(more);
  if (quiz) return request.quiz(more, seed);
  if (derivation) {
    print(lessons::derivation(e));
    return request.quotes();
  }
  if (!fs::exists(request.file)) return request.hand_out();
  request.judge_file();
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(
      argc, argv,
      {.what = "Exercises in writing a backward by hand. lesson lists them; lesson 07 puts its file into "
               "your folder, and judges it when it is there.",
       .example = "07"},
      lesson);
}
