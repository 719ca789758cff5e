// GPT, what it remembers while it writes, and how it is asked for more.
#include <heed/models/gpt/gpt.h>
#include <algorithm>
#include <map>
#include <numeric>
#include "common.h"
#include "files.h"

using namespace heed;

namespace {

using Ids = std::vector<int64_t>;

Gpt small(bool rotary = false, int64_t kv_heads = 4) {
  seed(5);
  Gpt model{.vocab = 11, .context = 16, .width = 16, .layers = 2, .heads = 4, .kv_heads = kv_heads, .rotary = rotary};
  walk(model, [](const Item& p) {  // far from the small values it begins with
    if (p.kind == Item::trained) assign(*p.tensor, init::normal(p.tensor->shape(), 0, 0.5));
  });
  return cast(model, f64);
}

Tensor row_of(const Ids& ids) { return tensor(ids, Shape{1, int64_t(ids.size())}); }

Ids some_ids(int64_t n, uint64_t key) {
  Rng rng{key};
  Ids ids;
  for (int64_t i = 0; i < n; ++i) ids.push_back(rng.below(11));
  return ids;
}

// The next token depends on the last one only, by a table of logits [vocab, vocab].
struct Chain {
  Tensor logits;
  int64_t context = 1000;
  Tensor next(const Tensor& ids, GenerationCache& cache) const {
    cache.layers.resize(1);
    cache.layers[0].length += ids.size(1);
    return index_select(logits, 0, ids(_, -1));
  }
};

}  // namespace

TEST_CASE("GPT: a file says which gelu it has been trained with; files that do not are of the exact one") {
  const files::Folder folder;
  const std::string path = folder / "gpt.safetensors";
  const Gpt exact{.vocab = 11, .context = 16, .width = 16, .layers = 1, .heads = 4};
  Gpt approximate{.vocab = 11, .context = 16, .width = 16, .layers = 1, .heads = 4, .gelu_tanh = true};
  const Tensor ids = row_of(some_ids(7, 1));
  CHECK(approximate.blocks[0].mlp.activation == FeedForward::gelu_tanh);
  save(path, approximate);
  CHECK(equal(load_gpt(path)(ids), approximate(ids)));
  save(path, exact);
  std::string bytes = files::read(path);
  const std::string field = R"(,\"gelu_tanh\":0)";
  REQUIRE(bytes.find(field) != std::string::npos);
  bytes.replace(bytes.find(field), field.size(), std::string(field.size(), ' '));
  files::write(path, bytes);
  CHECK(equal(load_gpt(path)(ids), exact(ids)));
}

TEST_CASE("a GPT begins undecided, sees no token ahead, and shows where it looks") {
  seed(1);
  const Gpt model{.vocab = 11, .context = 16, .width = 16, .layers = 3, .heads = 4};
  const Tensor x = stack({row_of(some_ids(16, 1))(0), row_of(some_ids(16, 2))(0)}, 0);
  CHECK(cross_entropy(model(x), randint(0, 11, {2, 16}, default_rng())).item() == Approx(std::log(11)).epsilon(0.03));
  CHECK(model.output.weight.edge().node.get() == model.token.weight.edge().node.get());
  const auto width = [&](const Tensor& w) { return heed::std(w).item(); };
  CHECK(width(model.blocks[0].mlp.up.weight) == Approx(0.02).epsilon(0.1));
  CHECK(width(model.blocks[0].mlp.down.weight) == Approx(0.02 / std::sqrt(6)).epsilon(0.1));

  const Gpt trained = small();
  const Tensor y = trained(x), other = where(arange(16) < 9, x, (x + 1) - 11 * (x + 1 == 11));
  CHECK(equal(trained(other)(_, range(0, 9)), y(_, range(0, 9))));
  CHECK_FALSE(allclose(trained(other)(_, 9), y(_, 9)));

  const std::vector<Tensor> weights = trained.attention(x);
  REQUIRE(weights.size() == 2);
  for (const Tensor& w : weights) {
    REQUIRE(w.shape() == Shape{2, 4, 16, 16});
    CHECK(allclose(sum(w, -1), ones({2, 4, 16}, f64), 1e-12, 1e-12));
    CHECK(equal(triu(w, 1), zeros_like(w)));
  }
}

TEST_CASE("without biases, with dropout: what a GPT is made of") {
  const Gpt plain{.vocab = 5, .context = 4, .width = 8, .layers = 1, .heads = 2, .bias = false};
  for (const std::string& path : parameters(plain).paths) CHECK_FALSE(path.ends_with("bias"));
  const Gpt noisy{.vocab = 5, .context = 4, .width = 8, .layers = 2, .heads = 2, .dropout = 0.5};
  Rng rng{1};
  const Tensor x = tensor({{1, 2, 3, 4}}, i64);
  CHECK_FALSE(equal(noisy(x, &rng), noisy(x)));
  CHECK(rng.counter == 1 + 2 * 3);  // the embedding; of each block the weights and two sums
}

