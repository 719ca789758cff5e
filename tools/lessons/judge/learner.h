#pragma once
// The learner's file: compiled, loaded, and run in a process of its own.
#include <heed/core/function_ref.h>
#include <string>
#include "exercise.h"

namespace heed::lessons {

// Compiles a file for loading, with the compiler that built heed or another one. What the compiler says goes where it
// always goes. Error: it is not there; std::runtime_error: the file does not compile.
void compile(const std::string& file, const std::string& to, const std::string& compiler);

// The `answers` of a compiled file. Error: it has none, or calls what is not in heed.
const Answers& load(const std::string& compiled);

// Runs body in a child process, so that we go on whatever it does. What it throws is an Error here. Error: it crashed,
// ended the process, or did not come back within 60 s.
void run_apart(FunctionRef<void()> body);

}  // namespace heed::lessons
