// The same with other seeds, and the tasks that take minutes.

#include <cstdio>
#include "catch.h"
#include "program.h"

TEST_CASE("train_dates, three seeds: at least two read all dates and look at the year") {
  int good = 0;
  for (int seed : {11, 12, 13}) {
    const std::string out = fresh_folder("dates");
    const Said said = run_program_of_build("train_dates", "--seed " + std::to_string(seed) + " --out " + out);
    std::printf("seed %d: exact match %.1f%%, on the year %.3f\n", seed, said.after("exact match "),
                said.after("attention on the true year "));
    good += said.code == 0 && said.after("exact match ") >= 99.5 && said.after("attention on the true year ") >= 0.95;
    std::filesystem::remove_all(out);
  }
  CHECK(good >= 2);
}

TEST_CASE("train_reverse: at 20 letters attention writes the string and the baseline does not") {
  int good = 0;
  for (int seed : {1, 2, 3}) {
    const std::string out = fresh_folder("reverse");
    const Said said = run_program_of_build("train_reverse", "--seed " + std::to_string(seed) + " --out " + out);
    double with = 0, characters = 0, mass = 0, without = 100;
    const std::size_t row = said.text.find("\n      20  ");
    if (row != std::string::npos)
      std::sscanf(said.text.c_str() + row, " 20 %lf%% %lf%% %lf%% %lf%%", &with, &characters, &mass, &without);
    std::printf("seed %d: with attention %.1f%%, without %.1f%%\n", seed, with, without);
    good += said.code == 0 && with >= 85 && without <= 20;
    std::filesystem::remove_all(out);
  }
  CHECK(good >= 2);
}
