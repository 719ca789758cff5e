#pragma once
// The learner's file: compiled, loaded, and run in a process of its own.
#include <heed/core/function_ref.h>
#include <string>
#include "exercise.h"

namespace heed::lessons {

extern const char* const usual_compiler;  // the one that built heed

// Compiles a file for loading, with the flags that heed was built with. What the compiler says goes where it always
// goes. Error: it is not there; std::runtime_error: the file does not compile.
void compile(const std::string& file, const std::string& to, const std::string& compiler);

// The `answers` of a compiled file. Error: it has none, or calls what is not in heed.
const Answers& load(const std::string& compiled);

// What body returns, from a child process, so that we go on whatever it does. What it throws is an Error here. Error:
// `what` has crashed, has ended the process, or did not come back in time. std::runtime_error: Ctrl-C.
std::string run_apart(const std::string& what, FunctionRef<std::string()> body, unsigned seconds = 10);

}  // namespace heed::lessons
