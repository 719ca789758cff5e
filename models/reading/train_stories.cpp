// Reads short stories and answers where somebody, or something, is. A person is found by one look at the last sentence
// about them; a thing by two, at who took it and at where they went: a memory network looks as often as it is told to.
#include <heed/heed.h>
#include <heed/models/draw/svg.h>
#include <heed/models/draw/tensor.h>
#include <heed/models/reading/attentive_reader.h>
#include <heed/models/reading/memory_network.h>
#include <heed/models/run/fit.h>
#include <algorithm>
#include <cstdio>
using namespace heed;

namespace {

const WordVocabulary words(story_words);

std::vector<Story> stories(int64_t n, int64_t facts, int64_t length, Rng& rng) {
  std::vector<Story> r;
  for (int64_t i = 0; i < n; ++i) r.push_back(sample_story(facts, length, rng));
  return r;
}

draw::Matrix picture(const Story& s, const Reading& reading, int64_t i) {
  const std::string said = words.decode(argmax(reading.logits(range(i, i + 1))).to_vector<int64_t>());
  draw::Matrix m{.row_labels = s.sentences, .title = s.question + "? " + said, .col_name = "look"};
  for (std::string& label : m.row_labels) label.erase(label.find("the "), 4);  // to be short enough
  for (int64_t k = 0; k < reading.weights.size(1); ++k) m.col_labels.push_back(std::to_string(k + 1));
  return draw::matrix_of(transpose(reading.weights(i)), std::move(m));
}

// read(batch, rng, step) is a Reading.
template <class M>
void train(M& model, const Fit& how, const Options& options, int64_t facts, int64_t length, auto read) {
  const RunFolder run = fit(model, how, options, [&](Rng& rng, int64_t step) {
    const StoryBatch batch = collate(stories(how.batch, facts, length, rng), words);
    return cross_entropy(read(batch, rng, step).logits, batch.answer);
  });
  if (interrupted()) return;

  Unrecorded off;
  Rng unseen{uint64_t(how.seed) + 1000};
  const std::vector<Story> asked = stories(2000, facts, length, unseen);
  const StoryBatch batch = collate(asked, words);
  const Reading reading = model(batch);
  const Tensor most = max(reading.weights, 1);  // of all looks: [B, S]
  double supporting = 0;
  for (std::size_t i = 0; i < asked.size(); ++i)
    for (int64_t sentence : asked[i].supporting) supporting += most(int64_t(i), sentence).item() / double(facts);
  std::vector<draw::Matrix> pictures;
  for (int64_t i = 0; i < 4; ++i) pictures.push_back(picture(asked[std::size_t(i)], reading, i));

  std::printf("\n2000 new stories of %lld sentences\n", static_cast<long long>(length));
  std::printf("answers right %.1f%%\n", 100 * mean(cast(argmax(reading.logits) == batch.answer, f64)).item());
  std::printf("weight on the supporting sentences %.3f\n", supporting / double(asked.size()));
  draw::save_svg(run.path("attention.svg"),
                 draw::heat_maps(draw::cropped(pictures), {.title = "Where it looks for the answer"}));
  std::printf("wrote %s and loss.svg beside it\n", run.path("attention.svg").c_str());
}

void train(Options& options) {
  options.group("Model");
  const std::string kind = options.choice("--model", {"memory", "reader"}, "a memory network, or an attentive reader");
  const bool memory = kind == "memory";
  const int64_t hops = options.integer("--hops", 3, "how often a memory network looks", at_least(1));
  const bool attends = options.choice("--attention", {"soft", "even"}, "even: at all sentences alike") == "soft";
  const int64_t linear =
      options.integer("--linear-start", 300, "first steps in which it looks without softmax", at_least(0));
  const int64_t width = options.integer("--width", memory ? 64 : 32, "of the embeddings", at_least(1));
  const int64_t hidden = options.integer("--hidden", 32, "of the LSTMs of a reader", at_least(1));
  if (!attends) options.no_part("--linear-start", "--attention even");
  for (const char* option : {"--hops", "--linear-start"})
    if (!memory) options.no_part(option, "--model reader");
  if (memory) options.no_part("--hidden", "--model memory");
  options.group("Task");
  const int64_t facts = options.integer("--facts", 1, "sentences that an answer follows from, 1 or 2", between(1, 2));
  const int64_t length = options.integer("--sentences", facts == 1 ? 6 : 12, "in a story", at_least(double(facts)));
  const Fit how = fit_options(options, {.steps = !memory      ? 1500
                                                 : facts == 1 ? 1000
                                                              : 3000,
                                        .lr = memory ? 1e-2 : 5e-3,
                                        .out = "runs/stories",
                                        .title = "Stories: " + kind});
  options.done();

  seed(uint64_t(how.seed));
  if (memory) {
    MemoryNetwork model{.vocab = words.size(), .width = width, .hops = hops, .times = 2 * length, .attends = attends};
    train(model, how, options, facts, length, [&](const StoryBatch& batch, Rng& rng, int64_t step) {
      return model(batch, &rng, step < linear ? Normalizer::none : Normalizer::softmax);
    });
  } else {
    AttentiveReader model{.vocab = words.size(), .width = width, .hidden = hidden, .attends = attends};
    train(model, how, options, facts, length,
          [&](const StoryBatch& batch, Rng& rng, int64_t) { return model(batch, &rng); });
  }
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(argc, argv,
                     {.what = "Learns to answer questions about short stories, and shows which sentences it looks at.",
                      .example = "--facts 2 --hops 1"},
                     train);
}
