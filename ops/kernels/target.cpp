#include "target.h"

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
HWY_EXPORT(target);
const char* simd_target() { return HWY_DYNAMIC_DISPATCH(target)(); }
}  // namespace heed::kernels
#endif
