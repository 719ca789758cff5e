// The exact text of every check: the user's line, the op, what cannot be done, why, with the numbers.
#include <limits>
#include "common.h"

using namespace heed;

TEST_CASE("errors of elementwise ops") {
  const Tensor a = ones({2, 3}), b = ones({4, 5}), d = ones({3}, f64), n = arange(3), m = n < 2, none;
  CHECK_ERROR(ShapeError, a + b,
              "add: cannot broadcast [2, 3] with [4, 5]: dimension -1 is 3 in the first and 5 in the second");
  CHECK_ERROR(ShapeError, a * ones({2, 1, 2}),
              "mul: cannot broadcast [2, 3] with [2, 1, 2]: dimension -1 is 3 in the first and 2 in the second");
  CHECK_ERROR(ShapeError, ones({4, 3}) - a,
              "sub: cannot broadcast [4, 3] with [2, 3]: dimension -2 is 4 in the first and 2 in the second");
  CHECK_ERROR(ShapeError, a < b,
              "compare: cannot broadcast [2, 3] with [4, 5]: dimension -1 is 3 in the first and 5 in the second");
  CHECK_ERROR(ShapeError, where(a > 0, b, 0),
              "where: cannot broadcast [2, 3] with [4, 5]: dimension -1 is 3 in the first and 5 in the second");
  CHECK_ERROR(DtypeError, a / d, "div: cannot mix f32 with f64: types are not promoted here, use cast(x, f32)");
  CHECK_ERROR(DtypeError, pow(d, a), "pow: cannot mix f64 with f32: types are not promoted here, use cast(x, f64)");
  CHECK_ERROR(DtypeError, n + 0.5, "add: 0.5 has no place among the values of i64: use cast");
  CHECK_ERROR(DtypeError, 0.25 * n, "mul: 0.25 has no place among the values of i64: use cast");
  CHECK_ERROR(DtypeError, n < std::numeric_limits<double>::infinity(),
              "compare: inf has no place among the values of i64: use cast");
  CHECK_ERROR(DtypeError, n / 2, "div: cannot compute in i64: use cast(x, f32) or cast(x, f64)");
  CHECK_ERROR(DtypeError, exp(n), "exp: cannot compute in i64: use cast(x, f32) or cast(x, f64)");
  CHECK_ERROR(DtypeError, m + m, "add: cannot compute in boolean: use cast(x, f32) or cast(x, f64)");
  CHECK_ERROR(DtypeError, -m, "scale: cannot compute in boolean: use cast(x, f32) or cast(x, f64)");
  CHECK_ERROR(DtypeError, scale(n, 0.5), "scale: 0.5 has no place among the values of i64: use cast");
  CHECK_ERROR(DtypeError, gelu(cast(a, bf16)), "gelu: cannot compute in bf16: use cast(x, f32) or cast(x, f64)");
  CHECK_ERROR(DtypeError, cast(a, bf16) * 2, "scale: cannot compute in bf16: use cast(x, f32) or cast(x, f64)");
  CHECK_ERROR(DtypeError, where(a, a, 0), "where: the condition must be boolean, not f32");
  CHECK_ERROR(DtypeError, m & a, "logical_and: the tensor must be boolean, as x != 0 is, not f32");
  CHECK_ERROR(DtypeError, n | m, "logical_or: the tensor must be boolean, as x != 0 is, not i64");
  CHECK_ERROR(DtypeError, m ^ 1, "logical_xor: the tensor must be boolean, as x != 0 is, not i64");
  CHECK_ERROR(DtypeError, ~n, "logical_not: the tensor must be boolean, as x != 0 is, not i64");
  CHECK_ERROR(ShapeError, m & ones({2}, boolean),
              "logical_and: cannot broadcast [3] with [2]: dimension -1 is 3 in the first and 2 in the second");
  CHECK_ERROR(DtypeError, m + true, "add: cannot compute in boolean: use cast(x, f32) or cast(x, f64)");
  CHECK_ERROR(DtypeError, m * 0.5, "mul: 0.5 has no place among the values of boolean: use cast");
  CHECK_ERROR(DtypeError, maximum(a, d),
              "maximum: cannot mix f32 with f64: types are not promoted here, use cast(x, f32)");
  CHECK_ERROR(DtypeError, minimum(m, m), "minimum: cannot compute in boolean: use cast(x, f32) or cast(x, f64)");
  CHECK_ERROR(Error, remainder(n, n), "remainder: there is no remainder of integers divided by 0");
  CHECK_ERROR(DtypeError, atan2(n, n), "atan2: cannot compute in i64: use cast(x, f32) or cast(x, f64)");
  CHECK_ERROR(Error, clamp(a, {}), "clamp: there is neither a lower nor an upper bound");
  CHECK_ERROR(DtypeError, clamp(m, 0, 1), "clamp: cannot compute in boolean: use cast(x, f32) or cast(x, f64)");
  CHECK_ERROR(DtypeError, masked_fill(a, n, 0), "where: the condition must be boolean, not i64");
  CHECK_ERROR(DtypeError, leaky_relu(n), "leaky_relu: cannot compute in i64: use cast(x, f32) or cast(x, f64)");
  CHECK_ERROR(DtypeError, elu(n), "elu: cannot compute in i64: use cast(x, f32) or cast(x, f64)");
  CHECK_ERROR(DtypeError, softplus(m), "softplus: cannot compute in boolean: use cast(x, f32) or cast(x, f64)");
  CHECK_ERROR(ShapeError, gelu(none, Approximate::tanh), "gelu: the argument is an undefined tensor");
  CHECK_ERROR(ShapeError, lerp(a, b, 0.5),
              "sub: cannot broadcast [4, 5] with [2, 3]: dimension -1 is 5 in the first and 3 in the second");
  CHECK_ERROR(ShapeError, a + none, "add: an argument is an undefined tensor");
  CHECK_ERROR(ShapeError, none * 2, "scale: the argument is an undefined tensor");
  CHECK_ERROR(ShapeError, tanh(none), "tanh: the argument is an undefined tensor");
  CHECK_ERROR(ShapeError, cast(none, f64), "cast: the argument is an undefined tensor");
  CHECK_ERROR(ShapeError, where(none, a, 0), "where: the argument is an undefined tensor");
}

