// Why attention: reversing a string of letters, with attention and without, at equal budget. Without it the whole
// source must pass through one state of fixed size, and long strings are lost.
#include <heed/heed.h>
#include <heed/models/data/reversed.h>
#include <heed/models/draw/svg.h>
#include <heed/models/run/run.h>
#include <heed/models/seq2seq/seq2seq.h>
#include <cstdio>
using namespace heed;

namespace {

const Vocabulary letters(reversed_characters);

std::vector<ReversedPair> sample(int64_t n, int64_t shortest, int64_t longest, Rng& rng) {
  std::vector<ReversedPair> pairs;
  for (int64_t i = 0; i < n; ++i) pairs.push_back(sample_reversed(shortest, longest, rng));
  return pairs;
}
Batch batch_of(std::span<const ReversedPair> pairs) {
  std::vector<Example> examples;
  for (const ReversedPair& p : pairs) examples.push_back({letters.encode(p.source), letters.encode(p.target)});
  return collate(examples);
}

struct Score {
  double strings = 0, characters = 0;  // written right, of all
  AlignmentScore attention;            // within one place of the character to be copied
};
Score score(const Seq2Seq& model, int64_t length, Rng& rng) {
  const std::vector<ReversedPair> pairs = sample(500, length, length, rng);
  const auto [ids, weights] = model.translate(batch_of(pairs).source, length + 1);
  Score r;
  for (int64_t i = 0; i < 500; ++i) {
    const std::string& wanted = pairs[std::size_t(i)].target;
    const std::string text = letters.decode(ids(i).to_vector<int64_t>());
    r.strings += text == wanted;
    for (std::size_t t = 0; t < std::min(text.size(), wanted.size()); ++t) r.characters += text[t] == wanted[t];
    if (weights.defined()) r.attention.add(weights(i), pairs[std::size_t(i)].alignment, 1);
  }
  return {r.strings / 500, r.characters / double(500 * length), r.attention};
}

void train(Options& options) {
  options.group("Model");
  const Cell cell = cell_named(options.choice("--cell", {"lstm", "gru", "rnn"}, "of encoder and decoder"));
  const int64_t width = options.integer("--width", 32, "of the letter embeddings", at_least(1));
  const int64_t hidden = options.integer("--hidden", 96, "of each recurrent layer", at_least(1));
  options.group("Training");
  const int64_t steps = options.integer("--steps", 600, "training steps of each model", at_least(1));
  const int64_t size = options.integer("--batch", 64, "strings in a batch, of 4 to 20 letters", at_least(1));
  const double lr = options.number("--lr", 2e-3, "learning rate of AdamW", at_least(0));
  const int64_t first_seed = options.integer("--seed", 1, "of the weights and of the data", at_least(0));
  options.group("Run");
  const std::string out = options.text("--out", "runs/reverse", "folder of the pictures");
  options.done();

  RunFolder run(out, options);
  std::vector<draw::Series> losses;
  std::vector<Seq2Seq> models;
  for (bool attends : {true, false}) {
    std::printf("%s\n", attends ? "with additive attention" : "without attention");
    seed(uint64_t(first_seed));
    Rng rng{uint64_t(first_seed)};
    models.push_back(Seq2Seq{.source_vocab = letters.size(),
                             .target_vocab = letters.size(),
                             .width = width,
                             .hidden = hidden,
                             .attends = attends,
                             .cell = cell});
    const Seq2Seq& model = models.back();
    AdamW optimizer{.lr = lr, .weight_decay = 0};
    losses.push_back({.name = attends ? "with attention" : "without"});
    for (auto& step : progress(steps)) {
      const Batch batch = batch_of(sample(size, 4, 20, rng));
      const Tensor wanted = batch.target.ids(_, range(1, batch.target.ids.size(1)));  // [B, T - 1]
      Tensor loss = cross_entropy(model(batch), wanted, {.ignore_index = Vocabulary::pad});
      step.show("loss", loss.item());
      losses.back().y.push_back(loss.item());
      const Gradients g = clip(grad(consume(loss), model), 1.0);
      optimizer.step(model, g, cosine(step, 50, steps));
    }
    if (interrupted()) return;
  }

  std::printf("\n500 new strings of each length, written without help\n\n");
  std::printf("          with attention                        without\n");
  std::printf("  length  strings  characters  on the letter    strings  characters\n");
  Rng rng{uint64_t(first_seed) + 1000};
  for (int64_t length : {5, 10, 15, 20, 30}) {
    const Score with = score(models[0], length, rng), without = score(models[1], length, rng);
    std::printf("  %6lld  %6.1f%%  %9.1f%%  %12.1f%%    %6.1f%%  %9.1f%%%s\n", static_cast<long long>(length),
                100 * with.strings, 100 * with.characters, 100 * with.attention.mass(), 100 * without.strings,
                100 * without.characters, length > 20 ? "   longer than any seen" : "");
  }
  draw::save_svg(
      run.path("loss.svg"),
      draw::curve(losses, {.title = "Reversing strings: loss", .x_label = "step", .y_label = "loss", .log_y = true}));
  std::printf("\nwrote %s\n", run.path("loss.svg").c_str());
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(
      argc, argv, {.what = "Reverses strings with attention and without, and compares them.", .example = "--steps 300"},
      train);
}
