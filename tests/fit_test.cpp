// Training as most scripts do it, stopped and taken up again by the line that it prints.
#include <heed/heed.h>
#include <heed/models/draw/svg.h>
#include <heed/models/run/fit.h>
#include <csignal>
#include "child.h"

using namespace heed;
using child::contains, child::Ended, child::run_child;
using files::Folder, files::read;

namespace {

int64_t stop_after = -1;  // the step in which a signal comes

// y = relu(w x)^power, so that the weights tell which options a run had, those asked for before fit_options too.
void train(Options& options) {
  options.group("Model");
  const int64_t power = options.choice<int64_t>("--power", {{"one", 1}, {"two", 2}}, "of the output").value;
  const int64_t hidden = options.integer("--hidden", 3, "between", at_least(1));
  const double less = options.number("--less", 0, "than its loss");
  const Fit how = fit_options(options, {.steps = 20, .lr = 1e-2, .out = "runs/line", .title = "Line"});
  options.done();
  seed(uint64_t(how.seed));
  Sequential model{Linear{2, hidden}, Linear{hidden, 1}};
  const RunFolder run = fit(model, how, options, [&](Rng& rng, int64_t step) {
    if (step == stop_after) std::raise(SIGTERM);
    const Tensor x = randn({how.batch, 2}, rng), y = model(x);
    return mse_loss(power == 2 ? y * y : y, sum(x, 1, keepdim)) - less;
  });
}

Ended trained(const std::string& out, std::vector<const char*> arguments, int64_t stop = -1) {
  stop_after = stop;
  arguments.insert(arguments.begin(), {"train_line", "--out", out.c_str()});
  return run_child([&] { return run_program(int(arguments.size()), arguments.data(), {"Learns a line."}, train); });
}

std::string result(const std::string& run, const std::string& steps) {
  const std::string checkpoint = run + "/checkpoint-" + steps;
  return read(checkpoint + "/model.safetensors") + read(checkpoint + "/training.safetensors");
}

}  // namespace

TEST_CASE("a run that was stopped goes on with its options, those of the model too") {
  const Folder folder;
  const std::string whole = folder / "whole", halves = folder / "halves";
  const std::vector<const char*> given{"--power", "two", "--hidden", "5",      "--steps", "30",
                                       "--batch", "7",   "--lr",     "0.0625", "--seed",  "4"};
  REQUIRE(trained(whole, given).code == 0);
  const Ended stopped = trained(halves, given, 11);
  CHECK(stopped.code == 128 + SIGTERM);
  CHECK(contains(stopped.out, "stopped: go on with --resume --out " + halves + "\n"));
  const Ended again = trained(halves, {"--resume"}, 20);  // and once more: what it had the time before
  CHECK(again.code == 128 + SIGTERM);
  CHECK(contains(trained(halves, {"--resume", "--help"}).out, "--hidden N [5]"));
  const std::string moved = folder / "moved";
  files::fs::rename(halves, moved);  // where it is now counts, not where it was
  const Ended last = trained(moved, {"--resume"});
  INFO(last.err);
  REQUIRE(last.code == 0);
  CHECK(result(moved, "000030").size() > 500);
  CHECK(result(moved, "000030") == result(whole, "000030"));
  CHECK(last_start(moved).option("power") == "two");
  CHECK_FALSE(files::fs::exists(halves));
}

TEST_CASE("what is given anew to a run that goes on counts") {
  const Folder folder;
  const std::string run = folder / "run", model = run + "/checkpoint-000008/model.safetensors";
  REQUIRE(trained(run, {"--steps", "6", "--hidden", "4"}).code == 0);
  const std::string before = read(run + "/checkpoint-000006/model.safetensors");
  REQUIRE(trained(run, {"--resume", "--steps", "8", "--lr", "0"}).code == 0);
  CHECK(read(model) == before);  // a rate of 0 trains nothing
  CHECK(last_start(run).option("hidden") == "4");
  CHECK(last_start(run).option("lr") == "0.0");
  REQUIRE(trained(run, {"--resume", "--steps", "9", "--lr", "0.5"}).code == 0);
  CHECK(read(run + "/checkpoint-000009/model.safetensors") != before);
  const Ended other = trained(run, {"--resume", "--hidden", "6"});  // the weights are as they are
  CHECK(other.code == 2);
  CHECK(contains(other.err, "cannot read " + run));
  const Ended seed = trained(run, {"--resume", "--seed", "2"});  // of weights and data that there are already
  CHECK(seed.code == 2);
  CHECK(contains(seed.err, "--seed has no part in --resume\n"));
  const Ended none = trained(folder / "none", {"--resume"});
  CHECK(none.code == 2);
  CHECK(contains(none.err, folder / "none"));
  CHECK_FALSE(files::fs::exists(folder / "none"));
}

// ---- pictures
TEST_CASE("the picture of the loss shows every loss, logarithmically where all are above 0") {
  const Folder folder;
  for (const char* less : {"0", "1000"}) {
    REQUIRE(trained(folder / less, {"--less", less}).code == 0);
    const std::string svg = read(folder / less + "/loss.svg");
    int64_t points = 0;
    for (std::size_t at = 0; (at = svg.find("<circle", at)) != svg.npos; ++at) ++points;
    CHECK(points == 20);
  }
}

TEST_CASE("matrices that are too large for a picture lose their last rows and columns, and say so") {
  auto matrix = [](int64_t rows, int64_t cols, std::string title) {
    draw::Matrix m{.rows = rows, .cols = cols, .title = std::move(title)};
    for (int64_t i = 0; i < rows * cols; ++i) m.values.push_back(double(i));
    return m;
  };
  const std::vector<draw::Matrix> fit = draw::cropped({matrix(512, 256, "a"), matrix(256, 512, "")});
  CHECK((fit[0].rows == 512 && fit[0].cols == 256 && fit[0].title == "a"));
  CHECK((fit[1].values.size() == 1 << 17 && fit[1].title.empty()));

  draw::Matrix large = matrix(600, 700, "a"), wide = matrix(2, 200'000, "");
  large.row_labels.resize(600), large.col_labels.resize(700, "x");
  const std::vector<draw::Matrix> both = draw::cropped({large, matrix(3, 4, "b")});
  CHECK((both[0].rows == 511 && both[0].cols == 511));  // 511^2 and 12 fit, 512^2 and 12 do not
  CHECK((both[0].row_labels.size() == 511 && both[0].col_labels.size() == 511));
  CHECK(both[0].values[2 * 511 + 510] == 2 * 700 + 510);
  CHECK(both[0].title == "a, the first 511 x 511 of 600 x 700");
  CHECK((both[1].rows == 3 && both[1].title == "b"));
  CHECK_NOTHROW(draw::heat_maps(both));

  const std::vector<draw::Matrix> one = draw::cropped({wide});
  CHECK((one[0].rows == 2 && one[0].cols == 1 << 17));
  CHECK(one[0].title == "the first 2 x 131072 of 2 x 200000");
  CHECK(draw::cropped({}).empty());
  CHECK(draw::cropped({draw::Matrix{}})[0].title.empty());
}
