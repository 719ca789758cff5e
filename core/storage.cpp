#include "storage.h"
#include <sys/mman.h>
#include <unistd.h>
#include <algorithm>
#include <bit>
#include <cstdlib>
#include <iterator>
#include <map>
#include <mutex>
#include <new>
#include <set>
#include "mode.h"

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
constexpr std::size_t step = 64, largest_small = 2048, longest_list = 1024;
constexpr std::size_t largest_listed = std::size_t{256} << 10, huge_page = std::size_t{2} << 20;

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
  Waiting* first[64 * 4 + 4] = {};
  std::size_t cached = 0;

  void* take(std::size_t wanted) {
    const LargeClass c(wanted);
    Waiting* w = first[c.index];
    if (!w) return allocate(step, c.bytes);
    first[c.index] = w->next;
    cached -= c.bytes;
    return w;
  }
  void give(void* block, std::size_t wanted) noexcept {
    const LargeClass c(wanted);
    first[c.index] = new (block) Waiting{first[c.index]};
    cached += c.bytes;
  }
  void trim() {
    for (Waiting*& list : first)
      while (Waiting* w = list) {
        list = w->next;
        std::free(w);
      }
    cached = 0;
  }
};

// ---- the largest blocks: whole pages cut from spans of huge pages, each from the smallest free piece that holds it;
// free neighbours become one, so that what one size leaves serves another. A span is far larger than what is used of
// it, and what was never used has no memory: so there are few ends at which pieces cannot join.
class Spans {
 public:
  std::size_t cached() const { return cached_; }

  void* take(std::size_t wanted) {
    const std::size_t bytes = room_for(wanted);
    auto fit = by_size_.lower_bound({bytes, nullptr});
    if (fit == by_size_.end()) {
      std::size_t room = std::max(whole(bytes, huge_page), span);
      void* p = std::aligned_alloc(huge_page, room);
      if (!p) p = allocate(huge_page, room = whole(bytes, huge_page));  // where addresses are limited
      madvise(p, room, MADV_HUGEPAGE);                                  // advice: its failure is no failure
      fit = add(static_cast<std::byte*>(p), {room});
    }
    std::byte* p = fit->second;
    const Piece all = remove(free_.find(p));
    if (all.bytes > bytes)
      add(p + bytes, {all.bytes - bytes, std::max(all.from, bytes) - bytes, std::max(all.to, bytes) - bytes});
    return p;
  }
  void give(void* block, std::size_t wanted) noexcept {
    auto* p = static_cast<std::byte*>(block);
    const std::size_t bytes = room_for(wanted);
    Piece piece{bytes, 0, bytes};
    auto after = free_.lower_bound(p);
    if (after != free_.begin())
      if (const auto before = std::prev(after); before->first + before->second.bytes == p) {
        p = before->first;
        piece = remove(before) + piece;
      }
    if (after != free_.end() && p + piece.bytes == after->first) piece = piece + remove(after);
    add(p, piece);
  }
  void trim() {
    for (auto& [p, piece] : free_)
      if (piece.touched()) {
        madvise(p, piece.bytes, MADV_DONTNEED);
        piece.from = piece.to = 0;
      }
    cached_ = 0;
  }

 private:
  static constexpr std::size_t span = std::size_t{1} << 30;
  static std::size_t page() {
    static const auto size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    return size;
  }
  struct Piece {
    std::size_t bytes, from = 0, to = 0;  // only what lies between these may have memory
    std::size_t touched() const { return to - from; }
    friend Piece operator+(const Piece& a, const Piece& b) {  // neighbours
      if (!b.touched()) return {a.bytes + b.bytes, a.from, a.to};
      return {a.bytes + b.bytes, a.touched() ? a.from : a.bytes + b.from, a.bytes + b.to};
    }
  };
  using Free = std::map<std::byte*, Piece>;

  static std::size_t whole(std::size_t bytes, std::size_t unit) { return (bytes + unit - 1) / unit * unit; }
  // Whole pages. Neighbours of 2^27 bytes and more that are a power of two apart would be on the same banks of memory
  // all along, and a loop over four of them three times slower (AdamW on 2^26 weights).
  static std::size_t room_for(std::size_t wanted) {
    const std::size_t bytes = whole(wanted, page());
    return bytes % (std::size_t{1} << 27) ? bytes : bytes + page();
  }
  std::set<std::pair<std::size_t, std::byte*>>::iterator add(std::byte* p, Piece piece) {
    cached_ += piece.touched();
    free_.emplace(p, piece);
    return by_size_.emplace(piece.bytes, p).first;
  }
  Piece remove(Free::iterator it) {
    const auto [p, piece] = *it;
    cached_ -= piece.touched();
    by_size_.erase({piece.bytes, p});
    free_.erase(it);
    return piece;
  }

  Free free_;
  std::set<std::pair<std::size_t, std::byte*>> by_size_;
  std::size_t cached_ = 0;
};

struct Pool {  // of all threads
  std::mutex mutex;
  LargeLists lists;
  Spans spans;
};
Pool& pool() {
  static auto* p = new Pool;  // lives as long as any thread may free a block
  return *p;
}
void* take_large(std::size_t wanted) {
  if (!caches_blocks) return allocate(step, (wanted + step - 1) / step * step);
  std::lock_guard lock(pool().mutex);
  return wanted > largest_listed ? pool().spans.take(wanted) : pool().lists.take(wanted);
}
void give_large(void* block, std::size_t wanted) noexcept {
  if (!caches_blocks) return std::free(block);
  std::lock_guard lock(pool().mutex);
  wanted > largest_listed ? pool().spans.give(block, wanted) : pool().lists.give(block, wanted);
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
  s->replay = mode.replay;
  s->bytes = bytes;
  s->data = together ? reinterpret_cast<std::byte*>(s + 1) : static_cast<std::byte*>(take_block(bytes));
  count(std::ptrdiff_t(bytes));
  return s;
}
Storage* adopt_storage(std::byte* data, std::size_t bytes, void (*free_data)(Storage*)) {
  auto* s = new (take_block(sizeof(Storage))) Storage;
  s->replay = mode.replay;
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
  std::lock_guard lock(pool().mutex);
  return pool().lists.cached + pool().spans.cached();
}
void trim() {
  std::lock_guard lock(pool().mutex);
  pool().lists.trim();
  pool().spans.trim();
}
}  // namespace memory

}  // namespace heed
