// Why attention: reversing a string of letters. Without attention (--attention none) the whole source must pass through
// one state of fixed size, and long strings are lost.
#include <heed/heed.h>
#include <heed/models/data/reversed.h>
#include <heed/models/draw/svg.h>
#include <heed/models/draw/tensor.h>
#include <heed/models/draw/terminal.h>
#include <heed/models/run/fit.h>
#include <heed/models/seq2seq/settings.h>
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
  const Seq2SeqSettings settings = seq2seq_settings(options, {.width = 32, .hidden = 96});
  const Fit how = fit_options(options, {.steps = 600, .lr = 2e-3, .out = "runs/reverse", .title = "Reversing strings"});
  options.done();

  seed(uint64_t(how.seed));
  Seq2Seq model = settings.model(letters.size(), letters.size());
  const RunFolder run = fit(model, how, options, [&](Rng& rng) {
    return loss_of(model, batch_of(sample(how.batch, 4, 20, rng)), settings.forcing, &rng);
  });
  if (interrupted()) return;

  std::printf("\n500 new strings of each length, written without help\n\n");
  std::printf("  length  strings  characters  on the letter\n");
  Rng rng{uint64_t(how.seed) + 1000};
  for (int64_t length : {5, 10, 15, 20, 30}) {
    const Score s = score(model, length, rng);
    std::printf("  %6lld  %6.1f%%  %9.1f%%", static_cast<long long>(length), 100 * s.strings, 100 * s.characters);
    if (s.attention.tokens) std::printf("  %12.1f%%", 100 * s.attention.mass());
    std::printf("%s\n", length > 20 ? "   longer than any seen" : "");
  }
  if (settings.attends == Attends::none) return;
  const std::vector<ReversedPair> shown = sample(1, 20, 20, rng);
  const auto [ids, weights] = model.translate(batch_of(shown).source, 21);
  const std::string text = letters.decode(ids(0).to_vector<int64_t>());
  draw::Matrix m = draw::matrix_of(weights(0, range(0, std::ssize(text)), range(0, 20)),
                                   {.title = shown[0].source, .row_name = "written", .col_name = "read"});
  for (char c : text) m.row_labels.emplace_back(1, c);
  for (char c : shown[0].source) m.col_labels.emplace_back(1, c);
  std::printf("\nwhere it looks while it writes:\n\n%s", draw::terminal_heat_map(m).c_str());
  draw::save_svg(run.path("alignment.svg"), draw::heat_map(m));
  std::printf("\nwrote %s and loss.svg beside it\n", run.path("alignment.svg").c_str());
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(
      argc, argv,
      {.what = "Learns to reverse strings of letters, and shows its attention.", .example = "--attention dot"}, train);
}
