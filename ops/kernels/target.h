#pragma once
#include <string>
#include <vector>
#include "../../core/error.h"

namespace heed::kernels {

// The instruction set that the loops of this folder run on: "AVX2", "AVX3", "NEON". It is the best that this machine
// has, or what HEED_SIMD names in the environment.
const char* simd_target();
std::vector<std::string> simd_targets();  // those that this machine has, the best first
// One of them, from here on and for all threads: results change in their last digits. Error: this machine has none of
// that name.
void set_simd_target(const std::string& name, Where at = Where::here());

}  // namespace heed::kernels
