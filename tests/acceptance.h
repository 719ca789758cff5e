#pragma once
// Trainings that must succeed by the mechanism they are about, and fail without it; each is a row of models/README.md.
#include <functional>
#include <string>
#include <vector>
#include "program.h"

struct Outcome {
  std::string score;  // "99.7 %, on the year 0.994"
  bool good;          // of a baseline: it stays as far behind as it should
};
struct Baseline {
  std::string name;
  std::function<Outcome(int seed)> train;
};
struct Trial {
  std::string task, mechanism;
  std::string threshold;  // ">= 99.5 %, on the year >= 0.95; baseline <= 20 %"
  int64_t steps;
  std::function<Outcome(int seed)> train;
  std::vector<Baseline> baselines;
};
// Trains with seeds 1, 2 and, if these disagree, 3, then each baseline with seed 1. Checks that most seeds and all
// baselines are good, and keeps the row for acceptance_table.
void accept(const Trial& trial);

// "train_dates --seed 1 --attention none", in a folder of its own that is gone afterwards, must end well.
Said train(const std::string& program, int seed, const std::string& arguments = "");

// printf into a string.
[[gnu::format(printf, 1, 2)]] std::string text(const char* format, ...);
