// What explain writes for its page: that its numbers hold together, for each of its models.
#include <heed/heed.h>
#include <heed/models/data/dates.h>
#include <heed/models/run/run.h>
#include <heed/models/seq2seq/settings.h>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>
#include "../tools/explain/fruit.h"
#include "files.h"
#include "program.h"

using namespace heed;
using files::Folder;
using nlohmann::json;

namespace {

constexpr std::size_t most_bytes = 2'000'000;

Tensor read(const json& t) {
  const bool wide = t.contains("f64");
  std::string bytes;
  uint32_t bits = 0;
  int held = 0;
  for (const char c : t.at(wide ? "f64" : "f32").get<std::string>()) {
    const char* digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (c == '=') break;
    bits = bits << 6 | uint32_t(std::strchr(digits, c) - digits), held += 6;
    if (held >= 8) held -= 8, bytes += char(bits >> held & 255);
  }
  auto as = [&]<class T>(T) {
    std::vector<T> values(bytes.size() / sizeof(T));
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return std::vector<double>(values.begin(), values.end());
  };
  Shape shape;
  for (const int64_t n : t.at("shape")) shape.push_back(n);
  return tensor(wide ? as(double()) : as(float()), shape, f64);
}

json explained(const std::string& arguments) {
  const Folder folder;
  const Said said = run_program_of_build("explain", arguments + " --data " + folder / "data.json");
  CAPTURE(arguments, said.text);
  REQUIRE(said.code == 0);
  const std::string text = files::read(folder / "data.json");
  CHECK(text.size() < most_bytes);
  CHECK(said.after("certified to ") >= 8);
  return json::parse(text);
}

bool near(const Tensor& a, const Tensor& b, double by = 1e-12) { return max_difference(a, b) <= by; }
double largest(const Tensor& x) { return max(abs(x)).item(); }

// The equations of a head, between the numbers that stand there.
void check_head(const json& h) {
  const Tensor Q = read(h["Q"]), K = read(h["K"]), V = read(h["V"]), S = read(h["S"]), A = read(h["A"]),
               O = read(h["O"]);
  const Tensor dO = read(h["dO"]), dA = read(h["dA"]), dV = read(h["dV"]), dS = read(h["dS"]);
  const Tensor may = h.contains("mask") ? read(h["mask"]) != 0 : ones_like(S) != 0;
  CHECK(near(A, masked_softmax(S, may)));
  CHECK(near(O, matmul(A, V)));
  CHECK(near(dA, matmul(dO, transpose(V))));
  CHECK(near(dV, matmul(transpose(A), dO)));
  CHECK(near(dS, A * (dA - sum(A * dA, -1, keepdim))));
  CHECK(largest(where(may, 0, abs(A) + abs(dS))) == 0);
  if (h["score"] == "dot") {
    const double scale = h["scale"];
    CHECK(near(S, scale * matmul(Q, transpose(K))));
    CHECK(near(read(h["dQ"]), scale * matmul(dS, K)));
    CHECK(near(read(h["dK"]), scale * matmul(transpose(dS), Q)));
  } else {
    const Tensor v = read(h["v"]), bent = tanh(unsqueeze(Q, 1) + unsqueeze(K, 0));
    const Tensor inside = unsqueeze(dS, -1) * v * (1 - square(bent));  // d / d (q + k)
    CHECK(near(S, sum(v * bent, -1)));
    CHECK(near(read(h["dQ"]), sum(inside, 1)));
    CHECK(near(read(h["dK"]), sum(inside, 0)));
  }
}

// Each gradient and the differences beside it.
void check_check(const json& h) {
  for (const char* name : {"dA", "dV", "dS", "dQ", "dK"}) {
    const json& c = h["check"][name];
    const Tensor d = read(h[name]), wrong = abs(d - read(c["value"])) + read(c["bound"]), digits = read(c["digits"]);
    CAPTURE(name);
    CHECK(min(digits).item() >= 8);
    CHECK(largest(where(digits < 15, wrong / largest(d) / pow(10, -digits) - 1, 0)) < 1e-5);
    CHECK(largest(where(digits < 15, 0, wrong)) <= 1e-15 * largest(d));
    CHECK(near(read(c["central"][0]), d, 1e-2 * largest(d)));
    CHECK(near(read(c["central"][1]), d, 1e-6 * largest(d)));
  }
}

void check_paths(const json& data, const json& p) {
  std::vector<int64_t> rows;
  for (std::size_t t = 0; t < data["targets"].size(); ++t)
    if (!data["targets"][t].is_null()) rows.push_back(int64_t(t));
  CHECK(p["rows"].get<std::vector<int64_t>>() == rows);
  const Tensor along = read(p["along"]), norms = read(p["norms"]), total = read(p["total"]);
  CHECK(along.shape() == Shape{std::ssize(rows), std::ssize(p["names"]), std::ssize(data["keys"])});
  CHECK(near(sum(along, 1), total));
  CHECK(largest(maximum(abs(along) - norms, 0)) < 1e-12);
  CHECK(largest(total) > 0);
  if (p.contains("vectors")) {
    const Tensor parts = read(p["vectors"]);
    CHECK(near(norm(parts, 2, -1), norms));
    CHECK(near(norm(sum(parts, 1), 2, -1), total));
  }
}

void check_graph(const json& data) {
  const json &nodes = data["graph"]["nodes"], &modules = data["graph"]["modules"];
  REQUIRE(nodes.size() > 20);
  CHECK(modules[0]["path"] == "");
  std::vector<std::vector<double>> flows(nodes.size());  // into each node
  std::set<std::string> leaves;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const json& n = nodes[i];
    CHECK(n["module"] < modules.size());
    REQUIRE(n["inputs"].size() == n["edges"].size());
    CHECK(n["inputs"].empty() == (n["op"] == "leaf"));
    if (n["op"] == "leaf") CHECK(leaves.insert(n["name"]).second);
    else CHECK(std::string(n["line"]).find(".h:") + std::string(n["line"]).find(".cpp:") != 2 * std::string::npos);
    for (std::size_t k = 0; k < n["inputs"].size(); ++k) {
      const int64_t from = n["inputs"][k];
      CHECK(from < int64_t(i));
      CHECK((from < 0) == n["edges"][k].is_null());
      if (from >= 0) flows[std::size_t(from)].push_back(n["edges"][k]);
    }
  }
  for (std::size_t i = 0; i + 1 < nodes.size(); ++i) {
    CHECK(!flows[i].empty());
    double all = 0;
    for (const double flow : flows[i]) all += flow;
    const double gradient = nodes[i]["grad"];
    if (flows[i].size() == 1) CHECK(std::abs(gradient - all) <= 1e-12 * all);
    CHECK(gradient <= all * (1 + 1e-12));  // the triangle's inequality
  }
  const json& loss = nodes.back();
  CHECK(loss["norm"] == data["loss"]);
  CHECK(loss["grad"] == 1);
  CHECK(loss["shape"].empty());
}

