// Random tensors: element i of a stream is a function of its key and of i.
#include "../core/op.h"
#include "../core/plus.h"
#include "kernels/map.h"
#include "kernels/rows.h"

namespace heed {
namespace {

// row(key, first element, y, n) for pieces of a tensor.
template <class F>
Tensor drawn(const char* op, Where at, const Shape& shape, Rng& rng, Dtype t, F&& row) {
  check_computed(op, at, t);
  check_sizes(at, op, shape);
  Array a(shape, t);
  visit_floating(t, [&]<class T>(T) {
    T* p = a.mutable_data<T>();
    parallel_for(a.numel(), kernels::grain,
                 [&, key = rng.key()](int64_t begin, int64_t end) { row(key, begin, p + begin, end - begin); });
  });
  return Tensor(std::move(a));
}

}  // namespace

Tensor rand(const Shape& shape, Rng& rng, Dtype t, Where at) {
  return drawn("rand", line_of(at), shape, rng, t,
               [](uint64_t key, int64_t first, auto* y, int64_t n) { kernels::rows::uniform(key, first, y, n); });
}
Tensor randn(const Shape& shape, Rng& rng, Dtype t, Where at) {
  return drawn("randn", line_of(at), shape, rng, t,
               [](uint64_t key, int64_t first, auto* y, int64_t n) { kernels::rows::normal(key, first, y, n); });
}

}  // namespace heed
