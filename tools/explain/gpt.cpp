// A run of train_gpt: what a GPT makes of a few tokens.
#include "../../models/gpt/gpt.h"
#include <cstdio>
#include <fstream>
#include <memory>
#include "../../core/disk.h"
#include "../../models/data/tokenizer.h"
#include "../../models/run/checkpoint.h"
#include "../../models/run/run_folder.h"
#include "models.h"
#include "parts.h"

namespace heed::explain {
namespace {

constexpr int64_t most_tokens = 12;
constexpr int64_t room = 80'000, room_of_history = 20'000;  // numbers that the page has room for

// The first tokens of the text that the model was trained on.
std::vector<int64_t> beginning(const RunStart& start, const Tokenizer& tokenizer, int64_t most) {
  const std::string& path = start.option("text");
  std::ifstream file(path);
  std::string text(400, '\0');
  text.resize(std::size_t(file.read(text.data(), std::ssize(text)).gcount()));
  text.resize(valid_utf8(text));
  if (text.empty()) throw Error("cannot read " + path + ", which the model was trained on: give a --text");
  std::vector<int64_t> ids = tokenizer.encode(text);
  ids.resize(std::min(ids.size(), std::size_t(most)));
  return ids;
}

std::string label(const std::string& piece) {  // a part of a character as a number
  if (valid_utf8(piece) == piece.size()) return piece;
  std::string r;
  for (const char c : piece) {
    char hex[5];
    std::snprintf(hex, sizeof hex, "\\x%02X", static_cast<unsigned char>(c));
    r += hex;
  }
  return r;
}

struct Reading {
  std::vector<AppliedOp> ops;
  std::vector<Tensor> weights;
  Tensor logits, loss;
};
Reading reading_of(const Gpt& model, const Tensor& ids, const Tensor& targets) {
  Reading r;
  r.ops = applied_ops([&] {
    r.logits = model.output(model.features(ids, nullptr, {.weights = &r.weights}));
    r.loss = cross_entropy(r.logits, targets, {.ignore_index = no_target});
  });
  return r;
}

Layer layer_of(const std::shared_ptr<const Gpt>& model, std::size_t i, const Reading& at) {
  const GptBlock& block = model->blocks[i];
  auto read_by = [&](const LayerNorm& norm) {
    const ModuleId id{&norm, &typeid(LayerNorm)};
    for (const AppliedOp& op : at.ops)
      if (op.module == id) return op.inputs[0];
    return Tensor();
  };
  return {"blocks." + std::to_string(i) + ".attention",
          heads_of(block.attention, at.weights[i], at.ops, at.loss),
          {.names = {"value", "query", "key", "residual"},
           .x = read_by(block.norm1),
           .y = {read_by(block.norm2)},
           .again = [model, i](const std::vector<Tensor>& x) {
             const GptBlock& b = model->blocks[i];
             return x[3] + b.attention(b.norm1(x[1]), b.norm1(x[2]), b.norm1(x[0]), {.causal = Causal::on});
           }}};
}

int64_t numbers_in(const Layer& layer) {  // that the page is given of it
  int64_t n = 0;
  for (const Head& h : layer.heads)
    n += 2 * (h.q.numel() + h.k.numel() + h.v.numel() + h.dy.numel()) + 5 * h.q.size(0) * h.k.size(0);
  return n;
}

}  // namespace

Scene explain_gpt(const std::string& run, const std::string& text) {
  const RunStart start = last_start(run);
  if (start.program != "train_gpt")
    throw Error(run + " is a run of " + start.program + ": --model gpt is for those of train_gpt");
  const std::vector<SavedModel> saved = saved_models(run);
  auto load = [](const SavedModel& m) { return cast(load_gpt(m.file), f64); };
  const auto model = std::make_shared<const Gpt>(load(saved.back()));
  const Tokenizer tokenizer = Tokenizer::load(run + "/tokenizer.json");
  if (tokenizer.size() != model->vocab)
    throw Error(run + "/tokenizer.json is not the tokenizer that the model was trained with");
  const int64_t most = std::min(most_tokens, model->context);
  const std::vector<int64_t> tokens = text.empty() ? beginning(start, tokenizer, most) : tokenizer.encode(text);
  const int64_t T = std::ssize(tokens);
  if (T < 2 || T > most)
    throw Error("--text " + in_quotes(text) + " is " + std::to_string(T) + " tokens long: it must be 2 to " +
                std::to_string(most));
  Scene scene;
  scene.model = "gpt", scene.run = run, scene.step = saved.back().step;
  scene.targets.assign(tokens.begin() + 1, tokens.end());
  scene.targets.push_back(no_target);
  const Tensor ids = tensor(tokens, {1, T}), targets = tensor(scene.targets, {1, T});
  const Reading at = reading_of(*model, ids, targets);

  for (int64_t left = room; scene.layers.size() < model->blocks.size();) {
    Layer layer = layer_of(model, scene.layers.size(), at);
    left -= numbers_in(layer);
    if (left < 0) break;
    scene.layers.push_back(std::move(layer));
  }
  const std::size_t layers = scene.layers.size();
  if (layers == 0)
    throw Error("a page has no room for the " + std::to_string(model->heads) + " heads of a layer of " + run +
                " that reads " + std::to_string(T) + " tokens: give a shorter --text");
  if (layers < model->blocks.size())
    std::printf("%zu of %zu layers are shown: the page has no room for more\n", layers, model->blocks.size());

  const int64_t each = int64_t(layers) * model->heads * T * T;
  const std::size_t last = saved.size() - 1,
                    looks = std::min(last, std::max<std::size_t>(1, std::size_t(room_of_history / each)));  // and one
  for (std::size_t i = 0; i <= looks; ++i) {
    const SavedModel& m = saved[looks ? i * last / looks : 0];
    const Gpt then = load(m);
    Reading r = reading_of(then, ids, targets);
    for (Tensor& w : r.weights) w = w.detach()(0);
    r.weights.resize(layers);
    scene.history.push_back({m.step, r.loss.item(), grad(r.loss, then).norm(), r.weights});
  }
  for (int64_t i = 0; i < tokenizer.size(); ++i) scene.answers.push_back(label(tokenizer.piece(i)));
  for (const int64_t id : tokens) scene.queries.push_back(scene.answers[std::size_t(id)]);
  scene.keys = scene.queries;
  scene.logits = at.logits(0);
  scene.loss = at.loss;
  scene.ops = at.ops;
  scene.names = names_of(*model);
  return scene;
}

}  // namespace heed::explain