TEST_CASE("errors of reductions") {
  const Tensor a = ones({2, 3}), n = arange(3), none;
  CHECK_ERROR(IndexError, sum(a, 2), "sum: there is no dimension 2: the tensor has 2 dimensions");
  CHECK_ERROR(IndexError, sum(a, {0, -3}), "sum: there is no dimension -3: the tensor has 2 dimensions");
  CHECK_ERROR(ShapeError, sum(a, {0, -2}), "sum: dimension -2 is named twice");
  CHECK_ERROR(ShapeError, sum(a, {0, 1, 2, 3, 4, 5, 6, 7, 8}), "dims: 9 dimensions are named, which is more than 8");
  CHECK_ERROR(ShapeError, sum(none), "sum: the argument is an undefined tensor");
  CHECK_ERROR(DtypeError, mean(n), "mean: cannot compute in i64: use cast(x, f32) or cast(x, f64)");
  CHECK_ERROR(DtypeError, mean(n < 2, 0), "mean: cannot compute in boolean: use cast(x, f32) or cast(x, f64)");
  CHECK_ERROR(IndexError, max(ones({3, 0}), 1), "max: there is no max of nothing: [3, 0]");
  CHECK_ERROR(IndexError, argmax(ones({0}), 0), "argmax: there is no argmax of nothing: [0]");
  CHECK_ERROR(IndexError, max(ones({3}), 1), "max: there is no dimension 1: the tensor has 1 dimension");
  CHECK_ERROR(DtypeError, max(n < 2, 0), "max: cannot compute in boolean: use cast(x, f32) or cast(x, f64)");
  CHECK_ERROR(IndexError, min(ones({0, 3}), 0), "min: there is no min of nothing: [0, 3]");
  CHECK_ERROR(IndexError, amax(ones({0, 3})), "amax: there is no amax of nothing: [0, 3]");
  CHECK_ERROR(IndexError, amin(a, {0, 2}), "amin: there is no dimension 2: the tensor has 2 dimensions");
  CHECK_ERROR(IndexError, argmin(ones({3, 0})), "argmin: there is no argmin of nothing: [3, 0]");
  CHECK_ERROR(ShapeError, amax(a, {1, 1}), "amax: dimension 1 is named twice");
  CHECK_ERROR(DtypeError, logsumexp(n), "logsumexp: cannot compute in i64: use cast(x, f32) or cast(x, f64)");
  CHECK_ERROR(DtypeError, var(n), "var: cannot compute in i64: use cast(x, f32) or cast(x, f64)");
  CHECK_ERROR(IndexError, var(a, 2), "var: there is no dimension 2: the tensor has 2 dimensions");
  CHECK_ERROR(DtypeError, heed::std(n < 2), "std: cannot compute in boolean: use cast(x, f32) or cast(x, f64)");
  CHECK_ERROR(DtypeError, norm(n), "norm: cannot compute in i64: use cast(x, f32) or cast(x, f64)");
  CHECK_ERROR(ShapeError, norm(none), "norm: the argument is an undefined tensor");
  CHECK_ERROR(IndexError, prod(a, -3), "prod: there is no dimension -3: the tensor has 2 dimensions");
  CHECK_ERROR(IndexError, cumsum(a, 2), "cumsum: there is no dimension 2: the tensor has 2 dimensions");
  CHECK_ERROR(DtypeError, cumprod(cast(a, bf16), 0),
              "cumprod: cannot compute in bf16: use cast(x, f32) or cast(x, f64)");
  CHECK_ERROR(ShapeError, cumsum(none, 0), "cumsum: the argument is an undefined tensor");
  CHECK_ERROR(ShapeError, mean(a, {0, 0}), "mean: dimension 0 is named twice");
  CHECK_ERROR(IndexError, heed::std(a, -3), "std: there is no dimension -3: the tensor has 2 dimensions");
  CHECK_ERROR(ShapeError, norm(a, 2, {1, -1}), "norm: dimension -1 is named twice");
  CHECK_ERROR(IndexError, all(n < 2, 1), "all: there is no dimension 1: the tensor has 1 dimension");
  CHECK_ERROR(IndexError, any(n < 2, -2), "any: there is no dimension -2: the tensor has 1 dimension");
  CHECK_ERROR(IndexError, count_nonzero(a, 2), "count_nonzero: there is no dimension 2: the tensor has 2 dimensions");
  CHECK_ERROR(DtypeError, all(a), "all: the tensor must be boolean, as x != 0 is, not f32");
  CHECK_ERROR(DtypeError, any(n), "any: the tensor must be boolean, as x != 0 is, not i64");
  CHECK_ERROR(IndexError, logsumexp(a, -3), "logsumexp: there is no dimension -3: the tensor has 2 dimensions");
  CHECK_ERROR(IndexError, topk(a, 4), "topk: cannot take 4 of the 3 elements of dimension -1 of [2, 3]");
  CHECK_ERROR(IndexError, topk(a, -1, 0), "topk: cannot take -1 of the 2 elements of dimension 0 of [2, 3]");
  CHECK_ERROR(IndexError, softmax(a, 2), "softmax: there is no dimension 2: the tensor has 2 dimensions");
  CHECK_ERROR(IndexError, log_softmax(ones({})), "log_softmax: there is no dimension -1: the tensor has 0 dimensions");
}

