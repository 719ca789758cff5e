// What the acceptance tests have measured, as a page: acceptance_table FOLDER > models/README.md
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <set>

int main(int argc, char** argv) {
  if (argc != 2) return std::cerr << "usage: acceptance_table FOLDER\n", 2;
  std::set<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) files.insert(entry.path());
  std::cout
      << "# What works\n\n"
         "Each row is a model trained by its script, with its usual settings unless it says others: with two "
         "seeds, or three where two disagree, and beside it, with one seed and as many steps, what is left without "
         "the mechanism. Made by "
         "`tools/test.sh --acceptance`, which fails where a threshold is missed; seconds are those of a seed, "
         "with two rows at once on two cores.\n\n"
         "| task | mechanism | seed: score | threshold | without it | steps | seconds |\n"
         "|---|---|---|---|---|--:|--:|\n";
  bool passed = true;
  for (const auto& file : files) {
    const auto row = nlohmann::json::parse(std::ifstream(file));
    std::string scores, baselines;
    for (const auto& s : row["scores"]) {
      scores +=
          (scores.empty() ? "" : "<br>") + std::to_string(s["seed"].get<int>()) + ": " + s["score"].get<std::string>();
      if (!s["good"]) scores += " **missed**";
    }
    for (const auto& b : row["baselines"])
      baselines +=
          (baselines.empty() ? "" : "<br>") + b["name"].get<std::string>() + ": " + b["score"].get<std::string>();
    passed = passed && row["passed"];
    std::cout << "| " << row["task"].get<std::string>() << " | " << row["mechanism"].get<std::string>() << " | "
              << scores << " | " << row["threshold"].get<std::string>() << " | " << baselines << " | " << row["steps"]
              << " | " << static_cast<int64_t>(row["seconds"].get<double>() + 0.5) << " |\n";
  }
  return passed ? 0 : 1;
}
