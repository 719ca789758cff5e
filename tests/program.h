#pragma once
// Runs a program of the build as a user would and reads what it says.
#include <sys/wait.h>
#include <unistd.h>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

struct Said {
  int code = -1;
  std::string text;  // stdout and stderr
  // The number behind `words`; NaN if they do not stand there.
  double after(const std::string& words) const {
    const std::size_t at = text.find(words);
    return at == std::string::npos ? std::nan("") : std::atof(text.c_str() + at + words.size());
  }
};

inline Said run_program_of_build(const std::string& name, const std::string& arguments) {
  const std::string command = std::string("\"") + HEED_BINARY_DIR + "/bin/" + name + "\" " + arguments + " 2>&1";
  Said said;
  std::FILE* pipe = ::popen(command.c_str(), "r");
  std::array<char, 4096> part;
  while (const std::size_t n = std::fread(part.data(), 1, part.size(), pipe)) said.text.append(part.data(), n);
  const int status = ::pclose(pipe);
  said.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return said;
}

inline std::string fresh_folder(const std::string& name) {
  const auto path = std::filesystem::temp_directory_path() / ("heed_" + name + "_" + std::to_string(::getpid()));
  std::filesystem::remove_all(path);
  return path.string();
}
