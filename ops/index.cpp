#include <algorithm>
#include "../core/op.h"
#include "../core/parallel.h"
#include "checks.h"
#include "ops.h"

namespace heed {
namespace {

// Walks a [outer, n, inner] array and an index of [outer, m, inner] beside it: visit(place in x, place in index).
// Outer parts are shared out whole: two indices that name one element stay in one task, in order.
struct Along {
  int64_t outer = 1, n, m, inner = 1;
  Along(const Shape& x, const Shape& index, int dim) : n(x[dim]), m(index[dim]) {
    for (int i = 0; i < dim; ++i) outer *= x[i];
    for (int i = dim + 1; i < x.rank(); ++i) inner *= x[i];
  }
  template <class F>
  void for_each(const int64_t* index, F&& visit) const {
    parallel_for(outer, std::max<int64_t>(1, (1 << 14) / std::max<int64_t>(m * inner, 1)),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t o = begin; o < end; ++o)
                     for (int64_t j = 0; j < m; ++j)
                       for (int64_t i = 0; i < inner; ++i) {
                         const int64_t at = (o * m + j) * inner + i;
                         visit((o * n + index[at]) * inner + i, at);
                       }
                 });
  }
};

// sum[.., index[.., i], ..] += src[.., i, ..] along dim.
void scatter_into(Array& sum, int dim, const Array& index, const Array& src) {
  const Array where = index.contiguous(), values = src.contiguous();
  visit_dtype(sum.dtype(), [&]<class T>(T) {
    T* q = sum.mutable_data<T>();
    const T* p = values.data<T>();
    Along(sum.shape(), index.shape(), dim).for_each(where.data<int64_t>(), [&](int64_t in, int64_t out) {
      q[in] = kernels::added(q[in], p[out]);
    });
  });
}

// The index's dimension number `dim` may differ from x's, the others must agree.
int checked_index(const char* op, Where at, const Tensor& x, int dim, const Tensor& index) {
  check_defined(op, at, x);
  check_defined(op, at, index);
  check_index_dtype(op, at, index);
  const int d = checked_dim(at, op, dim, x.dim());
  if (index.dim() != x.dim() || index.shape().with(d, 0) != x.shape().with(d, 0))
    fail<ShapeError>(at, op,
                     "the index " + index.shape().str() + " must have the shape of " + x.shape().str() +
                         " but for dimension " + std::to_string(dim));
  check_indices(op, at, index, x.shape()[d], "elements of the dimension");
  return d;
}

}  // namespace

struct Gather {
  static constexpr auto name = "gather";
  static constexpr auto constant = inputs<1>;
  int dim;
  Shape from;
  Array forward(const Array& x, const Array& index) const {
    const Array values = x.contiguous(), where = index.contiguous();
    Array y(index.shape(), x.dtype());
    visit_dtype(x.dtype(), [&]<class T>(T) {
      const T* p = values.data<T>();
      T* q = y.mutable_data<T>();
      Along(x.shape(), index.shape(), dim).for_each(where.data<int64_t>(), [&](int64_t in, int64_t out) {
        q[out] = p[in];
      });
    });
    return y;
  }
  Tensor d0(Grad g, Input<1> index) const { return scatter_add(zeros(from, g.dtype()), dim, index, g); }
  void add0(Grad g, Input<1> index, Array& sum) const { scatter_into(sum, dim, index, g); }
};
Tensor gather(In x, int dim, In index) {
  const Where at = line_of(x);
  const int d = checked_index(Gather::name, at, x, dim, index);
  return apply(at, Gather{d, x->shape()}, x.tensor(), index.tensor());
}

