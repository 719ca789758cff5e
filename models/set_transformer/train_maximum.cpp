// Finds the largest of a set of up to ten numbers from 0 to 100. The set is pooled to one vector: by attention,
// which looks at the largest number; by their mean, in which it is one of many; or by their maximum, to which it is
// easy.
#include <heed/heed.h>
#include <heed/models/draw/svg.h>
#include <heed/models/draw/tensor.h>
#include <heed/models/run/fit.h>
#include <heed/models/set_transformer/set_regressor.h>
#include <algorithm>
#include <cstdio>
using namespace heed;

namespace {

constexpr double most = 100;  // models see and say numbers as shares of it

void train(Options& options) {
  options.group("Model");
  using Model = SetRegressor;
  const auto [kind, pooling] = options.choice<Model::Pooling>(
      "--pooling", {{"attention", Model::attention}, {"mean", Model::mean}, {"max", Model::max}},
      "how a set becomes one vector");
  const std::string encoder =
      options.choice("--encoder", {"sab", "isab"}, "by which elements look at each other first");
  const int64_t points =
      options.integer("--points", 4, "of an ISAB, which look at the set in their place", at_least(1));
  if (encoder != "isab") options.no_part("--points", "--encoder " + encoder);
  for (const char* option : {"--encoder", "--points"})
    if (pooling != Model::attention) options.no_part(option, "--pooling " + kind);
  const int64_t width = options.integer("--width", 32, "of an element's vector, a multiple of 4", at_least(4));
  options.group("Task");
  const int64_t largest = options.integer("--numbers", 10, "in the largest sets", at_least(1));
  const Fit how = fit_options(
      options, {.steps = 3400, .lr = 2e-3, .out = "runs/maximum", .title = "Maximum: " + kind, .batch = 64});
  options.done();

  seed(uint64_t(how.seed));
  SetRegressor model{.width = width, .heads = 4, .pooling = pooling, .points = encoder == "isab" ? points : 0};
  const RunFolder run = fit(model, how, options, [&](Rng& rng) {
    const Tensor x = rand({how.batch, largest}, rng), n = randint(1, largest + 1, {how.batch}, rng);
    const Tensor mask = length_mask(n, largest);
    return l1_loss(model(x, mask), max(where(mask, x, 0), 1));
  });
  if (interrupted()) return;

  Unrecorded off;
  Rng unseen{uint64_t(how.seed) + 1000};
  std::printf("\n2000 new sets of each size\n");
  for (int64_t n : {largest / 2, largest, 2 * largest}) {
    if (n < 1) continue;
    const Tensor x = rand({2000, n}, unseen);
    std::printf("mean error of %lld numbers %.2f%s\n", static_cast<long long>(n),
                most * l1_loss(model(x), max(x, 1)).item(), n > largest ? ", more than it has seen" : "");
    if (kind != "attention" || n != largest) continue;
    const SetRegressor::Looks looks = model.looks(x);
    const Tensor wanted = argmax(x);
    auto say = [&](const char* who, const Tensor& by) {
      const Tensor there = take_along(by, reshape(wanted, {2000, 1, 1}), 2);  // [B, heads, 1]
      std::printf("%s looks most at the largest in %.1f%%, a head of %s with weight %.3f\n", who,
                  100 * mean(cast(argmax(mean(by, 1)) == wanted, f64)).item(), who, max(mean(there, {0, 2})).item());
    };
    say("the set", looks.together), say("the pool", looks.pool);
  }
  if (kind == "attention") {
    const SetRegressor::Looks looks = model.looks(sort(rand({20, largest}, unseen)).values);
    auto matrix = [](const char* who, const Tensor& by) {
      return draw::matrix_of(mean(by, 1), {.title = who, .row_name = "set", .col_name = "its numbers, in their order"});
    };
    draw::save_svg(
        run.path("attention.svg"),
        draw::heat_maps(draw::cropped({matrix(encoder == "isab" ? "ISAB: its points" : "SAB: the numbers at each other",
                                              looks.together),
                                       matrix("PMA: the pool", looks.pool)}),
                        {.title = "Where attention looks for the largest number"}));
  }
  std::printf("wrote %sloss.svg\n", kind == "attention" ? (run.path("attention.svg") + " and ").c_str() : "");
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(argc, argv, {.what = "Learns to find the largest number of a set.", .example = "--pooling mean"},
                     train);
}
