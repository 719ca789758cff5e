#pragma once
// IDX, the format of MNIST: two zero bytes, the type, the number of dimensions, the sizes, the elements, big endian.
#include <optional>
#include "../../core/tensor.h"

namespace heed {

// Of the elements, by its code in the file.
enum class IdxType : uint8_t { u8 = 0x08, i8 = 0x09, i16 = 0x0b, i32 = 0x0c, f32 = 0x0d, f64 = 0x0e };

// The shape is the file's, up to 8 dimensions; packed by gzip or not. Integers are i64 and f32 and f64 what they are,
// unless a floating type is asked for. FileError: not such a file, damaged, longer or shorter than its sizes say.
// DtypeError: floating elements as integers.
Tensor load_idx(const std::string& path, std::optional<Dtype> t = {}, Where at = Where::here());

// FileError: it cannot be written, or has an element that the type cannot hold (the floating types round).
void save_idx(const std::string& path, const Tensor& x, IdxType type, Where at = Where::here());

}  // namespace heed