TEST_CASE("with the cache as by full recomputation, at every step") {
  for (const bool rotary : {false, true})
    for (const int64_t kv_heads : {1, 2, 4}) {
      INFO((rotary ? "rotary, " : "learned, ") << kv_heads << " heads of keys");
      const Gpt model = small(rotary, kv_heads);
      const Ids ids = some_ids(16, 3);
      for (const int64_t prompt : {1, 5, 16}) {
        GenerationCache cache;
        for (int64_t end = prompt, begin = 0; end <= 16; begin = end++) {
          const Tensor fed = row_of(Ids(ids.begin() + begin, ids.begin() + end));
          const Tensor all = row_of(Ids(ids.begin(), ids.begin() + end));
          CHECK(max_difference(model.next(fed, cache), model(all)(_, -1)) < 1e-12);
          CHECK(cache.length() == end);
        }
      }
    }
}

TEST_CASE("with weights in bf16 as with what they hold in f32, bit for bit") {
  for (const bool rotary : {false, true}) {
    const Gpt half = cast(small(rotary, 2), bf16), wide = cast(half, f32);
    CHECK(half.blocks[0].mlp.up.weight.dtype() == bf16);
    GenerationCache of_half, of_wide;
    for (const Ids& ids : {some_ids(5, 3), some_ids(1, 4), some_ids(3, 5)}) {
      const Tensor logits = half.next(row_of(ids), of_half);
      CHECK(logits.dtype() == f32);
      CHECK(equal(logits, wide.next(row_of(ids), of_wide)));
    }
    Rng a{1}, b{1};
    CHECK(generate(half, {some_ids(4, 6)}, {.max_new_tokens = 30}, a) ==
          generate(wide, {some_ids(4, 6)}, {.max_new_tokens = 30}, b));
    const Tensor ids = row_of(some_ids(16, 7));
    for (const Tensor& g : grad(cross_entropy(half(ids), ids), half).values) CHECK((g.dtype() == bf16 && finite(g)));
  }
}

TEST_CASE("prompts of different lengths, read together, as each alone at every step") {
  for (const bool rotary : {false, true}) {
    const Gpt model = small(rotary, 2);
    const std::vector<Ids> ids{some_ids(12, 1), some_ids(16, 2), some_ids(9, 3)};  // of which 4 are still to come
    GenerationCache cache{.padding = tensor({4, 0, 7}, i64)};
    Ids first;
    for (const Ids& row : ids) {
      first.insert(first.end(), 16 - row.size(), 10);  // what stands in the padding is of no matter
      first.insert(first.end(), row.begin(), row.end() - 4);
    }
    Tensor fed = tensor(first, Shape{3, 12});
    for (int64_t left = 4; left >= 0; --left) {
      const Tensor logits = model.next(fed, cache);
      for (std::size_t i = 0; i < 3; ++i) {
        const Ids alone(ids[i].begin(), ids[i].end() - left);
        CHECK(max_difference(logits(i), model(row_of(alone))(0, -1)) < 1e-12);
      }
      if (left == 0) break;
      const auto at = std::ptrdiff_t(left);
      fed = tensor(Ids{*(ids[0].end() - at), *(ids[1].end() - at), *(ids[2].end() - at)}, Shape{3, 1});
    }
    cache.select(tensor({2, 0, 2}, i64));
    CHECK(cache.layers[1].keys().shape() == Shape{3, 2, 16, 4});
    CHECK(equal(cache.padding, tensor({7, 4, 7}, i64)));
  }
}

TEST_CASE("generate: greedy is the greatest logit each time, with and without the cache, beyond the context too") {
  const Gpt model = small();
  const Ids prompt = some_ids(5, 7);
  const GenerateOptions greedy{.max_new_tokens = 40, .sampling = {.temperature = 0}};
  const Ids made = generate(model, {prompt}, greedy)[0];
  REQUIRE(made.size() == 40);
  Ids all = prompt;
  for (int64_t token : made) {
    const int64_t n = int64_t(all.size()), from = n <= 16 ? 0 : (n - 16 + 7) / 8 * 8;
    CHECK(n - from <= 16);
    CHECK(n - from >= std::min<int64_t>(n, 9));
    CHECK(argmax(model(row_of(Ids(all.begin() + from, all.end())))(0, -1)).item() == double(token));
    all.push_back(token);
  }
  GenerateOptions again = greedy;
  again.cache = false;
  CHECK(generate(model, {prompt}, again)[0] == made);
}

