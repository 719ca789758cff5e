// Shows how a gradient goes through attention: a page with every number of one forward and backward, and how it came.
#include <heed/core/disk.h>
#include <heed/models/run/options.h>
#include <cstdio>
#include "explain/models.h"
#include "explain/page.h"
using namespace heed;

namespace {

void write(const std::string& path, const std::string& text) {
  NewFile file({"explain", path, {}});
  file.write(text);
  file.commit();
}

void run(Options& options) {
  using namespace heed::explain;
  options.group("What is explained");
  const std::string model =
      options.choice("--model", {"attention", "seq2seq", "gpt"}, "attention: a tiny one, trained as it is asked for");
  const std::string folder = options.text("--run", "", "folder that train_dates or train_gpt has filled");
  const std::string text = options.text("--text", "", "what seq2seq or gpt reads");
  const std::string copying =
      options.text("--ntm", "", "folder that train_copy has filled: where its heads go is shown too");
  options.group("Training of the tiny one");
  const int64_t steps = options.integer("--steps", FruitOptions().steps, "updates of the weights", at_least(1));
  const int64_t seed = options.integer("--seed", FruitOptions().seed, "of weights and data", at_least(0));
  const bool causal = options.flag("--causal", "no place looks at those behind it");
  options.group("What is written");
  const std::string out = options.text("--out", "explain.html", "the page");
  const std::string data = options.text("--data", "", "only what the page reads, as JSON, to this file");
  options.done();

  if (model != "attention" && folder.empty())
    throw Error("--model " + model + " needs a --run: the folder that " +
                (model == "gpt" ? "train_gpt" : "train_dates") + " has filled");
  if (model == "attention" && !(folder + text).empty())
    throw Error(std::string(folder.empty() ? "--text" : "--run") + " is for --model seq2seq or --model gpt");
  Scene scene = model == "gpt"       ? explain_gpt(folder, text)
                : model == "seq2seq" ? explain_dates(folder, text)
                                     : explain_fruit({steps, seed, causal});
  scene.command = "explain";
  const std::pair<const char*, std::string> chosen[]{{"--model", model == "attention" ? "" : model},
                                                     {"--run", model == "attention" ? "" : folder},
                                                     {"--text", text},
                                                     {"--ntm", copying},
                                                     {"--steps", steps == 200 ? "" : std::to_string(steps)},
                                                     {"--seed", seed == 1 ? "" : std::to_string(seed)}};
  for (const auto& [name, value] : chosen)
    if (!value.empty())
      scene.command +=
          " " + std::string(name) + " " + (value.find(' ') == std::string::npos ? value : '"' + value + '"');
  if (causal) scene.command += " --causal";
  Told told = tell(scene);
  told.data["exercise"] = exercise_of_attention();
  if (!copying.empty()) told.data["ntm"] = turing_trace(copying);
  const std::string json = told.data.dump(-1, ' ', false, explain::json::error_handler_t::replace);
  const std::string& path = data.empty() ? out : data;
  const std::string written = data.empty() ? page(json) : json;
  write(path, written);
  std::printf("loss %.4f; gradients certified to %.1f digits at least\n", scene.loss.item(), told.digits);
  std::printf("wrote %s, %.0f kB%s\n", path.c_str(), double(written.size()) / 1e3,
              data.empty() ? ": open it in a browser" : "");
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(argc, argv,
                     {.what = "Writes a page that shows how a gradient goes through attention: every value and every "
                              "gradient of one forward and backward of a trained model, the formula behind each, and "
                              "the differences that prove it.",
                      .example = "--model seq2seq --run runs/dates"},
                     run);
}
