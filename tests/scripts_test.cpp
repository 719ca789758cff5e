// What holds of training scripts in general.
#include "catch.h"
#include "program.h"

TEST_CASE("scripts refuse options that have no part in what else is chosen") {
  const struct {
    std::string program, arguments, option, choice;
  } refused[] = {
      {"train_copy", "--controller lstm", "--controller", "--memory lstm"},
      {"train_captions", "--penalty 1", "--penalty", "--attention hard"},
      {"train_captions", "--penalty 1", "--penalty", "--attention mean"},
      {"train_glimpse", "--entropy 1", "--entropy", "--attention soft"},
      {"train_inference", "--intra", "--intra", "--attention bag"},
      {"train_inference", "--width 8", "--width", "--attention bag"},
      {"train_stories", "--hops 2", "--hops", "--model reader"},
      {"train_stories", "--linear-start 9", "--linear-start", "--model reader"},
      {"train_stories", "--linear-start 9", "--linear-start", "--attention even"},
      {"train_stories", "--hidden 9", "--hidden", "--model memory"},
      {"train_distance", "--rank 2", "--rank", "--attention general"},
      {"train_maximum", "--encoder isab", "--encoder", "--pooling mean"},
      {"train_maximum", "--points 2", "--points", "--encoder sab"},
      {"train_textures", "--reduction 2", "--reduction", "--attention none"},
      {"train_textures", "--terms content", "--terms", "--attention se"},
      {"train_reverse", "--normalizer relu", "--normalizer", "--attention local"},
  };
  for (const auto& [name, arguments, option, choice] : refused) {
    const Said said = run_program_of_build(name, choice + " " + arguments);
    CHECK(said.code == 2);
    CHECK(said.text == name + ": " + option + " has no part in " + choice + "\n");
  }
}

TEST_CASE("train_first and train_adding say what they reached, and draw how far it reaches") {
  for (const std::string program : {"train_first --silence 5", "train_adding --length 6 --memory rnn"}) {
    const std::size_t space = program.find(' ');
    const std::string name = program.substr(0, space), out = fresh_folder(name);
    const Said said = run_program_of_build(name, program.substr(space) + " --steps 2 --out " + out);
    INFO(said.text);
    REQUIRE(said.code == 0);
    CHECK((said.after("silence: ") >= 0 || said.after("mean squared error ") > 0));
    CHECK(std::filesystem::exists(out + (name == "train_first" ? "/reach.svg" : "/slopes.svg")));
    std::filesystem::remove_all(out);
  }
}
