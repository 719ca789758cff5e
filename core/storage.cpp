#include "storage.h"
#include <sys/mman.h>
#include <algorithm>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#define HEED_CACHES_BLOCKS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HEED_CACHES_BLOCKS 0
#endif
#endif
#ifndef HEED_CACHES_BLOCKS
#define HEED_CACHES_BLOCKS 1
#endif

namespace heed {
namespace {

constexpr bool caches_blocks = HEED_CACHES_BLOCKS;
constexpr std::size_t step = 64, largest_small = 2048, longest_list = 1024, huge_page = std::size_t{2} << 20;

struct Waiting {  // a free block holds the link to the next
  Waiting* next;
};

// ---- figures
constexpr std::ptrdiff_t slack = 64 << 10;  // a thread reports after so many bytes
std::atomic<std::ptrdiff_t> total_in_use{0}, total_peak{0};
constinit thread_local std::ptrdiff_t unreported = 0;

void report_use() {
  const std::ptrdiff_t now = total_in_use.fetch_add(unreported, std::memory_order_relaxed) + unreported;
  unreported = 0;
  std::ptrdiff_t peak = total_peak.load(std::memory_order_relaxed);
  while (now > peak && !total_peak.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
  }
}

// ---- small blocks: a list per thread and size
struct SmallLists {
  Waiting* first[largest_small / step];
  unsigned length[largest_small / step];
  enum { fresh, open, closed } state;
};
constinit thread_local SmallLists small_lists{};
struct AtThreadEnd {
  ~AtThreadEnd() {
    small_lists.state = SmallLists::closed;
    for (Waiting*& list : small_lists.first)
      while (Waiting* w = list) {
        list = w->next;
        std::free(w);
      }
    report_use();
  }
};
void open_small_lists() {
  static thread_local AtThreadEnd at_end;
  (void)&at_end;
  small_lists.state = SmallLists::open;
}
void count(std::ptrdiff_t bytes) {
  if (small_lists.state == SmallLists::fresh) open_small_lists();
  unreported += bytes;
  if (unreported >= slack || unreported <= -slack || small_lists.state == SmallLists::closed) report_use();
}
std::size_t small_class(std::size_t bytes) { return bytes ? (bytes - 1) / step : 0; }

void* allocate(std::size_t alignment, std::size_t bytes) {
  void* p = std::aligned_alloc(alignment, bytes);
  if (!p) throw Error("heed: out of memory: the system has no " + std::to_string(bytes) + " bytes more");
  return p;
}
void* fresh_small_block(std::size_t bytes) { return allocate(step, (small_class(bytes) + 1) * step); }

// ---- large blocks: four sizes to a power of two, in lists for all threads
struct LargeClass {
  std::size_t index, bytes;
  explicit LargeClass(std::size_t wanted) {
    const auto power = std::size_t(std::bit_width(wanted - 1));  // 2^(power-1) < wanted <= 2^power
    const std::size_t quarter = std::size_t{1} << (power - 3);
    const std::size_t quarters = (wanted + quarter - 1) / quarter;  // 5 to 8
    index = power * 4 + quarters - 5;
    bytes = quarters * quarter;
  }
};
struct LargeLists {
  std::mutex mutex;
  Waiting* first[64 * 4 + 4] = {};
  std::size_t cached = 0;
};
LargeLists& large_lists() {
  static auto* lists = new LargeLists;  // lives as long as any thread may free a block
  return *lists;
}

void* take_large(std::size_t wanted) {
  const LargeClass c(wanted);
  LargeLists& lists = large_lists();
  {
    std::lock_guard lock(lists.mutex);
    if (Waiting* w = lists.first[c.index]) {
      lists.first[c.index] = w->next;
      lists.cached -= c.bytes;
      return w;
    }
  }
  if (c.bytes < huge_page) return allocate(step, c.bytes);
  const std::size_t whole = (c.bytes + huge_page - 1) / huge_page * huge_page;
  void* p = allocate(huge_page, whole);
  madvise(p, whole, MADV_HUGEPAGE);  // advice: its failure is no failure
  return p;
}
void give_large(void* block, std::size_t wanted) noexcept {
  if (!caches_blocks) return std::free(block);
  const LargeClass c(wanted);
  LargeLists& lists = large_lists();
  std::lock_guard lock(lists.mutex);
  auto* w = new (block) Waiting{lists.first[c.index]};
  lists.first[c.index] = w;
  lists.cached += c.bytes;
}

}  // namespace

void* take_block(std::size_t bytes) {
  if (bytes > largest_small) return take_large(bytes);
  const std::size_t c = small_class(bytes);
  if (Waiting* w = small_lists.first[c]) {
    small_lists.first[c] = w->next;
    --small_lists.length[c];
    return w;
  }
  return fresh_small_block(bytes);
}
void give_block(void* block, std::size_t bytes) noexcept {
  if (bytes > largest_small) return give_large(block, bytes);
  const std::size_t c = small_class(bytes);
  if (small_lists.state == SmallLists::fresh) open_small_lists();
  if (!caches_blocks || small_lists.state == SmallLists::closed || small_lists.length[c] == longest_list)
    return std::free(block);
  small_lists.first[c] = new (block) Waiting{small_lists.first[c]};
  ++small_lists.length[c];
}

Storage* make_storage(std::size_t bytes) {
  const bool together = sizeof(Storage) + bytes <= largest_small;  // a large block keeps its round size
  auto* s = new (take_block(sizeof(Storage) + (together ? bytes : 0))) Storage;
  s->bytes = bytes;
  s->data = together ? reinterpret_cast<std::byte*>(s + 1) : static_cast<std::byte*>(take_block(bytes));
  count(std::ptrdiff_t(bytes));
  return s;
}
Storage* adopt_storage(std::byte* data, std::size_t bytes, void (*free_data)(Storage*)) {
  auto* s = new (take_block(sizeof(Storage))) Storage;
  s->bytes = bytes;
  s->data = data;
  s->free_data = free_data;
  return s;
}
void destroy(Storage* s) noexcept {
  if (s->free_data) {
    s->free_data(s);
    return give_block(s, sizeof(Storage));
  }
  count(-std::ptrdiff_t(s->bytes));
  const bool together = s->data == reinterpret_cast<std::byte*>(s + 1);
  if (!together) give_block(s->data, s->bytes);
  give_block(s, sizeof(Storage) + (together ? s->bytes : 0));
}

namespace memory {
std::size_t in_use() {
  report_use();
  return std::size_t(std::max<std::ptrdiff_t>(total_in_use.load(), 0));
}
std::size_t peak() {
  report_use();
  return std::size_t(std::max<std::ptrdiff_t>(total_peak.load(), 0));
}
void reset_peak() {
  report_use();
  total_peak.store(total_in_use.load());
}
bool caches() { return caches_blocks; }

std::size_t cached() {
  std::lock_guard lock(large_lists().mutex);
  return large_lists().cached;
}
void trim() {
  LargeLists& lists = large_lists();
  std::lock_guard lock(lists.mutex);
  for (Waiting*& list : lists.first)
    while (Waiting* w = list) {
      list = w->next;
      std::free(w);
    }
  lists.cached = 0;
}
}  // namespace memory

}  // namespace heed
