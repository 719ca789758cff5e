// Teaches a model to translate English sentences of a small grammar into French, word by word, then compares what it
// writes and where it looks with what the grammar knows.
#include <heed/heed.h>
#include <heed/models/data/bleu.h>
#include <heed/models/data/french.h>
#include <heed/models/data/words.h>
#include <heed/models/draw/svg.h>
#include <heed/models/draw/terminal.h>
#include <heed/models/run/fit.h>
#include <heed/models/seq2seq/settings.h>
#include <cstdio>
using namespace heed;

namespace {

constexpr const char* shown[] = {"the zone of international control", "I love you", "look for it in the new school"};

struct Corpus {
  std::vector<FrenchPair> pairs;  // the last tenth is unseen
  WordVocabulary english, french;

  static Corpus of(std::vector<FrenchPair> pairs) {
    std::string english, french;
    for (const char* sentence : shown) english += std::string(sentence) + "\n";  // few pairs may lack their words
    for (const FrenchPair& p : pairs) english += p.english + "\n", french += p.french + "\n";
    return {std::move(pairs), WordVocabulary(english), WordVocabulary(french)};
  }
  int64_t seen() const { return std::ssize(pairs) - std::ssize(pairs) / 10; }
  Batch batch(std::span<const FrenchPair> part) const {
    std::vector<Example> examples;
    for (const FrenchPair& p : part) examples.push_back({english.encode(p.english), french.encode(p.french)});
    return collate(examples);
  }
};

struct Score {
  std::vector<std::string> written, wanted;
  double words = 0, forced = 0, free = 0;  // of all words those right, given the true words before or its own
  AlignmentScore alignment;                // while the true words are given
  AlignmentScore diagonal;                 // the same of one that looks at word t while it writes word t
  double exact() const {
    double right = 0;
    for (std::size_t i = 0; i < written.size(); ++i) right += written[i] == wanted[i];
    return right / double(written.size());
  }
};
Score score(const Seq2Seq& model, const Corpus& corpus, std::span<const FrenchPair> unseen, int64_t beams) {
  const Unrecorded off;
  Rng none;  // nothing is drawn at a probability of 0
  Score r;
  for (std::size_t begin = 0; begin < unseen.size(); begin += 250) {
    const auto part = unseen.subspan(begin, std::min<std::size_t>(250, unseen.size() - begin));
    const Batch batch = corpus.batch(part);
    const auto ids = beams > 1 ? model.translate(batch.source, {.beams = beams, .max_new_tokens = 40}).ids
                               : model.translate(batch.source, 40).ids;
    Tensor weights;
    const Tensor wanted = batch.target.ids(_, Range{1}), counts = wanted != Vocabulary::pad;
    auto right = [&](const Tensor& logits) { return sum((argmax(logits) == wanted) & counts).item(); };
    r.words += sum(counts).item();
    r.forced += right(model(batch, {}, nullptr, &weights));
    r.free += right(model(batch, {.probability = 0}, &none));
    for (std::size_t k = 0; k < part.size(); ++k) {
      r.written.push_back(corpus.french.decode(ids(int64_t(k)).to_vector<int64_t>()));
      r.wanted.push_back(part[k].french);
      if (!weights.defined()) continue;
      const Tensor w = weights(int64_t(k)), t = clamp(unsqueeze(arange(w.size(0)), 1), 0, double(w.size(1) - 1));
      r.alignment.add(w, part[k].alignment);
      r.diagonal.add(arange(w.size(1)) == t, part[k].alignment);
    }
  }
  return r;
}

// Where the decoder looks while it writes the French of `english`.
draw::Matrix looks(const Seq2Seq& model, const Corpus& corpus, const std::string& english) {
  const std::vector<Example> one{{corpus.english.encode(english), {}}};
  const auto [ids, weights] = model.translate(collate(one).source, 40);
  const std::string french = corpus.french.decode(ids(0).to_vector<int64_t>());
  draw::Matrix m{.row_labels = words_of(french),
                 .col_labels = words_of(english),
                 .title = english,
                 .row_name = "written",
                 .col_name = "read"};
  m.rows = std::ssize(m.row_labels), m.cols = std::ssize(m.col_labels);
  std::printf("  %s -> %s\n", english.c_str(), french.c_str());
  if (weights.defined()) m.values = weights(0, range(0, m.rows)).to_vector();
  return m;
}

void train(Options& options) {
  const Seq2SeqSettings settings = seq2seq_settings(options, {.width = 64, .hidden = 64});
  const int64_t count = options.integer("--pairs", 10000, "sentences, of which a tenth is kept unseen", at_least(10));
  const int64_t beams = options.integer("--beams", 1, "translations followed at once; 1: greedy", at_least(1));
  const Fit how = fit_options(options, {.steps = 1000, .lr = 3e-3, .out = "runs/french", .title = "English to French"});
  if (how.resume) options.no_part("--pairs", "--resume");  // another tenth would not be unseen
  options.done();

  seed(uint64_t(how.seed));
  Rng grammar{uint64_t(how.seed) + 1000};
  const Corpus corpus = Corpus::of(french_pairs(count, grammar));
  Seq2Seq model = settings.model(corpus.english.size(), corpus.french.size());
  const RunFolder run = fit(model, how, options, [&](Rng& rng) {
    std::vector<FrenchPair> drawn;
    for (int64_t i = 0; i < how.batch; ++i) drawn.push_back(corpus.pairs[std::size_t(rng.below(corpus.seen()))]);
    return loss_of(model, corpus.batch(drawn), settings.forcing, &rng);
  });
  if (interrupted()) return;

  std::printf("\n");
  std::vector<draw::Matrix> pictures;
  for (const char* english : shown) pictures.push_back(looks(model, corpus, english));
  const std::span unseen = std::span(corpus.pairs).subspan(std::size_t(corpus.seen()));
  const Score s = score(model, corpus, unseen, beams);
  std::printf("\n");
  for (std::size_t i = 0, wrong = 0; i < unseen.size() && wrong < 5; ++i)
    if (s.written[i] != s.wanted[i] && ++wrong)
      std::printf("  wrong: %s\n      -> %s\n    gold %s\n", unseen[i].english.c_str(), s.written[i].c_str(),
                  s.wanted[i].c_str());
  const bool attends = settings.attends != Attends::none;
  if (attends) {
    std::printf("\nwhere it looks while it writes:\n\n%s", draw::terminal_heat_map(pictures[0]).c_str());
    draw::save_svg(run.path("alignment.svg"),
                   draw::heat_maps(pictures, {.title = "Where the decoder looks while it writes"}));
    std::printf(
        "\nattention on the words translated %.3f, its greatest weight on one of them %.1f%%, the diagonal %.1f%%",
        s.alignment.mass(), 100 * s.alignment.accuracy(), 100 * s.diagonal.accuracy());
  }
  std::printf("\nwords right given the true ones before %.2f%%, given its own %.2f%%\n", 100 * s.forced / s.words,
              100 * s.free / s.words);
  std::printf("exact match %.1f%% of %zu unseen sentences, BLEU %.4f\n", 100 * s.exact(), unseen.size(),
              bleu(s.written, s.wanted).score);
  std::printf("wrote %s\n", attends ? (run.path("alignment.svg") + " and " + run.path("loss.svg")).c_str()
                                    : run.path("loss.svg").c_str());
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(
      argc, argv,
      {.what = "Learns to translate English into French, and shows its attention.", .example = "--cell gru --beams 4"},
      train);
}
