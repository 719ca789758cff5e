#pragma once
// Recurrent visual attention (Mnih et al. 2014; Ba, Mnih and Kavukcuoglu 2015): a picture is seen in a few glimpses,
// one cell of it each; an LSTM puts together what it has seen and where, and decides where to look next. There are as
// many places as cells, and one size of glimpses; the papers have any place and several sizes.
#include "../../nn/conv.h"
#include "../../nn/recurrent.h"
#include "../../nn/reinforce.h"
#include "../../nn/score.h"

namespace heed {

struct GlimpseNet {
  enum Kind { hard, soft, mean };  // mean: after the first glimpse, all cells alike
  int64_t classes, glimpses;
  Kind kind = hard;
  int64_t cells = 9, patch = 8, hidden = 64;

  Conv2d what{.in = 3, .out = hidden, .kernel = patch, .stride = patch};
  Linear where{.in = cells, .out = hidden, .bias = {}};
  LstmCell core{hidden, hidden};
  LocationScore next{hidden, cells};  // whatever stands there: it has not been seen yet
  Linear output{hidden, classes};
  Reinforce reinforce{.entropy = 0.05};

  struct Seen {
    Tensor logits;                      // [B, classes]
    Tensor weights;                     // [B, glimpses, cells], the first always of the cell in the middle
    Tensor log_probability, entropies;  // [B], summed over the glimpses: of hard attention
  };
  // [B, 3, H, W]; what hard attention draws, see `choose`
  Seen look(In images, Rng* rng = nullptr, const Tensor& drawn = {}) const {
    const Tensor all = transpose(flatten(what(images), 2));  // [B, cells, hidden]
    if (all.size(1) != cells)
      fail<ShapeError>(line_of(images), "GlimpseNet",
                       "pictures " + images->shape().str() + " have " + std::to_string(all.size(1)) + " cells, not " +
                           std::to_string(cells));
    const int64_t B = images->size(0);
    Tensor w = expand(cast(arange(cells) == cells / 2, all.dtype()), {B, cells});
    std::vector<Tensor> weights{w};
    LstmState state = core(glimpse(all, w));
    Seen r{{}, {}, zeros({B}, all.dtype()), zeros({B}, all.dtype())};
    while (std::ssize(weights) < glimpses) {
      const Tensor s = next(unsqueeze(state.h, 1), all)(_, 0);  // [B, cells]
      if (kind == hard) {
        const Choice c = choose(s, rng, drawn);
        w = c.weights, r.log_probability = r.log_probability + c.log_probability, r.entropies = r.entropies + c.entropy;
      } else {
        w = kind == soft ? softmax(s) : full(s.shape(), 1 / double(cells), s.dtype());
      }
      weights.push_back(w);
      state = core(glimpse(all, w), state);
    }
    r.logits = output(state.h), r.weights = stack(weights, 1);
    return r;
  }
  Tensor glimpse(const Tensor& all, const Tensor& w) const {  // [B, hidden]
    return relu(squeeze(matmul(unsqueeze(w, 1), all), 1) + where(w));
  }

  // target [B] i64. Hard attention is rewarded with log p(target); half of the rows take the mean over cells, as in Xu
  // et al. 2015, section 4.1.
  Tensor loss(In images, const Tensor& target, Rng& rng) const {
    const Seen r = look(images, &rng, kind == hard ? rand({images->size(0)}, rng) < 0.5 : Tensor());
    if (kind != hard) return cross_entropy(r.logits, target);
    return reinforce(-cross_entropy(r.logits, target, {.reduction = Reduction::none}), r.log_probability, r.entropies);
  }
};

}  // namespace heed
