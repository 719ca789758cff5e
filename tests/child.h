#pragma once
// A part of a test in a process of its own, and what it has printed.
#include <heed/models/run/options.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <cstdio>
#include "files.h"

namespace child {

struct Ended {
  int code = -1, signal = 0;
  std::string out, err;
};

inline Ended ended(pid_t child) {
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, WIFSIGNALED(status) ? WTERMSIG(status) : 0, "", ""};
}

template <class F>
pid_t start(const files::Folder& folder, F&& program) {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child != 0) return child;
  const bool captured =
      std::freopen((folder / "out").c_str(), "w", stdout) && std::freopen((folder / "err").c_str(), "w", stderr);
  const int code = captured ? program() : 99;
  std::fflush(nullptr);
  _exit(code);
}

template <class F>
Ended run_child(F&& program) {
  const files::Folder folder;
  Ended r = ended(start(folder, program));
  r.out = files::read(folder / "out");
  r.err = files::read(folder / "err");
  return r;
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
inline std::ptrdiff_t lines(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

// Those of a program called without arguments.
inline heed::Options no_options() {
  static const char* name = "test";
  return heed::Options(1, &name, {"A test."});
}

}  // namespace child
