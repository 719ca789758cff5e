// Exercises: write the backward of an op by hand, and be told what is wrong with it. They stand in tools/lessons.
#include <heed/core/disk.h>
#include <heed/core/table.h>
#include <heed/models/run/run.h>
#include <stdlib.h>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <sstream>
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

const char* called_as = "lesson";
constexpr auto usual_folder = "lessons";

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

  // Of this exercise, as it can be typed.
  std::string command(const std::string& more = "") const {
    const bool usual = folder == usual_folder || folder == ".";
    return std::string(called_as) + " " + exercise->number() + more + (usual ? "" : " --folder " + folder);
  }

  void hand_out() const {
    Sheet(folder).save();
    NewFile copy({"lesson", file, {}});
    copy.write(read_text(task_file(*exercise)));
    copy.commit();
    print("wrote " + file +
          "\n\nRead it, write its functions, and have them judged, each by itself, in any order:\n  " + command() +
          "\n  " + command(" --hint") + "\n  " + command(" --quiz") + "\n");
  }

  // What is said of a function, behind + if it is right.
  std::string judged(const std::string& compiled, const Part& p, const std::string& margin) const {
    const Answers& answers = load(compiled);
    const auto found = std::find_if(answers.begin(), answers.end(), [&](const Answer& a) { return a.name == p.name; });
    if (found == answers.end()) throw Error("not listed in answers");
    const Verdict v = judge(*exercise, p, attempt(*found, p));
    static constexpr const char* said[] = {"+exact", "+within rounding: ", "-not written yet", "-wrong: "};
    const auto why = v.kind == Verdict::wrong ? explain(*exercise, p, v.evidence) : std::nullopt;
    return said[v.kind] + v.text + "\n" + (why ? wrapped(why->text, margin) : "");
  }

  // Each runs apart, so that whatever one does, the others are judged.
  Score judge_all(const std::string& compiled) const {
    run_apart("loading the file", [&] { return load(compiled), std::string(); });
    Sheet sheet(folder);
    Score& score = sheet[exercise->file];
    score.right = 0, score.of = int(exercise->parts.size());
    std::size_t width = 0;
    for (const Part& p : exercise->parts) width = std::max(width, p.name.size());
    for (const Part& p : exercise->parts) {
      std::printf("  %-*s  ", int(width), p.name.c_str());
      try {
        const std::string said = run_apart("it", [&] { return judged(compiled, p, std::string(width + 4, ' ')); });
        score.right += said[0] == '+';
        print(said.substr(1));
      } catch (const Error& e) {
        print(std::string(e.what()) + "\n");
      } catch (...) {  // Ctrl-C
        print("\n");
        throw;
      }
    }
    sheet.save();
    return score;
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
    const Score score = judge_all(compiled);
    if (score.right < score.of)
      throw std::runtime_error(of(score.right, score.of) + " are right; " + command(" --hint") + " helps");
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
      print("These were all " + std::to_string(last) + " hints: " + command(" --derivation") + " shows how it goes.\n");
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
    const auto& parts = exercise->parts;
    const auto has = [&](const std::string& line) {
      return std::any_of(parts.begin(), parts.end(), [&](const Part& p) { return p.name == line; });
    };
    if (!given.empty() && !has(given)) throw Error("there is no line " + given + " in it");
    print(quiz.question());
    std::string answer = given;
    while (answer.empty()) {
      print("\nWhich one? ");
      std::fflush(stdout);
      if (!(std::cin >> answer)) {
        print("\nAnswer with its name: " +
              command(" --quiz " + parts.back().name + (seed ? " --seed " + std::to_string(seed) : "")) + "\n");
        return;
      }
      if (!has(answer)) print("There is no line " + answer + " in it.\n"), answer.clear();
    }
    print("\n" + wrapped(quiz.reply(answer), ""));
    ++score.quizzes, score.guessed += answer == quiz.part->name;
    sheet.save();
  }
};

void answer(Options& options) {
  const bool inside = !fs::exists(usual_folder) && fs::exists("scores.txt");
  const std::string folder =
      options.text("--folder", inside ? "." : usual_folder, "where your files and your scores are kept");
  const std::string compiler = options.text("--compiler", usual_compiler, "what compiles your file");
  const int64_t seed = options.integer("--seed", 0, "which quiz; 0: the next one", at_least(0));
  const bool hint = options.flag("--hint", "one more hint, or the one whose number follows");
  const bool derivation = options.flag("--derivation", "how it goes, with the code");
  const bool quiz = options.flag("--quiz", "which line of a backward is wrong? the answer may follow");
  const std::vector<std::string> words = options.words("LESSON", "its number or name");
  options.done();
  if (folder.empty()) throw Error("--folder must have a name");
  if (hint + derivation + quiz > 1) throw Error("--hint, --derivation and --quiz go one at a time");
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
  if (!fs::is_regular_file(request.file)) throw FileError(request.file + " is not a file");
  request.judge_file();
}

void lesson(Options& options) {
  try {
    answer(options);
  } catch (const fs::filesystem_error& e) {
    throw FileError("cannot use " + e.path1().string() + ": " + e.code().message());
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 0) called_as = argv[0];
  return run_program(
      argc, argv,
      {.what = "Exercises in writing a backward by hand. lesson lists them; lesson 07 puts its file into "
               "your folder, and judges it when it is there.",
       .example = "07"},
      lesson);
}