TEST_CASE("generate: a batch of prompts writes what each writes alone") {
  const Gpt model = small(true, 2);
  const Prompts prompts{some_ids(3, 1), some_ids(20, 2), some_ids(14, 3), some_ids(1, 4)};
  GenerateOptions options{
      .max_new_tokens = 30, .sampling = {.repetition_penalty = 1.2, .temperature = 0.8, .top_k = 6}, .end = 3};
  Rng rng{9};
  const Prompts together = generate(model, prompts, options, rng);
  CHECK(rng.counter == 4);
  Rng again{9};
  bool ended = false;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    CHECK(generate(model, {prompts[i]}, options, again)[0] == together[i]);
    ended = ended || together[i].size() < 30;
    const auto end = std::find(together[i].begin(), together[i].end(), 3);
    CHECK((end == together[i].end() ? together[i].size() == 30 : end + 1 == together[i].end()));
  }
  CHECK(ended);
  options.cache = false;
  Rng third{9};
  CHECK(generate(model, prompts, options, third) == together);

  std::map<int64_t, Ids> told;
  Rng fourth{9};
  generate(model, prompts, options, fourth, [&](int64_t row, int64_t token) {
    told[row].push_back(token);
    return row != 1 || told[row].size() < 2;
  });
  CHECK(told[1] == Ids(together[1].begin(), together[1].begin() + 2));
  CHECK(told[2] == together[2]);
}

TEST_CASE("from logits to probabilities") {
  const std::vector<double> logits{1, 3, -1, 2, 3};
  const auto of = [&](const Sampling& how, const Ids& tokens = {}) { return next_probabilities(logits, tokens, how); };
  const auto softmax_of = [](std::vector<double> x) {
    return softmax(tensor(x, Shape{int64_t(x.size())}, f64)).to_vector();
  };
  const auto check = [](const std::vector<double>& a, const std::vector<double>& b) {
    REQUIRE(a.size() == b.size());
    for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i] == Approx(b[i]).margin(1e-15).epsilon(1e-13));
  };
  const double no = -INFINITY, e1 = std::exp(-1.0);
  check(of({}), softmax_of(logits));
  check(of({.temperature = 0}), {0, 1, 0, 0, 0});
  check(of({.temperature = 0.5}), softmax_of({2, 6, -2, 4, 6}));
  check(of({.top_k = 3}), softmax_of({no, 3, no, 2, 3}));
  check(of({.top_k = 1}), {0, 1, 0, 0, 0});
  check(of({.top_k = 99}), softmax_of(logits));
  check(of({.repetition_penalty = 2}, {1, 2, 1}), softmax_of({1, 1.5, -2, 2, 3}));  // once, however often it is there
  // softmax(1 3 -1 2 3) = 0.053 0.394 0.007 0.145 0.394
  check(of({.top_p = 0.3}), {0, 1, 0, 0, 0});
  check(of({.top_p = 0.5}), {0, 0.5, 0, 0, 0.5});
  check(of({.top_p = 0.8}), {0, 1 / (2 + e1), 0, e1 / (2 + e1), 1 / (2 + e1)});
  check(of({.top_k = 2, .top_p = 0.9}), {0, 0.5, 0, 0, 0.5});
  check(next_probabilities(std::vector<double>{no, 1e4, no}, {}, {}), {0, 1, 0});

  CHECK_ERROR(Error, next_probabilities(logits, {}, {.temperature = -1}),
              "next_probabilities: the temperature cannot be below 0, not -1");
  CHECK_ERROR(Error, next_probabilities(logits, {}, {.top_p = 1.5}),
              "next_probabilities: top_p must be a probability above 0, not 1.5");
  CHECK_ERROR(Error, next_probabilities(logits, {}, {.top_k = -2}),
              "next_probabilities: top_k must be a number of tokens, or 0 for all, not -2");
  CHECK_ERROR(Error, next_probabilities(logits, {}, {.repetition_penalty = 0}),
              "next_probabilities: the repetition penalty must be positive, not 0");
  CHECK_ERROR(Error, next_probabilities(std::vector<double>{no, no}, {}, {}),
              "next_probabilities: the greatest of 2 logits is -inf");
  CHECK_ERROR(Error, next_probabilities(std::vector<double>{1, std::nan("")}, {}, {}),
              "next_probabilities: logit 1 of 2 is not a number");
  CHECK_ERROR(IndexError, next_probabilities(logits, Ids{5}, {.repetition_penalty = 2}),
              "next_probabilities: there is no token 5 among 5");
}

