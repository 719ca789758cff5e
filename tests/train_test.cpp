// What the programs promise, as their user sees it. With the usual settings and no help: the thresholds are those of
// the task, not of a lucky run.

#include <algorithm>
#include <fstream>
#include "catch.h"
#include "program.h"

TEST_CASE("train_dates reads unseen dates within 400 steps, looking at the true year") {
  const std::string out = fresh_folder("dates");
  const Said said = run_program_of_build("train_dates", "--out " + out);
  INFO(said.text);
  REQUIRE(said.code == 0);
  CHECK(said.after("exact match ") >= 99.5);
  CHECK(said.after("attention on the true year ") >= 0.95);
  CHECK(std::filesystem::file_size(out + "/alignment.svg") > 10000);
  CHECK(std::filesystem::file_size(out + "/loss.svg") > 1000);
  std::filesystem::remove_all(out);
}

TEST_CASE("a program says what is wrong in one line and exits with 2") {
  const auto refused = [](const std::string& program, const std::string& arguments) {
    const Said said = run_program_of_build(program, arguments);
    INFO(said.text);
    CHECK(said.code == 2);
    CHECK(std::count(said.text.begin(), said.text.end(), '\n') == 1);
    return said.text;
  };
  CHECK(refused("train_dates", "--stepz 4").find("--steps") != std::string::npos);
  CHECK(refused("train_dates", "--forcing 1.5").find("1.5") != std::string::npos);
  CHECK(refused("train_dates", "--attention soft").find("--attention soft: must be additive or dot") !=
        std::string::npos);
  CHECK(refused("train_dates", "--cell lsmt").find("--cell lsmt: must be lstm or gru or rnn") != std::string::npos);
  CHECK(refused("train_dates", "--attention local --normalizer relu").find("no part in --attention local") !=
        std::string::npos);
  CHECK(refused("train_dates", "--resume --out /nowhere/at/all").find("/nowhere/at/all") != std::string::npos);
  CHECK(refused("train_french", "--resume --pairs 20 --out /nowhere").find("--pairs has no part in --resume") !=
        std::string::npos);
  CHECK(refused("train_inference", "--dropout 1").find("--dropout 1: must be from 0 to 0.99") != std::string::npos);
  CHECK(refused("train_reverse", "--hidden none").find("--hidden") != std::string::npos);
}

TEST_CASE("a picture that would be too large costs no score: its first rows and columns are drawn") {
  const std::string out = fresh_folder("retrieval");
  const Said said = run_program_of_build(
      "train_retrieval", "--keys 300 --values 560 --writes 4 --width 4 --steps 1 --batch 1 --out " + out);
  INFO(said.text);
  CHECK(said.code == 0);
  CHECK(said.after("answers right ") >= 0);
  std::ifstream file(out + "/answers.svg");
  const std::string svg{std::istreambuf_iterator<char>(file), {}};
  CHECK(svg.find("after 4 writes, the first 295 x 295 of 300 x 560") != std::string::npos);
  std::filesystem::remove_all(out);
}

TEST_CASE("programs say nothing of what there is none of") {
  for (const char* line : {"train_retrieval --writes 1 --keys 4 --values 4 --width 4", "train_adding --length 2",
                           "train_french --pairs 10 --hidden 4 --width 4"}) {
    const std::string out = fresh_folder("none"), words = line, program = words.substr(0, words.find(' '));
    const Said said = run_program_of_build(program, words.substr(program.size()) + " --steps 1 --batch 1 --out " + out);
    INFO(said.text);
    CHECK(said.code == 0);
    CHECK(said.text.find("nan") == std::string::npos);
    std::filesystem::remove_all(out);
  }
}

TEST_CASE("train_first counts what it has seen, after a resume too") {
  const std::string out = fresh_folder("first");
  REQUIRE(run_program_of_build("train_first", "--silence 3 --lr 1e-2 --steps 200 --out " + out).code == 0);
  const Said again = run_program_of_build("train_first", "--resume --steps 230 --out " + out);
  INFO(again.text);
  CHECK(again.code == 0);
  CHECK(again.after("all right since step ") == 200);
  std::filesystem::remove_all(out);
}
