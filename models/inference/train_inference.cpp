// Says whether one sentence entails another, contradicts it, or neither. Decomposable attention aligns their words,
// compares what stands opposite, and sums; a linear bag of words has nothing to compare. There are so few words that a
// net which sums without aligning learns most of their pairs by heart, so what is asked besides is what becomes of a
// trained model when its weights are made even.
#include <heed/heed.h>
#include <heed/models/data/inference.h>
#include <heed/models/data/words.h>
#include <heed/models/draw/svg.h>
#include <heed/models/draw/tensor.h>
#include <heed/models/inference/decomposable.h>
#include <heed/models/run/fit.h>
#include <cstdio>
using namespace heed;

namespace {

const WordVocabulary words(inference_words);
constexpr const char* label_names[] = {"entailment", "contradiction", "neutral"};

struct Pairs {
  std::vector<InferencePair> all;
  Padded premises, hypotheses;
  Tensor labels;  // [B]
};
Pairs sample(Split split, int64_t n, Rng& rng) {
  Pairs r;
  std::vector<std::vector<int64_t>> premises, hypotheses;
  std::vector<int64_t> labels;
  for (int64_t i = 0; i < n; ++i) {
    const InferencePair& p = r.all.emplace_back(sample_inference(split, rng));
    premises.push_back(words.encode(p.premise)), hypotheses.push_back(words.encode(p.hypothesis));
    labels.push_back(int64_t(p.label));
  }
  r.premises = pad_sequence(premises), r.hypotheses = pad_sequence(hypotheses);
  r.labels = tensor(labels, {n});
  return r;
}

// logits(pairs, rng). Says how many are right, and returns the run if it is done.
template <class M, class Logits>
std::optional<RunFolder> train(M& model, const Fit& how, const Options& options, const Pairs& unseen, Logits logits) {
  RunFolder run = fit(model, how, options, [&](Rng& rng) {
    const Pairs pairs = sample(Split::train, how.batch, rng);
    return cross_entropy(logits(pairs, &rng), pairs.labels);
  });
  if (interrupted()) return std::nullopt;
  Unrecorded off;
  std::printf("\n%lld weights, %zu new pairs\n", static_cast<long long>(parameters(model).numel()), unseen.all.size());
  const Tensor right = argmax(logits(unseen, nullptr)) == unseen.labels;
  std::printf("labels right %.1f%%\n", 100 * mean(cast(right, f64)).item());
  std::printf("wrote %s\n", run.path("loss.svg").c_str());
  return run;
}

void show(const Decomposable& model, const RunFolder& run, const Pairs& unseen) {
  Unrecorded off;
  const Decomposable::Result r = model(unseen.premises, unseen.hypotheses);
  AlignmentScore same, nouns;  // of words that both sentences have, and of the two subjects where they differ
  std::vector<draw::Matrix> pictures;
  for (std::size_t i = 0; i < unseen.all.size(); ++i) {
    const InferencePair& p = unseen.all[i];
    const std::vector<std::string> premise = words_of(p.premise), hypothesis = words_of(p.hypothesis);
    const Tensor alpha = r.alpha(int64_t(i)), beta = r.beta(int64_t(i));
    Alignment equal = p.alignment;
    for (std::size_t k = 0; k < equal.size(); ++k)
      if (!equal[k].empty() && premise[std::size_t(equal[k][0])] != hypothesis[k]) equal[k].clear();
    same.add(alpha, equal);
    if (premise[1] != hypothesis[1]) nouns.add(alpha, {{}, p.alignment[1]});
    if (i >= 4) continue;
    const Range rows = range(0, std::ssize(premise)), cols = range(0, std::ssize(hypothesis));
    pictures.push_back(draw::matrix_of(beta(rows, cols), {.row_labels = premise,
                                                          .col_labels = hypothesis,
                                                          .title = label_names[int(p.label)],
                                                          .row_name = "premise",
                                                          .col_name = "looks at the hypothesis"}));
    pictures.push_back(draw::matrix_of(alpha(cols, rows), {.row_labels = hypothesis,
                                                           .col_labels = premise,
                                                           .title = label_names[int(p.label)],
                                                           .row_name = "hypothesis",
                                                           .col_name = "looks at the premise"}));
  }
  draw::save_svg(run.path("alignment.svg"),
                 draw::heat_maps(pictures, {.title = "What is compared with what", .across = 2}));
  std::printf("weight on the same word %.3f, of the subject on another one %.3f\n", same.mass(), nouns.mass());
  const Decomposable even = clone(model);  // F gives zeros
  walk(even.attend, [](const Item& x) {
    if (x.kind == Item::trained) assign(*x.tensor, zeros(x.tensor->shape()));
  });
  const Tensor right = argmax(even(unseen.premises, unseen.hypotheses).logits) == unseen.labels;
  std::printf("with even weights instead %.1f%%\n", 100 * mean(cast(right, f64)).item());
  std::printf("wrote %s\n", run.path("alignment.svg").c_str());
}

void train(Options& options) {
  options.group("Model");
  const std::string kind =
      options.choice("--attention", {"soft", "none", "bag"}, "none: nothing is aligned; bag: a linear bag of words");
  const bool intra = options.flag("--intra", "words look at their own sentence first");
  const int64_t width = options.integer("--width", 64, "of the embeddings", at_least(1));
  const int64_t hidden = options.integer("--hidden", 32, "of everything else", at_least(1));
  const double dropout = options.number("--dropout", 0, "before each linear layer", between(0, 0.99));
  for (const char* option : {"--intra", "--width", "--hidden", "--dropout"})
    if (kind == "bag") options.no_part(option, "--attention bag");
  const Fit how =
      fit_options(options, {.steps = 2000, .lr = 3e-3, .out = "runs/inference", .title = "Inference: " + kind});
  options.done();

  seed(uint64_t(how.seed));
  Rng rng{uint64_t(how.seed) + 1000};
  const Pairs unseen = sample(Split::test, 2000, rng);
  if (kind == "bag") {
    BagOfWords model{.vocab = words.size(), .classes = 3};
    train(model, how, options, unseen, [&](const Pairs& p, Rng*) { return model(p.premises, p.hypotheses); });
    return;
  }
  Decomposable model{.vocab = words.size(),
                     .width = width,
                     .hidden = hidden,
                     .classes = 3,
                     .dropout = dropout,
                     .attends = kind == "soft",
                     .intra = intra};
  const std::optional<RunFolder> run = train(model, how, options, unseen, [&](const Pairs& p, Rng* training) {
    return model(p.premises, p.hypotheses, training).logits;
  });
  if (run && model.attends) show(model, *run, unseen);
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(argc, argv,
                     {.what = "Learns whether a sentence entails another, and shows which words it compares.",
                      .example = "--attention bag"},
                     train);
}
