#include <algorithm>
#include "../core/op.h"
#include "../core/parallel.h"
#include "checks.h"
#include "ops.h"

namespace heed {
namespace {

// Walks a [outer, n, inner] array and an index of [outer, m, inner] beside it: visit(place in x, place in index).
// Outer parts are shared out whole: two indices that name one element stay in one task, in order.
struct Along : Around {
  int64_t m;
  Along(const Shape& x, const Shape& index, int dim) : Around(x, dim), m(index[dim]) {}
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

// y[.., index[.., i], ..] = join(what is there, src[.., i, ..]) along dim.
template <class Join>
void scatter_into(Array& y, int dim, const Array& index, const Array& src, Join join) {
  const Array where = index.contiguous(), values = src.contiguous();
  visit_dtype(y.dtype(), [&]<class T>(T) {
    T* q = y.mutable_data<T>();
    const T* p = values.data<T>();
    Along(y.shape(), index.shape(), dim).for_each(where.data<int64_t>(), [&](int64_t in, int64_t out) {
      q[in] = join(q[in], p[out]);
    });
  });
}
constexpr auto last_of = [](auto, auto value) { return value; };

// y[.., index[.., i], ..] += src[.., i, ..] along dim; bf16 is summed in f32 and rounded once.
void add_into(Array& y, int dim, const Array& index, const Array& src) {
  if (y.dtype() != bf16)
    return scatter_into(y, dim, index, src, [](auto there, auto value) { return kernels::added(there, value); });
  Array wide = y.cast(f32);
  add_into(wide, dim, index, src.cast(f32));
  y = wide.cast(bf16);
}

// sum[.., index[j], ..] += src[.., j, ..] along dim, in order: a task adds to a stripe of columns of an outer part.
// What a row of bf16 gets is summed in f32 and rounded once.
void add_rows(Array& sum, int dim, const Array& index, const Array& src) {
  constexpr int64_t stripe = 64;
  const Around to(sum.shape(), dim);
  const int64_t m = index.numel(), stripes = ceil_div(to.inner, stripe);
  const int64_t work = std::max<int64_t>(m * std::min(to.inner, stripe), 1);
  const Array where = index.contiguous();
  if (sum.dtype() == bf16) {
    const std::span<const int64_t> named(where.data<int64_t>(), std::size_t(m));
    std::vector<int64_t> rows(named.begin(), named.end());
    std::sort(rows.begin(), rows.end());
    rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
    const auto count = int64_t(rows.size());
    if (count < m) {
      Array each({count}, i64), place({m}, i64);
      std::copy(rows.begin(), rows.end(), each.mutable_data<int64_t>());
      std::transform(named.begin(), named.end(), place.mutable_data<int64_t>(),
                     [&](int64_t row) { return std::lower_bound(rows.begin(), rows.end(), row) - rows.begin(); });
      Array wide = filled(src.shape().with(dim, count), 0, f32);
      add_rows(wide, dim, place, src.cast(f32));
      return add_rows(sum, dim, each, wide.cast(bf16));
    }
  }
  const Array values = src.contiguous();
  visit_dtype(sum.dtype(), [&]<class T>(T) {
    T* q = sum.mutable_data<T>();
    const T* p = values.data<T>();
    const int64_t* row = where.data<int64_t>();
    constexpr int64_t ahead = 8, line = 64 / int64_t(sizeof(T));  // rows lie anywhere
    parallel_for(to.outer * stripes, std::max<int64_t>(1, (1 << 14) / work), [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        const int64_t o = t / stripes, from = t % stripes * stripe, upto = std::min(from + stripe, to.inner);
        for (int64_t j = 0; j < m; ++j) {
          const auto there = [&](int64_t k) { return q + (o * to.n + row[k]) * to.inner; };
          for (int64_t i = from; i < upto && j + ahead < m; i += line) __builtin_prefetch(there(j + ahead) + i, 1);
          T* y = there(j);
          const T* x = p + (o * m + j) * to.inner;
          for (int64_t i = from; i < upto; ++i) y[i] = kernels::added(y[i], x[i]);
        }
      }
    });
  });
}

void check_added(const char* op, Where at, const Tensor& x, const In& src) {
  check_defined(op, at, src);
  if (x.dtype() != i64) check_computed(op, at, x.dtype());
  check_same_dtype(op, at, x.dtype(), src->dtype());
}

void check_values(const char* op, Where at, const Tensor& src, const Tensor& index) {
  if (src.shape() != index.shape())
    fail<ShapeError>(at, op,
                     "the values " + src.shape().str() + " must have the shape of the index " + index.shape().str());
}

// The dimension, of x, that an index goes into.
int indexed_dim(const char* op, Where at, const In& x, int dim, const In& index) {
  check_defined(op, at, x);
  check_defined(op, at, index);
  check_index_dtype(op, at, index);
  return checked_dim(at, op, dim, x->dim());
}

// The index's dimension number `dim` may differ from x's, the others must agree.
int checked_index(const char* op, Where at, const In& x, int dim, const In& index) {
  const int d = indexed_dim(op, at, x, dim, index);
  if (index->dim() != x->dim() || index->shape().with(d, 0) != x->shape().with(d, 0))
    fail<ShapeError>(at, op,
                     "the index " + index->shape().str() + " must have the shape of " + x->shape().str() +
                         " but for dimension " + std::to_string(dim));
  check_indices(op, at, index, x->shape()[d], "elements of the dimension");
  return d;
}

// One index for all that lies around dimension `dim`.
int checked_rows(const char* op, Where at, const In& x, int dim, const In& index) {
  const int d = indexed_dim(op, at, x, dim, index);
  if (index->dim() != 1) fail<ShapeError>(at, op, "the index must have one dimension, not " + index->shape().str());
  check_indices(op, at, index, x->shape()[d], "elements of the dimension");
  return d;
}

}  // namespace

struct ScatterAdd {
  static constexpr auto name = "scatter_add";
  static constexpr auto constant = inputs<1>;
  int dim;
  Array forward(const Array& x, const Array& index, const Array& src) const {
    Array y = x.cast(x.dtype());
    add_into(y, dim, index, src);
    return y;
  }
  Tensor d0(Grad g) const { return g; }
  Tensor d2(Grad g, Input<1> index) const { return gather(g, dim, index); }
};

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
  Tensor d0(Grad g, Input<1> index) const { return apply({}, ScatterAdd{dim}, zeros(from, g.dtype()), index, g); }
  void add0(Grad g, Input<1> index, Array& sum) const { add_into(sum, dim, index, g); }
};
Tensor gather(In x, int dim, In index) {
  const Where at = line_of(x);
  const int d = checked_index(Gather::name, at, x, dim, index);
  return apply(at, Gather{d, x->shape()}, x.tensor(), index.tensor());
}

