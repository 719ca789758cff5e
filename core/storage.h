#pragma once
// Counted, 64-byte aligned memory from a caching pool. Every in-place write moves a storage's version.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>
#include "error.h"

namespace heed {

// A counted handle. T has retain(T*) and release(T*).
template <class T>
class Ref {
 public:
  Ref() = default;
  explicit Ref(T* fresh) : p_(fresh) {}  // takes over the count that came with it
  Ref(const Ref& o) : p_(o.p_) {
    if (p_) retain(p_);
  }
  Ref(Ref&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
  Ref& operator=(const Ref& o) {
    Ref copy(o);
    std::swap(p_, copy.p_);
    return *this;
  }
  Ref& operator=(Ref&& o) noexcept {
    Ref moved(std::move(o));
    std::swap(p_, moved.p_);
    return *this;
  }
  ~Ref() {
    if (p_) release(p_);
  }
  T* get() const { return p_; }  // the count stays as it is
  T* operator->() const { return p_; }
  T& operator*() const { return *p_; }
  explicit operator bool() const { return p_; }

 private:
  T* p_ = nullptr;
};

// Blocks of the pool, for storage and for the nodes of the graph. Free blocks wait for the next: small ones in lists of
// each thread, large ones in lists for all threads, the largest as pieces of spans of huge pages.
void* take_block(std::size_t bytes);
void give_block(void* block, std::size_t bytes) noexcept;

template <class T>
class Workspace {  // n values of the pool for as long as it lives, not initialised
 public:
  explicit Workspace(int64_t n)
      : bytes_(static_cast<std::size_t>(n) * sizeof(T)), data_(static_cast<T*>(take_block(bytes_))) {}
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  ~Workspace() { give_block(data_, bytes_); }
  T* data() const { return data_; }  // the first of them

 private:
  std::size_t bytes_;
  T* data_;
};

struct alignas(64) Storage {  // what arrays share
  std::atomic<uint32_t> refs{1};
  std::atomic<uint32_t> version{0};
  std::size_t bytes = 0;
  std::byte* data = nullptr;              // behind this header, or memory that someone else owns
  void (*free_data)(Storage*) = nullptr;  // gives back memory of someone else's (a mapped file)
  Where written;                          // the line of the last in-place write
  uint64_t replay = 0;                    // of a checkpoint, in which it was made; 0: in none
};
Storage* make_storage(std::size_t bytes);  // values are not initialised
// Memory of someone else's, given back by free_data.
Storage* adopt_storage(std::byte* data, std::size_t bytes, void (*free_data)(Storage*));
void destroy(Storage* s) noexcept;
inline void retain(Storage* s) { s->refs.fetch_add(1, std::memory_order_relaxed); }
inline void release(Storage* s) {
  if (s->refs.load(std::memory_order_acquire) == 1 || s->refs.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy(s);
}

// What tensors occupy, in bytes, over all threads. Each thread that runs may be up to 64 KiB behind with its own.
namespace memory {
std::size_t in_use();  // now
std::size_t peak();    // the largest in_use since the start or the last reset
void reset_peak();     // to in_use
std::size_t cached();  // memory of free large blocks, kept for reuse
void trim();           // gives it back to the system
bool caches();         // are freed blocks kept? Not under AddressSanitizer, so that a use after free is seen
}  // namespace memory

}  // namespace heed
