#include "report.h"
#include <heed/core/error.h>
#include <heed/models/draw/svg.h>
#include <heed/models/draw/text.h>
#include <heed/models/run/run_folder.h>
#include <algorithm>
#include <ctime>
#include <fstream>
#include <map>
#include <optional>

namespace heed::bench {
namespace {

using Json = nlohmann::json;

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return (v[(v.size() - 1) / 2] + v[v.size() / 2]) / 2;
}

struct Rounds {  // of one item on one side
  std::vector<double> ms, memory, share;
};
struct Collected {
  std::map<std::string, std::map<std::string, Rounds>> items;  // by name and side: heed, eager, compile, installed
  std::string torch;
  bool compiled = false;
  std::vector<double> foreign;
};

Collected read(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw Error("--table " + path + ": there is no such file");
  Collected r;
  for (std::string text; std::getline(file, text);) {
    const Json line = Json::parse(text, nullptr, false);
    if (!line.is_object() || !line.contains("median_ms"))
      throw Error("--table " + path + ": no line of bench: " + text);
    Rounds& rounds = r.items[line.at("name")][line.value("label", "heed")];
    rounds.ms.push_back(line.at("median_ms"));
    if (line.contains("peak_delta_mb")) rounds.memory.push_back(line.at("peak_delta_mb"));
    else if (line.contains("peak_rss_mb"))
      rounds.memory.push_back(line.at("peak_rss_mb").get<double>() - line.at("base_rss_mb").get<double>());
    if (line.contains("share")) rounds.share.push_back(line.at("share"));
    r.compiled |= line.value("label", "") == "compile";
    if (line.contains("torch")) r.torch = line.at("torch");
    r.foreign.push_back(line.value("fg", 0.0));
  }
  return r;
}

// The times of PyTorch where its settings are best: of the eager and the compiled one, the faster.
Rounds best_of(const std::map<std::string, Rounds>& sides) {
  const auto eager = sides.find("eager"), compiled = sides.find("compile");
  if (eager == sides.end()) return {};
  const bool faster = compiled != sides.end() && median(compiled->second.ms) < median(eager->second.ms);
  return (faster ? compiled : eager)->second;
}

// How many times as fast as the other: the median over rounds.
double times_as_fast(const Rounds& heed, const Rounds& other) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < std::min(heed.ms.size(), other.ms.size()); ++i)
    ratios.push_back(other.ms[i] / heed.ms[i]);
  return median(std::move(ratios));
}

std::string ms_text(double ms) {
  return ms < 1 ? draw::number(ms, 3) : draw::fixed(ms, ms < 10 ? 2 : ms < 100 ? 1 : 0);
}

class Mean {  // geometric
 public:
  void add(double v) { sum_ += std::log(v), ++n_; }
  std::string text() const { return n_ ? "**" + draw::fixed(std::exp(sum_ / n_), 2) + "**" : ""; }

 private:
  double sum_ = 0;
  int n_ = 0;
};

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::array<char, 16> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d", std::gmtime(&now));
  return text.data();
}
std::string processor() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "unknown processor";
}

}  // namespace

std::string heading() { return today() + ", " + processor() + ", " + machine(); }

std::string comparison(const std::string& results, const std::vector<Item>& items, const std::string& svg) {
  const Collected all = read(results);
  const std::string when = heading() + ", PyTorch " + all.torch;
  std::string text = when + "; other processes used " + draw::fixed(median(all.foreign), 2) +
                     " cores (median). Times are medians of the rounds, and so are their quotients. PyTorch's best: " +
                     (all.compiled ? "the faster of eager and compiled" : "eager") +
                     ", one pool of threads, a malloc that keeps what is freed, fused optimizers. A share is of the "
                     "multiply-adds the cores can do, or of what they can move to and from memory: above 100 %, the "
                     "caches hold it.\n";
  std::vector<std::string> labels;
  std::vector<double> bars;
  std::string group;
  Mean fast, fast_as_installed, small;
  auto close_group = [&] {
    if (!group.empty())
      text += "| geometric mean | | | | " + fast.text() + " | | " + fast_as_installed.text() + " | | | " +
              small.text() + " |\n";
    fast = fast_as_installed = small = {};
  };
  for (const Item& item : items) {
    const auto found = all.items.find(item.name);
    if (found == all.items.end()) continue;
    const auto& sides = found->second;
    const auto ours = sides.find("heed");
    const Rounds best = best_of(sides);
    if (ours == sides.end() || best.ms.empty()) continue;  // only one side knows it
    if (item.group != group) {
      close_group();
      group = item.group;
      text +=
          "\n### " + group + "\n\n" +
          "| | heed ms | share of peak | PyTorch best ms | times as fast | as installed ms | times as fast | heed MiB "
          "| PyTorch MiB | heed / PyTorch |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n";
    }
    const Rounds& heed = ours->second;
    const double ratio = times_as_fast(heed, best);
    fast.add(ratio);
    labels.push_back(item.name), bars.push_back(std::round(100 * ratio) / 100);
    text += "| " + item.name + " | " + ms_text(median(heed.ms)) + " | " +
            (heed.share.empty() ? "" : draw::fixed(100 * median(heed.share), 0) + " %") + " | " +
            ms_text(median(best.ms)) + " | " + draw::fixed(ratio, 2) + " | ";
    if (const auto installed = sides.find("installed"); installed != sides.end()) {
      const double then = times_as_fast(heed, installed->second);
      fast_as_installed.add(then);
      text += ms_text(median(installed->second.ms)) + " | " + draw::fixed(then, 2) + " | ";
    } else {
      text += "| | ";
    }
    if (!heed.memory.empty() && !best.memory.empty()) {
      const double h = median(heed.memory), p = median(best.memory);
      if (h > 0 && p > 0) small.add(h / p);
      text += draw::fixed(h, 0) + " | " + draw::fixed(p, 0) + " | " + (p > 0 ? draw::fixed(h / p, 2) : "") + " |\n";
    } else {
      text += "| | |\n";
    }
  }
  close_group();
  if (!svg.empty())
    draw::save_svg(svg,
                   draw::bars(labels, bars,
                              {.title = "How many times as fast as PyTorch at its best", .caption = when, .mark = 1}));
  return text;
}

}  // namespace heed::bench
