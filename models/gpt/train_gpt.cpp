// Trains a GPT on a file of text: what it learns can be watched, stopped, taken up again, and talked to (generate_gpt).
#include <heed/core/parallel.h>
#include <heed/heed.h>
#include <heed/models/data/text.h>
#include <heed/models/draw/svg.h>
#include <heed/models/gpt/gpt.h>
#include <heed/models/run/run.h>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <optional>
using namespace heed;

namespace {

using Number = long long;  // for printf

// The mean loss of windows over the validation part, in nats per token: the same windows each time.
double validation_loss(const Gpt& model, const Text& text, int64_t batch, int64_t tokens) {
  const Unrecorded off;
  double sum = 0, count = 0;
  for (const std::vector<int64_t>& begins : text.validation_batches(batch, model.context, tokens)) {
    const auto [x, y] = text.windows(begins, model.context);  // [B, T] each
    sum += cross_entropy(model(x), y).item() * double(y.numel());
    count += double(y.numel());
  }
  return sum / count;
}

// What the model writes after the first token of the text.
std::string sample(const Gpt& model, const Text& text, int64_t tokens, uint64_t seed) {
  Rng rng{seed};
  const int64_t first = text.windows(std::vector<int64_t>{0}, 1).x.to_vector<int64_t>()[0];
  const Prompts made = generate(model, {{first}}, {.max_new_tokens = tokens, .sampling = {.temperature = 0.8}}, rng);
  return text.tokenizer().piece(first) + text.tokenizer().decode(made[0]);
}

// Where each head looks while it reads the beginning of the validation part, or of the whole where there is none.
std::string attention_picture(const Gpt& model, const Text& text) {
  const int64_t shown = std::min<int64_t>({model.context, 24, text.training().tokens - 1,
                                           int64_t(std::sqrt((1 << 18) / double(model.layers * model.heads)))});
  const int64_t begin = text.validation().tokens > shown ? text.training().tokens : 0;
  const Tensor ids = text.windows(std::vector<int64_t>{begin}, shown).x;  // [1, T]
  std::vector<std::string> labels;
  for (int64_t id : ids.to_vector<int64_t>()) labels.push_back(text.tokenizer().piece(id));
  std::vector<draw::Matrix> maps;
  const std::vector<Tensor> weights = model.attention(ids);  // of each layer [1, heads, T, T]
  for (int64_t layer = 0; layer < model.layers; ++layer)
    for (int64_t head = 0; head < model.heads; ++head)
      maps.push_back({.rows = shown,
                      .cols = shown,
                      .values = weights[std::size_t(layer)](0, head).to_vector(),
                      .row_labels = labels,
                      .col_labels = labels,
                      .title = "layer " + std::to_string(layer + 1) + ", head " + std::to_string(head + 1),
                      .row_name = "reads",
                      .col_name = "looks at"});
  return draw::heat_maps(maps, {.title = "Where each head looks", .across = std::min<int64_t>(model.heads, 4)});
}

class Stopwatch {
 public:
  void start() { start_ = Clock::now(); }
  double stop() {  // the seconds since the start
    const std::chrono::duration<double> d = Clock::now() - start_;
    total_ += d.count();
    return d.count();
  }
  double total() const { return total_; }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_;
  double total_ = 0;
};

void train(Options& options) {
  options.group("Run");
  const std::string out = options.text("--out", "runs/gpt", "folder of checkpoints, metrics and pictures");
  const bool resume = options.flag("--resume", "go on from the last checkpoint in that folder, with its options");
  if (resume) options.recall(out + "/run.json");
  const int64_t eval_every = options.integer("--eval-every", 250, "steps between validations", at_least(1));
  const int64_t eval_tokens = options.integer("--eval-tokens", 200'000, "of the validation part, at most", at_least(1));
  const int64_t sample_every = options.integer("--sample-every", 500, "steps between samples; 0: none", at_least(0));
  const int64_t save_every = options.integer("--save-every", 100, "steps between checkpoints", at_least(1));
  const bool history = options.flag("--history", "keep the model after 0, 10, 20, 50, 100, .. steps, for explain");
  const int64_t threads = options.integer("--threads", 0, "0: all cores; results are the same", between(0, 1024));
  options.group("Text");
  const std::string file = options.required("--text", "the file to learn from");
  const std::string kind = options.choice("--tokenizer", {"characters", "bytes", "bpe"}, "what a token is");
  const int64_t vocab = options.integer("--vocab", 1024, "tokens of bpe", at_least(256));
  if (kind != "bpe") options.no_part("--vocab", "--tokenizer " + kind);
  const double validation = options.number("--validation", 0.1, "share of the text, its end", between(0, 0.9));
  options.group("Model");
  const int64_t layers = options.integer("--layers", 4, "blocks", at_least(1));
  const int64_t heads = options.integer("--heads", 4, "of attention, in each block", at_least(1));
  const int64_t kv_heads = options.integer("--kv-heads", 0, "of keys and values; 0: as many", at_least(0));
  const int64_t width = options.integer("--width", 128, "of the vector of a token", at_least(1));
  const int64_t context = options.integer("--context", 64, "tokens that it sees at once", at_least(1));
  const bool rotary = options.choice("--positions", {"learned", "rotary"}, "how it knows them") == "rotary";
  options.group("Training");
  const int64_t steps = options.integer("--steps", 2000, "updates of the weights; 0: none", at_least(0));
  const int64_t batch = options.integer("--batch", 12, "windows of the text in a batch", at_least(1));
  const int64_t accumulate = options.integer("--accumulate", 1, "batches in a step", at_least(1));
  const double lr = options.number("--lr", 1e-3, "learning rate of AdamW at its peak", at_least(0));
  const int64_t warm = options.integer("--warmup", 100, "steps up to the peak; then half a cosine", at_least(0));
  const double decay = options.number("--decay", 0.1, "of weights that are matrices", at_least(0));
  const double rate = options.number("--dropout", 0, "share of values dropped while training", between(0, 0.99));
  const int64_t first_seed = options.integer("--seed", 1, "of weights, batches and dropout", at_least(0));
  if (resume) options.no_part("--seed", "--resume");
  options.done();
  if (width % heads)
    throw Error("--width " + std::to_string(width) + " must be a multiple of --heads " + std::to_string(heads));
  if (kv_heads && heads % kv_heads)
    throw Error("--heads " + std::to_string(heads) + " must be a multiple of --kv-heads " + std::to_string(kv_heads));
  if (threads) set_num_threads(int(threads));

  // ---- the text
  TextOptions how{.tokenizer = kind, .vocab = vocab, .validation = validation, .context = context};
  const std::string tokens_file = out + "/tokenizer.json";
  if (resume && std::filesystem::exists(tokens_file)) how.trained = Tokenizer::load(tokens_file);
  if (how.trained && how.trained->name() != kind)
    throw Error(out + " was trained with --tokenizer " + std::string(how.trained->name()) + ", not " + kind);
  const Text text = load_text(file, how);
  const std::string bytes = std::to_string(text.bytes()) + " bytes, fingerprint " + std::to_string(text.fingerprint());
  const std::string tokens_of = std::to_string(text.tokenizer().fingerprint());
  std::string source = bytes, tokenizer = tokens_of;

  // ---- the model, and all that a checkpoint keeps
  seed(uint64_t(first_seed));
  Rng rng{uint64_t(first_seed)};  // of batches and dropout
  Gpt model{.vocab = text.vocab(),
            .context = context,
            .width = width,
            .layers = layers,
            .heads = heads,
            .kv_heads = kv_heads ? kv_heads : heads,
            .dropout = rate,
            .rotary = rotary};
  AdamW optimizer{.beta2 = 0.99,
                  .groups = {{.pattern = "*bias", .weight_decay = 0}, {.pattern = "*norm*", .weight_decay = 0}}};
  Checkpoints checkpoints(out, model);
  checkpoints.add("optimizer", optimizer).add("rng", rng).add("text", source).add("tokenizer", tokenizer);
  const std::optional<int64_t> first = resume ? std::optional(checkpoints.load()) : std::nullopt;
  optimizer.lr = lr, optimizer.weight_decay = decay;
  if (tokenizer != tokens_of) throw Error(tokens_file + " is not the tokenizer of this run");
  if (source != bytes) throw Error(file + " is not the text of this run: it has " + bytes + "; that had " + source);
  RunFolder run(out, options, first);
  text.tokenizer().save(tokens_file);
  const Metadata about{{"tokenizer", tokenizer}};
  if (run.first() == 0) checkpoints.save(0, about);

  std::printf("%s: %lld tokens to train on, %lld to validate, %lld different\n", file.c_str(),
              Number(text.training().tokens), Number(text.validation().tokens), Number(text.vocab()));
  std::printf("%lld weights; seed %lld, %s\n", Number(parameters(model).numel()), Number(first_seed),
              machine().c_str());

  if (run.first() > 0) std::printf("going on after %lld steps\n", Number(run.first()));

  // ---- training
  const int64_t tokens = batch * context * accumulate;  // of a step
  const bool validates = text.validation().tokens > 0;
  double latest = std::nan("");
  Stopwatch busy;  // with training alone
  for (auto& step : progress(steps, run)) {
    if (history) checkpoints.keep_history(step, about);
    busy.start();
    Gradients g;
    double loss = 0;
    for (int64_t i = 0; i < accumulate; ++i) {
      const auto [x, y] = text.batch(batch, context, rng);  // [B, T] each
      Tensor l = cross_entropy(model(x, &rng), y);
      loss += l.item() / double(accumulate);
      g = g + grad(consume(l), model) * (1 / double(accumulate));
    }
    step.show("loss", loss);
    step.show("gradient", g.norm());
    optimizer.step(model, clip(g, 1.0), cosine(step, warm, steps, 0.1));
    step.show("tokens/s", double(tokens) / busy.stop());

    const int64_t done = step + 1;
    if (validates && (done % eval_every == 0 || done == steps)) {
      latest = validation_loss(model, text, batch, eval_tokens);
      step.show("validation", latest);
      step.show("bits/character", text.bits_per_character(latest));
    }
    if (sample_every && done % sample_every == 0)
      step.print("--- after " + std::to_string(done) + " steps\n" + sample(model, text, 200, uint64_t(done)) + "\n---");
    if (step.last() || done % save_every == 0) checkpoints.save(done, about);
  }
  if (interrupted()) {
    std::printf("stopped: go on with --resume --out %s\n", out.c_str());
    return;
  }

  // ---- what came of it
  const RunFolder::Metric training = run.metric("loss"), held_out = run.metric("validation");
  std::vector<draw::Series> curves{{.name = "training", .x = training.steps, .y = training.values}};
  if (validates) curves.push_back({.name = "validation", .x = held_out.steps, .y = held_out.values});
  draw::save_svg(run.path("loss.svg"),
                 draw::curve(curves, {.title = "Loss", .x_label = "step", .y_label = "nats per token"}));
  draw::save_svg(run.path("attention.svg"), attention_picture(model, text));
  if (validates) {
    if (std::isnan(latest)) latest = validation_loss(model, text, batch, eval_tokens);
    std::printf("validation loss %.4f, %.4f bits per character, perplexity %.3f\n", latest,
                text.bits_per_character(latest), std::exp(latest));
  }
  const double trained = double(steps - run.first()) * double(tokens);
  if (trained > 0) std::printf("%.0f tokens per second in training, ", trained / busy.total());
  std::printf("peak memory %.0f MB\n", peak_megabytes());
  std::printf("wrote %s, loss.svg, attention.svg and tokenizer.json\n", run.path("metrics.jsonl").c_str());
  std::printf("talk to it: generate_gpt --run %s --prompt \"...\"\n", out.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(argc, argv,
                     {.what = "Trains a GPT on a file of text.",
                      .example = "--text book.txt --tokenizer bpe --width 256 --context 128 --steps 5000"},
                     train);
}
