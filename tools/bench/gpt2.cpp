// What is done with 124M parameters besides training them: the optimizer alone, and writing.
#include "gpt2.h"
#include <heed/optim/adam.h>
#include <heed/optim/clip.h>
#include "measure.h"

namespace heed::bench {
namespace {

Gradients random_gradients(const Gpt& model) {
  const Parameters p = parameters(model);
  Gradients g{p.paths, {}};
  Rng rng{1};
  for (const Tensor& x : p.values) g.values.push_back(randn(x.shape(), rng) * 0.01);
  return g;
}
double weights(const Gpt& model) { return double(parameters(model).numel()); }

Result adamw(double seconds) {
  const Gpt model = gpt2_124m();
  const Gradients g = random_gradients(model);
  AdamW optimizer{.lr = 1e-4};
  return {.timing = time({.seconds = seconds}, [&] { optimizer.step(model, g); }), .bytes = 28 * weights(model)};
}

Result clip_grad_norm(double seconds) {
  const Gpt model = gpt2_124m();
  Gradients g = random_gradients(model);
  double most = 1;  // each time a little less, so that there is always something to clip
  return {.timing = time({.seconds = seconds / 2}, [&] { g = clip(std::move(g), most *= 0.99); }),
          .bytes = 12 * weights(model)};
}

// 32 tokens are read and 128 written, the likeliest each.
Result generate_by_hand(Dtype stored, double seconds) {
  const Gpt model = cast(gpt2_124m(), stored);
  const Unrecorded off;
  Rng rng{1};
  const Tensor prompt = randint(0, model.vocab, {1, 32}, rng);
  constexpr int tokens = 128;
  memory::trim();
  reset_resident_peak();
  Result r{.bytes = tokens * double(width(stored)) * (weights(model) - double(model.position->weight.numel())),
           .count = tokens,
           .unit = "tokens"};
  r.timing = time({.seconds = 2.5 * seconds, .least = 3, .warm = 1}, [&] {
    GenerationCache cache;
    Tensor ids = prompt;
    for (int i = 0; i < tokens; ++i) ids = reshape(argmax(model.next(ids, cache)), {1, 1});
  });
  return r;
}

}  // namespace

Gpt gpt2_124m() {
  return {.vocab = 50257, .context = 1024, .width = 768, .layers = 12, .heads = 12, .gelu_tanh = true};
}

std::vector<Item> gpt2_parts() {
  return {
      {"adamw_124m", "optimizer", adamw},
      {"clip_grad_norm_124m", "optimizer", clip_grad_norm},
      {"gpt2_generate_hand", "generation", [](double seconds) { return generate_by_hand(f32, seconds); }},
      {"gpt2_generate_hand_bf16", "generation", [](double seconds) { return generate_by_hand(bf16, seconds); }},
  };
}

}  // namespace heed::bench