TEST_CASE("errors of views") {
  const Tensor a = ones({2, 3}), none;
  CHECK_ERROR(ShapeError, reshape(a, {4}), "reshape: cannot reshape [2, 3] to [4]: 6 elements do not fill it");
  CHECK_ERROR(ShapeError, reshape(a, {4, -1}), "reshape: cannot reshape [2, 3] to [4, -1]: 6 elements do not fill it");
  CHECK_ERROR(ShapeError, reshape(ones({}), {2}), "reshape: cannot reshape [] to [2]: 1 element does not fill it");
  CHECK_ERROR(ShapeError, reshape(a, {-1, -1}),
              "reshape: cannot reshape to [-1, -1]: one size may be -1, the others must not be negative");
  CHECK_ERROR(ShapeError, reshape(a, {int64_t{1} << 40, int64_t{1} << 40}),
              "reshape: [1099511627776, 1099511627776] has more elements than memory can hold");
  CHECK_ERROR(ShapeError, permute(a, {0, 0}), "permute: each of the 2 dimensions of [2, 3] must be named once");
  CHECK_ERROR(ShapeError, permute(a, {0}), "permute: each of the 2 dimensions of [2, 3] must be named once");
  CHECK_ERROR(IndexError, permute(a, {0, 2}), "permute: there is no dimension 2: the tensor has 2 dimensions");
  CHECK_ERROR(IndexError, transpose(ones({3})), "transpose: there is no dimension -2: the tensor has 1 dimension");
  CHECK_ERROR(ShapeError, expand(a, {3, 2, 2}), "broadcast_to: [2, 3] does not broadcast to [3, 2, 2]");
  CHECK_ERROR(ShapeError, expand(a, {-1, 2, 3}), "broadcast_to: a size of [-1, 2, 3] is negative");
  CHECK_ERROR(ShapeError, sum_to(a, {2}), "sum_to: [2] does not broadcast to [2, 3]");
  CHECK_ERROR(IndexError, slice(a, 2, 0), "slice: there is no dimension 2: the tensor has 2 dimensions");
  CHECK_ERROR(IndexError, slice(a, 0, 0, 2, 0), "slice: the step must be positive, not 0");
  CHECK_ERROR(ShapeError, unfold(a, 1, 4, 1),
              "unfold: windows of 4 do not fit into dimension 1 of [2, 3], which has 3 elements");
  CHECK_ERROR(IndexError, unfold(a, 0, 1, 0), "unfold: the step must be positive, not 0");
  CHECK_ERROR(ShapeError, unfold(ones({1, 1, 1, 1, 1, 1, 1, 1}), 0, 1, 1),
              "unfold: the result would have 9 dimensions, which is more than 8");
  CHECK_ERROR(ShapeError, view(transpose(a), {6}),
              "view: [3, 2] with strides [1, 3] is no view of shape [6]: reshape copies");
  CHECK_ERROR(ShapeError, view(a, {4}), "view: cannot reshape [2, 3] to [4]: 6 elements do not fill it");
  CHECK_ERROR(ShapeError, flatten(a, 1, 0), "flatten: dimension 1 of [2, 3] is behind dimension 0");
  CHECK_ERROR(IndexError, squeeze(a, 2), "squeeze: there is no dimension 2: the tensor has 2 dimensions");
  CHECK_ERROR(ShapeError, squeeze(a, {0, -2}), "squeeze: dimension -2 is named twice");
  CHECK_ERROR(IndexError, unsqueeze(a, 3), "unsqueeze: there is no dimension 3: the tensor has 3 dimensions");
  CHECK_ERROR(ShapeError, unsqueeze(ones({1, 1, 1, 1, 1, 1, 1, 1}), 0),
              "unsqueeze: the result would have 9 dimensions, which is more than 8");
  CHECK_ERROR(ShapeError, stack({ones({1, 1, 1, 1, 1, 1, 1, 1})}),
              "stack: the result would have 9 dimensions, which is more than 8");
  CHECK_ERROR(ShapeError, movedim(a, {0, 1}, 0), "movedim: cannot move 2 dimensions to 1 places");
  CHECK_ERROR(IndexError, movedim(a, 0, 2), "movedim: there is no dimension 2: the tensor has 2 dimensions");
  CHECK_ERROR(IndexError, narrow(a, 1, 2, 2),
              "narrow: cannot take 2 elements from 2 on of dimension 1 of [2, 3], which has 3");
  CHECK_ERROR(IndexError, narrow(a, 1, -4, 1),
              "narrow: cannot take 1 elements from -4 on of dimension 1 of [2, 3], which has 3");
  CHECK_ERROR(IndexError, select(a, -1, 3), "select: 3 is outside dimension 1 of [2, 3], which has 3 elements");
  CHECK_ERROR(ShapeError, split(a, 0), "split: the size of the parts must be positive, not 0");
  CHECK_ERROR(ShapeError, split(a, {2, 2}, 1),
              "split: the parts have 4 elements together, dimension 1 of [2, 3] has 3");
  CHECK_ERROR(ShapeError, split(a, {4, -1}, 1), "split: the size -1 of a part is negative");
  CHECK_ERROR(ShapeError, split(arange(4), {INT64_MAX, INT64_MAX, 6}, 0),
              "split: the parts have 9223372036854775807 elements together, dimension 0 of [4] has 4");
  CHECK(chunk(arange(4), INT64_MAX, 0).size() == 4);
  const Tensor one = ones({1, 1}), tall = broadcast_to(one, {274177, 1}), wide = broadcast_to(one, {1, 67280421310721});
  const std::string too_many = "[274177, 67280421310721] has more elements than memory can hold";  // 2^64 + 1
  CHECK_ERROR(ShapeError, tall + wide, "add: " + too_many);
  CHECK(thrown<ShapeError>([&] { matmul(tall, wide); }) == too_many);
  CHECK_ERROR(ShapeError, chunk(a, 0), "chunk: the number of chunks must be positive, not 0");
  CHECK_ERROR(IndexError, chunk(a, 2, 2), "chunk: there is no dimension 2: the tensor has 2 dimensions");
  CHECK_ERROR(ShapeError, diagonal(a, 0, 1, -1), "diagonal: dimensions 1 and -1 of [2, 3] are the same");
  CHECK_ERROR(IndexError, diagonal(ones({3})), "diagonal: there is no dimension 1: the tensor has 1 dimension");
  CHECK_ERROR(IndexError, a(2), "index: 2 is outside dimension 0 of [2, 3], which has 2 elements");
  CHECK_ERROR(IndexError, a(_, -4), "index: -4 is outside dimension 1 of [2, 3], which has 3 elements");
  CHECK_ERROR(IndexError, a(0, 0, 0), "index: more indices than the 2 dimensions of [2, 3]");
  CHECK_ERROR(IndexError, a(_, range(0, 3, -1)), "index: the step must be positive, not -1");
  CHECK_ERROR(
      ShapeError, concat({a, ones({2, 4})}),
      "concat: cannot put [2, 3] and [2, 4] (number 1) together along dimension 0: the other dimensions differ");
  CHECK_ERROR(DtypeError, concat({a, ones({2, 3}, f64)}),
              "concat: cannot mix f32 with f64: types are not promoted here, use cast(x, f32)");
  CHECK_ERROR(ShapeError, pad(a, {1}), "pad: the 1 widths must be pairs, for at most the 2 dimensions of [2, 3]");
  CHECK_ERROR(ShapeError, pad(a, {0, 0, 0, 0, 1, 1}),
              "pad: the 6 widths must be pairs, for at most the 2 dimensions of [2, 3]");
  CHECK_ERROR(ShapeError, pad(a, {5, -4}), "pad: cannot crop dimension 1 of [2, 3] by 5 and -4");
  CHECK_ERROR(ShapeError, pad(a, {INT64_MAX, INT64_MAX}),
              "pad: cannot widen dimension 1 of [2, 3] by 9223372036854775807 and 9223372036854775807");
  CHECK_ERROR(ShapeError, pad(a, {INT64_MIN, INT64_MIN}),
              "pad: cannot crop dimension 1 of [2, 3] by -9223372036854775808 and -9223372036854775808");
  CHECK_ERROR(DtypeError, pad(arange(3), {1, 1}, 0.5), "pad: 0.5 has no place among the values of i64: use cast");
  CHECK_ERROR(ShapeError, flip(a, {1, 1}), "flip: dimension 1 is named twice");
  CHECK_ERROR(IndexError, roll(a, 1, 2), "roll: there is no dimension 2: the tensor has 2 dimensions");
  CHECK_ERROR(ShapeError, repeat(a, {2}), "repeat: [2] names fewer counts than [2, 3] has dimensions");
  CHECK_ERROR(ShapeError, repeat(a, {2, -1}), "repeat: a size of [2, -1] is negative");
  CHECK_ERROR(ShapeError, repeat_interleave(a, -1, 0), "repeat_interleave: cannot repeat -1 times");
  CHECK_ERROR(ShapeError, tril(ones({3})), "tril: the tensor needs two dimensions at least, not [3]");
  CHECK_ERROR(ShapeError, triu(ones({})), "triu: the tensor needs two dimensions at least, not []");
  CHECK_ERROR(ShapeError, concat({}), "concat: there is nothing to put together");
  CHECK_ERROR(ShapeError, stack({a, ones({3, 2})}), "stack: cannot stack [2, 3] and [3, 2]");
  CHECK_ERROR(IndexError, stack({a, a}, 3), "stack: there is no dimension 3: the tensor has 3 dimensions");
  for (auto f : {+[](const Tensor& x) { return reshape(x, {1}); },
                 +[](const Tensor& x) { return transpose(x); },
                 +[](const Tensor& x) { return expand(x, {2}); },
                 +[](const Tensor& x) { return slice(x, 0, 0); },
                 +[](const Tensor& x) { return x(0); },
                 +[](const Tensor& x) { return stack({x}); },
                 +[](const Tensor& x) { return view(x, {1}); },
                 +[](const Tensor& x) { return flatten(x); },
                 +[](const Tensor& x) { return squeeze(x); },
                 +[](const Tensor& x) { return squeeze(x, 0); },
                 +[](const Tensor& x) { return unsqueeze(x, 0); },
                 +[](const Tensor& x) { return movedim(x, 0, 0); },
                 +[](const Tensor& x) { return narrow(x, 0, 0, 1); },
                 +[](const Tensor& x) { return select(x, 0, 0); },
                 +[](const Tensor& x) { return split(x, 1)[0]; },
                 +[](const Tensor& x) { return chunk(x, 1)[0]; },
                 +[](const Tensor& x) { return diagonal(x); },
                 +[](const Tensor& x) { return unfold(x, 0, 1, 1); },
                 +[](const Tensor& x) {
                   return pad(x, {1, 1});
                 },
                 +[](const Tensor& x) { return flip(x, 0); },
                 +[](const Tensor& x) { return roll(x, 1, 0); },
                 +[](const Tensor& x) { return repeat(x, {1}); },
                 +[](const Tensor& x) { return repeat_interleave(x, 1, 0); },
                 +[](const Tensor& x) { return tril(x); },
                 +[](const Tensor& x) { return ones({2})(x); }})
    CHECK(contains(thrown<ShapeError>([&] { f(none); }), "the argument is an undefined tensor"));
}

