#pragma once
// The folder of a run: its options, its metrics, its pictures and checkpoints.
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include "../../core/error.h"

namespace heed {

class Options;

// What results and times depend on: "2 threads, AVX3_SPR loops, heed 0.1.0"
std::string machine();
double peak_megabytes();  // the most memory that this process has held at once, in 10^6 bytes

// How a program was last started in the folder of a run, as its run.json says.
struct RunStart {
  std::string program;
  std::map<std::string, std::string> options;  // {"attention", "additive"}, {"steps", "400"}

  const std::string& option(const std::string& name, Where at = Where::here()) const;  // Error: it had none such
};
RunStart last_start(const std::string& run, Where at = Where::here());  // FileError: there is no run.json

class RunFolder {
 public:
  // Makes the folder and describes this start of the program in its run.json: options, threads, SIMD target,
  // OpenBLAS's kernels, version, date. A run that goes on from step `first` keeps the metrics of the steps before. A
  // new one, without `first`, has a folder of its own: a former run's is renamed, to `path`.1, .2, …, and a line on
  // stderr says so. FileError: the folder or a file in it cannot be made.
  RunFolder(std::string path, const Options& options, std::optional<int64_t> first = {}, Where at = Where::here());

  int64_t first() const { return first_; }             // the step it starts at
  std::string path(std::string_view name = {}) const;  // of a file in the folder, or of the folder itself

  // A line of metrics.jsonl, {"step": 20, "loss": 0.25}, on disk when this returns; what is not finite is null.
  // FileError: it cannot be written.
  void record(int64_t step, const std::vector<std::pair<std::string, double>>& values);

  // What has been recorded under a name, in the order of the file, by former starts too.
  struct Metric {
    std::vector<double> steps, values;  // [n]
  };
  Metric metric(std::string_view name) const;

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  std::string path_;
  int64_t first_;
  Where at_;
  std::unique_ptr<std::FILE, Close> metrics_;
};

}  // namespace heed