void check_history(const json& data, std::size_t least) {
  const json& history = data["history"];
  REQUIRE(history.size() >= least);
  CHECK(history[0]["step"] == 0);
  for (std::size_t i = 1; i < history.size(); ++i) CHECK(history[i - 1]["step"] < history[i]["step"]);
  CHECK(history.back()["step"] == data["step"]);
  CHECK(history.back()["loss"] == data["loss"]);
  CHECK(history[0]["loss"] > history.back()["loss"]);
  CHECK(history.back()["gradient"] > 0);
  for (std::size_t l = 0; l < data["layers"].size(); ++l) {
    const Tensor last = read(history.back()["A"][l]);
    for (std::size_t h = 0; h < data["layers"][l]["heads"].size(); ++h)
      CHECK(near(last(int64_t(h)), read(data["layers"][l]["heads"][h]["A"]), 1e-6));
  }
}

void check_mechanisms(const json& data) {
  const json& h = data["layers"][0]["heads"][0];
  std::set<std::string> names;
  for (const json& m : data["mechanisms"]) {
    names.insert(m["name"]);
    const Tensor A = read(m["A"]), sums = sum(A, -1);
    CAPTURE(m["name"]);
    CHECK(near(sums, ones_like(sums)) == (m["sum"] == 1));
    CHECK(near(read(m["O"]), matmul(A, read(h["V"]))));
    CHECK(read(m["dS"]).shape() == A.shape());
    if (h.contains("mask")) CHECK(largest(where(read(h["mask"]) != 0, 0, A)) == 0);
    if (m["name"] == "scaled dot" && h["score"] == "dot" && data["model"] != "seq2seq") {
      CHECK(near(A, read(h["A"])));
      CHECK(near(read(m["dS"]), read(h["dS"])));
    }
  }
  CHECK(names ==
        std::set<std::string>{"dot", "scaled dot", "general", "additive", "linear", "relu", "sparsemax", "hard"});
}

