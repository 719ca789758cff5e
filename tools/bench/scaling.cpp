#include <heed/heed.h>
#include <heed/models/draw/svg.h>
#include <heed/models/draw/text.h>
#include <heed/models/gpt/gpt.h>
#include <heed/models/run/run_folder.h>
#include <heed/nn/recurrent.h>
#include "report.h"

namespace heed::bench {
namespace {

double seconds_of(double seconds, FunctionRef<void()> f) {
  return time({.seconds = seconds / 4, .least = 3, .warm = 2}, f).median;
}

// A training step.
template <class M>
double train(const M& model, FunctionRef<Tensor()> loss, double seconds) {
  AdamW optimizer;
  return seconds_of(seconds, [&] {
    Tensor l = loss();
    optimizer.step(model, grad(consume(l), model));
  });
}
double train_gpt(int64_t width, int64_t batch, double seconds) {
  const Gpt model{.vocab = 256, .context = 64, .width = width, .layers = 4, .heads = 4};
  Rng rng{1};
  const Tensor x = randint(0, 256, {batch, 64}, rng), y = randint(0, 256, {batch, 64}, rng);
  return train(
      model, [&] { return cross_entropy(model(x), y); }, seconds);
}
struct Weights {
  int64_t n;
  Parameter weight = parameter(init::normal({n}, 0, 1));
};

Growth attention(const std::string& name, const std::string& what, Tensor (*attend)(In q, In k, In v)) {
  return {name,
          "sizes",
          what + ", forward and backward",
          "sequence length",
          {256, 512, 1024, 2048, 4096, 8192},
          [attend](int64_t length, double seconds) {
            Rng rng{1};
            const Tensor q = randn({1, 12, length, 64}, rng).requires_grad(), g = randn(q.shape(), rng);
            const Tensor k = randn(q.shape(), rng).requires_grad(), v = randn(q.shape(), rng).requires_grad();
            return seconds_of(seconds, [&] { vjp(attend(q, k, v), g, {q, k, v}); });
          }};
}

// The slope of the line through the logarithms (least squares).
double exponent(const std::vector<double>& x, const std::vector<double>& y) {
  double n = 0, sx = 0, sy = 0, sxx = 0, sxy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double u = std::log(x[i]), v = std::log(y[i]);
    n += 1, sx += u, sy += v, sxx += u * u, sxy += u * v;
  }
  return (n * sxy - sx * sy) / (n * sxx - sx * sx);
}

}  // namespace

std::vector<Growth> growths() {
  std::vector<Growth> r{
      attention("attention", "causal attention",
                [](In q, In k, In v) { return scaled_dot_product_attention(q, k, v, {.causal = Causal::on}); }),
      attention("linear_attention", "linear attention", [](In q, In k, In v) { return linear_attention(q, k, v).y; }),
      {"gpt_batch",
       "sizes",
       "GPT, training step",
       "batch",
       {1, 2, 4, 8, 16, 32},
       [](int64_t batch, double seconds) { return train_gpt(128, batch, seconds); }},
      {"gpt_width",
       "sizes",
       "GPT, training step",
       "width",
       {64, 128, 256, 512, 1024},
       [](int64_t width, double seconds) { return train_gpt(width, 4, seconds); }},
      {"lstm_length",
       "sizes",
       "LSTM, training step",
       "sequence length",
       {16, 32, 64, 128, 256, 512},
       [](int64_t length, double seconds) {
         const Lstm model{.in = 128, .hidden = 256};
         Rng rng{1};
         const Tensor x = randn({16, length, 128}, rng);
         return train(
             model, [&] { return mean(square(model(x).y)); }, seconds);
       }},
      {"adamw",
       "sizes",
       "AdamW, step",
       "parameters",
       {1 << 22, 1 << 23, 1 << 24, 1 << 25, 1 << 26},
       [](int64_t n, double seconds) {
         const Weights model{n};
         AdamW optimizer;
         const Gradients g{{"weight"}, {full({n}, 0.01)}};
         return seconds_of(seconds, [&] { optimizer.step(model, g); });
       }},
  };
  if (num_threads() == 1) return r;
  for (const Item& item : workloads())
    r.push_back({item.name + "_threads",
                 "threads",
                 item.name,
                 "threads",
                 {1, num_threads()},
                 [run = item.run](int64_t threads, double seconds) {
                   const int before = num_threads();
                   set_num_threads(int(threads));
                   const double t = run(seconds).timing.median;
                   set_num_threads(before);
                   return t;
                 }});
  return r;
}

std::string scaling(const std::vector<const Growth*>& growths, double seconds, const std::string& svg) {
  std::string text = heading() +
                     ".\n\n| | grows with | ms at each size | from the first to the last | exponent |\n"
                     "|---|---|---|--:|--:|\n";
  std::vector<draw::Series> lines;
  for (const Growth* growth : growths) {
    draw::Series line{.name = growth->what + ": " + growth->of};
    std::vector<double> sizes, times;
    std::string cells;
    for (int64_t size : growth->sizes) {
      times.push_back(growth->run(size, seconds));
      sizes.push_back(double(size));
      line.x.push_back(sizes.back() / sizes.front()), line.y.push_back(times.back() / times.front());
      cells += (cells.empty() ? "" : ", ") + std::to_string(size) + ": " + draw::number(1e3 * times.back(), 3);
    }
    text += "| " + growth->what + " | " + growth->of + " | " + cells + " | " +
            draw::number(times.back() / times.front(), 3) + " times | " + draw::fixed(exponent(sizes, times), 2) +
            " |\n";
    lines.push_back(std::move(line));
  }
  if (!svg.empty())
    draw::save_svg(svg, draw::curve(lines, {.title = "How the cost grows",
                                            .x_label = "times the smallest size",
                                            .y_label = "times its cost",
                                            .log_x = true,
                                            .log_y = true}));
  return text;
}

}  // namespace heed::bench
