#include "target.h"
#include <cstdio>
#include <cstdlib>
#include "../../core/text.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "heed/ops/kernels/target.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace heed::kernels::HWY_NAMESPACE {
const char* target() { return hwy::TargetName(HWY_TARGET); }
}  // namespace heed::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace heed::kernels {
namespace {

std::vector<int64_t> supported() {  // a bit each, the better the lower
  std::vector<int64_t> r;
  for (int64_t rest = hwy::SupportedTargets() & HWY_TARGETS; rest; rest &= rest - 1) r.push_back(rest & -rest);
  return r;
}

void choose(const std::string& name, const char* asked_by, Where at) {
  hwy::GetChosenTarget().Update(supported()[place_of(name, simd_targets(), asked_by, at)]);
}

// Before main, so that no loop has run. A name that means nothing here is said and passed over.
[[maybe_unused]] const bool at_start = [] {
  const char* name = std::getenv("HEED_SIMD");
  if (!name || !*name) return false;
  try {
    choose(name, "HEED_SIMD", {});
  } catch (const Error& e) {
    std::fprintf(stderr, "%s\n", e.what());
  }
  return true;
}();

}  // namespace

HWY_EXPORT(target);
const char* simd_target() { return HWY_DYNAMIC_DISPATCH(target)(); }
std::vector<std::string> simd_targets() {
  std::vector<std::string> names;
  for (const int64_t bit : supported()) names.emplace_back(hwy::TargetName(bit));
  return names;
}
void set_simd_target(const std::string& name, Where at) { choose(name, "set_simd_target", at); }

}  // namespace heed::kernels
#endif