// All that holds of any model.
void check_data(const json& data, std::size_t checked) {
  const std::size_t T = data["queries"].size();
  double loss = 0, rows = 0;
  for (std::size_t t = 0; t < T; ++t) {
    CHECK(data["predictions"][t].is_string());
    CHECK(data["targets"][t].is_null() == data["probabilities"][t].is_null());
    if (data["targets"][t].is_null()) continue;
    loss -= std::log(double(data["probabilities"][t])), ++rows;
  }
  CHECK(std::abs(loss / rows - double(data["loss"])) < 1e-12);
  std::size_t checks = 0;
  for (const json& layer : data["layers"]) {
    for (const json& h : layer["heads"]) {
      check_head(h);
      if (h.contains("check")) check_check(h), ++checks;
    }
    check_paths(data, layer["paths"]);
  }
  CHECK(checks == checked);
  check_graph(data);
  check_mechanisms(data);
}

std::string refused(const std::string& arguments) {
  const Said said = run_program_of_build("explain", arguments + " --out /dev/null");
  CAPTURE(arguments, said.text);
  CHECK(said.code == 2);
  CHECK(std::count(said.text.begin(), said.text.end(), '\n') == 1);
  return said.text;
}

// A run of train_dates, without what it does besides.
void train_dates(const std::string& out, const std::vector<const char*>& more = {}) {
  std::vector<const char*> arguments{"train_dates"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  Options options(int(arguments.size()), arguments.data(), {""});
  const Seq2SeqSettings settings = seq2seq_settings(options, {.width = 6, .hidden = 8});
  options.done();
  seed(1);
  const Vocabulary human(human_characters), iso(iso_characters);
  Seq2Seq model = settings.model(human.size(), iso.size());
  AdamW optimizer{.lr = 1e-2};
  Rng rng{1};
  const Checkpoints checkpoints(out, model);
  const RunFolder run(out, options);
  for (int64_t step = 0; step < 30; ++step) {
    checkpoints.keep_history(step);
    std::vector<Example> examples;
    for (int i = 0; i < 8; ++i) {
      const DatePair p = sample_date(Split::train, rng);
      examples.push_back({human.encode(p.human), iso.encode(p.iso)});
    }
    Tensor loss = loss_of(model, collate(examples));
    optimizer.step(model, clip(grad(consume(loss), model), 1.0));
  }
  checkpoints.save(30);
}

std::string in(const std::string& run) { return "--model seq2seq --run " + run; }

}  // namespace

TEST_CASE("explain: a tiny attention") {
  const std::string causal = GENERATE("", " --causal");
  const json data = explained("--steps 60" + causal);
  CHECK(data["model"] == "attention");
  check_data(data, 2);
  check_history(data, 12);
  CHECK(data["layers"][0]["heads"][0].contains("mask") == !causal.empty());
  CHECK(data["queries"] == json{"apple=3", "pear=5", "plum=2", "kiwi=7", "pear?", "plum?", "apple?"});
  CHECK(data["targets"] == json{nullptr, nullptr, nullptr, nullptr, "5", "2", "3"});

  // all that it takes to do it again
  const json& tiny = data["tiny"];
  const explain::Fruit model = cast(
      explain::Fruit{.fruits = 6, .numbers = 10, .width = 8, .heads = tiny["heads"], .causal = !causal.empty()}, f64);
  const Parameters p = parameters(model);
  REQUIRE(tiny["parameters"].size() == p.paths.size());
  for (std::size_t i = 0; i < p.paths.size(); ++i) assign(p.values[i], read(tiny["parameters"][p.paths[i]]));
  auto ids = [&](const char* name) { return tensor(tiny[name].get<std::vector<int64_t>>(), {1, 7}); };
  const auto [x, y, logits, weights] = model(ids("fruit"), ids("number"));
  const Tensor loss = cross_entropy(logits, ids("targets"), {.ignore_index = -1});
  CHECK(loss.item() == data["loss"]);
  const Gradients g = grad(loss, model);
  for (const std::string& path : p.paths) CHECK(equal(g.at(path), read(tiny["gradients"][path])));
  const std::vector<Tensor> d = grad(loss, {x, y, logits});
  const Tensor values[]{x, y, logits};
  const char* names[]{"x", "y", "logits"};
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(equal(values[i](0), read(tiny["values"][names[i]])));
    CHECK(equal(d[i](0), read(tiny["value_gradients"][names[i]])));
  }
  const Tensor parts = read(data["layers"][0]["paths"]["vectors"]);  // of each row's loss
  CHECK(near(mean(sum(parts, 1), 0), d[0](0)));
  for (int64_t h = 0; h < 2; ++h) CHECK(near(weights(0, h), read(data["layers"][0]["heads"][std::size_t(h)]["A"])));
}

