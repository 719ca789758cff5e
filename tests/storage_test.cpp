// The pool: figures, reuse, threads, versions.
#include <atomic>
#include <thread>
#include "common.h"

using namespace heed;

namespace {

constexpr std::size_t large = 1 << 20;

}  // namespace

TEST_CASE("in use and peak") {
  const std::size_t before = memory::in_use();
  memory::reset_peak();
  {
    const Array a({int64_t(large)}, boolean);
    CHECK(memory::in_use() == before + large);
    const Array b({int64_t(large)}, f64), view = b.sliced(0, 5, 10);
    CHECK(memory::in_use() == before + 9 * large);
  }
  CHECK(memory::in_use() == before);
  CHECK(memory::peak() == before + 9 * large);
  memory::reset_peak();
  CHECK(memory::peak() == before);
  const Array tiny({3}, f32);
  CHECK(memory::in_use() == before + 12);
  const Array number = Array::number(2, 2, f64);
  CHECK(memory::in_use() == before + 12);
}

TEST_CASE("a view keeps its storage, and gives it back last") {
  const std::size_t before = memory::in_use();
  Array view;
  {
    const Array a({int64_t(large)}, boolean);
    view = a.sliced(0, 0, 1);
  }
  CHECK(memory::in_use() == before + large);
  view = Array();
  CHECK(memory::in_use() == before);
}

TEST_CASE("a freed block is used again, and trim returns what waits") {
  if (!memory::caches()) return;
  memory::trim();
  CHECK(memory::cached() == 0);
  const std::byte* first = Array({int64_t(large)}, f32).bytes();
  CHECK(memory::cached() >= 4 * large);
  const Array again({int64_t(large)}, f32);
  CHECK(again.bytes() == first);
  CHECK(memory::cached() == 0);
  const std::byte* small = Array({5}, f32).bytes();
  CHECK(Array({6}, f32).bytes() == small);
  { const Array other({int64_t(large)}, f64); }
  memory::trim();
  CHECK(memory::cached() == 0);
}

TEST_CASE("neighbours of 2^k bytes are not 2^k apart") {
  if (!memory::caches()) return;
  constexpr int64_t n = 1 << 25;
  const Array a({n}, f32), b({n}, f32), c({n}, f32);
  CHECK(std::abs(a.bytes() - b.bytes()) != 4 * n);
  CHECK(std::abs(b.bytes() - c.bytes()) != 4 * n);
}

TEST_CASE("what waits is counted where it lies, and trimmed") {
  if (!memory::caches()) return;
  constexpr int64_t n = (1 << 24) + 1024;  // 64 MiB and a page
  auto a = std::make_optional<Array>(Shape{n}, f32), b = std::make_optional<Array>(Shape{n}, f32);
  const Array end({n}, f32);
  REQUIRE(b->bytes() == a->bytes() + 4 * n);
  REQUIRE(end.bytes() == b->bytes() + 4 * n);
  memory::trim();
  a.reset();
  memory::trim();
  b.reset();
  CHECK(memory::cached() == 4 * n);
  const Array in_front({n}, f32);
  CHECK(memory::cached() == 4 * n);
  memory::trim();
  CHECK(memory::cached() == 0);
}

TEST_CASE("what large blocks leave serves other sizes") {
  if (!memory::caches()) return;
  std::vector<Array> parts;
  const auto place = [&](std::size_t back) { return parts[parts.size() - back].bytes(); };
  while (parts.size() < 4 || place(1) != place(4) + 3 * large) parts.emplace_back(Shape{int64_t(large)}, boolean);
  const std::byte* first = place(4);
  memory::trim();
  for (const unsigned back : {3u, 1u, 4u, 2u})
    parts[parts.size() - back] = Array();  // joined with 0, 0, 1, 2 neighbours
  CHECK(memory::cached() == 4 * large);
  const Array whole({4 * int64_t(large)}, boolean);
  CHECK(whole.bytes() == first);
  CHECK(memory::cached() == 0);
}

TEST_CASE("blocks of every size are aligned and large enough") {
  for (std::size_t n = 0; n < 900000; n += n < 3000 ? 1 : n < 70000 ? 997 : 99991) {
    Storage* s = make_storage(n);
    if (reinterpret_cast<std::uintptr_t>(s->data) % 64) FAIL("not aligned: " << n);
    std::memset(s->data, 1, n);
    release(s);
  }
  SUCCEED();
}

TEST_CASE("blocks freed by another thread") {
  const std::size_t before = memory::in_use();
  std::vector<Array> arrays;
  std::thread maker([&] {
    for (int64_t i = 0; i < 4000; ++i) arrays.emplace_back(Shape{i % 50 ? i % 700 : 100000}, f32);
  });
  maker.join();
  CHECK(memory::in_use() >= before + 80 * 400000);
  std::thread freer([&] { arrays.clear(); });
  freer.join();
  CHECK(memory::in_use() == before);
}

TEST_CASE("the figures are exact again when the threads have ended") {
  const std::size_t before = memory::in_use();
  std::vector<Array> arrays;
  for (int k = 0; k < 100; ++k) {
    std::thread([&] { arrays.emplace_back(Shape{1000}, f32); }).join();
    std::thread([&] { Array({500}, f64); }).join();
  }
  CHECK(memory::in_use() == before + 100 * 4000);
  std::thread([&] { arrays.clear(); }).join();
  CHECK(memory::in_use() == before);
}

TEST_CASE("one storage handed between threads is freed once") {
  static std::atomic<int> freed{0};
  freed = 0;
  alignas(64) static std::byte memory[64];
  for (int k = 0; k < 200; ++k) {
    Array a(Ref<Storage>(adopt_storage(memory, 64, [](Storage*) { ++freed; })), {16}, f32);
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i)
      threads.emplace_back([copy = a] {
        for (int j = 0; j < 50; ++j) Array(copy).sliced(0, 1, 3);
      });
    a = Array();
    for (std::thread& t : threads) t.join();
    threads.clear();
    CHECK(freed == k + 1);
  }
}

TEST_CASE("every in-place write moves the version of the storage, seen from each view") {
  const Tensor x = zeros({2, 3}), row = x(1);
  const uint32_t before = row.array().version();
  assign(x(0), ones({3}));
  CHECK(x.array().version() == before + 1);
  CHECK(row.array().version() == before + 1);
  assign(x, x * 1);
  CHECK(x.array().version() == before + 2);
  CHECK(Array::number(1, 1, f32).version() == 0);
}