TEST_CASE("errors of indices") {
  const Tensor a = ones({2, 3}), i = zeros({2, 1}, i64), none;
  CHECK_ERROR(DtypeError, gather(a, 1, a), "gather: the index must be i64, not f32: use cast(x, i64)");
  CHECK_ERROR(ShapeError, gather(a, 1, zeros({3, 1}, i64)),
              "gather: the index [3, 1] must have the shape of [2, 3] but for dimension 1");
  CHECK_ERROR(IndexError, gather(a, 1, full({2, 1}, 3, i64)),
              "gather: index 3 at element 0 is outside the 3 elements of the dimension");
  CHECK_ERROR(ShapeError, scatter_add(a, 1, i, ones({2, 2})),
              "scatter_add: the values [2, 2] must have the shape of the index [2, 1]");
  CHECK_ERROR(IndexError, embedding(tensor({0, -1}, i64), a),
              "embedding: index -1 at element 1 is outside the 2 rows of the weight");
  CHECK_ERROR(ShapeError, embedding(i, ones({3})), "embedding: the weight must have two dimensions, not [3]");
  CHECK_ERROR(DtypeError, embedding(a, a), "embedding: the index must be i64, not f32: use cast(x, i64)");
  CHECK_ERROR(ShapeError, gather(a, 1, none), "gather: the argument is an undefined tensor");
  CHECK_ERROR(ShapeError, take_along(a, arange(2), 1),
              "take_along: the index [2] must have as many dimensions as [2, 3]");
  CHECK_ERROR(ShapeError, take_along(a, zeros({3, 1}, i64), 1),
              "take_along: cannot broadcast [2, 1] with [3, 1]: dimension -2 is 2 in the first and 3 in the second");
  CHECK_ERROR(ShapeError, scatter(a, 1, i, ones({2, 2})),
              "scatter: the values [2, 2] must have the shape of the index [2, 1]");
  CHECK_ERROR(DtypeError, scatter(a, 1, i, ones({2, 1}, f64)),
              "scatter: cannot mix f32 with f64: types are not promoted here, use cast(x, f32)");
  CHECK_ERROR(DtypeError, scatter(i, 1, i, 0.5), "scatter: 0.5 has no place among the values of i64: use cast");
  CHECK_ERROR(IndexError, scatter(a, 0, full({1, 3}, 2, i64), 0),
              "scatter: index 2 at element 0 is outside the 2 elements of the dimension");
  CHECK_ERROR(ShapeError, scatter(a, 1, i, none), "scatter: the argument is an undefined tensor");
  CHECK_ERROR(DtypeError, scatter_add(i == 0, 1, i, i == 0),
              "scatter_add: cannot compute in boolean: use cast(x, f32) or cast(x, f64)");
  CHECK_ERROR(ShapeError, index_select(a, 0, i), "index_select: the index must have one dimension, not [2, 1]");
  CHECK_ERROR(DtypeError, index_select(a, 0, ones({2})),
              "index_select: the index must be i64, not f32: use cast(x, i64)");
  CHECK_ERROR(IndexError, index_select(a, 1, arange(4)),
              "index_select: index 3 at element 3 is outside the 3 elements of the dimension");
  CHECK_ERROR(ShapeError, index_add(a, 1, arange(2), a), "index_add: the values must be [2, 2], not [2, 3]");
  CHECK_ERROR(ShapeError, index_add(a, 0, arange(2), 1), "index_add: the argument is a number: a tensor is wanted");
  CHECK_ERROR(IndexError, one_hot(arange(3), 2), "one_hot: index 2 at element 2 is outside the 2 classes");
  CHECK_ERROR(IndexError, one_hot(tensor({-3}, i64)), "one_hot: index -3 at element 0 is outside the 0 classes");
  CHECK_ERROR(IndexError, one_hot(arange(0)), "one_hot: how many classes there are does not follow from no index");
  CHECK_ERROR(DtypeError, one_hot(a), "one_hot: the index must be i64, not f32: use cast(x, i64)");
  CHECK_ERROR(ShapeError, nonzero(none), "nonzero: the argument is an undefined tensor");
  CHECK_ERROR(DtypeError, sort(a > 0), "sort: cannot compute in boolean: use cast(x, f32) or cast(x, f64)");
  CHECK_ERROR(IndexError, sort(a, 2), "sort: there is no dimension 2: the tensor has 2 dimensions");
  CHECK_ERROR(DtypeError, a(ones({2})), "index: an index must be i64 or boolean, not f32");
  CHECK_ERROR(IndexError, a(_, tensor({0, -4}, i64)),
              "index: -4 is outside dimension 1 of [2, 3], which has 3 elements");
  CHECK_ERROR(IndexError, a(ones({3}, boolean)), "index: the mask [3] does not fit [2, 3] from dimension 0 on");
  CHECK_ERROR(IndexError, a(_, a > 0), "index: the mask [2, 3] does not fit [2, 3] from dimension 1 on");
  CHECK_ERROR(ShapeError, a(tensor({0, 1}, i64), tensor({0, 1, 2}, i64)),
              "index: cannot broadcast [2] with [3]: dimension -1 is 2 in the first and 3 in the second");
  CHECK_ERROR(IndexError, a(0, i, i), "index: more indices than the 2 dimensions of [2, 3]");
  CHECK_ERROR(ShapeError, a(zeros({1, 1, 1, 1, 1, 1, 1, 1}, i64)),
              "index: the result would have 9 dimensions, which is more than 8");
}

