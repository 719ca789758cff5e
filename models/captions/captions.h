#pragma once
// Show, attend and tell (Xu et al. 2015): a convolution makes a vector of each patch of a picture, and an LSTM writes
// what it shows; before each word it looks at the patches again, softly at all or hard at one of them.
#include "../../nn/attention.h"
#include "../../nn/conv.h"
#include "../../nn/embedding.h"
#include "../../nn/recurrent.h"
#include "../../nn/reinforce.h"
#include "../data/vocabulary.h"

namespace heed {

struct Captioner {
  enum Kind { soft, hard, mean };  // mean: all patches alike, whatever the word
  int64_t vocab;
  Kind kind = soft;
  double penalty = 0;  // lambda, of places that are looked at more or less than once in all: of soft attention
  int64_t patch = 8, places = 9, features = 64, width = 32, hidden = 64;

  Conv2d patches{.in = 3, .out = features, .kernel = patch, .stride = patch};
  LearnedPosition place{places, features};                      // a deep network's features would tell
  Linear first_h{features, hidden}, first_c{features, hidden};  // from the mean of the patches
  Embedding word{vocab, width};
  std::optional<AdditiveScore> score = make_if<AdditiveScore>(kind != mean, hidden, features, hidden);
  Linear gate{hidden, 1};  // beta
  LstmCell decoder{width + features, hidden};
  Linear of_h{hidden, width}, of_z{.in = features, .out = width, .bias = {}}, output{width, vocab};  // section 3.1.2
  Reinforce reinforce{.entropy = 0.01};

  // ---- the picture [B, 3, H, W], once
  struct Seen {
    Tensor places;     // a [B, L, features]
    Tensor mean;       // of these, [B, features]
    Tensor projected;  // U a [B, L, hidden], undefined where nothing attends
    LstmState state;   // of the decoder, [B, hidden]
  };
  // Before the first word
  Seen look(In images) const {
    const Tensor a = relu(place(transpose(flatten(patches(images), 2)))), m = heed::mean(a, 1);
    return {a, m, score ? score->project(a) : Tensor(), {tanh(first_h(m)), tanh(first_c(m))}};
  }

  // ---- a word
  struct Step {
    Tensor logits;  // [B, vocab]
    LstmState state;
    Choice looks;  // weights [B, L]; of hard attention, how it was drawn
  };
  Step step(const Tensor& last, const LstmState& before, const Seen& seen, Rng* rng = nullptr,
            const Tensor& drawn = {}) const {
    Step r;
    Tensor context = seen.mean;
    if (score) {
      const Tensor s = squeeze(score->of(unsqueeze(before.h, 1), seen.projected), 1);  // [B, L]
      r.looks = kind == hard ? choose(s, rng, drawn) : Choice{normalize(s, Normalizer::softmax), {}, {}};
      context = squeeze(matmul(unsqueeze(r.looks.weights, 1), seen.places), 1);
    }
    const Tensor z = sigmoid(gate(before.h)) * context, x = word(last);
    r.state = decoder(concat({x, z}, -1), before);
    r.logits = output(x + of_h(r.state.h) + of_z(z));  // eq. 7
    return r;
  }

  // The loss of captions [B, T] i64, start and end among them, each word given the true one before. Hard attention
  // draws where it looks in half of the rows and takes the mean over places in the others (section 4.1).
  Tensor loss(In images, const Tensor& captions, Rng& rng) const {
    const int64_t B = captions.size(0), T = captions.size(1);
    const Seen seen = look(images);
    const Tensor drawn = kind == hard ? rand({B}, rng) < 0.5 : Tensor();
    LstmState state = seen.state;
    std::vector<Tensor> logits, weights;
    Tensor log_choice = zeros({B}, images->dtype()), entropies = log_choice;
    for (int64_t t = 0; t + 1 < T; ++t) {
      const Step now = step(captions(_, t), state, seen, &rng, drawn);
      state = now.state;
      logits.push_back(now.logits);
      if (kind == soft) weights.push_back(now.looks.weights);
      if (kind == hard) log_choice = log_choice + now.looks.log_probability, entropies = entropies + now.looks.entropy;
    }
    const Tensor surprise = cross_entropy(stack(logits, 1), captions(_, Range{1}), {.reduction = Reduction::none});
    if (kind == hard) return reinforce(-sum(surprise, 1), log_choice, entropies);
    const Tensor words = heed::mean(sum(surprise, 1));
    return kind == soft ? words + penalty * heed::mean(coverage_penalty(stack(weights, 1))) : words;
  }

  // ---- writing
  struct Written {
    Tensor ids;      // [B, T] i64; a row ends with its first Vocabulary::end
    Tensor weights;  // [B, T, L], undefined where nothing attends
  };
  // Greedy: `longest` times the likeliest word, by hard attention of the likeliest place.
  Written write(In images, int64_t longest) const {
    Unrecorded off;
    const Seen seen = look(images);
    LstmState state = seen.state;
    Tensor last = full({images->size(0)}, Vocabulary::start, i64);
    std::vector<Tensor> ids, weights;
    for (int64_t t = 0; t < longest; ++t) {
      const Step now = step(last, state, seen);
      last = argmax(now.logits), state = now.state;
      ids.push_back(last);
      if (score) weights.push_back(now.looks.weights);
    }
    return {stack(ids, 1), score ? stack(weights, 1) : Tensor()};
  }
};

}  // namespace heed
