// The workloads of peers/torch_bench.py, as scripts over the modules there are.
#include <heed/core/mode.h>
#include <heed/heed.h>
#include <heed/models/gpt/gpt.h>
#include <heed/nn/activation.h>
#include <heed/nn/attention.h>
#include <heed/nn/conv.h>
#include <heed/nn/recurrent.h>
#include <heed/nn/sequential.h>
#include <heed/nn/transformer.h>
#include <string_view>
#include "gpt2.h"
#include "measure.h"

namespace heed::bench {
namespace {

// ---- a training step
struct Work {
  double count;  // of units in a batch
  std::string unit;
  bool counts_attention = true;  // among the operations: PyTorch's counter leaves its fused kernel out
};

// Operations of forward and backward: each product again for every operand that has a gradient.
double flops_of(FunctionRef<Tensor()> loss, const Work& work) {
  double n = 0;
  Observe count([&](const Event& e) {
    if (e.multiply_adds == 0 || (!work.counts_attention && e.op == std::string_view("scaled_dot_product_attention")))
      return;
    n += 2 * double(e.multiply_adds) * (1 + e.inputs[0]->tracked() + e.inputs[1]->tracked());
  });
  loss();
  return n;
}

template <class M, class Optimizer>
Result train(const M& model, Optimizer optimizer, const Work& work, double seconds, FunctionRef<Tensor()> loss) {
  Result r{.count = work.count, .unit = work.unit};
  r.flops = flops_of(loss, work);
  const int64_t weights = parameters(model).numel();
  double first = NAN;
  reset_resident_peak();
  r.timing = time({.seconds = seconds}, [&] {
    Tensor l = loss();
    optimizer.step(model, grad(consume(l), model));
    const double value = l.item();
    if (std::isnan(first)) first = value;
  });
  r.more["params"] = weights, r.more["first_loss"] = std::round(1e4 * first) / 1e4;
  return r;
}

// ---- the models
Result mlp(int64_t batch, double seconds) {
  Sequential model{make<Linear>(784, 512), Relu{}, make<Linear>(512, 256), Relu{}, make<Linear>(256, 10)};
  Rng rng{1};
  const Tensor x = randn({batch, 784}, rng), y = randint(0, 10, {batch}, rng);
  return train(model, Sgd{.lr = 0.01}, {double(batch), "samples"}, seconds, [&] { return cross_entropy(model(x), y); });
}

struct CharLstm {
  int64_t vocab = 96, width = 128, hidden = 512;
  Embedding token{vocab, width};
  Lstm lstm{.in = width, .hidden = hidden, .layers = 2};
  Linear output{hidden, vocab};
  Tensor operator()(In ids) const { return output(lstm(token(ids)).y); }  // [B, T, vocab]
};
Result lstm_charlm(double seconds) {
  CharLstm model;
  Rng rng{1};
  const Tensor x = randint(0, 96, {32, 64}, rng), y = randint(0, 96, {32, 64}, rng);
  return train(model, AdamW{}, {32 * 64, "tokens"}, seconds, [&] { return cross_entropy(model(x), y); });
}

Result gpt(const Gpt& model, int64_t batch, int64_t length, double seconds) {
  Rng rng{1};
  const Tensor x = randint(0, model.vocab, {batch, length}, rng), y = randint(0, model.vocab, {batch, length}, rng);
  const Work work{double(batch * length), "tokens", model.dropout > 0};
  return train(model, AdamW{}, work, seconds, [&] { return cross_entropy(model(x, &rng), y); });
}

struct Translator {
  int64_t vocab = 8000, width = 256, length = 32;
  Embedding source{vocab, width}, target{vocab, width};
  Transformer transformer{.width = width,
                          .heads = 4,
                          .num_encoder_layers = 3,
                          .num_decoder_layers = 3,
                          .options = {.hidden = 1024, .dropout = 0.1}};
  Linear output{width, vocab};
  Tensor places = randn({length, width}, default_rng());
  Tensor operator()(In from, In to, Rng* training) const {  // [B, T, vocab]
    return output(transformer(source(from) * 16 + places, target(to) * 16 + places, {.target = {.causal = Causal::on}},
                              training));
  }
};
Result transformer_encdec(double seconds) {
  Translator model;
  Rng rng{1};
  const Tensor from = randint(0, 8000, {32, 32}, rng), to = randint(0, 8000, {32, 32}, rng),
               y = randint(0, 8000, {32, 32}, rng);
  return train(model, AdamW{}, {32 * 32, "tgt_tokens"}, seconds,
               [&] { return cross_entropy(model(from, to, &rng), y); });
}

// What a decoder starts with, and what it shows to the attention.
Tensor first_state(const RnnResult& encoded) { return encoded.h(0); }
LstmState first_state(const LstmResult& encoded) { return {encoded.state.h(0), encoded.state.c(0)}; }
const Tensor& hidden_of(const Tensor& state) { return state; }
const Tensor& hidden_of(const LstmState& state) { return state.h; }

template <class Encoder, class Cell>
struct Bahdanau {
  int64_t vocab = 10000, width = 300, hidden = 500;
  bool project_once = false;  // the encoder's states, before the first step
  Embedding source{vocab, width};
  Encoder encoder{.in = width, .hidden = hidden};
  Embedding target{vocab, width};
  Attention attention{.score = make<AdditiveScore>(hidden, hidden, hidden, make<Linear>(hidden, hidden),
                                                   make<Linear>(hidden, hidden), make<Linear>(hidden, 1))};
  Cell decoder{width + hidden, hidden};
  Linear output{hidden, vocab};