TEST_CASE("what is sampled has the frequencies it should have") {
  const Tensor table = tensor({{0, 1, 2}, {2, 0, 1}, {1, 1, 0}}, f64);
  const Ids made = generate(Chain{table}, {{0}}, {.max_new_tokens = 40000}, default_rng())[0];
  std::vector<std::vector<double>> count(3, std::vector<double>(3));
  for (std::size_t i = 1; i < made.size(); ++i) count[std::size_t(made[i - 1])][std::size_t(made[i])] += 1;
  const Tensor p = softmax(table);
  for (int64_t i = 0; i < 3; ++i) {
    const auto& row = count[std::size_t(i)];
    const double all = std::accumulate(row.begin(), row.end(), 0.0);
    for (int64_t j = 0; j < 3; ++j) {
      const double expected = p(i, j).item(), sigma = std::sqrt(expected * (1 - expected) / all);
      CHECK(std::abs(row[std::size_t(j)] / all - expected) < 5 * sigma);
    }
  }
}

namespace {

// Every sequence of up to `longest` tokens that ends with `end` or is that long, by going through all of them.
void every_way(const Tensor& logp, Ids& made, int64_t last, double sum, int64_t longest, int64_t end, double alpha,
               std::vector<Hypothesis>& all) {
  if (int64_t(made.size()) == longest || (!made.empty() && made.back() == end)) {
    all.push_back({made, sum, sum / std::pow((5 + double(made.size())) / 6, alpha)});
    return;
  }
  for (int64_t t = 0; t < logp.size(1); ++t) {
    made.push_back(t);
    every_way(logp, made, t, sum + logp(last, t).item(), longest, end, alpha, all);
    made.pop_back();
  }
}

}  // namespace

TEST_CASE("beam search with enough beams finds the best of all sequences") {
  for (const double alpha : {0.0, 0.6, 2.0})
    for (uint64_t key = 1; key <= 5; ++key) {
      INFO("length penalty " << alpha << ", table " << key);
      const Chain model{noise({3, 3}, key) * 2};
      std::vector<Hypothesis> all;
      Ids made;
      every_way(log_softmax(model.logits), made, 1, 0, 5, 2, alpha, all);
      std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.score > b.score; });
      const auto found =
          beam_search(model, {0, 1}, {.beams = 81, .max_new_tokens = 5, .length_penalty = alpha, .end = 2});
      CHECK(found[0].tokens == all[0].tokens);
      for (std::size_t i = 0; i < 10; ++i) {
        CHECK(found[i].score == Approx(all[i].score).epsilon(1e-12));
        CHECK(found[i].log_probability == Approx(all[i].log_probability).epsilon(1e-12));
      }
    }
}

TEST_CASE("beam search is never worse than greedy") {
  int better = 0;
  for (uint64_t key = 1; key <= 200; ++key) {
    const Chain model{noise({6, 6}, key) * 2};
    const Tensor logp = log_softmax(model.logits);
    for (const double alpha : {0.0, 0.6, 2.0}) {
      const Ids greedy = generate(model, {{1}}, {.max_new_tokens = 6, .sampling = {.temperature = 0}, .end = 2})[0];
      double sum = 0;
      for (std::size_t i = 0; i < greedy.size(); ++i) sum += logp(i ? greedy[i - 1] : 1, greedy[i]).item();
      const double least = sum / std::pow((5 + double(greedy.size())) / 6, alpha);
      for (const int64_t beams : {1, 2, 3, 5}) {
        const auto found =
            beam_search(model, {1}, {.beams = beams, .max_new_tokens = 6, .length_penalty = alpha, .end = 2});
        INFO("table " << key << ", " << beams << " beams, penalty " << alpha);
        CHECK(found[0].score >= least - 1e-12);
        better += found[0].tokens != greedy;
      }
    }
  }
  CHECK(better > 100);

  // After 1 comes 2 or nearly as often 3; after 3 comes 4 or 5, each likelier than all that follows 2, but neither
  // leads anywhere. Two beams would both go there.
  const Tensor p = tensor({{1, 0, 0, 0, 0, 0},
                           {0, 0, 0.55, 0.45, 0, 0},
                           {0.35, 0.15, 0.15, 0.15, 0.1, 0.1},
                           {0, 0, 0, 0, 0.5, 0.5},
                           {1. / 6, 1. / 6, 1. / 6, 1. / 6, 1. / 6, 1. / 6},
                           {1. / 6, 1. / 6, 1. / 6, 1. / 6, 1. / 6, 1. / 6}},
                          f64);
  const Chain trap{log(p + 1e-9)};
  CHECK(beam_search(trap, {1}, {.beams = 2, .max_new_tokens = 3, .length_penalty = 0})[0].tokens == Ids{2, 0, 0});
}

