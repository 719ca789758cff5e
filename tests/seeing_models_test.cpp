// The models that look at pictures: textures, captions, glimpses.
#include <heed/models/captions/captions.h>
#include <heed/models/data/scenes.h>
#include <heed/models/data/words.h>
#include <heed/models/glimpse/glimpse.h>
#include <heed/models/textures/textures.h>
#include "common.h"
#include "program.h"

using namespace heed;

namespace {

template <class M>
void certify(const char* name, const M& model, const Tensor& x) {
  const GradcheckReport r = gradcheck(model, {x}, {.order = 2});
  INFO(name << "\n" << r.str());
  CHECK(r);
  CHECK(r.total.certified_digits >= 9);
  CHECK(r.total.inconclusive + r.total.kinks == 0);  // the corners of relu and max are far from these values
}

struct CaptionLoss {
  Captioner model;
  Tensor captions;
  Tensor operator()(In images) const {
    Rng none;
    return model.loss(images, captions, none);
  }
};
struct GlimpseLogits {
  GlimpseNet model;
  Tensor operator()(In images) const { return model.look(images).logits; }
};

Captioner captioner(Captioner::Kind kind, double penalty = 0, double size = 0.6) {
  return scattered(cast(Captioner{.vocab = 6,
                                  .kind = kind,
                                  .penalty = penalty,
                                  .patch = 2,
                                  .places = 4,
                                  .features = 3,
                                  .width = 2,
                                  .hidden = 3},
                        f64),
                   3, size);
}
GlimpseNet glimpses(GlimpseNet::Kind kind, double size = 0.6) {
  return scattered(
      cast(GlimpseNet{.classes = 3, .glimpses = 3, .kind = kind, .cells = 4, .patch = 2, .hidden = 3}, f64), 4, size);
}
const Tensor captions = tensor({{1, 3, 4, 2}, {1, 5, 3, 2}}, i64);
Tensor images() { return noise({2, 3, 4, 4}, 1); }

// The program's first two steps: it ends well, draws these pictures, and refuses the rest.
Said two_steps(const std::string& program, const std::string& options, std::initializer_list<const char*> pictures) {
  const std::string out = fresh_folder(program);
  const Said said = run_program_of_build(program, options + " --steps 2 --out " + out);
  INFO(said.text);
  CHECK(said.code == 0);
  for (const char* picture : pictures) {
    INFO(picture);
    CHECK(std::filesystem::exists(out + "/" + picture));
  }
  CHECK(std::filesystem::exists(out + "/loss.svg"));
  std::filesystem::remove_all(out);
  return said;
}
void refuses(const std::string& program, const std::string& options, const std::string& text) {
  const Said said = run_program_of_build(program, options);
  INFO(said.text);
  CHECK(said.code == 2);
  CHECK(contains(said.text, text));
}

}  // namespace

TEST_CASE("every gradient of the models that look at pictures is certified to nine digits", "[gradcheck]") {
  for (TextureNet::Kind kind : {TextureNet::none, TextureNet::se, TextureNet::cbam})
    certify("TextureNet",
            scattered(cast(TextureNet{.classes = 3, .kind = kind, .channels = 4, .reduction = 2}, f64), 6, 0.4),
            noise({2, 3, 5, 5}, 2));
  for (Captioner::Kind kind : {Captioner::soft, Captioner::mean})
    certify("Captioner", CaptionLoss{captioner(kind, 0.3), captions}, images());
  for (GlimpseNet::Kind kind : {GlimpseNet::soft, GlimpseNet::mean})
    certify("GlimpseNet", GlimpseLogits{glimpses(kind)}, images());
}

TEST_CASE("TextureNet: the gates it shows are those it uses") {
  const Tensor x = noise({2, 3, 6, 6}, 1);
  for (TextureNet::Kind kind : {TextureNet::se, TextureNet::cbam}) {
    const TextureNet m =
        scattered(cast(TextureNet{.classes = 3, .kind = kind, .channels = 4, .reduction = 2}, f64), 6, 0.4);
    Tensor h = m.features(x) * reshape(m.channel_gate(x), {2, 4, 1, 1});
    if (kind == TextureNet::cbam) h = h * unsqueeze(m.place_gate(x), 1);
    CHECK(max_difference(m(x), m.output(mean(h, {2, 3}))) < 1e-15);
  }
  const TextureNet plain{.classes = 3, .kind = TextureNet::none};
  CHECK_FALSE(plain.channel_gate(x).defined());
  CHECK_FALSE(plain.place_gate(x).defined());
}

