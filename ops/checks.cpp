#include "checks.h"

namespace heed {

void check_indices(const char* op, Where at, const Tensor& index, int64_t n, const char* of, int64_t ignored) {
  const Array values = index.array().contiguous();
  const int64_t* p = values.data<int64_t>();
  for (int64_t i = 0; i < values.numel(); ++i) {
    if ((p[i] >= 0 && p[i] < n) || p[i] == ignored) continue;
    fail<IndexError>(at, op,
                     "index " + std::to_string(p[i]) + " at element " + std::to_string(i) + " is outside the " +
                         std::to_string(n) + " " + of);
  }
}

}  // namespace heed