TEST_CASE("explain: what is measured of attention in general") {
  const json data = explained("--steps 1");
  const json& reach = data["reach"];
  for (const char* memory : {"rnn", "lstm", "attention"}) {
    REQUIRE(reach[memory].size() == reach["steps"].size());
    CHECK(reach[memory][0] == 1);
  }
  CHECK(reach["steps"].back() == 60);
  CHECK(reach["rnn"][39] < 1e-6);
  CHECK(reach["lstm"][39] > 0.01);
  CHECK(reach["attention"][39] > 0.5);

  std::map<std::string, json> told;
  for (const json& m : data["mistakes"]) told[m["id"]] = m;
  CHECK(told.size() == 17);
  auto wrong = [&](const char* id) { return told[id]["wrong"].get<double>(); };
  auto right = [&](const char* id) { return told[id]["right"].get<double>(); };
  CHECK(std::abs(wrong("D1") - 1 / (1 + 23 * std::exp(-2))) < 1e-12);
  CHECK(right("D1") > 0.9);
  for (const char* id : {"D2", "D13"}) {
    CHECK(right(id) < 1e-14);
    CHECK(wrong(id) > 0.1);
  }
  CHECK(std::abs(wrong("D3") - 1) > 0.3);
  CHECK(std::abs(right("D3") - 1) < 1e-15);
  CHECK(std::abs(wrong("D4") - 0.17) < 0.05);
  CHECK(std::abs(right("D4") - 3) < 0.05);
  for (const char* id : {"D5", "D8", "D9", "D17"}) {
    CHECK(wrong(id) == 0);
    CHECK(right(id) > 0.01);
  }
  CHECK(std::abs(wrong("D6") - 1) < 1e-14);
  CHECK(std::abs(right("D6") - 1e-4 / (1e-4 + 1e-5)) < 1e-14);
  CHECK(wrong("D7") < 0.1);
  CHECK(std::abs(right("D7") - 1) < 1e-14);
  for (const char* id : {"D10", "D15"}) {
    CHECK(right(id) == 0);
    CHECK(wrong(id) > 0.1);
  }
  CHECK(told["D10"]["queries"] == 0);
  CHECK(std::abs(right("D17") - (1 - 2 / std::pow(2, 10))) < 0.01);
  CHECK(told["D16"]["fact"].get<std::string>().starts_with("MultiHeadAttention: a width of 10 cannot be shared by 3"));
}

TEST_CASE("explain: a run of train_dates, with each attention that has queries and keys") {
  const char* attention = GENERATE("additive", "dot", "general", "concat", "qkv");
  const char* cell = attention == std::string("dot") ? "gru" : "lstm";
  const Folder folder;
  const std::string run = folder / "run";
  train_dates(run, {"--attention", attention, "--cell", cell});
  const json data = explained(in(run) + " --text '3/5/1987'");
  check_data(data, 1);
  check_history(data, 4);  // 0, 10, 20, 30
  CHECK(data["model"] == "seq2seq");
  CHECK(data["run"] == run);
  CHECK(data["keys"] == json{"3", "/", "5", "/", "1", "9", "8", "7"});
  CHECK(data["targets"] == json{"1", "9", "8", "7", "-", "0", "3", "-", "0", "5", "end"});
  const bool additive = std::set<std::string>{"additive", "concat"}.contains(attention);
  CHECK(data["layers"][0]["heads"][0]["score"] == (additive ? "additive" : "dot"));
}

TEST_CASE("explain: a run of train_gpt") {
  const Folder folder;
  const std::string run = folder / "run", text = HEED_SOURCE_DIR "/LICENSE";
  const std::string small =
      " --heads 2 --width 16 --context 16 --steps 20 --batch 4 --eval-tokens 500 --sample-every 0";
  SECTION("small, with a history") {
    REQUIRE(run_program_of_build("train_gpt", "--text " + text + small + " --layers 2 --history --out " + run).code ==
            0);
    const json data = explained("--model gpt --run " + run);
    check_data(data, 4);
    check_history(data, 3);  // 0, 10, 20
    CHECK(data["layers"][1]["name"] == "blocks.1.attention");
    CHECK(data["queries"][0] == "M");
    CHECK(data["targets"].back().is_null());
    CHECK(explained("--model gpt --run " + run + " --text License")["queries"].size() == 7);
  }
  SECTION("keys shared by heads, places that turn, parts of words") {
    REQUIRE(run_program_of_build("train_gpt", "--text " + text + small +
                                                  " --layers 1 --kv-heads 1 --positions rotary"
                                                  " --tokenizer bpe --vocab 260 --out " +
                                                  run)
                .code == 0);
    const json data = explained("--model gpt --run " + run + " --text 'für all'");
    check_data(data, 2);
    CHECK(data["queries"][1] == "\\xC3");
  }
  SECTION("too large for a page") {
    REQUIRE(run_program_of_build("train_gpt", "--text " + text +
                                                  " --layers 4 --heads 8 --width 256 --context 12"
                                                  " --steps 0 --eval-tokens 500 --sample-every 0 --out " +
                                                  run)
                .code == 0);
    const json data = explained("--model gpt --run " + run);
    CHECK(data["layers"].size() < 4);
    check_data(data, 7);  // of 5,760 numbers each
  }
}