TEST_CASE("Captioner: certain of where to look, soft and hard attention are the same") {
  Captioner soft = captioner(Captioner::soft), hard = captioner(Captioner::hard);
  for (Captioner* m : {&soft, &hard}) assign(m->score->v.weight, 1e4 * m->score->v.weight.detach());
  const auto [a, looks] = soft.write(images(), 4);
  const auto [b, same] = hard.write(images(), 4);
  CHECK(equal(a, b));
  CHECK(max_difference(looks, same) < 1e-12);
  CHECK(equal(sum(looks, -1), ones({2, 4}, f64)));
}

TEST_CASE("Captioner: a row of a batch is what it would be alone, and the penalty is that of the coverage") {
  const Captioner m = captioner(Captioner::soft);
  const Tensor x = images();
  const auto [ids, weights] = m.write(x, 4);
  for (int64_t b : {0, 1}) {
    const auto [alone, looks] = m.write(x(range(b, b + 1)), 4);
    CHECK(equal(alone, ids(range(b, b + 1))));
    CHECK(max_difference(looks, weights(range(b, b + 1))) < 1e-14);
  }
  Rng none;
  const auto [own, of_own] = m.write(x, 3);  // each word given the one before, as the loss has it
  const Tensor written = concat({full({2, 1}, Vocabulary::start, i64), own}, 1);
  const double penalty =
      captioner(Captioner::soft, 0.7).loss(x, written, none).item() - m.loss(x, written, none).item();
  CHECK(penalty == Approx(0.7 * mean(coverage_penalty(of_own)).item()));
  CHECK_FALSE(captioner(Captioner::mean).write(x, 4).weights.defined());
}

TEST_CASE("hard attention looks at one place at a time, and what it draws is rewarded") {
  const Tensor many = expand(images()(range(0, 1)), {500, 3, 4, 4}).contiguous();
  const GlimpseNet m = glimpses(GlimpseNet::hard);
  Rng rng{1};
  const GlimpseNet::Seen seen = m.look(many, &rng), likeliest = m.look(many);
  CHECK(equal(sum(cast(seen.weights == 1, i64), -1), ones({500, 3}, i64)));
  CHECK(equal(argmax(seen.weights(_, 0)), full({500}, 2, i64)));  // first the middle of 4
  CHECK(sum(max(seen.weights, 0)).item() > 3);                    // not always the same cells,
  CHECK(sum(max(likeliest.weights, 0)).item() == 3);              // but for the likeliest
  // Its loss moves the scores towards cells that were worth more than the baseline.
  const Tensor target = zeros({500}, i64);
  const Gradients g = grad(m.loss(many, target, rng), m);
  CHECK(g.at("next.location.weight").shape() == Shape{4, 3});
  CHECK(max(abs(g.at("next.location.weight"))).item() > 0);
  CHECK(m.reinforce.baseline.item() < 0);

  const Captioner c = captioner(Captioner::hard);
  const Tensor l = c.loss(many, expand(captions(range(0, 1)), {500, 4}).contiguous(), rng);
  CHECK(max(abs(grad(l, c).at("score.v.weight"))).item() > 0);
}

TEST_CASE("train_textures, train_captions and train_glimpse draw what they saw, and name what they know") {
  two_steps("train_textures", "--attention se", {"channels.svg"});
  const Said place = two_steps("train_textures", "--attention cbam --task place", {"places.svg"});
  CHECK(place.after("texture right ") < 60);  // nothing has been learnt yet
  CHECK(place.after("the same at all places ") < 60);
  CHECK(contains(two_steps("train_textures", "--attention none", {}).text, "wrote loss.svg"));
  const Said terms = two_steps("train_textures", "--attention generalized --task place --batch 4", {"looks.svg"});
  CHECK(terms.after("weight on the red dot ") > 0);
  refuses("train_textures", "--attention eca", "cbam");

  const Said captions_of = two_steps("train_captions", "--attention hard", {"captions.svg"});
  CHECK(captions_of.after("exact match ") < 20);
  CHECK(captions_of.after("on the first object ") >= 0);
  CHECK(std::isnan(two_steps("train_captions", "--attention mean", {"captions.svg"}).after("on the first object ")));
  refuses("train_captions", "--penalty -1", "--penalty");

  for (const char* kind : {"hard", "soft", "mean"}) {
    const Said said = two_steps("train_glimpse", std::string("--hops 2 --attention ") + kind, {"glimpses.svg"});
    CHECK(said.after("form right ") < 60);
    CHECK(said.after("glimpse 3 on the cell that the sign points at, if it has not been seen, ") >= 0);
  }
  const Said far = two_steps("train_glimpse", "--hops 9 --attention mean", {"glimpses.svg"});
  CHECK_FALSE(contains(far.text, "nan"));
  CHECK_FALSE(contains(far.text, "glimpse 10 on"));  // there are 9 cells
  refuses("train_glimpse", "--hops 0", "--hops");
}
