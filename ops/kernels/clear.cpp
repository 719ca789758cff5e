#include <cstring>
#include "../../core/loops.h"
#include "target.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "heed/ops/kernels/clear.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include <hwy/cache_control.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace heed::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Lines of 64 bytes. An ordinary store would read a line before it writes it, and leave it in the place of others.
void clear_lines(uint8_t* p, std::size_t bytes) {
  const hn::CappedTag<uint8_t, 64> d;
  for (std::size_t i = 0; i < bytes; i += hn::Lanes(d)) hn::Stream(hn::Zero(d), d, p + i);
  hwy::FlushStream();
}

}  // namespace heed::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace heed::kernels {

// Whatever allocates links this file, and with it what HEED_SIMD asks for.
[[maybe_unused]] const char* const chosen = simd_target();

HWY_EXPORT(clear_lines);
void clear(std::byte* p, std::size_t bytes) {  // memset(p, 0, bytes)
  constexpr std::size_t line = 64;
  const std::size_t before = std::min(bytes, -reinterpret_cast<std::uintptr_t>(p) % line);
  const std::size_t lines = (bytes - before) / line * line;
  std::memset(p, 0, before);
  HWY_DYNAMIC_DISPATCH(clear_lines)(reinterpret_cast<uint8_t*>(p + before), lines);
  std::memset(p + before + lines, 0, bytes - before - lines);
}

}  // namespace heed::kernels
#endif
