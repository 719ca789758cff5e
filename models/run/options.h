#pragma once
// The command line of a program. Each option is one line, answered at once; done() reports what was wrong.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace heed {

struct Limits {  // of a number, both included
  double least = -std::numeric_limits<double>::infinity(), most = std::numeric_limits<double>::infinity();
};
// integer("--steps", 400, "training steps", at_least(1))
constexpr Limits at_least(double least) { return {.least = least}; }
constexpr Limits between(double least, double most) { return {least, most}; }

struct About {
  std::string what;          // the program does, for --help
  std::string example = {};  // arguments worth trying: "--steps 800 --attention none"
};

template <class T>
struct Named {  // what a word on the command line stands for
  std::string name;
  T value;
};

class Options {
 public:
  Options(int argc, const char* const* argv, const About& about);
  ~Options();

  void group(std::string title);  // of the options that follow, in --help

  // For the options that follow, what the last start of a run was given (the run.json of a RunFolder) is usual. Where
  // there is no such file, nothing is.
  void recall(const std::string& run_json);
  // The same for all options, also those before this, but for `others`: run_program calls its body once more, from the
  // beginning, and there this does nothing. So the body may have done nothing yet but ask for options, and without
  // run_program there is nobody to call it.
  void recall_all(const std::string& run_json, const std::vector<std::string>& others);

  // The value given as `--name value` or `--name=value` (the last one counts), else `usual`. A value that cannot be is
  // reported by done().
  int64_t integer(const std::string& name, int64_t usual, const std::string& help, Limits limits = {});
  double number(const std::string& name, double usual, const std::string& help, Limits limits = {});
  std::string text(const std::string& name, const std::string& usual, const std::string& help);
  std::string required(const std::string& name, const std::string& help);               // a text that must be given
  std::string choice(const std::string& name, const std::vector<std::string>& choices,  // the first is the usual one
                     const std::string& help);
  // The same of values that have names: choice<Colour>("--colour", {{"red", Colour::red}, {"blue", Colour::blue}}, ..)
  template <class T>
  Named<T> choice(const std::string& name, const std::vector<Named<T>>& choices, const std::string& help) {
    std::vector<std::string> names;
    for (const Named<T>& c : choices) names.push_back(c.name);
    const std::string chosen = choice(name, names, help);
    return choices[std::size_t(std::find(names.begin(), names.end(), chosen) - names.begin())];
  }
  bool flag(const std::string& name, const std::string& help);
  // The arguments that are no option's, which `name` stands for in --help. After the last option that takes a value.
  std::vector<std::string> words(const std::string& name, const std::string& help);

  // Reports by done() that an option before this was given which has no part in what else was chosen:
  //   if (kind != "factorized") options.no_part("--rank", "--attention " + kind);
  void no_part(const std::string& name, const std::string& in);

  // After the last option: answers --help and --version, which end the program. Error in one line: an unknown flag
  // (with the nearest one), a value that is missing, not a number, out of range or not among the choices.
  void done();

  std::string json() const;            // every option and its value: {"steps": 400, "attention": "additive"}
  const std::string& program() const;  // its name, as called

 private:
  friend int run_program(int argc, const char* const* argv, const About& about, void (*body)(Options& options));
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The whole of main: runs body and returns the exit code. 0: done. 2: an Error, in one line on stderr. 1: any other
// exception. 128 + the signal: body returned because a signal ended its progress().
int run_program(int argc, const char* const* argv, const About& about, void (*body)(Options& options));

}  // namespace heed