Tensor scatter_add(In x, int dim, In index, In src) {
  const Where at = line_of(x);
  const int d = checked_index(ScatterAdd::name, at, x, dim, index);
  check_added(ScatterAdd::name, at, x, src);
  check_values(ScatterAdd::name, at, src, index);
  return apply(at, ScatterAdd{d}, x.tensor(), index.tensor(), src.tensor());
}

struct Scatter {
  static constexpr auto name = "scatter";
  static constexpr auto constant = inputs<1>;
  int dim;
  Array forward(const Array& x, const Array& index, const Array& src) const {
    Array y = x.cast(x.dtype());
    scatter_into(y, dim, index, src, last_of);
    return y;
  }
  Tensor d0(Grad g, Input<1> index) const { return scatter(g, dim, index, 0); }
  // To the last that wrote, which is found by letting them write their places.
  Tensor d2(Grad g, Input<1> index) const {
    Shape along;
    for (int d = 0; d < index.dim(); ++d) along.push_back(d == dim ? index.size(d) : 1);
    const Tensor place = expand(reshape(arange(index.size(dim)), along), index.shape());
    const Tensor last = gather(scatter(zeros(g.shape(), i64), dim, index, place), dim, index);
    return where(last == place, gather(g, dim, index), 0);
  }
};
Tensor scatter(In x, int dim, In index, In src) {
  const Where at = line_of(x);
  const int d = checked_index(Scatter::name, at, x, dim, index);
  if (src.is_number()) {
    if (!floating(x->dtype())) check_whole(Scatter::name, at, src, x->dtype());
    return apply(at, Scatter{d}, x.tensor(), index.tensor(), expand(src.as(x->dtype()), index->shape()));
  }
  check_defined(Scatter::name, at, src);
  check_same_dtype(Scatter::name, at, x->dtype(), src->dtype());
  check_values(Scatter::name, at, src, index);
  return apply(at, Scatter{d}, x.tensor(), index.tensor(), src.tensor());
}