TEST_CASE("errors of products and fused ops") {
  const Tensor a = ones({2, 3}), b = ones({4, 5}), w = ones({4, 3}), t = zeros({2}, i64), none;
  CHECK_ERROR(ShapeError, matmul(a, b),
              "matmul: cannot multiply [2, 3] by [4, 5]: the last dimension of the first (3) must equal the "
              "second-to-last of the second (4)");
  CHECK_ERROR(ShapeError, matmul(a, ones({2})),
              "matmul: cannot multiply [2, 3] by [2]: the last dimension of the first (3) must equal the last of the "
              "second (2)");
  CHECK_ERROR(ShapeError, matmul(ones({}), a), "matmul: cannot multiply [] by [2, 3]: use * with a number");
  CHECK_ERROR(ShapeError, matmul(ones({2, 1, 3}), ones({5, 3, 1})),
              "matmul: cannot broadcast [2] with [5]: dimension -1 is 2 in the first and 5 in the second");
  CHECK_ERROR(DtypeError, matmul(a, ones({3, 2}, f64)),
              "matmul: cannot mix f32 with f64: types are not promoted here, use cast(x, f32)");
  const Tensor half = ones({3, 3}, bf16);
  CHECK_ERROR(DtypeError, matmul(half, half), "matmul: cannot compute in bf16: use cast(x, f32) or cast(x, f64)");
  CHECK_ERROR(DtypeError, matmul(half, ones({3, 3})),
              "matmul: cannot compute in bf16: use cast(x, f32) or cast(x, f64)");
  CHECK_ERROR(DtypeError, matmul(ones({3, 3}, f64), half),
              "matmul: cannot compute in bf16: use cast(x, f32) or cast(x, f64)");
  CHECK_ERROR(DtypeError, linear(half, half), "linear: cannot compute in bf16: use cast(x, f32) or cast(x, f64)");
  CHECK_ERROR(DtypeError, linear(ones({3}, f64), ones({3, 3}, f64), half(0)),
              "linear: cannot compute in bf16: use cast(x, f32) or cast(x, f64)");
  CHECK_ERROR(ShapeError, bmm(a, w),
              "bmm: cannot multiply [2, 3] by [4, 3]: both need three dimensions, the first of one size; matmul takes "
              "others");
  CHECK_ERROR(ShapeError, bmm(ones({2, 3, 4}), ones({1, 4, 2})),
              "bmm: cannot multiply [2, 3, 4] by [1, 4, 2]: both need three dimensions, the first of one size; matmul "
              "takes others");
  CHECK_ERROR(ShapeError, outer(a, ones({2})), "outer: both must have one dimension, not [2, 3] and [2]");
  CHECK_ERROR(ShapeError, einsum("ij,jk->ik", {a, b}), "einsum: \"ij,jk->ik\": j is 3 in operand 0 and 4 in operand 1");
  CHECK_ERROR(ShapeError, einsum("...i,...i", {a, ones({4, 3})}),
              "einsum: \"...i,...i\": dimension -1 of ... is 2 in operand 0 and 4 in operand 1");
  CHECK_ERROR(ShapeError, einsum("ii", {a}), "einsum: \"ii\": i is 2 and 3 in operand 0");
  CHECK_ERROR(ShapeError, einsum("ij,jk", {a}), "einsum: \"ij,jk\": it has 2 operands, not the 1 given");
  CHECK_ERROR(ShapeError, einsum("ijk", {a}), "einsum: \"ijk\": operand 0 has 3 letters, its shape is [2, 3]");
  CHECK_ERROR(ShapeError, einsum("...ijk", {a}), "einsum: \"...ijk\": operand 0 has 3 letters, its shape is [2, 3]");
  CHECK_ERROR(ShapeError, einsum("i1", {a}), "einsum: \"i1\": '1' is not a letter");
  CHECK_ERROR(ShapeError, einsum("ij->ik", {a}), "einsum: \"ij->ik\": no operand has k");
  CHECK_ERROR(ShapeError, einsum("ij->iji", {a}), "einsum: \"ij->iji\": the result has i twice");
  CHECK_ERROR(DtypeError, einsum("ij,jk", {a, ones({3, 2}, f64)}),
              "einsum: cannot mix f32 with f64: types are not promoted here, use cast(x, f32)");
  CHECK_ERROR(DtypeError, einsum("i", {t}), "einsum: cannot compute in i64: use cast(x, f32) or cast(x, f64)");
  CHECK_ERROR(ShapeError, einsum("i", {none}), "einsum: the argument is an undefined tensor");
  CHECK_ERROR(ShapeError, einsum("abcde,fghij->abcdefghij", {ones({1, 1, 1, 1, 1}), ones({1, 1, 1, 1, 1})}),
              "einsum: the result would have 10 dimensions, which is more than 8");
  CHECK_ERROR(ShapeError, linear(a, b), "linear: cannot apply a weight [4, 5] to [2, 3]: the last dimension must be 5");
  CHECK_ERROR(ShapeError, linear(a, ones({3})), "linear: the weight must be [out, in], not [3]");
  CHECK_ERROR(ShapeError, linear(a, w, ones({3})), "linear: the bias must be [4] for a weight [4, 3], not [3]");
  CHECK_ERROR(ShapeError, layer_norm(ones({2, 0})),
              "layer_norm: there is nothing to normalise in the last dimension of [2, 0]");
  CHECK_ERROR(ShapeError, layer_norm(a, ones({2})), "layer_norm: weight and bias must be [3] for [2, 3], not [2]");
  CHECK_ERROR(ShapeError, batch_norm(ones({3})), "batch_norm: the input must be [N, C, ..] and not empty, not [3]");
  CHECK_ERROR(ShapeError, batch_norm(a, ones({2})), "batch_norm: weight and bias must be [3] for [2, 3], not [2]");
  CHECK_ERROR(ShapeError, cross_entropy(a, zeros({3}, i64)),
              "cross_entropy: the targets [3] must have the shape of [2, 3] without its last dimension, the classes");
  CHECK_ERROR(IndexError, cross_entropy(a, full({2}, 3, i64)),
              "cross_entropy: index 3 at element 0 is outside the 3 classes");
  CHECK_ERROR(Error, dropout(a, {1, 7}), "dropout: the dropout rate must be in [0, 1), not 1.000000");
  Rng rng{1};
  for (Rng* training : {&rng, static_cast<Rng*>(nullptr)}) {
    CHECK_ERROR(Error, dropout(a, -3.0, training), "dropout: the dropout rate must be in [0, 1), not -3.000000");
    CHECK_ERROR(Error, dropout(a, std::nan(""), training), "dropout: the dropout rate must be in [0, 1), not nan");
  }
  CHECK_ERROR(ShapeError, cross_entropy(none, t), "cross_entropy: the argument is an undefined tensor");
}

TEST_CASE("errors of norms and gates") {
  const Tensor a = ones({2, 3}), x = ones({2, 6, 4}), none;
  CHECK_ERROR(ShapeError, rms_norm(ones({2, 0})),
              "rms_norm: there is nothing to normalise in the last dimension of [2, 0]");
  CHECK_ERROR(ShapeError, rms_norm(a, ones({2})), "rms_norm: the weight must be [3] for [2, 3], not [2]");
  CHECK_ERROR(DtypeError, rms_norm(arange(3)), "rms_norm: cannot compute in i64: use cast(x, f32) or cast(x, f64)");
  CHECK_ERROR(ShapeError, group_norm(x, 4), "group_norm: the 6 channels of [2, 6, 4] do not fall into 4 groups");
  CHECK_ERROR(ShapeError, group_norm(x, 0), "group_norm: the 6 channels of [2, 6, 4] do not fall into 0 groups");
  CHECK_ERROR(ShapeError, group_norm(ones({6}), 2),
              "group_norm: the input must be [N, C, ..] with something to normalise, not [6]");
  CHECK_ERROR(ShapeError, group_norm(x, 2, ones({4})),
              "group_norm: weight and bias must be [6] for [2, 6, 4], not [4]");
  CHECK_ERROR(ShapeError, glu(a), "glu: cannot halve the 3 elements of dimension -1 of [2, 3]");
  CHECK_ERROR(IndexError, glu(a, 2), "glu: there is no dimension 2: the tensor has 2 dimensions");
  CHECK_ERROR(ShapeError, swiglu(a, ones({4})),
              "mul: cannot broadcast [2, 3] with [4]: dimension -1 is 3 in the first and 4 in the second");
}

