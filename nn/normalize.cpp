#include "normalize.h"
#include "../core/mode.h"
#include "../core/text.h"
#include "../ops/checks.h"

namespace heed {
namespace {

Tensor gumbel_noise(const Tensor& like, Rng& rng) {
  constexpr double above_0 = 1e-20;
  return -log(-log(rand(like.shape(), rng, like.dtype()) + above_0));
}

Tensor soft(const Tensor& s, const Tensor& mask) { return mask.defined() ? masked_softmax(s, mask) : softmax(s); }

// 1 at the largest, the first of equals, else 0
Tensor hard(const Tensor& s, const Tensor& mask) {
  constexpr double nothing = -std::numeric_limits<double>::infinity();
  const Tensor left = mask.defined() ? where(mask, s, nothing) : s;
  const Tensor chosen = arange(s.size(-1)) == argmax(left, -1, keepdim);
  return cast(mask.defined() ? chosen & mask : chosen, s.dtype());
}

}  // namespace

Tensor normalize(In scores, Normalizer how, const NormalizeOptions& options, Rng* rng) {
  const Where at = line_of(scores);
  check_floating("normalize", at, scores);
  checked_dim(at, "normalize", -1, scores->dim());
  const Tensor& mask = options.mask;
  if (mask.defined()) {
    check_boolean("normalize", at, mask);
    check_over("normalize", at, "mask", mask, "the scores ", scores->shape());
  }
  if (options.temperature <= 0)
    fail<Error>(at, "normalize", "the temperature must be above 0, not " + std::to_string(options.temperature));
  if (scores->numel() == 0) return scores;
  Scope here{scores};
  const double by = 1 / options.temperature;
  const Tensor calm = by == 1 ? scores.tensor() : scale(scores, by);
  Tensor s = calm;
  if (rng && how >= Normalizer::sampled) {
    const Tensor noise = gumbel_noise(scores, *rng);
    s = s + (how == Normalizer::gumbel ? scale(noise, by) : noise);
  }
  auto kept = [&](const Tensor& x) { return mask.defined() ? where(mask, x, 0) : x; };  // what is masked may be NaN
  switch (how) {
    case Normalizer::softmax:
    case Normalizer::gumbel:
      return soft(s, mask);
    case Normalizer::sparsemax:
      return sparsemax(s, mask);
    case Normalizer::relu:
      return relu(kept(s));
    case Normalizer::relu_n: {
      if (!mask.defined()) return scale(relu(s), 1 / double(s.size(-1)));
      const Tensor n = sum(broadcast_to(mask, s.shape()), -1, keepdim);
      return relu(kept(s)) / maximum(cast(n, s.dtype()), 1);
    }
    case Normalizer::sigmoid:
      return kept(sigmoid(kept(s)));
    case Normalizer::none:
      return kept(s);
    case Normalizer::sampled:
      return hard(s, mask);
    case Normalizer::straight_through:
      break;
  }
  const Tensor p = soft(calm, mask);
  return hard(s, mask) + (p - stop_gradient(p));
}

const std::vector<std::string>& normalizer_names() {
  static const std::vector<std::string> names{"softmax", "sparsemax",        "relu",  "relu/n", "sigmoid", "none",
                                              "sampled", "straight_through", "gumbel"};
  return names;
}

Normalizer normalizer_of(std::string_view name, Where at) {
  return Normalizer(place_of(name, normalizer_names(), "normalizer_of", line_of(at)));
}

}  // namespace heed
