#include "checkpoint.h"
#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <map>
#include <set>
#include "../../core/disk.h"

namespace heed {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view prefix = "checkpoint-";
constexpr auto undefined = "undefined";  // what stands for such a tensor

struct Writer final : detail::Exchange {
  NamedTensors tensors;
  Metadata numbers;

  void value(const std::string& path, int64_t& v) override { numbers[path] = std::to_string(v); }
  void value(const std::string& path, uint64_t& v) override { numbers[path] = std::to_string(v); }
  void value(const std::string& path, double& v) override { numbers[path] = number_text(v); }
  void value(const std::string& path, std::string& v) override { numbers[path] = v; }
  void value(const std::string& path, Tensor& v) override {
    if (v.defined()) tensors.emplace_back(path, v);
    else numbers[path] = undefined;
  }
  void value(const std::string& path, Slots& v) override {
    for (std::size_t i = 0; i < v.paths.size(); ++i) tensors.emplace_back(path + "." + v.paths[i], v.values[i]);
  }
  void size(const std::string& path, uint64_t& n, bool) override { value(path + ".size", n); }
};

struct Reader final : detail::Exchange {
  Reader(const FileTask& t) : task(t), file(load_safetensors(t.path, t.at)) {}

  const FileTask& task;
  TensorFile file;
  std::set<std::string> known;  // what has been asked for

  void value(const std::string& path, int64_t& v) override { number(path, v); }
  void value(const std::string& path, uint64_t& v) override { number(path, v); }
  void value(const std::string& path, double& v) override { number(path, v); }
  void value(const std::string& path, std::string& v) override { v = text(path); }
  void value(const std::string& path, Tensor& v) override {
    const Tensor* saved = file.find(path);
    if (saved) known.insert(path);
    else if (text(path) != undefined) task.cannot_read(path + " is not a tensor in the file");

    if (!saved) v = Tensor();
    else if (!v.defined()) v = Tensor(saved->array().cast(saved->dtype()));
    else if (saved->shape() != v.shape() || saved->dtype() != v.dtype())
      task.cannot_read(path + " is " + described(*saved) + " in the file and " + described(v) + " in the program");
    else assign(v, *saved, task.at);
  }
  void value(const std::string& path, Slots& v) override {
    v = {};
    for (const auto& [name, saved] : file.tensors) {
      if (!name.starts_with(path + ".")) continue;
      known.insert(name);
      v.paths.push_back(name.substr(path.size() + 1));
      v.values.emplace_back(saved.array().cast(saved.dtype()));
    }
  }
  void size(const std::string& path, uint64_t& n, bool may_differ) override {
    const uint64_t here = n;
    value(path + ".size", n);
    if (n != here && !may_differ)
      task.cannot_read(path + " has " + std::to_string(n) + " elements in the file and " + std::to_string(here) +
                       " in the program");
    if (n > file.tensors.size() + file.metadata.size())
      task.cannot_read(path + " has " + std::to_string(n) + " elements, there are not so many in the file");
  }

  void check_all_known() const {
    for (const auto& [name, tensor] : file.tensors) check_known(name);
    for (const auto& [name, text] : file.metadata) check_known(name);
  }

 private:
  static std::string described(const Tensor& t) { return name(t.dtype()) + (" " + t.shape().str()); }

  void check_known(const std::string& name) const {
    if (!known.contains(name)) task.cannot_read("there is " + in_quotes(name) + " in the file, not in the program");
  }
  const std::string& text(const std::string& path) {
    known.insert(path);
    const auto found = file.metadata.find(path);
    if (found == file.metadata.end()) task.cannot_read("there is " + path + " in the program, not in the file");
    return found->second;
  }
  template <class T>
  void number(const std::string& path, T& v) {
    const std::string& s = text(path);
    const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), v);
    if (error != std::errc() || end != s.data() + s.size()) task.cannot_read(path + " is " + in_quotes(s));
  }
};

std::string six_digits(int64_t step) {
  const std::string digits = std::to_string(step);
  return std::string(digits.size() < 6 ? 6 - digits.size() : 0, '0') + digits;
}
std::string folder_name(int64_t step) { return std::string(prefix) + six_digits(step); }
std::string history_name(int64_t step) { return "history/" + six_digits(step) + ".safetensors"; }

// Of what stands in a folder under name(step), after so many letters; the newest first.
std::vector<int64_t> saved_steps(const std::string& folder, std::size_t before = prefix.size(),
                                 std::string (*name)(int64_t) = folder_name) {
  std::vector<int64_t> steps;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none)) {
    const std::string found = entry.path().filename();
    int64_t step = 0;
    if (found.size() > before) std::from_chars(found.data() + before, found.data() + found.size(), step);
    if (found == fs::path(name(step)).filename()) steps.push_back(step);
  }
  std::sort(steps.rbegin(), steps.rend());
  return steps;
}

