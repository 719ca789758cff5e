// Teaches a model to say what a picture of two objects shows, "red circle above blue square", then shows where it looks
// before each word. Whoever sees the mean of all patches only cannot tell what stands where.
#include <heed/heed.h>
#include <heed/models/captions/captions.h>
#include <heed/models/data/bleu.h>
#include <heed/models/data/scenes.h>
#include <heed/models/data/words.h>
#include <heed/models/draw/tensor.h>
#include <heed/models/run/fit.h>
#include <cstdio>
using namespace heed;

namespace {

const WordVocabulary words(scene_words);
constexpr int64_t longest = 6;  // words and end

struct Scenes {
  std::vector<Scene> each;
  Tensor images;  // [B, 3, 24, 24]
};
Scenes sample(int64_t n, Rng& rng) {
  Scenes r;
  std::vector<Tensor> images;
  for (int64_t i = 0; i < n; ++i) r.each.push_back(sample_scene(rng)), images.push_back(r.each.back().image);
  r.images = stack(images);
  return r;
}
Tensor captions(const Scenes& scenes) {  // [B, longest + 1]: start, words, end
  std::vector<int64_t> ids;
  for (const Scene& s : scenes.each) {
    ids.push_back(Vocabulary::start);
    for (int64_t id : words.encode(s.caption)) ids.push_back(id);
    ids.push_back(Vocabulary::end);
  }
  return tensor(ids, {std::ssize(scenes.each), longest + 1});
}

struct Score {
  std::vector<std::string> written, wanted;
  AlignmentScore first, second;  // of the two objects, when the first word of each is written
  double exact() const {
    double right = 0;
    for (std::size_t i = 0; i < written.size(); ++i) right += written[i] == wanted[i];
    return right / double(written.size());
  }
};
Score score(const Captioner& model, const Scenes& scenes) {
  Score r;
  const auto [ids, weights] = model.write(scenes.images, longest);
  for (int64_t i = 0; i < std::ssize(scenes.each); ++i) {
    const Scene& s = scenes.each[std::size_t(i)];
    r.written.push_back(words.decode(ids(i).to_vector<int64_t>()));
    r.wanted.push_back(s.caption);
    if (!weights.defined()) continue;
    r.first.add(weights(i), {s.alignment[0]});
    r.second.add(weights(i), {{}, {}, {}, s.alignment[3]});
  }
  return r;
}

// The picture, and what of it is looked at while each word is written.
draw::Picture looks(const Captioner& model, const Scene& scene) {
  const auto [ids, weights] = model.write(unsqueeze(scene.image, 0), longest);
  draw::Picture r = draw::picture_of(scene.image, {.title = words.decode(ids(0).to_vector<int64_t>())});
  const std::vector<std::string> written = words_of(r.title);
  std::printf("  %s\n", r.title.c_str());
  for (int64_t t = 0; model.score && t < std::ssize(written); ++t)
    r.maps.push_back(draw::matrix_of(reshape(weights(0, t), {3, 3}), {.title = written[std::size_t(t)]}));
  return r;
}

void train(Options& options) {
  options.group("Model");
  const auto [kind, attention] = options.choice<Captioner::Kind>(
      "--attention", {{"soft", Captioner::soft}, {"hard", Captioner::hard}, {"mean", Captioner::mean}},
      "to the patches of the picture");
  const double penalty =
      options.number("--penalty", 0, "of soft attention, for places not looked at once in all", at_least(0));
  if (attention != Captioner::soft) options.no_part("--penalty", "--attention " + kind);
  const Fit how =
      fit_options(options, {.steps = 1200, .lr = 1e-2, .out = "runs/captions", .title = "Captions: " + kind});
  options.done();

  seed(uint64_t(how.seed));
  Captioner model{.vocab = words.size(), .kind = attention, .penalty = penalty};
  const RunFolder run = fit(model, how, options, [&](Rng& rng) {
    const Scenes scenes = sample(how.batch, rng);
    return model.loss(scenes.images, captions(scenes), rng);
  });
  if (interrupted()) return;

  Rng unseen{uint64_t(how.seed) + 1000};  // but for some: there are 746,496 pictures
  std::vector<draw::Picture> pictures;
  std::printf("\n");
  for (int i = 0; i < 6; ++i) pictures.push_back(looks(model, sample_scene(unseen)));
  draw::save_svg(run.path("captions.svg"), draw::pictures(pictures, "What it writes, and where it looks: " + kind));
  const Score s = score(model, sample(1000, unseen));
  std::printf("\nexact match %.1f%% of 1000 new scenes, BLEU %.4f\n", 100 * s.exact(), bleu(s.written, s.wanted).score);
  if (model.score)
    std::printf("attention on the first object %.3f, on the second %.3f, when it is first named\n", s.first.mass(),
                s.second.mass());
  std::printf("wrote %s and loss.svg beside it\n", run.path("captions.svg").c_str());
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(
      argc, argv,
      {.what = "Says what pictures of two objects show, and where it looks for it.", .example = "--attention mean"},
      train);
}
