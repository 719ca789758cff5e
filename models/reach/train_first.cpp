// How far back a gradient reaches: a symbol, a silence of a hundred steps, then the question what the symbol was.
#include <heed/heed.h>
#include <heed/models/draw/svg.h>
#include <heed/models/reach/reach.h>
#include <heed/models/run/fit.h>
#include <cstdio>
using namespace heed;

namespace {

// [B, T] i64: a symbol, then silence
Tensor sample(int64_t B, int64_t T, int64_t symbols, Rng& rng) {
  return concat({randint(0, symbols, {B, 1}, rng), full({B, T - 1}, double(symbols), i64)}, 1);
}

// |dL / dx_{T - k}| for k = 0 .. T - 1, of the loss L at the end
std::vector<double> reach(const FirstSymbol& model, const Tensor& ids) {
  const Tensor x = model.token(ids).detach().requires_grad();
  const Tensor d = grad(cross_entropy(model.output(model.read(x)), ids(_, 0)), {x})[0];  // [B, T, width]
  const std::vector<double> forward = norm(cast(transpose(d, 0, 1), f64), 2, {1, 2}).to_vector();
  return {forward.rbegin(), forward.rend()};
}

void train(Options& options) {
  options.group("Model");
  const auto [kind, memory] = options.choice<FirstSymbol::Memory>(
      "--memory", {{"attention", FirstSymbol::attention}, {"lstm", FirstSymbol::lstm}, {"rnn", FirstSymbol::rnn}},
      "what remembers");
  const int64_t width = options.integer("--width", 32, "of embeddings and states", at_least(1));
  options.group("Task");
  const int64_t symbols = options.integer("--symbols", 8, "how many there are", at_least(2));
  const int64_t silence = options.integer("--silence", 100, "steps between symbol and question", at_least(1));
  const Fit how = fit_options(options, {.steps = 1500, .lr = 3e-3, .out = "runs/first", .title = "First symbol"});
  options.done();

  seed(uint64_t(how.seed));
  FirstSymbol model{.symbols = symbols, .width = width, .length = silence + 1, .memory = memory};
  Rng unseen{uint64_t(how.seed) + 1000};
  const Tensor test = sample(1000, silence + 1, symbols, unseen);
  const std::vector<double> before = reach(model, test);
  int64_t since = -1, good = 0;  // the first of `good` batches on end that were all right
  const RunFolder run = fit(model, how, options, [&](Rng& rng, int64_t step) {
    const Tensor x = sample(how.batch, silence + 1, symbols, rng), logits = model(x);
    if (since < 0) since = step;  // a run that goes on begins later than at 0
    if (!equal(argmax(logits), x(_, 0))) since = step + 1, good = 0;
    else ++good;
    return cross_entropy(logits, x(_, 0));
  });
  if (interrupted()) return;
  const std::vector<double> after = reach(model, test);

  const double right = mean(cast(argmax(model(test)) == test(_, 0), f64)).item();
  std::printf("\n%lld steps of silence: %.1f%% of 1000 symbols right, chance %.1f%%\n", static_cast<long long>(silence),
              100 * right, 100.0 / double(symbols));
  if (good >= 5) std::printf("all right since step %lld\n", static_cast<long long>(since));
  std::printf("the symbol's gradient, of that of the last place: %.1e before training, %.1e after\n",
              before.back() / before.front(), after.back() / after.front());
  draw::save_svg(run.path("reach.svg"),
                 draw::curve({{.name = "before training", .y = before}, {.name = "after", .y = after}},
                             {.title = "How far back the gradient of the loss reaches: " + kind,
                              .x_label = "steps back",
                              .y_label = "norm of the gradient",
                              .log_y = true}));
  std::printf("wrote %s and loss.svg beside it\n", run.path("reach.svg").c_str());
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(argc, argv,
                     {.what = "Asks for a symbol after a long silence, and shows how far back its gradient reaches.",
                      .example = "--memory rnn"},
                     train);
}