TEST_CASE("errors of convolutions and pools") {
  const Tensor x = ones({1, 4, 5, 6}), w = ones({6, 2, 3, 3}), b = ones({6}), none;
  CHECK_ERROR(ShapeError, conv2d(b, w), "conv2d: the input must be [N, C, H, W], not [6]");
  CHECK_ERROR(ShapeError, conv1d(x, w), "conv1d: the input must be [N, C, L], not [1, 4, 5, 6]");
  CHECK_ERROR(ShapeError, conv2d(x, b), "conv2d: the weight must have 4 dimensions, not be [6]");
  CHECK_ERROR(
      ShapeError, conv2d(x, w),
      "conv2d: cannot apply a weight [6, 2, 3, 3] in 1 group to [1, 4, 5, 6]: the weight is [O, C / groups, ..], "
      "and the groups divide O");
  CHECK_ERROR(
      ShapeError, conv2d(x, ones({3, 2, 3, 3}), {}, {.groups = 2}),
      "conv2d: cannot apply a weight [3, 2, 3, 3] in 2 groups to [1, 4, 5, 6]: the weight is [O, C / groups, ..], "
      "and the groups divide O");
  CHECK_ERROR(ShapeError, conv2d(x, w, ones({4}), {.groups = 2}),
              "conv2d: the bias must be [6] for [6, 2, 3, 3], not [4]");
  CHECK_ERROR(DtypeError, conv2d(x, cast(w, f64), {}, {.groups = 2}),
              "conv2d: cannot mix f32 with f64: types are not promoted here, use cast(x, f32)");
  CHECK_ERROR(ShapeError, conv2d(x, w, b, {.dilation = {3, 1}, .groups = 2}),
              "conv2d: a kernel of 3, dilated by 3, is longer than dimension 2 of [1, 4, 5, 6], padded by 0");
  CHECK_ERROR(Error, conv2d(x, w, b, {.stride = {1, 0}, .groups = 2}), "conv2d: the stride must be at least 1, not 0");
  CHECK_ERROR(Error, conv2d(x, w, b, {.padding = -1, .groups = 2}), "conv2d: the padding must be at least 0, not -1");
  CHECK_ERROR(Error, conv1d(ones({1, 2, 5}), ones({1, 2, 3}), {}, {.dilation = 0}),
              "conv1d: the dilation must be at least 1, not 0");
  CHECK_ERROR(Error, conv1d(ones({1, 2, 5}), ones({1, 2, 0})), "conv1d: the kernel must be at least 1, not 0");
  CHECK_ERROR(ShapeError, conv2d(none, w), "conv2d: the argument is an undefined tensor");

  CHECK_ERROR(ShapeError, max_pool2d(b, 2), "max_pool2d: the input must be [.., H, W], not [6]");
  CHECK_ERROR(DtypeError, max_pool2d(arange(3), 2),
              "max_pool2d: cannot compute in i64: use cast(x, f32) or cast(x, f64)");
  CHECK_ERROR(ShapeError, max_pool2d(x, {2, 7}),
              "max_pool2d: a kernel of 7, dilated by 1, is longer than dimension 3 of [1, 4, 5, 6], padded by 0");
  CHECK_ERROR(Error, max_pool2d(x, 3, {.padding = {2, 1}}),
              "max_pool2d: a padding of 2 is more than half of the kernel's 3");
  CHECK_ERROR(ShapeError, max_pool2d(ones({2, 4}), 2, {.padding = 1, .dilation = 3}),
              "max_pool2d: a window holds nothing of [2, 4] but padding");
  CHECK_ERROR(Error, avg_pool2d(x, 2, {.stride = {2, 0}}), "avg_pool2d: the stride must be at least 1, not 0");
  CHECK_ERROR(Error, avg_pool2d(x, 0), "avg_pool2d: the kernel must be at least 1, not 0");
  CHECK_ERROR(ShapeError, adaptive_avg_pool2d(x, {2, 0}),
              "adaptive_avg_pool2d: cannot part the 6 elements of dimension -1 of [1, 4, 5, 6] into 0");
  CHECK_ERROR(ShapeError, adaptive_avg_pool2d(b, 1), "adaptive_avg_pool2d: the input must be [.., H, W], not [6]");
}

TEST_CASE("errors of losses") {
  const Tensor a = ones({2, 3}), t = zeros({2}, i64), none;
  CHECK_ERROR(DtypeError, cross_entropy(a, t > 0),
              "cross_entropy: the targets must be i64, not boolean: use cast(x, i64)");
  CHECK_ERROR(ShapeError, cross_entropy(a, ones({2})),
              "cross_entropy: the targets [2] must have the shape of [2, 3]; as indices they are i64");
  CHECK_ERROR(DtypeError, cross_entropy(a, ones({2, 3}, f64)),
              "cross_entropy: cannot mix f32 with f64: types are not promoted here, use cast(x, f32)");
  CHECK_ERROR(ShapeError, cross_entropy(ones({}), ones({})), "cross_entropy: the input has no dimension of classes");
  CHECK_ERROR(ShapeError, cross_entropy(a, t, {.weight = ones({2})}),
              "cross_entropy: the weight must be [3] for [2, 3], not [2]");
  CHECK_ERROR(Error, cross_entropy(a, a, {.ignore_index = 1}),
              "cross_entropy: ignore_index is for targets that are indices, not probabilities");
  CHECK_ERROR(Error, cross_entropy(a, t, {.label_smoothing = 1.5}),
              "cross_entropy: label_smoothing must be in [0, 1], not 1.500000");
  CHECK_ERROR(DtypeError, nll_loss(a, a), "nll_loss: the targets must be i64, not f32: use cast(x, i64)");
  CHECK_ERROR(IndexError, nll_loss(a, full({2}, -1, i64)), "nll_loss: index -1 at element 0 is outside the 3 classes");
  CHECK_ERROR(ShapeError, nll_loss(a, t, {.weight = ones({2, 3})}),
              "nll_loss: the weight must be [3] for [2, 3], not [2, 3]");
  CHECK_ERROR(ShapeError, binary_cross_entropy_with_logits(a, ones({2, 1})),
              "binary_cross_entropy_with_logits: the targets [2, 1] must have the shape of [2, 3]");
  CHECK_ERROR(ShapeError, binary_cross_entropy_with_logits(a, a, {.weight = ones({2})}),
              "binary_cross_entropy_with_logits: the weight [2] does not broadcast to [2, 3]");
  CHECK_ERROR(ShapeError, binary_cross_entropy_with_logits(a, a, {.pos_weight = ones({4, 2, 3})}),
              "binary_cross_entropy_with_logits: the pos_weight [4, 2, 3] does not broadcast to [2, 3]");
  CHECK_ERROR(ShapeError, mse_loss(a, ones({3})), "mse_loss: the targets [3] must have the shape of [2, 3]");
  CHECK_ERROR(DtypeError, l1_loss(a, ones({2, 3}, i64)),
              "l1_loss: cannot mix f32 with i64: types are not promoted here, use cast(x, f32)");
  CHECK_ERROR(Error, huber_loss(a, a, 0), "huber_loss: delta must be positive, not 0.000000");
  CHECK_ERROR(ShapeError, kl_div(a, none), "kl_div: the argument is an undefined tensor");
  CHECK_ERROR(
      ShapeError, cosine_similarity(a, ones({2})),
      "cosine_similarity: cannot broadcast [2, 3] with [2]: dimension -1 is 3 in the first and 2 in the second");
  CHECK_ERROR(IndexError, cosine_similarity(ones({3}), ones({3})),
              "cosine_similarity: there is no dimension 1: the tensor has 1 dimension");
}

