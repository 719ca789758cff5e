#pragma once

namespace heed::kernels {

const char* simd_target();  // the instruction set that the loops of rows.h run on here: "AVX2", "AVX3_SPR", "NEON"

}  // namespace heed::kernels