TEST_CASE("explain writes a page, and says so") {
  const Folder folder;
  const Said said = run_program_of_build("explain", "--steps 20 --out " + folder / "page.html");
  CHECK(said.code == 0);
  CHECK(said.text.find("wrote " + folder / "page.html") != std::string::npos);
  const std::string page = files::read(folder / "page.html");
  CHECK(page.size() < most_bytes);
  CHECK(page.find("\"apple=3\"") != std::string::npos);
}

TEST_CASE("explain says what is wrong in one line and exits with 2") {
  const Folder folder;
  const std::string run = folder / "run", gpt = folder / "gpt";
  train_dates(run, {"--cell", "rnn"});
  REQUIRE(run_program_of_build("train_gpt", "--text " HEED_SOURCE_DIR
                                            "/LICENSE --layers 1 --heads 1 --width 8 --context 8"
                                            " --steps 0 --eval-tokens 500 --sample-every 0 --out " +
                                                gpt)
              .code == 0);
  auto contains = [](const std::string& text, const std::string& part) {
    CAPTURE(text, part);
    CHECK(text.find(part) != std::string::npos);
  };
  contains(refused("--model seq2seq"), "--model seq2seq needs a --run: the folder that train_dates has filled");
  contains(refused("--model gpt"), "--model gpt needs a --run: the folder that train_gpt has filled");
  contains(refused("--run " + run), "--run is for --model seq2seq or --model gpt");
  contains(refused("--text 3/5/1987"), "--text is for --model seq2seq or --model gpt");
  contains(refused("--model lstm"), "--model lstm: must be attention or seq2seq or gpt");
  contains(refused(in(folder / "none")), "cannot read " + folder / "none" + "/run.json: there is no such file");
  contains(refused(in(gpt)), gpt + " is a run of train_gpt: --model seq2seq is for those of train_dates");
  contains(refused("--model gpt --run " + run), "is a run of train_dates: --model gpt is for those of train_gpt");
  contains(refused(in(run) + " --text '5 März'"), "cannot encode 'ä' (U+00E4) at position 3");
  contains(refused(in(run) + " --text '5 Mar 1987'"), "--text \"5 Mar 1987\" is no date from 1950 to 2049 written as");
  contains(refused("--model gpt --run " + gpt + " --text 'The MIT License'"), "is 15 tokens long: it must be 2 to 8");
  contains(refused("--model gpt --run " + gpt + " --text T"), "is 1 tokens long");
  contains(refused("--model gpt --run " + gpt + " --text 'ä'"), "cannot encode 'ä' (U+00E4) at position 0");
  CHECK(explained("--model gpt --run " + gpt)["queries"].size() == 8);
  REQUIRE(
      run_program_of_build("train_gpt", "--text " HEED_SOURCE_DIR "/LICENSE --tokenizer bytes --layers 1 --heads 1"
                                        " --width 8 --context 8 --steps 0 --eval-tokens 500 --sample-every 0 --out " +
                                            (folder / "bytes"))
          .code == 0);
  std::filesystem::copy_file(folder / "bytes/tokenizer.json", gpt + "/tokenizer.json",
                             std::filesystem::copy_options::overwrite_existing);
  contains(refused("--model gpt --run " + gpt),
           gpt + "/tokenizer.json is not the tokenizer that the model was trained");
  std::filesystem::remove_all(gpt + "/checkpoint-000000");
  contains(refused("--model gpt --run " + gpt), "cannot read " + gpt + ": there is no checkpoint in it");
  for (const char* attention : {"none", "local", "location", "tutorial"}) {
    const std::string other = folder / attention;
    train_dates(other, {"--attention", attention});
    contains(refused(in(other)), other + " was trained with --attention " + attention + ": additive, dot, general");
  }
  train_dates(folder / "sparse", {"--normalizer", "sparsemax"});
  contains(refused(in(folder / "sparse")), "was trained with --normalizer sparsemax: softmax can be explained");
  const Said nowhere = run_program_of_build("explain", "--steps 1 --out /nowhere/page.html");
  CHECK(nowhere.code == 2);
  contains(nowhere.text, "cannot write /nowhere/page.html");
}