TEST_CASE("errors of positions") {
  const Tensor x = ones({2, 3, 4});
  CHECK_ERROR(ShapeError, rope(ones({4})), "rope: the input must be [.., T, D], not [4]");
  CHECK_ERROR(ShapeError, rope(ones({3, 5})), "rope: cannot turn 5 of the 5 columns of [3, 5] in pairs");
  CHECK_ERROR(ShapeError, rope(x, {.width = 6}), "rope: cannot turn 6 of the 4 columns of [2, 3, 4] in pairs");
  CHECK_ERROR(DtypeError, rope(x, {.positions = ones({3})}),
              "rope: the positions must be i64, not f32: use cast(x, i64)");
  CHECK_ERROR(ShapeError, rope(x, {.positions = arange(2)}),
              "rope: the tensor of positions [2] does not broadcast to [2, 3]");
  CHECK_ERROR(Error, rope(x, {.base = 0}), "rope: the base must be positive, not 0.000000");
}

TEST_CASE("a number is no tensor where one is wanted") {
  const Tensor a = ones({2, 3}), w = ones({1, 3}), c = ones({1, 1, 3}), k = ones({1, 1, 2});
  const std::string number = ": the argument is a number: a tensor is wanted";
  CHECK_ERROR(ShapeError, relu(2.0), "relu" + number);
  CHECK_ERROR(ShapeError, sum(3), "sum" + number);
  CHECK_ERROR(ShapeError, reshape(2, {1}), "reshape" + number);
  CHECK_ERROR(ShapeError, all(true), "all" + number);
  CHECK_ERROR(ShapeError, sort(1), "sort" + number);
  CHECK_ERROR(ShapeError, where(true, a, 0), "where" + number);
  CHECK_ERROR(ShapeError, mse_loss(a, 0), "mse_loss" + number);
  CHECK_ERROR(ShapeError, nll_loss(a, 0), "nll_loss" + number);
  CHECK_ERROR(ShapeError, cross_entropy(a, 0), "cross_entropy" + number);
  CHECK_ERROR(ShapeError, gather(a, 0, 1), "gather" + number);
  CHECK_ERROR(ShapeError, index_select(a, 0, 1), "index_select" + number);
  CHECK_ERROR(ShapeError, matmul(a, 2), "matmul" + number);
  CHECK_ERROR(ShapeError, linear(a, 2), "linear" + number);
  CHECK_ERROR(ShapeError, linear(a, w, 2), "linear" + number);
  CHECK_ERROR(ShapeError, masked_softmax(a, true), "masked_softmax" + number);
  CHECK_ERROR(ShapeError, conv2d(c, 1), "conv2d" + number);
  CHECK_ERROR(ShapeError, avg_pool2d(1, 2), "avg_pool2d" + number);
  CHECK_ERROR(ShapeError, scaled_dot_product_attention(a, a, 1), "scaled_dot_product_attention" + number);
  CHECK_ERROR(ShapeError, rnn_tanh(c, ones({3, 3}), {}, 0), "rnn_tanh" + number);

  CHECK_ERROR(ShapeError, layer_norm(a, 2), "layer_norm: weight and bias must be [3] for [2, 3], not a number");
  CHECK_ERROR(ShapeError, layer_norm(a, {}, 1e-5), "layer_norm: weight and bias must be [3] for [2, 3], not a number");
  CHECK_ERROR(ShapeError, rms_norm(a, 1e-6), "rms_norm: the weight must be [3] for [2, 3], not a number");
  CHECK_ERROR(ShapeError, group_norm(a, 1, 7), "group_norm: weight and bias must be [3] for [2, 3], not a number");
  CHECK_ERROR(ShapeError, batch_norm(a, 7), "batch_norm: weight and bias must be [3] for [2, 3], not a number");
  CHECK_ERROR(ShapeError, conv1d(c, k, 5), "conv1d: the bias must be [1] for [1, 1, 2], not a number");
  CHECK_ERROR(ShapeError, rnn_tanh(c, ones({3, 3}), 100), "rnn_tanh: the bias must be [3] for [3, 3], not a number");
}

TEST_CASE("errors of attention") {
  CHECK_ERROR(IndexError, masked_softmax(ones({}), ones({}, boolean)),
              "masked_softmax: there is no dimension -1: the tensor has 0 dimensions");
  CHECK_ERROR(ShapeError, masked_softmax(ones({3}), ones({2, 3}, boolean)),
              "masked_softmax: the mask [2, 3] must broadcast to [3], not beyond it");
  CHECK_ERROR(ShapeError, sparsemax(ones({3}), ones({2, 3}, boolean)),
              "sparsemax: the mask [2, 3] must broadcast to [3], not beyond it");
  CHECK_ERROR(DtypeError, sparsemax(arange(3)), "sparsemax: cannot compute in i64: use cast(x, f32) or cast(x, f64)");
  CHECK_ERROR(IndexError, sparsemax(ones({})), "sparsemax: there is no dimension -1: the tensor has 0 dimensions");
  const Tensor q = ones({2, 3, 4}), k = ones({2, 5, 4}), none;
  const std::string op = "scaled_dot_product_attention: ";
  CHECK_ERROR(ShapeError, scaled_dot_product_attention(q, ones({2, 5, 3}), k),
              op + "queries [2, 3, 4] and keys [2, 5, 3] must have the same last dimension");
  CHECK_ERROR(ShapeError, scaled_dot_product_attention(q, k, q),
              op + "there must be as many keys as values, not 5 in [2, 5, 4] and 3 in [2, 3, 4]");
  CHECK_ERROR(ShapeError, scaled_dot_product_attention(ones({4}), k, k),
              op + "q, k and v need two dimensions at least, not [4]");
  CHECK_ERROR(ShapeError, scaled_dot_product_attention(q, ones({3, 5, 4}), ones({3, 5, 4})),
              op + "cannot broadcast [2] with [3]: dimension -1 is 2 in the first and 3 in the second");
  CHECK_ERROR(ShapeError, scaled_dot_product_attention(q, k, k, {.causal = Causal::on}),
              op + "causal with 3 queries and 5 keys: say Causal::upper_left or Causal::lower_right");
  CHECK_ERROR(ShapeError, scaled_dot_product_attention(q, k, k, {.bias = ones({3, 4})}),
              op + "the bias [3, 4] does not broadcast to the scores [2, 3, 5]");
  CHECK_ERROR(ShapeError, scaled_dot_product_attention(q, k, k, {.mask = ones({4, 5}, boolean)}),
              op + "the mask [4, 5] does not broadcast to the scores [2, 3, 5]");
  CHECK_ERROR(DtypeError, scaled_dot_product_attention(q, k, k, {.mask = ones({3, 5})}),
              op + "the mask must be boolean (true = may attend), not f32: what is added to the scores is the bias");
  CHECK_ERROR(DtypeError, scaled_dot_product_attention(q, cast(k, f64), k),
              op + "cannot mix f32 with f64: types are not promoted here, use cast(x, f32)");
  CHECK_ERROR(Error, scaled_dot_product_attention(q, k, k, {.dropout = {1.5, 1}}),
              op + "the dropout rate must be in [0, 1), not 1.500000");
  CHECK_ERROR(ShapeError, scaled_dot_product_attention(q, none, k), op + "the argument is an undefined tensor");
  const std::string linear = "linear_attention: ";
  CHECK_ERROR(ShapeError, linear_attention(q, ones({2, 3, 5}), q),
              linear + "queries [2, 3, 4] and keys [2, 3, 5] must have the same last dimension");
  CHECK_ERROR(ShapeError, linear_attention(q, k, k), linear + "there must be as many queries as keys, not 3 and 5");
  CHECK_ERROR(ShapeError, linear_attention(q, q, q, {.beta = ones({2, 4})}),
              linear + "the beta [2, 4] does not broadcast to the places [2, 3]");
  CHECK_ERROR(ShapeError, linear_attention(q, q, q, {.log_decay = ones({2, 3, 4})}),
              linear + "the log_decay [2, 3, 4] does not broadcast to the places [2, 3]");
  CHECK_ERROR(ShapeError, linear_attention(q, q, q, {.state = ones({4, 3})}),
              linear + "the state [4, 3] does not broadcast to the states [2, 4, 4]");
  CHECK_ERROR(DtypeError, linear_attention(q, q, q, {.state = ones({4, 4}, f64)}),
              linear + "cannot mix f32 with f64: types are not promoted here, use cast(x, f32)");
  CHECK_ERROR(Error, linear_attention(q, q, q, {.chunk = 0}), linear + "a chunk has one place at least, not 0");
}

