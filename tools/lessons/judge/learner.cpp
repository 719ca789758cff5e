#include "learner.h"
#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

namespace heed::lessons {
namespace {

constexpr unsigned patience = 60;  // seconds

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

pid_t fork_process() {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child < 0) throw Error(std::string("lesson: cannot start a process: ") + std::strerror(errno));
  return child;
}

}  // namespace

void compile(const std::string& file, const std::string& to, const std::string& compiler) {
  const std::string include = std::string("-I") + HEED_INCLUDE_DIR;
  std::array<const char*, 11> command{compiler.c_str(), "-std=c++20", "-O0", "-Wall",    "-fPIC", "-shared",
                                      include.c_str(),  file.c_str(), "-o",  to.c_str(), nullptr};
  const pid_t child = fork_process();
  if (child == 0) {
    ::execvp(command[0], const_cast<char* const*>(command.data()));
    ::_exit(127);
  }
  const int status = wait_for(child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
    throw Error("there is no compiler " + compiler + ": --compiler names another one");
  if (status != 0) throw std::runtime_error(file + " does not compile: what the compiler says stands above");
}

const Answers& load(const std::string& compiled) {
  void* library = ::dlopen(compiled.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) throw Error(std::string("what was compiled cannot be loaded: ") + ::dlerror());
  void* answers = ::dlsym(library, "answers");
  if (!answers) throw Error("the file has no `Answers answers{..};` at its end, outside of any namespace");
  return *static_cast<const Answers*>(answers);
}

void run_apart(FunctionRef<void()> body) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) throw Error(std::string("lesson: cannot make a pipe: ") + std::strerror(errno));
  const pid_t child = fork_process();
  if (child == 0) {
    ::alarm(patience);
    std::string told = "done";
    try {
      body();
    } catch (const std::exception& e) {
      told = std::string("error") + e.what();
    }
    std::fflush(nullptr);
    ::_exit(::write(ends[1], told.data(), told.size()) < 0);
  }
  ::close(ends[1]);
  std::string told;
  std::array<char, 512> part{};
  for (ssize_t n = 0; (n = ::read(ends[0], part.data(), part.size())) > 0;) told.append(part.data(), std::size_t(n));
  ::close(ends[0]);
  const int status = wait_for(child);
  if (told == "done") return;
  std::puts("");  // after the name of the function that ran
  if (told.starts_with("error")) throw Error(told.substr(5));
  const std::string last = "the function named last ";
  if (!WIFSIGNALED(status)) throw Error(last + "has ended the program");
  if (WTERMSIG(status) == SIGALRM) throw Error(last + "did not come back within " + std::to_string(patience) + " s");
  throw Error(last + "has crashed: " + ::strsignal(WTERMSIG(status)));
}

}  // namespace heed::lessons
