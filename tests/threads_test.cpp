// The same bits with any number of threads; several threads on one graph, each with a mode of its own.
#include <atomic>
#include <limits>
#include <thread>
#include "common.h"

using namespace heed;

namespace {

bool same_bits(const Tensor& a, const Tensor& b) {
  const Array p = a.array().contiguous(), q = b.array().contiguous();
  return a.shape() == b.shape() && a.dtype() == b.dtype() &&
         std::memcmp(p.bytes(), q.bytes(), std::size_t(p.numel()) * width(p.dtype())) == 0;
}

// f gives a list of tensors: the same one with 1, 2, 3 and 4 threads, twice each.
template <class F>
void check_bits(F f) {
  std::vector<Tensor> want;
  {
    const Threads one(1);
    want = f();
  }
  for (int n : {2, 3, 4, 2}) {
    const Threads many(n);
    const std::vector<Tensor> got = f();
    REQUIRE(got.size() == want.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      CAPTURE(n, i);
      CHECK(same_bits(got[i], want[i]));
    }
  }
}

struct Model {
  int64_t vocab, width;
  Embedding token{vocab, width};
  LayerNorm norm1{width};
  MultiHeadAttention attention{.width = width, .heads = 4, .dropout = 0.1};
  LayerNorm norm2{width};
  FeedForward mlp{.width = width, .hidden = 4 * width, .dropout = 0.1};
  Linear head{width, vocab};
  Tensor operator()(In index, Rng* training = nullptr) const {
    Scope here{*this, index};
    Tensor h = token(index);
    h = h + attention(norm1(h), training);
    return head(h + mlp(norm2(h), training));
  }
};

}  // namespace

TEST_CASE("denormal numbers stay what they are, in the threads of the user and in ours") {
  const Threads four(4);
  const Tensor x = variable({64, 64}, 1, f32);
  grad(sum(softmax(matmul(x, x), -1)), {x});
  const auto flushed = [] {
    volatile float least = std::numeric_limits<float>::min(), most = 0.5f;
    return least * most == 0;
  };
  CHECK(!flushed());
  std::atomic<int> tasks = 0, wrong = 0;
  parallel_for(256, 1, [&](int64_t begin, int64_t end) { tasks += int(end - begin), wrong += flushed(); });
  CHECK(tasks == 256);
  CHECK(wrong == 0);
}

TEMPLATE_TEST_CASE("the same bits with any number of threads", "", float, double) {
  const Dtype t = dtype_of<TestType>;
  const Tensor x = variable({1000, 301}, 1, t), w = variable({257, 301}, 2, t), bias = variable({257}, 3, t),
               gain = variable({301}, 4, t);
  SECTION("elementwise and random") {
    check_bits([&] {
      Rng rng{3};
      return std::vector<Tensor>{gelu(x) * gain, rand({100001}, rng, t), randn({100001}, rng, t), x / exp(gain)};
    });
  }
  SECTION("sums") {
    check_bits([&] {
      return std::vector<Tensor>{sum(x),
                                 sum(x, 0),
                                 sum(x, 1),
                                 sum(transpose(x), 1),
                                 mean(x * x),
                                 max(x, 0),
                                 sum(reshape(x, {10, 100, 301}), {0, 2})};
    });
  }
  SECTION("matmul and linear, forward and backward") {
    check_bits([&] {
      const Tensor y = linear(x, w, bias), z = matmul(transpose(x), x), c = noise({1000, 257}, 5, t);
      std::vector<Tensor> r = vjp(y, c, std::vector<Tensor>{x, w, bias});
      r.insert(r.end(), {y, z, grad(sum(matmul(reshape(x, {10, 100, 301}), transpose(w)) * 2), {w})[0]});
      return r;
    });
  }
  SECTION("layer norm and batch norm") {
    check_bits([&] {
      const Tensor y = layer_norm(x, gain, gain), c = noise({1000, 301}, 5, t);
      std::vector<Tensor> r = vjp(y, c, std::vector<Tensor>{x, gain});
      const Normalized n = batch_norm(x, gain, gain);
      r.insert(r.end(), {y, n.y, n.variance, grad(sum(n.y * c), {gain})[0]});
      return r;
    });
  }
  SECTION("softmax, log-sum-exp, cross-entropy") {
    check_bits([&] {
      Rng rng{3};
      const Tensor target = randint(0, 301, {1000}, rng), loss = cross_entropy(x, target);
      return std::vector<Tensor>{softmax(x),
                                 log_softmax(x),
                                 logsumexp(x),
                                 softmax(x, 0),
                                 loss,
                                 grad(loss, {x})[0],
                                 grad(sum(softmax(x) * x), {x})[0]};
    });
  }
  SECTION("attention") {
    check_bits([&] {
      const Tensor q = variable({2, 3, 150, 16}, 6, t), k = variable({2, 3, 170, 16}, 7, t),
                   b = variable({150, 170}, 8, t);
      const Tensor y =
          scaled_dot_product_attention(q, k, k, {.bias = b, .causal = Causal::lower_right, .dropout = {0.1, 5}});
      std::vector<Tensor> r = vjp(y, noise(y.shape(), 9, t), std::vector<Tensor>{q, k, b});
      r.push_back(y);
      return r;
    });
  }
  SECTION("embedding, gather, scatter, dropout") {
    check_bits([&] {
      Rng rng{3};
      const Tensor rows = randint(0, 1000, {5000}, rng), columns = randint(0, 301, {1000, 40}, rng);
      const Tensor e = embedding(rows, x), g = gather(x, 1, columns), d = dropout(x, {0.3, 7});
      return std::vector<Tensor>{e,
                                 g,
                                 d,
                                 vjp(e, noise(e.shape(), 5, t), {&x, 1})[0],
                                 vjp(g, noise(g.shape(), 6, t), {&x, 1})[0],
                                 grad(sum(d * x), {x})[0]};
    });
  }
}