TEST_CASE("errors of tensors") {
  const Tensor a = ones({2, 3}), none;
  Rng rng{1};
  CHECK_ERROR(ShapeError, a.item(), "item: the tensor must have one element, not shape [2, 3]");
  CHECK_ERROR(IndexError, a.size(2), "size: there is no dimension 2: the tensor has 2 dimensions");
  CHECK_ERROR(DtypeError, a.data<double>(), "data: the tensor is f32, not f64");
  CHECK_ERROR(ShapeError, transpose(a).data<float>(),
              "data: the tensor [3, 2] is a view with gaps: take contiguous() first");
  CHECK_ERROR(ShapeError, none.to_vector(), "to_vector: the argument is an undefined tensor");
  CHECK_ERROR(ShapeError, none.item(), "item: the argument is an undefined tensor");
  CHECK_ERROR(ShapeError, none.data<float>(), "data: the argument is an undefined tensor");
  CHECK_ERROR(ShapeError, none.requires_grad(), "requires_grad: the argument is an undefined tensor");
  CHECK_ERROR(DtypeError, arange(3).requires_grad(), "requires_grad: only floating tensors have gradients, not i64");
  CHECK_ERROR(ShapeError, zeros({2, -1}), "full: a size of [2, -1] is negative");
  CHECK_ERROR(ShapeError, ones({int64_t{1} << 31, int64_t{1} << 31}),
              "full: [2147483648, 2147483648] has more elements than memory can hold");
  CHECK_ERROR(ShapeError, arange(-1), "arange: a size of [-1] is negative");
  CHECK_ERROR(DtypeError, full({2}, 1e30, i64), "full: 1e+30 has no place among the values of i64: use cast");
  for (double v : {1e30, -1e30, 0x1p63})
    for (auto f : {+[](double x) { return arange(4) * x; }, +[](double x) { return arange(4) + x; },
                   +[](double x) { return clamp(arange(4), 1, x); },
                   +[](double x) { return masked_fill(arange(4), arange(4) == 2, x); }})
      CHECK(contains(thrown<DtypeError>([&] { f(v); }), " has no place among the values of i64: use cast"));
  CHECK(contains(thrown<DtypeError>([] { arange(4) + ~0ull; }), "1.84467e+19 has no place among the values of i64"));
  CHECK_ERROR(DtypeError, rand({2}, rng, i64), "rand: cannot compute in i64: use cast(x, f32) or cast(x, f64)");
  CHECK_ERROR(IndexError, randint(3, 3, {2}, rng), "randint: there is no number from 3 to below 3");
  CHECK_ERROR(ShapeError, tensor(std::vector<double>{1, 2, 3}, {2, 2}),
              "tensor: 3 values do not fill the shape [2, 2], which has 4 elements");
  CHECK_ERROR(ShapeError, tensor({{1, 2}, {3}}), "tensor: parts of shape [2] and [1] in one list");
  CHECK_ERROR(ShapeError, allclose(a, ones({3})), "allclose: cannot compare [2, 3] with [3]");
  CHECK_ERROR(ShapeError, max_difference(a, none), "max_difference: the argument is an undefined tensor");
  CHECK_ERROR(ShapeError, zeros({1, 1, 1, 1, 1, 1, 1, 1, 1}), "shape: more than 8 dimensions: 9");
}

TEST_CASE("errors of assign") {
  const Tensor a = ones({2, 3});
  CHECK_ERROR(ShapeError, assign(a, ones({3})), "assign: cannot write [3] into [2, 3]");
  CHECK_ERROR(DtypeError, assign(a, ones({2, 3}, f64)), "assign: cannot write f64 into f32: use cast");
  CHECK_ERROR(ShapeError, assign(a, Tensor()), "assign: the argument is an undefined tensor");
  CHECK_ERROR(ShapeError, assign(expand(ones({1}), {4}), ones({4})),
              "assign: the elements of the view [4] share their memory");
  CHECK_ERROR(ShapeError, assign(unfold(a, 1, 2, 1), ones({2, 2, 2})),
              "assign: the elements of the view [2, 2, 2] share their memory");
  CHECK_ERROR(ShapeError, open_for_writing(transpose(a)),
              "assign: the tensor [3, 2] is a view with gaps: it is written by assign");
  const Tensor x = a.requires_grad();
  Tensor y;
  const Where made = (y = exp(x), Where::here());
  CHECK_ERROR(GradError, assign(y, a),
              "assign: cannot write to a tensor with a history: it came out of exp at " + made.str());
}

TEST_CASE("errors of grad") {
  const Tensor x = ones({2}).requires_grad(), c = ones({2});
  CHECK_ERROR(GradError, grad(x * x, {x}),
              "grad: y must have one element, not shape [2]: take its sum, or give output gradients to vjp");
  CHECK_ERROR(GradError, grad(sum(c), {x}),
              "grad: y has no history: it was computed unrecorded, from nothing that requires a gradient (or all of it "
              "is frozen), or its graph "
              "was consumed");
  CHECK_ERROR(GradError, grad(sum(x), {x, c}), "grad: x number 1 [2] does not require a gradient");
  CHECK_ERROR(GradError, grad(Tensor(), {x}), "grad: y is an undefined tensor");
  CHECK_ERROR(ShapeError, vjp(x * x, ones({3}), {&x, 1}), "vjp: output 0 has shape [2] and its gradient [3]");
  CHECK_ERROR(DtypeError, vjp(x * x, ones({2}, f64), {&x, 1}), "vjp: output 0 is f32 and its gradient f64");
  CHECK_ERROR(GradError, vjp(x * x, c, {&c, 1}), "vjp: x number 0 [2] does not require a gradient");
  CHECK_ERROR(GradError, vjp(c * c, c, {&x, 1}),
              "vjp: y has no history: it was computed unrecorded, from nothing that requires a gradient (or all of it "
              "is frozen), or its graph was consumed");
  const Tensor two[] = {x * x, x * 3};
  CHECK_ERROR(ShapeError, vjp(two, {&c, 1}, {&x, 1}), "vjp: 2 outputs and 1 output gradients");
}
