#include "acceptance.h"
#include <algorithm>
#include <chrono>
#include <cstdarg>
#include <fstream>
#include <nlohmann/json.hpp>
#include "catch.h"

namespace {

using Clock = std::chrono::steady_clock;

Outcome timed(const std::string& what, int seed, const std::function<Outcome(int)>& train, double& seconds) {
  const auto start = Clock::now();
  const Outcome r = train(seed);
  const double took = std::chrono::duration<double>(Clock::now() - start).count();
  seconds += took;
  std::printf("%s, seed %d: %s%s, %.0f s\n", what.c_str(), seed, r.score.c_str(), r.good ? "" : " (not good)", took);
  std::fflush(stdout);
  return r;
}

}  // namespace

void accept(const Trial& t) {
  int good = 0, bad = 0;
  double seconds = 0;
  nlohmann::ordered_json row{
      {"task", t.task}, {"mechanism", t.mechanism}, {"threshold", t.threshold}, {"steps", t.steps}};
  for (int seed = 1; good < 2 && bad < 2; ++seed) {
    const Outcome r = timed(t.task + ", " + t.mechanism, seed, t.train, seconds);
    ++(r.good ? good : bad);
    row["scores"].push_back({{"seed", seed}, {"score", r.score}, {"good", r.good}});
  }
  row["seconds"] = seconds / (good + bad);
  bool behind = true;
  row["baselines"] = nlohmann::ordered_json::array();
  for (const Baseline& b : t.baselines) {
    const Outcome r = timed(t.task + ", " + b.name, 1, b.train, seconds);
    CHECKED_ELSE(r.good) behind = false;
    row["baselines"].push_back({{"name", b.name}, {"score", r.score}});
  }
  row["passed"] = good == 2 && behind;
  std::string name = t.task + ", " + t.mechanism + ".json";
  std::replace(name.begin(), name.end(), '/', ' ');
  const std::filesystem::path folder = std::filesystem::path(HEED_BINARY_DIR) / "acceptance";
  std::filesystem::create_directories(folder);
  std::ofstream file(folder / name);
  file << row.dump(2) << "\n";
  REQUIRE(file.flush());
  CHECK(good == 2);
}

Said train(const std::string& program, int seed, const std::string& arguments) {
  const std::string out = fresh_folder(program);
  const Said said = run_program_of_build(program, "--seed " + std::to_string(seed) + " --out " + out + " " + arguments);
  std::filesystem::remove_all(out);
  INFO(said.text);
  REQUIRE(said.code == 0);
  return said;
}

std::string text(const char* format, ...) {
  char buffer[1000];
  std::va_list values;
  va_start(values, format);
  std::vsnprintf(buffer, sizeof buffer, format, values);
  va_end(values);
  return buffer;
}
