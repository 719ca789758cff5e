#include "run_folder.h"
#include <sys/resource.h>
#include <algorithm>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include "../../core/blas.h"
#include "../../core/disk.h"
#include "../../core/parallel.h"
#include "../../core/version.h"
#include "../../ops/kernels/target.h"
#include "options.h"

namespace heed {
namespace {

using json = nlohmann::ordered_json;
namespace fs = std::filesystem;

std::string now() {  // 2026-01-31T09:05:00Z
  const std::time_t seconds = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%FT%TZ", &utc)};
}

// The lines of a file, parsed; what a kill has cut off is left out.
std::vector<json> lines_of(const std::string& path) {
  std::vector<json> lines;
  std::ifstream file(path);
  for (std::string text; std::getline(file, text);) {
    json line = json::parse(text, nullptr, false);
    if (line.is_object() && line.contains("step") && line["step"].is_number_integer()) lines.push_back(std::move(line));
  }
  return lines;
}

void write_file(const std::string& path, const std::string& text, Where at) {
  NewFile file({"RunFolder", path, at});
  file.write(text);
  file.commit();
}

void keep_former(const std::string& path, Where at) {
  std::string aside;
  for (int n = 1; aside.empty() || fs::exists(aside); ++n) aside = path + "." + std::to_string(n);
  std::error_code error;
  fs::rename(path, aside, error);
  if (error)
    fail<FileError>(at, "RunFolder",
                    "cannot rename " + path + ", which holds a run, to " + aside + ": " + error.message());
  std::fprintf(stderr, "%s held a run: it is in %s now\n", path.c_str(), aside.c_str());
}

json description(const Options& options, int64_t first) {
  return {{"date", now()},
          {"program", options.program()},
          {"first_step", first},
          {"options", json::parse(options.json())},
          {"threads", num_threads()},
          {"simd", kernels::simd_target()},
          {"blas", blas::core_name()},
          {"heed", version()}};
}

}  // namespace

std::string machine() {
  const int n = num_threads();
  std::string text = std::to_string(n) + (n == 1 ? " thread, " : " threads, ") + kernels::simd_target();
  return text.append(" loops, heed ").append(version());
}

double peak_megabytes() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return double(used.ru_maxrss) * 1024 / 1e6;
}

RunStart last_start(const std::string& run, Where at) {
  const std::string path = run + "/run.json";
  const FileTask task{"last_start", path, at};
  std::ifstream file(path);
  if (!file) task.cannot_read("there is no such file: no program has been started in that folder");
  const json starts = json::parse(file, nullptr, false);
  if (!starts.is_array() || starts.empty() || !starts.back().contains("program") ||
      !starts.back().contains("options") || !starts.back()["options"].is_object())
    task.cannot_read("it does not say how a program was started");
  RunStart r{starts.back().value("program", ""), {}};
  for (const auto& [name, value] : starts.back()["options"].items())
    r.options[name] = value.is_string() ? value.get<std::string>() : value.dump();
  return r;
}

const std::string& RunStart::option(const std::string& name, Where at) const {
  const auto found = options.find(name);
  if (found == options.end()) fail<Error>(at, "RunStart", program + " was started without an option --" + name);
  return found->second;
}

RunFolder::RunFolder(std::string path, const Options& options, std::optional<int64_t> first, Where at)
    : path_(std::move(path)), first_(first.value_or(0)), at_(at) {
  while (path_.size() > 1 && path_.back() == '/') path_.pop_back();
  const std::string info = this->path("run.json"), metrics = this->path("metrics.jsonl");
  if (!first && fs::exists(info)) keep_former(path_, at);
  std::error_code error;
  fs::create_directories(path_, error);
  if (error) fail<FileError>(at, "RunFolder", "cannot make the folder " + path_ + ": " + error.message());

  std::ifstream former(info);
  json starts = json::parse(former, nullptr, false);
  if (!starts.is_array()) starts = json::array();
  starts.push_back(description(options, first_));
  write_file(info, starts.dump(2) + "\n", at);

  std::string kept;
  for (const json& line : lines_of(metrics))
    if (line["step"] < first_) kept += line.dump() + "\n";
  write_file(metrics, kept, at);
  metrics_.reset(std::fopen(metrics.c_str(), "a"));
  if (!metrics_) FileTask{"RunFolder", metrics, at}.cannot_write(std::generic_category().message(errno));
}

std::string RunFolder::path(std::string_view name) const {
  return name.empty() ? path_ : path_ + "/" + std::string(name);
}

void RunFolder::record(int64_t step, const std::vector<std::pair<std::string, double>>& values) {
  json line = {{"step", step}};
  for (const auto& [name, value] : values) line[name] = value;
  if (std::fputs((line.dump() + "\n").c_str(), metrics_.get()) < 0 || std::fflush(metrics_.get()) != 0)
    FileTask{"record", path("metrics.jsonl"), at_}.cannot_write(std::generic_category().message(errno));
}

RunFolder::Metric RunFolder::metric(std::string_view name) const {
  Metric r;
  for (const json& line : lines_of(path("metrics.jsonl"))) {
    const auto value = line.find(name);
    if (value == line.end()) continue;
    r.steps.push_back(line["step"]);
    r.values.push_back(value->is_number() ? value->get<double>() : std::nan(""));
  }
  return r;
}

}  // namespace heed
