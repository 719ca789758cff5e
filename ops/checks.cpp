#include "checks.h"
#include <algorithm>
#include <utility>
#include "../core/mode.h"
#include "kernels/matmul.h"

namespace heed {

Dims::Dims(std::initializer_list<int> named, Where at) : count(named.size()) {
  if (count > dims.size())
    fail<ShapeError>(line_of(at), "dims",
                     std::to_string(count) + " dimensions are named, which is more than " + std::to_string(max_rank));
  std::copy(named.begin(), named.end(), dims.begin());
}

std::array<bool, max_rank> named_dims(const char* op, Where at, Dims dims, int rank) {
  std::array<bool, max_rank> named{};
  for (int dim : dims.get())
    if (std::exchange(named[std::size_t(checked_dim(at, op, dim, rank))], true))
      fail<ShapeError>(at, op, "dimension " + std::to_string(dim) + " is named twice");
  return named;
}

Reduced::Reduced(const char* op, Where at, const Tensor& x, Dims dims) : kept(x.shape()) {
  const auto named = named_dims(op, at, dims, x.dim());
  for (int d = 0; d < x.dim(); ++d) {
    if (named[std::size_t(d)] || dims.get().empty()) kept[d] = 1;
    else dropped.push_back(x.shape()[d]);
  }
}

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

void check_over(const char* op, Where at, const char* what, const Tensor& x, const char* of, const Shape& to) {
  if (!broadcasts(x.shape(), to))
    fail<ShapeError>(at, op,
                     "the " + std::string(what) + " " + x.shape().str() + " does not broadcast to " + of + to.str());
}

void check_vector(const char* op, Where at, const char* what, const In& vector, int64_t n, const Tensor& x) {
  if (!vector.defined()) return;
  if (!vector.is_number()) check_same_dtype(op, at, x.dtype(), vector->dtype());
  if (vector.is_number() || vector->shape() != Shape{n})
    fail<ShapeError>(at, op,
                     std::string(what) + " must be " + Shape{n}.str() + " for " + x.shape().str() + ", not " +
                         (vector.is_number() ? "a number" : vector->shape().str()));
}

void check_sequence(const char* op, Where at, const Tensor& x, int64_t width) {
  if (x.dim() != 3 || x.size(1) < 1 || x.size(2) != width)
    fail<ShapeError>(at, op,
                     "x must be [B, T, " + std::to_string(width) + "] of one step at least, not " + x.shape().str());
}

Shape check_readable(const char* op, Where at, const In& q, const In& k, const In& v) {
  for (const In* given : {&q, &k, &v}) {
    check_floating(op, at, *given);
    const Tensor& x = *given;
    check_same_dtype(op, at, q->dtype(), x.dtype());
    if (x.dim() < 2) fail<ShapeError>(at, op, "q, k and v need two dimensions at least, not " + x.shape().str());
  }
  const Shape &ks = k->shape(), &vs = v->shape();
  if (ks[-2] != vs[-2])
    fail<ShapeError>(at, op,
                     "there must be as many keys as values, not " + std::to_string(ks[-2]) + " in " + ks.str() +
                         " and " + std::to_string(vs[-2]) + " in " + vs.str());
  using kernels::batch_of;
  return broadcast(at, op, broadcast(at, op, batch_of(q->shape()), batch_of(ks)), batch_of(vs));
}

Shape check_attention(const char* op, Where at, const In& q, const In& k, const In& v) {
  const Shape batch = check_readable(op, at, q, k, v);
  if (q->size(-1) != k->size(-1))
    fail<ShapeError>(
        at, op, "queries " + q->shape().str() + " and keys " + k->shape().str() + " must have the same last dimension");
  return batch;
}

}  // namespace heed
