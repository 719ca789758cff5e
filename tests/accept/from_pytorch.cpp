// The spellings that README.md, "Coming from PyTorch", teaches.
#include <heed/heed.h>
#include <heed/models/data/batch.h>
#include <heed/models/data/loader.h>
#include <heed/models/run/checkpoint.h>
using namespace heed;

struct Block {
  int64_t width;
  Linear linear{width, width};
  Dropout dropout{0.1};
  Tensor operator()(In x, Rng* training = nullptr) const { return dropout(x + relu(linear(x)), training); }
};
struct Image {
  int64_t width;
  Sequential net{make<Linear>(width, 8), Relu{}, Linear{.in = 8, .out = 2, .bias = {}}};
  Conv2d filters{.in = 3, .out = width, .kernel = 3, .padding = 1};
  TransformerEncoder encoder{.width = width, .heads = 2, .num_layers = 1, .options = {.norm_first = true}};
  Gru gru{.in = width, .hidden = width, .bidirectional = true};
  Tensor operator()(In x, const Tensor& kept) const { return net(encoder(gru(x).y, {.key_mask = kept})); }
};
struct Model {
  std::vector<Block> blocks = stack_of(3, [] { return Block{8}; });
  Tensor operator()(In x, Rng* training = nullptr) const {
    Tensor y = x;
    for (const Block& block : blocks) y = block(y, training);
    return y;
  }
};

int main() {
  seed(1);
  Model model;
  Sgd optimizer{.lr = 0.1, .groups = {{.pattern = "*.bias", .weight_decay = 0}}};
  Rng rng{1};
  Tensor x = randn({4, 8}, default_rng()), target = tensor({1, 2, 3, 4}, i64);
  Anomaly watch{model};
  Tensor logits = model(x, &rng), loss = cross_entropy(logits, target);
  const int n = 1;
  Gradients g;
  g = g + grad(consume(loss), model) * (1.0 / n);
  optimizer.step(model, g, cosine(0, 0, 5000));
  {
    Unrecorded off;
    const double accuracy = mean(cast(argmax(model(x)) == target, f32)).item();
    if (accuracy > 0.5) return 1;
  }
  x = x(_, -1) + sum(x(0, Range{2})) + sum(x(Range{.step = 2}));
  x = x + 1;
  x = masked_fill(x, x > 1, 0);
  Tensor a = x > 0, b = x < 1;
  x = where((a & b) | (a ^ ~b), heed::std(x, 0), gelu(x, Approximate::tanh));
  x = x(x > 1) + x(target(x > 1), target(x > 1));
  x = einsum("ij,jk", {repeat(x, {2, 3}), pad(x, {1, 2})}) + take_along(x, target, 1);
  const Model copy = clone(model), precise = cast(model, f64);
  freeze(model.blocks[0]);
  freeze(model.blocks[0], false);
  save("model.safetensors", copy);
  load("model.safetensors", model);
  const LoadReport report = load_partial("model.safetensors", model, {{"h.*.ln_1", "blocks.*.norm1"}});
  const std::vector<Example> data(1000);
  const Batches batches = shuffled_batches(1000, 64, rng);
  for (Batch& batch : Loader(std::ssize(batches), [&](int64_t i) { return collate(data, batches[size_t(i)]); }))
    print(batch.source.ids);
  Checkpoints("runs/example", model).add("optimizer", optimizer).add("rng", rng).save(1);
  const Image image{4};
  return int(parameters(image).paths.size() + parameters(precise).paths.size() + summary(model).size() +
             report.missing.size());
}