struct ScatterAdd {
  static constexpr auto name = "scatter_add";
  static constexpr auto constant = inputs<1>;
  int dim;
  Array forward(const Array& x, const Array& index, const Array& src) const {
    Array y = x.cast(x.dtype());
    scatter_into(y, dim, index, src);
    return y;
  }
  Tensor d0(Grad g) const { return g; }
  Tensor d2(Grad g, Input<1> index) const { return gather(g, dim, index); }
};
Tensor scatter_add(In x, int dim, In index, In src) {
  const Where at = line_of(x);
  const int d = checked_index(ScatterAdd::name, at, x, dim, index);
  check_floating(ScatterAdd::name, at, x);
  check_same_dtype(ScatterAdd::name, at, x->dtype(), src->dtype());
  if (src->shape() != index->shape())
    fail<ShapeError>(at, ScatterAdd::name,
                     "the values " + src->shape().str() + " must have the shape of the index " + index->shape().str());
  return apply(at, ScatterAdd{d}, x.tensor(), index.tensor(), src.tensor());
}

// ---- embedding
namespace {

// sum[index[i]] += g[i], row by row: a stripe of columns per task, indices in order.
void add_rows(Array& sum, const Array& g, const Array& index) {
  const int64_t width = sum.shape()[1];
  const Array values = g.contiguous(), where = index.contiguous();
  visit_dtype(g.dtype(), [&]<class T>(T) {
    T* q = sum.mutable_data<T>();
    const T* p = values.data<T>();
    const int64_t* at = where.data<int64_t>();
    parallel_for(width, 64, [&](int64_t begin, int64_t end) {
      for (int64_t i = 0; i < where.numel(); ++i)
        for (int64_t j = begin; j < end; ++j)
          q[at[i] * width + j] = kernels::added(q[at[i] * width + j], p[i * width + j]);
    });
  });
}

struct EmbeddingGrad {  // the dual of a lookup
  static constexpr auto name = "embedding_grad";
  static constexpr auto constant = inputs<1>;
  int64_t vocabulary;
  Array forward(const Array& g, const Array& index) const {
    Array y = filled({vocabulary, g.shape()[-1]}, 0, g.dtype());
    add_rows(y, g, index);
    return y;
  }
  Tensor d0(Grad g, Input<1> index) const { return embedding(index, g); }
};

}  // namespace

struct EmbeddingOp {
  static constexpr auto name = "embedding";
  static constexpr auto constant = inputs<0>;
  int64_t vocabulary;
  Array forward(const Array& index, const Array& weight) const {
    Shape shape = index.shape();
    const int64_t width = weight.shape()[1];
    shape.push_back(width);
    Array y(shape, weight.dtype());
    const Array where = index.contiguous(), table = weight.contiguous();
    const std::size_t bytes = std::size_t(width) * heed::width(weight.dtype());
    const std::byte* from = table.bytes();
    std::byte* to = y.storage()->data;
    const int64_t* at = where.data<int64_t>();
    parallel_for(where.numel(), std::max<int64_t>(1, (1 << 14) / std::max<int64_t>(width, 1)),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end; ++i)
                     std::memcpy(to + std::size_t(i) * bytes, from + std::size_t(at[i]) * bytes, bytes);
                 });
    return y;
  }
  Tensor d1(Grad g, Input<0> index) const { return apply({}, EmbeddingGrad{vocabulary}, g, index); }
  void add1(Grad g, Input<0> index, Array& sum) const { add_rows(sum, g, index); }
};
Tensor embedding(In index, In weight) {
  const Where at = line_of(index);
  check_defined(EmbeddingOp::name, at, index);
  check_defined(EmbeddingOp::name, at, weight);
  check_index_dtype(EmbeddingOp::name, at, index);
  if (weight->dim() != 2)
    fail<ShapeError>(at, EmbeddingOp::name, "the weight must have two dimensions, not " + weight->shape().str());
  if (!floating(weight->dtype())) check_computed(EmbeddingOp::name, at, weight->dtype());
  check_indices(EmbeddingOp::name, at, index, weight->size(0), "rows of the weight");
  return apply(at, EmbeddingOp{weight->size(0)}, index.tensor(), weight.tensor());
}

}  // namespace heed
