#include "learner.h"
#include <cxxabi.h>
#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <sstream>
#include <vector>

namespace heed::lessons {
namespace {

// Ctrl-C ends a child alone: what waits for it is still there to tidy up.
class Child {
 public:
  Child() {
    std::fflush(nullptr);
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(SIGINT, &ignore, &before_);
    id_ = ::fork();
    if (id_ <= 0) ::sigaction(SIGINT, &before_, nullptr);
    if (id_ < 0) throw Error(std::string("cannot start a process: ") + std::strerror(errno));
  }
  bool here() const { return id_ == 0; }
  int wait() const {  // its status. std::runtime_error: Ctrl-C
    int status = 0;
    while (::waitpid(id_, &status, 0) < 0 && errno == EINTR) {
    }
    ::sigaction(SIGINT, &before_, nullptr);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGINT) throw std::runtime_error("interrupted");
    return status;
  }

 private:
  struct sigaction before_ {};
  pid_t id_;
};

std::string demangled(const std::string& text) {  // of "..: undefined symbol: NAME"
  const std::size_t at = text.rfind(' ') + 1;
  const std::unique_ptr<char, decltype(&std::free)> name(
      abi::__cxa_demangle(text.c_str() + at, nullptr, nullptr, nullptr), &std::free);
  return name ? text.substr(0, at) + name.get() : text;
}

}  // namespace

const char* const usual_compiler = HEED_COMPILER;

void compile(const std::string& file, const std::string& to, const std::string& compiler) {
  std::vector<std::string> words{compiler};
  std::istringstream flags(HEED_COMPILER_FLAGS);
  for (std::string flag; flags >> flag;) words.push_back(flag);
  for (const char* word : {"-std=c++20", "-O0", "-Wall", "-fPIC", "-shared", "-I" HEED_INCLUDE_DIR, "-o"})
    words.emplace_back(word);
  words.push_back(to);
  words.push_back(file.starts_with('-') ? "./" + file : file);
  std::vector<char*> command;
  for (std::string& word : words) command.push_back(word.data());
  command.push_back(nullptr);
  const Child child;
  if (child.here()) {
    ::execvp(command[0], command.data());
    ::_exit(127);
  }
  const int status = child.wait();
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
    throw Error("there is no compiler " + compiler + ": --compiler names " +
                (compiler.find(' ') == std::string::npos ? "another one" : "one program, without arguments"));
  if (status != 0) throw std::runtime_error(file + " does not compile: what the compiler says stands above");
}

const Answers& load(const std::string& compiled) {
  void* library = ::dlopen(compiled.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) throw Error("what was compiled cannot be loaded: " + demangled(::dlerror()));
  void* answers = ::dlsym(library, "answers");
  if (!answers)
    throw Error(
        "the file has no `Answers answers{..};` at its end, outside of any namespace, neither const nor static");
  return *static_cast<const Answers*>(answers);
}

std::string run_apart(const std::string& what, FunctionRef<std::string()> body, unsigned seconds) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) throw Error(std::string("cannot make a pipe: ") + std::strerror(errno));
  const Child child;
  if (child.here()) {
    ::alarm(seconds);
    std::string told;
    try {
      told = "+" + body();
    } catch (const std::exception& e) {
      told = std::string("-") + e.what();
    }
    std::fflush(nullptr);
    ::_exit(::write(ends[1], told.data(), told.size()) < 0);
  }
  ::close(ends[1]);
  std::string told;
  std::array<char, 512> part{};
  for (ssize_t n = 0; (n = ::read(ends[0], part.data(), part.size())) > 0;) told.append(part.data(), std::size_t(n));
  ::close(ends[0]);
  const int status = child.wait();
  if (told.starts_with('+')) return told.substr(1);
  if (told.starts_with('-')) throw Error(told.substr(1));
  if (!WIFSIGNALED(status)) throw Error(what + " has ended the program");
  if (WTERMSIG(status) == SIGALRM) throw Error(what + " did not come back within " + std::to_string(seconds) + " s");
  throw Error(what + " has crashed: " + ::strsignal(WTERMSIG(status)));
}

}  // namespace heed::lessons