// ---- whole rows
struct IndexAdd {
  static constexpr auto name = "index_add";
  static constexpr auto constant = inputs<1>;
  int dim;
  Array forward(const Array& x, const Array& index, const Array& src) const {
    Array y = x.cast(x.dtype());
    add_rows(y, dim, index, src);
    return y;
  }
  Tensor d0(Grad g) const { return g; }
  Tensor d2(Grad g, Input<1> index) const { return index_select(g, dim, index); }
};

struct IndexSelect {
  static constexpr auto name = "index_select";
  static constexpr auto constant = inputs<1>;
  int dim;
  int64_t total;
  Array forward(const Array& x, const Array& index) const {
    const Around from(x.shape(), dim);
    const int64_t m = index.numel();
    const Array values = x.contiguous(), where = index.contiguous();
    Array y(x.shape().with(dim, m), x.dtype());
    visit_dtype(x.dtype(), [&]<class T>(T) {
      const T* p = values.data<T>();
      T* q = y.mutable_data<T>();
      const int64_t* row = where.data<int64_t>();
      parallel_for(from.outer * m, std::max<int64_t>(1, (1 << 14) / std::max<int64_t>(from.inner, 1)),
                   [&](int64_t begin, int64_t end) {
                     for (int64_t t = begin, o = begin / m, j = begin % m; t < end; ++t) {
                       std::copy_n(p + (o * from.n + row[j]) * from.inner, from.inner, q + t * from.inner);
                       if (++j == m) j = 0, ++o;
                     }
                   });
    });
    return y;
  }
  Tensor d0(Grad g, Input<1> index) const {
    return apply({}, IndexAdd{dim}, zeros(g.shape().with(dim, total), g.dtype()), index, g);
  }
  void add0(Grad g, Input<1> index, Array& sum) const { add_rows(sum, dim, index, g); }
};
Tensor index_select(In x, int dim, In index) {
  const Where at = line_of(x);
  const int d = checked_rows(IndexSelect::name, at, x, dim, index);
  return apply(at, IndexSelect{d, x->size(d)}, x.tensor(), index.tensor());
}

Tensor index_add(In x, int dim, In index, In src, double alpha) {
  const Where at = line_of(x);
  const int d = checked_rows(IndexAdd::name, at, x, dim, index);
  check_added(IndexAdd::name, at, x, src);
  if (src->shape() != x->shape().with(d, index->numel()))
    fail<ShapeError>(at, IndexAdd::name,
                     "the values must be " + x->shape().with(d, index->numel()).str() + ", not " + src->shape().str());
  Scope here{x};
  return apply(at, IndexAdd{d}, x.tensor(), index.tensor(), alpha == 1 ? src.tensor() : src * alpha);
}

Tensor embedding(In index, In weight) {
  const Where at = line_of(index);
  check_defined("embedding", at, index);
  check_defined("embedding", at, weight);
  check_index_dtype("embedding", at, index);
  if (weight->dim() != 2)
    fail<ShapeError>(at, "embedding", "the weight must have two dimensions, not " + weight->shape().str());
  if (!floating(weight->dtype())) check_computed("embedding", at, weight->dtype());
  check_indices("embedding", at, index, weight->size(0), "rows of the weight");
  check_rank("embedding", at, index->dim() + 1);
  Scope here{index};
  Shape s = index->shape();
  s.push_back(weight->size(1));
  return reshape(apply(at, IndexSelect{0, weight->size(0)}, weight.tensor(), reshape(index, {-1})), s);
}

// ---- truth to indices
struct NonZero {
  static constexpr auto name = "nonzero";
  static constexpr bool differentiable = false;
  Array forward(const Array& x) const {
    const Array in = x.contiguous();
    std::vector<int64_t> places;
    visit_dtype(x.dtype(), [&]<class T>(T) {
      const T* p = in.data<T>();
      for (int64_t i = 0; i < x.numel(); ++i)
        if (static_cast<bool>(p[i])) places.push_back(i);
    });
    const int rank = x.shape().rank();
    Array y({int64_t(places.size()), rank}, i64);
    int64_t* q = y.mutable_data<int64_t>();
    for (int64_t place : places) {
      for (int d = rank - 1; d >= 0; --d) q[d] = std::exchange(place, place / x.shape()[d]) % x.shape()[d];
      q += rank;
    }
    return y;
  }
};
Tensor nonzero(In x) {
  const Where at = line_of(x);
  check_defined(NonZero::name, at, x);
  return apply(at, NonZero{}, x.tensor());
}

}  // namespace heed