TEST_CASE("one beam is greedy, and the caches of more follow them") {
  const Gpt model = small(true, 2);
  const Ids prompt = some_ids(4, 8);
  const auto one = beam_search(model, prompt, {.beams = 1, .max_new_tokens = 20, .length_penalty = 0});
  REQUIRE(one.size() == 1);
  CHECK(one[0].tokens == generate(model, {prompt}, {.max_new_tokens = 20, .sampling = {.temperature = 0}})[0]);
  const auto four = beam_search(model, prompt, {.beams = 4, .max_new_tokens = 10, .length_penalty = 0});
  REQUIRE(four.size() == 4);
  for (const Hypothesis& h : four) {  // the sum of the probabilities that the model gives
    Ids all = prompt;
    all.insert(all.end(), h.tokens.begin(), h.tokens.end());
    const Tensor logp = log_softmax(model(row_of(all)));
    double sum = 0;
    for (std::size_t i = prompt.size(); i < all.size(); ++i) sum += logp(0, i - 1, all[i]).item();
    CHECK(h.log_probability == Approx(sum).epsilon(1e-12));
  }
  CHECK(std::is_sorted(four.begin(), four.end(), [](const auto& a, const auto& b) { return a.score > b.score; }));
}

TEST_CASE("errors of generation") {
  const Gpt model = small();
  CHECK_ERROR(Error, generate(model, {{1}, {}}, {}), "generate: a prompt must have at least one token");
  CHECK_ERROR(Error, generate(model, {{1}}, {.sampling = {.temperature = -1}}),
              "generate: the temperature cannot be below 0, not -1");
  CHECK_ERROR(Error, generate(model, {{1}}, {.max_new_tokens = -3}),
              "generate: max_new_tokens cannot be below 0, not -3");
  CHECK(generate(model, {{1}}, {.max_new_tokens = 0}) == Prompts{{}});
  CHECK(generate(model, {}, {}).empty());
  CHECK_ERROR(Error, beam_search(model, {}), "beam_search: a prompt must have at least one token");
  CHECK_ERROR(Error, beam_search(model, {1}, {.beams = 0}), "beam_search: there must be at least one beam, not 0");
  CHECK_ERROR(Error, beam_search(model, {1}, {.max_new_tokens = -1}),
              "beam_search: max_new_tokens cannot be below 0, not -1");
  CHECK(beam_search(model, {1}, {.max_new_tokens = 0}).at(0).tokens.empty());
  const double inf = std::numeric_limits<double>::infinity(), nan = std::nan("");
  CHECK_ERROR(Error, beam_search(model, {1}, {.length_penalty = nan}),
              "beam_search: the length penalty must be finite, not nan");
  for (const auto& [logit, said] : {std::pair{nan, "logit 0 of 3 is not a number"},
                                    {inf, "the greatest of 3 logits is inf"},
                                    {-inf, "the greatest of 3 logits is -inf"}}) {
    const Chain broken{full({3, 3}, logit, f64)};
    CHECK_ERROR(Error, beam_search(broken, {1}), std::string("beam_search: ") + said);
    CHECK_ERROR(Error, generate(broken, {{1}}, {}), std::string("next_probabilities: ") + said);
  }
  CHECK_ERROR(ShapeError, model(zeros({2, 17}, i64)), "Gpt: 17 tokens are more than its context of 16");
  CHECK_ERROR(ShapeError, model(zeros({3}, i64)), "Gpt: ids must be [B, T], not [3]");
  GenerationCache cache;
  model.next(zeros({2, 16}, i64), cache);
  CHECK_ERROR(ShapeError, model.next(zeros({2, 1}, i64), cache), "Gpt: 17 tokens are more than its context of 16");

  KvCache kv;
  const Tensor x = ones({2, 1, 3, 4});
  kv.append(x, x);
  CHECK(kv.keys().shape() == Shape{2, 1, 3, 4});
  CHECK_ERROR(ShapeError, kv.append(ones({1, 1, 3, 4}), x), "KvCache: cannot add [1, 1, 3, 4] to a cache [2, 1, 3, 4]");
  CHECK_ERROR(ShapeError, kv.append(ones({3, 4}), x), "KvCache: keys and values must be [B, heads, T, D], not [3, 4]");
  CHECK_ERROR(GradError, kv.append(variable({2, 1, 3, 4}, 1, f32), x),
              "KvCache: what is remembered for later has no history: generate under an Unrecorded");
}