TEST_CASE("whole training steps give the same bits with any number of threads") {
  check_bits([] {
    seed(1);
    const Model model{.vocab = 50, .width = 32};
    AdamW optimizer{.lr = 1e-2};
    Rng rng{2};
    std::vector<Tensor> losses;
    for (int step = 0; step < 3; ++step) {
      const Tensor x = randint(0, 50, {8, 40}, rng);
      Tensor loss = cross_entropy(model(x, &rng), x);
      const Gradients g = clip(grad(consume(loss), model), 1);
      optimizer.step(model, g);
      losses.push_back(loss);
    }
    std::vector<Tensor> r = state(model).values;
    r.insert(r.end(), losses.begin(), losses.end());
    CHECK(losses[2].item() < losses[0].item());
    return r;
  });
}

TEST_CASE("a region of parallel work runs each block once, and hands on its exceptions") {
  for (int64_t n : {0, 1, 999, 1000, 1001, 100000}) {
    std::vector<int> seen(static_cast<std::size_t>(n));
    parallel_for(n, 1000, [&](int64_t begin, int64_t end) {
      if (begin % 1000) throw std::logic_error("a block begins elsewhere");
      for (int64_t i = begin; i < end; ++i) ++seen[std::size_t(i)];
    });
    CHECK(std::count(seen.begin(), seen.end(), 1) == n);
  }
  CHECK_THROWS_WITH(parallel_for(100, 1,
                                 [](int64_t b, int64_t) {
                                   if (b == 57) throw std::runtime_error("57");
                                 }),
                    "57");
}

TEST_CASE("four threads differentiate one graph") {
  seed(3);
  const FeedForward model{.width = 3, .hidden = 8, .dropout = 0.2};
  const std::vector<Tensor> p = parameters(model).values;
  Rng rng{1};
  const Tensor x = noise({4, 3}, 1, f32);
  Tensor shared = softmax(checkpoint([&](In t, Rng* r) { return model(t, r); }, x, &rng));
  shared = layer_norm(scaled_dot_product_attention(shared, shared, shared));
  std::vector<std::vector<Tensor>> plain(4), recorded(4);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      for (int k = 0; k < 25; ++k) {
        const Tensor loss = sum(shared * shared) + sum(model(x));  // its own end of a shared graph
        plain[i] = grad(loss, p);
        recorded[i] = grad(loss, p, create_graph);
      }
    });
  for (std::thread& t : threads) t.join();
  for (std::size_t i = 1; i < 4; ++i)
    for (std::size_t k = 0; k < p.size(); ++k) {
      CHECK(same_bits(plain[i][k], plain[0][k]));
      CHECK(same_bits(recorded[i][k], recorded[0][k]));
    }
}

TEST_CASE("each thread has a mode and a generator of its own") {
  const Tensor x = variable({64, 64}, 1, f32);
  std::vector<int> tracked(4), seen(4);
  std::vector<Tensor> drawn(4);
  seed(77);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      const Recording recording(i != 2);
      Observe watching([&](const Event&) { ++seen[i]; });
      for (int k = 0; k < 200; ++k) tracked[i] += matmul(x, x).tracked();
      seed(i < 2 ? 5 : 6);
      drawn[i] = init::normal({8}, 0, 1);
    });
  for (std::thread& t : threads) t.join();
  CHECK(tracked == std::vector<int>{200, 200, 0, 200});
  for (int n : seen) CHECK(n == 202);  // and two that make the initial values
  CHECK(equal(drawn[0], drawn[1]));
  CHECK(equal(drawn[2], drawn[3]));
  CHECK_FALSE(equal(drawn[0], drawn[2]));
  CHECK(default_rng().counter == 0);  // this thread's has drawn nothing
  CHECK(mode.recording);
}

TEST_CASE("a graph made in one thread is extended and differentiated in another") {
  const Tensor x = variable({3}, 1);
  Tensor y = x, g;
  for (int i = 0; i < 100; ++i) y = y * 1.01;
  std::thread([&] { y = y * x; }).join();  // its clock starts behind
  std::thread([&] { g = grad(sum(y), {x})[0]; }).join();
  CHECK(allclose(g, 2 * std::pow(1.01, 100) * x, 1e-12, 1e-12));
}