void sync_folder(const std::string& path) {
  const Descriptor folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  fsync(folder.get());
}

}  // namespace

Checkpoints& Checkpoints::add(Part part, Where at) {
  const bool taken = part.name == "step" ||
                     std::any_of(parts_.begin(), parts_.end(), [&](const Part& p) { return p.name == part.name; });
  if (taken) fail<Error>(at, "add", "there is a part " + in_quotes(part.name) + " already");
  parts_.push_back(std::move(part));
  return *this;
}

void Checkpoints::exchange(detail::Exchange& file, int64_t& step) const {
  file.value("step", step);
  for (const Part& part : parts_) {
    std::string path = part.name;
    part.exchange(part.object, path, file);
  }
}

void Checkpoints::save(int64_t step, const Metadata& metadata, Where at) const {
  const std::string target = folder_ + "/" + folder_name(step), fresh = folder_ + "/" + std::string(prefix) + "partial";
  const FileTask task{"save", target, at};
  std::error_code error;
  fs::remove_all(fresh, error);
  fs::create_directories(fresh, error);
  if (error) task.cannot_write(error.message());

  try {
    Writer training;
    exchange(training, step);
    model_.save(model_.object, fresh + "/model.safetensors", metadata, at);
    save_safetensors(fresh + "/training.safetensors", training.tensors, training.numbers, at);
  } catch (...) {  // where there is no space, take none
    fs::remove_all(fresh, error);
    throw;
  }

  // One of the same step goes away in the same instant, or, where the file system cannot exchange, just before.
  if (renameat2(AT_FDCWD, fresh.c_str(), AT_FDCWD, target.c_str(), RENAME_EXCHANGE) != 0) {
    fs::remove_all(target, error);
    fs::rename(fresh, target, error);
    if (error) task.cannot_write(error.message());
  }
  sync_folder(folder_);

  fs::remove_all(fresh, error);
  bool before = false;  // has the one before this been met?
  for (const int64_t other : saved_steps(folder_)) {
    if (other > step || (other < step && std::exchange(before, true)))
      fs::remove_all(folder_ + "/" + folder_name(other), error);
  }
  for (const int64_t other : saved_steps(folder_ + "/history", 0, history_name))
    if (other > step) fs::remove(folder_ + "/" + history_name(other), error);
}

void Checkpoints::keep_history(int64_t step, const Metadata& metadata, Where at) const {
  int64_t digit = step;  // the first of several, if the others are 0
  while (digit >= 10 && digit % 10 == 0) digit /= 10;
  if (step != 0 && (step < 10 || (digit != 1 && digit != 2 && digit != 5))) return;
  const std::string path = folder_ + "/" + history_name(step);
  std::error_code error;
  fs::create_directories(fs::path(path).parent_path(), error);
  if (error) FileTask{"keep_history", path, at}.cannot_write(error.message());
  model_.save(model_.object, path, metadata, at);
}

int64_t Checkpoints::load_from(const std::string& path, Where at) {
  const std::string training = path + "/training.safetensors";
  const FileTask task{"load", training, at};
  Reader file(task);
  model_.load(model_.object, path + "/model.safetensors", at);
  int64_t step = 0;
  exchange(file, step);
  file.check_all_known();
  return step;
}

int64_t Checkpoints::load(Where at) {
  int64_t step = 0;
  const bool any = load_newest(
      folder_, [&](const std::string& path) { step = load_from(path, at); }, at);
  if (!any) std::fprintf(stderr, "%s has no checkpoint yet: starting at step 0\n", folder_.c_str());
  return step;
}

std::vector<SavedModel> saved_models(const std::string& run, Where at) {
  const FileTask task{"saved_models", run, at};
  if (!fs::is_directory(run)) task.cannot_read("there is no such folder");
  std::map<int64_t, std::string> files;
  for (const int64_t step : saved_steps(run + "/history", 0, history_name))
    files[step] = run + "/" + history_name(step);
  for (const int64_t step : saved_steps(run)) files[step] = run + "/" + folder_name(step) + "/model.safetensors";
  if (files.empty()) task.cannot_read("there is no checkpoint in it");
  std::vector<SavedModel> r;
  for (const auto& [step, file] : files) r.push_back({step, file});
  return r;
}

bool load_newest(const std::string& run, FunctionRef<void(const std::string& path)> load, Where at) {
  if (!fs::is_directory(run)) FileTask{"load", run, at}.cannot_read("there is no such folder");
  std::optional<FileError> newest;
  for (const int64_t step : saved_steps(run)) {
    try {
      load(run + "/" + folder_name(step));
      if (newest) std::fprintf(stderr, "%s; going on from %s\n", newest->what(), folder_name(step).c_str());
      return true;
    } catch (const FileError& e) {
      if (!newest) newest = e;
    }
  }
  if (newest) throw *newest;
  return false;
}

}  // namespace heed
