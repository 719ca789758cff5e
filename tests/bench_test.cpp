// What bench prints: that it can be read and adds up, not how fast anything is.
#include <nlohmann/json.hpp>
#include "files.h"
#include "program.h"

using namespace heed;

namespace {

nlohmann::json line_of(const std::string& arguments) {
  const Said said = run_program_of_build("bench", arguments);
  CAPTURE(arguments, said.text);
  REQUIRE(said.code == 0);
  return nlohmann::json::parse(said.text);
}
bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("bench: items by name, pattern and group") {
  const std::string all = run_program_of_build("bench", "--list").text;
  for (const char* name : {"mlp_b64\n", "gpt2_124m_b4t64\n", "softmax_4096x1024_fwdbwd\n", "sdpa_d128_T8192_full_fwd\n",
                           "bmm96_256x64x256_BT\n", "adamw_124m\n", "overhead_view\n", "gpt2_generate_hand\n",
                           "gpt2_generate_hand_bf16\n"})
    CHECK(contains(all, name));
  const std::string workloads = run_program_of_build("bench", "--list workloads").text;
  CHECK(std::count(workloads.begin(), workloads.end(), '\n') == 11);
  CHECK(run_program_of_build("bench", "--list 'sum_dim?_*' mlp_b512").code == 2);
  CHECK(run_program_of_build("bench", "--list 'mlp*' relu_4096x3072_fwd").text ==
        "mlp_b64\nmlp_b512\nrelu_4096x3072_fwd\n");
  CHECK(run_program_of_build("bench", "--scaling --list sizes").text ==
        "attention\nlinear_attention\ngpt_batch\ngpt_width\nlstm_length\nadamw\n");
  CHECK(run_program_of_build("bench", "--scaling --threads 2 --list '*gpt2*'").text == "gpt2_124m_b4t64_threads\n");
  const Said wrong = run_program_of_build("bench", "mlp_65");
  CHECK(wrong.code == 2);
  CHECK(wrong.text == "bench: there is no item mlp_65: did you mean mlp_b64?\n");
}

TEST_CASE("bench: the line of a training step, of a kernel and of a small op") {
  const auto step = line_of("mlp_b64 --seconds 0.05 --threads 1");
  CHECK(step.at("name") == "mlp_b64");
  CHECK(step.at("threads") == 1);
  CHECK(step.at("n") >= 5);
  CHECK(step.at("min_ms") <= step.at("median_ms"));
  CHECK(step.at("median_ms") <= step.at("max_ms"));
  CHECK(step.at("params") == 784 * 512 + 512 + 512 * 256 + 256 + 256 * 10 + 10);
  // forward, the gradient of each weight, and of each input but the first
  CHECK(step.at("gflop") == std::round(64 * 2e-5 * (2 * 784 * 512 + 3 * 512 * 256 + 3 * 256 * 10)) / 1e4);
  CHECK(std::abs(step.at("first_loss").get<double>() - std::log(10)) < 0.3);
  CHECK(step.at("unit") == "samples/s");
  CHECK(step.at("peak_rss_mb") >= step.at("base_rss_mb"));
  for (const char* positive : {"share", "fma_peak_gflops", "gflops", "rate"}) CHECK(step.at(positive) > 0);

  const auto kernel = line_of("head_permute_4x256x6x64 --seconds 0.05");
  for (const char* positive : {"share", "triad_gbps", "gbps", "peak_rss_mb"}) CHECK(kernel.at(positive) > 0);
  CHECK(line_of("overhead_add_grad_fwd_bwd --seconds 0.05").at("ns_per_op") > 0);
}

TEST_CASE("bench: growth is told by the times at each size") {
  const files::Folder folder;
  const std::string svg = folder / "growth.svg";
  const Said said = run_program_of_build("bench", "--scaling lstm_length --seconds 0.05 --svg " + svg);
  CAPTURE(said.text);
  REQUIRE(said.code == 0);
  std::vector<double> sizes, times;
  for (int64_t size = 16; size <= 512; size *= 2) {
    sizes.push_back(std::log(double(size)));
    times.push_back(std::log(said.after((size == 16 ? "| " : ", ") + std::to_string(size) + ": ")));
  }
  const double last = times.back() - times.front(), n = double(sizes.size());
  double x = 0, y = 0, xy = 0, xx = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i)
    x += sizes[i] / n, y += times[i] / n, xy += sizes[i] * times[i] / n, xx += sizes[i] * sizes[i] / n;
  const std::string row = said.text.substr(said.text.find("LSTM"));
  const Said end{0, row.substr(row.find(" times | ") - 6)};
  CHECK(std::abs(end.after(" times | ") - (xy - x * y) / (xx - x * x)) < 0.01);
  CHECK(std::abs(std::log(std::atof(row.substr(row.rfind(" | ", row.find(" times | ") - 1) + 3).c_str())) - last) <
        0.01);
  CHECK(contains(files::read(svg), "LSTM, training step: sequence length"));
}

TEST_CASE("bench: ratios are medians of the rounds, against the faster of PyTorch's ways") {
  const files::Folder folder;
  const std::string results = folder / "results.jsonl", svg = folder / "ratios.svg";
  std::string lines;
  auto add = [&](const std::string& name, double ms, double memory, const std::string& label) {
    nlohmann::json line{{"name", name}, {"median_ms", ms}, {"peak_rss_mb", memory}, {"base_rss_mb", 100}};
    if (!label.empty()) line["label"] = label, line["torch"] = "2.14.1";
    lines += line.dump() + "\n";
  };
  for (double slower : {1.0, 2.0, 4.0}) {  // the machine, from round to round
    add("mlp_b64", 10 * slower, 120, "");
    add("mlp_b64", 30 * slower, 150, "eager");
    add("mlp_b64", 15 * slower, 180, "compile");
    add("mlp_b64", 500 * slower, 150, "installed");
    add("cnn_28x28_b64", 10, 150, "");
    add("cnn_28x28_b64", 60 * slower, 150, "eager");
  }
  files::write(results, lines);
  const Said said = run_program_of_build("bench", "--table " + results + " --svg " + svg);
  CAPTURE(said.text);
  CHECK(said.code == 0);
  CHECK(contains(said.text, "PyTorch 2.14.1"));
  CHECK(contains(said.text, "| mlp_b64 | 20.0 |  | 30.0 | 1.50 | 1000 | 50.00 | 20 | 80 | 0.25 |\n"));
  CHECK(contains(said.text, "| cnn_28x28_b64 | 10.0 |  | 120 | 12.00 | | | 50 | 50 | 1.00 |\n"));
  CHECK(contains(said.text, "| geometric mean | | | | **4.24** | | **50.00** | | | **0.50** |\n"));
  CHECK(contains(files::read(svg), "cnn_28x28_b64: 12"));

  files::write(results, "{\"name\": \n");
  CHECK(contains(run_program_of_build("bench", "--table " + results).text, "no line of bench: {\"name\": "));
  CHECK(contains(run_program_of_build("bench", "--table nowhere").text, "--table nowhere: there is no such file"));
}
