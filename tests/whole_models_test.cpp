#include <heed/core/localise.h>
#include <heed/core/taylor.h>
#include <heed/models/gpt/gpt.h>
#include <heed/models/seq2seq/seq2seq.h>
#include <heed/nn/activation.h>
#include <heed/nn/conv.h>
#include <heed/nn/sequential.h>
#include <chrono>
#include "common.h"

using namespace heed;

namespace {

template <class M>
void certify(const char* name, const M& model, const std::vector<Tensor>& inputs) {
  const auto start = std::chrono::steady_clock::now();
  const GradcheckReport r = gradcheck(model, inputs);
  const TaylorReport taylor = taylor_test(model, inputs, {.order = 2});
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  const NodesReport nodes = find_wrong_node(model, inputs);
  INFO(name << ", " << seconds.count() << " s\n" << r.str() << taylor.str() << nodes.str());
  CHECK(r);
  CHECK(r.total.certified_digits >= 9);
  CHECK(r.total.inconclusive + r.total.kinks == 0);
  const int64_t elements = parameters(model).numel();
  CHECK(r.total.passed >= elements);  // and those of floating inputs
#ifdef NDEBUG
  CHECK(seconds.count() < 10);
#endif
  CHECK(nodes);
  CHECK(taylor);
  REQUIRE(taylor.orders.size() == 2);
  for (std::size_t k = 0; k < 2; ++k) {
    CHECK(std::abs(taylor.orders[k].slope - double(k + 2)) <= 0.1);
    CHECK(taylor.orders[k].decades >= 3);
  }
}

struct GptLoss {  // the loss of a Gpt
  Gpt gpt;
  Tensor next;  // [B, T] i64
  Tensor operator()(In ids) const { return cross_entropy(gpt(ids), next); }
};

struct LstmLanguageModel {
  int64_t vocab, width, hidden;
  Tensor next;     // [B, T] i64
  Tensor lengths;  // [B] i64
  Embedding token{vocab, width};
  Lstm lstm{.in = width, .hidden = hidden, .layers = 2};
  Linear output{hidden, vocab};
  Tensor operator()(In ids) const {
    return cross_entropy(output(lstm(token(ids), lengths).y), next, {.ignore_index = Vocabulary::pad});
  }
};

struct Translation {  // the loss of a Seq2Seq over a padded batch
  Seq2Seq model;
  Tensor source_lengths, target, target_lengths;
  Tensor operator()(In source) const {
    const Tensor logits = model(Batch{{source, source_lengths}, {target, target_lengths}});
    return cross_entropy(logits, target(_, range(1, target.size(1))), {.ignore_index = Vocabulary::pad});
  }
};

struct ConvNet {  // [N, 1, 8, 8] -> [N, 3]
  bool smooth;
  Conv2d first{.in = 1, .out = 3, .kernel = 3, .padding = 1};
  Conv2d second{.in = 3, .out = 4, .kernel = 3, .stride = {2, 1}, .groups = 1};
  Linear output{24, 3};
  Tensor operator()(In x) const {
    const Tensor h = first(x);                                                  // [N, 3, 8, 8]
    const Tensor p = smooth ? avg_pool2d(gelu(h), 2) : max_pool2d(relu(h), 2);  // [N, 3, 4, 4]
    const Tensor q = second(pad(p, {1, 2, 1, 2}));                              // [N, 4, 3, 5]
    const Tensor r = smooth ? tanh(q) : relu(q);
    return output(flatten(r(_, _, range(0, 2), range(1, 4)), 1));
  }
};

}  // namespace

TEST_CASE("every gradient of a two-layer Transformer is certified to nine digits", "[gradcheck]") {
  const Tensor ids = tensor({{3, 10, 0, 7, 3}}, i64), next = tensor({{10, 0, 7, 3, 5}}, i64);
  for (bool rotary : {false, true}) {
    seed(1);
    GptLoss task{.gpt = scattered(Gpt{.vocab = 11,
                                      .context = 5,
                                      .width = 8,
                                      .layers = 2,
                                      .heads = 2,
                                      .kv_heads = rotary ? 1 : 2,
                                      .rotary = rotary},
                                  1, 0.4),
                 .next = next};
    certify(rotary ? "Gpt, rotary, grouped heads" : "Gpt", task, {ids});
  }
}

TEST_CASE("every gradient of an LSTM language model is certified to nine digits", "[gradcheck]") {
  const Tensor ids = tensor({{3, 6, 4, 5, 3}, {5, 4, 0, 0, 0}}, i64);
  seed(2);
  certify("LSTM",
          LstmLanguageModel{.vocab = 7,
                            .width = 4,
                            .hidden = 5,
                            .next = tensor({{6, 4, 5, 3, 1}, {4, 1, 0, 0, 0}}, i64),
                            .lengths = tensor({5, 2}, i64)},
          {ids});
}

TEST_CASE("every gradient of an encoder-decoder with additive attention is certified to nine digits", "[gradcheck]") {
  const Vocabulary letters("abcde");
  std::vector<Example> examples;
  for (std::string s : {"abca", "ed", "b"}) examples.push_back({letters.encode(s), letters.encode(s + "a")});
  const Batch batch = collate(examples);
  seed(3);
  Translation task{.model = {.source_vocab = letters.size(), .target_vocab = letters.size(), .width = 3, .hidden = 4},
                   .source_lengths = batch.source.lengths,
                   .target = batch.target.ids,
                   .target_lengths = batch.target.lengths};
  certify("Seq2Seq", scattered(std::move(task), 3, 0.7), {batch.source.ids});
}

TEST_CASE("every gradient of a conv net is certified to nine digits, away from kinks too", "[gradcheck]") {
  certify("conv net", scattered(ConvNet{.smooth = true}, 4, 1), {noise({2, 1, 8, 8}, 5)});
  certify("conv net, relu and max_pool2d", scattered(ConvNet{.smooth = false}, 33, 1), {noise({1, 1, 8, 8}, 33)});
}
