#pragma once
// What the page reads.
#include <nlohmann/json.hpp>
#include "../../heed.h"

namespace heed::explain {

using json = nlohmann::ordered_json;

// {"shape": [7, 4], "f64": base64 of the elements, little endian, row by row}; truths are 0 and 1
json json_of(const Tensor& x);
// The same with half the bytes, for what nobody calculates with.
json rough_json_of(const Tensor& x);

inline double size_of(const Tensor& x) { return norm(x.detach()).item(); }

}  // namespace heed::explain
