#include <heed/models/data/batch.h>
#include <heed/models/data/loader.h>
#include <chrono>
#include <thread>
#include "common.h"

using namespace heed;

namespace {

using namespace std::chrono_literals;

// Does `condition` come to hold within ten seconds?
template <class F>
bool comes_true(F condition) {
  for (int i = 0; i < 10'000 && !condition(); ++i) std::this_thread::sleep_for(1ms);
  return condition();
}

// Batch i: some random numbers and what a small computation, shared out over threads, makes of them.
Tensor batch_of(int64_t i) {
  Rng rng{scramble(7, uint64_t(i))};
  const Tensor x = randn({40, 1000}, rng);
  return softmax(matmul(x, transpose(x)) + double(i));
}

}  // namespace

// ---- work in the background
TEST_CASE("a function in the background is called by another thread while this one goes on") {
  const Threads two(2);
  std::atomic<bool> called{false};
  std::thread::id by;
  Background work([&] {
    by = std::this_thread::get_id();
    called = true;
  });
  CHECK_FALSE(called);
  work.start();
  REQUIRE(comes_true([&] { return called.load(); }));
  work.wait();
  CHECK(by != std::this_thread::get_id());
}

TEST_CASE("a function that nobody has begun is called by the thread that waits") {
  std::thread::id by;
  int calls = 0;
  auto f = [&] {
    by = std::this_thread::get_id();
    ++calls;
  };
  Background idle(f);
  idle.wait();
  idle.wait();
  CHECK(by == std::this_thread::get_id());
  CHECK(calls == 1);

  const Threads one(1);  // there is no other
  Background alone(f);
  alone.start();
  std::this_thread::sleep_for(5ms);
  CHECK(calls == 1);
  alone.wait();
  CHECK(by == std::this_thread::get_id());
  CHECK(calls == 2);
}

TEST_CASE("a function that was never begun is never called; one that was is waited for") {
  const Threads two(2);
  std::atomic<int> begun{0}, ended{0};
  {
    Background never([&] { ++begun; });
  }
  CHECK(begun == 0);
  for (int i = 0; i < 200; ++i) {
    const int before = begun;
    Background work([&] {
      ++begun;
      std::this_thread::sleep_for(20us);
      ++ended;
    });
    work.start();
    if (i % 2) comes_true([&] { return begun > before; });
  }
  CHECK(begun == ended);
  CHECK(begun >= 100);
}

TEST_CASE("what a function in the background throws comes out where it is waited for") {
  const Threads two(2);
  for (bool started : {false, true}) {
    Background work([] { throw std::runtime_error("in the background"); });
    if (started) work.start();
    CHECK_THROWS_WITH(work.wait(), "in the background");
    CHECK_THROWS_WITH(work.wait(), "in the background");
  }
  Background unheard([] { throw std::runtime_error("nobody waits"); });
  unheard.start();
}

TEST_CASE("a function in the background has a mode of its own, whoever calls it") {
  const Threads two(2);
  const Tensor x = variable({3}, 1);
  int seen = 0;
  const Unrecorded off;
  Observe watching([&](const Event&) { ++seen; });
  for (bool started : {false, true}) {
    bool tracked = false;
    std::atomic<bool> called{false};
    Background work([&] {
      tracked = (x * 2).tracked();
      mode.recording = false;
      called = true;
    });
    if (started) work.start();
    if (started) comes_true([&] { return called.load(); });
    work.wait();
    CHECK(tracked);
    CHECK_FALSE(mode.recording);
  }
  CHECK(seen == 0);
  (void)(x * 2);
  CHECK(seen == 1);
}

TEST_CASE("functions in the background share out work, and wait for each other") {
  for (int n : {1, 2, 4}) {
    const Threads threads(n);
    std::atomic<int64_t> total{0};
    std::vector<std::unique_ptr<Background>> work;
    for (int k = 0; k < 12; ++k) {
      Background* before = k ? work.back().get() : nullptr;
      work.push_back(std::make_unique<Background>([&, before] {
        parallel_for(100, 1, [&](int64_t b, int64_t) { total += b; });
        if (before) before->wait();
      }));
      work.back()->start();
    }
    parallel_for(100, 1, [&](int64_t b, int64_t) { total += b; });
    work.back()->wait();
    CHECK(total == 13 * 4950);
    while (!work.empty()) work.pop_back();
  }
}

// ---- the loader
TEST_CASE("batches come in order, the same for any number of threads and any number ahead") {
  std::vector<Tensor> want;
  for (int64_t i = 0; i < 9; ++i) want.push_back(batch_of(i));
  for (int threads : {1, 2, 4})
    for (int64_t ahead : {0, 1, 3, 100}) {
      const Threads some(threads);
      std::size_t i = 0;
      for (const Tensor& batch : Loader(9, batch_of, ahead)) {
        CAPTURE(threads, ahead, i);
        REQUIRE(i < want.size());
        CHECK(equal(batch, want[i]));
        (void)matmul(batch, batch);  // as training would
        ++i;
      }
      CHECK(i == 9);
    }
}

TEST_CASE("so many batches are made ahead, and not more") {
  for (int64_t ahead : {0, 1, 4}) {
    CAPTURE(ahead);
    const Threads two(2);
    std::atomic<int64_t> begun{0};
    Loader loader(
        20,
        [&](int64_t i) {
          ++begun;
          return i;
        },
        ahead);
    CHECK(loader.size() == 20);
    CHECK(begun == 0);
    for (int64_t i = 0; i < 20; ++i) {
      REQUIRE(loader.next() == i);
      const int64_t most = std::min<int64_t>(20, i + 1 + ahead);
      CHECK(comes_true([&] { return begun == most; }));
    }
    CHECK_FALSE(loader.next());
    CHECK_FALSE(loader.next());
    CHECK(begun == 20);
  }
}

TEST_CASE("with none ahead, batches are made by the thread that uses them") {
  const Threads two(2);
  for (std::thread::id by : Loader(
           50, [](int64_t) { return std::this_thread::get_id(); }, 0))
    CHECK(by == std::this_thread::get_id());
}

TEST_CASE("an exception comes out at its batch, and the next one follows") {
  for (int64_t ahead : {0, 1, 5}) {
    const Threads two(2);
    Loader loader(
        6,
        [](int64_t i) {
          if (i == 2 || i == 3) throw std::out_of_range("batch " + std::to_string(i));
          return i;
        },
        ahead);
    CHECK(loader.next() == 0);
    CHECK(loader.next() == 1);
    CHECK_THROWS_WITH(loader.next(), "batch 2");
    CHECK_THROWS_WITH(loader.next(), "batch 3");
    CHECK(loader.next() == 4);
    CHECK(loader.next() == 5);
    CHECK_FALSE(loader.next());
  }
}

TEST_CASE("a loader may go away at any batch") {
  const Threads two(2);
  std::atomic<int> alive{0};
  struct Counted {
    std::atomic<int>* count;
    explicit Counted(std::atomic<int>& c) : count(&c) { ++c; }
    Counted(Counted&& o) noexcept : count(o.count) { ++*count; }
    Counted(const Counted&) = delete;
    Counted& operator=(Counted&&) = default;
    Counted& operator=(const Counted&) = delete;
    ~Counted() { --*count; }
  };
  for (int stop = 0; stop < 12; ++stop) {
    int i = 0;
    if (stop == 11)
      Loader(
          10, [&](int64_t) { return Counted(alive); }, 4);
    else
      for (auto& batch : Loader(
               10, [&](int64_t) { return Counted(alive); }, 4)) {
        CHECK(*batch.count > 0);
        if (i++ == stop) break;
      }
    CHECK(alive == 0);
  }
}

TEST_CASE("batches may be of any type") {
  int64_t total = 0;
  for (auto& p : Loader(5, [](int64_t i) { return std::make_unique<int64_t>(i); })) total += *p;
  CHECK(total == 10);
  const std::vector<std::string> names{"a", "b"};
  std::string all;
  for (std::string& name : Loader(2, [&](int64_t i) -> const std::string& { return names[std::size_t(i)]; }))
    all += name;
  CHECK(all == "ab");
  for (int64_t none : Loader(0, [](int64_t i) { return i; })) FAIL(none);
}

TEST_CASE("an epoch of a data set") {
  std::vector<Example> examples;
  std::vector<int64_t> lengths;
  Rng rng{4};
  for (int64_t i = 0; i < 100; ++i) {
    examples.push_back({std::vector<int64_t>(std::size_t(1 + rng.below(9)), 3 + i), {4}});
    lengths.push_back(int64_t(examples.back().source.size()));
  }
  const Batches batches = bucketed_batches(lengths, 8, rng);
  std::vector<int64_t> seen;
  for (const Batch& batch :
       Loader(std::ssize(batches), [&](int64_t i) { return collate(examples, batches[std::size_t(i)]); })) {
    const auto first = batch.source.ids(_, 0).to_vector<int64_t>();
    seen.insert(seen.end(), first.begin(), first.end());
  }
  std::vector<int64_t> want;
  for (const auto& batch : batches)
    for (int64_t i : batch) want.push_back(3 + i);
  CHECK(seen == want);
}

TEST_CASE("each loop over a loader is a whole epoch, also after one that was left early") {
  const Threads two(2);
  for (int64_t ahead : {0, 2}) {
    std::atomic<int64_t> made{0};
    Loader loader(
        5,
        [&](int64_t i) {
          ++made;
          return i;
        },
        ahead);
    for (int epoch = 0; epoch < 3; ++epoch) {
      std::vector<int64_t> seen;
      for (int64_t i : loader) seen.push_back(i);
      CHECK(seen == std::vector<int64_t>{0, 1, 2, 3, 4});
    }
    CHECK(made == 15);
    for (int64_t i : loader)
      if (i == 1) break;
    CHECK(loader.next() == 2);
    int64_t first = -1;
    for (int64_t i : loader) {
      first = i;
      break;
    }
    CHECK(first == 0);
  }
}

TEST_CASE("a last batch that is not full may be left out") {
  Rng all{3}, full{3};
  const Batches with = shuffled_batches(65, 16, all), without = shuffled_batches(65, 16, full, {.drop_last = true});
  REQUIRE(with.size() == 5);
  CHECK(with.back().size() == 1);
  CHECK(without == Batches(with.begin(), with.end() - 1));
  CHECK(shuffled_batches(64, 16, full, {.drop_last = true}).size() == 4);
  CHECK(shuffled_batches(15, 16, full, {.drop_last = true}).empty());
  CHECK(shuffled_batches(0, 16, full, {.drop_last = true}).empty());
}

TEST_CASE("loaders that cannot be are refused") {
  auto f = [](int64_t i) { return i; };
  CHECK_ERROR(Error, Loader(-1, f), "Loader: cannot load -1 batches");
  CHECK_ERROR(Error, Loader(3, f, -2), "Loader: cannot load -2 batches ahead");
}