  Tensor operator()(In from, In to) const {  // [B, T, vocab]
    const auto encoded = encoder(source(from));
    const Tensor keys = encoded.y, words = target(to);
    Attention::Source source = attention.project(keys, keys);
    auto state = first_state(encoded);
    std::vector<Tensor> steps;
    for (int64_t t = 0; t < words.size(1); ++t) {
      if (t > 0 && !project_once) source = attention.project(keys, keys);
      const Tensor seen = attention.attend(unsqueeze(hidden_of(state), 1), source).y;
      state = decoder(concat({words(_, t), squeeze(seen, 1)}, -1), state);
      steps.push_back(hidden_of(state));
    }
    return output(stack(steps, 1));
  }
};
template <class Encoder, class Cell>
Result seq2seq(bool project_once, double seconds) {
  Bahdanau<Encoder, Cell> model{.project_once = project_once};
  Rng rng{1};
  const Tensor from = randint(0, 10000, {32, 30}, rng), to = randint(0, 10000, {32, 30}, rng),
               y = randint(0, 10000, {32, 30}, rng);
  return train(model, AdamW{}, {32 * 30, "tgt_tokens"}, seconds, [&] { return cross_entropy(model(from, to), y); });
}

struct Cnn {
  Conv2d conv1{1, 32, 3}, conv2{32, 64, 3};
  Linear fc1{9216, 128}, fc2{128, 10};
  Tensor operator()(In x) const {  // [N, 1, 28, 28] -> [N, 10]
    return fc2(relu(fc1(flatten(max_pool2d(relu(conv2(relu(conv1(x)))), 2), 1))));
  }
};
Result cnn(double seconds) {
  Cnn model;
  Rng rng{1};
  const Tensor x = randn({64, 1, 28, 28}, rng), y = randint(0, 10, {64}, rng);
  return train(model, AdamW{}, {64, "samples"}, seconds, [&] { return cross_entropy(model(x), y); });
}

Gpt nanogpt(int64_t layers, int64_t heads, int64_t width, int64_t context, double dropout = 0) {
  return {.vocab = 65,
          .context = context,
          .width = width,
          .layers = layers,
          .heads = heads,
          .dropout = dropout,
          .bias = false};
}

}  // namespace

std::vector<Item> workloads() {
  using Seconds = double;
  auto training = [](std::string name, std::function<Result(Seconds)> run) {
    return Item{std::move(name), "workloads", std::move(run)};
  };
  return {
      training("mlp_b64", [](Seconds s) { return mlp(64, s); }),
      training("mlp_b512", [](Seconds s) { return mlp(512, s); }),
      training("lstm_charlm", lstm_charlm),
      training("nanogpt_baby", [](Seconds s) { return gpt(nanogpt(4, 4, 128, 64), 12, 64, s); }),
      training("nanogpt_char_drop0", [](Seconds s) { return gpt(nanogpt(6, 6, 384, 256), 4, 256, s); }),
      training("nanogpt_char_drop0.2", [](Seconds s) { return gpt(nanogpt(6, 6, 384, 256, 0.2), 4, 256, s); }),
      training("gpt2_124m_b4t64", [](Seconds s) { return gpt(gpt2_124m(), 4, 64, s); }),
      training("transformer_encdec", transformer_encdec),
      training("seq2seq_gru_bahdanau", [](Seconds s) { return seq2seq<Gru, GruCell>(false, s); }),
      training("seq2seq_lstm_bahdanau", [](Seconds s) { return seq2seq<Lstm, LstmCell>(false, s); }),
      training("cnn_28x28_b64", cnn),
      {"seq2seq_gru_bahdanau_projected", "projected", [](Seconds s) { return seq2seq<Gru, GruCell>(true, s); }},
      {"seq2seq_lstm_bahdanau_projected", "projected", [](Seconds s) { return seq2seq<Lstm, LstmCell>(true, s); }},
  };
}

}  // namespace heed::bench
